//! Credentials from the environment.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use oauth_core::{Secret, app_only::BearerToken};
use zeroize::Zeroizing;

use crate::holdings::{Account, Consumer, Holdings};

/// What the variables say, and what is odd about them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The credentials.
    pub holdings: Holdings,
    /// Things to know, one sentence each. They name variables and no values.
    pub warnings: Vec<String>,
}

impl Environment {
    /// Reads `ENGAGEMENT_CONSUMER_KEY`, `_CONSUMER_SECRET`, `_ACCESS_TOKEN`, `_ACCESS_TOKEN_SECRET` and `_BEARER_TOKEN`,
    /// or the files that their `_FILE` twins name. A value that is empty counts as none, and a line end after it is left
    /// out.
    ///
    /// # Errors
    ///
    /// A variable and its twin both set, half of a pair, a file that cannot be read, a value that no credential can be.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader { variable, warnings: Vec::new() };
        let consumer = reader.pair("CONSUMER_KEY", "CONSUMER_SECRET")?;
        let token = reader.pair("ACCESS_TOKEN", "ACCESS_TOKEN_SECRET")?;
        let bearer = reader.value("BEARER_TOKEN")?;
        if bearer.clone().is_some_and(|bearer| BearerToken::new(bearer).is_err()) {
            return Err(EnvironmentError::Unusable { variable: format!("{PREFIX}BEARER_TOKEN") });
        }
        let holdings = Holdings {
            consumer: consumer.map(|(key, secret)| Consumer { key, secret }),
            bearer,
            checked: None,
            accounts: token.into_iter().map(|(token, secret)| Account::new(token, secret)).collect(),
        };
        Ok(Self { holdings, warnings: reader.warnings })
    }
}

struct Reader<F> {
    variable: F,
    warnings: Vec<String>,
}

impl<F: Fn(&str) -> Option<OsString>> Reader<F> {
    /// Two values that are of use together only.
    fn pair(
        &mut self,
        first: &'static str,
        second: &'static str,
    ) -> Result<Option<(Secret, Secret)>, EnvironmentError> {
        match (self.value(first)?, self.value(second)?) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(EnvironmentError::Half { set: first, missing: second }),
            (None, Some(_)) => Err(EnvironmentError::Half { set: second, missing: first }),
        }
    }

    fn value(&mut self, name: &str) -> Result<Option<Secret>, EnvironmentError> {
        let variable = format!("{PREFIX}{name}");
        let twin = format!("{variable}_FILE");
        let is_set = |value: &OsString| !value.is_empty();
        let own = (self.variable)(&variable).filter(is_set);
        let file = (self.variable)(&twin).filter(is_set);
        let (text, named_by) = match (own, file) {
            (Some(_), Some(_)) => return Err(EnvironmentError::Twice { variable, twin }),
            (None, None) => return Ok(None),
            (Some(value), None) => {
                let text = value
                    .into_string()
                    .map_err(|_| EnvironmentError::NotUtf8 { variable: variable.clone() })?;
                if text.ends_with(['\r', '\n']) {
                    self.warnings.push(format!("{variable} ends with a line end, which is left out"));
                }
                (Zeroizing::new(text), variable)
            }
            (None, Some(path)) => (read_file(Path::new(&path), &twin)?, twin),
        };
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if text.contains(char::is_control) {
            return Err(EnvironmentError::Unusable { variable: named_by });
        }
        Ok((!text.is_empty()).then(|| Secret::from(text)))
    }
}

fn read_file(path: &Path, twin: &str) -> Result<Zeroizing<String>, EnvironmentError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|source| EnvironmentError::File {
        path: path.to_owned(),
        twin: twin.to_owned(),
        source,
    })
}

