//! Values that people type: durations, moments, rates.

use std::{fmt, num::NonZeroU32, str::FromStr, time};

use engagement::model::metric::{Metric, UnknownMetric};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

/// A length of time above zero: `30s`, `2m`, `500ms`, or a bare number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration(pub(crate) time::Duration);

impl FromStr for Duration {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let bad = BadValue("a duration above zero, such as 30s or 2m");
        let duration = match text.parse::<u32>() {
            Ok(seconds) => time::Duration::from_secs(seconds.into()),
            Err(_) => text
                .parse::<SignedDuration>()
                .ok()
                .and_then(|duration| time::Duration::try_from(duration).ok())
                .ok_or(bad)?,
        };
        if duration.is_zero() { Err(bad) } else { Ok(Self(duration)) }
    }
}

/// A calendar month: `2024-03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Month {
    pub(crate) year: i16,
    pub(crate) month: i8,
}

impl FromStr for Month {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let first: Option<Date> = (text.len() == 7).then(|| format!("{text}-01").parse().ok()).flatten();
        let first = first.ok_or(BadValue("a month, such as 2024-03"))?;
        Ok(Self { year: first.year(), month: first.month() })
    }
}

/// What Tweets are ranked by: a metric, or `rate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RankBy {
    /// Its count.
    Metric(Metric),
    /// Engagements ÷ impressions.
    Rate,
}

impl FromStr for RankBy {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        if text == "rate" { Ok(Self::Rate) } else { text.parse().map(Self::Metric) }
    }
}

/// A point in time, absolute or counted back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// As written.
    At(Timestamp),
    /// This long before now.
    Ago(SignedDuration),
}

impl Moment {
    /// The time that is meant, when it is `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Ago(span) => now.checked_sub(span).ok(),
        }
    }
}

impl FromStr for Moment {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if let Some(span) = span(text) {
            return Ok(Self::Ago(span));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        let no_moment = BadValue(
            "a date as 2024-03-01, a time as 2024-03-01T07:00:00Z, or a span back from now as 7d or 36h",
        );
        // The date alone: of a time without an offset it would silently drop the time.
        if text.len() != "2024-03-01".len() {
            return Err(no_moment);
        }
        text.parse::<Date>()
            .and_then(|date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)))
            .map(Self::At)
            .map_err(|_| no_moment)
    }
}

impl fmt::Display for Moment {
    /// The same for every spelling of the same moment: as it was typed, and not what it comes to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => time.fmt(f),
            Self::Ago(span) => write!(f, "{}m", span.as_mins()),
        }
    }
}

/// A point in time to come, absolute or counted from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// As written.
    At(Timestamp),
    /// This long from now.
    In(SignedDuration),
    /// When it is that late next, in UTC.
    Next(Time),
}

impl Deadline {
    /// The time that is meant, when it is `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::In(span) => now.checked_add(span).ok(),
            Self::Next(time) => {
                let today = TimeZone::UTC.to_datetime(now).date();
                let days = [Some(today), today.tomorrow().ok()].into_iter().flatten();
                let times = days.filter_map(|day| TimeZone::UTC.to_timestamp(day.to_datetime(time)).ok());
                times.into_iter().find(|time| *time > now)
            }
        }
    }
}

impl FromStr for Deadline {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if let Some(span) = span(text) {
            return Ok(Self::In(span));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        let clock = Some(text).filter(|text| text.len() == "06:30".len()).and_then(|text| text.parse().ok());
        clock.map(Self::Next).ok_or(BadValue(
            "a time as 2024-03-01T07:00:00Z, a time of day in UTC as 06:30, or a span from now as 2h or 90m",
        ))
    }
}

/// `7d`, `36h`, `90m`. Days are of 24 hours: UTC has no others.
fn span(text: &str) -> Option<SignedDuration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = count.parse().ok()?;
    let seconds = match unit {
        "w" => 604_800,
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => return None,
    };
    Some(SignedDuration::from_secs(count.checked_mul(seconds)?))
}

