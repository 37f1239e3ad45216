//! Spans of whole UTC hours.

use core::{fmt, num::NonZeroU32};

use jiff::Timestamp;

use crate::{hour::UtcHour, metric::WINDOW_MAX_HOURS};

/// A non-empty run of whole UTC hours, `[start, end)`: the bucket of hour H is inside when `start ≤ H < end`.
///
/// That the API's windows are half-open is inferred: both examples of the reference end one hour after their last
/// bucket (contract 2.3 rule 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: UtcHour,
    // A length that cannot be zero leaves room for `None`: rows by the hundred thousand hold an optional window.
    hours: NonZeroU32,
}

impl Window {
    /// The hours from `start` up to, and without, `end`.
    pub fn new(start: UtcHour, end: UtcHour) -> Result<Self, EmptyWindow> {
        let hours = end.since_epoch().abs_diff(start.since_epoch());
        match NonZeroU32::new(hours) {
            Some(hours) if start < end => Ok(Self { start, hours }),
            _ => Err(EmptyWindow { start, end }),
        }
    }

    /// The whole hours that cover `[start, end)`: the start rounds down and the end up, as the API itself does.
    pub fn covering(start: Timestamp, end: Timestamp) -> Result<Self, EmptyWindow> {
        let (first, last) = (UtcHour::containing(start), UtcHour::at_or_after(end));
        // Compared before rounding: 12:10 to 12:10 covers nothing, although its roundings are an hour apart.
        if start < end { Self::new(first, last) } else { Err(EmptyWindow { start: first, end: first }) }
    }

    /// What is meant by a start and an end of which either may be left out, at the server's time `now`.
    ///
    /// Neither: the four weeks up to the end of the running hour, as the API takes it (contract 2.3 rule 2,
    /// documented; that they count from the rounded end is seen in the wild). One alone: the four weeks after the
    /// start, as far as they have been, or those before the end. Of that the documentation says nothing (rule 8): it is
    /// a guess, after the official sample client, and so both are to be sent.
    pub fn of_four_weeks(
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, EmptyWindow> {
        let four_weeks = i32::try_from(WINDOW_MAX_HOURS).unwrap_or(i32::MAX);
        match (start, end) {
            (Some(start), Some(end)) => Self::covering(start, end),
            (Some(start), None) => {
                let first = UtcHour::containing(start);
                Self::new(first, first.plus(four_weeks).min(UtcHour::at_or_after(now)))
            }
            (None, end) => {
                let last = UtcHour::at_or_after(end.unwrap_or(now));
                Self::new(last.plus(-four_weeks), last)
            }
        }
    }

    /// One hour.
    pub const fn hour(start: UtcHour) -> Self {
        Self { start, hours: NonZeroU32::MIN }
    }

    /// The first hour.
    pub const fn start(self) -> UtcHour {
        self.start
    }

    /// The hour after the last one.
    pub const fn end(self) -> UtcHour {
        self.start.after(self.hours.get())
    }

    /// How many hours there are, at least 1.
    pub const fn len_hours(self) -> u32 {
        self.hours.get()
    }

    /// The hours that both have.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end().min(other.end())).ok()
    }

    /// Whether the hour is one of the window's.
    pub fn contains(self, hour: UtcHour) -> bool {
        self.start <= hour && hour < self.end()
    }

    /// Every hour, in order.
    pub fn hours(self) -> impl ExactSizeIterator<Item = UtcHour> {
        (0..self.len_hours()).map(move |n| self.start.after(n))
    }

    /// The window cut into consecutive slices that the API answers, each of at most [`WINDOW_MAX_HOURS`]: no gap, no
    /// overlap, and as few as possible.
    pub fn slices(self) -> impl Iterator<Item = Self> {
        let step = i32::try_from(WINDOW_MAX_HOURS).unwrap_or(i32::MAX);
        let mut next = self.start;
        core::iter::from_fn(move || {
            let slice = Self::new(next, next.plus(step).min(self.end())).ok()?;
            next = slice.end();
            Some(slice)
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end())
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({self})")
    }
}

/// A span without an hour in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window's start must lie before its end, and {start} does not lie before {end} (rule V15)")]
pub struct EmptyWindow {
    /// The start that was given, as an hour.
    pub start: UtcHour,
    /// The end that was given, as an hour.
    pub end: UtcHour,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn widens_to_whole_hours() {
        let window = Window::covering(time("2024-03-01T12:24:00Z"), time("2024-03-02T08:37:00Z")).unwrap();
        assert_eq!(window.to_string(), "2024-03-01T12:00:00Z to 2024-03-02T09:00:00Z");
        assert_eq!(window.len_hours(), 21);
    }

    #[test]
    fn cannot_be_empty() {
        let noon = time("2024-03-01T12:10:00Z");
        assert!(Window::covering(noon, noon).is_err());
        assert!(Window::new(UtcHour::containing(noon), UtcHour::containing(noon)).is_err());
        assert_eq!(Window::covering(noon, time("2024-03-01T12:11:00Z")).unwrap().len_hours(), 1);
    }

    #[test]
    fn what_is_left_out_makes_four_weeks() {
        let now = time("2016-05-29T19:43:00Z");
        let of = |start: Option<&str>, end: Option<&str>| {
            Window::of_four_weeks(start.map(time), end.map(time), now).map(|window| window.to_string())
        };
        // Contract 2.3: seen in the official sample client's README.
        assert_eq!(of(None, None).unwrap(), "2016-05-01T20:00:00Z to 2016-05-29T20:00:00Z");
        let early = of(Some("2016-03-01T07:20:00Z"), None).unwrap();
        assert_eq!(early, "2016-03-01T07:00:00Z to 2016-03-29T07:00:00Z");
        let late = of(Some("2016-05-28T00:00:00Z"), None).unwrap();
        assert_eq!(late, "2016-05-28T00:00:00Z to 2016-05-29T20:00:00Z");
        let ended = of(None, Some("2016-03-29T07:20:00Z")).unwrap();
        assert_eq!(ended, "2016-03-01T08:00:00Z to 2016-03-29T08:00:00Z");
        let both = of(Some("2016-01-01T00:00:00Z"), Some("2016-05-01T00:00:00Z")).unwrap();
        assert_eq!(both, "2016-01-01T00:00:00Z to 2016-05-01T00:00:00Z");
        let future = of(Some("2016-05-29T20:00:00Z"), None).unwrap_err();
        assert!(future.to_string().ends_with("(rule V15)"), "{future}");
    }

    proptest! {
        #[test]
        fn slices_tile_the_window(start in 300_000..500_000_i32, len in 1..20_000_i32) {
            let start = UtcHour::from_epoch(start).unwrap();
            let window = Window::new(start, start.plus(len)).unwrap();
            let slices: Vec<_> = window.slices().collect();
            let mut next = window.start();
            for slice in &slices {
                prop_assert_eq!(slice.start(), next);
                prop_assert!(slice.len_hours() <= WINDOW_MAX_HOURS);
                next = slice.end();
            }
            prop_assert_eq!(next, window.end());
            prop_assert_eq!(slices.len(), window.len_hours().div_ceil(WINDOW_MAX_HOURS) as usize);
        }

        #[test]
        fn hours_are_those_that_it_contains(start in 300_000..500_000_i32, len in 1..2_000_i32) {
            let start = UtcHour::from_epoch(start).unwrap();
            let window = Window::new(start, start.plus(len)).unwrap();
            prop_assert_eq!(window.hours().len(), window.len_hours() as usize);
            prop_assert!(window.hours().all(|hour| window.contains(hour)));
            prop_assert!(!window.contains(window.end()));
        }
    }
}
