//! What a collector writes down: requests when they are sent, and what they brought.

use engagement_model::{Endpoint, Row, State, Tally, TweetId};
use jiff::Timestamp;

use crate::job::BatchId;

/// The number of a request in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) i64);

/// A request that is about to be sent: one line in the ledger for each attempt.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sent<'a> {
    /// For which batch.
    pub batch: BatchId,
    /// Where it goes.
    pub endpoint: Endpoint,
    /// The account whose token signs it; `None` for the app.
    pub owner: Option<&'a str>,
    /// The account's number, where it is known. Handles can change hands, numbers cannot.
    pub owner_id: Option<u64>,
    /// When.
    pub at: Timestamp,
}

impl<'a> Sent<'a> {
    /// A request by the app.
    pub const fn new(batch: BatchId, endpoint: Endpoint, at: Timestamp) -> Self {
        Self { batch, endpoint, owner: None, owner_id: None, at }
    }

    /// A request by this account.
    #[must_use]
    pub const fn by(mut self, owner: &'a str, owner_id: Option<u64>) -> Self {
        self.owner = Some(owner);
        self.owner_id = owner_id;
        self
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this status.
    Answered(u16),
    /// With this status, because of the time that it was signed with.
    Mistimed(u16),
    /// Without a whole answer.
    Broken,
}

/// What one answer, or several of the same kind, say about Tweets.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Observation<'a> {
    /// Where the rows come from.
    pub endpoint: Endpoint,
    /// Whose token asked; `None` for the app. Tweets that have values or are too old are this account's own.
    pub owner: Option<&'a str>,
    /// When the server answered.
    pub observed_at: Timestamp,
    /// What became of each Tweet × metric × hour.
    pub rows: &'a [Row],
}

impl<'a> Observation<'a> {
    /// What the app saw.
    pub const fn new(endpoint: Endpoint, observed_at: Timestamp, rows: &'a [Row]) -> Self {
        Self { endpoint, owner: None, observed_at, rows }
    }

    /// What this account saw.
    #[must_use]
    pub const fn by(mut self, owner: Option<&'a str>) -> Self {
        self.owner = owner;
        self
    }
}

/// Everything that belongs into the commit which ends a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settlement<'a> {
    /// When.
    pub at: Timestamp,
    /// What was seen. Tweets of the batch without any row become unaccounted.
    pub observations: Vec<Observation<'a>>,
    /// The requests that it took, as far as they are not settled yet.
    pub requests: Vec<(RequestId, Ending)>,
    /// Whose some of the Tweets are, by handle or number, where the server said so otherwise than by answering.
    pub owners: Vec<(TweetId, &'a str)>,
    /// What people should know about it.
    pub reason: Option<&'a str>,
    /// Tweets of the batch, in ascending order, of which other batches say where they stand.
    pub(crate) told_elsewhere: &'a [TweetId],
}

impl Settlement<'_> {
    /// A settlement without anything in it.
    pub const fn new(at: Timestamp) -> Self {
        Self {
            at,
            observations: Vec::new(),
            requests: Vec::new(),
            owners: Vec::new(),
            reason: None,
            told_elsewhere: &[],
        }
    }

    /// This request was answered so.
    pub fn answer(&mut self, request: RequestId, status: u16) {
        self.requests.push((request, Ending::Answered(status)));
    }

    /// Whether the server said anything of any Tweet.
    pub(crate) fn is_answer(&self) -> bool {
        let mut rows = self.observations.iter().flat_map(|observation| observation.rows);
        rows.any(|row| is_answer(row.outcome.state()))
    }
}

/// Whether the server said it, and not only that there was no answer.
pub(crate) const fn is_answer(state: State) -> bool {
    !matches!(state, State::Failed | State::Unaccounted)
}

/// What a settlement came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// The batch's Tweets by state.
    pub tweets: Tally,
    /// Its cells by state.
    pub cells: Tally,
}

/// What becomes of a batch that is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBack {
    /// It waits for its next turn.
    Waits,
    /// It failed too often and is set aside.
    SetAside,
}
