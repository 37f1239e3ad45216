//! `~/.twurlrc`, contract §6.6: YAML that twurl writes and people edit.

use std::{collections::BTreeMap, fmt};

use oauth_core::Secret;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{Import, ImportError, yaml};
use crate::{
    entry::Hidden,
    holdings::{Account, Consumer, Holdings},
};

/// Reads it. The app of the default profile comes first, and in it the default profile's account.
pub(super) fn read(text: &str) -> Result<Import, ImportError> {
    let file: File = yaml(text)?;
    let default = match file.configuration.and_then(|configuration| configuration.default_profile) {
        Some(Pair(words)) => match &words[..] {
            [handle, key] => Some((handle.clone(), Secret::from(key.as_str()))),
            _ => None,
        },
        None => None,
    };
    let mut profiles: Vec<(String, Secret, Profile)> = Vec::new();
    for (handle, keys) in file.profiles.into_iter().flatten() {
        for (key, profile) in keys.into_iter().flatten() {
            profiles.push((handle.clone(), Secret::from(key), profile.unwrap_or_default()));
        }
    }
    profiles.sort_by_key(|(handle, key, _)| {
        let is_default = default.as_ref().is_some_and(|(of, with)| of == handle && with == key);
        let is_of_default_app = default.as_ref().is_some_and(|(_, with)| with == key);
        (!is_default, !is_of_default_app)
    });
    let mut import = Import::default();
    for (handle, key, profile) in profiles {
        // The entry's own key, where it has one, is the same: twurl makes the one from the other.
        let mut taken =
            |value, name: &str| Hidden::trimmed(value, &format!("{name} of @{handle}"), &mut import.notes);
        let key = taken(profile.consumer_key, "consumer_key").unwrap_or(key);
        let token = taken(profile.token, "token").zip(taken(profile.secret, "secret"));
        let Some(secret) = taken(profile.consumer_secret, "consumer_secret") else {
            import.notes.push(format!("@{handle} has no consumer_secret, and is left out"));
            continue;
        };
        let handle = profile.username.filter(|name| !name.is_empty()).unwrap_or(handle);
        let account = match token {
            Some((token, secret)) => Some(Account::new(token, secret).with_handle(&handle)),
            _ => {
                import.notes.push(format!("@{handle} has no token and secret: its app alone is taken"));
                None
            }
        };
        import.add(Consumer { key, secret }, account);
    }
    for (key, bearer) in file.bearer_tokens.into_iter().flatten() {
        let Some(bearer) = Hidden::trimmed(bearer, "bearer token", &mut import.notes) else { continue };
        match import.app(&Secret::from(key)) {
            Some(app) => app.bearer = Some(bearer),
            // Good for public metrics, even without the key and secret that it was made from.
            None => import.apps.push(Holdings { bearer: Some(bearer), ..Holdings::default() }),
        }
    }
    Ok(import)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    profiles: Option<BTreeMap<String, Option<Keys>>>,
    configuration: Option<Configuration>,
    bearer_tokens: Option<BTreeMap<String, Option<Hidden>>>,
}

/// Profiles of one screen name, by consumer key.
type Keys = BTreeMap<String, Option<Profile>>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    default_profile: Option<Pair>,
}

/// A screen name and a consumer key. Whatever else stands there names no profile.
struct Pair(Vec<String>);

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Pair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a screen name and a consumer key")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut words: S) -> Result<Pair, S::Error> {
                let mut pair = Vec::new();
                while let Some(word) = words.next_element()? {
                    pair.push(word);
                }
                Ok(Pair(pair))
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Pair, E> {
                Ok(Pair(Vec::new()))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Pair, E> {
                Ok(Pair(Vec::new()))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Pair, E> {
                Ok(Pair(Vec::new()))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Pair, E> {
                Ok(Pair(Vec::new()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    username: Option<String>,
    consumer_key: Option<Hidden>,
    consumer_secret: Option<Hidden>,
    token: Option<Hidden>,
    secret: Option<Hidden>,
}
