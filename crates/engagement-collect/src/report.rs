//! What became of a job's Tweets.

use std::collections::{BTreeMap, HashMap};

use engagement::Effort;
use engagement_model::{Reason, State, TweetId};
use engagement_store::{
    Reader,
    job::{JobId, Progress, Tally},
};

use crate::{error::Error, job::Job};

/// How many there are in each state, in the order of [`State::ALL`].
pub type States = [u64; 6];

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
    pub tweets: States,
    /// Cells by state, of what is answered.
    pub cells: States,
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
        let (tally, waiting) = reader.tweets_of(job.id())?;
        let failed =
            if refused.is_empty() { 0 } else { waiting_for(reader, job.id(), refused)?.min(waiting) };
        let mut tweets = states(tally);
        for (place, state) in tweets.iter_mut().zip(State::ALL) {
            *place += match state {
                State::Failed => failed,
                State::Unaccounted => waiting - failed,
                _ => 0,
            };
        }
        Ok(Self {
            job: job.id(),
            asked: job.tweets(),
            tweets,
            cells: states(inner.cells),
            effort,
            waiting: inner.batches_in(Progress::Pending) + inner.batches_in(Progress::InFlight),
            set_aside: inner.batches_in(Progress::SetAside),
        })
    }

    /// How many Tweets are in this state.
    pub fn tweets_in(&self, state: State) -> u64 {
        self.tweets[state as usize]
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

fn states(tally: Tally) -> States {
    State::ALL.map(|state| tally.of(state))
}
