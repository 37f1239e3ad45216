//! What can go wrong with a store, and what to do about it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use engagement_model::TweetId;
use rusqlite::ErrorCode;

use crate::holder::Holder;

/// Why a store cannot be used, or a change to it was not made.
///
/// Whatever was being changed is as it was before: a change is made whole or not at all. Cheap to clone, since one
/// failed commit fails everyone who waits for it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    path: PathBuf,
    cause: Option<Cause>,
}

enum Cause {
    Sqlite(Said),
    Io(io::Error),
}

/// What SQLite said. Its own cause says the same again, with a number, and is left out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(rusqlite::Error);

/// What kind of thing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such file.
    Missing,
    /// There is no such folder to make the file in.
    NoFolder,
    /// Another collector has the store.
    Busy {
        /// Who, as far as it says.
        holder: Option<Holder>,
    },
    /// Another program kept the file locked for longer than is waited for.
    Locked,
    /// A newer version of this program made the store, or changed it.
    Newer {
        /// The store's version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The file or its folder cannot be written.
    ReadOnly,
    /// The store has a log, and beside it nothing can be written, which is what readers of a log need.
    LogUnreadable,
    /// The disk is full, or the file has reached a limit of its size.
    Full,
    /// The disk or the system refuses.
    Io,
    /// The file is damaged.
    Corrupt,
    /// The file is no store: not a database, or one of another program.
    NotAStore,
    /// There is no such job.
    NoSuchJob {
        /// The number that was asked for.
        job: i64,
    },
    /// There is no such batch.
    NoSuchBatch {
        /// The number of its job.
        job: i64,
        /// The number that was asked for.
        batch: u32,
    },
    /// A value of more than one hour: the store keeps hours.
    NotHourly {
        /// Whose value.
        tweet_id: TweetId,
    },
    /// SQLite does not do what is asked: a fault of this program.
    Unexpected,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, path: &Path) -> Self {
        Self(Arc::new(Inner { kind, path: path.to_owned(), cause: None }))
    }

    pub(crate) fn io(error: io::Error, path: &Path) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::Missing,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                ErrorKind::Full
            }
            _ => ErrorKind::Io,
        };
        Self(Arc::new(Inner { kind, path: path.to_owned(), cause: Some(Cause::Io(error)) }))
    }

    pub(crate) fn sqlite(error: rusqlite::Error, path: &Path) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ErrorKind::ReadOnly,
            Some(ErrorCode::DiskFull) => ErrorKind::Full,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport,
            ) => ErrorKind::Io,
            Some(ErrorCode::DatabaseCorrupt) => ErrorKind::Corrupt,
            Some(ErrorCode::NotADatabase) => ErrorKind::NotAStore,
            _ => ErrorKind::Unexpected,
        };
        Self(Arc::new(Inner { kind, path: path.to_owned(), cause: Some(Cause::Sqlite(Said(error))) }))
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.0.kind {
            ErrorKind::Missing => "check the path: a store is made by the first collection into it",
            ErrorKind::NoFolder => "make the folder, or choose another path",
            ErrorKind::Busy { .. } => {
                "wait until it is done, or stop it: it saves its state when it is stopped"
            }
            ErrorKind::Locked => "try again when the other program has finished with it",
            ErrorKind::Newer { .. } => "use the newer version of this program",
            ErrorKind::ReadOnly => "make the file and its folder writable, or choose another place",
            ErrorKind::LogUnreadable => {
                "make its folder writable, or copy the store with its -wal file to a place that is, and read it there"
            }
            ErrorKind::Full => "make room and go on: everything that was committed is kept",
            ErrorKind::Io => {
                "check the disk and the folder, then go on: everything that was committed is kept"
            }
            ErrorKind::Corrupt => "restore a copy, or save what can be read with SQLite's `.recover`",
            ErrorKind::NotAStore => "choose another path: the file was not touched",
            ErrorKind::NoSuchJob { .. } | ErrorKind::NoSuchBatch { .. } => {
                "list the jobs to see which there are"
            }
            ErrorKind::NotHourly { .. } => "ask by hour: the view v_daily adds up days",
            ErrorKind::Unexpected => "please report it with the whole message",
        }
    }

    /// Whether the same may succeed later without anyone mending anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Busy { .. } | ErrorKind::Locked)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.path.display();
        match &self.0.kind {
            ErrorKind::Missing => write!(f, "there is no store {path}"),
            ErrorKind::NoFolder => write!(f, "the store {path} cannot be made: there is no such folder"),
            ErrorKind::Busy { holder: Some(holder) } => {
                write!(f, "the store {path} is in use by {holder}")
            }
            ErrorKind::Busy { holder: None } => write!(f, "the store {path} is in use by another collector"),
            ErrorKind::Locked => write!(f, "the store {path} is locked by another program"),
            ErrorKind::Newer { found, known } => {
                write!(f, "the store {path} has version {found}, and this program knows {known} at most")
            }
            ErrorKind::ReadOnly => write!(f, "the store {path} cannot be written"),
            ErrorKind::LogUnreadable => {
                write!(
                    f,
                    "the store {path} has a log, whose readers keep an index beside it, and cannot here"
                )
            }
            ErrorKind::Full => write!(f, "there is no room for the store {path}"),
            ErrorKind::Io => write!(f, "the store {path} cannot be read or written"),
            ErrorKind::Corrupt => write!(f, "the store {path} is damaged"),
            ErrorKind::NotAStore => write!(f, "{path} is no store of engagement data"),
            ErrorKind::NoSuchJob { job } => write!(f, "the store {path} has no job {job}"),
            ErrorKind::NoSuchBatch { job, batch } => {
                write!(f, "job {job} of the store {path} has no batch {batch}")
            }
            ErrorKind::NotHourly { tweet_id } => {
                write!(f, "the store {path} keeps values by hour, and one of Tweet {tweet_id} is of more")
            }
            ErrorKind::Unexpected => write!(f, "the store {path} does not do what it was asked"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = std::error::Error::source(self).map(ToString::to_string);
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("path", &self.0.path)
            .field("cause", &cause)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.0.cause.as_ref()? {
            Cause::Sqlite(error) => Some(error),
            Cause::Io(error) => Some(error),
        }
    }
}
