//! From the body of a request to what is asked, contract §2 and V1 to V16.

use std::collections::HashSet;

use engagement_model::{
    Dimension, Endpoint, Metric,
    metric::{MAX_FOUR_LEVEL_GROUPINGS, MAX_GROUP_BY, MAX_GROUPINGS},
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::window::instant;
use crate::{refusal::Refusal, switches::Switches};

/// A request that passed V1 to V16. Windows are judged apart, since they depend on the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// As they were sent, without repetition (V4).
    pub(crate) ids: Vec<String>,
    /// Without repetition (V7).
    pub(crate) metrics: Vec<Asked>,
    pub(crate) groupings: Vec<Grouping>,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
}

/// A metric, and the name under which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) metric: Metric,
    pub(crate) name: &'static str,
}

/// A named nesting, outermost level first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grouping {
    pub(crate) name: String,
    pub(crate) by: Vec<Dimension>,
}

impl Query {
    /// Reads a body, or names the first rule that it breaks.
    pub(crate) fn read(body: &[u8], endpoint: Endpoint, switches: &Switches) -> Result<Self, Refusal> {
        let body = object(body)?;
        let ids = ids(&body, endpoint, switches)?;
        let metrics = metrics(&body, endpoint, switches)?;
        let groupings = groupings(&body, endpoint, switches)?;
        let (start, end) = bounds(&body, endpoint, switches)?;
        Ok(Self { ids, metrics, groupings, start, end })
    }
}

/// The ids of a body that may break any rule: what faults look at.
pub(crate) fn mentioned_ids(body: &[u8]) -> Vec<String> {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Vec::new() };
    let ids = body.get("tweet_ids").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(id_text).collect()
}

/// V1 (documented).
fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Err(Refusal::rule("V1", "Invalid JSON: the body is empty"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(Refusal::rule("V1", "Invalid JSON: the body must be an object")),
        Err(error) => Err(Refusal::rule("V1", format!("Invalid JSON: {error}"))),
    }
}

