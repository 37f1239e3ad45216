//! World files.

use core::fmt;
use std::collections::HashMap;

use engagement_model::TweetId;
use serde::Deserialize;

use super::{
    Account, App, Fixture, State, World,
    chance::{hash, text},
    repeated,
};
use crate::{clock::read_time, switches::Switches};

/// Why a world file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldError(String);

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for WorldError {}

pub(super) fn read(source: &str) -> Result<World, WorldError> {
    // The parser's full message quotes the line, which may hold a secret.
    let file: File = toml::from_str(source).map_err(|error| WorldError(located(source, &error)))?;
    let demo = World::demo();
    let accounts = match file.account {
        Some(tables) => tables.into_iter().map(AccountTable::account).collect(),
        None => demo.accounts,
    };
    let apps = match file.app {
        Some(tables) => tables.into_iter().map(AppTable::app).collect(),
        None => demo.apps,
    };
    let mut world = World { apps, accounts, switches: file.switches, ..demo };
    world.check()?;
    world.fixtures = fixtures(&world, file.tweet)?;
    Ok(world)
}

impl World {
    fn check(&self) -> Result<(), WorldError> {
        let twice = |what: &str, value: Option<String>| match value {
            Some(value) => Err(WorldError(format!("{what} {value:?} stands twice"))),
            None => Ok(()),
        };
        twice("app_id", repeated(self.apps.iter().map(|app| app.app_id.to_string())))?;
        twice("consumer_key", repeated(self.apps.iter().map(|app| app.consumer_key.clone())))?;
        twice("user_id", repeated(self.accounts.iter().map(|account| account.user_id.to_string())))?;
        let names = self.accounts.iter().map(|account| account.screen_name.to_ascii_lowercase());
        twice("screen_name", repeated(names))?;
        let tokens = self.accounts.iter().map(|account| account.access_token.expose());
        if repeated(tokens).is_some() {
            return Err(WorldError("an access_token stands twice".to_owned()));
        }
        if repeated(self.apps.iter().map(|app| app.bearer_token.expose())).is_some() {
            return Err(WorldError("a bearer_token stands twice".to_owned()));
        }
        Ok(())
    }
}

fn fixtures(world: &World, tables: Vec<TweetTable>) -> Result<HashMap<u64, Fixture>, WorldError> {
    let mut fixtures = HashMap::new();
    for table in tables {
        let id = scalar(&table.id);
        let id: TweetId = id.parse().map_err(|error| WorldError(format!("tweet id {id:?}: {error}")))?;
        let id = id.get();
        let owner = table.owner.as_ref().map(scalar).map(|owner| match world.account(&owner) {
            Some(account) => Ok(account.user_id),
            None => owner.parse().map_err(|_| {
                WorldError(format!(
                    "owner {owner:?} of tweet {id} is neither an account's screen_name nor a user id"
                ))
            }),
        });
        let created_at = table.created_at.as_ref().map(scalar).map(|time| {
            read_time(&time).map_err(|error| WorldError(format!("created_at of tweet {id}: {error}")))
        });
        let fixture =
            Fixture { state: table.state, owner: owner.transpose()?, created_at: created_at.transpose()? };
        if fixtures.insert(id, fixture).is_some() {
            return Err(WorldError(format!("tweet {id} stands twice")));
        }
    }
    Ok(fixtures)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    app: Option<Vec<AppTable>>,
    account: Option<Vec<AccountTable>>,
    #[serde(default)]
    tweet: Vec<TweetTable>,
    #[serde(default)]
    switches: Switches,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppTable {
    app_id: u64,
    consumer_key: String,
    consumer_secret: String,
    bearer_token: Option<String>,
    provisioned: Option<bool>,
    callback_urls: Option<Vec<String>>,
}

impl AppTable {
    fn app(self) -> App {
        let made_up =
            || format!("AAAA{:016x}%3D", hash([text(&self.consumer_key), text(&self.consumer_secret)]));
        App {
            app_id: self.app_id,
            bearer_token: self.bearer_token.clone().unwrap_or_else(made_up).into(),
            consumer_key: self.consumer_key,
            consumer_secret: self.consumer_secret.into(),
            provisioned: self.provisioned.unwrap_or(true),
            callback_urls: self.callback_urls,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountTable {
    user_id: u64,
    screen_name: String,
    access_token: String,
    access_token_secret: String,
}

impl AccountTable {
    fn account(self) -> Account {
        Account {
            user_id: self.user_id,
            screen_name: self.screen_name,
            access_token: self.access_token.into(),
            access_token_secret: self.access_token_secret.into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TweetTable {
    id: toml::Value,
    state: Option<State>,
    owner: Option<toml::Value>,
    created_at: Option<toml::Value>,
}

/// A text, number or time of TOML as text.
fn scalar(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn located(source: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| source.get(..span.start))
        .map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        World::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn replaces_what_it_names_and_keeps_the_rest() {
        let world = World::from_toml(
            r#"
            [[app]]
            app_id = 9
            consumer_key = "k"
            consumer_secret = "s"

            [[tweet]]
            id = 123456789
            owner = "demo_news"
            created_at = 2026-11-20T08:00:00Z

            [[tweet]]
            id = 123456780
            created_at = 2026-11-20

            [[tweet]]
            id = "1763000000000000009"
            state = "unavailable"
            owner = 42
            "#,
        )
        .unwrap();
        assert_eq!(world.apps().len(), 1);
        assert!(world.apps()[0].provisioned && world.apps()[0].bearer_token.expose().starts_with("AAAA"));
        assert_eq!(world.accounts(), World::demo().accounts());
        let tweet = world.tweet(123_456_789);
        assert_eq!((tweet.owner, tweet.created_at.to_string().as_str()), (2222, "2026-11-20T08:00:00Z"));
        assert_eq!(world.tweet(123_456_780).created_at.to_string(), "2026-11-20T00:00:00Z");
        let tweet = world.tweet(1_763_000_000_000_000_009);
        assert_eq!((tweet.owner, tweet.state), (42, State::Unavailable));
    }

    #[test]
    fn says_where_and_what_and_no_secret() {
        let text = "[[app]]\napp_id = 1\nconsumer_key = \"k\"\nconsumer_secret = \"hunter2\" x\n";
        let said = message(text);
        assert!(said.starts_with("line 4: ") && !said.contains("hunter2"), "{said}");
        assert!(message("[[tweet]]\nid = 1\nstate = \"gone\"").contains("unavailable"));
        for id in ["-1", "0", "\"01\"", "\"9223372036854775808\"", "\"x\""] {
            let said = message(&format!("[[tweet]]\nid = {id}"));
            assert!(said.starts_with(&format!("tweet id \"{}\": ", id.trim_matches('"'))), "{said}");
        }
        assert!(message("[[tweet]]\nid = 1\ncreated_at = \"soon\"").contains("\"soon\" is neither a date"));
        assert!(message("[[tweet]]\nid = 1\nowner = \"nobody\"").contains("nobody"));
        assert!(message("[[tweet]]\nid = 1\n[[tweet]]\nid = 1").contains("twice"));
        assert!(message("[[acount]]").contains("acount"));
    }
}
