//! Which tokens are good: those of the world, those given out since, and those taken back.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use oauth_core::Secret;

use crate::world::World;

/// Tokens of users and apps, and authorizations under way.
#[derive(Debug)]
pub(crate) struct Grants {
    users: HashMap<String, UserToken>,
    bearers: HashMap<String, Bearer>,
    requests: HashMap<String, RequestToken>,
    chance: Chance,
}

/// An access token.
#[derive(Clone, Debug)]
struct UserToken {
    user_id: u64,
    secret: Secret,
    /// The apps that may use it; a token of the world file is good for every app.
    consumer_key: Option<String>,
    /// Apps for which it was taken back.
    revoked_for: Vec<String>,
}

/// An app's bearer token; `None` once it was invalidated, until another is asked for.
#[derive(Debug)]
struct Bearer {
    token: Option<Secret>,
    /// The minute in which it was last asked for, and how often.
    asked: (u64, u32),
}

/// A request token, and how far its authorization has come.
#[derive(Clone, Debug)]
pub(crate) struct RequestToken {
    pub(crate) consumer_key: String,
    secret: Secret,
    /// A URL, or `oob`.
    pub(crate) callback: String,
    expires: u64,
    approved: Option<Approval>,
    /// Guesses at the verifier that may still be wrong.
    guesses: u32,
    /// What the page's form has to bring back, so that no other page can send it.
    pub(crate) form_key: String,
}

#[derive(Clone, Debug)]
struct Approval {
    user_id: u64,
    verifier: Secret,
}

impl Grants {
    pub(crate) fn new(world: &World) -> Self {
        let users = world.accounts().iter().map(|account| {
            let token = UserToken {
                user_id: account.user_id,
                secret: account.access_token_secret.clone(),
                consumer_key: None,
                revoked_for: Vec::new(),
            };
            (account.access_token.expose().to_owned(), token)
        });
        let bearers = world.apps().iter().map(|app| {
            (app.consumer_key.clone(), Bearer { token: Some(app.bearer_token.clone()), asked: (0, 0) })
        });
        Self {
            users: users.collect(),
            bearers: bearers.collect(),
            requests: HashMap::new(),
            chance: Chance::default(),
        }
    }

    /// The app whose bearer token this is, as it is sent, percent signs and all.
    pub(crate) fn app_of_bearer(&self, token: &Secret) -> Option<String> {
        let (app, _) = self.bearers.iter().find(|(_, bearer)| bearer.token.as_ref() == Some(token))?;
        Some(app.clone())
    }

    /// The app's bearer token: the same each time, until it is invalidated (contract 6.4). `None` if it is asked for
    /// too often.
    pub(crate) fn bearer(&mut self, consumer_key: &str, minute: u64) -> Option<Secret> {
        let made = format!("AAAA{}%2F{}%3D", self.chance.word(), self.chance.word());
        let bearer = self.bearers.get_mut(consumer_key)?;
        bearer.asked = if bearer.asked.0 == minute { (minute, bearer.asked.1 + 1) } else { (minute, 1) };
        if bearer.asked.1 > BEARERS_A_MINUTE {
            return None;
        }
        Some(bearer.token.get_or_insert_with(|| made.into()).clone())
    }

    /// The app's bearer token, unless it was invalidated and no other asked for yet.
    pub(crate) fn current_bearer(&self, consumer_key: &str) -> Option<Secret> {
        self.bearers.get(consumer_key)?.token.clone()
    }

    /// Invalidates the app's bearer token, if this is it.
    pub(crate) fn invalidate_bearer(&mut self, consumer_key: &str, token: &Secret) -> bool {
        match self.bearers.get_mut(consumer_key) {
            Some(bearer) if bearer.token.as_ref() == Some(token) => {
                bearer.token = None;
                true
            }
            _ => false,
        }
    }

    /// The user who gave the app this token.
    pub(crate) fn user_of(&self, consumer_key: &str, token: &str) -> Option<u64> {
        self.user(consumer_key, token).map(|token| token.user_id)
    }

    /// The secret of a user's token.
    pub(crate) fn access_secret(&self, consumer_key: &str, token: &str) -> Option<Secret> {
        self.user(consumer_key, token).map(|token| token.secret.clone())
    }

    /// Takes a user's token back from an app.
    pub(crate) fn revoke(&mut self, consumer_key: &str, token: &str) {
        let Some(known) = self.users.get_mut(token) else { return };
        if known.consumer_key.is_some() {
            self.users.remove(token);
        } else if !known.revoked_for.iter().any(|key| key == consumer_key) {
            known.revoked_for.push(consumer_key.to_owned());
        }
    }

    /// The secret of a request token that has not run out.
    pub(crate) fn request_secret(&self, consumer_key: &str, token: &str) -> Option<Secret> {
        let request = self.requests.get(token)?;
        (request.consumer_key == consumer_key).then(|| request.secret.clone())
    }

    /// Makes a request token. `None` when too many are under way.
    pub(crate) fn request(
        &mut self,
        consumer_key: &str,
        callback: &str,
        now: u64,
    ) -> Option<(String, Secret)> {
        self.expire(now);
        if self.requests.len() >= REQUESTS {
            return None;
        }
        let token = self.chance.word();
        let secret = Secret::from(self.chance.word());
        let request = RequestToken {
            consumer_key: consumer_key.to_owned(),
            secret: secret.clone(),
            callback: callback.to_owned(),
            expires: now.saturating_add(LIFETIME),
            approved: None,
            guesses: GUESSES,
            form_key: self.chance.word(),
        };
        self.requests.insert(token.clone(), request);
        Some((token, secret))
    }

