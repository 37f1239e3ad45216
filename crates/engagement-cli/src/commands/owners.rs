//! `--owners`: who owns which Tweet.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use engagement::{OwnersBuilder, model::TweetId};

use crate::exit::{Exit, Failure};

/// A table with the columns tweet_id and handle.
pub(super) fn read(path: &Path) -> Result<OwnersBuilder, Failure> {
    let mut owners = OwnersBuilder::default();
    each(path, |_, tweet_id, handle| owners.add(tweet_id, handle))?;
    let Some((twice, one, other)) = owners.conflict() else { return Ok(owners) };
    // Lines are not kept, since lists are long: the one that contradicts is looked for.
    let mut line = 0;
    each(path, |at, tweet_id, handle| {
        if line == 0 && tweet_id == twice && !handle.eq_ignore_ascii_case(&one) {
            line = at;
        }
    })?;
    let message =
        format!("{}, line {line}: {twice} belongs to {other} here and to {one} above", path.display());
    Err(refuse(message))
}

/// Reads the table as it comes: line, Tweet, handle.
fn each(path: &Path, mut each: impl FnMut(u64, TweetId, &str)) -> Result<(), Failure> {
    let unreadable = |error: io::Error| refuse(format!("{} cannot be read: {error}", path.display()));
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(unreadable)?);
    let begun = file.fill_buf().map_err(unreadable)?;
    let mark = if begun.starts_with(MARK) { MARK.len() } else { 0 };
    let delimiter = delimiter(begun.get(mark..).unwrap_or_default());
    file.consume(mark);
    let mut table = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(file);
    let bad = |error: csv::Error| refuse(format!("{}: {error}", path.display()));
    let header = table.headers().map_err(bad)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        found.ok_or_else(|| refuse(format!("{} has no column {name}", path.display())))
    };
    let (id_column, handle_column) = (column("tweet_id")?, column("handle")?);
    let mut record = csv::StringRecord::new();
    while table.read_record(&mut record).map_err(bad)? {
        let line = record.position().map_or(0, csv::Position::line);
        let tweet_id = record.get(id_column).unwrap_or_default();
        let tweet_id: TweetId =
            tweet_id.parse().map_err(|error| refuse(format!("{}, line {line}: {error}", path.display())))?;
        let handle = record.get(handle_column).unwrap_or_default().trim_start_matches('@');
        if !handle.is_empty() {
            each(line, tweet_id, handle);
        }
    }
    Ok(())
}

fn refuse(message: String) -> Failure {
    Failure::new(Exit::Input, "owners", message)
        .hint("a table with the columns tweet_id and handle is needed")
}

/// What separates the cells of the header line.
fn delimiter(begun: &[u8]) -> u8 {
    let header = begun.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    *header.iter().find(|byte| matches!(byte, b',' | b';' | b'\t')).unwrap_or(&b',')
}

/// The mark that some programs begin UTF-8 with.
const MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 64 << 10;
