//! The file's TOML, in and out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Flaw, Shelf};
use crate::{
    entry::Hidden,
    holdings::{Account, Checked, Consumer, Finding, Holdings},
};

/// Reads it.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Shelf>, Flaw> {
    // The library's own words may quote a value.
    let document: Document = toml::from_str(text).map_err(|error| Flaw::Line {
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        detail: detail(error.message()),
    })?;
    document
        .profiles
        .into_iter()
        .map(|(name, profile)| {
            let shelf = profile.shelf().map_err(|why| Flaw::Profile { profile: name.clone(), why })?;
            Ok((name, shelf))
        })
        .collect()
}

/// Writes it.
pub(super) fn write(shelves: &BTreeMap<String, Shelf>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    text.push_str(HEAD);
    for (name, shelf) in shelves {
        text.push_str("\n[profiles.");
        push_quoted(&mut text, name);
        text.push_str("]\n");
        match shelf {
            Shelf::InKeyring => push_pair(&mut text, "kept_in", KEYRING),
            Shelf::Here(holdings) => push_holdings(&mut text, name, holdings),
        }
    }
    text
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    kept_in: Option<String>,
    consumer_key: Option<Hidden>,
    consumer_secret: Option<Hidden>,
    bearer_token: Option<Hidden>,
    checked_at: Option<Timestamp>,
    found: Option<String>,
    #[serde(default)]
    accounts: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    handle: Option<String>,
    access_token: Hidden,
    access_token_secret: Hidden,
    checked_at: Option<Timestamp>,
    found: Option<String>,
}

impl Profile {
    fn shelf(self) -> Result<Shelf, &'static str> {
        match self.kept_in.as_deref() {
            None => {}
            Some(KEYRING) => return Ok(Shelf::InKeyring),
            Some(_) => return Err("kept_in is not \"keyring\""),
        }
        let consumer = match (Hidden::filled(self.consumer_key), Hidden::filled(self.consumer_secret)) {
            (Some(key), Some(secret)) => Some(Consumer { key, secret }),
            (None, None) => None,
            (Some(_), None) => return Err("consumer_key is there and consumer_secret is not"),
            (None, Some(_)) => return Err("consumer_secret is there and consumer_key is not"),
        };
        let mut holdings = Holdings {
            consumer,
            bearer: Hidden::filled(self.bearer_token),
            checked: checked(self.checked_at, self.found.as_deref()),
            accounts: Vec::new(),
        };
        for entry in self.accounts {
            let Entry { handle, access_token: Hidden(token), access_token_secret: Hidden(secret), .. } =
                entry;
            let mut account = Account::new(token, secret).with_handle(handle.as_deref().unwrap_or_default());
            account.checked = checked(entry.checked_at, entry.found.as_deref());
            if holdings.put(account) {
                return Err("one account is there twice");
            }
        }
        Ok(Shelf::Here(holdings))
    }
}

/// A finding of another version's is none.
fn checked(at: Option<Timestamp>, found: Option<&str>) -> Option<Checked> {
    Some(Checked { at: at?, found: Finding::from_word(found?)? })
}

fn push_holdings(text: &mut String, name: &str, holdings: &Holdings) {
    if let Some(consumer) = &holdings.consumer {
        push_pair(text, "consumer_key", consumer.key.expose());
        push_pair(text, "consumer_secret", consumer.secret.expose());
    }
    if let Some(bearer) = &holdings.bearer {
        push_pair(text, "bearer_token", bearer.expose());
    }
    push_checked(text, holdings.checked);
    for account in &holdings.accounts {
        text.push_str("\n[[profiles.");
        push_quoted(text, name);
        text.push_str(".accounts]]\n");
        if let Some(handle) = &account.handle {
            push_pair(text, "handle", handle);
        }
        push_pair(text, "access_token", account.token.expose());
        push_pair(text, "access_token_secret", account.secret.expose());
        push_checked(text, account.checked);
    }
}

fn push_checked(text: &mut String, checked: Option<Checked>) {
    if let Some(Checked { at, found }) = checked {
        push_pair(text, "checked_at", &format!("{at:.0}"));
        push_pair(text, "found", found.word());
    }
}

fn push_pair(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(" = ");
    push_quoted(text, value);
    text.push('\n');
}

/// A basic string, TOML 1.0: quotes, backslashes and control characters are escaped.
fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for sign in value.chars() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            sign if sign.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(sign))),
            sign => text.push(sign),
        }
    }
    text.push('"');
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The kind of mistake, by the beginning of the library's message.
fn detail(message: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 4] = [
        ("unknown field", "a name that has no meaning"),
        ("missing field", "an account without access_token or access_token_secret"),
        ("duplicate", "a name that is there twice"),
        ("invalid type", "a value that is not between quotes"),
    ];
    KINDS.iter().find(|(begin, _)| message.starts_with(begin)).map(|(_, detail)| *detail)
}

const KEYRING: &str = "keyring";

const HEAD: &str = "\
# Written by `engagement auth`. Whoever can read this can ask in your name: keep it to yourself (mode 0600).
";
