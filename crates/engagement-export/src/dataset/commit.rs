//! What a data set says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::table::{Sorted, Table};
use crate::parquet_file::{Columns, Facts, TweetLines};

/// The content of `_engagement/dataset.json`: that this is a data set, and how it is laid out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    format: String,
    pub(crate) version: u32,
    tables: BTreeMap<Table, Layout>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Layout {
    files: String,
    partitioned_by: Vec<String>,
    sorted_by: Vec<String>,
}

impl Identity {
    /// Of the data sets that this version makes.
    pub(crate) fn new() -> Self {
        let layout = |table: Table| {
            let (partitions, sorted_by) = match table {
                Table::Totals | Table::Series => (vec!["dt".to_owned()], Facts::SORTED_BY),
                Table::Tweets => (Vec::new(), TweetLines::SORTED_BY),
            };
            let folders: String = partitions.iter().map(|partition| format!("{partition}=*/")).collect();
            Layout {
                files: format!("{table}/{folders}{FILE}"),
                partitioned_by: partitions,
                sorted_by: sorted_by.iter().map(|column| (*column).to_owned()).collect(),
            }
        };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            tables: Table::ALL.into_iter().map(|table| (table, layout(table))).collect(),
        }
    }

    /// Whether this version may write to it.
    pub(crate) fn is_ours(&self) -> bool {
        self.format == FORMAT && self.version <= VERSION
    }
}

/// A commit record: what the data set holds since an export ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Commit {
    /// Counted from 1.
    pub commit: u64,
    /// When the export ended.
    pub committed_at: Timestamp,
    /// Where its rows come from, if the export said so: see [`Dataset::of`](super::Dataset::of).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Every table that there is, whether of this export or of an earlier one.
    pub tables: BTreeMap<Table, Contents>,
    /// Files that an earlier commit held and this one does not.
    pub replaced: Vec<String>,
}

impl Commit {
    /// Every file that this or an earlier commit held.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let held = self.tables.values().flat_map(|contents| &contents.files).map(|file| &file.path);
        held.chain(&self.replaced).map(String::as_str)
    }
}

/// What a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contents {
    /// The commit that brought it.
    pub commit: u64,
    /// Rows of all its files.
    pub rows: u64,
    /// Its files; others in the folder of the table belong to an export that did not end, or that is under way.
    pub files: Vec<Written>,
}

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Written {
    /// Below the data set, with `/` between the parts.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
}

/// The path of a file of a table.
pub(crate) fn file_path<C: Sorted>(table: Table, key: &C::Key) -> String {
    match C::partition(key) {
        Some(partition) => format!("{table}/{partition}/{FILE}"),
        None => format!("{table}/{FILE}"),
    }
}

/// The path of a commit record.
pub(crate) fn record_path(commit: u64) -> String {
    format!("{COMMITS}/{commit:08}.json")
}

/// The number of a commit record of this file name.
pub(crate) fn record_number(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok()
}

/// Where a data set keeps what it says of itself; readers of the tables pass over it.
pub(crate) const OWN_FOLDER: &str = "_engagement";
pub(crate) const IDENTITY: &str = "_engagement/dataset.json";
pub(crate) const COMMITS: &str = "_engagement/commits";
/// A partition is one file: so a newer one takes its place in one step, and nobody sees rows twice.
const FILE: &str = "part-0.parquet";
const FORMAT: &str = "engagement-dataset";
const VERSION: u32 = 1;
