//! Rows out, in the forms that users choose.

mod wide;

use std::io::{self, Write as _};

use engagement::Batch;
use engagement_export::{Fact, Record, Text};

use crate::{cli::Format, exit::Failure, place::Place};

/// Where rows go, and in which form.
pub(crate) enum Rows {
    Text(Text<Place>),
    #[cfg(feature = "parquet")]
    Parquet(Box<engagement_export::ParquetFile<engagement_export::Facts, Place>>),
    /// Columns are as wide as their widest cell, so the whole table is needed first.
    Table {
        table: comfy_table::Table,
        to: Place,
    },
    /// Which lines and columns there are is known at the end only.
    Wide {
        lines: wide::Lines,
        form: Format,
        to: Place,
    },
}

impl Rows {
    /// Rows to this place, in this form or the one that suits it.
    pub(crate) fn new(format: Option<Format>, to: Place, wide: bool) -> Result<Self, Failure> {
        let format = format.unwrap_or(if to.is_terminal() { Format::Table } else { Format::Ndjson });
        if wide {
            return Ok(Self::Wide { lines: wide::Lines::default(), form: format, to });
        }
        match form(format) {
            Some(form) => match Text::new::<Fact<'_>>(form, to) {
                Ok(text) => Ok(Self::Text(text)),
                Err(error) => Err(Failure::output(&error)),
            },
            None if format == Format::Table => Ok(Self::Table { table: table(Fact::COLUMNS), to }),
            None => Self::parquet(to),
        }
    }

    #[cfg(feature = "parquet")]
    fn parquet(to: Place) -> Result<Self, Failure> {
        // Batches come as they are answered, which is no order of Tweets.
        match engagement_export::ParquetFile::create(to, engagement_export::Order::AsTheyCome) {
            Ok(file) => Ok(Self::Parquet(Box::new(file))),
            Err(error) => Err(Failure::output(&error.into())),
        }
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(_: Place) -> Result<Self, Failure> {
        Err(Failure::without_parquet())
    }

    /// Writes a batch, whose rows are sorted.
    pub(crate) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let facts = batch.rows.iter().map(|row| Fact {
            row,
            endpoint: batch.endpoint,
            observed_at: batch.observed_at,
            owner: batch.owner.as_deref(),
        });
        match self {
            Self::Text(text) => {
                for fact in facts {
                    text.write(&fact)?;
                }
                // Whoever reads along sees whole batches.
                text.flush()?;
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(file) => {
                for fact in facts {
                    file.write(&fact)?;
                }
            }
            Self::Table { table, .. } => {
                for fact in facts {
                    table.add_row(fact.cells());
                }
            }
            Self::Wide { lines, .. } => lines.add(batch),
        }
        Ok(())
    }

    /// Writes what is still to be written. Must be called: without it a JSON array has no end.
    pub(crate) fn finish(self) -> io::Result<()> {
        let to = match self {
            Self::Text(text) => text.finish()?,
            #[cfg(feature = "parquet")]
            Self::Parquet(file) => file.finish()?,
            Self::Table { table, mut to } => {
                writeln!(to, "{}", table.trim_fmt())?;
                to
            }
            Self::Wide { lines, form, mut to } => {
                lines.write(form, &mut to)?;
                to
            }
        };
        to.finish()
    }
}

/// The form of text that a format is, if it is one.
pub(crate) fn form(format: Format) -> Option<engagement_export::Form> {
    match format {
        Format::Csv => Some(engagement_export::Form::Csv),
        Format::Tsv => Some(engagement_export::Form::Tsv),
        Format::Ndjson => Some(engagement_export::Form::Ndjson),
        Format::Json | Format::Raw => Some(engagement_export::Form::Json),
        Format::Table | Format::Parquet => None,
    }
}

/// A table for people, of no rows yet.
pub(crate) fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    // No lines: they would double the height, and columns are easily told apart without them.
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table
}
