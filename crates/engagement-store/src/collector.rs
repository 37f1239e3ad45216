//! The one writer.

use jiff::Timestamp;
use rusqlite::Connection;

use crate::{
    draft::Draft,
    error::{Error, ErrorKind},
    facts::Facts,
    holder::{Holder, Lock},
    job::{JobId, NewJob, Progress},
    log,
    store::{Store, is_sound},
    transaction::Transaction,
    writing::Writing,
};

/// The only one who writes into a store, until it is dropped.
///
/// A commit waits for the disk, so what many requests need is best put into one [`Transaction`]: hundreds of lines of
/// the ledger in one commit cost what one costs. Once a write has failed, every later one fails in the same way: what
/// reached the disk is known only after opening the store again.
#[derive(Debug)]
pub struct Collector {
    store: Store,
    connection: Connection,
    facts: Facts,
    failed: Option<Error>,
    lock: Lock,
}

impl Collector {
    pub(crate) fn new(
        store: &Store,
        connection: Connection,
        lock: Lock,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let failed = |error| Error::sqlite(error, store.path());
        for (pragma, value) in PRAGMAS {
            connection.pragma_update(None, pragma, value).map_err(failed)?;
        }
        log::keep(&connection).map_err(failed)?;
        log::write_back_when_long(&connection);
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let mut collector =
            Self { store: store.clone(), connection, facts: Facts::new(), failed: None, lock };
        // Whatever killed the one before may have hurt the file, and what is written to a damaged one is lost.
        if collector.deserter().is_some() && !is_sound(&collector.connection).map_err(failed)? {
            collector.lock.leave_name();
            return Err(Error::new(ErrorKind::Corrupt, store.path()));
        }
        collector.recover(now)?;
        // The log has its name now. SQLite does the same, and does not look what became of it.
        store.sync_names()?;
        Ok(collector)
    }

    /// Gives back the right to write. Unless somebody is reading, the file alone is the whole store then.
    ///
    /// Dropped without that, it tries the same and tells nobody what fails; no commit is lost by it.
    ///
    /// # Errors
    ///
    /// What an earlier write failed with, or what keeps the log from being written back.
    pub fn close(self) -> Result<(), Error> {
        let Self { store, connection, facts: _, failed, lock } = self;
        let failure = |error| Error::sqlite(error, store.path());
        let written_back = failed.map_or_else(|| log::write_back(&connection).map_err(failure), Err);
        let closed = connection.close().map_err(|(_, error)| failure(error));
        let given_back = lock.give_back().map_err(|error| Error::io(error, store.path()));
        written_back.and(closed).and(given_back)
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Who had the store before and was killed, if anyone was.
    pub const fn deserter(&self) -> Option<&Holder> {
        self.lock.deserter.as_ref()
    }

    /// A job to be put together. Dropped without a commit it was never there.
    pub fn draft(&mut self, job: &NewJob) -> Result<Draft<'_>, Error> {
        Draft::new(self.begin()?, job)
    }

    /// Changes that are committed together. Dropped without a commit they were never made.
    pub fn transaction(&mut self) -> Result<Transaction<'_>, Error> {
        Ok(Transaction::new(self.begin()?))
    }

    /// Lets batches of a job be asked again: those that were set aside, and those that left Tweets failed or
    /// unaccounted. Gives how many there are.
    pub fn retry(&mut self, job: JobId) -> Result<u64, Error> {
        let mut writing = self.begin()?;
        writing.expect_job(job)?;
        let again = writing.run(|connection, _| {
            connection.execute(
                "update batches set state = 'pending', failures = 0, failed_at = null, reason = null
                where job = ?1 and (state = 'set_aside' or (state = 'done' and failed + unaccounted > 0))",
                [job.0],
            )
        })?;
        writing.commit()?;
        Ok(again as u64)
    }

    /// Deletes a job and its batches. What it found stays, and so does what it cost.
    pub fn delete(&mut self, job: JobId) -> Result<(), Error> {
        let mut writing = self.begin()?;
        writing.expect_job(job)?;
        writing.run(|connection, _| {
            for table in ["batch_tweets", "batches", "jobs"] {
                connection.execute(&format!("delete from {table} where job = ?1"), [job.0])?;
            }
            Ok(())
        })?;
        writing.commit()
    }

    /// Whatever the last collector had in flight is in nobody's hands now.
    fn recover(&mut self, now: Timestamp) -> Result<(), Error> {
        let mut writing = self.begin()?;
        writing.lose_rest(now)?;
        writing.run(|connection, _| {
            connection.execute(
                "update batches set state = ?1 where state = ?2 and state <> 'done'",
                [Progress::Pending.name(), Progress::InFlight.name()],
            )
        })?;
        writing.commit()
    }

    fn begin(&mut self) -> Result<Writing<'_>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        Writing::begin(&mut self.connection, &self.facts, self.store.path(), &mut self.failed)
    }
}

impl Writing<'_> {
    /// Refuses a job that is not there.
    pub(crate) fn expect_job(&mut self, job: JobId) -> Result<(), Error> {
        let there = self.run(|connection, _| {
            connection.prepare_cached("select 1 from jobs where job = ?")?.exists([job.0])
        })?;
        if there { Ok(()) } else { Err(self.error(ErrorKind::NoSuchJob { job: job.0 })) }
    }
}

const PRAGMAS: [(&str, &str); 3] = [
    // What is committed is on the disk: the ledger says what was sent even after the power failed.
    ("synchronous", "full"),
    // 64 MiB, which holds the Tweets of a million: their order is no order of ids, so every batch touches many pages.
    ("cache_size", "-65536"),
    ("journal_size_limit", "67108864"),
];

/// More than there are in this crate.
const STATEMENTS: usize = 64;