/// So many a minute: `60/min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) NonZeroU32);

impl FromStr for Rate {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let count = match text.split_once('/') {
            None => text,
            Some((count, "min" | "m" | "minute")) => count,
            Some(_) => return Err(BAD_RATE),
        };
        count.parse().map(Self).map_err(|_| BAD_RATE)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/min", self.0)
    }
}

/// Requests in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Concurrency(u16);

impl Concurrency {
    pub(crate) const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Concurrency {
    type Error = BadValue;

    fn try_from(requests: u16) -> Result<Self, BadValue> {
        if (1..=512).contains(&requests) { Ok(Self(requests)) } else { Err(BAD_CONCURRENCY) }
    }
}

impl FromStr for Concurrency {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        text.parse::<u16>().map_err(|_| BAD_CONCURRENCY)?.try_into()
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was expected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadValue(&'static str);

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for BadValue {}

const BAD_CONCURRENCY: BadValue = BadValue("a number of requests from 1 to 512");
const BAD_RATE: BadValue = BadValue("a number a minute above zero, such as 60/min");

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Option<String> {
        let now = "2024-03-08T10:30:00Z".parse().unwrap();
        text.parse::<Moment>().ok()?.resolve(now).map(|time| time.to_string())
    }

    #[test]
    fn reads_moments() {
        assert_eq!(moment("2024-03-01").as_deref(), Some("2024-03-01T00:00:00Z"));
        assert_eq!(moment("2024-03-01T07:15:00+02:00").as_deref(), Some("2024-03-01T05:15:00Z"));
        assert_eq!(moment("7d").as_deref(), Some("2024-03-01T10:30:00Z"));
        assert_eq!(moment("36h").as_deref(), Some("2024-03-06T22:30:00Z"));
        for bad in
            ["", "d", "-7d", "7y", "yesterday", "2024-02-30", "2024-03-01T07:00:00", "99999999999999999d"]
        {
            assert_eq!(moment(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_deadlines() {
        let check = |text: &str, wanted: Option<&str>| {
            let now = "2024-03-08T10:30:00Z".parse().unwrap();
            let found = text.parse::<Deadline>().ok().and_then(|deadline| deadline.resolve(now));
            assert_eq!(found.map(|time| time.to_string()).as_deref(), wanted, "{text:?}");
        };
        check("2024-03-09T07:15:00+02:00", Some("2024-03-09T05:15:00Z"));
        check("2h", Some("2024-03-08T12:30:00Z"));
        check("10:31", Some("2024-03-08T10:31:00Z"));
        check("10:30", Some("2024-03-09T10:30:00Z"));
        for bad in ["", "6", "25:00", "tomorrow", "2024-03-09"] {
            check(bad, None);
        }
    }

    #[test]
    fn a_moment_is_shown_alike_however_it_was_typed() {
        let shown = |text: &str| text.parse::<Moment>().unwrap().to_string();
        assert_eq!(shown("7d"), shown("168h"));
        assert_ne!(shown("7d"), shown("6d"));
        assert_eq!(shown("2024-03-01"), shown("2024-03-01T02:00:00+02:00"));
    }

    #[test]
    fn reads_durations() {
        let check = |text: &str, millis| {
            assert_eq!(text.parse(), Ok(Duration(time::Duration::from_millis(millis))), "{text:?}");
        };
        check("30s", 30_000);
        check("30", 30_000);
        check("500ms", 500);
        check("1m 30s", 90_000);
        for bad in ["", "0", "0s", "-3s", "soon"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reads_rates() {
        assert_eq!("60/min".parse::<Rate>().unwrap().to_string(), "60/min");
        assert_eq!("60".parse::<Rate>().unwrap().to_string(), "60/min");
        for bad in ["", "0", "-1/min", "60/s", "60/min/min", "many"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad:?}");
        }
    }
}
