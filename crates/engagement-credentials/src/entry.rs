//! Credentials as people type them and programs print them.

use core::fmt;

use oauth_core::{Secret, app_only::BearerToken};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};

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

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The credentials.
    pub holdings: Holdings,
    /// Things to know, one sentence each. They name values and hold none.
    pub warnings: Vec<String>,
}

/// Reads an object of JSON, lines of `NAME=VALUE`, or what `bare` says.
///
/// Names are `consumer_key`, `consumer_secret`, `access_token`, `access_token_secret`, `bearer_token`, `handle`, in any
/// case, with `ENGAGEMENT_`, `TWITTER_` or nothing before them; JSON may have a list `accounts` of objects, or be one.
/// Other members of JSON are passed over with a warning, unless they are nearly called like one of these.
/// Blank lines and lines that begin with `#` are passed over. A line end after a value is left out.
///
/// # Errors
///
/// Names the line and what it lacks, and nothing of what is in it.
pub fn read(text: &str, bare: Bare) -> Result<Entry, EntryError> {
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
    let holdings = match bare {
        Bare::App => app(&lines)?,
        Bare::Accounts | Bare::Refused => accounts(&lines)?,
    };
    Ok(Entry { holdings, warnings: Vec::new() })
}

/// Reads `NAME=VALUE` lines for the names that begin with `prefix`, and passes over all others, as a `.env` file needs.
pub(crate) fn from_env_file(text: &str, prefix: &str) -> Result<Entry, EntryError> {
    let mut named = Named::default();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let Some((name, value)) = assignment(line.trim()) else { continue };
        if let Some(name) = name.strip_prefix(prefix) {
            let value = unquoted(value).ok_or(EntryError::Quote { line: index + 1 })?;
            named.set(name, Hidden(value.into()));
        }
    }
    named.entry()
}

/// Takes variables whose names begin with `prefix` as they are, and passes over all others.
pub(crate) fn from_variables(
    variables: impl IntoIterator<Item = (String, String)>,
    prefix: &str,
) -> Result<Entry, EntryError> {
    let mut named = Named::default();
    for (name, value) in variables {
        let value = Hidden(value.into());
        if let Some(name) = name.strip_prefix(prefix) {
            named.set(name, value);
        }
    }
    named.entry()
}

/// Values by the names that clients give them.
#[derive(Default)]
pub(crate) struct Named {
    pub(crate) consumer_key: Option<Hidden>,
    pub(crate) consumer_secret: Option<Hidden>,
    pub(crate) access_token: Option<Hidden>,
    pub(crate) access_token_secret: Option<Hidden>,
    pub(crate) bearer_token: Option<Hidden>,
    pub(crate) handle: Option<Hidden>,
    pub(crate) accounts: Vec<Named>,
    /// What is passed over, as it may be shown.
    pub(crate) unknown: Vec<String>,
}

