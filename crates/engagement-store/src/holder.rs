//! The one who may write: a lock beside the store, with a name in it.

use std::{
    fmt,
    fs::{File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process,
};

use engagement_model::outcome::clean_words;
use jiff::Timestamp;

use crate::error::{Error, ErrorKind};

/// Who collects into a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
    /// Since when, by that machine's clock.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {} since {}", self.pid, self.host, self.since)
    }
}

impl Holder {
    /// A line for each field.
    fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.pid, self.host, self.since)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.parse().ok()?;
        let host = clean_words(lines.next()?, LONGEST_HOST);
        let since = lines.next()?.parse().ok()?;
        Some(Self { pid, host, since })
    }
}

/// The lock, held until it is dropped or the process ends, however it ends: the system keeps it, and not the file.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    /// Who had it before and did not give it back.
    pub(crate) deserter: Option<Holder>,
    /// Whether the name is to be taken out in the end.
    is_named: bool,
}

impl Lock {
    /// Takes the lock of this store, or tells who has it.
    pub(crate) fn take(store: &Path, now: Timestamp) -> Result<Self, Error> {
        let io = |error| Error::io(error, store);
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path(store))
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = name(&mut file).ok().flatten();
                return Err(Error::new(ErrorKind::Busy { holder }, store));
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let deserter = name(&mut file).map_err(io)?;
        let since = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let holder = Holder { pid: process::id(), host: host(), since };
        write(&mut file, &holder.to_text()).map_err(io)?;
        Ok(Self { file, deserter, is_named: true })
    }

    /// Leaves the name in it, so that whoever comes next has reason to look, too.
    pub(crate) fn leave_name(&mut self) {
        self.is_named = false;
    }

    /// Takes the name out, and looks whether that went well.
    pub(crate) fn give_back(mut self) -> io::Result<()> {
        self.is_named = false;
        write(&mut self.file, "")
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What stays in the file says that its holder ended without giving it back, and no more.
        if self.is_named {
            let _ = write(&mut self.file, "");
        }
        // Not left to the closing of the file: a child that is just being started has it open for a moment, too.
        let _ = self.file.unlock();
    }
}

/// Beside the store, as SQLite's own files are.
fn path(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push("-lock");
    path.into()
}

/// The name in it, if that is what it holds.
fn name(file: &mut File) -> io::Result<Option<Holder>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(LONGEST_NAME).read_to_end(&mut text)?;
    Ok(Holder::from_text(&String::from_utf8_lossy(&text)))
}

fn write(file: &mut File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn host() -> String {
    // The standard library does not know it, and for a name in a message no dependency is worth while.
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    told.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or("this machine".to_owned())
}

/// Of the file, in bytes: it can hold anything.
const LONGEST_NAME: u64 = 4_096;
/// Longer than a host's name can be.
const LONGEST_HOST: usize = 256;
