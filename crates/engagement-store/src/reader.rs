//! Looking at what is committed.

use std::{collections::BTreeMap, sync::Arc};

use engagement_model::{State, Tally, TweetId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow};

use crate::{
    error::{Error, ErrorKind},
    fact::{self, Fact, Kind, Order, Tweet},
    job::{BatchId, BatchStatus, Job, JobId, Progress},
    record::Ending,
    sql,
    store::{Store, is_sound},
    top::{self, By, Ranked},
    usage::{self, BillingMonth, Usage},
};

/// A connection that only reads. What it reads in one call is of one moment.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    connection: Connection,
}

impl Reader {
    pub(crate) const fn new(store: Store, connection: Connection) -> Self {
        Self { store, connection }
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// When the store was made: which one it is, wherever a copy of it lies.
    pub fn made_at(&self) -> Result<Timestamp, Error> {
        self.read(|connection| {
            let first = "select since from schema_version order by version limit 1";
            connection.query_row(first, [], |row| sql::column(row, 0, sql::read_time))
        })
    }

    /// Looks at every page of the file. Takes as long as reading all of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where something is wrong with one.
    pub fn check(&self) -> Result<(), Error> {
        match self.read(is_sound)? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Corrupt, self.store.path())),
        }
    }

    /// From here on this reader sees the store as it is now, whatever is committed meanwhile.
    ///
    /// To be dropped before long: what a collector commits stays in SQLite's log until then.
    pub fn hold(self) -> Result<Self, Error> {
        // The moment is that of the first look.
        self.read(|connection| {
            connection.execute_batch("begin")?;
            connection.query_row("select count(*) from schema_version", [], |_| Ok(()))
        })?;
        Ok(self)
    }

    /// Every job, the oldest first.
    pub fn jobs(&self) -> Result<Vec<Job>, Error> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{JOB} group by jobs.job order by jobs.job"))?;
            statement.query_map([], job)?.collect()
        })
    }

    /// One job.
    pub fn job(&self, id: JobId) -> Result<Job, Error> {
        let found = self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{JOB} where jobs.job = ? group by jobs.job"))?;
            statement.query_row([id.0], job).optional()
        })?;
        found.ok_or_else(|| Error::new(ErrorKind::NoSuchJob { job: id.0 }, self.store.path()))
    }

    /// The jobs that ask so, of whatever ids, the newest first: the first with the right hash is the one to go on with,
    /// and others show that a list has changed.
    pub fn jobs_like(&self, identity: &str) -> Result<Vec<Job>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{JOB} where jobs.identity = ? group by jobs.job order by jobs.job desc"
            ))?;
            statement.query_map([identity], job)?.collect()
        })
    }

    /// The batches of a job in these states, in order.
    pub fn batches(&self, job: JobId, states: &[Progress]) -> Result<Vec<BatchStatus>, Error> {
        self.job(job)?;
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select job, batch, endpoint, owner, window_start, window_end, tweets, state, attempts, failures,
                reason, settled_at, ok, unavailable, unsupported, forbidden, failed, unaccounted
                from batches where job = ? order by batch",
            )?;
            let all = statement.query_map([job.0], batch_status)?;
            all.filter(|batch| batch.as_ref().map_or(true, |batch| states.contains(&batch.progress))).collect()
        })
    }

    /// The Tweets of a batch, with the state of each once it is done.
    pub fn batch_tweets(&self, batch: BatchId) -> Result<Vec<(TweetId, Option<State>)>, Error> {
        let found = self.read(|connection| {
            connection
                .prepare_cached("select tweet_ids, states from batch_tweets where job = ? and batch = ?")?
                .query_row((batch.job.0, batch.number), |row| {
                    Ok((sql::column(row, 0, sql::read_tweet_ids)?, row.get::<_, Option<Vec<u8>>>(1)?))
                })
                .optional()
        })?;
        let kind = ErrorKind::NoSuchBatch { job: batch.job.0, batch: batch.number };
        let (ids, states) = found.ok_or_else(|| Error::new(kind, self.store.path()))?;
        let states = states.unwrap_or_default();
        let state = |index: usize| states.get(index).and_then(|byte| sql::state_of_byte(*byte));
        Ok(ids.into_iter().enumerate().map(|(index, id)| (id, state(index))).collect())
    }

    /// A job's Tweets, each counted once: by state, and how many have none yet.
    ///
    /// A Tweet of several batches is in the state that [`State::and`] gives; as long as one of them waits it has none, unless
    /// it is ok already. Needs 16 bytes for each Tweet.
    pub fn tweets_of(&self, job: JobId) -> Result<(Tally, u64), Error> {
        self.job(job)?;
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("select tweet_ids, states from batch_tweets where job = ? order by batch")?;
            let mut rows = statement.query([job.0])?;
            let mut found: Vec<(TweetId, Option<State>)> = Vec::new();
            let mut merged = 0;
            while let Some(row) = rows.next()? {
                let ids = sql::column(row, 0, sql::read_tweet_ids)?;
                let states = row.get::<_, Option<Vec<u8>>>(1)?.unwrap_or_default();
                let state = |index: usize| states.get(index).and_then(|byte| sql::state_of_byte(*byte));
                found.extend(ids.into_iter().enumerate().map(|(index, id)| (id, state(index))));
                // Windows of the same Tweets follow each other: what they repeat goes before it gets large.
                if found.len() >= 2 * merged + MERGED_AT_LEAST {
                    merge(&mut found);
                    merged = found.len();
                }
            }
            merge(&mut found);
            let (mut tally, mut waiting) = (Tally::default(), 0);
            for (_, state) in found {
                match state {
                    Some(state) => tally.count(state),
                    None => waiting += 1,
                }
            }
            Ok((tally, waiting))
        })
    }

    /// How much of a job's asking is done: Tweets of batches that are answered or set aside, and of all batches, one in
    /// several of them counted in each.
    pub fn asked(&self, job: JobId) -> Result<(u64, u64), Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select sum(iif(state in ('done', 'set_aside'), tweets, 0)), sum(tweets)
                from batches where job = ? and metrics <> ''",
            )?;
            statement.query_row([job.0], |row| Ok((sql::count(row, 0)?, sql::count(row, 1)?)))
        })
    }

    /// How the newest request of each owner for a job ended that was answered; `None` is the app.
    pub fn last_answers(&self, job: JobId) -> Result<Vec<(Option<String>, Ending)>, Error> {
        self.read(|connection| {
            // With `max`, SQLite takes the other columns from the row that has it.
            let mut statement = connection.prepare_cached(
                "select owner, status, state = 'mistimed', max(request) from requests
                where job = ? and state in ('answered', 'mistimed') group by owner",
            )?;
            let ending = |row: &SqlRow<'_>| {
                let ending = if row.get(2)? { Ending::Mistimed } else { Ending::Answered };
                Ok((row.get(0)?, ending(row.get(1)?)))
            };
            statement.query_map([job.0], ending)?.collect()
        })
    }

    /// Why a Tweet has no values, by the job that asked for it last.
    pub fn reason(&self, tweet_id: TweetId) -> Result<Option<String>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("select reason from tweets where tweet_id = ?")?;
            let reason = statement.query_row([sql::tweet_id(tweet_id)], |row| row.get(0)).optional()?;
            Ok(reason.flatten())
        })
    }

    /// Every Tweet whose owner is known, in the order of ids.
    pub fn owners(&self, mut each: impl FnMut(TweetId, &str)) -> Result<(), Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select tweet_id, owner from tweets where owner is not null order by tweet_id",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(sql::column(row, 0, sql::read_tweet_id)?, row.get_ref(1)?.as_str().unwrap_or_default());
            }
            Ok(())
        })
    }

    /// Every owner of a Tweet or a batch, once.
    pub fn owner_names(&self) -> Result<Vec<Arc<str>>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select owner from tweets where owner is not null \
                 union select owner from batches where owner is not null",
            )?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// The Tweets that did best, at most so many, the best first. Of equals the one with the smaller id comes first.
    pub fn top(&self, by: &By, most: usize) -> Result<Vec<Ranked>, Error> {
        self.read(|connection| top::overall(connection, by, most))
    }

    /// The same for each owner. Tweets whose owner is not known are a group of their own.
    pub fn top_by_owner(&self, by: &By, most: usize) -> Result<BTreeMap<Option<String>, Vec<Ranked>>, Error> {
        self.read(|connection| top::by_owner(connection, by, most))
    }

    /// What the ledger says of a month.
    pub fn usage(&self, month: BillingMonth) -> Result<Usage, Error> {
        self.read(|connection| usage::of(connection, month))
    }

    /// Every outcome of this kind, in this order: what has a value, and what has none and why. See [`fact`].
    ///
    /// # Errors
    ///
    /// The store's, and those of `each`, which end it.
    ///
    /// [`fact`]: crate::fact
    pub fn facts<E: From<Error>>(
        &self,
        kind: Kind,
        order: Order,
        each: impl FnMut(&Fact<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(Error::sqlite(error, self.store.path()));
        let mut statement = self.connection.prepare_cached(&fact::query(kind, order)).map_err(failed)?;
        fact::visit(&mut statement.query([]).map_err(failed)?, failed, each)
    }

    /// Every Tweet that was asked for, in the order of ids.
    ///
    /// # Errors
    ///
    /// The store's, and those of `each`, which end it.
    pub fn tweets<E: From<Error>>(&self, mut each: impl FnMut(&Tweet<'_>) -> Result<(), E>) -> Result<(), E> {
        let failed = |error| E::from(Error::sqlite(error, self.store.path()));
        let mut statement = self.connection.prepare_cached(fact::TWEETS).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(&Tweet::read(row).map_err(failed)?)?;
        }
        Ok(())
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        read(&self.connection).map_err(|error| Error::sqlite(error, self.store.path()))
    }
}

