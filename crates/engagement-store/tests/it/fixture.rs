//! A store in a folder of its own, and short ways to fill it.

use std::{collections::BTreeSet, path::PathBuf};

use engagement_model::{Endpoint, Metric, Outcome, Row, TweetId, UtcHour, Window};
use engagement_store::{
    Collector, Store,
    job::{Batch, JobId, NewBatch, NewJob},
    record::{Observation, Settled, Settlement},
};
use jiff::Timestamp;
use tempfile::TempDir;

pub(crate) struct Fixture {
    _folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engagement.db");
        let store = Store::create(&path, now()).unwrap();
        Self { _folder: folder, path, store }
    }

    pub(crate) fn collector(&self) -> Collector {
        self.store.collector(now()).unwrap()
    }

    /// Asks any SQLite, as users would.
    pub(crate) fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn now() -> Timestamp {
    "2024-03-08T12:30:00Z".parse().unwrap()
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + seconds).unwrap()
}

pub(crate) fn id(number: u64) -> TweetId {
    TweetId::new(1_763_000_000_000_000_000 + number).unwrap()
}

pub(crate) fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<TweetId> {
    numbers.into_iter().map(id).collect()
}

/// A job with a batch for each list.
pub(crate) fn job(collector: &mut Collector, endpoint: Endpoint, lists: &[Vec<TweetId>]) -> JobId {
    let mut new = NewJob::new("identity", "hash", endpoint, now());
    new.tweets = lists.iter().flatten().collect::<BTreeSet<_>>().len() as u64;
    let mut draft = collector.draft(&new).unwrap();
    for list in lists {
        draft.add(&NewBatch::new(endpoint, list, &[Metric::Favorites, Metric::Replies])).unwrap();
    }
    draft.commit().unwrap()
}

pub(crate) fn take(collector: &mut Collector, job: JobId, most: u32) -> Vec<Batch> {
    let mut transaction = collector.transaction().unwrap();
    let batches = transaction.take(job, most).unwrap();
    transaction.commit().unwrap();
    batches
}

pub(crate) fn settle(collector: &mut Collector, batch: &Batch, at: Timestamp, rows: &[Row]) -> Settled {
    let mut settlement = Settlement::new(at);
    settlement.observations.push(Observation::new(batch.endpoint, at, rows).by(batch.owner.as_deref()));
    let mut transaction = collector.transaction().unwrap();
    let settled = transaction.settle(batch.id, &settlement).unwrap();
    transaction.commit().unwrap();
    settled
}

pub(crate) fn total(tweet: u64, metric: Metric, outcome: Outcome) -> Row {
    Row { tweet_id: id(tweet), metric, bucket: None, outcome }
}

/// Hour 0 is the first of the day of [`now`].
pub(crate) fn hourly(tweet: u64, metric: Metric, hour: i32, value: u64) -> Row {
    let bucket = Some(Window::hour(UtcHour::from_epoch(474_960 + hour).unwrap()));
    Row { tweet_id: id(tweet), metric, bucket, outcome: Outcome::Ok(value) }
}