    /// A request token whose user has not answered yet.
    pub(crate) fn pending(&mut self, token: &str, now: u64) -> Option<&RequestToken> {
        self.expire(now);
        self.requests.get(token).filter(|request| request.approved.is_none())
    }

    /// The user allows it: the verifier for the callback, or a PIN of seven digits.
    pub(crate) fn approve(&mut self, token: &str, user_id: u64) -> Option<Secret> {
        let (pin, word) = (self.chance.pin(), self.chance.word());
        let request = self.requests.get_mut(token)?;
        let verifier = Secret::from(if request.callback == "oob" { pin } else { word });
        request.approved = Some(Approval { user_id, verifier: verifier.clone() });
        Some(verifier)
    }

    /// The user refuses it.
    pub(crate) fn deny(&mut self, token: &str) {
        self.requests.remove(token);
    }

    /// Whether the user's token is good for the app, so that signing in needs no second permission.
    pub(crate) fn has_allowed(&self, consumer_key: &str, user_id: u64) -> bool {
        self.token_of(consumer_key, user_id).is_some()
    }

    /// Exchanges an approved request token. Verifiers are for one use, and for few guesses.
    pub(crate) fn exchange(
        &mut self,
        token: &str,
        verifier: &Secret,
        now: u64,
    ) -> Option<(u64, String, Secret)> {
        self.expire(now);
        let request = self.requests.get_mut(token)?;
        let approval = request.approved.clone()?;
        if approval.verifier != *verifier {
            request.guesses = request.guesses.saturating_sub(1);
            if request.guesses == 0 {
                self.requests.remove(token);
            }
            return None;
        }
        let request = self.requests.remove(token)?;
        let user_id = approval.user_id;
        if let Some((token, secret)) = self.token_of(&request.consumer_key, user_id) {
            return Some((user_id, token, secret));
        }
        let token = format!("{user_id}-{}", self.chance.word());
        let secret = Secret::from(self.chance.word());
        let known = UserToken {
            user_id,
            secret: secret.clone(),
            consumer_key: Some(request.consumer_key),
            revoked_for: Vec::new(),
        };
        self.users.insert(token.clone(), known);
        Some((user_id, token, secret))
    }

    fn user(&self, consumer_key: &str, token: &str) -> Option<&UserToken> {
        self.users.get(token).filter(|token| token.is_good_for(consumer_key))
    }

    fn token_of(&self, consumer_key: &str, user_id: u64) -> Option<(String, Secret)> {
        let (token, known) = self
            .users
            .iter()
            .find(|(_, token)| token.user_id == user_id && token.is_good_for(consumer_key))?;
        Some((token.clone(), known.secret.clone()))
    }

    /// Forgets request tokens that have run out.
    pub(crate) fn expire(&mut self, now: u64) {
        self.requests.retain(|_, request| request.expires > now);
    }
}

impl UserToken {
    fn is_good_for(&self, consumer_key: &str) -> bool {
        self.consumer_key.as_deref().is_none_or(|key| key == consumer_key)
            && !self.revoked_for.iter().any(|key| key == consumer_key)
    }
}

/// Words that nobody can guess: the standard library's hash keys come from the operating system.
#[derive(Debug, Default)]
struct Chance {
    keys: RandomState,
    count: u64,
}

impl Chance {
    fn number(&mut self) -> u64 {
        self.count += 1;
        self.keys.hash_one(self.count)
    }

    fn word(&mut self) -> String {
        format!("{:016x}{:016x}", self.number(), self.number())
    }

    fn pin(&mut self) -> String {
        format!("{:07}", self.number() % 10_000_000)
    }
}

/// Seconds for which a request token can be used (our choice: "short-lived" is all that is known).
const LIFETIME: u64 = 15 * 60;
/// How often a minute an app may ask for its bearer token (our choice: "too often" is all that is known).
const BEARERS_A_MINUTE: u32 = 60;
/// Authorizations under way at most.
const REQUESTS: usize = 10_000;
/// Wrong verifiers until a request token is void.
const GUESSES: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4_authorizations_under_way_are_bounded_and_run_out() {
        let mut grants = Grants::new(&World::demo());
        for _ in 0..REQUESTS {
            assert!(grants.request("demo-consumer-key", "oob", 1_000).is_some());
        }
        assert!(grants.request("demo-consumer-key", "oob", 1_000 + LIFETIME - 1).is_none());
        assert!(grants.request("demo-consumer-key", "oob", 1_000 + LIFETIME).is_some());
        assert_eq!(grants.requests.len(), 1);
    }

    #[test]
    fn a_request_token_is_its_apps_own() {
        let mut grants = Grants::new(&World::demo());
        let (token, secret) = grants.request("demo-consumer-key", "oob", 1).unwrap();
        assert_eq!(grants.request_secret("demo-consumer-key", &token), Some(secret));
        assert_eq!(grants.request_secret("another", &token), None);
    }

    #[test]
    fn no_two_words_are_the_same_and_pins_have_seven_digits() {
        let mut chance = Chance::default();
        let words: std::collections::HashSet<_> = (0..1_000).map(|_| chance.word()).collect();
        assert_eq!(words.len(), 1_000);
        assert!((0..1_000).all(|_| chance.pin().len() == 7));
    }
}
