//! Records as columns.

mod facts;
mod tweet_lines;

use std::{fmt::Write as _, sync::Arc};

use arrow_array::{
    ArrayRef,
    builder::{StringBuilder, TimestampMicrosecondBuilder, UInt64Builder},
};
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};
use engagement_model::TweetId;
use jiff::Timestamp;

pub use self::{facts::Facts, tweet_lines::TweetLines};
use super::error::ParquetError;

/// Records of one kind, gathered as columns.
pub trait Columns: Default {
    /// What is gathered.
    type Record<'a>;

    /// The columns by which the rows of a file of a data set are sorted.
    const SORTED_BY: &'static [&'static str];

    /// Names and types, in order.
    fn schema() -> SchemaRef;

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// A value that the columns cannot hold. Nothing is added then.
    fn push(&mut self, record: &Self::Record<'_>) -> Result<(), ParquetError>;

    /// How many records there are.
    fn rows(&self) -> usize;

    /// Takes the columns out.
    fn take(&mut self) -> Vec<ArrayRef>;
}

/// The two columns of an id: as a number for those who can, and as text for those whose numbers are floats.
#[derive(Debug, Default)]
struct TweetIds {
    numbers: UInt64Builder,
    texts: StringBuilder,
    last: Option<TweetId>,
    text_of_last: String,
}

impl TweetIds {
    fn push(&mut self, tweet_id: TweetId) {
        // Rows of one Tweet stand together, and its digits are made once.
        if self.last != Some(tweet_id) {
            self.last = Some(tweet_id);
            self.text_of_last.clear();
            // A String takes everything.
            let _ = write!(self.text_of_last, "{tweet_id}");
        }
        self.numbers.append_value(tweet_id.get());
        self.texts.append_value(&self.text_of_last);
    }

    fn take(&mut self) -> [ArrayRef; 2] {
        [Arc::new(self.numbers.finish()), Arc::new(self.texts.finish())]
    }
}

fn words(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

/// Microseconds, which every reader takes for a time; of UTC.
fn time(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), nullable)
}

fn times() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone(UTC)
}

/// In whole seconds, as in text.
fn microseconds(time: Timestamp) -> i64 {
    time.as_second() * 1_000_000
}

/// The column of the id as a number.
pub(super) const TWEET_ID: &str = "tweet_id";
/// The column of the id as text.
pub(super) const TWEET_ID_TEXT: &str = "tweet_id_text";
const UTC: &str = "UTC";
