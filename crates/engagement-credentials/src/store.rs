//! Where credentials are kept: in the operating system's keyring, or in a file that nobody else can read.
//!
//! The file is TOML, a table for each profile. A profile whose secrets are in the keyring has nothing but that fact in
//! the file, so that nobody has to try again which of the two it was.

mod file;
mod form;
mod keyring;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

pub use self::keyring::KeyringError;
use crate::{found::Origin, holdings::Holdings};

/// The place of a user's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    path: PathBuf,
}

/// Which of the two places a profile's secrets are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The operating system's keyring.
    Keyring,
    /// The file.
    File,
}

impl Store {
    /// The store around this file, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The profiles that have credentials here.
    ///
    /// # Errors
    ///
    /// As for [`Store::holdings`].
    pub fn profiles(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.read()?.into_keys().collect())
    }

    /// What a profile holds, and where it is kept. `None` if it holds nothing.
    ///
    /// # Errors
    ///
    /// A file that others can read, that is a link, that somebody else owns or that is broken is refused: see
    /// [`StoreError`]. So is a keyring that does not open.
    pub fn holdings(&self, profile: &str) -> Result<Option<(Origin, Holdings)>, StoreError> {
        self.read()?.remove(profile).map(|shelf| self.open(profile, shelf)).transpose()
    }

    /// Finds out where a new profile can be kept, so that nobody grants a token that cannot be kept afterwards: in the
    /// keyring, if there is one that takes something, else in the file. A profile that is kept already stays there.
    ///
    /// # Errors
    ///
    /// As for [`Store::holdings`], and a file that cannot be written.
    pub fn prepare(&self, profile: &str) -> Result<Keeper, StoreError> {
        match self.read()?.get(profile) {
            Some(Shelf::InKeyring) => {
                keyring::probe().map_err(|source| self.keyring(source)).map(|()| Keeper::Keyring)
            }
            Some(Shelf::Here(_)) => file::try_writing(&self.path).map(|()| Keeper::File),
            None if keyring::probe().is_ok() => Ok(Keeper::Keyring),
            None => file::try_writing(&self.path).map(|()| Keeper::File),
        }
    }

    /// Changes what a profile holds, while no other process can. A profile that then holds nothing is gone.
    ///
    /// # Errors
    ///
    /// As for [`Store::holdings`]. Nothing has changed then.
    pub fn change<T>(&self, profile: &str, change: impl FnOnce(&mut Holdings) -> T) -> Result<T, StoreError> {
        let _lock = file::lock(&self.path)?;
        let mut shelves = self.read()?;
        let keeper = match shelves.get(profile) {
            Some(Shelf::InKeyring) => Keeper::Keyring,
            Some(Shelf::Here(_)) => Keeper::File,
            None if keyring::probe().is_ok() => Keeper::Keyring,
            None => Keeper::File,
        };
        let before = match shelves.remove(profile) {
            Some(shelf) => self.open(profile, shelf)?.1,
            None => Holdings::default(),
        };
        let mut holdings = before.clone();
        let result = change(&mut holdings);
        if holdings == before {
            return Ok(result);
        }
        match keeper {
            _ if holdings.is_empty() => {
                if keeper == Keeper::Keyring {
                    keyring::remove(profile).map_err(|source| self.keyring(source))?;
                }
            }
            Keeper::Keyring => {
                let text = form::write(&BTreeMap::from([(profile.to_owned(), Shelf::Here(holdings))]));
                keyring::write(profile, &text).map_err(|source| self.keyring(source))?;
                shelves.insert(profile.to_owned(), Shelf::InKeyring);
            }
            Keeper::File => {
                shelves.insert(profile.to_owned(), Shelf::Here(holdings));
            }
        }
        file::replace(&self.path, &form::write(&shelves))?;
        Ok(result)
    }

    fn read(&self) -> Result<BTreeMap<String, Shelf>, StoreError> {
        match file::read(&self.path)? {
            Some(text) => {
                form::read(&text).map_err(|flaw| StoreError::Broken { path: self.path.clone(), flaw })
            }
            None => Ok(BTreeMap::new()),
        }
    }

    fn open(&self, profile: &str, shelf: Shelf) -> Result<(Origin, Holdings), StoreError> {
        match shelf {
            Shelf::Here(holdings) => Ok((Origin::File(self.path.clone()), holdings)),
            Shelf::InKeyring => {
                let text = keyring::read(profile).map_err(|source| self.keyring(source))?;
                let kept = form::read(&text).ok().and_then(|mut shelves| shelves.remove(profile));
                match kept {
                    Some(Shelf::Here(holdings)) => Ok((Origin::Keyring, holdings)),
                    _ => Err(self.keyring(KeyringError::Broken { profile: profile.to_owned() })),
                }
            }
        }
    }

    fn keyring(&self, source: KeyringError) -> StoreError {
        StoreError::Keyring { path: self.path.clone(), source }
    }
}

/// What the file has of a profile.
enum Shelf {
    Here(Holdings),
    InKeyring,
}

/// Why credentials cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Others can read or change the file: `chmod 600` it, and think of its secrets as known.
    #[error("{} can be read by others (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is a link, and so its secrets are kept elsewhere.
    #[error("{} is a link to somewhere else", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The file belongs to another user.
    #[error("{} belongs to another user", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
    },
    /// A folder, a pipe, a device, or a file that is far too large.
    #[error("{} is no file of credentials", path.display())]
    NoFile {
        /// What it is not.
        path: PathBuf,
    },
    /// The file is not as this program writes it.
    #[error("{} is broken: {flaw}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        flaw: Flaw,
    },
    /// The file system.
    #[error("{} cannot be {}", path.display(), done.participle())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        done: Done,
        /// Why not.
        source: io::Error,
    },
    /// The keyring, of which the file says that it has the secrets.
    #[error("{} says that they are in the keyring, and it cannot be used", path.display())]
    Keyring {
        /// The file that says that the keyring has it.
        path: PathBuf,
        /// Why not.
        source: KeyringError,
    },
}

/// What is wrong with the file. Nothing of its text is in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Its TOML cannot be read, or is not of this form.
    #[error("line {line} is not as it should be{}", detail.map(|detail| format!(" ({detail})")).unwrap_or_default())]
    Line {
        /// Counted from 1.
        line: usize,
        /// What kind of mistake it is, where that is known.
        detail: Option<&'static str>,
    },
    /// A profile has one half of a pair, or a value that cannot be one.
    #[error("the profile {profile:?}: {why}")]
    Profile {
        /// Which one.
        profile: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Its contents are read.
    Read,
    /// It is written.
    Written,
    /// It is kept from other processes.
    Locked,
}

impl Done {
    fn participle(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Written => "written",
            Self::Locked => "locked",
        }
    }
}

#[cfg(test)]
mod tests;
