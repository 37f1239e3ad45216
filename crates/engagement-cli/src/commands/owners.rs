//! `--owners`: who owns which Tweet.

use std::{
    error::Error,
    io::{self, BufRead as _, BufReader, Read as _},
    path::Path,
};

use engagement::{OwnersBuilder, describe, model::TweetId};
use engagement_ids::Rounding;

use crate::{
    cli::Reading,
    exit::{Exit, Failure},
};

/// A table with the columns tweet_id and handle, packed or not.
pub(super) fn read(path: &Path, reading: &Reading) -> Result<OwnersBuilder, Failure> {
    let mut owners = OwnersBuilder::default();
    let mut rounding = Rounding::default();
    each(path, |_, tweet_id, handle| {
        rounding.count(tweet_id);
        owners.add(tweet_id, handle);
    })?;
    if rounding.is_likely() && !reading.allow_rounded_ids {
        return Err(refuse(format!("{}: {rounding}", path.display()))
            .hint("give every Tweet its whole id, or force it with --allow-rounded-ids"));
    }
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
    let file = engagement_ids::open(path).map_err(|error| refuse(describe(&error)))?;
    let unreadable =
        |error: &(dyn Error + 'static)| refuse(format!("{}: {}", path.display(), describe(error)));
    let text = engagement_ids::text(file).map_err(|error| unreadable(&error))?;
    let mut text = BufReader::with_capacity(BUFFER, text);
    let mut header = Vec::new();
    text.by_ref().take(BUFFER as u64).read_until(b'\n', &mut header).map_err(|error| unreadable(&error))?;
    let delimiter = delimiter(&header);
    let file = io::Cursor::new(header).chain(text);
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
        let cell = record.get(handle_column).unwrap_or_default();
        let handle = cell.strip_prefix('@').unwrap_or(cell);
        if !handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let why = "is no handle, which has letters, digits and _ alone";
            return Err(refuse(format!("{}, line {line}: {cell:?} {why}", path.display())));
        }
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

const BUFFER: usize = 64 << 10;
