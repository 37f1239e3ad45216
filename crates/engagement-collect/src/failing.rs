//! Batches that fail: by their own fault, or in an outage.
//!
//! A batch whose failure is its own is set aside in the end, so that nothing waits for ever; what an outage keeps from
//! its answer waits. The two can be told apart where others got through meanwhile. Where nothing gets through any more,
//! and no batch is left that nobody has asked for yet, a failing one counts one failure for the run:
//!
//! * never if there was no answer, or not the server's own: one of those that stand before a server that is down (502, 503,
//!   504), a redirection, nothing at that path (404), or a page for a browser that forbids it;
//! * at once if not all of them fail with errors of the server, if anything got through in the same run, or if they are
//!   all that is left and either a single one or no more than were answered before;
//! * or else, since all fail as they would in a general outage, a day after the failure that counted before.
//!
//! The third that counts sets it aside.

use engagement::{Problem, Settled};
use engagement_model::plan::Asker;
use engagement_store::{
    Store,
    job::{Batch, BatchId},
};
use jiff::{SignedDuration, Timestamp};

use crate::{error::Error, writer::Endings};

/// A batch that has failed since anything got through.
pub(crate) struct Failing {
    pub(crate) batch: Batch,
    pub(crate) asker: Asker,
    pub(crate) remains: Remains,
    /// Whether it has had all of its turns.
    pub(crate) is_through: bool,
}

/// What is left of a batch that was not answered.
pub(crate) struct Remains {
    pub(crate) settled: Settled,
    pub(crate) requests: Endings,
    pub(crate) fault: Fault,
    pub(crate) message: String,
    /// Problems that were said to be passing.
    pub(crate) unsaid: Vec<Problem>,
}

/// How often a batch failed in this run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tries {
    pub(crate) count: u32,
    /// The one that looks most like an outage.
    pub(crate) worst: Fault,
    /// How many others had got through when it was asked for first, and when it failed first.
    others: [u64; 2],
}

impl Tries {
    /// It is asked for, and so many others have got through.
    pub(crate) fn begun(others: u64) -> Self {
        Self { others: [others; 2], ..Self::default() }
    }

    /// It has failed, and so many others have got through.
    pub(crate) fn fail(&mut self, fault: Fault, others: u64) {
        if self.count == 0 {
            self.others[1] = others;
        }
        self.count += 1;
        self.worst = self.worst.max(fault);
    }

    /// Whether others got through in a time in which this one did not: since it was asked for first, or, where nobody
    /// answered and an outage may have begun under way, since it failed first.
    pub(crate) fn is_its_own(&self, others: u64) -> bool {
        let [when_asked, when_failed] = self.others;
        others > if self.worst == Fault::Unanswered { when_failed } else { when_asked }
    }
}

/// How a batch failed, that which looks most like an outage last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The answer is no answer to it.
    #[default]
    Useless,
    /// The server says that it has failed.
    ServerError,
    /// The server did not answer, or not itself.
    Unanswered,
}

impl Fault {
    /// By the last request.
    pub(crate) fn of(settled: &Settled, problems: &[Problem]) -> Self {
        match settled.sent.last().and_then(|sent| sent.status) {
            None | Some(502..=504) => Self::Unanswered,
            _ if problems.iter().any(Problem::is_misdirected) => Self::Unanswered,
            Some(500..=599) => Self::ServerError,
            Some(_) => Self::Useless,
        }
    }
}

/// Whether what fails, fails as it would in a general outage.
pub(crate) fn is_doubtful(faults: impl IntoIterator<Item = Fault>) -> bool {
    faults.into_iter().all(|fault| fault >= Fault::ServerError)
}

/// Those of these batches that have counted no failure yet, or the last one a day ago or earlier.
pub(crate) fn another_day(
    store: &Store,
    batches: Vec<(BatchId, u32)>,
    now: Timestamp,
) -> Result<Vec<BatchId>, Error> {
    let reader = store.reader()?;
    let mut due = Vec::new();
    for (batch, failures) in batches {
        let age = reader.first_asked(batch)?.map(|first| now.duration_since(first));
        if age.is_none_or(|age| age >= DAY * failures.cast_signed()) {
            due.push(batch);
        }
    }
    Ok(due)
}

/// No general outage is taken to last for two of these.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A batch that failed so often for reasons of its own is set aside.
pub(crate) const MOST_FAILURES: u32 = 3;
