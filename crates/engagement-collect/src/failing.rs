//! Batches that fail: by their own fault, or in an outage.
//!
//! A batch whose failures are its own is set aside at the third that counts, so that nothing waits for ever; what an
//! outage keeps from its answer waits. Only two things may be a batch's own fault: an error of the server's own, and JSON
//! that is no answer to the request. No answer at all, the errors of those that stand before a server which is down,
//! redirections and pages for a browser never count. What may be its own counts
//!
//! * at once where the server was evidently well: another batch got through since this turn of the batch began, or this is
//!   the only one that fails and something got through in this run;
//! * once a run where the batch is all that is left of its job;
//! * or else, as an outage would look the same, no more than once in 24 hours.

use engagement::{Problem, ProblemKind};
use jiff::{SignedDuration, Timestamp};

/// What one batch has been through in this run.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// How often it failed.
    pub(crate) turns: u32,
    /// How many batches had got through when this turn began.
    pub(crate) begun_after: u64,
    /// How many when it failed last.
    pub(crate) failed_after: Option<u64>,
    /// Whether a failure of it has counted.
    pub(crate) has_counted: bool,
    /// Problems that are told in the end, if nothing has come of it by then.
    pub(crate) unsaid: Vec<Problem>,
}

/// A turn that failed, and what there was around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// Whether it may be the batch's own.
    pub(crate) may_be_own: bool,
    /// Batches that have got through since the turn began.
    pub(crate) through_meanwhile: u64,
    /// Batches that have got through in this run.
    pub(crate) through: u64,
    /// Whether another one has failed since anything got through.
    pub(crate) others_fail: bool,
    /// Whether all the rest of the job is settled.
    pub(crate) is_last: bool,
    /// Whether one of this batch has counted in this run.
    pub(crate) has_counted: bool,
    /// When one has counted last, in whatever run.
    pub(crate) counted_at: Option<Timestamp>,
    /// When it is.
    pub(crate) at: Timestamp,
}

impl Failure {
    /// Whether the server was evidently well, so that it is the batch's own.
    pub(crate) const fn is_evident(&self) -> bool {
        self.may_be_own && (self.through_meanwhile > 0 || self.through > 0 && !self.others_fail)
    }

    /// Whether it counts.
    pub(crate) fn counts(&self) -> bool {
        let is_another_day = || self.counted_at.is_none_or(|last| self.at.duration_since(last) >= DAY);
        self.is_evident() || self.may_be_own && (self.is_last && !self.has_counted || is_another_day())
    }
}

/// Whether what kept a request from its answer may be what it asks, and not whether, where or when.
pub(crate) fn may_be_own(problem: &Problem) -> bool {
    // The errors of those that stand before a server: it is down, or was not waited for.
    let is_before = |status| matches!(status, 408 | 502..=504 | 520..=530);
    matches!(problem.kind, ProblemKind::Server | ProblemKind::Malformed)
        && !problem.is_page
        && problem.status.is_some_and(|status| !is_before(status))
}

/// No general outage is taken to last for two of these.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A batch that failed so often for reasons of its own is set aside.
pub(crate) const MOST_FAILURES: u32 = 3;
/// So many turns has a batch in a run, those aside in which the server was evidently well.
pub(crate) const TURNS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// One that nothing can be told of.
    fn doubtful() -> Failure {
        Failure {
            may_be_own: true,
            through_meanwhile: 0,
            through: 0,
            others_fail: true,
            is_last: false,
            has_counted: false,
            counted_at: Some(Timestamp::UNIX_EPOCH),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_failure_counts_at_once_once_a_run_or_once_a_day() {
        let day = Timestamp::UNIX_EPOCH + DAY;
        let nearly = day - SignedDuration::from_millis(1);
        let cases = [
            ("doubtful", false, doubtful()),
            ("through meanwhile", true, Failure { through_meanwhile: 1, through: 1, ..doubtful() }),
            ("through before", false, Failure { through: 9, ..doubtful() }),
            ("the only one", true, Failure { through: 1, others_fail: false, ..doubtful() }),
            ("nothing through", false, Failure { others_fail: false, ..doubtful() }),
            ("the last", true, Failure { is_last: true, ..doubtful() }),
            ("the last again", false, Failure { is_last: true, has_counted: true, ..doubtful() }),
            ("the first", true, Failure { counted_at: None, ..doubtful() }),
            ("a day after", true, Failure { at: day, ..doubtful() }),
            ("nearly a day after", false, Failure { at: nearly, ..doubtful() }),
        ];
        for (name, counts, failure) in cases {
            assert_eq!(failure.counts(), counts, "{name}");
            assert!(!Failure { may_be_own: false, ..failure }.counts(), "{name}");
            assert!(!Failure { may_be_own: false, ..failure }.is_evident(), "{name}");
        }
    }

    #[test]
    fn only_errors_of_the_server_and_json_may_be_a_batchs_own() {
        let problem = |kind, status, is_page| {
            let mut problem = Problem::new(kind, "");
            (problem.status, problem.is_page) = (status, is_page);
            problem
        };
        for status in 100..=599 {
            let is_down = matches!(status, 408 | 502..=504 | 520..=530);
            let server = |is_page| may_be_own(&problem(ProblemKind::Server, Some(status), is_page));
            assert_eq!((server(false), server(true)), (!is_down, false), "{status}");
            assert!(!may_be_own(&problem(ProblemKind::Refused, Some(status), false)), "{status}");
        }
        let malformed = |status, is_page| may_be_own(&problem(ProblemKind::Malformed, status, is_page));
        assert!(malformed(Some(200), false));
        assert!(!malformed(Some(200), true));
        assert!(!malformed(None, false));
        assert!(!may_be_own(&problem(ProblemKind::Server, None, false)));
        assert!(!may_be_own(&problem(ProblemKind::Network, None, false)));
    }
}
