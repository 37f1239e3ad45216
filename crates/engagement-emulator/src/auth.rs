//! Who asks, contract §6.1, §6.2.

pub(crate) mod grants;
mod nonces;

use std::sync::{Mutex, MutexGuard, PoisonError};

use engagement_model::Endpoint;
use http::StatusCode;
use oauth_core::{
    Elsewhere, NonceRecord, Policy, Reason, Received, Registry, Remembered, Secret, Strays, Verified,
};

use self::{grants::Grants, nonces::Nonces};
use crate::{authority::Authority, refusal::Refusal, route::HOSTS, world::World};

/// Who asks: an app, perhaps for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) consumer_key: String,
    /// The user in whose context it asks; without one it is app-only.
    pub(crate) user_id: Option<u64>,
}

/// What is remembered about keys and tokens.
#[derive(Debug)]
pub(crate) struct Auth {
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    nonces: Nonces,
    grants: Grants,
}

/// Which tokens a signature may be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// Those that users gave.
    Access,
    /// Those of an unfinished authorization.
    Request,
}

/// A request as authentication needs it.
#[derive(Clone, Debug)]
pub(crate) struct Presented<'a> {
    pub(crate) method: &'a str,
    /// With the scheme and host that the client used.
    pub(crate) url: &'a str,
    pub(crate) authorization: Vec<String>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// Why nobody was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unrecognised {
    /// No scheme that is known, or no header.
    Scheme,
    /// A bearer token that is not, or no longer, valid.
    Bearer,
    /// Whatever is wrong with an OAuth 1.0a signature, and why.
    Signature(Reason, String),
}

impl Presented<'_> {
    /// Whether it has a bearer token.
    pub(crate) fn is_bearer(&self) -> bool {
        matches!(self.authorization.as_slice(), [one] if scheme(one).eq_ignore_ascii_case("bearer"))
    }
}

impl Auth {
    pub(crate) fn new(world: &World) -> Self {
        let memory = Memory { nonces: Nonces::new(NONCES), grants: Grants::new(world) };
        Self { memory: Mutex::new(memory) }
    }

    /// The bearer token's app, or the app and user of the signature.
    pub(crate) fn recognise(
        &self,
        world: &World,
        presented: &Presented<'_>,
        now: u64,
    ) -> Result<Asker, Unrecognised> {
        match presented.authorization.as_slice() {
            [one] if scheme(one).eq_ignore_ascii_case("bearer") => {
                let token = Secret::from(one.split_once([' ', '\t']).map_or("", |(_, token)| token.trim()));
                let consumer_key = self.grants().app_of_bearer(&token).ok_or(Unrecognised::Bearer)?;
                Ok(Asker { consumer_key, user_id: None })
            }
            [one] if !scheme(one).eq_ignore_ascii_case("oauth") => Err(Unrecognised::Scheme),
            _ => {
                let verified = self.verify(world, presented, Tokens::Access, now)?;
                let user_id = verified
                    .token
                    .as_ref()
                    .and_then(|token| self.grants().user_of(&verified.consumer_key, token.expose()));
                Ok(Asker { consumer_key: verified.consumer_key, user_id })
            }
        }
    }

    /// Checks an OAuth 1.0a signature.
    pub(crate) fn verify(
        &self,
        world: &World,
        presented: &Presented<'_>,
        tokens: Tokens,
        now: u64,
    ) -> Result<Verified, Unrecognised> {
        let authorization: Vec<&str> = presented.authorization.iter().map(String::as_str).collect();
        let received = Received {
            method: presented.method,
            url: presented.url,
            authorization: &authorization,
            content_type: presented.content_type,
            body: presented.body,
        };
        // OAuth's own documentation puts oauth_verifier into the body and the rest into the header.
        let policy = Policy { strays: Strays::Accept, ..Policy::default() };
        let mut keys = Keys { world, auth: self, tokens };
        oauth_core::verify(&received, &mut keys, now, &policy).map_err(|refusal| match refusal.reason() {
            Reason::NotOauth => Unrecognised::Scheme,
            Reason::InvalidSignature => {
                Unrecognised::Signature(Reason::InvalidSignature, explained(&received, &keys, &refusal))
            }
            reason => Unrecognised::Signature(reason, chain(&refusal)),
        })
    }

    /// Forgets the nonces.
    pub(crate) fn forget_nonces(&self) {
        self.memory().nonces = Nonces::new(NONCES);
    }