impl Named {
    /// Sets what has this name; whether there is such a name.
    fn set(&mut self, name: &str, value: Hidden) -> bool {
        match self.place(name) {
            Some(place) => *place = Some(value),
            None => return false,
        }
        true
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<Hidden>> {
        let name = bare(name);
        let places = [
            &mut self.consumer_key,
            &mut self.consumer_secret,
            &mut self.access_token,
            &mut self.access_token_secret,
            &mut self.bearer_token,
            &mut self.handle,
        ];
        NAMES.iter().zip(places).find(|(names, _)| names.contains(&&*name)).map(|(_, place)| place)
    }

    /// As what they are.
    pub(crate) fn entry(self) -> Result<Entry, EntryError> {
        let mut warnings: Vec<String> = self
            .unknown
            .iter()
            .map(|name| format!("{name} has no meaning here, and is passed over"))
            .collect();
        let mut usable = |hidden, name| {
            let value = Hidden::trimmed(hidden, name, &mut warnings);
            match &value {
                Some(secret) if secret.expose().contains(char::is_control) => {
                    Err(EntryError::Unusable { name })
                }
                _ => Ok(value),
            }
        };
        let mut pair = |first, second, names: [&'static str; 2]| {
            let [one, other] = names;
            match (usable(first, one)?, usable(second, other)?) {
                (Some(first), Some(second)) => Ok(Some((first, second))),
                (None, None) => Ok(None),
                (Some(_), None) => Err(EntryError::Missing { name: other, beside: one }),
                (None, Some(_)) => Err(EntryError::Missing { name: one, beside: other }),
            }
        };
        let consumer = pair(self.consumer_key, self.consumer_secret, ["consumer_key", "consumer_secret"])?;
        let token =
            pair(self.access_token, self.access_token_secret, ["access_token", "access_token_secret"])?;
        let handle = usable(self.handle, "handle")?;
        let bearer = Hidden::trimmed(self.bearer_token, "bearer_token", &mut warnings);
        if let Some(bearer) = &bearer {
            BearerToken::new(bearer.clone()).map_err(|_| EntryError::Bearer)?;
        }
        let mut holdings = Holdings {
            consumer: consumer.map(|(key, secret)| Consumer { key, secret }),
            bearer,
            ..Holdings::default()
        };
        if let Some((token, secret)) = token {
            let handle = handle.as_ref().map(Secret::expose).unwrap_or_default();
            holdings.put(Account::new(token, secret).with_handle(handle));
        }
        for account in self.accounts {
            let Entry { holdings: more, warnings: also } = account.entry()?;
            for warning in also {
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
            // Each may name the app, and it is one.
            if let (Some(one), Some(other)) = (&holdings.consumer, &more.consumer)
                && one != other
            {
                return Err(EntryError::SeveralApps);
            }
            holdings.consumer = holdings.consumer.or(more.consumer);
            holdings.bearer = holdings.bearer.or(more.bearer);
            for account in more.accounts {
                holdings.put(account);
            }
        }
        if holdings.is_empty() { Err(EntryError::Nothing) } else { Ok(Entry { holdings, warnings }) }
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Named, M::Error> {
                let mut named = Named::default();
                while let Some(name) = members.next_key::<String>()? {
                    if name == "accounts" {
                        named.accounts = members.next_value::<Option<_>>()?.unwrap_or_default();
                        continue;
                    }
                    match named.place(&name) {
                        Some(place) => *place = members.next_value()?,
                        None if is_nearly_known(&name) => return Err(M::Error::custom(UNKNOWN)),
                        None => {
                            members.next_value::<IgnoredAny>()?;
                            named.unknown.push(member(&name));
                        }
                    }
                }
                Ok(named)
            }
        }
        deserializer.deserialize_map(Members)
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

    /// The text without the line ends after it, which editors and other programs leave there.
    pub(crate) fn trimmed(hidden: Option<Self>, name: &str, warnings: &mut Vec<String>) -> Option<Secret> {
        let secret = hidden?.0;
        let text = secret.expose().trim_end_matches(['\r', '\n']);
        if text.len() == secret.expose().len() {
            return Self::filled(Some(Self(secret)));
        }
        warnings.push(format!("the {name} ends with a line end, which is left out"));
        Self::filled(Some(Self(text.into())))
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden([redacted])")
    }
}

/// A name in lower case, without what may stand before it.
fn bare(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let bare = ["engagement_", "twitter_"].iter().find_map(|prefix| name.strip_prefix(prefix));
    bare.map(str::to_owned).unwrap_or(name)
}

/// Whether one letter more, less or other makes it one of ours: a mistyped name is not passed over.
fn is_nearly_known(name: &str) -> bool {
    let name = bare(name);
    NAMES.iter().copied().flatten().any(|known| {
        let (shorter, longer) = (name.len().min(known.len()), name.len().max(known.len()));
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let before = name.bytes().zip(known.bytes()).take_while(same).count();
        let behind = name.bytes().rev().zip(known.bytes().rev()).take_while(same).count();
        longer - (before + behind).min(shorter) <= 1
    })
}

/// A member by its name, if that is one: whatever has another form may be a value.
fn member(name: &str) -> String {
    let is_name = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b' ');
    if name.len() <= LONGEST_NAME && name.bytes().all(is_name) {
        format!("the member {name:?}")
    } else {
        "a member".to_owned()
    }
}

fn from_json(text: &str) -> Result<Entry, EntryError> {
    // The library's own words may quote the text.
    let broken = |error: serde_json::Error| match error.line() {
        line if error.to_string().starts_with(UNKNOWN) => EntryError::UnknownName { line },
        line => EntryError::Json { line },
    };
    let named: Named = if text.trim_start().starts_with('[') {
        let accounts = serde_json::from_str(text).map_err(broken)?;
        Named { accounts, ..Named::default() }
    } else {
        serde_json::from_str(text).map_err(broken)?
    };
    named.entry()
}

fn from_assignments(lines: &[(usize, &str)]) -> Result<Entry, EntryError> {
    let mut named = Named::default();
    for &(line, text) in lines {
        let (name, value) = assignment(text).ok_or(EntryError::NoName { line })?;
        let value = unquoted(value).ok_or(EntryError::Quote { line })?;
        if !named.set(name, Hidden(value.into())) {
            return Err(EntryError::UnknownName { line });
        }
    }
    named.entry()
}

/// `NAME=VALUE`, as shells and `.env` files write it, the value as it is written.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = name.contains('_') || ["handle", "username", "token", "secret"].contains(&name);
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && is_plain).then_some((name, value.trim()))
}