/// V2 (documented), V3 (inferred), V4 (ours).
fn ids(body: &Map<String, Value>, endpoint: Endpoint, switches: &Switches) -> Result<Vec<String>, Refusal> {
    let sent = array(body, "tweet_ids", "V3")?;
    if sent.is_empty() {
        return Err(Refusal::rule("V3", "tweet_ids must hold at least one id"));
    }
    let most = endpoint.max_tweet_ids();
    if sent.len() > most {
        let count = sent.len();
        return Err(Refusal::rule("V2", format!("tweet_ids may hold {most} ids on {endpoint}, not {count}")));
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(sent.len());
    for (index, value) in sent.iter().enumerate() {
        if switches.strict && value.is_number() {
            return Err(Refusal::rule("V3", format!("tweet_ids[{index}] must be a string")));
        }
        let id = id_text(value).filter(|id| is_id(id)).ok_or_else(|| {
            Refusal::rule("V3", format!("tweet_ids[{index}] must be a string of 1 to 19 decimal digits"))
        })?;
        if seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// V5 (inferred), V6 (documented), V7 (seen in the wild).
fn metrics(
    body: &Map<String, Value>,
    endpoint: Endpoint,
    switches: &Switches,
) -> Result<Vec<Asked>, Refusal> {
    let sent = array(body, "engagement_types", "V5")?;
    if sent.is_empty() {
        return Err(Refusal::rule("V5", "engagement_types must name at least one metric"));
    }
    let mut metrics: Vec<Asked> = Vec::new();
    for (index, value) in sent.iter().enumerate() {
        let Some(name) = value.as_str() else {
            return Err(Refusal::rule("V5", format!("engagement_types[{index}] must be a string")));
        };
        let Some(asked) = asked(name, switches) else {
            return Err(Refusal::rule("V5", format!("engagement_types[{index}] is no metric: {name:?}")));
        };
        if !asked.metric.is_served_by(endpoint) {
            return Err(Refusal::rule("V6", format!("the metric {name} is not supported on {endpoint}")));
        }
        if !metrics.contains(&asked) {
            metrics.push(asked);
        }
    }
    Ok(metrics)
}

fn asked(name: &str, switches: &Switches) -> Option<Asked> {
    if let Some(metric) = Metric::known(name) {
        let name = metric.facts()?.name;
        return Some(Asked { metric, name });
    }
    let metric = Metric::formerly(name).filter(|_| switches.media_clicks && !switches.strict)?;
    let name = metric.facts()?.formerly.iter().find(|former| **former == name)?;
    Some(Asked { metric, name })
}

/// V8, V10, V12, V13 (documented), V9, V16 (inferred), V11 (seen in the wild), V14 (documented: nothing to check).
fn groupings(
    body: &Map<String, Value>,
    endpoint: Endpoint,
    switches: &Switches,
) -> Result<Vec<Grouping>, Refusal> {
    let sent = match body.get("groupings") {
        Some(Value::Object(sent)) if !sent.is_empty() => sent,
        _ => return Err(Refusal::rule("V8", "groupings must be an object with at least one grouping")),
    };
    if sent.len() > MAX_GROUPINGS {
        let count = sent.len();
        return Err(Refusal::rule(
            "V8",
            format!("groupings may hold {MAX_GROUPINGS} groupings, not {count}"),
        ));
    }
    let mut groupings = Vec::with_capacity(sent.len());
    let mut unsupported = Vec::new();
    for (name, value) in sent {
        if RESERVED.contains(&name.as_str()) {
            return Err(Refusal::rule("V16", format!("a grouping may not be called {name:?}")));
        }
        let by = match value.get("group_by") {
            Some(Value::Array(by)) if !by.is_empty() => by,
            _ => return Err(Refusal::rule("V9", format!("grouping {name:?} needs a group_by array"))),
        };
        let mut dimensions: Vec<Dimension> = Vec::with_capacity(MAX_GROUP_BY);
        for value in by {
            let Some(value) = value.as_str() else {
                return Err(Refusal::rule("V9", format!("group_by of {name:?} must hold strings")));
            };
            match dimension(value, switches).filter(|dimension| supports(endpoint, *dimension)) {
                Some(dimension) if dimensions.contains(&dimension) => {
                    return Err(Refusal::rule("V9", format!("group_by of {name:?} holds {value} twice")));
                }
                Some(dimension) => dimensions.push(dimension),
                None => unsupported.push(value),
            }
        }
        groupings.push(Grouping { name: name.clone(), by: dimensions });
    }
    if !unsupported.is_empty() {
        return Err(Refusal::new(
            http::StatusCode::BAD_REQUEST,
            format!(
                "One or more of the groupBys you have specified are not supported: ({}). Please adjust your request \
                 and try again.",
                unsupported.join(", ")
            ),
        ));
    }
    four_levels(&groupings)?;
    Ok(groupings)
}

/// V12, V13.
fn four_levels(groupings: &[Grouping]) -> Result<(), Refusal> {
    let four = || groupings.iter().filter(|grouping| grouping.by.len() == MAX_GROUP_BY);
    for grouping in four() {
        let ends_in_time = grouping.by.ends_with(&[Dimension::EngagementDay, Dimension::EngagementHour]);
        if !ends_in_time {
            return Err(Refusal::rule(
                "V12",
                format!(
                    "group_by of {:?} must be tweet.id, engagement.type, engagement.day, engagement.hour or \
                     engagement.type, tweet.id, engagement.day, engagement.hour",
                    grouping.name
                ),
            ));
        }
    }
    if four().count() > MAX_FOUR_LEVEL_GROUPINGS {
        return Err(Refusal::rule("V13", "only one grouping may have four group_by values"));
    }
    Ok(())
}

/// The texts of `start` and `end` as times; whether they fit is for the window rules.
fn bounds(
    body: &Map<String, Value>,
    endpoint: Endpoint,
    switches: &Switches,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
    if endpoint != Endpoint::Historical {
        // Undocumented: ignored, unless strict, and on totals always (contract 2.3).
        let is_refused = switches.strict && endpoint == Endpoint::Last28Hours;
        return match BOUNDS.into_iter().find(|key| is_refused && body.contains_key(*key)) {
            Some(key) => Err(Refusal::rule("2.3", format!("{key} is not supported on {endpoint}"))),
            None => Ok((None, None)),
        };
    }
    let [start, end] = BOUNDS.map(|key| match body.get(key) {
        None => Ok(None),
        Some(value) => match value.as_str().and_then(|text| instant(text, switches)) {
            Some(time) => Ok(Some(time)),
            None => Err(Refusal::rule(
                "2.3 rule 1",
                format!("{key} must be a UTC time such as 2024-03-01T07:00:00Z or 2024-03-01, not {value}"),
            )),
        },
    });
    Ok((start?, end?))
}

fn array<'a>(body: &'a Map<String, Value>, key: &str, rule: &str) -> Result<&'a Vec<Value>, Refusal> {
    body.get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::rule(rule, format!("{key} must be an array")))
}

