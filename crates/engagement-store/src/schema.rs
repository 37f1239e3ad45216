//! The file's format: what makes it a store, its version, and the way from older ones to this.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use crate::{
    error::{Error, ErrorKind},
    sql,
};

/// What a database file turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A database without anything in it.
    Empty,
    /// A store of the newest version that is known.
    Current,
    /// A store of an older one.
    Older,
}

/// Looks at a database.
pub(crate) fn look(connection: &Connection, path: &Path) -> Result<Found, Error> {
    let failed = |error| Error::sqlite(error, path);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(failed)?;
    if application == 0 {
        let tables: i64 = connection
            .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        if tables == 0 {
            return Ok(Found::Empty);
        }
    }
    if application != APPLICATION_ID {
        return Err(Error::new(ErrorKind::NotAStore, path));
    }
    let found = version(connection).map_err(failed)?;
    let known = newest(STEPS);
    match found {
        _ if found > known => Err(Error::new(ErrorKind::Newer { found, known }, path)),
        _ if found == known => Ok(Found::Current),
        _ => Ok(Found::Older),
    }
}

/// Makes the store what this program knows, from nothing or from an older version: in one commit, forward only.
pub(crate) fn migrate(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    climb(connection, STEPS, now)
}

fn climb(connection: &mut Connection, steps: &[&str], now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody else may have been faster.
    let found = version(&transaction)?;
    let to_climb = usize::try_from(found).ok().and_then(|found| steps.get(found..)).unwrap_or_default();
    if to_climb.is_empty() {
        return Ok(());
    }
    // Views hold nothing: they are made anew over whatever the tables have become.
    let views: Vec<String> = transaction
        .prepare("select name from sqlite_schema where type = 'view' and name like 'v\\_%' escape '\\'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for view in views {
        transaction.execute_batch(&format!("drop view \"{view}\""))?;
    }
    for step in to_climb {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(VIEWS)?;
    transaction.execute(
        "insert into schema_version(version, since) values (?, ?)",
        (newest(steps), sql::time(now)),
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

/// 0 where nothing is.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let table = "select count(*) from sqlite_schema where name = 'schema_version'";
    if connection.query_row(table, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(0);
    }
    connection.query_row("select coalesce(max(version), 0) from schema_version", [], |row| row.get(0))
}

fn newest(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

/// `enga`, where SQLite keeps a mark of whose file it is.
const APPLICATION_ID: i64 = 0x656e_6761;

/// What leads from each version to the next; the first makes a store of nothing.
const STEPS: &[&str] = &[include_str!("schema/v1.sql")];

const VIEWS: &str = include_str!("schema/views.sql");
