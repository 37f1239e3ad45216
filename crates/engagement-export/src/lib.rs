//! Engagement rows to files.
//!
//! A [`Fact`] is one line of the product's long form: what became of one Tweet × metric × bucket, who asked, and when
//! the server answered. [`TweetLine`] is what is known of a Tweet as a whole. Both are [`Record`]s, and can be written
//!
//! * as text, with [`Text`]: csv, tsv, one JSON object a line, or a JSON array;
//! * as one Parquet file, with [`ParquetFile`] (feature `parquet`);
//! * as a data set, with [`Dataset`] (feature `parquet`): Parquet files in the hive layout in a folder, or below an
//!   `s3://` URL (feature `s3`), that DuckDB, Polars, pandas, ClickHouse and Spark read as they are.
//!
//! Nothing here asks the API or reads a store: records are handed in one by one, in order, and what is held in memory
//! does not grow with their number.

#[cfg(feature = "parquet")]
pub mod dataset;
mod fact;
#[cfg(feature = "parquet")]
mod parquet_file;
mod record;
mod text;
mod tweet_line;

#[cfg(feature = "parquet")]
pub use self::{
    dataset::Dataset,
    parquet_file::{Columns, Facts, Order, ParquetError, ParquetFile, TweetLines},
};
pub use self::{
    fact::{Fact, whole_seconds},
    record::Record,
    text::{Form, Text, csv_error},
    tweet_line::TweetLine,
};