/// An id as text. Real clients send numbers too (contract 2).
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    }
}

pub(crate) fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One page shows `Tweet.id` in a request that works (contract 2.1).
fn dimension(name: &str, switches: &Switches) -> Option<Dimension> {
    Dimension::ALL.into_iter().find(|dimension| {
        name == dimension.name() || !switches.strict && name.eq_ignore_ascii_case(dimension.name())
    })
}

fn supports(endpoint: Endpoint, dimension: Dimension) -> bool {
    endpoint != Endpoint::Totals || matches!(dimension, Dimension::TweetId | Dimension::EngagementType)
}

const BOUNDS: [&str; 2] = ["start", "end"];

/// V16. Written out, and not taken from the client's list: the two must agree, not be one.
const RESERVED: [&str; 6] = [
    "start",
    "end",
    "errors",
    "unavailable_tweet_ids",
    "unsupported_for_impressions_engagements_tweet_ids",
    "unsupported_for_video_views_tweet_ids",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[0-9]{1,20}|tweet.id|engagement.hour|favorites|start|.{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("group_by|g|[a-z]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// A good body.
    fn body() -> Value {
        json!({
            "tweet_ids": ["1763000000000000001"],
            "engagement_types": ["favorites"],
            "groupings": {"g": {"group_by": ["tweet.id"]}},
            "start": "2024-03-01",
            "end": "2024-03-02",
        })
    }

    #[test]
    fn reads_a_good_one() {
        let query =
            Query::read(body().to_string().as_bytes(), Endpoint::Historical, &Switches::default()).unwrap();
        assert_eq!(query.ids, ["1763000000000000001"]);
        assert_eq!(query.metrics, [Asked { metric: Metric::Favorites, name: "favorites" }]);
        assert_eq!(query.groupings, [Grouping { name: "g".to_owned(), by: vec![Dimension::TweetId] }]);
        assert_eq!(query.start.unwrap().to_string(), "2024-03-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn anything_in_any_place_is_read_or_refused_with_400(
            key in prop::sample::select(vec!["tweet_ids", "engagement_types", "groupings", "start", "end", "more"]),
            value in values(),
            endpoint in prop::sample::select(Endpoint::ALL.to_vec()),
            strict: bool,
        ) {
            let mut body = body();
            body[key] = value;
            let switches = Switches { strict, ..Switches::default() };
            let bytes = body.to_string().into_bytes();
            let _ = mentioned_ids(&bytes);
            match Query::read(&bytes, endpoint, &switches) {
                Ok(query) => prop_assert!(!query.ids.is_empty() && !query.groupings.is_empty()),
                Err(refusal) => prop_assert_eq!(refusal.status.as_u16(), 400),
            }
        }

        #[test]
        fn any_bytes_are_refused_with_400(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let refusal = Query::read(&bytes, Endpoint::Totals, &Switches::default()).unwrap_err();
            prop_assert_eq!(refusal.status.as_u16(), 400);
        }
    }
}
