//! `--start` and `--end`.

use engagement::model::{Window, request::reaches_beyond_365_days};
use jiff::Timestamp;

use crate::{exit::Failure, parse::Moment, talk::Talk};

/// The range in whole hours, at this time; that it was widened is said, and so is that it reaches far back.
pub(super) fn window(
    start: Moment,
    end: Option<Moment>,
    now: Timestamp,
    talk: &Talk,
) -> Result<Window, Failure> {
    let time = |moment: Moment| {
        moment.resolve(now).ok_or_else(|| Failure::usage("the span reaches back beyond the first year"))
    };
    let start = time(start)?;
    let end = end.map_or(Ok(now), time)?;
    if start >= end {
        return Err(Failure::usage(format!(
            "the range must begin before it ends, and {start:.0} does not lie before {end:.0} (rule V15)"
        )));
    }
    let window = Window::covering(start, end).map_err(Failure::usage)?;
    if window.start().start() != start || window.end().start() != end {
        talk.say(&format!("widened to whole hours: {window}"));
    }
    if reaches_beyond_365_days(window, now) {
        talk.warn(
            "the range begins more than 365 days ago; newer documentation says that data reaches no further back, \
             so the server may refuse it",
        );
    }
    Ok(window)
}
