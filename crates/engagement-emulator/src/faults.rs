//! Going wrong on demand.

use core::fmt;
use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// Something that goes wrong. What is left out is as always.
///
/// ```
/// use engagement_emulator::{Fault, FaultTarget, Faults};
///
/// // Every second totals request is refused as if the quota were used up.
/// let fault = Fault {
///     endpoint: FaultTarget::Totals,
///     every: 2.try_into().ok(),
///     status: Some(429),
///     ..Fault::default()
/// };
/// assert_eq!(
///     Faults::from_json(r#"[{"endpoint": "totals", "every": 2, "status": 429}]"#)?,
///     Faults::new([fault])?,
/// );
/// # Ok::<(), engagement_emulator::InvalidFaults>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Where.
    pub endpoint: FaultTarget,
    /// At each n-th request there.
    pub every: Option<NonZeroU64>,
    /// At the n-th request there, and only that one.
    pub nth: Option<NonZeroU64>,
    /// Only requests that ask for one of these Tweets count.
    #[serde(deserialize_with = "ids")]
    pub ids: Vec<String>,
    /// The status that is answered; the request is not looked at any further.
    pub status: Option<u16>,
    /// The body that is answered; the request is not looked at any further. Without a status it is a 200.
    #[serde(deserialize_with = "body")]
    pub body: Option<String>,
    /// Headers of the answer, in place of those of the same name. A `content-encoding` means that the body is sent as
    /// it is.
    #[serde(deserialize_with = "headers")]
    pub header: BTreeMap<String, String>,
    /// How long the answer is held back.
    pub delay_ms: u64,
    /// The connection is reset after this many bytes of the answer, those of its head included.
    pub reset_after_bytes: Option<u64>,
    /// How many bytes of a compressed body are cut off at its end. `true` in a file stands for the trailer, 8 bytes.
    #[serde(deserialize_with = "truncation")]
    pub truncate_gzip: usize,
    /// The connection is closed without an answer.
    pub drop: bool,
    /// The handler panics.
    pub panic: bool,
}

/// The endpoints that a fault is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum FaultTarget {
    /// `totals`.
    #[serde(rename = "totals")]
    Totals,
    /// `28hr`.
    #[serde(rename = "28hr")]
    Last28Hours,
    /// `historical`.
    #[serde(rename = "historical")]
    Historical,
    /// What belongs to the host of the OAuth endpoints, pages included.
    #[serde(rename = "oauth")]
    Oauth,
    /// All of these, and paths that do not exist.
    #[default]
    #[serde(rename = "any")]
    Any,
}

/// A list of faults. When several strike the same request, the first that says something about a part of the answer
/// decides on that part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Reads a JSON list of faults.
    ///
    /// # Errors
    ///
    /// Text that is no list of faults.
    pub fn from_json(text: &str) -> Result<Self, InvalidFaults> {
        let faults: Vec<Fault> =
            serde_json::from_str(text).map_err(|error| InvalidFaults(error.to_string()))?;
        Self::new(faults)
    }

    /// Reads TOML with `[[fault]]` tables.
    ///
    /// # Errors
    ///
    /// Text that is no TOML, and what is no fault.
    pub fn from_toml(text: &str) -> Result<Self, InvalidFaults> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            fault: Vec<Fault>,
        }
        let file: File = toml::from_str(text).map_err(|error| InvalidFaults(error.to_string()))?;
        Self::new(file.fault)
    }

    /// Of these.
    ///
    /// # Errors
    ///
    /// A status below 200 or above 999, and a header that there cannot be.
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Result<Self, InvalidFaults> {
        let faults: Vec<Fault> = faults.into_iter().collect();
        for (index, fault) in faults.iter().enumerate() {
            if fault.status.is_some_and(|status| !(200..=999).contains(&status)) {
                return Err(InvalidFaults(format!("fault {index}: a status is 200 to 999")));
            }
            for (name, value) in &fault.header {
                let name_is_valid = name.parse::<http::HeaderName>().is_ok();
                if !name_is_valid || value.parse::<http::HeaderValue>().is_err() {
                    return Err(InvalidFaults(format!(
                        "fault {index}: no header can be {name:?}: {value:?}"
                    )));
                }
            }
        }
        Ok(Self(faults))
    }
}

/// What is no list of faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFaults(String);

impl fmt::Display for InvalidFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faults cannot be read: {}", self.0)
    }
}

impl core::error::Error for InvalidFaults {}

/// The faults in force, and how often each was looked at.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Vec<(Fault, u64)>>);

/// What befalls one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) delay: Duration,
    pub(crate) reset_after_bytes: Option<u64>,
    pub(crate) truncate_gzip: usize,
    pub(crate) drop: bool,
    pub(crate) panic: bool,
}

