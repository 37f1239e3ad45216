//! `--start` and `--end`.

use engagement::model::{Window, request::reaches_beyond_365_days};
use jiff::Timestamp;

use crate::{exit::Failure, parse::Moment, talk::Talk};

/// What there is to say of a range that is asked for anew.
#[derive(Default)]
pub(super) struct Remarks {
    widened: Option<Window>,
    reaches_far_back: bool,
}

impl Remarks {
    /// Says it.
    pub(super) fn tell(&self, talk: &Talk) {
        if let Some(window) = self.widened {
            talk.say(&format!("widened to whole hours: {window}"));
        }
        if self.reaches_far_back {
            talk.warn(
                "the range begins more than 365 days ago; newer documentation says that data reaches no further back, \
                 so the server may refuse it",
            );
        }
    }
}

/// The range in whole hours, at this time, with a remark if it was widened, and if it reaches far back.
pub(super) fn window(
    start: Moment,
    end: Option<Moment>,
    now: Timestamp,
) -> Result<(Window, Remarks), Failure> {
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
    let is_wider = window.start().start() != start || window.end().start() != end;
    let remarks = Remarks {
        widened: is_wider.then_some(window),
        reaches_far_back: reaches_beyond_365_days(window, now),
    };
    Ok((window, remarks))
}
