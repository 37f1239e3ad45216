//! A store, for the commands that look into it.

use std::path::Path;

use engagement::describe;
use engagement_store::{Error, ErrorKind, Reader, Store};
use jiff::Timestamp;

use crate::exit::{Exit, Failure};

/// The store at this path, which must be there.
pub(crate) fn open(path: &Path) -> Result<Store, Failure> {
    Store::open(path, Timestamp::now()).map_err(|error| storage(&error))
}

/// A look into it.
pub(crate) fn read(path: &Path) -> Result<Reader, Failure> {
    open(path)?.reader().map_err(|error| storage(&error))
}

/// The store does not do what it should, or has not what is asked for.
pub(crate) fn storage(error: &Error) -> Failure {
    let (exit, code) = match error.kind() {
        ErrorKind::NoSuchJob { .. } => (Exit::Usage, "no_such_job"),
        _ => (Exit::Storage, "storage"),
    };
    Failure::new(exit, code, describe(error)).hint(error.remedy()).retryable(error.is_retryable())
}
