//! The app's bearer token: fetched where somebody keeps it, and renewed where the server refuses it.
//!
//! There is one token for each app, which stays the same until it is invalidated (contract 6.4). Without one, key and
//! secret sign app-only requests just as well, so nothing is lost when none can be had.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engagement_transport::{Authorization, Call, Head, Replay, Transport, Url, Verdict, verdict};
use oauth_core::{
    Credentials, Secret,
    app_only::{self, BearerToken},
};
use tokio::sync::Mutex as Turn;

/// What proves who the app is, now and when that is refused.
pub(crate) struct Bearer {
    url: Url,
    consumer: Credentials,
    keeper: Option<Keeper>,
    state: Mutex<State>,
    /// Held while a token is fetched: those who were refused with the same one wait for it together.
    turn: Turn<()>,
}

/// Who keeps a new token.
#[derive(Clone)]
pub(crate) struct Keeper(pub(crate) Arc<dyn Fn(&Secret) + Send + Sync>);

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

struct State {
    proof: Proof,
    /// How often it has changed.
    changes: u32,
}

#[derive(Clone)]
enum Proof {
    /// No token has been asked for yet.
    Untried,
    Token(Secret),
    /// No token can be had, or every one is refused.
    Signature(Authorization),
}

impl Bearer {
    /// Of this app, with the token that is known, if one is; `url` gives others.
    pub(crate) fn new(
        url: Url,
        consumer: &Credentials,
        token: Option<&Secret>,
        keeper: Option<Keeper>,
    ) -> Self {
        let proof = match token {
            Some(token) => Proof::Token(token.clone()),
            None if keeper.is_some() => Proof::Untried,
            // A token that nobody keeps would cost a request each time.
            None => Proof::Signature(Authorization::oauth1(consumer)),
        };
        let state = Mutex::new(State { proof, changes: 0 });
        Self { url, consumer: consumer.clone(), keeper, state, turn: Turn::new(()) }
    }

    /// What to send now, and the number to name it by when it is refused.
    pub(crate) async fn proof(&self, transport: &Transport) -> (Authorization, u32) {
        loop {
            let (proof, changes) = {
                let state = self.state();
                (state.proof.clone(), state.changes)
            };
            match proof {
                Proof::Token(token) => return (Authorization::Bearer(token), changes),
                Proof::Signature(signature) => return (signature, changes),
                Proof::Untried => _ = self.renew(transport, changes).await,
            }
        }
    }

    /// After the refusal of what has this number: whether there is something else to send.
    pub(crate) async fn renew(&self, transport: &Transport, refused: u32) -> bool {
        let _turn = self.turn.lock().await;
        let old = {
            let state = self.state();
            if state.changes != refused {
                // Another request was refused with it, too, and has done this.
                return true;
            }
            match &state.proof {
                Proof::Untried => None,
                Proof::Token(token) => Some(token.clone()),
                Proof::Signature(_) => return false,
            }
        };
        // A token that was fetched a moment ago and is refused is not fetched once more.
        // Boxed, or every call, few of which ever wait for it, would be twice as large.
        let fetched = if refused < MOST { Box::pin(self.fetch(transport)).await } else { None };
        let fresh = fetched.filter(|token| Some(token) != old.as_ref());
        if let (Some(token), Some(Keeper(keep))) = (fresh.clone(), self.keeper.clone()) {
            // It may take a lock or ask a keyring. One that panics keeps nothing.
            _ = tokio::task::spawn_blocking(move || keep(&token)).await;
        }
        let mut state = self.state();
        state.changes += 1;
        state.proof = match fresh {
            Some(token) => Proof::Token(token),
            None => Proof::Signature(Authorization::oauth1(&self.consumer)),
        };
        true
    }

    async fn fetch(&self, transport: &Transport) -> Option<Secret> {
        let message = app_only::token_request(self.url.as_str(), &self.consumer);
        let call = Call::post(self.url.clone())
            .form_body(message.body().to_owned())
            .authorization(Authorization::Header(message.authorization().into()))
            .replay(Replay::Safe)
            .brings_secret();
        // The request that needs it waits, so a used up quota is an answer.
        let judge = |head: &Head<'_>, body: &[u8]| match verdict::by_status(head, body) {
            Verdict::Wait { .. } => Verdict::Done,
            verdict => verdict,
        };
        let answer = transport.send(&call, judge).await.ok().filter(|answer| answer.status.is_success())?;
        let token = BearerToken::parse_answer(core::str::from_utf8(&answer.body).ok()?).ok()?;
        Some(token.secret().clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Two values that are set together, at the end.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer([redacted])")
    }
}

/// Where the OAuth endpoints are, unless another place is named: beside the API, which has a host of its own only where
/// it is the real one (contract 1).
pub fn api_url(base_url: &str) -> &str {
    let is_data_api = |url: &Url| {
        let host = url.host().to_ascii_lowercase();
        DATA_API_HOSTS.contains(&&*host)
    };
    match Url::parse(base_url) {
        Ok(url) if is_data_api(&url) => "https://api.twitter.com",
        _ => base_url.trim_end_matches('/'),
    }
}

/// The hosts of the real API.
const DATA_API_HOSTS: [&str; 2] = ["data-api.twitter.com", "data-api.x.com"];

/// Changes after which a refusal is the end of tokens.
const MOST: u32 = 2;

#[cfg(test)]
mod tests {
    use super::api_url;

    #[test]
    fn the_real_api_has_its_oauth_endpoints_elsewhere() {
        for (base_url, expected) in [
            ("https://data-api.twitter.com", "https://api.twitter.com"),
            ("https://data-api.x.com/", "https://api.twitter.com"),
            ("https://DATA-API.x.com:443", "https://api.twitter.com"),
            ("https://data-api.x.com.example.test/", "https://data-api.x.com.example.test"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(api_url(base_url), expected, "{base_url}");
        }
    }
}
