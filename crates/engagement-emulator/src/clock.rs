//! The emulator's own time.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What time it is for the emulator: ages, windows, quota, `Date` and OAuth all ask it, and nothing else.
#[derive(Debug)]
pub(crate) struct Clock(Mutex<Reading>);

impl Clock {
    /// The machine's own clock.
    pub(crate) fn wall() -> Self {
        Self(Mutex::new(Reading::Wall))
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Reading::Wall => Timestamp::now(),
            Reading::Running { from, since } => SignedDuration::try_from(since.elapsed())
                .ok()
                .and_then(|elapsed| from.checked_add(elapsed).ok())
                .unwrap_or(Timestamp::MAX),
            Reading::Frozen(at) => at,
        }
    }

    /// Whether it stands still.
    pub(crate) fn is_frozen(&self) -> bool {
        matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), Reading::Frozen(_))
    }

    /// Sets the time, from which the clock runs on or at which it stops.
    ///
    /// # Errors
    ///
    /// Times outside of [`EARLIEST`] to [`LATEST`], in which no Tweet has a usable id.
    pub(crate) fn set(&self, now: Timestamp, motion: Motion) -> Result<(), InvalidClock> {
        let (earliest, latest) = (seconds(EARLIEST), seconds(LATEST));
        if !(earliest..=latest).contains(&now.as_second()) {
            return Err(InvalidClock { now });
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = match motion {
            Motion::Runs => Reading::Running { from: now, since: Instant::now() },
            Motion::Stands => Reading::Frozen(now),
        };
        Ok(())
    }
}

/// Whether a clock that was set runs on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    /// At the pace of the machine.
    Runs,
    /// Not at all.
    Stands,
}

/// Reads a time: a date, which is its midnight in UTC, or a time of RFC 3339.
///
/// # Errors
///
/// Any other text.
pub fn read_time(text: &str) -> Result<Timestamp, InvalidTime> {
    let is_date = text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == text);
    let time = if is_date { format!("{text}T00:00:00Z").parse() } else { text.parse() };
    time.map_err(|_| InvalidTime { text: text.to_owned() })
}

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither a date such as 2024-03-01 nor a time such as 2024-03-01T07:00:00Z")]
pub struct InvalidTime {
    text: String,
}

/// A time that the emulator's clock cannot show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock goes from {EARLIEST} to {LATEST}, and {now} is outside")]
pub struct InvalidClock {
    now: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    Wall,
    Running { from: Timestamp, since: Instant },
    Frozen(Timestamp),
}

fn seconds(text: &str) -> i64 {
    text.parse().map_or(0, Timestamp::as_second)
}

/// The day after the first id that carries its time.
const EARLIEST: &str = "2010-11-05T00:00:00Z";
/// Tweet ids run out of bits soon after.
const LATEST: &str = "2079-12-31T00:00:00Z";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn runs_on_from_where_it_was_set_or_stands() {
        let clock = Clock::wall();
        clock.set(time("2024-03-06T00:00:00Z"), Motion::Runs).unwrap();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), time("2024-03-06T00:01:30Z"));
        assert!(!clock.is_frozen());

        clock.set(time("2024-03-06T00:00:00Z"), Motion::Stands).unwrap();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), time("2024-03-06T00:00:00Z"));
        assert!(clock.is_frozen());
    }

    #[test]
    fn reads_dates_and_times() {
        for text in ["2024-03-01", "2024-03-01T00:00:00Z", "2024-03-01T01:00:00.000+01:00"] {
            assert_eq!(read_time(text).unwrap(), time("2024-03-01T00:00:00Z"), "{text}");
        }
        for text in ["", "2024", "2024-02-30", "20240301", "tomorrow"] {
            assert!(
                read_time(text).unwrap_err().to_string().starts_with(&format!("{text:?} is neither")),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_times_without_tweets() {
        let error = Clock::wall().set(time("1999-01-01T00:00:00Z"), Motion::Runs).unwrap_err();
        assert!(error.to_string().contains("1999-01-01T00:00:00Z"), "{error}");
        assert!(EARLIEST.parse::<Timestamp>().is_ok() && LATEST.parse::<Timestamp>().is_ok());
    }
}
