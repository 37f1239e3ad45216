//! Rows out, in the forms that users choose.

mod wide;

use std::io::{self, Write};

use engagement::{Batch, model::Row};
use jiff::{Timestamp, TimestampRound, Unit};
use serde::Serialize;

use crate::{cli::Format, place::Place};

/// Where rows go, and in which form.
pub(crate) struct Rows {
    form: Form,
    to: Place,
}

/// A form of output that takes one batch after the other.
enum Form {
    Ndjson,
    Json {
        begun: bool,
    },
    Delimited {
        delimiter: u8,
        begun: bool,
    },
    /// Columns are as wide as their widest cell, so the whole table is needed first.
    Table(comfy_table::Table),
    /// Which lines and columns there are is known at the end only.
    Wide {
        lines: wide::Lines,
        form: Format,
    },
}

impl Rows {
    /// Rows to this place, in this form or the one that suits it.
    pub(crate) fn new(format: Option<Format>, to: Place, wide: bool) -> Self {
        let format = format.unwrap_or(if to.is_terminal() { Format::Table } else { Format::Ndjson });
        let form = match format {
            _ if wide => Form::Wide { lines: wide::Lines::default(), form: format },
            Format::Table => Form::Table(table(&COLUMNS)),
            Format::Ndjson => Form::Ndjson,
            Format::Csv => Form::Delimited { delimiter: b',', begun: false },
            Format::Tsv => Form::Delimited { delimiter: b'\t', begun: false },
            Format::Json | Format::Raw => Form::Json { begun: false },
        };
        Self { form, to }
    }

    /// Writes a batch, whose rows are sorted.
    pub(crate) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let to = &mut self.to;
        match &mut self.form {
            Form::Ndjson => {
                for row in &batch.rows {
                    serde_json::to_writer(&mut *to, &Line::new(batch, row))?;
                    to.write_all(b"\n")?;
                }
            }
            Form::Json { begun } => {
                for row in &batch.rows {
                    to.write_all(if *begun { b",\n" } else { b"[" })?;
                    *begun = true;
                    serde_json::to_writer(&mut *to, &Line::new(batch, row))?;
                }
            }
            Form::Delimited { delimiter, begun } => {
                let mut writer = delimited(to, *delimiter);
                if !*begun {
                    writer.write_record(COLUMNS)?;
                    *begun = true;
                }
                for row in &batch.rows {
                    writer.serialize(Line::new(batch, row))?;
                }
                writer.flush()?;
            }
            Form::Table(table) => {
                for row in &batch.rows {
                    table.add_row(Line::new(batch, row).cells());
                }
            }
            Form::Wide { lines, .. } => lines.add(batch),
        }
        self.to.flush()
    }

    /// Writes what is still to be written. Must be called: without it a JSON array has no end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let to = &mut self.to;
        match self.form {
            Form::Ndjson => {}
            Form::Json { begun } => to.write_all(if begun { b"]\n" } else { b"[]\n" })?,
            Form::Delimited { delimiter, begun } => {
                if !begun {
                    let mut writer = delimited(to, delimiter);
                    writer.write_record(COLUMNS)?;
                    writer.flush()?;
                }
            }
            Form::Table(table) => writeln!(to, "{}", table.trim_fmt())?,
            Form::Wide { lines, form } => lines.write(form, to)?,
        }
        self.to.finish()
    }
}

/// One row, with the names and the order that users see.
#[derive(Debug, Serialize)]
struct Line<'a> {
    tweet_id: String,
    metric: &'a str,
    bucket_start: Option<Timestamp>,
    bucket_end: Option<Timestamp>,
    value: Option<u64>,
    state: &'static str,
    reason: Option<&'a str>,
    endpoint: &'static str,
    observed_at: Timestamp,
    owner: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(batch: &'a Batch, row: &'a Row) -> Self {
        Self {
            tweet_id: row.tweet_id.to_string(),
            metric: row.metric.name(),
            bucket_start: row.bucket.map(|bucket| bucket.start().start()),
            bucket_end: row.bucket.map(|bucket| bucket.end().start()),
            value: row.outcome.value(),
            state: row.outcome.state().name(),
            reason: row.outcome.reason(),
            endpoint: batch.endpoint.name(),
            observed_at: whole_seconds(batch.observed_at),
            owner: batch.owner.as_deref(),
        }
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        fn text<T: ToString>(cell: Option<T>) -> String {
            cell.map_or_else(String::new, |cell| cell.to_string())
        }
        [
            self.tweet_id.clone(),
            self.metric.to_owned(),
            text(self.bucket_start),
            text(self.bucket_end),
            text(self.value),
            self.state.to_owned(),
            text(self.reason),
            self.endpoint.to_owned(),
            self.observed_at.to_string(),
            text(self.owner),
        ]
    }
}

fn delimited<W: Write>(to: W, delimiter: u8) -> csv::Writer<W> {
    csv::WriterBuilder::new().delimiter(delimiter).has_headers(false).from_writer(to)
}

fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    // No lines: they would double the height, and columns are easily told apart without them.
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table
}

/// The second in which it was: finer times say nothing about the numbers.
fn whole_seconds(time: Timestamp) -> Timestamp {
    let down = TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc);
    time.round(down).unwrap_or(time)
}

/// The columns of the long form.
const COLUMNS: [&str; 10] = [
    "tweet_id",
    "metric",
    "bucket_start",
    "bucket_end",
    "value",
    "state",
    "reason",
    "endpoint",
    "observed_at",
    "owner",
];
