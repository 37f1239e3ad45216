//! What became of a job's Tweets.

use std::collections::{BTreeMap, HashMap};

use engagement::Effort;
use engagement_model::{Reason, State, Tally, TweetId};
use engagement_store::{
    Reader,
    job::{JobId, Progress},
};

use crate::{error::Error, job::Job};

/// The account of a job after a run: every Tweet of its list in exactly one state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Which job.
    pub job: JobId,
    /// Different Tweets of the list: the sum of `tweets`.
    pub asked: u64,
    /// Tweets by state. Those that were not asked for yet are unaccounted; those that wait for a credential which the
    /// server does not accept are failed.
    pub tweets: Tally,
    /// Cells by state, of what is answered.
    pub cells: Tally,
    /// What this run cost.
    pub effort: Effort,
    /// Batches that wait for another run.
    pub waiting: u64,
    /// Batches that were set aside.
    pub set_aside: u64,
}

impl Report {
    pub(crate) fn of(
        reader: &Reader,
        job: JobId,
        refused: &HashMap<Option<String>, Reason>,
        effort: Effort,
    ) -> Result<Self, Error> {
        let job = Job::read(reader.job(job)?)?;
        let inner = job.inner();
        let (mut tweets, waiting) = reader.tweets_of(job.id())?;
        let failed =
            if refused.is_empty() { 0 } else { waiting_for(reader, job.id(), refused)?.min(waiting) };
        tweets.add(State::Failed, failed);
        tweets.add(State::Unaccounted, waiting - failed);
        Ok(Self {
            job: job.id(),
            asked: job.tweets(),
            tweets,
            cells: inner.cells,
            effort,
            waiting: inner.batches_in(Progress::Pending) + inner.batches_in(Progress::InFlight),
            set_aside: inner.batches_in(Progress::SetAside),
        })
    }
}

/// Tweets that have no state and whose batches only these credentials can ask for.
fn waiting_for(reader: &Reader, job: JobId, refused: &HashMap<Option<String>, Reason>) -> Result<u64, Error> {
    let mut states: BTreeMap<TweetId, Option<State>> = BTreeMap::new();
    for batch in reader.batches(job, &Progress::ALL)? {
        if !refused.contains_key(&batch.owner) {
            continue;
        }
        for (tweet_id, state) in reader.batch_tweets(batch.id)? {
            // One that still waits may bring a value, unless there is one already.
            let known = states.entry(tweet_id).or_insert(state);
            *known = match (*known, state) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other).filter(|state| *state == State::Ok),
            };
        }
    }
    Ok(states.values().filter(|state| state.is_none()).count() as u64)
}
