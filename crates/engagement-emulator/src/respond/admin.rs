//! The test interface under `/_emulator`.

use core::ops::Range;
use std::sync::Arc;

use engagement_model::{Metric, UtcHour, metric::history_floor};
use http::{Method, StatusCode};
use jiff::Timestamp;
use oauth_core::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Head, form::Form};
use crate::{
    answer::truth,
    authority::Authority,
    clock::{Motion, read_time},
    emulation::Emulation,
    faults::Faults,
    reply::Reply,
    rules::body::is_id,
    world::{App, Class, World},
};

/// Whether a path belongs to the test interface.
pub(crate) fn is_admin(path: &str) -> bool {
    path == "/_emulator" || path.starts_with("/_emulator/")
}

/// Answers. Only for callers on this machine who also say so: a page in a browser can be made to call a loopback
/// address under a name of its own, and then its name is in the `Host` header.
pub(crate) fn respond(emulation: &Arc<Emulation>, head: &Head, body: &[u8]) -> Reply {
    let is_called_so = Authority::parse(&head.host).is_some_and(|host| host.is_loopback());
    if !head.peer.ip().to_canonical().is_loopback() || !is_called_so {
        return problem(
            StatusCode::FORBIDDEN,
            "the test interface is for this machine alone, by a loopback name",
        );
    }
    if head.is_from_elsewhere() {
        return problem(StatusCode::FORBIDDEN, "the test interface is not for pages of other sites");
    }
    let answer = match (&head.method, head.uri.path()) {
        (&Method::GET, "/_emulator/world") => Ok(ok(&world(emulation))),
        (&Method::GET, "/_emulator/tweets") => tweets(emulation, head),
        (&Method::GET, "/_emulator/truth") => one_truth(emulation, head).map(|value| ok(&value)),
        (&Method::GET, "/_emulator/requests") => Ok(ok(&json!(emulation.tally.read()))),
        (&Method::POST, "/_emulator/faults") => faults(emulation, body).map(|value| ok(&value)),
        (&Method::POST, "/_emulator/clock") => clock(emulation, body).map(|value| ok(&value)),
        _ => return problem(StatusCode::NOT_FOUND, &format!("there are {PATHS}")),
    };
    answer.unwrap_or_else(|message| problem(StatusCode::BAD_REQUEST, &message))
}

fn ok(value: &Value) -> Reply {
    Reply::json(StatusCode::OK, value.to_string().into_bytes())
}

fn world(emulation: &Emulation) -> Value {
    let app = |app: &App| {
        let bearer = emulation.auth.grants().current_bearer(&app.consumer_key);
        let mut value = json!({
            "app_id": app.app_id,
            "consumer_key": app.consumer_key,
            "consumer_secret": app.consumer_secret.expose(),
            "bearer_token": bearer.as_ref().map(Secret::expose),
            "provisioned": app.provisioned,
        });
        if let Some(urls) = &app.callback_urls {
            value["callback_urls"] = json!(urls);
        }
        value
    };
    let accounts = emulation.world.accounts().iter().map(|account| {
        json!({
            "user_id": account.user_id,
            "screen_name": account.screen_name,
            "access_token": account.access_token.expose(),
            "access_token_secret": account.access_token_secret.expose(),
        })
    });
    json!({
        "apps": emulation.world.apps().iter().map(app).collect::<Vec<_>>(),
        "accounts": accounts.collect::<Vec<_>>(),
        "now": emulation.clock.now().to_string(),
        "frozen": emulation.clock.is_frozen(),
        "seed": emulation.world.seed(),
    })
}

