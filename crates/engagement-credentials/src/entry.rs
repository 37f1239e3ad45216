//! Credentials as people type them and programs print them.

use core::fmt;

use oauth_core::{Secret, app_only::BearerToken};
use serde::Deserialize;

use crate::holdings::{Account, Consumer, Holdings};

/// What lines without names mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    /// A consumer key and, behind it or on the next line, its secret.
    App,
    /// Access tokens with their secrets, one account a line: `[HANDLE] TOKEN SECRET`, divided by blanks, commas or tabs;
    /// or a single token with its secret on the next line.
    Accounts,
    /// Nothing: they are refused.
    Refused,
}

/// Reads an object of JSON, lines of `NAME=VALUE`, or what `bare` says.
///
/// Names are `consumer_key`, `consumer_secret`, `access_token`, `access_token_secret`, `bearer_token`, `handle`, in any
/// case, with `ENGAGEMENT_`, `TWITTER_` or nothing before them; JSON may have a list `accounts` of objects, or be one.
/// Blank lines and lines that begin with `#` are passed over.
///
/// # Errors
///
/// Names the line and what it lacks, and nothing of what is in it.
pub fn read(text: &str, bare: Bare) -> Result<Holdings, EntryError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['{', '[']) {
        return from_json(text);
    }
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Err(EntryError::Nothing);
    }
    // A value may hold an equals sign, a name of ours never does without one.
    if lines.iter().all(|(_, line)| assignment(line).is_some()) || bare == Bare::Refused {
        return from_assignments(&lines);
    }
    match bare {
        Bare::App => app(&lines),
        Bare::Accounts | Bare::Refused => accounts(&lines),
    }
}

/// Reads `NAME=VALUE` lines for the names that begin with `prefix`, and passes over all others, as a `.env` file needs.
pub(crate) fn from_env_file(text: &str, prefix: &str) -> Result<Holdings, EntryError> {
    let mut named = Named::default();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let Some((name, value)) = assignment(line.trim()) else { continue };
        if let Some(name) = name.strip_prefix(prefix) {
            named.set(&name.to_ascii_lowercase(), value);
        }
    }
    named.holdings()
}

/// Values by the names that clients give them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    #[serde(alias = "CONSUMER_KEY", alias = "api_key")]
    pub(crate) consumer_key: Option<Hidden>,
    #[serde(alias = "CONSUMER_SECRET", alias = "api_secret", alias = "api_key_secret")]
    pub(crate) consumer_secret: Option<Hidden>,
    #[serde(alias = "ACCESS_TOKEN", alias = "oauth_token", alias = "token")]
    pub(crate) access_token: Option<Hidden>,
    #[serde(
        alias = "ACCESS_TOKEN_SECRET",
        alias = "oauth_token_secret",
        alias = "token_secret",
        alias = "secret"
    )]
    pub(crate) access_token_secret: Option<Hidden>,
    #[serde(alias = "BEARER_TOKEN")]
    pub(crate) bearer_token: Option<Hidden>,
    #[serde(alias = "screen_name", alias = "username")]
    pub(crate) handle: Option<String>,
    pub(crate) accounts: Vec<Named>,
}

impl Named {
    /// Sets what has this name; whether there is such a name.
    fn set(&mut self, name: &str, value: &str) -> bool {
        let hidden = || (!value.is_empty()).then(|| Hidden(Secret::from(value)));
        match name {
            "consumer_key" | "api_key" => self.consumer_key = hidden(),
            "consumer_secret" | "api_secret" | "api_key_secret" => self.consumer_secret = hidden(),
            "access_token" | "oauth_token" | "token" => self.access_token = hidden(),
            "access_token_secret" | "oauth_token_secret" | "token_secret" | "secret" => {
                self.access_token_secret = hidden();
            }
            "bearer_token" => self.bearer_token = hidden(),
            "handle" | "screen_name" | "username" => self.handle = Some(value.to_owned()),
            _ => return false,
        }
        true
    }

    /// As what they are.
    pub(crate) fn holdings(self) -> Result<Holdings, EntryError> {
        let pair = |first: Option<Hidden>, second: Option<Hidden>, names: [&'static str; 2]| {
            let [one, other] = names;
            match (Hidden::filled(first), Hidden::filled(second)) {
                (Some(first), Some(second)) => Ok(Some((first, second))),
                (None, None) => Ok(None),
                (Some(_), None) => Err(EntryError::Missing { name: other, beside: one }),
                (None, Some(_)) => Err(EntryError::Missing { name: one, beside: other }),
            }
        };
        let consumer = pair(self.consumer_key, self.consumer_secret, ["consumer_key", "consumer_secret"])?;
        let token =
            pair(self.access_token, self.access_token_secret, ["access_token", "access_token_secret"])?;
        let bearer = Hidden::filled(self.bearer_token);
        if let Some(bearer) = &bearer {
            BearerToken::new(bearer.clone()).map_err(|_| EntryError::Bearer)?;
        }
        let mut holdings = Holdings {
            consumer: consumer.map(|(key, secret)| Consumer { key, secret }),
            bearer,
            ..Holdings::default()
        };
        if let Some((token, secret)) = token {
            holdings.put(Account::new(token, secret).with_handle(self.handle.as_deref().unwrap_or_default()));
        }
        for account in self.accounts {
            for account in account.holdings()?.accounts {
                holdings.put(account);
            }
        }
        if holdings.is_empty() { Err(EntryError::Nothing) } else { Ok(holdings) }
    }
}

