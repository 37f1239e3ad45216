//! The tables of a store as a data set.

use std::path::Path;

use engagement::describe;
use engagement_export::{Dataset, dataset::DatasetError};
use engagement_store::fact::Order;
use jiff::Timestamp;

use super::{Source, Trouble};
use crate::{
    cli::Table,
    exit::{Exit, Failure},
};

/// Writes one table or all of them, commits them together, and says what there is now.
pub(super) fn write(source: &Source, chosen: Option<Table>, place: &Path) -> Result<String, Trouble> {
    let origin = format!("the store made at {}", source.reader.made_at()?);
    let mut dataset = Dataset::open(place)?.of(&origin)?;
    for table in [Table::Totals, Table::Series, Table::Tweets] {
        if chosen.is_some_and(|chosen| chosen != table) {
            continue;
        }
        if let Some(kind) = table.kind() {
            let mut writer = if table == Table::Totals { dataset.totals() } else { dataset.series() };
            source.reader.facts(kind, Order::Day, |fact| {
                source.go_on()?;
                Ok::<_, Trouble>(writer.write(&super::fact(fact))?)
            })?;
            writer.finish()?;
        } else {
            let mut writer = dataset.tweets();
            source.reader.tweets(|tweet| {
                source.go_on()?;
                Ok::<_, Trouble>(writer.write(&super::line(tweet))?)
            })?;
            writer.finish()?;
        }
    }
    source.go_on()?;
    let commit = dataset.commit(Timestamp::now())?;
    let tables = commit.tables.iter().filter(|(_, contents)| contents.commit == commit.commit);
    let rows: Vec<String> =
        tables.map(|(table, contents)| format!("{table} {} rows", contents.rows)).collect();
    Ok(format!("commit {} of {}: {}", commit.commit, place.display(), rows.join(", ")))
}

impl From<DatasetError> for Trouble {
    fn from(error: DatasetError) -> Self {
        Self::Dataset(error)
    }
}

/// What the place has against it.
pub(super) fn refused(error: &DatasetError) -> Failure {
    let (exit, hint) = match error {
        DatasetError::Foreign { .. } => {
            (Exit::Storage, "choose an empty place, or one that an earlier export has made")
        }
        DatasetError::OtherOrigin { .. } => {
            (Exit::Storage, "choose another place, or remove what is there if nobody needs it")
        }
        DatasetError::Unknown { .. } | DatasetError::Damaged { .. } => {
            (Exit::Storage, "choose another place, or use the version that made it")
        }
        DatasetError::Busy { .. } => (Exit::Storage, "wait for it, or choose another place"),
        DatasetError::Unsorted { .. } => (Exit::Bug, "please report it with the whole message"),
        #[cfg(feature = "s3")]
        DatasetError::Url { .. } => (Exit::Usage, "write it as s3://BUCKET/PREFIX"),
        #[cfg(feature = "s3")]
        DatasetError::Objects { .. } => (
            Exit::Storage,
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL, and what they may write",
        ),
        _ => (
            Exit::Storage,
            "make room and see that the place can be written; what was there before is still there",
        ),
    };
    Failure::new(exit, "dataset", describe(error))
        .hint(hint)
        .retryable(matches!(error, DatasetError::Busy { .. }))
}
