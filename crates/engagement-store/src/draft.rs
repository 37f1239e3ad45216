//! A job in the making.

use engagement_model::{Endpoint, Row, TweetId};
use jiff::Timestamp;

use crate::{
    error::Error,
    job::{BatchId, JobId, NewBatch, NewJob, Progress},
    record::{Observation, Settlement},
    sql,
    writing::Writing,
};

/// A job that is being put together, batch by batch. Nobody sees it before the commit.
///
/// Batches go to the disk as they come, so that a job of ten million Tweets needs no memory for them.
#[derive(Debug)]
pub struct Draft<'a> {
    writing: Writing<'a>,
    job: JobId,
    /// Batches so far, and how many of them are asked for.
    batches: u32,
    asked: u32,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(mut writing: Writing<'a>, job: &NewJob) -> Result<Self, Error> {
        let id = writing.run(|connection, _| {
            let observation: i64 = connection.query_row(
                "select coalesce(max(observation), 0) + 1 from jobs where identity = ? and ids_hash = ?",
                [&job.identity, &job.ids_hash],
                |row| row.get(0),
            )?;
            connection.execute(
                "insert into jobs(identity, ids_hash, observation, endpoint, settings, tweets, batches, made_at)
                values (?, ?, ?, ?, ?, ?, 0, ?)",
                (
                    &job.identity,
                    &job.ids_hash,
                    observation,
                    job.endpoint.name(),
                    &job.settings,
                    job.tweets.cast_signed(),
                    sql::time(job.made_at),
                ),
            )?;
            Ok(connection.last_insert_rowid())
        })?;
        Ok(Self { writing, job: JobId(id), batches: 0, asked: 0 })
    }

    /// The number that the job will have.
    pub const fn job(&self) -> JobId {
        self.job
    }

    /// Adds a batch. Batches are asked in the order in which they were added.
    pub fn add(&mut self, batch: &NewBatch<'_>) -> Result<BatchId, Error> {
        self.asked += 1;
        self.put(batch)
    }

    fn put(&mut self, batch: &NewBatch<'_>) -> Result<BatchId, Error> {
        let id = BatchId { job: self.job, number: self.batches };
        let mut tweet_ids = batch.tweet_ids.to_vec();
        tweet_ids.sort_unstable();
        tweet_ids.dedup();
        self.writing.run(|connection, _| {
            let (start, end) = (batch.window.map(|w| sql::hour(w.start())), batch.window.map(|w| sql::hour(w.end())));
            connection
                .prepare_cached(
                    "insert into batches(job, batch, endpoint, owner, metrics, window_start, window_end, tweets,
                    state, attempts, failures) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
                )?
                .execute((
                    id.job.0,
                    id.number,
                    batch.endpoint.name(),
                    batch.owner,
                    sql::metrics(batch.metrics),
                    start,
                    end,
                    (tweet_ids.len() as u64).cast_signed(),
                    Progress::Pending.name(),
                ))?;
            connection
                .prepare_cached("insert into batch_tweets(job, batch, tweet_ids) values (?, ?, ?)")?
                .execute((id.job.0, id.number, sql::tweet_ids(&tweet_ids)))
        })?;
        self.batches += 1;
        Ok(id)
    }

    /// Adds Tweets that are not asked for, or not for everything, and why: a batch that is done as it is made, and has no
    /// metrics.
    ///
    /// `asked`, in ascending order, are those that other batches of the job ask for: where these stand is known when
    /// they are answered, and is until then what it was.
    pub fn add_unasked(
        &mut self,
        endpoint: Endpoint,
        rows: &[Row],
        asked: &[TweetId],
        at: Timestamp,
    ) -> Result<BatchId, Error> {
        let mut tweet_ids: Vec<TweetId> = rows.iter().map(|row| row.tweet_id).collect();
        tweet_ids.sort_unstable();
        tweet_ids.dedup();
        let id = self.put(&NewBatch::new(endpoint, &tweet_ids, &[]))?;
        let mut settlement = Settlement::new(at);
        settlement.told_elsewhere = asked;
        settlement.observations.push(Observation::new(endpoint, at, rows));
        self.writing.settle(id, &settlement)?;
        Ok(id)
    }

    /// Sets aside what waits of an earlier job whose place this one takes. Gives how many batches these are.
    pub fn supersede(&mut self, earlier: JobId, reason: &str) -> Result<u64, Error> {
        let left = self.writing.run(|connection, _| {
            connection.execute(
                "update batches set state = ?, reason = ? where job = ? and state in (?, ?)",
                (
                    Progress::SetAside.name(),
                    reason,
                    earlier.0,
                    Progress::Pending.name(),
                    Progress::InFlight.name(),
                ),
            )
        })?;
        Ok(left as u64)
    }

    /// Makes the job: all of its batches, or, after an error, none.
    pub fn commit(mut self) -> Result<JobId, Error> {
        let Self { job, asked, .. } = self;
        self.writing.run(|connection, _| {
            connection.execute("update jobs set batches = ? where job = ?", (asked, job.0))
        })?;
        self.writing.commit()?;
        Ok(job)
    }
}
