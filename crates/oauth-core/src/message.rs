//! A request ready to be sent.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::url::without_query;

/// A request of the three-legged or app-only flow, ready to be sent by whatever HTTP client there is.
///
/// It is good for one attempt: a signed one has used up its nonce.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) authorization: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: String,
}

impl Message {
    /// `POST`, as all of them are.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The absolute URL, to be sent as it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// The value of the `Content-Type` header, if there is a body.
    pub fn content_type(&self) -> Option<&'static str> {
        self.content_type
    }

    /// The body, which may be empty.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Names and values of all headers but `Host` and `Content-Length`, which are the HTTP client's.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = Vec::from([("Authorization", self.authorization.as_str())]);
        headers.extend(self.content_type.map(|value| ("Content-Type", value)));
        headers
    }
}

impl fmt::Debug for Message {
    /// Shows neither header nor body nor query, which have the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("method", &self.method)
            .field("url", &without_query(&self.url))
            .finish_non_exhaustive()
    }
}

/// The URL with these pairs behind those of its query.
pub(crate) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let (before, fragment) = match url.find('#') {
        Some(at) => url.split_at(at),
        None => (url, ""),
    };
    let mut out = String::from(before);
    for (name, value) in pairs {
        match out.find('?').map(|at| &out[at + 1..]) {
            None => out.push('?'),
            Some(query) if query.is_empty() || query.ends_with('&') => {}
            Some(_) => out.push('&'),
        }
        push_pair(&mut out, name, value);
    }
    out.push_str(fragment);
    out
}

/// Writes `name=value`, encoded.
pub(crate) fn push_pair(out: &mut String, name: &str, value: &str) {
    crate::percent::push_encoded(out, name);
    out.push('=');
    crate::percent::push_encoded(out, value);
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_pair_joins_the_query() {
        assert_eq!(with_query("https://h/p", &[("a", "b c")]), "https://h/p?a=b%20c");
        assert_eq!(with_query("https://h/p?", &[("a", "b"), ("", "")]), "https://h/p?a=b&=");
        assert_eq!(with_query("https://h/p?&", &[("a", "b")]), "https://h/p?&a=b");
        // A name of its own.
        assert_eq!(with_query("https://h/p??", &[("a", "b")]), "https://h/p??&a=b");
        assert_eq!(with_query("https://h/p#f", &[]), "https://h/p#f");
        assert_eq!(with_query("https://h/p?x=1#f", &[("a", "b")]), "https://h/p?x=1&a=b#f");
    }

    #[test]
    fn debug_shows_no_secrets() {
        let message = Message {
            method: "POST",
            url: "https://h/p?access_token=s3cr3t".into(),
            authorization: "Basic s3cr3t".into(),
            content_type: None,
            body: "s3cr3t".into(),
        };
        assert_eq!(format!("{message:?}"), "Message { method: \"POST\", url: \"https://h/p\", .. }");
    }
}
