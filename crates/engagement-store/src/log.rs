//! The log beside the file, which commits go to, and its way back into the file.
//!
//! SQLite writes it back by itself after commits and at the end, and tells nobody when that fails: no commit is lost by
//! it. But a disk that fails is to be heard of, so here it is done when it is due and looked at.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, hooks::Wal};

/// Has commits go there, for good.
pub(crate) fn keep(connection: &Connection) -> rusqlite::Result<()> {
    let mut pragma = connection.prepare("pragma journal_mode = wal")?;
    let mut rows = pragma.query([])?;
    // To its end, which is where it is committed.
    while rows.next()?.is_some() {}
    Ok(())
}

/// From now on it is written back after a commit that made it too long, and the commit tells what fails.
pub(crate) fn write_back_when_long(connection: &Connection) {
    connection.wal_hook(Some(|log: &Wal, pages| {
        if pages < LONGEST {
            return Ok(());
        }
        let written = log.checkpoint();
        // Somebody else is at it.
        if written.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)) {
            return Ok(());
        }
        written
    }));
}

/// Writes it back and empties it, as far as those who are reading let it: what they still need stays.
pub(crate) fn write_back(connection: &Connection) -> rusqlite::Result<()> {
    // They are not waited for.
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
}

/// 64 MiB: pages that change often are written back once.
const LONGEST: i32 = 16_384;
