//! `--owners`: who owns which Tweet.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::Path,
};

use engagement::{OwnersBuilder, model::TweetId};

use crate::exit::{Exit, Failure};

/// A table with the columns tweet_id and handle, read as it comes.
pub(super) fn read(path: &Path) -> Result<OwnersBuilder, Failure> {
    let refuse = |message: String| {
        Failure::new(Exit::Input, "owners", message)
            .hint("a table with the columns tweet_id and handle is needed")
    };
    let unreadable = |error: io::Error| refuse(format!("{} cannot be read: {error}", path.display()));
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(unreadable)?);
    let begun = file.fill_buf().map_err(unreadable)?;
    let mark = if begun.starts_with(MARK) { MARK.len() } else { 0 };
    let delimiter = delimiter(begun.get(mark..).unwrap_or_default());
    file.consume(mark);
    let mut table =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(file.by_ref());
    let bad = |error: csv::Error| refuse(format!("{}: {error}", path.display()));
    let header = table.headers().map_err(bad)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        found.ok_or_else(|| refuse(format!("{} has no column {name}", path.display())))
    };
    let (id_column, handle_column) = (column("tweet_id")?, column("handle")?);
    let mut owners = OwnersBuilder::default();
    let mut record = csv::StringRecord::new();
    while table.read_record(&mut record).map_err(bad)? {
        let line = record.position().map_or(0, csv::Position::line);
        let tweet_id = record.get(id_column).unwrap_or_default();
        let tweet_id: TweetId =
            tweet_id.parse().map_err(|error| refuse(format!("{}, line {line}: {error}", path.display())))?;
        let handle = record.get(handle_column).unwrap_or_default().trim_start_matches('@');
        if !handle.is_empty() {
            owners.add(tweet_id, handle);
        }
    }
    if let Some((tweet_id, one, other)) = owners.conflict() {
        return Err(refuse(format!("{}: {tweet_id} belongs to {one} and to {other}", path.display())));
    }
    Ok(owners)
}

/// What separates the cells of the header line.
fn delimiter(begun: &[u8]) -> u8 {
    let header = begun.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    *header.iter().find(|byte| matches!(byte, b',' | b';' | b'\t')).unwrap_or(&b',')
}

/// The mark that some programs begin UTF-8 with.
const MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 64 << 10;
