//! Why a Parquet file cannot be written.

use std::io;

use arrow_schema::ArrowError;
use engagement_model::{Metric, TweetId};

/// Why a Parquet file cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetError {
    /// Its place does not take it: make room, or choose another place.
    #[error("the Parquet file cannot be written")]
    Io(#[source] io::Error),
    /// A count that no signed 64-bit column holds; write csv instead.
    #[error("{value} {metric} of Tweet {tweet_id} are more than a Parquet column of counts holds")]
    TooLarge {
        /// The Tweet.
        tweet_id: TweetId,
        /// The metric.
        metric: Metric,
        /// The count.
        value: u64,
    },
    /// The encoder refuses the columns: a mistake of this crate.
    #[error("the Parquet file cannot be encoded")]
    Encoding(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<parquet::errors::ParquetError> for ParquetError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        match error {
            parquet::errors::ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(source) => Self::Encoding(source),
            },
            other => Self::Encoding(other.into()),
        }
    }
}

impl From<ArrowError> for ParquetError {
    fn from(error: ArrowError) -> Self {
        Self::Encoding(error.into())
    }
}

impl From<ParquetError> for io::Error {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
