//! What exists: apps, accounts, and a Tweet for every id.

pub(crate) mod chance;
mod class;
pub(crate) mod curve;
mod file;
pub(crate) mod tweet;

use std::collections::{HashMap, HashSet};

use engagement_model::TweetId;
use jiff::Timestamp;
use oauth_core::Secret;

use self::{
    chance::{between, mix},
    tweet::Tweet,
};
pub use self::{
    class::{Class, UnknownClass},
    file::WorldError,
    tweet::State,
};
use crate::switches::Switches;

/// Apps, accounts, and what is known beforehand of single Tweets. Everything else about a Tweet comes from its id and
/// the seed, so that nothing is stored and every id has data.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) seed: u64,
    apps: Vec<App>,
    accounts: Vec<Account>,
    fixtures: HashMap<u64, Fixture>,
    switches: Switches,
}

impl World {
    /// One app, `demo-consumer-key`, and the accounts `demo_brand`, `demo_news` and `demo_sport`.
    pub fn demo() -> Self {
        let account = |user_id: u64, screen_name: &str, secret: &str| Account {
            user_id,
            screen_name: screen_name.to_owned(),
            access_token: format!("{user_id}-demo-access-token").into(),
            access_token_secret: secret.into(),
        };
        Self {
            seed: 1,
            apps: vec![App {
                app_id: 1,
                consumer_key: "demo-consumer-key".to_owned(),
                consumer_secret: "demo-consumer-secret".into(),
                bearer_token: "AAAAdemo%3Dtoken".into(),
                provisioned: true,
                callback_urls: None,
            }],
            accounts: vec![
                account(1111, "demo_brand", "demo-token-secret"),
                account(2222, "demo_news", "demo-news-token-secret"),
                account(3333, "demo_sport", "demo-sport-token-secret"),
            ],
            fixtures: HashMap::new(),
            switches: Switches::default(),
        }
    }

    /// The demo world with what a world file says in its place: its `[[app]]` tables instead of the demo app, its
    /// `[[account]]` tables instead of the demo accounts, its `[[tweet]]` tables, and its `[switches]`.
    ///
    /// ```
    /// let world = engagement_emulator::World::from_toml(r#"
    ///     [[account]]
    ///     user_id = 7
    ///     screen_name = "museum"
    ///     access_token = "7-token"
    ///     access_token_secret = "secret"
    ///
    ///     [[tweet]]
    ///     id = "1763000000000000009"
    ///     state = "unavailable"
    /// "#)?;
    /// assert_eq!(world.accounts()[0].screen_name, "museum");
    /// # Ok::<(), engagement_emulator::WorldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Text that is no TOML, unknown or missing keys, and names or keys that stand twice.
    pub fn from_toml(text: &str) -> Result<Self, WorldError> {
        file::read(text)
    }

    /// The registered apps.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The accounts that have given the apps their tokens.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// What every Tweet's data comes from, beside its id.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The switches that the world file set.
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// The account that a Tweet is of, if it is one of these and the Tweet is public.
    pub fn owner_of(&self, tweet_id: TweetId) -> Option<&Account> {
        let tweet = self.tweet(tweet_id.get());
        self.account_of(tweet.owner).filter(|_| tweet.state == State::Ok)
    }

    pub(crate) fn app(&self, consumer_key: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.consumer_key == consumer_key)
    }

    pub(crate) fn account(&self, screen_name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.screen_name.eq_ignore_ascii_case(screen_name))
    }

    pub(crate) fn account_of(&self, user_id: u64) -> Option<&Account> {
        self.accounts.iter().find(|account| account.user_id == user_id)
    }

    /// The Tweet with this id. There is one for every id.
    pub(crate) fn tweet(&self, id: u64) -> Tweet {
        let key = tweet::key(self.seed, id);
        let known = self.fixtures.get(&id);
        let placeholder = PLACEHOLDERS.contains(&id);
        let state = if placeholder || PUBLISHED.contains(&id) { State::Ok } else { tweet::state(key) };
        let owner = match self.accounts.first() {
            Some(first) if placeholder => first.user_id,
            _ => self.owner(key),
        };
        Tweet {
            key,
            owner: known.and_then(|known| known.owner).unwrap_or(owner),
            state: known.and_then(|known| known.state).unwrap_or(state),
            created_at: known.and_then(|known| known.created_at).unwrap_or_else(|| tweet::created_at(id)),
        }
    }

    /// The author that chance gives: 3 in 5 Tweets belong to the accounts, in equal parts.
    fn owner(&self, key: u64) -> u64 {
        let chance = mix(key ^ OWNER);
        let count = self.accounts.len();
        let index = usize::try_from(chance >> 32).unwrap_or(0).checked_rem(count).unwrap_or(0);
        match self.accounts.get(index) {
            Some(account) if chance % 5 < 3 => account.user_id,
            _ => {
                let mut stranger = between(chance, 5_000_000_000, 5_999_999_999);
                while self.account_of(stranger).is_some() {
                    stranger += 1;
                }
                stranger
            }
        }
    }
}

