//! What became of a unit.

use std::time::Duration;

use engagement_model::{Endpoint, Reason, Row, TweetId, plan::Asker};
use jiff::Timestamp;

use crate::batch::Problem;

/// What became of everything that a unit asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settled {
    /// What became of each Tweet × metric × bucket, in no particular order, save what is in
    /// [`strangers`](Self::strangers).
    pub rows: Vec<Row>,
    /// How many of them, from the first on, are known to stand by Tweet, bucket and metric.
    pub(crate) sorted_rows: usize,
    /// The same of Tweets that turned out to be somebody else's: forbidden, or asked for app-only.
    pub strangers: Vec<Row>,
    /// What is odd about the answers, for people.
    pub warnings: Vec<String>,
    /// What went wrong beside the single Tweets. The rows are complete all the same: what a problem kept from its answer
    /// is failed there, or unaccounted.
    pub problems: Vec<Problem>,
    /// When the server answered, or when it was clear that it would not.
    pub observed_at: Timestamp,
    /// A credential that the server does not accept, and its words.
    pub refused: Option<(Asker, Reason)>,
    /// Whose Tweets are whose, by user id, as far as the server said so while it forbade them.
    pub authors: Vec<(TweetId, u64)>,
    /// The requests that were sent, in their order.
    pub sent: Vec<Sent>,
    /// What it cost.
    pub effort: Effort,
    /// The answers as they came, where they are asked for.
    pub(crate) answers: Vec<engagement_transport::Answer>,
    /// Likewise the refusals that say what there is no answer about.
    pub(crate) refusals: Vec<engagement_transport::Answer>,
}

impl Default for Settled {
    /// Nothing yet.
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            sorted_rows: 0,
            strangers: Vec::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
            observed_at: Timestamp::UNIX_EPOCH,
            refused: None,
            authors: Vec::new(),
            sent: Vec::new(),
            effort: Effort::default(),
            answers: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

/// A request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Where it went.
    pub endpoint: Endpoint,
    /// Whose token asked.
    pub asker: Asker,
    /// How many Tweets it asked for.
    pub tweets: usize,
    /// The status of its answer, if one came that is complete.
    pub status: Option<u16>,
}

/// What a query has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Effort {
    /// Requests sent to the API's endpoints, first ones and repetitions. Those for a bearer token cost no quota, and are
    /// none of them.
    pub requests: u64,
    /// Requests after a call's first.
    pub retries: u64,
    /// Time that calls waited for quota, added up.
    pub waited: Duration,
}

impl Effort {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.waited += other.waited;
    }

    pub(crate) fn of(sent: u32, waited: Duration) -> Self {
        Self { requests: sent.into(), retries: sent.saturating_sub(1).into(), waited }
    }
}
