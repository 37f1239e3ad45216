//! Engagement facts, the jobs that fetch them, and the ledger of requests, in one SQLite file.
//!
//! A [`Store`] is a file. One [`Collector`] at a time writes to it, any number of [`Reader`]s read. What a request
//! brings is one commit: values, what has none, the batch's state and the request's line in the ledger. After a crash
//! the file holds the whole of every commit and no part of another.
//!
//! The crate knows no network and no clock: requests and times are values that are handed in.
//!
//! ```
//! use engagement_model::{Endpoint, Metric, Outcome, Row};
//! use engagement_store::{Store, job::{NewBatch, NewJob}, record::{Observation, Sent, Settlement}};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("engagement.db");
//! let now = "2024-03-08T12:00:00Z".parse()?;
//! let store = Store::create(&path, now)?;
//! let mut collector = store.collector(now)?;
//!
//! let id = "1763000000000000001".parse()?;
//! let mut draft = collector.draft(&NewJob::new("totals of everything", "hash of the ids", Endpoint::Totals, now))?;
//! draft.add(&NewBatch::new(Endpoint::Totals, &[id], &[Metric::Favorites]))?;
//! let job = draft.commit()?;
//!
//! let mut transaction = collector.transaction()?;
//! let batch = transaction.take(job, 1)?.remove(0);
//! let request = transaction.sent(&Sent::new(batch.id, Endpoint::Totals, now))?;
//! transaction.commit()?; // and only now it is sent
//!
//! let rows = [Row { tweet_id: id, metric: Metric::Favorites, bucket: None, outcome: Outcome::Ok(12) }];
//! let mut settlement = Settlement::new(now);
//! settlement.observations.push(Observation::new(Endpoint::Totals, now, &rows));
//! settlement.answer(request, 200);
//! let mut transaction = collector.transaction()?;
//! transaction.settle(batch.id, &settlement)?;
//! transaction.commit()?;
//! collector.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod collector;
mod draft;
mod error;
pub mod fact;
mod facts;
mod holder;
mod insert;
pub mod job;
mod log;
mod reader;
pub mod record;
mod schema;
mod sql;
mod store;
pub mod top;
mod transaction;
pub mod usage;
mod writing;

pub use collector::Collector;
pub use draft::Draft;
pub use error::{Error, ErrorKind};
pub use holder::Holder;
pub use reader::Reader;
pub use store::Store;
pub use transaction::Transaction;
