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
    for view in views() {
        transaction.execute_batch(&format!("drop view if exists {view}"))?;
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

/// The names of ours; users may have made their own.
fn views() -> impl Iterator<Item = &'static str> {
    VIEWS.lines().filter_map(|line| line.strip_prefix("create view ")?.split('(').next())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A version that never was, on top of the first.
    const NEXT: &str = "alter table tweets add column language text;
        update tweets set language = 'en';";

    fn store(steps: &[&str]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        climb(&mut connection, steps, Timestamp::UNIX_EPOCH).unwrap();
        connection
    }

    fn text(connection: &Connection, sql: &str) -> String {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_store_is_brought_forward_with_what_is_in_it() {
        let mut connection = store(&STEPS[..1]);
        connection
            .execute_batch(
                "insert into tweets(tweet_id, state, checked_at, job) values (7, 'ok', 0, 1);
                create view v_mine as select * from v_daily",
            )
            .unwrap();
        let steps = [STEPS[0], NEXT];
        climb(&mut connection, &steps, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(text(&connection, "select tweet_id || language from tweets"), "7en");
        assert_eq!(text(&connection, "select group_concat(version) from schema_version"), "1,2");
        assert_eq!(text(&connection, "select count(*) || '' from v_mine"), "0");
        assert_eq!(text(&connection, "select count(*) || '' from v_top"), "0");
        climb(&mut connection, &steps, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(text(&connection, "select group_concat(version) from schema_version"), "1,2");
    }

    #[test]
    fn both_ways_lead_to_the_same_store() {
        let steps = [STEPS[0], NEXT];
        let mut climbed = store(&STEPS[..1]);
        climb(&mut climbed, &steps, Timestamp::UNIX_EPOCH).unwrap();
        let made = store(&steps);
        let schema = "select group_concat(name || sql, ';') from (select * from sqlite_schema order by name)";
        assert_eq!(text(&climbed, schema), text(&made, schema));
    }

    #[test]
    fn a_step_that_fails_leaves_the_older_store() {
        let mut connection = store(&STEPS[..1]);
        let before = text(&connection, "select group_concat(name) from sqlite_schema");
        let steps = [STEPS[0], NEXT, "insert into no_such_table values (1)"];
        assert!(climb(&mut connection, &steps, Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(text(&connection, "select group_concat(version) from schema_version"), "1");
        assert_eq!(text(&connection, "select group_concat(name) from sqlite_schema"), before);
    }
}
