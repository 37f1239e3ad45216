//! What comes out of the stream.

use core::fmt;
use std::sync::Arc;

use engagement_model::{Endpoint, Row};
use jiff::Timestamp;

/// The rows of one part of a query, sorted by Tweet, bucket and metric.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// Where the numbers come from.
    pub endpoint: Endpoint,
    /// Whose token asked; `None` for app-only.
    pub owner: Option<Arc<str>>,
    /// When the server answered, or when it was clear that it would not.
    pub observed_at: Timestamp,
    /// What became of each Tweet × metric × bucket of this part.
    pub rows: Vec<Row>,
    /// What is odd about the answers, for people.
    pub warnings: Vec<String>,
    /// What went wrong beside the single Tweets. The rows are complete all the same.
    pub problems: Vec<Problem>,
}

/// Something that kept a request from its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// What happened, the server's words included.
    pub message: String,
    /// Whether the same query may fare better later.
    pub retryable: bool,
    /// Whose token the server does not accept, if it is one's; nobody else's Tweets suffer.
    pub owner: Option<Arc<str>>,
    /// The status of the answer, where a whole one came.
    pub status: Option<u16>,
    /// Whether that answer is no word of the API: a page for a browser, or a success that is no JSON. Something that
    /// stands before the server made it, and it says nothing about what was asked.
    pub is_page: bool,
    /// When to come back, where the server or its quota say.
    pub come_back: Option<Timestamp>,
}

impl Problem {
    /// A problem of this kind, which says whether it passes.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        let retryable = match kind {
            ProblemKind::Quota | ProblemKind::Network | ProblemKind::Server => true,
            ProblemKind::Authentication
            | ProblemKind::Clock
            | ProblemKind::Refused
            | ProblemKind::Malformed
            | ProblemKind::Held
            | ProblemKind::Stopped => false,
        };
        Self {
            kind,
            message: message.into(),
            retryable,
            owner: None,
            status: None,
            is_page: false,
            come_back: None,
        }
    }

    /// Whether it is not what was asked that is refused, but where: a redirection, nothing at the endpoint's path, a 403 that
    /// is not the API's, a status that only somebody in between has a use for (405, 407, 410, 421, 451), or a page for a
    /// browser. It is the base URL or something in between, and every other request fares alike.
    pub fn is_misdirected(&self) -> bool {
        let is_elsewhere = matches!(self.status, Some(300..=399 | 403..=405 | 407 | 410 | 421 | 451));
        self.kind == ProblemKind::Refused && (is_elsewhere || self.is_page)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What kind of thing went wrong, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The server does not accept the credential: mend it.
    Authentication,
    /// The server does not accept the time of the signature: set the clock.
    Clock,
    /// Gave up waiting for quota, or the limit of requests was reached: come back later.
    Quota,
    /// No connection, or one that broke: check the network.
    Network,
    /// The server is in trouble: come back later.
    Server,
    /// The server does not take the request.
    Refused,
    /// The answer cannot be trusted.
    Malformed,
    /// The caller's own hook held a request back: see [`Unit::before_each`](crate::Unit::before_each).
    Held,
    /// The caller stopped the query.
    Stopped,
}