fn job(row: &SqlRow<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: JobId(row.get(0)?),
        identity: row.get(1)?,
        ids_hash: row.get(2)?,
        observation: row.get(3)?,
        endpoint: sql::column(row, 4, sql::read_endpoint)?,
        settings: row.get(5)?,
        tweets: row.get::<_, i64>(6)?.cast_unsigned(),
        made_at: sql::column(row, 7, sql::read_time)?,
        batches: [sql::count(row, 8)?, sql::count(row, 9)?, sql::count(row, 10)?, sql::count(row, 11)?],
        cells: sql::tally(row, 12)?,
    })
}

fn batch_status(row: &SqlRow<'_>) -> rusqlite::Result<BatchStatus> {
    Ok(BatchStatus {
        id: BatchId { job: JobId(row.get(0)?), number: row.get(1)? },
        endpoint: sql::column(row, 2, sql::read_endpoint)?,
        owner: row.get(3)?,
        window: sql::window(row, 4)?,
        tweets: sql::count(row, 6)?,
        progress: sql::column(row, 7, sql::read_progress)?,
        attempts: row.get(8)?,
        failures: row.get(9)?,
        reason: row.get(10)?,
        settled_at: sql::optional(row, 11, sql::read_time)?,
        cells: sql::tally(row, 12)?,
    })
}

/// One line for each Tweet, in its state.
fn merge(tweets: &mut Vec<(TweetId, Option<State>)>) {
    tweets.sort_unstable_by_key(|(id, _)| *id);
    tweets.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = match (kept.1, next.1) {
                (Some(one), Some(other)) => Some(one.and(other)),
                // What still waits may bring a value: only one that is there cannot change the state any more.
                (one, other) => one.or(other).filter(|state| *state == State::Ok),
            };
        }
        same
    });
}

const JOB: &str =
    "select jobs.job, identity, ids_hash, observation, jobs.endpoint, settings, jobs.tweets, made_at,
    sum(batches.state = 'pending'), sum(batches.state = 'in_flight'),
    sum(batches.state = 'done' and batches.metrics <> ''), sum(batches.state = 'set_aside'),
    sum(ok), sum(unavailable), sum(unsupported), sum(forbidden), sum(failed), sum(unaccounted)
    from jobs left join batches using (job)";

/// Below this many nothing is gained by merging early.
const MERGED_AT_LEAST: usize = 1 << 20;