/// An app, with the keys that its requests are signed with. Made up: the test interface shows them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The number by which the API's owner knows the app.
    pub app_id: u64,
    /// Sent with every signature.
    pub consumer_key: String,
    /// Signs.
    pub consumer_secret: Secret,
    /// Reads public metrics without a signature. Sent as it is, percent signs included.
    pub bearer_token: Secret,
    /// Whether the app may use the Engagement API at all (contract 6.1).
    pub provisioned: bool,
    /// Where its users may be sent back to; `None` is `oob` and any loopback URL.
    pub callback_urls: Option<Vec<String>>,
}

/// An account with the token that it gave to the apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The number that a token begins with.
    pub user_id: u64,
    /// The handle, without `@`.
    pub screen_name: String,
    /// Names the account in a signature.
    pub access_token: Secret,
    /// Signs.
    pub access_token_secret: Secret,
}

/// What a world file says of a Tweet.
#[derive(Clone, Copy, Debug, Default)]
struct Fixture {
    state: Option<State>,
    owner: Option<u64>,
    created_at: Option<Timestamp>,
}

/// Ids that the API's own documentation and samples use: always there, whatever the seed.
const PUBLISHED: [u64; 5] = [
    1_070_059_276_213_702_656,
    1_021_817_816_134_156_288,
    1_067_094_924_124_872_705,
    850_006_245_121_695_744,
    1_260_294_888_811_347_969,
];

/// Made-up ids for examples: always there, and the first account's.
const PLACEHOLDERS: [u64; 10] = [
    1_700_000_000_000_000_001,
    1_700_000_000_000_000_002,
    1_763_000_000_000_000_001,
    1_763_000_000_000_000_002,
    1_763_000_000_000_000_003,
    1_763_000_000_000_000_004,
    1_763_000_000_000_000_005,
    1_763_000_000_000_000_006,
    1_763_000_000_000_000_007,
    1_763_000_000_000_000_008,
];

const OWNER: u64 = 0x4f57_4e45;

/// The first value that stands twice.
fn repeated<T: std::hash::Hash + Eq + Clone>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = HashSet::new();
    values.into_iter().find(|value| !seen.insert(value.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_ids_are_there_whatever_the_seed() {
        for seed in 0..200 {
            let world = World { seed, ..World::demo() };
            let now: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
            for id in PUBLISHED.into_iter().chain(PLACEHOLDERS) {
                assert!(world.tweet(id).is_available(now), "{id} with seed {seed}");
            }
            assert_eq!(world.tweet(1_700_000_000_000_000_001).owner, 1111);
        }
    }

    #[test]
    fn ids_are_mixed() {
        let world = World::demo();
        let tweets: Vec<_> = (0..10_000).map(|n| world.tweet(1_700_000_000_000_000_100 + n)).collect();
        let count = |test: &dyn Fn(&Tweet) -> bool| tweets.iter().filter(|tweet| test(tweet)).count();
        assert!((200..400).contains(&count(&|tweet| tweet.state == State::Unavailable)));
        assert!((120..300).contains(&count(&|tweet| tweet.state == State::Protected)));
        for account in world.accounts() {
            assert!((1_800..2_200).contains(&count(&|tweet| tweet.owner == account.user_id)));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", World::demo());
        for secret in ["demo-consumer-secret", "AAAAdemo", "access-token", "demo-token-secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn every_id_is_a_tweet_and_the_same_one_each_time(seed: u64, id: u64) {
            let world = World { seed, ..World::demo() };
            prop_assert_eq!(world.tweet(id), world.tweet(id));
        }
    }
}
