//! What is to be signed.

use alloc::vec::Vec;
use core::fmt;

use crate::url::without_query;

/// A request, as far as its signature depends on it.
///
/// The URL is the one that goes over the wire, query included. Give the body too, whatever it is: a form is signed and
/// everything else is left out (RFC 5849 §3.4.1.3.1), and telling them apart is this crate's work.
///
/// ```
/// use oauth_core::Request;
///
/// let form = Request::new("POST", "https://api.twitter.com/1.1/statuses/update.json")
///     .body("application/x-www-form-urlencoded", b"status=Hello%20Ladies");
/// ```
#[derive(Clone)]
pub struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) version: Version,
    pub(crate) body_hash: BodyHash,
    pub(crate) callback: Option<&'a str>,
    pub(crate) verifier: Option<&'a str>,
    pub(crate) realm: Option<&'a str>,
    pub(crate) more: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    /// A request without a body. The method is signed in upper case; the URL is absolute, `http` or `https`.
    pub fn new(method: &'a str, url: &'a str) -> Self {
        Self {
            method,
            url,
            content_type: "",
            body: &[],
            version: Version::Include,
            body_hash: BodyHash::Omit,
            callback: None,
            verifier: None,
            realm: None,
            more: Vec::new(),
        }
    }

    /// The body and the value of its `Content-Type` header (empty if none is sent).
    #[must_use]
    pub fn body(self, content_type: &'a str, body: &'a [u8]) -> Self {
        Self { content_type, body, ..self }
    }

    /// Whether `oauth_version="1.0"` is sent, which RFC 5849 §3.1 leaves open. It is unless this says otherwise.
    #[must_use]
    pub fn version(self, version: Version) -> Self {
        Self { version, ..self }
    }

    /// `oauth_callback`: where the user is sent back to, or `oob` (§2.1).
    #[must_use]
    pub fn callback(self, callback: &'a str) -> Self {
        Self { callback: Some(callback), ..self }
    }

    /// `oauth_verifier`: what the callback or the user's PIN gave (§2.3).
    #[must_use]
    pub fn verifier(self, verifier: &'a str) -> Self {
        Self { verifier: Some(verifier), ..self }
    }

    /// The `realm` of the header, which is sent and not signed (§3.5.1). Printable ASCII.
    #[must_use]
    pub fn realm(self, realm: &'a str) -> Self {
        Self { realm: Some(realm), ..self }
    }

    /// Whether `oauth_body_hash` is sent: the SHA-1 of a body that is no form, as the OAuth Request Body Hash draft has
    /// it. It is not unless this says otherwise.
    #[must_use]
    pub fn body_hash(self, body_hash: BodyHash) -> Self {
        Self { body_hash, ..self }
    }

    /// A further `oauth_` parameter of the header, such as `oauth_session_handle`. It is signed.
    #[must_use]
    pub fn parameter(mut self, name: &'a str, value: &'a str) -> Self {
        self.more.push((name, value));
        self
    }

    /// Whether the header has nothing but what every header has.
    pub(crate) fn is_plain(&self) -> bool {
        self.version == Version::Include
            && self.body_hash == BodyHash::Omit
            && self.callback.is_none()
            && self.verifier.is_none()
            && self.realm.is_none()
            && self.more.is_empty()
    }
}

impl fmt::Debug for Request<'_> {
    /// Shows neither query nor body nor parameters, among which a password (xAuth sends one) or a verifier may be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &without_query(self.url))
            .field("content_type", &self.content_type)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Whether `oauth_version` is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Sent as `1.0`, and signed.
    #[default]
    Include,
    /// Not sent and not signed.
    Omit,
}

/// Whether `oauth_body_hash` is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyHash {
    /// Sent, and signed. A form body is refused then: it is signed already.
    Include,
    /// Not sent.
    #[default]
    Omit,
}

/// Whether a body of this `Content-Type` is a form, and so takes part in the signature.
///
/// The media type counts, in any case; its parameters do not.
///
/// ```
/// use oauth_core::is_form;
///
/// assert!(is_form("Application/X-WWW-Form-URLEncoded; charset=UTF-8"));
/// assert!(!is_form("multipart/form-data; boundary=x"));
/// ```
pub fn is_form(content_type: &str) -> bool {
    if content_type.is_empty() {
        return false;
    }
    let media_type = content_type.split_once(';').map_or(content_type, |(media_type, _)| media_type);
    media_type.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn debug_shows_no_secrets() {
        let request = Request::new("POST", "https://h/p?access_token=s3cr3t#s3cr3t")
            .body("application/x-www-form-urlencoded", b"x_auth_password=s3cr3t")
            .callback("https://app/?state=s3cr3t")
            .verifier("s3cr3t")
            .realm("s3cr3t")
            .parameter("oauth_session_handle", "s3cr3t");
        assert_eq!(
            format!("{request:?}"),
            "Request { method: \"POST\", url: \"https://h/p\", \
             content_type: \"application/x-www-form-urlencoded\", body: 22 bytes, .. }"
        );
    }
}