/// Text of a file that goes where nobody sees it.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) Secret);

impl Hidden {
    /// The text, if it is one.
    pub(crate) fn filled(hidden: Option<Self>) -> Option<Secret> {
        hidden.map(|Self(secret)| secret).filter(|secret| !secret.expose().is_empty())
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden([redacted])")
    }
}

fn from_json(text: &str) -> Result<Holdings, EntryError> {
    // The library's own words may quote the text.
    let broken = |error: serde_json::Error| EntryError::Json { line: error.line() };
    let named: Named = if text.trim_start().starts_with('[') {
        let accounts = serde_json::from_str(text).map_err(broken)?;
        Named { accounts, ..Named::default() }
    } else {
        serde_json::from_str(text).map_err(broken)?
    };
    named.holdings()
}

fn from_assignments(lines: &[(usize, &str)]) -> Result<Holdings, EntryError> {
    let mut named = Named::default();
    for &(number, line) in lines {
        let (name, value) = assignment(line).ok_or(EntryError::NoName { line: number })?;
        let name = name.to_ascii_lowercase();
        let name =
            ["engagement_", "twitter_"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
        if !named.set(name, value) {
            return Err(EntryError::UnknownName { line: number });
        }
    }
    named.holdings()
}

/// `NAME=VALUE`, as shells and `.env` files write it.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = name.contains('_') || ["handle", "username", "token", "secret"].contains(&name);
    if !is_name || !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return None;
    }
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.rsplit_once(quote)) {
            return Some((name, inner));
        }
    }
    Some((name, value.split_once(" #").map_or(value, |(before, _)| before.trim_end())))
}

fn app(lines: &[(usize, &str)]) -> Result<Holdings, EntryError> {
    let words: Vec<&str> = lines.iter().flat_map(|(_, line)| words(line)).collect();
    let [key, secret] = words[..] else {
        return Err(EntryError::Pair { wanted: "a consumer key and its secret" });
    };
    let consumer = Consumer { key: key.into(), secret: secret.into() };
    Ok(Holdings { consumer: Some(consumer), ..Holdings::default() })
}

fn accounts(lines: &[(usize, &str)]) -> Result<Holdings, EntryError> {
    let mut holdings = Holdings::default();
    if let [(_, token), (_, secret)] = lines
        && words(token).count() == 1
        && words(secret).count() == 1
    {
        holdings.put(Account::new(*token, *secret));
        return Ok(holdings);
    }
    for (number, line) in lines {
        let words: Vec<&str> = words(line).collect();
        let account = match words[..] {
            [token, secret] => Account::new(token, secret),
            [handle, token, secret] => Account::new(token, secret).with_handle(handle),
            _ => return Err(EntryError::NoAccount { line: *number }),
        };
        holdings.put(account);
    }
    Ok(holdings)
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty())
}

