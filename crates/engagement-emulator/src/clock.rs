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
    fn refuses_times_without_tweets() {
        let error = Clock::wall().set(time("1999-01-01T00:00:00Z"), Motion::Runs).unwrap_err();
        assert!(error.to_string().contains("1999-01-01T00:00:00Z"), "{error}");
        assert!(EARLIEST.parse::<Timestamp>().is_ok() && LATEST.parse::<Timestamp>().is_ok());
    }
}
