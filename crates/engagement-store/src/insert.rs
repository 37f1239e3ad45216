//! Many rows by one statement.

use rusqlite::{Connection, Statement, ToSql};

/// An insertion of rows of the same shape, prepared for many rows at once.
///
/// A statement for fifty rows costs a third of fifty statements for one (the bench `commit`).
#[derive(Debug)]
pub(crate) struct Insert {
    columns: usize,
    sizes: [(usize, String); SIZES.len()],
}

impl Insert {
    /// `head` ends before the word `values`, `tail` begins behind the rows.
    pub(crate) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let sizes =
            SIZES.map(|rows| (rows, format!("{head} values {} {tail}", vec![row.as_str(); rows].join(","))));
        Self { columns, sizes }
    }

    /// Inserts all rows. `bind` binds the columns of one.
    pub(crate) fn run<R>(
        &self,
        connection: &Connection,
        rows: &[R],
        bind: impl Fn(&mut Columns<'_, '_>, &R) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut rest = rows;
        for (size, sql) in &self.sizes {
            if rest.len() < *size {
                continue;
            }
            let mut statement = connection.prepare_cached(sql)?;
            while let Some((now, later)) = rest.split_at_checked(*size) {
                for (index, row) in now.iter().enumerate() {
                    bind(&mut Columns { statement: &mut statement, next: index * self.columns + 1 }, row)?;
                }
                statement.raw_execute()?;
                rest = later;
            }
        }
        Ok(())
    }
}

/// The columns of one row, to be bound in order.
pub(crate) struct Columns<'a, 'c> {
    statement: &'a mut Statement<'c>,
    next: usize,
}

impl Columns<'_, '_> {
    pub(crate) fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }
}

/// Rows in one statement. Beyond fifty nothing is gained.
const SIZES: [usize; 3] = [50, 7, 1];
