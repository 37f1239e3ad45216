//! What comes out of lists, whole files at a time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

mod decorations;
mod forms;
mod hostile;
mod packed;
mod samples;
mod tables;

use engagement_ids::{IdList, Item, Options, ReadError, Source};

/// The list that `bytes` hold.
fn list(bytes: &[u8]) -> IdList {
    list_with(bytes, &Options::default()).unwrap()
}

fn list_with(bytes: &[u8], options: &Options) -> Result<IdList, ReadError> {
    let mut list = IdList::new();
    list.read(&Source::file("list"), bytes, options)?;
    let counts = list.counts();
    let sum =
        counts.accepted + counts.duplicates + counts.refused + counts.blank + counts.comments + counts.header;
    assert_eq!(counts.read, sum, "the account must add up");
    Ok(list)
}

fn ids(list: &IdList) -> Vec<u64> {
    list.ids().iter().map(|id| id.get()).collect()
}

/// The lines of what was refused.
fn refused(list: &IdList) -> Vec<u64> {
    list.refused().map(|(_, refused)| refused.line).collect()
}

/// Ids and lines, as they come.
fn places(bytes: &[u8]) -> Vec<(u64, u64)> {
    let mut places = Vec::new();
    engagement_ids::read(&Source::stdin(), bytes, &Options::default(), &mut |item| {
        if let Item::Id { id, place } = item {
            places.push((place.line, id.get()));
        }
    })
    .unwrap();
    places
}
