//! All sources together, the first that has something first.

use core::fmt;
use std::path::PathBuf;

use oauth_core::Secret;

use crate::{
    command::{self, CommandError},
    environment::{Environment, EnvironmentError},
    holdings::Holdings,
    store::{Store, StoreError},
};

/// Where something came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Variables of the environment, or files that they name.
    Environment,
    /// The command that the profile names.
    Command,
    /// The operating system's keyring.
    Keyring,
    /// A file.
    File(PathBuf),
    /// Made up by the program itself, for its emulator.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::Command => f.write_str("credential_command"),
            Self::Keyring => f.write_str("keyring"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn => f.write_str("built in"),
        }
    }
}

/// What was found, and where.
///
/// Key and secret come from the first source that has them. A bearer token and each account come from the first source
/// that has them for the same app: a source that names another app has none for this one, and one that names no app has
/// them for any.
#[derive(Debug, Default)]
pub struct Found {
    /// All of it.
    pub holdings: Holdings,
    /// Where the consumer key and secret came from.
    pub consumer: Option<Origin>,
    /// Where the bearer token came from.
    pub bearer: Option<Origin>,
    /// Where each of the accounts came from, in their order.
    pub accounts: Vec<Origin>,
    /// Things to know, one sentence each, without secrets.
    pub warnings: Vec<String>,
    /// Why what is kept is left out, where nothing of it is needed.
    pub left_out: Option<StoreError>,
}

impl Found {
    /// Adds the next source's.
    pub fn add(&mut self, origin: Origin, more: Holdings) {
        let key = |holdings: &Holdings| -> Option<Secret> {
            holdings.consumer.as_ref().map(|consumer| consumer.key.clone())
        };
        let is_of_another_app =
            matches!((key(&self.holdings), key(&more)), (Some(own), Some(other)) if own != other);
        if is_of_another_app || more.is_empty() {
            return;
        }
        if self.holdings.consumer.is_none() && more.consumer.is_some() {
            self.holdings.consumer = more.consumer;
            self.holdings.checked = more.checked;
            self.consumer = Some(origin.clone());
        }
        if self.holdings.bearer.is_none() && more.bearer.is_some() {
            self.holdings.bearer = more.bearer;
            self.bearer = Some(origin.clone());
        }
        for account in more.accounts {
            if !self.holdings.accounts.iter().any(|known| known.is_same_user(&account)) {
                self.holdings.accounts.push(account);
            }
        }
        self.accounts.resize(self.holdings.accounts.len(), origin);
    }

    /// Whether no further source could add what is needed.
    fn is_complete(&self) -> bool {
        self.holdings.consumer.is_some() && !self.holdings.accounts.is_empty()
    }
}

/// The sources, in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The environment.
    pub environment: Environment,
    /// The profile's command. It is not run where the environment has an app and an account of it.
    pub command: Option<command::Command>,
    /// The store, if there is a place for one.
    pub store: Option<Store>,
    /// Whose holdings in the store.
    pub profile: String,
}

impl Sources {
    /// Asks one after the other.
    ///
    /// # Errors
    ///
    /// Of the first source that cannot be asked: a credential that is passed over in silence would let another one ask.
    /// Only a store of which nothing is needed any more is [passed over](Found::left_out).
    pub fn find(&self, stop: &command::Stop) -> Result<Found, SourcesError> {
        let mut found = Found::default();
        found.add(Origin::Environment, self.environment.holdings.clone());
        if let Some(command) = &self.command
            && !found.is_complete()
        {
            let entry = command.run(stop)?;
            let warn = |warning| format!("what credential_command printed: {warning}");
            found.warnings.extend(entry.warnings.into_iter().map(warn));
            found.add(Origin::Command, entry.holdings);
        }
        match self.store.as_ref().map(|store| store.holdings(&self.profile)).transpose() {
            Ok(kept) => {
                if let Some((origin, holdings)) = kept.flatten() {
                    found.add(origin, holdings);
                }
            }
            Err(error) if found.is_complete() => found.left_out = Some(error),
            Err(error) => return Err(error.into()),
        }
        Ok(found)
    }
}

/// A source that cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// The environment.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holdings::{Account, Consumer};

    fn holdings(key: Option<&str>, bearer: Option<&str>, tokens: &[&str]) -> Holdings {
        Holdings {
            consumer: key.map(|key| Consumer { key: key.into(), secret: "s".into() }),
            bearer: bearer.map(Secret::from),
            accounts: tokens.iter().map(|token| Account::new(*token, "s")).collect(),
            checked: None,
        }
    }

    fn find(sources: &[Holdings]) -> (Option<Origin>, Option<Origin>, Vec<Origin>) {
        let mut found = Found::default();
        for (number, holdings) in sources.iter().enumerate() {
            found.add(Origin::File(number.to_string().into()), holdings.clone());
        }
        assert_eq!(found.accounts.len(), found.holdings.accounts.len());
        (found.consumer, found.bearer, found.accounts)
    }

    fn from(number: usize) -> Option<Origin> {
        Some(Origin::File(number.to_string().into()))
    }

    /// The origins of the accounts.
    fn each<const N: usize>(numbers: [usize; N]) -> Vec<Origin> {
        numbers.into_iter().filter_map(from).collect()
    }

    #[test]
    fn the_first_that_has_something_gives_it() {
        let first = holdings(Some("a"), None, &[]);
        let second = holdings(Some("a"), Some("b"), &["1-a"]);
        let third = holdings(Some("a"), Some("c"), &["1-b", "3-a"]);
        assert_eq!(find(&[first, second, third]), (from(0), from(1), each([1, 2])));
    }

    #[test]
    fn another_apps_tokens_are_not_this_apps() {
        let first = holdings(Some("a"), None, &[]);
        let second = holdings(Some("another"), Some("b"), &["1-a"]);
        let third = holdings(Some("a"), None, &["2-a"]);
        assert_eq!(find(&[first, second, third]), (from(0), None, each([2])));
    }

    #[test]
    fn what_names_no_app_is_for_any() {
        let token = holdings(None, None, &["1-a"]);
        let bearer = holdings(None, Some("b"), &[]);
        let app = holdings(Some("a"), Some("c"), &["2-a"]);
        assert_eq!(find(&[token, bearer, app]), (from(2), from(1), each([0, 2])));
    }
}
