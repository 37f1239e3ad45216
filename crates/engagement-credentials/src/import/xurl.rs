//! `~/.xurl`: JSON at first, later YAML with several apps. The one is a part of the other.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Import, ImportError, yaml};
use crate::{
    entry::Hidden,
    holdings::{Account, Consumer, Holdings},
};

/// Reads it. The default app comes first.
pub(super) fn read(text: &str) -> Result<Import, ImportError> {
    let file: File = yaml(text)?;
    let mut import = Import::default();
    let File { oauth2_tokens, oauth1_token, bearer_token, .. } = file;
    add(&mut import, None, Tokens { oauth2_tokens, oauth1_token, bearer_token });
    let mut apps: Vec<_> = file.apps.into_iter().collect();
    apps.sort_by_key(|(name, _)| file.default_app.as_ref() != Some(name));
    for (name, app) in apps {
        add(&mut import, Some(&name), app);
    }
    Ok(import)
}

fn add(import: &mut Import, name: Option<&str>, tokens: Tokens) {
    let of = name.map(|name| format!(" of the app {name:?}")).unwrap_or_default();
    if !tokens.oauth2_tokens.is_empty() {
        import.notes.push(format!("OAuth 2.0 tokens{of} are of no use for the Engagement API"));
    }
    let notes = &mut import.notes;
    let mut taken = |value, name: &str| Hidden::trimmed(value, &format!("{name}{of}"), notes);
    let bearer = taken(tokens.bearer_token.and_then(|token| token.bearer), "bearer token");
    let oauth1 = tokens.oauth1_token.and_then(|token| token.oauth1).unwrap_or_default();
    let consumer = taken(oauth1.consumer_key, "consumer_key")
        .zip(taken(oauth1.consumer_secret, "consumer_secret"))
        .map(|(key, secret)| Consumer { key, secret });
    let account = taken(oauth1.access_token, "access_token")
        .zip(taken(oauth1.token_secret, "token_secret"))
        .map(|(token, secret)| Account::new(token, secret));
    if consumer.is_none() && account.is_some() {
        import.notes.push(format!(
            "the OAuth 1.0a token{of} has no consumer_key and consumer_secret, and is left out"
        ));
    }
    match (consumer, bearer) {
        (Some(consumer), bearer) => {
            let key = consumer.key.clone();
            import.add(consumer, account);
            if let (Some(app), Some(bearer)) = (import.app(&key), bearer) {
                app.bearer = Some(bearer);
            }
        }
        (None, Some(bearer)) => {
            import.apps.push(Holdings { bearer: Some(bearer), ..Holdings::default() });
        }
        (None, None) => {}
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    // Before there were several apps. Flattened they would no longer be text however they are written.
    oauth2_tokens: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(alias = "oauth1_tokens")]
    oauth1_token: Option<Token>,
    bearer_token: Option<Token>,
    apps: BTreeMap<String, Tokens>,
    default_app: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    oauth2_tokens: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(alias = "oauth1_tokens")]
    oauth1_token: Option<Token>,
    bearer_token: Option<Token>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Token {
    bearer: Option<Hidden>,
    oauth1: Option<OAuth1>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OAuth1 {
    access_token: Option<Hidden>,
    token_secret: Option<Hidden>,
    consumer_key: Option<Hidden>,
    consumer_secret: Option<Hidden>,
}
