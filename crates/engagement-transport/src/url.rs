use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use http::header::HeaderValue;
use http::uri::{PathAndQuery, Scheme, Uri};

/// Where a call goes: an `https` URL, or an `http` one whose host is this machine.
///
/// A value of this type has been checked once and is cheap to clone, so keep one for each endpoint. Plain `http` is
/// accepted for `localhost`, `127.0.0.0/8` and `[::1]` only, because everything sent carries credentials; a user name
/// or password inside the URL is refused for the same reason. A fragment is dropped, as it never goes on the wire.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url(Arc<Parts>);

impl Url {
    /// Reads and checks a URL.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.parse().map_err(|_| {
            let at = text.bytes().position(must_be_encoded);
            InvalidUrl(at.map_or(Reason::Malformed, |at| Reason::Character { at }))
        })?;
        Self::try_from(uri)
    }

    /// The host in lower case, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.0.origin.host
    }

    /// Whether it leads to this machine: `localhost`, or an address of its loopback.
    pub fn is_loopback(&self) -> bool {
        self.0.origin.loopback
    }

    /// The port, given or implied.
    pub fn port(&self) -> u16 {
        self.0.origin.port
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.0.target.path()
    }

    /// The whole URL as it is signed and sent: scheme, authority, path and query.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Path and query, as they stand in the request line.
    pub(crate) fn target(&self) -> &Uri {
        &self.0.target
    }

    /// The whole URL, as HTTP/2 wants it.
    #[cfg(feature = "http2")]
    pub(crate) fn absolute(&self) -> &Uri {
        &self.0.absolute
    }

    /// The value of the `Host` header.
    pub(crate) fn authority(&self) -> &HeaderValue {
        &self.0.authority
    }
}

impl TryFrom<Uri> for Url {
    type Error = InvalidUrl;

    fn try_from(uri: Uri) -> Result<Self, InvalidUrl> {
        let plain = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => false,
            Some(scheme) if *scheme == Scheme::HTTP => true,
            _ => return Err(InvalidUrl(Reason::Scheme)),
        };
        let authority = uri.authority().ok_or(InvalidUrl(Reason::Malformed))?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl(Reason::UserInfo));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(InvalidUrl(Reason::Malformed));
        }
        let loopback = is_loopback(&host);
        if plain && !loopback {
            return Err(InvalidUrl(Reason::PlainHttp { host }));
        }
        // `Uri` takes any digits after the colon; only `port_u16` knows what fits.
        let rest = &authority.as_str()[authority.host().len()..];
        let standard = if plain { 80 } else { 443 };
        let port = match (authority.port_u16(), rest) {
            (Some(0), _) => return Err(InvalidUrl(Reason::Port)),
            (Some(port), _) => port,
            (None, "" | ":") => standard,
            (None, _) => return Err(InvalidUrl(Reason::Port)),
        };
        let path_and_query = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let named = if port == standard {
            authority.host().to_owned()
        } else {
            format!("{}:{port}", authority.host())
        };
        let authority = HeaderValue::from_str(&named).map_err(|_| InvalidUrl(Reason::Malformed))?;
        let scheme = if plain { "http" } else { "https" };
        let text = format!("{scheme}://{named}{path_and_query}");
        let base = format!("{scheme}://{named}").parse().map_err(|_| InvalidUrl(Reason::Malformed))?;
        let origin = Origin { plain, loopback, host, port, base };
        Ok(Self(Arc::new(Parts {
            origin,
            target: Uri::from(path_and_query),
            authority,
            #[cfg(feature = "http2")]
            absolute: text.parse().map_err(|_| InvalidUrl(Reason::Malformed))?,
            text,
        })))
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse(text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may hold a secret; whoever wants to show it has `Display`.
        let text = self.0.text.split_once('?').map_or(self.0.text.as_str(), |(before, _)| before);
        write!(f, "Url({text})")
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// A URL that no call may be made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl(Reason);

impl InvalidUrl {
    /// Whether it was refused because plain `http` would have left this machine.
    pub fn is_plain_http(&self) -> bool {
        matches!(self.0, Reason::PlainHttp { .. })
    }
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Malformed => f.write_str("malformed URL, expected https://host/path"),
            Reason::Character { at } => write!(
                f,
                "character at byte {at} of the URL must be percent-encoded, or in Punycode if it is in the host"
            ),
            Reason::Scheme => f.write_str("URL must begin with https:// (or http:// for this machine)"),
            Reason::UserInfo => f.write_str("URL must not hold a user name or password"),
            Reason::Port => f.write_str("URL has a port outside 1 to 65535"),
            Reason::PlainHttp { host } => {
                write!(
                    f,
                    "plain http would send credentials unprotected to `{host}`: use https (http is for loopback only)"
                )
            }
        }
    }
}

