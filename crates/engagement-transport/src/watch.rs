use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::error::ErrorKind;
use crate::failure::Failure;

/// Time limits of one exchange.
pub(crate) struct Watch {
    deadline: Instant,
    stall: Duration,
    /// End of the running stall window and the bytes that had arrived at its beginning.
    window: Option<(Instant, u64)>,
}

impl Watch {
    pub(crate) fn new(deadline: Instant, stall: Duration) -> Self {
        Self { deadline, stall, window: None }
    }

    /// Ready with the failure when time is up. `arrived` counts this answer's bytes so far, those of interim answers
    /// left out: what follows them may take its time.
    pub(crate) fn poll(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        arrived: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Failure> {
        if self.window.is_some_and(|(_, had)| arrived < had) {
            // What had begun to arrive was an interim answer.
            self.window = None;
        }
        if arrived > 0 && self.window.is_none() {
            self.window = Some((Instant::now() + self.stall, arrived));
        }
        loop {
            let due = self.window.map_or(self.deadline, |(end, _)| end.min(self.deadline));
            if timer.is_elapsed() || timer.deadline() > due {
                timer.as_mut().reset(due);
            }
            std::task::ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.deadline {
                return Poll::Ready(Failure::new(ErrorKind::Timeout));
            }
            if let Some((end, had)) = &mut self.window
                && now >= *end
            {
                if arrived - *had < LEAST_PROGRESS {
                    return Poll::Ready(Failure::new(ErrorKind::Stalled));
                }
                (*end, *had) = (now + self.stall, arrived);
            }
        }
    }
}

/// Bytes that must arrive in a stall window. One byte a second is no progress.
pub(crate) const LEAST_PROGRESS: u64 = 1024;