/// Why the environment's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// Which of the two is meant cannot be told: unset one.
    #[error("{variable} and {twin} are both set")]
    Twice {
        /// The variable.
        variable: String,
        /// Its `_FILE` twin.
        twin: String,
    },
    /// One half is of no use: set the other, too.
    #[error("{PREFIX}{set} is set and {PREFIX}{missing} is not")]
    Half {
        /// The half that is there.
        set: &'static str,
        /// The half that is not.
        missing: &'static str,
    },
    /// A value that no credential can be.
    #[error("{variable} is not UTF-8")]
    NotUtf8 {
        /// The variable.
        variable: String,
    },
    /// A value that no credential can be, such as one of several lines.
    #[error("the value of {variable} has a line end or another character in it that no credential has")]
    Unusable {
        /// The variable.
        variable: String,
    },
    /// The file that a twin names.
    #[error("{}, which {twin} names, cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The variable that names it.
        twin: String,
        /// Why not.
        source: io::Error,
    },
}

/// What all names begin with.
const PREFIX: &str = "ENGAGEMENT_";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| {
            let name = name.strip_prefix(PREFIX).unwrap();
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn all_five_are_read() {
        let found = read(&[
            ("CONSUMER_KEY", "k"),
            ("CONSUMER_SECRET", "s\r\n"),
            ("ACCESS_TOKEN", "1-t"),
            ("ACCESS_TOKEN_SECRET", "ts"),
            ("BEARER_TOKEN", "b"),
        ])
        .unwrap();
        let consumer = found.holdings.consumer.unwrap();
        assert_eq!((consumer.key.expose(), consumer.secret.expose()), ("k", "s"));
        assert_eq!(found.holdings.accounts[0].user_id(), Some(1));
        assert_eq!(found.holdings.bearer.unwrap().expose(), "b");
        assert_eq!(found.warnings, ["ENGAGEMENT_CONSUMER_SECRET ends with a line end, which is left out"]);
    }

    #[test]
    fn nothing_is_nothing_and_so_is_empty() {
        assert!(read(&[]).unwrap().holdings.is_empty());
        assert!(read(&[("BEARER_TOKEN", ""), ("CONSUMER_KEY", "\n")]).unwrap().holdings.is_empty());
    }

    #[test]
    fn half_a_pair_and_a_variable_with_its_twin_are_named() {
        let words = |variables: &[(&str, &str)]| read(variables).unwrap_err().to_string();
        assert_eq!(
            words(&[("CONSUMER_SECRET", "canary")]),
            "ENGAGEMENT_CONSUMER_SECRET is set and ENGAGEMENT_CONSUMER_KEY is not"
        );
        assert_eq!(
            words(&[("BEARER_TOKEN", "canary"), ("BEARER_TOKEN_FILE", "f")]),
            "ENGAGEMENT_BEARER_TOKEN and ENGAGEMENT_BEARER_TOKEN_FILE are both set"
        );
        let missing = words(&[("BEARER_TOKEN_FILE", "no such file")]);
        assert!(missing.starts_with("no such file, which ENGAGEMENT_BEARER_TOKEN_FILE names"), "{missing}");
    }
    #[test]
    fn a_value_that_no_credential_can_be_is_named() {
        for (name, value) in [("BEARER_TOKEN", "can ary"), ("BEARER_TOKEN", "can\nary")] {
            let words = read(&[(name, value)]).unwrap_err().to_string();
            assert!(words.starts_with("the value of ENGAGEMENT_BEARER_TOKEN has"), "{words}");
        }
        let path = std::env::temp_dir().join(format!("engagement-environment-{}", std::process::id()));
        for (text, wanted) in [("\u{feff}AAAA\r\n", Some("AAAA")), ("AAAA\nBBBB\n", None)] {
            fs::write(&path, text).unwrap();
            let found = read(&[("BEARER_TOKEN_FILE", path.to_str().unwrap())]);
            match (found, wanted) {
                (Ok(found), Some(wanted)) => assert_eq!(found.holdings.bearer.unwrap().expose(), wanted),
                (Err(EnvironmentError::Unusable { variable }), None) => {
                    assert_eq!(variable, "ENGAGEMENT_BEARER_TOKEN_FILE");
                }
                (found, _) => panic!("{text:?}: {found:?}"),
            }
        }
        fs::remove_file(path).unwrap();
    }
}
