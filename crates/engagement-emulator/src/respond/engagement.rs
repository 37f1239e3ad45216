//! The three endpoints, in the order of contract §5.3.

use engagement_model::Endpoint;
use http::{HeaderName, StatusCode};

use super::{Answered, Content, Head};
use crate::{
    answer::{Answer, sink::Encoding},
    auth::Asker,
    emulation::Emulation,
    quota::{Allowance, Draw},
    refusal::Refusal,
    reply::{Reply, accepted},
    rules::body::Query,
};

/// Answers one request; its path and method are right.
pub(super) fn respond(emulation: &Emulation, endpoint: Endpoint, head: &Head, content: &Content) -> Answered {
    match judge(emulation, endpoint, head, content) {
        Ok((answer, encoding, draw)) => {
            let write = move || {
                let body = answer.write(encoding);
                with_limits(Reply::json(StatusCode::OK, body).encoded(encoding), &draw)
            };
            if endpoint.is_series() { Answered::Later(Box::new(write)) } else { Answered::Now(write()) }
        }
        Err(reply) => Answered::Now(reply),
    }
}

/// What is to be answered, in which encoding, and what is left of the quota; or the refusal.
fn judge(
    emulation: &Emulation,
    endpoint: Endpoint,
    head: &Head,
    content: &Content,
) -> Result<(Answer, Encoding, Draw), Reply> {
    let now = emulation.clock.now();
    let switches = &emulation.switches;
    let refuse = |refusal: &Refusal| Reply::refusal(refusal, switches.error_body);
    let encoding = accepted(&head.headers);
    if switches.require_gzip && encoding != Encoding::Gzip {
        return Err(refuse(&Refusal::new(StatusCode::NOT_ACCEPTABLE, NO_GZIP)));
    }

    let url = head.url(emulation);
    // Only a form is signed, and of one that cannot be read nothing can have been.
    let presented = head.presented(&url, content.as_deref().unwrap_or_default());
    let recognised = emulation.auth.recognise(&emulation.world, &presented, Emulation::seconds(now));
    let asker = recognised.map_err(|unrecognised| refuse(&unrecognised.refusal()))?;
    let provisioned = emulation.world.app(&asker.consumer_key).is_some_and(|app| app.provisioned);
    if !provisioned {
        let message = "Your application ID is not authorized.";
        return Err(refuse(&Refusal::new(StatusCode::FORBIDDEN, message)));
    }
    tell_owner(emulation, &asker);

    let draw = emulation.quota.draw(&asker, endpoint, switches, now);
    if !draw.granted {
        let limit = draw.minute.limit;
        let message = format!("You have exceeded the rate limit of {limit} requests per minute");
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message);
        return Err(with_limits(refuse(&refusal), &draw));
    }
    let answer = content
        .as_deref()
        .map_err(Refusal::clone)
        .and_then(|body| Query::read(body, endpoint, switches))
        .and_then(|query| Answer::prepare(&emulation.world, &asker, query, endpoint, switches, now));
    match answer {
        Ok(answer) => Ok((answer, encoding, draw)),
        Err(refusal) => Err(with_limits(refuse(&refusal), &draw)),
    }
}

fn tell_owner(emulation: &Emulation, asker: &Asker) {
    if let Some(account) = asker.user_id.and_then(|user_id| emulation.world.account_of(user_id)) {
        emulation.tally.asked_by(&account.screen_name);
    }
}

/// The headers of contract 5.4.
fn with_limits(reply: Reply, draw: &Draw) -> Reply {
    let add = |reply: Reply, names: [&'static str; 3], allowance: Allowance| {
        let Allowance { limit, remaining, reset } = allowance;
        let values = [limit.to_string(), remaining.to_string(), reset.to_string()];
        names
            .into_iter()
            .zip(values)
            .fold(reply, |reply, (name, value)| reply.header(HeaderName::from_static(name), value))
    };
    let reply = add(reply, PER_MINUTE, draw.minute);
    match draw.second {
        Some(second) => add(reply, PER_SECOND, second),
        None => reply,
    }
}

/// Quoted through an issue tracker that put asterisks around the header's name and value.
const NO_GZIP: &str = "This request requires gzip compression. Retry the request after setting 'Accept-Encoding' \
                       header in the request to 'gzip'.";
const PER_MINUTE: [&str; 3] = ["x-per-minute-limit", "x-per-minute-remaining", "x-per-minute-reset"];
const PER_SECOND: [&str; 3] = ["x-per-second-limit", "x-per-second-remaining", "x-per-second-reset"];
