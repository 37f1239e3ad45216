//! From `start` and `end` to the hours that are answered, contract §2.3.

use engagement_model::{
    UtcHour,
    metric::{HISTORY_MAX_DAYS, WINDOW_MAX_HOURS, history_floor},
};
use jiff::{SignedDuration, Timestamp};

use crate::{refusal::Refusal, switches::Switches};

/// The hours of an answer, and how the answer names them (rule 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first hour.
    pub(crate) first: UtcHour,
    /// The hour after the last.
    pub(crate) end: UtcHour,
    /// The end as it is echoed.
    pub(crate) echoed_end: Timestamp,
}

impl Span {
    /// The last 28 hours, which the reference shows as 29 buckets unless it is exactly on the hour (inferred).
    pub(crate) fn last_28_hours(now: Timestamp, switches: &Switches) -> Self {
        Self::new(earlier(now, 28), now, switches)
    }

    /// The window of a historical request.
    pub(crate) fn historical(
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        now: Timestamp,
        switches: &Switches,
    ) -> Result<Self, Refusal> {
        let longest = WINDOW_MAX_HOURS.into();
        let floor = floor(now, switches);
        let filled = if start.is_none() { ", 4 weeks before end," } else { "" };
        let (start, end) = match (start, end) {
            // Rule 2; in practice the 672 hours up to the end of the running one (seen in the wild).
            (None, None) => {
                let first = earlier(UtcHour::at_or_after(now).start(), longest);
                return Ok(Self::new(first, now, switches));
            }
            (Some(start), Some(end)) => (start, end),
            // Rule 8: undocumented.
            _ if switches.strict => {
                return Err(Refusal::rule("2.3 rule 8", "start and end must be given together"));
            }
            (Some(start), None) => (start, later(start, longest).min(now)),
            (None, Some(end)) => (earlier(end, longest), end),
        };
        if start >= end {
            return Err(Refusal::rule("2.3 rule 8", format!("start {start} must be before end {end}")));
        }
        if end > now {
            return Err(Refusal::rule("2.3 rule 5", format!("end {end} is in the future, it is {now}")));
        }
        if start < history_floor().start() {
            return Err(Refusal::rule(
                "2.3 rule 6",
                format!("start {start}{filled} is before {}, where data begins", history_floor()),
            ));
        }
        if start < floor {
            return Err(Refusal::rule(
                "2.3 rule 7",
                format!("start {start}{filled} is more than {HISTORY_MAX_DAYS} days ago, it is {now}"),
            ));
        }
        if end.duration_since(start) > SignedDuration::from_hours(longest) {
            return Err(Refusal::rule("2.3 rule 4", "start and end may be 4 weeks apart at most"));
        }
        Ok(Self::new(start, end, switches))
    }

    /// Rule 3: the start rounds down and the end up.
    fn new(start: Timestamp, end: Timestamp, switches: &Switches) -> Self {
        let (first, last) = (UtcHour::containing(start), UtcHour::at_or_after(end));
        // No answer was ever seen with more digits, and the clock has them.
        let end = Timestamp::from_millisecond(end.as_millisecond()).unwrap_or(end);
        Self { first, end: last, echoed_end: if switches.unrounded_end { end } else { last.start() } }
    }

    /// How many hours there are.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.end.since_epoch() - self.first.since_epoch()).unwrap_or(0)
    }
}

/// A time in one of the forms that are seen: a date, or a date and a time to the second or millisecond (rule 1).
/// Offsets other than UTC's are undocumented: taken, unless strict.
pub(crate) fn instant(text: &str, switches: &Switches) -> Option<Timestamp> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if !has_form(date, "dddd-dd-dd") {
        return None;
    }
    let Some(time) = time else { return format!("{date}T00:00:00Z").parse().ok() };
    let (clock, zone) = time.split_at_checked(time.find(['Z', '+', '-'])?)?;
    let is_clock = has_form(clock, "dd:dd:dd") || has_form(clock, "dd:dd:dd.ddd");
    let is_offset = (has_form(zone, "+dd:dd") || has_form(zone, "-dd:dd")) && zone.get(1..3) < Some("24");
    let is_utc = matches!(zone, "Z" | "+00:00");
    // Leap seconds are read by the library, and days of 24 hours are all that there is here.
    if !is_clock
        || clock.ends_with(":60")
        || clock.contains(":60.")
        || !(is_utc || is_offset && !switches.strict)
    {
        return None;
    }
    text.parse().ok()
}

/// Whether a text is this form, in which `d` is a digit and all else itself.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// Rules 6 and 7: the later of the two floors. The second is compared by its hour, as every bound is rounded.
fn floor(now: Timestamp, switches: &Switches) -> Timestamp {
    let year = UtcHour::containing(earlier(now, i64::from(HISTORY_MAX_DAYS) * 24)).start();
    if switches.history_365_days { year.max(history_floor().start()) } else { history_floor().start() }
}

fn earlier(time: Timestamp, hours: i64) -> Timestamp {
    time.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN)
}

fn later(time: Timestamp, hours: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_time_or_not(text in "[0-9T:.Z+-]{0,30}|.{0,30}") {
            let strict = Switches { strict: true, ..Switches::default() };
            // Whoever is strict takes nothing that others refuse.
            if let Some(time) = instant(&text, &strict) {
                prop_assert_eq!(instant(&text, &Switches::default()), Some(time));
            }
        }

        #[test]
        fn what_is_answered_holds_what_was_asked(start in 0..3_000_i64, length in 0..800_i64, minute in 0..60_i64) {
            let now: Timestamp = "2024-03-06T00:30:00Z".parse().unwrap();
            let start = earlier(now, start).checked_sub(SignedDuration::from_mins(minute)).unwrap();
            let end = later(start, length);
            if let Ok(span) = Span::historical(Some(start), Some(end), now, &Switches::default()) {
                prop_assert!(span.first.start() <= start && end <= span.end.start());
                prop_assert!(start.duration_since(span.first.start()) < SignedDuration::from_hours(1));
                prop_assert!(span.end.start().duration_since(end) < SignedDuration::from_hours(1));
                prop_assert!((1..=673).contains(&span.len()));
            }
        }
    }
}
