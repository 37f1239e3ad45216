//! One Parquet file.

mod columns;
mod error;
mod layout;

use std::{
    fmt,
    io::{self, Write},
};

use arrow_array::RecordBatch;
use parquet::arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions};

pub use self::{
    columns::{Columns, Facts, TweetLines},
    error::ParquetError,
    layout::Order,
};

/// A Parquet file of records of one kind that is being written.
///
/// Integers and times are delta-encoded, words that come again and again are in dictionaries, and all of it is
/// compressed with zstd. What is held in memory is one compressed row group, of about a million rows at most.
pub struct ParquetFile<C: Columns, W: Write + Send> {
    writer: ArrowWriter<Lent<W>>,
    columns: C,
    rows: u64,
}

impl<C: Columns, W: Write + Send> ParquetFile<C, W> {
    /// A file of no rows yet, whose rows will come in this order.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn create(to: W, order: Order) -> Result<Self, ParquetError> {
        // Readers find all that they need in the Parquet types; Arrow's own schema would only repeat it.
        let options = ArrowWriterOptions::new()
            .with_properties(layout::properties::<C>(order))
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Lent(Some(to)), C::schema(), options)?;
        Ok(Self { writer, columns: C::default(), rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// A value that is too large, or the writer's, of this or of an earlier row.
    pub fn write(&mut self, record: &C::Record<'_>) -> Result<(), ParquetError> {
        self.columns.push(record)?;
        self.rows += 1;
        if self.columns.rows() >= BATCH { self.encode() } else { Ok(()) }
    }

    /// How many rows there are so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what is still to be written, the footer without which the file is none last, and gives the writer back.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn finish(mut self) -> Result<W, ParquetError> {
        self.encode()?;
        // Not `into_inner`, which makes a text of the writer's error.
        self.writer.finish()?;
        self.writer.inner_mut().0.take().ok_or_else(|| ParquetError::Io(Lent::<W>::returned()))
    }

    fn encode(&mut self) -> Result<(), ParquetError> {
        if self.columns.rows() == 0 {
            return Ok(());
        }
        let batch = RecordBatch::try_new(C::schema(), self.columns.take())?;
        Ok(self.writer.write(&batch)?)
    }
}

impl<C: Columns, W: Write + Send> fmt::Debug for ParquetFile<C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetFile").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// A writer until it is taken back.
struct Lent<W>(Option<W>);

impl<W> Lent<W> {
    fn get(&mut self) -> io::Result<&mut W> {
        self.0.as_mut().ok_or_else(Self::returned)
    }

    fn returned() -> io::Error {
        io::Error::other("the writer was taken back")
    }
}

impl<W: Write> Write for Lent<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.get()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.get()?.flush()
    }
}

/// Rows that are turned into columns at once: enough to pay for the turning, few enough to stay in the cache.
const BATCH: usize = 8_192;
