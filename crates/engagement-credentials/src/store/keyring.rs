//! The operating system's keyring, one entry for each profile.

use zeroize::Zeroizing;

/// Why the keyring gives or takes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The program was built without it: build it with the feature `keyring`, or log in again.
    #[error("the credentials are in the keyring, which this program was built without")]
    NotBuilt,
    /// It is locked, absent, or refuses.
    #[error("the keyring does not open: {why}")]
    Closed {
        /// In the keyring's own words, which hold no secret.
        why: String,
    },
    /// The entry is gone.
    #[error("the keyring has no credentials of the profile {profile:?} any more")]
    Gone {
        /// Whose.
        profile: String,
    },
    /// The entry is not as this program writes it.
    #[error("the keyring's entry of the profile {profile:?} is broken")]
    Broken {
        /// Whose.
        profile: String,
    },
}

#[cfg(feature = "keyring")]
mod system {
    use std::sync::atomic::{AtomicU32, Ordering};

    use keyring::{Entry, Error};

    use super::{KeyringError, Zeroizing};

    /// Whether it takes something and gives it back.
    pub(crate) fn probe() -> Result<(), KeyringError> {
        // Of its own, so that nobody who probes at the same time takes it away.
        let number = PROBES.fetch_add(1, Ordering::Relaxed);
        let entry = entry(&format!("probe {} {number} of whether there is a keyring", std::process::id()))?;
        entry.set_password("probe").map_err(closed)?;
        let kept = entry.get_password().map_err(closed);
        entry.delete_credential().map_err(closed)?;
        kept.map(|_| ())
    }

    pub(crate) fn read(profile: &str) -> Result<Zeroizing<String>, KeyringError> {
        entry(profile)?.get_password().map(Zeroizing::new).map_err(|error| match error {
            Error::NoEntry => KeyringError::Gone { profile: profile.to_owned() },
            error => closed(error),
        })
    }

    pub(crate) fn write(profile: &str, text: &str) -> Result<(), KeyringError> {
        entry(profile)?.set_password(text).map_err(closed)
    }

    pub(crate) fn remove(profile: &str) -> Result<(), KeyringError> {
        match entry(profile)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(closed(error)),
        }
    }

    fn entry(profile: &str) -> Result<Entry, KeyringError> {
        if let Err(error) = Entry::store_status() {
            return Err(KeyringError::Closed { why: error.to_string() });
        }
        Entry::new("engagement", profile).map_err(closed)
    }

    fn closed(error: Error) -> KeyringError {
        let why = match error {
            // These show what was kept.
            Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it keeps is no text".to_owned(),
            error => error.to_string(),
        };
        KeyringError::Closed { why }
    }

    static PROBES: AtomicU32 = AtomicU32::new(0);
}

#[cfg(not(feature = "keyring"))]
mod system {
    use super::{KeyringError, Zeroizing};

    pub(crate) fn probe() -> Result<(), KeyringError> {
        Err(KeyringError::NotBuilt)
    }

    pub(crate) fn read(_: &str) -> Result<Zeroizing<String>, KeyringError> {
        Err(KeyringError::NotBuilt)
    }

    pub(crate) fn write(_: &str, _: &str) -> Result<(), KeyringError> {
        Err(KeyringError::NotBuilt)
    }

    pub(crate) fn remove(_: &str) -> Result<(), KeyringError> {
        Err(KeyringError::NotBuilt)
    }
}

pub(super) use system::{probe, read, remove, write};
