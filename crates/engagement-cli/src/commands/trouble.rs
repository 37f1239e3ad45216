//! What goes wrong beside single Tweets, told once, and what it means for the exit code.

use std::{collections::HashSet, sync::Arc};

use engagement::{Problem, ProblemKind};
use engagement_store::job::JobId;

use crate::{
    commands::setup::MEND_TRUST,
    exit::{Exit, Failure},
    talk::Talk,
};

/// What has happened so far.
pub(super) struct Troubles<'a> {
    talk: &'a Talk,
    happened: Vec<Exit>,
    /// The owners of tokens that are not accepted.
    named: HashSet<Arc<str>>,
}

impl<'a> Troubles<'a> {
    /// Nothing yet.
    pub(super) fn new(talk: &'a Talk) -> Self {
        Self { talk, happened: Vec::new(), named: HashSet::new() }
    }

    /// Notes what came with a batch. While the work is being stopped, that is no trouble.
    pub(super) fn note(&mut self, warnings: &[String], problems: &[Problem], stopping: bool) {
        self.warn(warnings);
        for problem in problems {
            let (authorise, later, mend_way);
            let (exit, code, hint) = match problem.kind {
                ProblemKind::Authentication => {
                    authorise = match &problem.owner {
                        Some(owner) => format!(
                            "see what is wrong with `engagement auth check {owner}`, and authorise it again with \
                             `engagement auth login {owner}`"
                        ),
                        None => {
                            "check the consumer key, the token and their secrets with `engagement auth check`"
                                .to_owned()
                        }
                    };
                    (Exit::Authentication, "authentication", authorise.as_str())
                }
                ProblemKind::Clock => {
                    (Exit::Authentication, "authentication", "set this machine's clock, and ask again")
                }
                ProblemKind::Quota => {
                    later = match problem.come_back {
                        Some(at) => format!("ask for the rest after {at:.0}, or allow more requests"),
                        None => "ask for the rest later, or allow more requests".to_owned(),
                    };
                    (Exit::Quota, "quota", later.as_str())
                }
                // What asking again does not mend.
                ProblemKind::Network if !problem.retryable => {
                    mend_way = format!("check the proxy's URL, if there is one; {MEND_TRUST}");
                    (Exit::Network, "network", mend_way.as_str())
                }
                ProblemKind::Network => (Exit::Network, "network", "check the network, and ask again"),
                ProblemKind::Server => (Exit::Network, "server", "ask again later"),
                ProblemKind::Malformed if !problem.retryable => {
                    (Exit::Network, "malformed_answer", "look for a proxy that changes answers")
                }
                ProblemKind::Malformed => {
                    (Exit::Network, "malformed_answer", "ask again; look for a proxy that changes answers")
                }
                ProblemKind::Stopped if stopping => continue,
                _ if problem.is_misdirected() => {
                    (Exit::Incomplete, "refused", "check --base-url, and look for a proxy in between")
                }
                _ => (Exit::Incomplete, "refused", "ask for something else"),
            };
            self.tell(problem, exit, code, hint, problem.retryable);
        }
    }

    /// Notes what came with a batch that is set aside. Nothing waits for it any more: what it has is a partial result.
    pub(super) fn note_set_aside(&mut self, warnings: &[String], problems: &[Problem], job: JobId) {
        self.warn(warnings);
        for problem in problems {
            let hint = format!("the batch is set aside; `engagement jobs retry {job}` asks for it again");
            self.tell(problem, Exit::Incomplete, "set_aside", &hint, false);
        }
    }

    fn warn(&self, warnings: &[String]) {
        for warning in warnings {
            self.talk.warn(warning);
        }
    }

    /// Tells a problem that is not told yet, and notes what it means.
    fn tell(&mut self, problem: &Problem, exit: Exit, code: &'static str, hint: &str, retryable: bool) {
        // The same words for each of a thousand batches help nobody; but each handle is named once.
        let is_new = match &problem.owner {
            Some(owner) => self.named.insert(owner.clone()),
            None => !self.happened.contains(&exit),
        };
        if is_new || self.talk.is_verbose() {
            let failure = Failure::new(exit, code, &problem.message);
            self.talk.failure(&failure.hint(hint).retryable(retryable).retry_at(problem.come_back));
        }
        self.happened.push(exit);
    }

    /// Notes a failure, and tells it.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.talk.failure(failure);
        self.happened.push(failure.exit);
    }

    /// Notes something that is told elsewhere.
    pub(super) fn push(&mut self, exit: Exit) {
        self.happened.push(exit);
    }

    /// All of it.
    pub(super) fn happened(self) -> Vec<Exit> {
        self.happened
    }
}
