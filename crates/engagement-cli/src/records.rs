//! Records about the program's own affairs, in the forms that rows have.

use std::io::{self, Write};

use engagement::model::outcome::clean_words;
use engagement_export::csv_error;
use serde::Serialize;
use serde_json::Value;

use crate::{
    cli::Format,
    exit::{Exit, Failure},
    place::Place,
    rows::table,
};

/// Writes them: a table on a terminal, else an object a line, unless another form is asked for. `columns` are the names
/// of the fields, in their order.
pub(crate) fn put<T: Serialize>(
    records: &[T],
    columns: &[&str],
    format: Option<Format>,
    mut place: Place,
) -> Result<Exit, Failure> {
    let format = format.unwrap_or(if place.is_terminal() { Format::Table } else { Format::Ndjson });
    if format == Format::Parquet {
        return Err(Failure::usage("this has no Parquet form").hint("choose another with -o"));
    }
    match write(records, columns, |record| cells(record, columns), format, &mut place)
        .and_then(|()| place.finish())
    {
        Ok(()) => Ok(Exit::Done),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(Failure::output(&error)),
    }
}

/// Writes records of any kind: as objects, or as cells under the names of their columns.
pub(crate) fn write<T: Serialize>(
    records: &[T],
    columns: &[&str],
    cells: impl Fn(&T) -> io::Result<Vec<String>>,
    format: Format,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Ndjson => {
            for record in records {
                serde_json::to_writer(&mut *to, record)?;
                to.write_all(b"\n")?;
            }
        }
        Format::Json | Format::Raw => {
            serde_json::to_writer(&mut *to, records)?;
            to.write_all(b"\n")?;
        }
        Format::Csv | Format::Tsv => {
            let delimiter = if format == Format::Csv { b',' } else { b'\t' };
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(to);
            writer.write_record(columns).map_err(csv_error)?;
            for record in records {
                writer.write_record(cells(record)?).map_err(csv_error)?;
            }
            writer.flush()?;
        }
        // Parquet is refused before.
        Format::Table | Format::Parquet => {
            let mut table = table(columns);
            for record in records {
                table.add_row(cells(record)?);
            }
            writeln!(to, "{}", table.trim_fmt())?;
        }
    }
    Ok(())
}

fn cells<T: Serialize>(record: &T, columns: &[&str]) -> io::Result<Vec<String>> {
    let record = serde_json::to_value(record)?;
    let cell = |column: &&str| match record.get(column) {
        None | Some(Value::Null) => String::new(),
        // Some of it is a server's or another program's.
        Some(Value::String(text)) => clean_words(text, usize::MAX),
        Some(other) => other.to_string(),
    };
    Ok(columns.iter().map(cell).collect())
}
