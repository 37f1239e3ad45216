//! The file itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::{
    collector::Collector,
    error::{Error, ErrorKind},
    holder::Lock,
    log,
    reader::Reader,
    schema::{self, Found},
};

/// A store: a file that was found to be one, of the version that is known here.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// The store at this path; made if there is none. An older version is brought forward.
    ///
    /// # Errors
    ///
    /// A file that is no store, or one of a newer version, is left as it is.
    pub fn create(path: impl AsRef<Path>, now: Timestamp) -> Result<Self, Error> {
        let path = path.as_ref();
        // Two names of one file must lead to one lock.
        let found = match path.canonicalize() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => beside(path)?,
            Err(error) => return Err(Error::io(error, path)),
        };
        refuse_oddity(&found)?;
        // SQLite says no more than that it cannot open; the system says why.
        let probe = fs::File::options().create(true).append(true).open(&found);
        probe.map_err(|error| Error::io(error, &found))?;
        let store = Self { path: found };
        let connection = store.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        match schema::look(&connection, &store.path)? {
            // A log that a crash left behind is the collector's, who tells when it cannot be written back.
            Found::Current => connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .map(drop)
                .map_err(|error| Error::sqlite(error, &store.path))?,
            Found::Empty | Found::Older => store.migrate(connection, now)?,
        }
        Ok(store)
    }

    /// The store at this path, which must be there. An older version is brought forward.
    pub fn open(path: impl AsRef<Path>, now: Timestamp) -> Result<Self, Error> {
        let path = path.as_ref();
        let path = path.canonicalize().map_err(|error| Error::io(error, path))?;
        refuse_oddity(&path)?;
        fs::File::open(&path).map_err(|error| Error::io(error, &path))?;
        let store = Self { path };
        let connection = store.connect_to_read()?;
        match schema::look(&connection, &store.path)? {
            Found::Current => Ok(store),
            Found::Empty => Err(Error::new(ErrorKind::NotAStore, &store.path)),
            Found::Older => {
                drop(connection);
                store.migrate(store.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?, now)?;
                Ok(store)
            }
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The right to write, which one has at a time.
    ///
    /// Requests that a collector left behind when it was killed are settled as lost, and batches that it had in flight
    /// wait again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] names who has it. One that was killed has nothing any more.
    pub fn collector(&self, now: Timestamp) -> Result<Collector, Error> {
        let lock = Lock::take(&self.path, now)?;
        Collector::new(self, self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?, lock, now)
    }

    /// A look at what is committed. Readers disturb neither each other nor the collector.
    pub fn reader(&self) -> Result<Reader, Error> {
        Ok(Reader::new(self.clone(), self.connect_to_read()?))
    }

    /// With the lock: not even a migration may meet a collector.
    fn migrate(&self, mut connection: Connection, now: Timestamp) -> Result<(), Error> {
        let lock = Lock::take(&self.path, now)?;
        let failed = |error| Error::sqlite(error, &self.path);
        log::keep(&connection).map_err(failed)?;
        schema::migrate(&mut connection, now).map_err(failed)?;
        log::write_back(&connection).map_err(failed)?;
        lock.give_back().map_err(|error| Error::io(error, &self.path))
    }

    /// Sees to it that the names of the file and its log survive a loss of power.
    pub(crate) fn sync_names(&self) -> Result<(), Error> {
        match self.path.parent().filter(|_| cfg!(unix)) {
            Some(folder) => {
                let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
                synced.map_err(|error| Error::io(error, &self.path))
            }
            None => Ok(()),
        }
    }

    fn connect_to_read(&self) -> Result<Connection, Error> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let readable = connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()));
        let cannot_share = |error: &rusqlite::Error| {
            matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
        };
        match readable {
            Ok(()) => Ok(connection),
            // Readers share an index of the log beside the file. Where they cannot make one, nobody can write either,
            // and without a log the file alone is the whole store.
            Err(error) if cannot_share(&error) && !self.has_log() => self
                .connect_to(&self.immutable(), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI),
            Err(error) if cannot_share(&error) => Err(Error::new(ErrorKind::LogUnreadable, &self.path)),
            Err(error) => Err(Error::sqlite(error, &self.path)),
        }
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, Error> {
        self.connect_to(&self.path, flags)
    }

    fn connect_to(&self, path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
        let failed = |error| Error::sqlite(error, &self.path);
        let connection =
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        Ok(connection)
    }

    fn has_log(&self) -> bool {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        fs::metadata(log).is_ok_and(|log| log.len() > 0)
    }

    /// The path as a URI that says that nobody writes.
    fn immutable(&self) -> PathBuf {
        let mut uri = "file:".to_owned();
        for byte in self.path.as_os_str().as_encoded_bytes() {
            match byte {
                b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    uri.push(char::from(*byte));
                }
                _ => uri.push_str(&format!("%{byte:02X}")),
            }
        }
        uri.push_str("?immutable=1");
        uri.into()
    }
}

/// Whether every page of a file is what it should be.
pub(crate) fn is_sound(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("pragma quick_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))
}

/// The path of a file that is not there yet, by the true name of its folder.
fn beside(path: &Path) -> Result<PathBuf, Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NoFolder, path),
        _ => Error::io(error, path),
    })?;
    let name = path.file_name().ok_or_else(|| Error::new(ErrorKind::NotAStore, path))?;
    Ok(folder.join(name))
}

/// Folders, pipes and devices are no stores, and some of them hold up who opens them.
fn refuse_oddity(path: &Path) -> Result<(), Error> {
    if path.exists() && !path.is_file() { Err(Error::new(ErrorKind::NotAStore, path)) } else { Ok(()) }
}

/// How long a lock of another program is waited for. Ours are held for less than a commit.
const PATIENCE: Duration = Duration::from_secs(10);
