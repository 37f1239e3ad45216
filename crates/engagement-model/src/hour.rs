//! Whole UTC hours, the API's resolution.

use core::fmt;

use jiff::Timestamp;

/// An hour of UTC, named by its first second.
///
/// The API resolves time to hours (contract 2.3 rule 3, documented). Covers the years that [`Timestamp`] covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcHour(i32);

impl UtcHour {
    /// The hour in which `time` lies: rounds down.
    pub fn containing(time: Timestamp) -> Self {
        Self::from_seconds(time.as_second().div_euclid(SECONDS), time)
    }

    /// The first hour that begins at `time` or after it: rounds up.
    pub fn at_or_after(time: Timestamp) -> Self {
        let floor = Self::containing(time);
        if floor.start() == time { floor } else { Self(floor.0 + 1) }
    }

    /// The hour's first second.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }

    /// Hours since 1970-01-01T00:00:00Z.
    pub const fn since_epoch(self) -> i32 {
        self.0
    }

    /// The hour this many hours after 1970-01-01T00:00:00Z, if it is in the years 1 to 9999.
    pub fn from_epoch(hours: i32) -> Option<Self> {
        let day = i64::from(hours) * SECONDS;
        (Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()).contains(&day).then_some(Self(hours))
    }

    /// The hour `hours` later (earlier when negative); stops at the ends of the range.
    #[must_use]
    pub fn plus(self, hours: i32) -> Self {
        Self::from_epoch(self.0.saturating_add(hours)).unwrap_or(if hours < 0 {
            Self::containing(Timestamp::MIN)
        } else {
            Self::containing(Timestamp::MAX)
        })
    }

    /// The hour so many hours later, of a span that is known to lie inside the range.
    pub(crate) const fn after(self, hours: u32) -> Self {
        Self(self.0.saturating_add_unsigned(hours))
    }

    /// The first hour of this hour's UTC day.
    #[must_use]
    pub const fn midnight(self) -> Self {
        Self(self.0 - self.hour_of_day())
    }

    /// 0 to 23.
    pub const fn hour_of_day(self) -> i32 {
        self.0.rem_euclid(24)
    }

    fn from_seconds(hours: i64, time: Timestamp) -> Self {
        // A Timestamp spans about ±9,999 years, which is less than 2²⁷ hours.
        Self(i32::try_from(hours).unwrap_or(if time < Timestamp::UNIX_EPOCH { i32::MIN } else { i32::MAX }))
    }
}

impl fmt::Display for UtcHour {
    /// As the API writes it: `2024-03-01T07:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.start(), f)
    }
}

impl fmt::Debug for UtcHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UtcHour({self})")
    }
}

/// Seconds in an hour.
const SECONDS: i64 = 3_600;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn rounds_as_the_api_rounds() {
        // Contract 2.3 rule 3: 12:24 → 12:00 as a start, 08:37 → 09:00 as an end.
        assert_eq!(UtcHour::containing(time("2024-03-01T12:24:00Z")).to_string(), "2024-03-01T12:00:00Z");
        assert_eq!(UtcHour::at_or_after(time("2024-03-01T08:37:00Z")).to_string(), "2024-03-01T09:00:00Z");
        assert_eq!(UtcHour::at_or_after(time("2024-03-01T09:00:00Z")).to_string(), "2024-03-01T09:00:00Z");
        assert_eq!(
            UtcHour::at_or_after(time("2024-03-01T09:00:00.001Z")).to_string(),
            "2024-03-01T10:00:00Z"
        );
    }

    #[test]
    fn rounds_down_before_1970() {
        assert_eq!(UtcHour::containing(time("1969-12-31T23:59:59Z")).to_string(), "1969-12-31T23:00:00Z");
        assert_eq!(UtcHour::containing(time("1969-12-31T23:59:59Z")).hour_of_day(), 23);
    }

    #[test]
    fn stays_inside_the_years_of_a_timestamp() {
        let last = UtcHour::containing(Timestamp::MAX);
        assert_eq!(last.plus(1), last);
        assert_eq!(UtcHour::from_epoch(i32::MAX), None);
    }

    proptest! {
        #[test]
        fn every_time_lies_in_its_hour(second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()) {
            let time = Timestamp::from_second(second).unwrap();
            let hour = UtcHour::containing(time);
            prop_assert!(hour.start() <= time);
            prop_assert!(time.as_second() - hour.start().as_second() < SECONDS);
            prop_assert_eq!(hour.midnight().hour_of_day(), 0);
        }
    }
}
