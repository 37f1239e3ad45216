//! Text that must not be seen.

use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A consumer secret, an access token, a token secret, a bearer token: text that must not be seen.
///
/// It is wiped from memory when dropped, does not show itself in `Debug`, has no `Display`, cannot be serialised, and
/// is compared in a time that depends on its length alone. What is copied out of [`Secret::expose`] is the caller's to
/// protect.
///
/// ```
/// let secret = oauth_core::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text, compared in a time that depends on their lengths alone.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other)
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(String::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn is_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret([redacted])");
        assert_eq!(format!("{:#?}", Some(Secret::from("hunter2"))), "Some(\n    Secret([redacted]),\n)");
    }

    #[test]
    fn compares_by_text() {
        assert!(Secret::from("a").ct_eq(&Secret::from("a")));
        assert_eq!(Secret::from(""), Secret::from(""));
        assert_ne!(Secret::from("a"), Secret::from("b"));
        assert_ne!(Secret::from("a"), Secret::from("ab"));
    }
}
