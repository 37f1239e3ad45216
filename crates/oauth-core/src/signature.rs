//! HMAC-SHA1 over a signature base string, RFC 5849 §3.4.2.

use alloc::string::String;
use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{credentials::Credentials, percent, secret::Secret};

/// The two secrets, absorbed: what signs base strings.
///
/// Making one costs two compressions of SHA-1, and a third when the key is longer than 64 bytes; a clone costs none.
#[derive(Clone)]
pub struct SigningKey {
    state: Hmac<Sha1>,
}

impl SigningKey {
    /// The key of §3.4.2: both secrets, each percent-encoded, with an ampersand between them that is always there.
    pub fn new(credentials: &Credentials) -> Self {
        Self::from_secrets(credentials.consumer_secret(), credentials.token_secret())
    }

    /// Signs a finished base string.
    ///
    /// [`crate::sign`] makes base strings; this is for those that come from elsewhere, as in test vectors.
    pub fn sign(&self, base_string: &str) -> Signature {
        let mut state = self.state();
        state.update(base_string.as_bytes());
        Signature::finish(state)
    }

    /// The key as text, which nothing but a test vector needs.
    pub fn expose_text(credentials: &Credentials) -> Secret {
        Secret::from(String::from(&*text(credentials.consumer_secret(), credentials.token_secret())))
    }

    pub(crate) fn from_secrets(consumer: &Secret, token: Option<&Secret>) -> Self {
        Self::from_bytes(text(consumer, token).as_bytes())
    }

    pub(crate) fn from_bytes(key: &[u8]) -> Self {
        Self { state: Hmac::new_from_slice(key).expect("HMAC accepts any key length") }
    }

    /// The state that has absorbed the key and nothing else.
    pub(crate) fn state(&self) -> Hmac<Sha1> {
        self.state.clone()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

/// A signature, in base64 as it is sent.
#[derive(Clone, Copy, Eq)]
pub struct Signature([u8; LENGTH]);

impl Signature {
    /// The base64 text, not percent-encoded.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("base64 is ASCII")
    }

    /// Whether this is the text that a client sent, compared in a time that depends on its length alone.
    pub fn matches(&self, claimed: &str) -> bool {
        self.0.ct_eq(claimed.as_bytes()).into()
    }

    pub(crate) fn finish(state: Hmac<Sha1>) -> Self {
        let mut text = [b'='; LENGTH];
        let digest = state.finalize().into_bytes();
        let written = STANDARD.encode_slice(digest, &mut text).expect("twenty bytes fit in base64");
        debug_assert_eq!(written, LENGTH);
        Self(text)
    }

    pub(crate) fn push_encoded(&self, out: &mut String) {
        let mut rest = self.as_str();
        while let Some(at) = rest.bytes().position(|byte| !percent::is_unreserved(byte)) {
            let (plain, reserved) = rest.split_at(at);
            out.push_str(plain);
            out.push_str(match reserved.as_bytes() {
                [b'+', ..] => "%2B",
                [b'/', ..] => "%2F",
                _ => "%3D",
            });
            rest = &reserved[1..];
        }
        out.push_str(rest);
    }

    /// Bytes that [`Self::push_encoded`] adds at most.
    pub(crate) const MAX_ENCODED: usize = 3 * LENGTH;
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.as_str())
    }
}

fn text(consumer: &Secret, token: Option<&Secret>) -> Zeroizing<String> {
    let token = token.map_or("", Secret::expose);
    // Reserved in full, so that no growth leaves a copy behind.
    let mut key = Zeroizing::new(String::with_capacity(3 * (consumer.expose().len() + token.len()) + 1));
    percent::push_encoded(&mut key, consumer.expose());
    key.push('&');
    percent::push_encoded(&mut key, token);
    key
}

/// Base64 of twenty bytes.
const LENGTH: usize = 28;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn the_ampersand_is_always_there() {
        let text = |credentials| String::from(SigningKey::expose_text(&credentials).expose());
        assert_eq!(text(Credentials::consumer("k", "c s")), "c%20s&");
        assert_eq!(text(Credentials::consumer("k", "").with_token("t", "")), "&");
        assert_eq!(text(Credentials::consumer("k", "c").with_token("t", "a&b")), "c&a%26b");
    }

    #[test]
    fn signs_the_oauth_net_test_case() {
        let key = SigningKey::new(&Credentials::consumer("k", "cs"));
        assert_eq!(key.sign("bs").as_str(), "egQqG5AJep5sJ7anhXju1unge2I=");
    }

    #[test]
    fn matches_the_whole_text_alone() {
        let signature = SigningKey::new(&Credentials::consumer("k", "cs")).sign("bs");
        assert!(signature.matches("egQqG5AJep5sJ7anhXju1unge2I="));
        for other in [
            "",
            "egQqG5AJep5sJ7anhXju1unge2I",
            "egQqG5AJep5sJ7anhXju1unge2J=",
            "egQqG5AJep5sJ7anhXju1unge2I= ",
        ] {
            assert!(!signature.matches(other), "{other}");
        }
    }

    #[test]
    fn debug_hides_the_key() {
        let credentials = Credentials::consumer("k", "s3cr3t");
        assert_eq!(format!("{:?}", SigningKey::new(&credentials)), "SigningKey([redacted])");
        assert_eq!(format!("{:?}", SigningKey::expose_text(&credentials)), "Secret([redacted])");
    }
}
