//! Who signs.

use alloc::string::String;
use core::fmt;

use crate::secret::Secret;

/// A consumer (an app), and perhaps the token of a user that it acts for.
///
/// RFC 5849 §1.1 calls these client credentials and token (or temporary) credentials. No token and a token that is the
/// empty text differ: the first sends no `oauth_token`, the second sends it empty, and it is signed (§3.4.1.3).
///
/// ```
/// use oauth_core::Credentials;
///
/// let app = Credentials::consumer("consumer-key", "consumer-secret");
/// let user = app.clone().with_token("1111-token", "token-secret");
/// assert_eq!(app.token(), None);
/// assert_eq!(user.consumer_key(), "consumer-key");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    consumer_key: String,
    consumer_secret: Secret,
    token: Option<Token>,
}

impl Credentials {
    /// The app alone.
    pub fn consumer(key: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { consumer_key: key.into(), consumer_secret: secret.into(), token: None }
    }

    /// The app acting for the user who gave it this token, or exchanging a request token.
    #[must_use]
    pub fn with_token(self, token: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        Self { token: Some(Token { token: token.into(), secret: secret.into() }), ..self }
    }

    /// The app alone again.
    #[must_use]
    pub fn without_token(self) -> Self {
        Self { token: None, ..self }
    }

    /// Sent as `oauth_consumer_key`. It signs nothing by itself, but tells whose app it is: `Debug` leaves it out.
    pub fn consumer_key(&self) -> &str {
        &self.consumer_key
    }

    /// Half of the signing key.
    pub fn consumer_secret(&self) -> &Secret {
        &self.consumer_secret
    }

    /// Sent as `oauth_token`.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref().map(|token| &token.token)
    }

    /// The other half of the signing key. Without a token that half is empty.
    pub fn token_secret(&self) -> Option<&Secret> {
        self.token.as_ref().map(|token| &token.secret)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("consumer_key", &format_args!("[redacted]"))
            .field("consumer_secret", &self.consumer_secret)
            .field("token", &self.token())
            .field("token_secret", &self.token_secret())
            .finish()
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Token {
    token: Secret,
    secret: Secret,
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn debug_shows_nothing_of_them() {
        let shown = format!("{:?}", Credentials::consumer("k3y", "s3cr3t").with_token("t0k3n", "t0p"));
        for part in ["k3y", "s3cr3t", "t0k3n", "t0p"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn no_token_and_an_empty_token_differ() {
        let app = Credentials::consumer("key", "secret");
        assert_ne!(app, app.clone().with_token("", ""));
        assert_eq!(app.with_token("", "").token(), Some(&Secret::from("")));
    }
}
