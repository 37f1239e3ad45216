//! What a request brought, as the store takes it.

use std::sync::Arc;

use engagement::Settled;
use engagement_model::{Endpoint, Outcome, Reason, Row, TweetId};
use engagement_store::{
    job::BatchId,
    record::{Ending, Observation, RequestId, Settlement},
};
use jiff::Timestamp;

/// Everything that belongs into the commit of a batch.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) batch: BatchId,
    endpoint: Endpoint,
    owner: Option<Arc<str>>,
    pub(crate) at: Timestamp,
    rows: Vec<Row>,
    strangers: Vec<Row>,
    requests: Vec<(RequestId, Ending)>,
    authors: Vec<(TweetId, String)>,
    reason: Option<String>,
}

impl Answered {
    /// What became of a batch that this account, or the app, was asked for.
    pub(crate) fn new(
        batch: BatchId,
        endpoint: Endpoint,
        owner: Option<Arc<str>>,
        settled: &mut Settled,
        requests: Vec<(RequestId, Ending)>,
    ) -> Self {
        let mut rows = core::mem::take(&mut settled.rows);
        let mut strangers = core::mem::take(&mut settled.strangers);
        for row in rows.iter_mut().chain(&mut strangers) {
            // Hours are asked for. What an answer has instead cannot be told apart by hour.
            if row.outcome.value().is_some() && row.bucket.is_some_and(|bucket| bucket.len_hours() > 1) {
                row.outcome = Outcome::Failed(Reason::new("the answer has a sum of several hours"));
            }
        }
        let reason = settled.warnings.first().cloned();
        let authors =
            settled.authors.iter().map(|(tweet_id, author)| (*tweet_id, author.to_string())).collect();
        Self { batch, endpoint, owner, at: settled.observed_at, rows, strangers, requests, authors, reason }
    }

    pub(crate) fn settlement(&self) -> Settlement<'_> {
        let mut settlement = Settlement::new(self.at);
        settlement
            .observations
            .push(Observation::new(self.endpoint, self.at, &self.rows).by(self.owner.as_deref()));
        if !self.strangers.is_empty() {
            settlement.observations.push(Observation::new(self.endpoint, self.at, &self.strangers));
        }
        settlement.requests.clone_from(&self.requests);
        settlement.owners =
            self.authors.iter().map(|(tweet_id, author)| (*tweet_id, author.as_str())).collect();
        settlement.reason = self.reason.as_deref();
        settlement
    }
}