/// Why a text has no credentials. It never holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// No credential at all.
    #[error("there is no credential in it")]
    Nothing,
    /// Broken JSON, or a member that is no text.
    #[error("its JSON cannot be read at line {line}")]
    Json {
        /// Counted from 1.
        line: usize,
    },
    /// A line that is no assignment, where names are needed.
    #[error("line {line} is not written as NAME=VALUE")]
    NoName {
        /// Counted from 1.
        line: usize,
    },
    /// A name that no credential has.
    #[error(
        "line {line} has a name that is none of consumer_key, consumer_secret, access_token, access_token_secret, \
         bearer_token and handle"
    )]
    UnknownName {
        /// Counted from 1.
        line: usize,
    },
    /// One half of a pair.
    #[error("{beside} is there and {name} is not")]
    Missing {
        /// What is missing.
        name: &'static str,
        /// What is there.
        beside: &'static str,
    },
    /// More or less than two values.
    #[error("{wanted} are wanted, one after the other, and nothing else")]
    Pair {
        /// Which two.
        wanted: &'static str,
    },
    /// A line that is no account.
    #[error("line {line} is not written as TOKEN SECRET or HANDLE TOKEN SECRET")]
    NoAccount {
        /// Counted from 1.
        line: usize,
    },
    /// A bearer token that no header can carry.
    #[error("the bearer token has characters that no header can carry")]
    Bearer,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is in it, in a form to compare.
    fn shown(text: &str, bare: Bare) -> Result<String, EntryError> {
        let holdings = read(text, bare)?;
        let mut shown = String::new();
        if let Some(consumer) = &holdings.consumer {
            shown.push_str(&format!("app {} {};", consumer.key.expose(), consumer.secret.expose()));
        }
        if let Some(bearer) = &holdings.bearer {
            shown.push_str(&format!("bearer {};", bearer.expose()));
        }
        for account in &holdings.accounts {
            shown.push_str(&format!(
                "{:?} {} {};",
                account.handle,
                account.token.expose(),
                account.secret.expose()
            ));
        }
        Ok(shown)
    }

    #[test]
    fn an_app_is_two_values() {
        for text in
            ["k\ns\n", "k s", "\u{feff}\n k \r\n\r\n s \r\n", "consumer_key=k\nconsumer_secret=s", "k,s"]
        {
            assert_eq!(shown(text, Bare::App).as_deref(), Ok("app k s;"), "{text:?}");
        }
        for text in ["k", "k s t", "k\ns\nt"] {
            assert!(matches!(read(text, Bare::App), Err(EntryError::Pair { .. })), "{text:?}");
        }
        assert_eq!(read(" \n# k s\n", Bare::App), Err(EntryError::Nothing));
    }

    #[test]
    fn accounts_are_lines() {
        assert_eq!(shown("1-t\nts\n", Bare::Accounts).as_deref(), Ok("None 1-t ts;"));
        let two = "Some(\"a\") 1-t ts;None 2-t us;";
        for text in ["a 1-t ts\n2-t us", "@a,1-t,ts\n# b\n2-t\tus\n"] {
            assert_eq!(shown(text, Bare::Accounts).as_deref(), Ok(two), "{text:?}");
        }
        assert_eq!(read("1-t ts\nx\n", Bare::Accounts), Err(EntryError::NoAccount { line: 2 }));
    }

    #[test]
    fn names_are_read_with_or_without_prefix() {
        let text = "# mine\nexport TWITTER_CONSUMER_KEY=\"k=\"\nENGAGEMENT_CONSUMER_SECRET='s'\naccess_token=1-t # x\n\
                    token_secret = ts\nBEARER_TOKEN=AAA%3D\nhandle=@a\n";
        assert_eq!(shown(text, Bare::Refused).as_deref(), Ok("app k= s;bearer AAA%3D;Some(\"a\") 1-t ts;"));
        assert_eq!(
            read("consumer_key=k", Bare::App),
            Err(EntryError::Missing { name: "consumer_secret", beside: "consumer_key" })
        );
        assert_eq!(read("consumer_kee=k", Bare::App), Err(EntryError::UnknownName { line: 1 }));
        assert_eq!(read("secret words", Bare::Refused), Err(EntryError::NoName { line: 1 }));
        assert_eq!(read("bearer_token=a b\u{1}", Bare::Refused), Err(EntryError::Bearer));
    }

    #[test]
    fn json_has_one_account_or_many() {
        let one =
            r#"{"consumer_key":"k","consumer_secret":"s","oauth_token":"1-t","oauth_token_secret":"ts"}"#;
        assert_eq!(shown(one, Bare::Refused).as_deref(), Ok("app k s;None 1-t ts;"));
        let many = r#"[{"screen_name":"a","token":"1-t","secret":"ts"},{"token":"2-t","secret":"us"}]"#;
        assert_eq!(shown(many, Bare::Accounts).as_deref(), Ok("Some(\"a\") 1-t ts;None 2-t us;"));
        assert_eq!(read("{\n\"bearer_token\": 12345678}", Bare::Refused), Err(EntryError::Json { line: 2 }));
        assert_eq!(read("{}", Bare::Refused), Err(EntryError::Nothing));
    }

    #[test]
    fn an_env_file_may_hold_more() {
        let text = "PATH=/bin\nTWITTER_CONSUMER_KEY=k\nTWITTER_CONSUMER_SECRET=s\nnonsense\nCONSUMER_KEY=x\n";
        let holdings = from_env_file(text, "TWITTER_").unwrap();
        assert_eq!(holdings.consumer.unwrap().key.expose(), "k");
    }

    proptest! {
        #[test]
        fn no_error_shows_the_text(text in "canary[ -~\n]{0,60}") {
            for bare in [Bare::App, Bare::Accounts, Bare::Refused] {
                if let Err(error) = read(&text, bare) {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains("canary"));
                }
            }
        }
    }
}
