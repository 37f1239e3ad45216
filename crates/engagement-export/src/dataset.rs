//! Data sets: tables of Parquet files that other tools read as they are.
//!
//! ```text
//! series/dt=2024-03-01/part-0.parquet    one file for each day of hours
//! totals/dt=2024-03-06/part-0.parquet    one file for each day on which totals were observed
//! tweets/part-0.parquet                  the Tweets
//! _engagement/dataset.json               that this is a data set, and how it is laid out
//! _engagement/commits/00000001.json      what it holds since the first export; one more with each
//! ```
//!
//! An export brings whole tables: when it is committed, the files that it wrote are the table, and files of earlier
//! exports that it did not write again are removed. A partition is one file, and a newer one takes its place in one
//! step: so nobody who reads a table by its file names sees rows twice, whatever happens meanwhile.
//!
//! The commit record comes last, and only where there is none of its number yet: without one an export has not
//! happened. One that is killed leaves in a folder what it wrote out of sight, and the next export removes it. In S3
//! there is nothing to move, and each file is in sight as soon as it is whole; what reads there while the first export
//! runs goes by the commit records.
//!
//! ```
//! use engagement_export::{Dataset, Fact, dataset::Table};
//! use engagement_model::{Endpoint, Metric, Outcome, Row, UtcHour, Window};
//!
//! # let place = std::env::temp_dir().join(format!("engagement-export-{}", std::process::id()));
//! let hour = UtcHour::containing("2024-03-01T07:00:00Z".parse()?);
//! let row = Row {
//!     tweet_id: "1763000000000000009".parse()?,
//!     metric: Metric::Impressions,
//!     bucket: Some(Window::hour(hour)),
//!     outcome: Outcome::Ok(12),
//! };
//! let now = "2024-03-06T12:00:00Z".parse()?;
//!
//! let mut dataset = Dataset::open(&place)?;
//! let mut series = dataset.series();
//! series.write(&Fact { row: &row, endpoint: Endpoint::Historical, observed_at: now, owner: None })?;
//! series.finish()?;
//! let commit = dataset.commit(now)?;
//!
//! assert_eq!(commit.tables[&Table::Series].files[0].path, "series/dt=2024-03-01/part-0.parquet");
//! assert!(place.join("series/dt=2024-03-01/part-0.parquet").exists());
//! # std::fs::remove_dir_all(place)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "s3")]
mod bucket;
mod commit;
mod day;
mod error;
mod folder;
mod place;
mod table;
mod writer;

use std::{collections::BTreeSet, path::Path};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    commit::{Commit, Contents, Written},
    error::DatasetError,
    table::Table,
    writer::TableWriter,
};
use self::{
    commit::{IDENTITY, Identity, record_path},
    place::Place,
};
use crate::parquet_file::{Facts, TweetLines};

/// A data set, open for an export. A folder is locked against other exports meanwhile.
#[derive(Debug)]
pub struct Dataset {
    place: Place,
    origin: Option<String>,
    written: Vec<(Table, Vec<Written>)>,
}

impl Dataset {
    /// Opens the data set in this folder, or below this `s3://bucket/prefix` (feature `s3`), or makes a new one.
    ///
    /// S3 is found as its own tools find it, through the variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL` and their sisters. Must not be called from asynchronous code then: it waits.
    ///
    /// # Errors
    ///
    /// A place with something else in it, one that another export is writing to, or one that cannot be used.
    pub fn open(place: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let place = Place::open(place.as_ref())?;
        if place.read(IDENTITY)?.is_none() {
            place.create(IDENTITY, &json(IDENTITY, &Identity::new())?)?;
        }
        let identity: Option<Identity> = read(&place, IDENTITY)?;
        if !identity.is_some_and(|identity| identity.is_ours()) {
            return Err(DatasetError::Unknown { place: place.name() });
        }
        Ok(Self { place, origin: None, written: Vec::new() })
    }

    /// Says where the rows come from, in words that name it and nothing else. An export brings whole tables: those of
    /// another origin are kept from it.
    ///
    /// # Errors
    ///
    /// A data set that holds what comes from elsewhere.
    pub fn of(mut self, origin: &str) -> Result<Self, DatasetError> {
        self.origin = Some(origin.to_owned());
        self.judge(self.last_commit()?.as_ref())?;
        Ok(self)
    }

    fn judge(&self, held: Option<&Commit>) -> Result<(), DatasetError> {
        match (&self.origin, held.and_then(|held| held.origin.as_ref())) {
            (Some(origin), Some(held)) if origin != held => Err(DatasetError::OtherOrigin {
                place: self.place.name(),
                held: held.clone(),
                origin: origin.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Begins the table of totals. Its rows come by day of observation, Tweet, metric and time of observation.
    pub fn totals(&mut self) -> TableWriter<'_, Facts> {
        TableWriter::new(self, Table::Totals)
    }

    /// Begins the table of hours. Its rows come by day, Tweet, hour and metric.
    pub fn series(&mut self) -> TableWriter<'_, Facts> {
        TableWriter::new(self, Table::Series)
    }

    /// Begins the table of Tweets. Its rows come by Tweet.
    pub fn tweets(&mut self) -> TableWriter<'_, TweetLines> {
        TableWriter::new(self, Table::Tweets)
    }

    /// What the data set holds, if any export has ended well.
    ///
    /// # Errors
    ///
    /// A record that cannot be read.
    pub fn last_commit(&self) -> Result<Option<Commit>, DatasetError> {
        match self.place.last_commit()? {
            Some(number) => read(&self.place, &record_path(number)),
            None => Ok(None),
        }
    }

    /// Makes the tables that were written those of the data set. Tables that were not written stay as they are.
    ///
    /// # Errors
    ///
    /// What keeps the files from their places, or the record from being written.
    pub fn commit(mut self, at: Timestamp) -> Result<Commit, DatasetError> {
        let written = std::mem::take(&mut self.written);
        for (table, _) in &written {
            self.place.publish(*table)?;
        }
        loop {
            let before = self.last_commit()?;
            self.judge(before.as_ref())?;
            let origin = self.origin.clone().or_else(|| before.as_ref()?.origin.clone());
            let number = before.as_ref().map_or(1, |before| before.commit + 1);
            let mut tables = before.as_ref().map(|before| before.tables.clone()).unwrap_or_default();
            for (table, files) in &written {
                let rows = files.iter().map(|file| file.rows).sum();
                tables.insert(*table, Contents { commit: number, rows, files: files.clone() });
            }
            let held: BTreeSet<&str> =
                tables.values().flat_map(|contents| &contents.files).map(|file| file.path.as_str()).collect();
            let replaced =
                before.iter().flat_map(Commit::paths).filter(|path| !held.contains(path)).map(str::to_owned);
            let replaced = replaced.collect();
            let commit = Commit { commit: number, committed_at: at, origin, tables, replaced };
            let path = record_path(number);
            // Where there is no lock another export may have been faster.
            if self.place.create(&path, &json(&path, &commit)?)? {
                for path in &commit.replaced {
                    self.place.remove(path)?;
                }
                return Ok(commit);
            }
        }
    }
}

fn read<T: DeserializeOwned>(place: &Place, path: &str) -> Result<Option<T>, DatasetError> {
    let Some(bytes) = place.read(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| DatasetError::Damaged { path: format!("{}/{path}", place.name()), source })
}

fn json<T: Serialize>(path: &str, value: &T) -> Result<Vec<u8>, DatasetError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|source| DatasetError::Damaged { path: path.to_owned(), source })?;
    text.push(b'\n');
    Ok(text)
}
