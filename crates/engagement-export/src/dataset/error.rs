//! Why a data set cannot be written.

use std::io;

use super::table::Table;
use crate::parquet_file::ParquetError;

/// Why a data set cannot be written. What was there before is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// Choose an empty place, or one that an earlier export has made.
    #[error("{place} is not empty, and holds no data set of this program")]
    Foreign {
        /// The place.
        place: String,
    },
    /// Choose another place, or remove what is there: an export brings whole tables, and would take its place.
    #[error("{place} holds the rows of {held}, and these are of {origin}")]
    OtherOrigin {
        /// The place.
        place: String,
        /// Whose rows are there.
        held: String,
        /// Whose rows were to be written.
        origin: String,
    },
    /// Use that version, or choose another place.
    #[error("{place} holds a data set that this version does not know")]
    Unknown {
        /// The place.
        place: String,
    },
    /// Wait for it.
    #[error("another export is writing to {place}")]
    Busy {
        /// The place.
        place: String,
    },
    /// A file that the data set says something of itself in, and that is no such file.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Make room, or choose another place.
    #[error("{path} cannot be {done}")]
    Io {
        /// The file or folder.
        path: String,
        /// What could not be done with it.
        done: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// See [`ParquetError`].
    #[error("{path} cannot be written")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: ParquetError,
    },
    /// The rows of a table did not come in its order: a mistake of the caller.
    #[error("the rows of {table} are not sorted: {key} comes too late")]
    Unsorted {
        /// The table.
        table: Table,
        /// The key of the row.
        key: String,
    },
    /// Write it as `s3://bucket/prefix`.
    #[cfg(feature = "s3")]
    #[error("{url:?} names no bucket, or has a prefix that no object can have")]
    Url {
        /// What was given.
        url: String,
    },
    /// Check the environment variables that name the endpoint, the region and the keys.
    #[cfg(feature = "s3")]
    #[error("the object store does not take {path}")]
    Objects {
        /// The object.
        path: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
}
