//! Changes that are committed together.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row as SqlRow};

use crate::{
    error::{Error, ErrorKind},
    job::{Batch, BatchId, JobId, Progress},
    record::{Ending, GivenBack, RequestId, Sent, Settled, Settlement},
    sql,
    writing::Writing,
};

/// Changes of any number of batches and requests. They are made together by [`Transaction::commit`], or not at all.
#[derive(Debug)]
pub struct Transaction<'a> {
    writing: Writing<'a>,
}

impl<'a> Transaction<'a> {
    pub(crate) const fn new(writing: Writing<'a>) -> Self {
        Self { writing }
    }

    /// Takes the next batches of a job that wait, at most so many, in the order of the job.
    pub fn take(&mut self, job: JobId, most: u32) -> Result<Vec<Batch>, Error> {
        self.take_those(job, most, "")
    }

    /// The same of batches that no request was sent for yet.
    pub fn take_unasked(&mut self, job: JobId, most: u32) -> Result<Vec<Batch>, Error> {
        self.take_those(job, most, "and attempts = 0")
    }

    fn take_those(&mut self, job: JobId, most: u32, which: &str) -> Result<Vec<Batch>, Error> {
        self.writing.run(|connection, _| {
            let mut batches: Vec<Batch> = connection
                .prepare_cached(&format!(
                    "select job, batch, endpoint, owner, metrics, window_start, window_end, attempts, failures,
                    failed_at, tweet_ids from batches join batch_tweets using (job, batch)
                    where job = ? and state = ? and state <> 'done' {which} order by batch limit ?",
                ))?
                .query_map((job.0, Progress::Pending.name(), most), batch)?
                .collect::<rusqlite::Result<_>>()?;
            batches.sort_by_key(|batch| batch.id);
            let mut mark =
                connection.prepare_cached("update batches set state = ? where job = ? and batch = ?")?;
            for batch in &batches {
                mark.execute((Progress::InFlight.name(), job.0, batch.id.number))?;
            }
            Ok(batches)
        })
    }

    /// Writes a request into the ledger. Only after the commit may its first byte leave.
    pub fn sent(&mut self, request: &Sent<'_>) -> Result<RequestId, Error> {
        self.writing.run(|connection, _| {
            connection
                .prepare_cached(
                    "insert into requests(job, batch, endpoint, owner, owner_id, sent_at, state)
                    values (?, ?, ?, ?, ?, ?, 'sent')",
                )?
                .execute((
                    request.batch.job.0,
                    request.batch.number,
                    request.endpoint.name(),
                    request.owner,
                    request.owner_id.map(u64::cast_signed),
                    sql::time(request.at),
                ))?;
            let id = RequestId(connection.last_insert_rowid());
            connection
                .prepare_cached("update batches set attempts = attempts + 1 where job = ? and batch = ?")?
                .execute((request.batch.job.0, request.batch.number))?;
            Ok(id)
        })
    }

    /// Writes down how a request ended whose batch is not settled yet: an attempt that is followed by another.
    pub fn ended(&mut self, request: RequestId, ending: Ending, at: Timestamp) -> Result<(), Error> {
        self.writing.ended(request, ending, at)
    }

    /// Nothing is under way any more: requests whose end is not known have none.
    pub fn lose_rest(&mut self, at: Timestamp) -> Result<(), Error> {
        self.writing.lose_rest(at)
    }

    /// Ends a batch: values, what has none, the states of its Tweets, its requests.
    ///
    /// Every Tweet of the batch is counted once, by [`State::and`] over its rows; Tweets that no row mentions are
    /// unaccounted. Rows of other Tweets are left out. A value that is known already changes nothing, a changed one
    /// leaves a revision, and one that was observed earlier than what is known replaces nothing.
    ///
    /// A Tweet of the batch that was answered before, and is not when it is asked again, keeps that answer.
    ///
    /// [`State::and`]: engagement_model::State::and
    pub fn settle(&mut self, batch: BatchId, settlement: &Settlement<'_>) -> Result<Settled, Error> {
        self.writing.settle(batch, settlement)
    }

