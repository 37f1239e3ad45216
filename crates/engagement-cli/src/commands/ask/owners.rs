//! `--owners`: who owns which Tweet.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use engagement::{Owners, model::TweetId};

use crate::exit::{Exit, Failure};

/// A table with the columns tweet_id and handle.
pub(super) fn read(path: &Path) -> Result<Owners, Failure> {
    let refuse = |message: String| {
        Failure::new(Exit::Input, "owners", message)
            .hint("a table with the columns tweet_id and handle is needed")
    };
    let text =
        fs::read(path).map_err(|error| refuse(format!("{} cannot be read: {error}", path.display())))?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut table =
        csv::ReaderBuilder::new().delimiter(delimiter(text)).trim(csv::Trim::All).from_reader(text);
    let bad = |error: csv::Error| refuse(format!("{}: {error}", path.display()));
    let header = table.headers().map_err(bad)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        found.ok_or_else(|| refuse(format!("{} has no column {name}", path.display())))
    };
    let (id_column, handle_column) = (column("tweet_id")?, column("handle")?);
    let mut handles: HashMap<String, Arc<str>> = HashMap::new();
    let mut owners: HashMap<TweetId, Arc<str>> = HashMap::new();
    for record in table.records() {
        let record = record.map_err(bad)?;
        let line = record.position().map_or(0, csv::Position::line);
        let tweet_id = record.get(id_column).unwrap_or_default();
        let tweet_id: TweetId =
            tweet_id.parse().map_err(|error| refuse(format!("{}, line {line}: {error}", path.display())))?;
        let handle = record.get(handle_column).unwrap_or_default().trim_start_matches('@');
        if handle.is_empty() {
            continue;
        }
        let handle = handles.entry(handle.to_ascii_lowercase()).or_insert_with(|| handle.into()).clone();
        if let Some(other) = owners.insert(tweet_id, handle.clone())
            && other != handle
        {
            return Err(refuse(format!(
                "{}, line {line}: {tweet_id} belongs to {handle} here and to {other} above",
                path.display()
            )));
        }
    }
    Ok(owners.into_iter().collect())
}

/// What separates the cells of the header line.
fn delimiter(text: &[u8]) -> u8 {
    let header = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    *header.iter().find(|byte| matches!(byte, b',' | b';' | b'\t')).unwrap_or(&b',')
}
