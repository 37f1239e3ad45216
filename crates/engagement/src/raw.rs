//! Answers in the API's own shape.

use core::{
    pin::Pin,
    task::{Context, Poll},
};

use engagement_model::{Metric, Reason, Row, State, TweetId, answer::Merged};
use futures_core::Stream;

use crate::{
    batch::{Batch, Problem},
    outcomes::Outcomes,
    settled::Effort,
};

/// A query for the API's own shape: a stream that accounts for every Tweet × metric, and at its end the answer.
///
/// What is said of [`Outcomes`] holds here as well.
#[derive(Debug)]
#[must_use = "a stream asks nothing before it is polled"]
pub struct Raw(Outcomes);

impl Raw {
    pub(crate) fn new(outcomes: Outcomes) -> Self {
        Self(outcomes)
    }

    /// What it has cost so far.
    pub fn effort(&self) -> Effort {
        self.0.effort()
    }

    /// As [`Outcomes::stop`].
    pub fn stop(&mut self, reason: &str) {
        self.0.stop(reason);
    }

    /// The answers that have come so far, put together: shown, it is one JSON object. It holds what the stream has
    /// accounted for as [`State::Ok`], so it is complete when the stream has ended.
    pub fn into_answer(self) -> Merged {
        self.0.into_answer().unwrap_or_else(|| Merged::new(&[]))
    }
}

impl Stream for Raw {
    type Item = Accounted;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Accounted>> {
        Pin::new(&mut self.0).poll_next(context).map(|batch| batch.map(Accounted::from))
    }
}

/// What became of a part of a query for the API's own shape.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Accounted {
    /// Every Tweet × metric of this part, at least once: there may be buckets, and several requests for the same.
    pub cells: Vec<Cell>,
    /// What is odd about the answers, for people.
    pub warnings: Vec<String>,
    /// What went wrong beside the single Tweets.
    pub problems: Vec<Problem>,
}

impl From<Batch> for Accounted {
    fn from(batch: Batch) -> Self {
        Self {
            cells: batch.rows.into_iter().map(Cell::from).collect(),
            warnings: batch.warnings,
            problems: batch.problems,
        }
    }
}

/// What became of one Tweet × metric. Its value, if there is any, is in the answer, perhaps as part of a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cell {
    /// The Tweet.
    pub tweet_id: TweetId,
    /// The metric.
    pub metric: Metric,
    /// What became of it.
    pub state: State,
    /// Why there is no value.
    pub reason: Reason,
}

impl From<Row> for Cell {
    fn from(row: Row) -> Self {
        let state = row.outcome.state();
        let reason = row.outcome.reason().map_or(Reason::NONE, Reason::new);
        Self { tweet_id: row.tweet_id, metric: row.metric, state, reason }
    }
}