impl Trouble {
    /// Puts these in the place of those in force.
    pub(crate) fn set(&self, faults: Faults) {
        let faults = faults.0.into_iter().map(|fault| (fault, 0)).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// What befalls a request that came to this endpoint and asks for these ids.
    pub(crate) fn strike(&self, target: FaultTarget, ids: impl FnOnce() -> Vec<String>) -> Effect {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut effect = Effect::default();
        if faults.is_empty() {
            return effect;
        }
        let ids = if faults.iter().any(|(fault, _)| !fault.ids.is_empty()) { ids() } else { Vec::new() };
        for (fault, count) in faults.iter_mut() {
            let is_here = fault.endpoint == FaultTarget::Any || fault.endpoint == target;
            let is_about = fault.ids.is_empty() || fault.ids.iter().any(|id| ids.contains(id));
            if !is_here || !is_about {
                continue;
            }
            *count += 1;
            let every = fault.every.is_none_or(|every| *count % every == 0);
            let nth = fault.nth.is_none_or(|nth| *count == nth.get());
            if every && nth {
                effect.add(fault);
            }
        }
        effect
    }
}

impl Effect {
    fn add(&mut self, fault: &Fault) {
        self.status = self.status.or(fault.status);
        self.body = self.body.take().or_else(|| fault.body.clone());
        for (name, value) in &fault.header {
            self.headers.entry(name.to_ascii_lowercase()).or_insert_with(|| value.clone());
        }
        self.delay = self.delay.max(Duration::from_millis(fault.delay_ms));
        self.reset_after_bytes = self.reset_after_bytes.or(fault.reset_after_bytes);
        self.truncate_gzip = self.truncate_gzip.max(fault.truncate_gzip);
        self.drop |= fault.drop;
        self.panic |= fault.panic;
    }
}

fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values: Vec<Value> = Vec::deserialize(deserializer)?;
    let id = |value| match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(de::Error::custom("ids are texts")),
    };
    values.into_iter().map(id).collect()
}

/// A text as it is, anything else as JSON.
fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        value => Some(value.to_string()),
    })
}

/// An object of names and values, one text `Name: value`, or a list of those.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let line = |value: &Value| {
        let (name, value) = value.as_str()?.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let headers = match Value::deserialize(deserializer)? {
        Value::Object(object) => object
            .into_iter()
            .map(|(name, value)| {
                Some((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            })
            .collect(),
        Value::Array(lines) => lines.iter().map(line).collect(),
        text => line(&text).map(|header| BTreeMap::from([header])),
    };
    headers.ok_or_else(|| {
        de::Error::custom("a header is an object of names and values, or a text \"Name: value\"")
    })
}

fn truncation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(true) => Ok(GZIP_TRAILER),
        Value::Bool(false) => Ok(0),
        value => value
            .as_u64()
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or_else(|| de::Error::custom("truncate_gzip is true, false or a number of bytes")),
    }
}

/// CRC and length.
const GZIP_TRAILER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(json: &str, requests: &[(FaultTarget, &[&str])]) -> Vec<Option<u16>> {
        let trouble = Trouble::default();
        trouble.set(Faults::from_json(json).unwrap());
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        requests.iter().map(|(target, some)| trouble.strike(*target, || ids(some)).status).collect()
    }

    #[test]
    fn strikes_each_nth_or_one_only() {
        let four: [(FaultTarget, &[&str]); 4] = [(FaultTarget::Totals, &[]); 4];
        assert_eq!(strikes(r#"[{"every":2,"status":500}]"#, &four), [None, Some(500), None, Some(500)]);
        assert_eq!(strikes(r#"[{"nth":2,"status":500}]"#, &four), [None, Some(500), None, None]);
        assert_eq!(strikes(r#"[{"status":500}]"#, &four), [Some(500); 4]);
    }

    #[test]
    fn counts_what_it_is_about() {
        let requests: [(FaultTarget, &[&str]); 4] = [
            (FaultTarget::Historical, &["1"]),
            (FaultTarget::Totals, &["1"]),
            (FaultTarget::Historical, &["2"]),
            (FaultTarget::Historical, &["2", "1"]),
        ];
        let json = r#"[{"endpoint":"historical","ids":["1"],"nth":2,"status":503}]"#;
        assert_eq!(strikes(json, &requests), [None, None, None, Some(503)]);
        let numbers = r#"[{"endpoint":"any","ids":[2],"status":503}]"#;
        assert_eq!(strikes(numbers, &requests), [None, None, Some(503), Some(503)]);
    }

    #[test]
    fn reads_every_field_in_both_languages() {
        let json = Faults::from_json(
            r#"[{"endpoint":"28hr","every":3,"body":{"errors":[]},"header":{"Retry-After":5},"delay_ms":10,
                 "reset_after_bytes":100,"truncate_gzip":true,"drop":false}]"#,
        );
        let toml = Faults::from_toml(
            r#"
            [[fault]]
            endpoint = "28hr"
            every = 3
            body = '{"errors":[]}'
            header = "Retry-After: 5"
            delay_ms = 10
            reset_after_bytes = 100
            truncate_gzip = 8
            "#,
        );
        assert_eq!(json, toml);
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |json| Faults::from_json(json).unwrap_err().to_string();
        assert!(message(r#"[{"endpoint":"total"}]"#).contains("28hr"));
        assert!(message(r#"[{"state":500}]"#).contains("state"));
        assert!(message(r#"[{"status":42}]"#).contains("200 to 999"));
        assert!(message(r#"[{"header":"a\nb: c"}]"#).contains("no header can be"));
        assert!(message(r#"[{"every":0}]"#).contains("zero"));
        let faults = Faults::new([Fault { status: Some(42), ..Fault::default() }]);
        assert!(faults.unwrap_err().to_string().contains("200 to 999"));
    }
}