impl std::error::Error for InvalidUrl {}

/// Scheme, host and port: what connections are pooled by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) plain: bool,
    pub(crate) loopback: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The same as a URI, for connectors.
    pub(crate) base: Uri,
}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Few differ in anything else, and a URI is hashed byte by byte.
        self.host.hash(state);
        self.port.hash(state);
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Parts {
    origin: Origin,
    target: Uri,
    authority: HeaderValue,
    #[cfg(feature = "http2")]
    absolute: Uri,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Malformed,
    Character { at: usize },
    Scheme,
    UserInfo,
    Port,
    PlainHttp { host: String },
}

/// Whether the byte can stand nowhere in a URL, as RFC 3986 §2 has it.
fn must_be_encoded(byte: u8) -> bool {
    !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&byte)
}

/// An address must be an address from end to end: `127.0.0.1.example` is a name that anybody may own.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_plain_http_on_this_machine() {
        for good in
            ["http://localhost:1/x", "http://127.0.0.1/", "http://127.9.9.9:8080/a?b", "http://[::1]:9/x"]
        {
            assert_eq!(Url::parse(good).map(|url| url.origin().loopback), Ok(true), "{good}");
        }
        for bad in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://localhost./",
            "http://128.0.0.1/",
            "http://0.0.0.0/",
            "http://2130706433/",
            "http://127.1/",
            "http://[::2]/",
            "http://[::ffff:127.0.0.1]/",
            "HTTP://example.com/",
        ] {
            assert!(Url::parse(bad).is_err_and(|error| error.is_plain_http()), "{bad}");
        }
    }

    #[test]
    fn refuses_what_is_no_place_to_send_to() {
        for bad in [
            "",
            "example.com",
            "/path",
            "ftp://example.com/",
            "https://",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "http://user@127.0.0.1/",
            "https://example.com:0/",
            "https://example.com:65536/",
            "https://example.com/\nX: y",
        ] {
            assert!(Url::parse(bad).is_err_and(|error| !error.is_plain_http()), "{bad}");
        }
    }

    #[test]
    fn says_where_a_character_cannot_be() {
        for (bad, at) in [
            ("https://example.com/a b", 21),
            ("https://bücher.example/", 9),
            ("https://example.com/\nX: y", 20),
        ] {
            let error = Url::parse(bad).unwrap_err();
            let wanted = format!("character at byte {at} of the URL must be percent-encoded");
            assert!(error.to_string().starts_with(&wanted), "{bad}: {error}");
        }
        assert!(Url::parse("https://[::1/").unwrap_err().to_string().starts_with("malformed URL"));
    }

    #[test]
    fn signs_and_sends_the_same_authority() {
        let url = Url::parse("HTTPS://Example.com:443/a/b?c=%20d#part").unwrap();
        assert_eq!(url.as_str(), "https://Example.com/a/b?c=%20d");
        assert_eq!(url.authority(), "Example.com");
        assert_eq!((url.host(), url.port(), url.path()), ("example.com", 443, "/a/b"));
        assert_eq!(url.target(), "/a/b?c=%20d");
        let url = Url::parse("http://[::1]:8080").unwrap();
        assert_eq!((url.as_str(), url.host()), ("http://[::1]:8080/", "::1"));
        assert_eq!(url.authority(), "[::1]:8080");
    }
}