    /// What was granted to whom.
    pub(crate) fn grants(&self) -> impl core::ops::DerefMut<Target = Grants> {
        Guard(self.memory())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unrecognised {
    /// As the three endpoints say it: 401 whatever the reason, which is told (contract 5.2, 6.1).
    pub(crate) fn refusal(&self) -> Refusal {
        let reason = match self {
            Self::Signature(Reason::NonceMemoryFull, _) => {
                return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
            }
            Self::Scheme => "Unknown Authorization Type",
            Self::Bearer | Self::Signature(Reason::UnknownToken, _) => "Access token not found",
            Self::Signature(_, why) => why,
        };
        let message = format!("Your account could not be authenticated. Reason: {reason}");
        Refusal::new(StatusCode::UNAUTHORIZED, message)
    }
}

/// The registry of one verification. What is remembered is locked for each question alone: between them the request is
/// sorted and signed, which may take long.
struct Keys<'a> {
    world: &'a World,
    auth: &'a Auth,
    tokens: Tokens,
}

impl Registry for Keys<'_> {
    fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
        self.world.app(consumer_key).map(|app| app.consumer_secret.clone())
    }

    fn token_secret(&self, consumer_key: &str, token: &str) -> Option<Secret> {
        match self.tokens {
            Tokens::Access => self.auth.grants().access_secret(consumer_key, token),
            Tokens::Request => self.auth.grants().request_secret(consumer_key, token),
        }
    }

    fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
        self.auth.memory().nonces.remember(&seen)
    }
}

struct Guard<'a>(MutexGuard<'a, Memory>);

impl core::ops::Deref for Guard<'_> {
    type Target = Grants;

    fn deref(&self) -> &Grants {
        &self.0.grants
    }
}

impl core::ops::DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Grants {
        &mut self.0.grants
    }
}

fn scheme(authorization: &str) -> &str {
    authorization.split([' ', '\t']).next().unwrap_or_default()
}

/// Which mistake made the signature wrong, as far as it can be told.
fn explained(received: &Received<'_>, keys: &Keys<'_>, refusal: &oauth_core::Refusal) -> String {
    // A client may have signed for the real service, for this machine by another name, or for another endpoint.
    let hosts = HOSTS.map(|host| format!("https://{host}"));
    let own = received.url.split_once("://").and_then(|(scheme, rest)| {
        let host = Authority::parse(rest.split(['/', '?']).next()?)?;
        let port = host.port.map_or(String::new(), |port| format!(":{port}"));
        Some(LOOPBACK.map(|name| format!("{scheme}://{name}{port}")))
    });
    let origins: Vec<String> = hosts.into_iter().chain(own.into_iter().flatten()).collect();
    let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
    let paths = Endpoint::ALL.map(Endpoint::path);
    oauth_core::explain(received, keys, &Elsewhere { origins: &origins, paths: &paths })
        .map_or_else(|_| chain(refusal), |explanation| format!("{refusal}: {explanation}"))
}

/// An error and its causes in one line.
fn chain(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The names that a machine has for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// How many nonces are remembered: 20,000 requests a minute for 20 minutes, in some 10 MiB.
const NONCES: usize = 400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4_nothing_is_remembered_of_whom_nobody_knows() {
        let world = World::demo();
        let auth = Auth::new(&world);
        let present = |authorization: String| {
            let presented = Presented {
                method: "POST",
                url: "http://localhost/insights/engagement/totals",
                authorization: vec![authorization],
                content_type: None,
                body: b"{}",
            };
            auth.recognise(&world, &presented, 1_000)
        };
        let signed = |key: &str, token: &str, nonce: u32| {
            format!(
                "OAuth oauth_consumer_key=\"{key}\", oauth_token=\"{token}\", oauth_nonce=\"{nonce}\", \
                 oauth_timestamp=\"1000\", oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"AAAA\""
            )
        };
        let before = format!("{:?}", auth.memory());
        for n in 0..1_000 {
            let name = n.to_string();
            for authorization in [
                format!("Bearer {n}"),
                signed(&name, "1111-demo-access-token", n),
                signed("demo-consumer-key", &name, n),
                signed("demo-consumer-key", "1111-demo-access-token", n),
            ] {
                assert!(present(authorization).is_err());
            }
        }
        assert_eq!(format!("{:?}", auth.memory()), before);
        present("Bearer AAAAdemo%3Dtoken".to_owned()).unwrap();
    }

    #[test]
    fn a_full_memory_of_nonces_is_503_and_all_else_401() {
        let status = |unrecognised: Unrecognised| unrecognised.refusal().status;
        let because = |reason| Unrecognised::Signature(reason, String::new());
        assert_eq!(status(because(Reason::NonceMemoryFull)), StatusCode::SERVICE_UNAVAILABLE);
        for reason in
            [Reason::MalformedHeader, Reason::UnknownToken, Reason::InvalidSignature, Reason::NonceUsed]
        {
            assert_eq!(status(because(reason)), StatusCode::UNAUTHORIZED, "{reason}");
        }
        assert_eq!(status(Unrecognised::Scheme), StatusCode::UNAUTHORIZED);
    }
}
