//! Credentials that other clients keep.

mod gnip;
mod twurl;
mod xurl;

use oauth_core::Secret;

use crate::{
    entry::{self, Entry, EntryError},
    holdings::{Account, Consumer, Holdings},
};

/// Whose credentials are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// twurl, in `~/.twurlrc`: profiles by screen name and consumer key, a default one, bearer tokens.
    Twurl,
    /// xurl, in `~/.xurl`: its OAuth 1.0a token and bearer token, of each of its apps. What it has of OAuth 2.0 is of no
    /// use here.
    Xurl,
    /// The Python client Gnip-Insights-Interface, in `~/.twitter_api_creds`.
    GnipYaml,
    /// Variables named `TWITTER_CONSUMER_KEY` and so on, or a `.env` file with them.
    Env,
}

impl Client {
    /// The file that it uses, below the home directory. `None` where it uses the environment.
    pub fn usual_file(self) -> Option<&'static str> {
        match self {
            Self::Twurl => Some(".twurlrc"),
            Self::Xurl => Some(".xurl"),
            Self::GnipYaml => Some(".twitter_api_creds"),
            Self::Env => None,
        }
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// Broken YAML, with the line; nothing that is of use here.
    pub fn read(self, text: &str) -> Result<Import, ImportError> {
        let import = match self {
            Self::Twurl => twurl::read(text)?,
            Self::Xurl => xurl::read(text)?,
            Self::GnipYaml => gnip::read(text)?,
            Self::Env => entry::from_env_file(text, TWITTER).map(Import::from).map_err(ImportError::Entry)?,
        };
        if import.apps.is_empty() { Err(ImportError::Nothing { notes: import.notes }) } else { Ok(import) }
    }

    /// Reads the variables of the environment.
    ///
    /// # Errors
    ///
    /// Half of a pair, or nothing.
    pub fn read_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Import, ImportError> {
        entry::from_variables(variables, TWITTER).map(Import::from).map_err(ImportError::Entry)
    }
}

/// What was read: an app with its accounts, perhaps several, the default one first.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The apps. None is empty.
    pub apps: Vec<Holdings>,
    /// What was left out, and why; a sentence each, without secrets.
    pub notes: Vec<String>,
}

impl From<Entry> for Import {
    fn from(entry: Entry) -> Self {
        Self { apps: vec![entry.holdings], notes: entry.warnings }
    }
}

impl Import {
    /// The place for what belongs to this app.
    fn app(&mut self, key: &Secret) -> Option<&mut Holdings> {
        self.apps.iter_mut().find(|app| app.consumer.as_ref().is_some_and(|consumer| consumer.key == *key))
    }

    /// Takes in an account, and its app where that is new.
    fn add(&mut self, consumer: Consumer, account: Option<Account>) {
        match self.app(&consumer.key) {
            Some(app) => _ = account.map(|account| app.put(account)),
            None => {
                let accounts = account.into_iter().collect();
                self.apps.push(Holdings { consumer: Some(consumer), accounts, ..Holdings::default() });
            }
        }
    }
}

/// Why nothing can be taken over. It never holds any of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// No YAML, or YAML of another form.
    #[error("its YAML cannot be read{}", line.map(|line| format!(" at line {line}")).unwrap_or_default())]
    Yaml {
        /// Counted from 1, where it is known.
        line: Option<u64>,
    },
    /// Names and values that do not fit together.
    #[error("{0}")]
    Entry(EntryError),
    /// Nothing that this program has a use for.
    #[error("there are no OAuth 1.0a credentials in it{}", after(notes))]
    Nothing {
        /// What there was instead.
        notes: Vec<String>,
    },
}

fn after(notes: &[String]) -> String {
    if notes.is_empty() { String::new() } else { format!(": {}", notes.join("; ")) }
}

/// Reads YAML in which every scalar is text, however it is written: a screen name of digits, a token that looks like a
/// number. An empty document is as good as an empty mapping.
fn yaml<'a, T: Default + serde::Deserialize<'a>>(text: &'a str) -> Result<T, ImportError> {
    let mut options = serde_saphyr::Options::default();
    options.null_as_string = true;
    let read: Result<Option<T>, _> = serde_saphyr::from_str_with_options(text, options);
    read.map(Option::unwrap_or_default).map_err(|error| {
        // The library's own words may quote the text.
        ImportError::Yaml { line: error.location().map(|location| location.line()).filter(|line| *line > 0) }
    })
}

/// What the names of variables begin with.
const TWITTER: &str = "TWITTER_";

#[cfg(test)]
mod tests;