/// What is between quotes, or what stands before a comment. `None` for a quote that is not closed, and for one with more
/// than a comment behind it.
fn unquoted(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let (inner, behind) = rest.split_once(quote)?;
            let behind = behind.trim_start();
            return (behind.is_empty() || behind.starts_with('#')).then_some(inner);
        }
    }
    Some(value.split_once(" #").map_or(value, |(before, _)| before.trim_end()))
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
        && let ([token], [secret]) =
            (&words(token).collect::<Vec<_>>()[..], &words(secret).collect::<Vec<_>>()[..])
    {
        holdings.put(Account::new(*token, *secret));
        return Ok(holdings);
    }
    for (number, line) in lines {
        let words: Vec<&str> = words(line).collect();
        // The head of a table.
        let is_head = words.iter().any(|word| Named::default().place(word).is_some());
        let account = match words[..] {
            _ if is_head => None,
            // The secret is missing.
            [handle, token] if !is_token(handle) && is_token(token) => None,
            [token, secret] => Some(Account::new(token, secret)),
            [handle, token, secret] => Some(Account::new(token, secret).with_handle(handle)),
            _ => None,
        };
        holdings.put(account.ok_or(EntryError::NoAccount { line: *number })?);
    }
    Ok(holdings)
}

/// Whether it has the form of most access tokens: the user's id, a dash, and more.
fn is_token(word: &str) -> bool {
    word.split_once('-').is_some_and(|(id, _)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Words without quotes around them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty()).map(|word| {
        ['"', '\''].iter().find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(word)
    })
}

