//! What must be sent for a login, a check or a revocation. The caller sends it: nothing here connects to anything.

use core::fmt;

use oauth_core::{
    Credentials, Secret,
    app_only::{self, BearerToken},
    percent,
};

use crate::holdings::Consumer;

/// A request to be sent, proved anew for each attempt: a signature is good for one.
#[derive(Clone)]
pub struct Errand {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The absolute URL, to be sent as it is. A token may be in its query.
    pub url: String,
    /// Who asks.
    pub proof: Proof,
    /// The body and its content type.
    pub body: Option<(&'static str, Secret)>,
    /// Whether a success brings a token, so that its body is not to be shown.
    pub brings_secret: bool,
}

/// How the server is convinced of who asks.
#[derive(Clone)]
pub enum Proof {
    /// A signature of OAuth 1.0a.
    Signature(Credentials),
    /// A signature that covers `oauth_callback` too.
    WithCallback(Credentials, String),
    /// A signature that covers `oauth_verifier` too.
    WithVerifier(Credentials, Secret),
    /// The whole value of the `Authorization` header.
    Header(Secret),
}

impl Errand {
    /// Asks for the app's bearer token.
    pub fn bearer_token(api_url: &str, consumer: &Consumer) -> Self {
        let url = format!("{api_url}/oauth2/token");
        let message = app_only::token_request(&url, &consumer.credentials());
        Self { brings_secret: true, ..Self::message(&message) }
    }

    /// Invalidates the app's bearer token, in the form that needs the access token of the app's owner (contract §6.4).
    pub fn invalidate_bearer_as_owner(api_url: &str, credentials: Credentials, bearer: &BearerToken) -> Self {
        let token = percent::encode(bearer.secret().expose());
        let url = format!("{api_url}/oauth2/invalidate_token?access_token={token}");
        Self::signed(url, Proof::Signature(credentials))
    }

    /// Invalidates the app's bearer token, in the form that needs no account.
    pub fn invalidate_bearer(api_url: &str, consumer: &Consumer, bearer: &BearerToken) -> Self {
        let url = format!("{api_url}/oauth2/invalidate_token");
        Self::message(&app_only::invalidate_with_basic(&url, &consumer.credentials(), bearer))
    }

    /// Asks whose token it is.
    pub fn verify(api_url: &str, credentials: Credentials) -> Self {
        let url = format!("{api_url}/1.1/account/verify_credentials.json");
        Self { method: "GET", ..Self::signed(url, Proof::Signature(credentials)) }
    }

    /// Revokes the token with which it is signed.
    pub fn revoke(api_url: &str, credentials: Credentials) -> Self {
        let url = format!("{api_url}/1.1/oauth/invalidate_token.json");
        Self::signed(url, Proof::Signature(credentials))
    }

    /// Any body of JSON to any URL.
    pub fn json(url: String, proof: Proof, body: &str) -> Self {
        Self { body: Some(("application/json", Secret::from(body))), ..Self::signed(url, proof) }
    }

    pub(crate) fn signed(url: String, proof: Proof) -> Self {
        Self { method: "POST", url, proof, body: None, brings_secret: false }
    }

    fn message(message: &oauth_core::Message) -> Self {
        let proof = Proof::Header(Secret::from(message.authorization()));
        let body = message.content_type().map(|content_type| (content_type, Secret::from(message.body())));
        Self { body, ..Self::signed(message.url().to_owned(), proof) }
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Errand").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature(_) => "Signature([redacted])",
            Self::WithCallback(..) => "WithCallback([redacted])",
            Self::WithVerifier(..) => "WithVerifier([redacted])",
            Self::Header(_) => "Header([redacted])",
        })
    }
}

/// What came back.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body, inflated. It may hold a token.
    pub body: Vec<u8>,
    /// Whole seconds by which the server's clock is ahead of ours, where it told its time.
    pub clock_ahead: Option<i64>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("clock_ahead", &self.clock_ahead)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_invalidated_in_either_documented_form() {
        let consumer = Consumer { key: "key".into(), secret: "secret".into() };
        let bearer = BearerToken::new("canary%2Ftoken").unwrap();
        let signed = Errand::invalidate_bearer_as_owner(
            "https://a",
            consumer.credentials().with_token("t", "s"),
            &bearer,
        );
        assert_eq!(signed.url, "https://a/oauth2/invalidate_token?access_token=canary%252Ftoken");
        assert!(matches!(signed.proof, Proof::Signature(_)) && signed.body.is_none());
        let basic = Errand::invalidate_bearer("https://a", &consumer, &bearer);
        assert_eq!(basic.url, "https://a/oauth2/invalidate_token");
        assert_eq!(basic.body.unwrap().1.expose(), "access_token=canary%252Ftoken");
        assert!(matches!(basic.proof, Proof::Header(_)));
        let shown = format!("{signed:?}");
        assert!(shown.contains("invalidate_token\"") && !shown.contains("canary"), "{shown}");
    }
}
