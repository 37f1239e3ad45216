//! Records as text, one after the other.

use std::io::{self, Write};

use crate::record::Record;

/// A form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// One JSON object a line.
    Ndjson,
    /// One JSON array, an object a line.
    Json,
}

/// Writes records of one kind.
#[derive(Debug)]
pub struct Text<W: Write> {
    to: To<W>,
}

#[derive(Debug)]
enum To<W: Write> {
    Delimited(Box<csv::Writer<W>>),
    Lines(W),
    Array { to: W, begun: bool },
}

impl<W: Write> Text<W> {
    /// A text of records `R` in this form.
    ///
    /// # Errors
    ///
    /// The writer's, of the header.
    pub fn new<R: Record>(form: Form, to: W) -> io::Result<Self> {
        let delimited = |delimiter, to| {
            let mut writer =
                csv::WriterBuilder::new().delimiter(delimiter).has_headers(false).from_writer(to);
            writer.write_record(R::COLUMNS)?;
            Ok::<_, csv::Error>(To::Delimited(Box::new(writer)))
        };
        let to = match form {
            Form::Csv => delimited(b',', to).map_err(csv_error)?,
            Form::Tsv => delimited(b'\t', to).map_err(csv_error)?,
            Form::Ndjson => To::Lines(to),
            Form::Json => To::Array { to, begun: false },
        };
        Ok(Self { to })
    }

    /// Writes a record.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn write<R: Record>(&mut self, record: &R) -> io::Result<()> {
        match &mut self.to {
            To::Delimited(writer) => writer.serialize(record).map_err(csv_error),
            To::Lines(to) => {
                serde_json::to_writer(&mut *to, record)?;
                to.write_all(b"\n")
            }
            To::Array { to, begun } => {
                to.write_all(if *begun { b",\n" } else { b"[" })?;
                *begun = true;
                Ok(serde_json::to_writer(to, record)?)
            }
        }
    }

    /// Hands on what was written so far.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Delimited(writer) => writer.flush(),
            To::Lines(to) | To::Array { to, .. } => to.flush(),
        }
    }

    /// Writes what is still to be written, and gives the writer back. Without it a JSON array has no end.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        match self.to {
            To::Delimited(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error),
            To::Lines(to) => Ok(to),
            To::Array { mut to, begun } => {
                to.write_all(if begun { b"]\n" } else { b"[]\n" })?;
                Ok(to)
            }
        }
    }
}

/// The writer's own error, where it is one: whoever looks at its kind is not to see csv's wrapping.
pub fn csv_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

#[cfg(test)]
mod tests {
    use engagement_model::{State, TweetId};

    use super::*;
    use crate::tweet_line::TweetLine;

    fn write<W: Write>(form: Form, count: usize, to: W) -> io::Result<W> {
        let line = TweetLine {
            tweet_id: TweetId::new(1_700_000_000_000_000_001).unwrap(),
            owner: Some("a, b"),
            created_at: Some("2023-09-08T04:15:59.129Z".parse().unwrap()),
            state: Some(State::Unavailable),
            reason: None,
            checked_at: None,
        };
        let mut text = Text::new::<TweetLine<'_>>(form, to)?;
        for _ in 0..count {
            text.write(&line)?;
        }
        text.finish()
    }

    #[test]
    fn every_form_is_whole() {
        let header = "tweet_id,owner,created_at,state,reason,checked_at\n";
        let line = "1700000000000000001,\"a, b\",2023-09-08T04:15:59Z,unavailable,,\n";
        let object = r#"{"tweet_id":"1700000000000000001","owner":"a, b","created_at":"2023-09-08T04:15:59Z","state":"unavailable","reason":null,"checked_at":null}"#;
        let check = |form, count, wanted: &str| {
            let written = write(form, count, Vec::new()).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), wanted, "{form:?}");
        };
        check(Form::Csv, 0, header);
        check(Form::Csv, 2, &format!("{header}{line}{line}"));
        check(Form::Tsv, 0, &header.replace(',', "\t"));
        check(Form::Ndjson, 0, "");
        check(Form::Ndjson, 2, &format!("{object}\n{object}\n"));
        check(Form::Json, 0, "[]\n");
        check(Form::Json, 2, &format!("[{object},\n{object}]\n"));
    }

    #[test]
    fn a_reader_that_has_gone_is_known_in_every_form() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for form in [Form::Csv, Form::Tsv, Form::Ndjson, Form::Json] {
            // More than is kept back.
            let error = write(form, 1000, Closed).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{form:?}");
        }
    }

    #[test]
    fn a_full_disk_is_told_in_every_form() {
        for form in [Form::Csv, Form::Tsv, Form::Ndjson, Form::Json] {
            let whole = write(form, 3, Vec::new()).unwrap().len();
            for room in 0..whole {
                let mut disk = vec![0; room];
                let error = write(form, 3, &mut disk[..]).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::WriteZero, "{form:?} {room}");
            }
        }
    }
}