    /// Gives back a batch that nothing is wrong with: its turn was cut short. Not counted as a failure.
    pub fn release(&mut self, batch: BatchId) -> Result<(), Error> {
        self.writing.run(|connection, _| {
            connection
                .prepare_cached("update batches set state = ? where job = ? and batch = ? and state = ?")?
                .execute((Progress::Pending.name(), batch.job.0, batch.number, Progress::InFlight.name()))
        })?;
        Ok(())
    }

    /// Gives back a batch that failed then, to be tried again later; with `most` failures it is set aside.
    pub fn give_back(
        &mut self,
        batch: BatchId,
        reason: &str,
        at: Timestamp,
        most: u32,
    ) -> Result<GivenBack, Error> {
        let failures: Option<u32> = self.writing.run(|connection, _| {
            connection
                .prepare_cached(
                    "update batches set failures = failures + 1, reason = ?3, failed_at = ?4,
                    state = case when failures + 1 >= ?5 then ?6 else ?7 end
                    where job = ?1 and batch = ?2 returning failures",
                )?
                .query_row(
                    (
                        batch.job.0,
                        batch.number,
                        reason,
                        sql::time(at),
                        most,
                        Progress::SetAside.name(),
                        Progress::Pending.name(),
                    ),
                    |row| row.get(0),
                )
                .optional()
        })?;
        match failures {
            Some(failures) if failures >= most => Ok(GivenBack::SetAside),
            Some(_) => Ok(GivenBack::Waits),
            None => Err(self.writing.no_such(batch)),
        }
    }

    /// Makes the changes, and waits until they are on the disk.
    pub fn commit(self) -> Result<(), Error> {
        self.writing.commit()
    }
}

impl Writing<'_> {
    pub(crate) fn settle(&mut self, batch: BatchId, settlement: &Settlement<'_>) -> Result<Settled, Error> {
        let long = |row: &&engagement_model::Row| row.bucket.is_some_and(|bucket| bucket.len_hours() > 1);
        let mut rows = settlement.observations.iter().flat_map(|observation| observation.rows);
        if let Some(row) = rows.find(|row| row.outcome.value().is_some() && long(row)) {
            return Err(self.error(ErrorKind::NotHourly { tweet_id: row.tweet_id }));
        }
        for (request, ending) in &settlement.requests {
            self.ended(*request, *ending, settlement.at)?;
        }
        let settled = self.run(|connection, facts| facts.settle(connection, batch, settlement))?;
        settled.ok_or_else(|| self.no_such(batch))
    }

    pub(crate) fn lose_rest(&mut self, at: Timestamp) -> Result<(), Error> {
        self.run(|connection, _| {
            connection.execute(
                "update requests set state = 'lost', settled_at = ? where state = 'sent'",
                [sql::time(at)],
            )
        })?;
        Ok(())
    }

    fn ended(&mut self, request: RequestId, ending: Ending, at: Timestamp) -> Result<(), Error> {
        let (state, status) = match ending {
            Ending::Answered(status) => ("answered", Some(status)),
            Ending::Mistimed(status) => ("mistimed", Some(status)),
            Ending::Broken => ("broken", None),
        };
        self.run(|connection, _| {
            connection
                .prepare_cached(
                    "update requests set state = ?, status = ?, settled_at = ? where request = ?",
                )?
                .execute((state, status, sql::time(at), request.0))
        })?;
        Ok(())
    }

    fn no_such(&self, batch: BatchId) -> Error {
        self.error(ErrorKind::NoSuchBatch { job: batch.job.0, batch: batch.number })
    }
}

fn batch(row: &SqlRow<'_>) -> rusqlite::Result<Batch> {
    Ok(Batch {
        id: BatchId { job: JobId(row.get(0)?), number: row.get(1)? },
        endpoint: sql::column(row, 2, sql::read_endpoint)?,
        owner: row.get(3)?,
        metrics: sql::column(row, 4, sql::read_metrics)?,
        window: sql::window(row, 5)?,
        attempts: row.get(7)?,
        failures: row.get(8)?,
        failed_at: sql::optional(row, 9, sql::read_time)?,
        tweet_ids: sql::column(row, 10, sql::read_tweet_ids)?,
    })
}