/// The names of each value: what clients call it.
const NAMES: [&[&str]; 6] = [
    &["consumer_key", "api_key"],
    &["consumer_secret", "api_secret", "api_key_secret"],
    &["access_token", "oauth_token", "token"],
    &["access_token_secret", "oauth_token_secret", "token_secret", "secret"],
    &["bearer_token"],
    &["handle", "screen_name", "username"],
];
/// Longer ones are values.
const LONGEST_NAME: usize = 24;
/// What the JSON reader is told of a name that has no meaning.
const UNKNOWN: &str = "unknown name";

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
    /// A quote that is not closed, or more than a comment behind it.
    #[error("line {line} has a quote that is not closed, or text behind the quoted value")]
    Quote {
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
    /// A value that no credential can be.
    #[error("the {name} has a line end or another control character in it")]
    Unusable {
        /// Which one.
        name: &'static str,
    },
    /// Accounts of several apps, of which a profile has one.
    #[error("there are several apps in it")]
    SeveralApps,
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
        let Entry { holdings, warnings } = read(text, bare)?;
        let mut shown = warnings.join(" ");
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
        assert_eq!(shown(" \n# k s\n", Bare::App), Err(EntryError::Nothing));
    }

    #[test]
    fn accounts_are_lines() {
        assert_eq!(shown("1-t\nts\n", Bare::Accounts).as_deref(), Ok("None 1-t ts;"));
        let two = "Some(\"a\") 1-t ts;None 2-t us;";
        for text in ["a 1-t ts\n2-t us", "@a,1-t,ts\n# b\n2-t\tus\n"] {
            assert_eq!(shown(text, Bare::Accounts).as_deref(), Ok(two), "{text:?}");
        }
        assert_eq!(shown("1-t ts\nx\n", Bare::Accounts), Err(EntryError::NoAccount { line: 2 }));
    }

    #[test]
    fn names_are_read_with_or_without_prefix() {
        let text = "# mine\nexport TWITTER_CONSUMER_KEY=\"k=\"\nENGAGEMENT_CONSUMER_SECRET='s'\naccess_token=1-t # x\n\
                    token_secret = ts\nBEARER_TOKEN=AAA%3D\nhandle=@a\n";
        assert_eq!(shown(text, Bare::Refused).as_deref(), Ok("app k= s;bearer AAA%3D;Some(\"a\") 1-t ts;"));
        assert_eq!(
            shown("consumer_key=k", Bare::App),
            Err(EntryError::Missing { name: "consumer_secret", beside: "consumer_key" })
        );
        assert_eq!(shown("consumer_kee=k", Bare::App), Err(EntryError::UnknownName { line: 1 }));
        assert_eq!(shown("secret words", Bare::Refused), Err(EntryError::NoName { line: 1 }));
        assert_eq!(shown("bearer_token=a b\u{1}", Bare::Refused), Err(EntryError::Bearer));
    }

    #[test]
    fn json_has_one_account_or_many() {
        let one =
            r#"{"consumer_key":"k","consumer_secret":"s","oauth_token":"1-t","oauth_token_secret":"ts"}"#;
        assert_eq!(shown(one, Bare::Refused).as_deref(), Ok("app k s;None 1-t ts;"));
        let many = r#"[{"screen_name":"a","token":"1-t","secret":"ts"},{"token":"2-t","secret":"us"}]"#;
        assert_eq!(shown(many, Bare::Accounts).as_deref(), Ok("Some(\"a\") 1-t ts;None 2-t us;"));
        assert_eq!(shown("{\n\"bearer_token\": 12345678}", Bare::Refused), Err(EntryError::Json { line: 2 }));
        assert_eq!(shown("{}", Bare::Refused), Err(EntryError::Nothing));
        let app = r#"[{"TWITTER_API_KEY":"k","ENGAGEMENT_CONSUMER_SECRET":"s","token":"1-t","secret":"ts"},
            {"consumer_key":"k","consumer_secret":"s","handle":null,"token":"2-t","secret":"us"}]"#;
        assert_eq!(shown(app, Bare::Accounts).as_deref(), Ok("app k s;None 1-t ts;None 2-t us;"));
        assert_eq!(
            shown(&app.replace("\"k\",\"consumer_secret\"", "\"l\",\"consumer_secret\""), Bare::Accounts),
            Err(EntryError::SeveralApps)
        );
        assert_eq!(
            shown("{\n\"consumer_keyy\":\"canary\"}", Bare::App),
            Err(EntryError::UnknownName { line: 2 })
        );
    }

    #[test]
    fn members_that_mean_nothing_here_are_passed_over_by_name() {
        let more = r#"{"handle":"a","token":"1-t","secret":"ts","user_id":2222,"id":null,"scopes":["canary"],
            "1111-canary":{"x":[1.5e300,true]}}"#;
        let wanted = "the member \"user_id\" has no meaning here, and is passed over \
                      the member \"id\" has no meaning here, and is passed over \
                      the member \"scopes\" has no meaning here, and is passed over \
                      a member has no meaning here, and is passed overSome(\"a\") 1-t ts;";
        for text in [more.to_owned(), format!("[{more}]"), format!("[{more},{more}]")] {
            assert_eq!(shown(&text, Bare::Accounts).as_deref(), Ok(wanted), "{text}");
        }
        for name in ["TWITTER_CONSUMER_KEI", "onsumer_key", "bearertoken", "handlee", "s_ecret"] {
            let text = format!("{{\"bearer_token\":\"b\",\n\"{name}\":\"canary\"}}");
            assert_eq!(shown(&text, Bare::App), Err(EntryError::UnknownName { line: 2 }), "{name}");
        }
    }

    #[test]
    fn an_env_file_may_hold_more() {
        let text = "PATH=/bin\nTWITTER_CONSUMER_KEY=k\nTWITTER_CONSUMER_SECRET=s\nnonsense\nCONSUMER_KEY=x\n";
        let entry = from_env_file(text, "TWITTER_").unwrap();
        assert_eq!(entry.holdings.consumer.unwrap().key.expose(), "k");
        let broken = from_env_file("A='\nTWITTER_CONSUMER_KEY='k\n", "TWITTER_");
        assert_eq!(broken.unwrap_err(), EntryError::Quote { line: 2 });
    }

    #[test]
    fn variables_are_taken_as_they_are() {
        let variables =
            [("T_CONSUMER_KEY", "'k' # it's"), ("T_CONSUMER_SECRET", "s\n"), ("OTHER_TOKEN", "x")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let entry = from_variables(variables, "T_").unwrap();
        let consumer = entry.holdings.consumer.unwrap();
        assert_eq!((consumer.key.expose(), consumer.secret.expose()), ("'k' # it's", "s"));
        assert_eq!(entry.warnings, ["the consumer_secret ends with a line end, which is left out"]);
    }

    #[test]
    fn a_quoted_value_ends_at_its_quote() {
        let app = |key: &str| shown(&format!("consumer_key={key}\nconsumer_secret=s"), Bare::App);
        for (key, wanted) in [
            ("'k' # it's the app", "k"),
            ("\"k\" # \"mine\"", "k"),
            ("'k'#x", "k"),
            ("k # it's", "k"),
            ("'k # x'", "k # x"),
        ] {
            assert_eq!(app(key), Ok(format!("app {wanted} s;")), "{key}");
        }
        for key in ["'k' x", "'k", "\"k\\\"x\""] {
            assert_eq!(app(key), Err(EntryError::Quote { line: 1 }), "{key}");
        }
    }

    #[test]
    fn a_value_that_no_credential_can_be_is_named() {
        assert_eq!(
            shown("{\"consumer_key\":\"k\\n\",\"consumer_secret\":\"s\"}", Bare::App).as_deref(),
            Ok("the consumer_key ends with a line end, which is left outapp k s;")
        );
        assert_eq!(
            shown("{\"consumer_key\":\"k\\nk\",\"consumer_secret\":\"s\"}", Bare::App),
            Err(EntryError::Unusable { name: "consumer_key" })
        );
    }

    #[test]
    fn accounts_that_are_none_are_refused() {
        let refused = |text: &str| shown(text, Bare::Accounts).unwrap_err();
        for text in [
            "handle,access_token,access_token_secret\na,1-t,ts\n",
            "demo_brand 1111-token\n",
            "handle 1-t ts\n",
        ] {
            assert_eq!(refused(text), EntryError::NoAccount { line: 1 }, "{text:?}");
        }
        assert_eq!(shown("\"1-t\",'ts'", Bare::Accounts).as_deref(), Ok("None 1-t ts;"));
        assert_eq!(shown("t ts\nu us", Bare::Accounts).as_deref(), Ok("None t ts;None u us;"));
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
