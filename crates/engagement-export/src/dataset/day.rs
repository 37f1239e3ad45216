//! Days of UTC, which name the partitions.

use std::fmt;

use engagement_model::UtcHour;
use jiff::Timestamp;

/// A day of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i32);

impl Day {
    /// The day in which the hour lies.
    pub(crate) const fn of_hour(hour: UtcHour) -> Self {
        Self(hour.since_epoch().div_euclid(24))
    }

    /// The day in which the time lies.
    pub(crate) fn of_time(time: Timestamp) -> Self {
        Self::of_hour(UtcHour::containing(time))
    }
}

impl fmt::Display for Day {
    /// As `2024-03-01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = UtcHour::from_epoch(self.0.saturating_mul(24)).map(UtcHour::start);
        // A day of a time that there is has a midnight, but for the very first, whose midnight is no Timestamp.
        let date = midnight.unwrap_or(Timestamp::MIN).strftime("%Y-%m-%d");
        fmt::Display::fmt(&date, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_by_its_date() {
        let check = |time: &str, day: &str| {
            assert_eq!(Day::of_time(time.parse().unwrap()).to_string(), day, "{time}");
        };
        check("2024-02-29T23:59:59Z", "2024-02-29");
        check("2024-03-01T00:00:00Z", "2024-03-01");
        check("1969-12-31T23:59:59Z", "1969-12-31");
        assert_eq!(Day::of_time(Timestamp::MAX).to_string(), "9999-12-30");
    }
}