fn tweets(emulation: &Arc<Emulation>, head: &Head) -> Result<Reply, String> {
    let query = query(head, &["class", "screen_name", "count"])?;
    let class: Class = query
        .get("class")
        .map_or(Ok(Class::Owned), |name| name.parse())
        .map_err(|error| format!("{error}"))?;
    let count = match query.get("count") {
        Some(count) => count.parse().ok().filter(|count| *count <= MOST_TWEETS),
        None => Some(1),
    };
    let count = count.ok_or_else(|| format!("count must be 0 to {MOST_TWEETS}"))?;
    let now = emulation.clock.now();
    let supply = World::supply(class, now);
    if count > supply {
        return Err(format!(
            "at {now} there are {supply} Tweets of every age of the class {class}, and no more"
        ));
    }
    let owner = match query.get("screen_name").map(|name| name.trim_start_matches('@')) {
        Some(name) => {
            let account = emulation.world.account(name);
            Some(account.ok_or_else(|| format!("there is no account {name:?}"))?.user_id)
        }
        None => None,
    };
    let emulation = Arc::clone(emulation);
    let ids = (0..count).filter_map(move |n| emulation.world.nth_tweet(class, owner, n, now));
    Ok(Reply::ids(ids))
}

fn one_truth(emulation: &Emulation, head: &Head) -> Result<Value, String> {
    let query = query(head, &["tweet_id", "metric", "start", "end"])?;
    let needed = |key: &str| query.get(key).ok_or_else(|| format!("{key} is needed"));
    let id = needed("tweet_id")?;
    if !is_id(id) {
        return Err("tweet_id must be 1 to 19 decimal digits".to_owned());
    }
    let metric: Metric = needed("metric")?.parse().map_err(|error| format!("{error}"))?;
    let hours = hours(&query, emulation.clock.now())?;
    let value = truth(&emulation.world, id, &metric, hours, &emulation.switches, emulation.clock.now());
    Ok(json!({ "value": value }))
}

/// The hours of a window, widened as everywhere; one bound alone reaches to the first hour of all or the running one. A
/// window may be longer than one that an endpoint answers; hours in it that none ever answers count nothing.
fn hours(query: &Form, now: Timestamp) -> Result<Option<Range<UtcHour>>, String> {
    let bound = |key: &str| match query.get(key) {
        Some(text) => read_time(text).map(Some).map_err(|error| format!("{key}: {error}")),
        None => Ok(None),
    };
    let (start, end) = (bound("start")?, bound("end")?);
    if start.is_none() && end.is_none() {
        return Ok(None);
    }
    let (first, last) = (history_floor(), UtcHour::containing(now).plus(1));
    let start = start.map_or(first, UtcHour::containing);
    let end = end.map_or(last, UtcHour::at_or_after);
    if start > end {
        return Err("start must be before end".to_owned());
    }
    let answered = start.clamp(first, last)..end.clamp(first, last);
    if answered.is_empty() && start < end {
        return Err(format!("hours are answered from {first} to {last}, the end of the running one"));
    }
    Ok(Some(answered))
}

fn faults(emulation: &Emulation, body: &[u8]) -> Result<Value, String> {
    let text = core::str::from_utf8(body).map_err(|error| error.to_string())?;
    emulation.trouble.set(Faults::from_json(text).map_err(|error| error.to_string())?);
    Ok(json!({}))
}

fn clock(emulation: &Emulation, body: &[u8]) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        now: Option<String>,
        frozen: Option<bool>,
    }
    let order: Order = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if order.now.is_none() && order.frozen.is_none() {
        return Err("now or frozen is needed".to_owned());
    }
    let now = match &order.now {
        Some(text) => read_time(text).map_err(|error| format!("now: {error}"))?,
        None => emulation.clock.now(),
    };
    let motion = if order.frozen == Some(true) { Motion::Stands } else { Motion::Runs };
    emulation.set_clock(now, motion).map_err(|error| error.to_string())?;
    Ok(json!({ "now": emulation.clock.now().to_string(), "frozen": emulation.clock.is_frozen() }))
}

/// The parameters of the query, all of which must be known.
fn query(head: &Head, known: &[&str]) -> Result<Form, String> {
    let query = Form::read(head.uri.query().unwrap_or_default())?;
    match query.stranger(known) {
        Some(name) => Err(format!("there is no parameter {name:?}; there are {}", known.join(", "))),
        None => Ok(query),
    }
}

fn problem(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, json!({ "error": message }).to_string().into_bytes())
}

const PATHS: &str = "GET /_emulator/world, GET /_emulator/tweets, GET /_emulator/truth, GET /_emulator/requests, \
                     POST /_emulator/faults and POST /_emulator/clock";
/// Some 22 MB of answer, written as they are read.
const MOST_TWEETS: u64 = 1_000_000;
