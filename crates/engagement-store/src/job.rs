//! Jobs, and the batches that they are made of.

use core::fmt;

use engagement_model::{Endpoint, Metric, Tally, TweetId, Window};
use jiff::Timestamp;

/// The number of a job. Numbers of deleted jobs are not given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A batch of a job, by its number from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// The job.
    pub job: JobId,
    /// Its place in the job.
    pub number: u32,
}

/// A job to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewJob {
    /// What is asked and how, without the ids: a job with the same identity and ids is the same job.
    pub identity: String,
    /// A hash of the ids.
    pub ids_hash: String,
    /// Where it asks.
    pub endpoint: Endpoint,
    /// Whatever else is needed to go on with it. The store does not look inside.
    pub settings: String,
    /// How many different Tweets it is about.
    pub tweets: u64,
    /// When.
    pub made_at: Timestamp,
}

impl NewJob {
    /// A job without settings, of no Tweets so far.
    pub fn new(
        identity: impl Into<String>,
        ids_hash: impl Into<String>,
        endpoint: Endpoint,
        made_at: Timestamp,
    ) -> Self {
        Self {
            identity: identity.into(),
            ids_hash: ids_hash.into(),
            endpoint,
            settings: String::new(),
            tweets: 0,
            made_at,
        }
    }
}

/// A batch to be made: one request's work.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NewBatch<'a> {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// Who asks; `None` for the app.
    pub owner: Option<&'a str>,
    /// Its Tweets.
    pub tweet_ids: &'a [TweetId],
    /// Its metrics.
    pub metrics: &'a [Metric],
    /// The hours, on the historical endpoint.
    pub window: Option<Window>,
}

impl<'a> NewBatch<'a> {
    /// A batch that the app asks for, without a window.
    pub const fn new(endpoint: Endpoint, tweet_ids: &'a [TweetId], metrics: &'a [Metric]) -> Self {
        Self { endpoint, owner: None, tweet_ids, metrics, window: None }
    }
}

/// What is to be done about a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// It waits to be asked.
    Pending,
    /// A collector has it.
    InFlight,
    /// It is answered: every Tweet of it is in one of the six states.
    Done,
    /// It failed too often, and is not tried again unless it is told to.
    SetAside,
}

impl Progress {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Pending, Self::InFlight, Self::Done, Self::SetAside];

    /// As it stands in the column `state`: `pending`, `in_flight`, `done`, `set_aside`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Done => "done",
            Self::SetAside => "set_aside",
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A batch that was taken to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Which.
    pub id: BatchId,
    /// Where it goes.
    pub endpoint: Endpoint,
    /// Who asks; `None` for the app.
    pub owner: Option<String>,
    /// Its Tweets, in ascending order.
    pub tweet_ids: Vec<TweetId>,
    /// Its metrics.
    pub metrics: Vec<Metric>,
    /// The hours, on the historical endpoint.
    pub window: Option<Window>,
    /// How many requests were sent for it before.
    pub attempts: u32,
    /// How often it failed.
    pub failures: u32,
    /// When the last of these failures was.
    pub failed_at: Option<Timestamp>,
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Which.
    pub id: JobId,
    /// What is asked and how.
    pub identity: String,
    /// The hash of the ids.
    pub ids_hash: String,
    /// Which observation of these ids with this identity it is, from 1.
    pub observation: u32,
    /// Where it asks.
    pub endpoint: Endpoint,
    /// Whatever the collector wrote down for itself.
    pub settings: String,
    /// How many different Tweets it is about.
    pub tweets: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// How many of its batches wait, are in flight, done, set aside: in the order of [`Progress::ALL`]. What no request
    /// is spent on is none of them.
    pub batches: [u64; 4],
    /// The cells of what is done.
    pub cells: Tally,
}

impl Job {
    /// How many of its batches are in this state.
    pub const fn batches_in(&self, progress: Progress) -> u64 {
        self.batches[progress as usize]
    }

    /// Whether nothing of it waits or is in flight.
    pub const fn is_over(&self) -> bool {
        self.batches_in(Progress::Pending) == 0 && self.batches_in(Progress::InFlight) == 0
    }
}

/// One batch as it stands, without its Tweets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStatus {
    /// Which.
    pub id: BatchId,
    /// Where it goes.
    pub endpoint: Endpoint,
    /// Who asks; `None` for the app.
    pub owner: Option<String>,
    /// The hours, on the historical endpoint.
    pub window: Option<Window>,
    /// How many Tweets it has.
    pub tweets: u64,
    /// Where it stands.
    pub progress: Progress,
    /// How many requests were sent for it.
    pub attempts: u32,
    /// How often it failed.
    pub failures: u32,
    /// Why it failed or was set aside.
    pub reason: Option<String>,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// Its cells.
    pub cells: Tally,
}
