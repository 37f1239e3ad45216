//! One commit in the making.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    error::{Error, ErrorKind},
    facts::Facts,
};

/// A transaction of the database, and what a failure in it means for the collector.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    transaction: rusqlite::Transaction<'a>,
    facts: &'a Facts,
    path: &'a Path,
    failed: &'a mut Option<Error>,
}

impl<'a> Writing<'a> {
    pub(crate) fn begin(
        connection: &'a mut Connection,
        facts: &'a Facts,
        path: &'a Path,
        failed: &'a mut Option<Error>,
    ) -> Result<Self, Error> {
        match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => Ok(Self { transaction, facts, path, failed }),
            Err(error) => Err(Error::sqlite(error, path)),
        }
    }

    /// Does a part of it.
    pub(crate) fn run<T>(
        &mut self,
        part: impl FnOnce(&Connection, &Facts) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        part(&self.transaction, self.facts).map_err(|error| {
            let error = Error::sqlite(error, self.path);
            *self.failed = Some(error.clone());
            error
        })
    }

    /// Commits everything.
    pub(crate) fn commit(self) -> Result<(), Error> {
        let Self { transaction, path, failed, .. } = self;
        // A part that failed may have been made by half.
        if let Some(error) = failed {
            return Err(error.clone());
        }
        transaction.commit().map_err(|error| {
            let error = Error::sqlite(error, path);
            *failed = Some(error.clone());
            error
        })
    }

    /// A refusal, which spoils nothing but this transaction.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.path)
    }
}
