//! The parts of a URL that get signed.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, net::Ipv6Addr};

use crate::percent;

/// The URL with everything percent-encoded that may not travel bare, for callers whose URLs were typed by hand.
///
/// Blanks, quotes, angle brackets, braces, backticks, carets, backslashes and all that is not ASCII become escapes in
/// path, query and fragment; existing escapes stay. Send the result, and sign the result: the path is signed as it
/// travels. Control characters and everything before the path are left for [`crate::sign`] to refuse.
///
/// ```
/// use oauth_core::wire_url;
///
/// assert_eq!(wire_url("http://example.com/r v/X?id=1"), "http://example.com/r%20v/X?id=1");
/// assert_eq!(wire_url("http://example.com/r%20v"), "http://example.com/r%20v");
/// ```
pub fn wire_url(url: &str) -> Cow<'_, str> {
    let start = url.find("://").map_or(0, |colon| colon + 3);
    let path = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
    if !url[path..].bytes().any(must_not_travel_bare) {
        return Cow::Borrowed(url);
    }
    let (before, after) = url.split_at(path);
    let mut wire = Vec::from(before);
    for byte in after.bytes() {
        if must_not_travel_bare(byte) {
            percent::push_encoded_bytes(&mut wire, &[byte]);
        } else {
            wire.push(byte);
        }
    }
    String::from_utf8(wire).map_or(Cow::Borrowed(url), Cow::Owned)
}

/// The URL up to its query or fragment, which may hold secrets.
pub(crate) fn without_query(url: &str) -> &str {
    url.split_once(['?', '#']).map_or(url, |(before, _)| before)
}

/// An absolute `http` or `https` URL, split where RFC 5849 §3.4.1.2 splits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) scheme: Scheme,
    /// In the case that it was written in, IPv6 with its brackets.
    pub(crate) host: &'a str,
    /// `None` if absent, empty, or the scheme's default.
    pub(crate) port: Option<u16>,
    /// As written; may be empty.
    pub(crate) path: &'a str,
    /// Where the path starts in the URL.
    path_at: usize,
    /// As written, without the question mark.
    pub(crate) query: &'a str,
}

impl<'a> Target<'a> {
    /// Stands for a URL that has been refused.
    pub(crate) const NOWHERE: Self =
        Self { scheme: Scheme::Https, host: "", port: None, path: "", path_at: 0, query: "" };

    /// Splits a URL that is going to be sent, and refuses one that an HTTP library would change on the way.
    pub(crate) fn to_send(url: &'a str) -> Result<Self, InvalidUrl> {
        let target = Self::received(url)?;
        // In a query, bare and escaped signs are signed alike. In a path they are not, and libraries differ on these.
        match target.path.bytes().position(must_not_travel_bare) {
            Some(at) => Err(InvalidUrl::Bare { at: target.path_at + at }),
            None => Ok(target),
        }
    }

    /// Splits a URL that was sent: the path is what it is.
    pub(crate) fn received(url: &'a str) -> Result<Self, InvalidUrl> {
        // Without a way out in its middle this runs over many bytes at once; only what is found is looked for.
        let (faulty, has_fragment) = url.bytes().fold((false, false), |(faulty, has_fragment), byte| {
            (faulty | is_blank_or_control(byte), has_fragment | (byte == b'#'))
        });
        if faulty {
            let at = url.bytes().position(is_blank_or_control).expect("one was found");
            return Err(InvalidUrl::BlankOrControl { at });
        }
        let before_fragment =
            if has_fragment { url.split_once('#').map_or(url, |(before, _)| before) } else { url };
        let (scheme, rest) = Scheme::split(before_fragment)?;
        let authority_at = before_fragment.len() - rest.len();
        let ends_authority = |byte| matches!(byte, b'/' | b'?' | b'\\');
        let length = rest.bytes().position(ends_authority).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(length);
        let path_at = authority_at + length;
        if rest.starts_with('\\') {
            return Err(InvalidUrl::Host { at: path_at });
        }
        let (host, port) = split_authority(authority, authority_at, scheme)?;
        let length = rest.bytes().position(|byte| byte == b'?').unwrap_or(rest.len());
        let (path, query) = rest.split_at(length);
        Ok(Self { scheme, host, port, path, path_at, query: query.get(1..).unwrap_or_default() })
    }

    /// Where the query starts in the URL, for error messages.
    pub(crate) fn query_at(&self) -> usize {
        self.path_at + self.path.len() + 1
    }

    /// Writes the base string URI of §3.4.1.2, percent-encoded once as the base string has it.
    pub(crate) fn push_base_uri(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.scheme {
            Scheme::Http => b"http%3A%2F%2F",
            Scheme::Https => b"https%3A%2F%2F",
        });
        let host = out.len();
        percent::push_encoded_bytes(out, self.host.as_bytes());
        // Escapes are in upper case already, and only brackets and colons are escaped in a host.
        if self.host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower_outside_escapes(&mut out[host..]);
        }
        if let Some(port) = self.port {
            out.extend_from_slice(b"%3A");
            push_port(out, port);
        }
        if self.path.is_empty() {
            out.extend_from_slice(b"%2F");
        } else {
            percent::push_encoded_bytes(out, self.path.as_bytes());
        }
    }
}

/// The two schemes that RFC 5849 §3.4.1.2 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Splits at the end of `://`.
    fn split(url: &str) -> Result<(Self, &str), InvalidUrl> {
        for (scheme, name) in [(Self::Https, "https://"), (Self::Http, "http://")] {
            if let Some((start, rest)) = url.split_at_checked(name.len())
                && start.eq_ignore_ascii_case(name)
            {
                return Ok((scheme, rest));
            }
        }
        Err(InvalidUrl::Scheme)
    }
}

/// Why a URL cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It does not start with `http://` or `https://`, in any case.
    Scheme,
    /// The host is empty, not ASCII, no IPv6 address though in brackets, or has a sign that no host has. A host that is
    /// not ASCII must be given in Punycode.
    Host {
        /// Offset of the fault in the URL.
        at: usize,
    },
    /// What follows the host's colon is no number from 0 to 65535.
    Port {
        /// Offset in the URL.
        at: usize,
    },
    /// A blank or control character, which no URL may have.
    BlankOrControl {
        /// Offset in the URL.
        at: usize,
    },
    /// A sign in the path that some HTTP libraries escape and some do not, so that its signature would be a guess:
    /// encode it first, for example with [`wire_url`].
    Bare {
        /// Offset in the URL.
        at: usize,
    },
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("URL must start with http:// or https://"),
            Self::Host { at } => write!(
                f,
                "host at byte {at} must be an ASCII name, an IPv4 address, or an IPv6 address in brackets"
            ),
            Self::Port { at } => write!(f, "port at byte {at} must be a number from 0 to 65535"),
            Self::BlankOrControl { at } => {
                write!(f, "URL must not have a blank or control character, and has one at byte {at}")
            }
            Self::Bare { at } => {
                write!(f, "character at byte {at} must be percent-encoded in a path before it is signed")
            }
        }
    }
}

impl core::error::Error for InvalidUrl {}

/// Host and port, the latter unless it is absent, empty or the default.
fn split_authority(authority: &str, at: usize, scheme: Scheme) -> Result<(&str, Option<u16>), InvalidUrl> {
    if !authority.is_empty() && authority.bytes().all(percent::is_unreserved) {
        return Ok((authority, None));
    }
    // User and password are no part of the Host header, which is what counts (§3.4.1.2, point 2).
    let host_at = authority.bytes().rposition(|byte| byte == b'@').map_or(0, |at| at + 1);
    let host_and_port = authority.get(host_at..).unwrap_or_default();
    // A colon inside brackets is part of an IPv6 address.
    let bracket = host_and_port.bytes().position(|byte| byte == b']').unwrap_or(0);
    let after_bracket = host_and_port.get(bracket..).unwrap_or_default();
    let colon = after_bracket.bytes().position(|byte| byte == b':').map(|colon| bracket + colon);
    let (host, port) = host_and_port.split_at(colon.unwrap_or(host_and_port.len()));
    check_host(host, at + host_at)?;
    let digits = port.get(1..).unwrap_or_default();
    if digits.is_empty() {
        return Ok((host, None));
    }
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port: Option<u16> = digits.parse().ok().filter(|_| all_digits);
    let port = port.ok_or(InvalidUrl::Port { at: at + host_at + host.len() + 1 })?;
    Ok((host, (port != scheme.default_port()).then_some(port)))
}

fn check_host(host: &str, at: usize) -> Result<(), InvalidUrl> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().map(drop).map_err(|_| InvalidUrl::Host { at });
    }
    if host.is_empty() {
        return Err(InvalidUrl::Host { at });
    }
    // The reg-name of RFC 3986 §3.2.2 without escapes, which some libraries undo and some do not.
    let fault = host.bytes().position(|byte| !percent::is_unreserved(byte) && !is_sub_delimiter(byte));
    fault.map_or(Ok(()), |offset| Err(InvalidUrl::Host { at: at + offset }))
}

/// Puts the letters of encoded text into lower case, but not the digits of its escapes.
fn lower_outside_escapes(encoded: &mut [u8]) {
    let mut digits = 0;
    for byte in encoded {
        match *byte {
            b'%' => digits = 2,
            _ if digits > 0 => digits -= 1,
            _ => byte.make_ascii_lowercase(),
        }
    }
}

const fn is_blank_or_control(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7F
}

fn must_not_travel_bare(byte: u8) -> bool {
    matches!(byte, b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}' | 0x80..)
}

/// RFC 3986 §2.2.
const fn is_sub_delimiter(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

fn push_port(out: &mut Vec<u8>, port: u16) {
    let mut divisor = 10_000;
    while divisor > 1 && port < divisor {
        divisor /= 10;
    }
    while divisor > 0 {
        // A remainder of ten is a digit.
        out.push(b'0' + (port / divisor % 10) as u8);
        divisor /= 10;
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;
    use crate::percent::decode;

    fn base_uri(url: &str) -> Result<String, InvalidUrl> {
        let mut out = Vec::new();
        Target::to_send(url)?.push_base_uri(&mut out);
        Ok(decode(core::str::from_utf8(&out).unwrap()).unwrap().into_owned())
    }

    fn check(url: &str, uri: &str) {
        assert_eq!(base_uri(url).as_deref(), Ok(uri), "{url}");
    }

    fn refuse(url: &str, fault: InvalidUrl) {
        assert_eq!(base_uri(url), Err(fault), "{url}");
    }

    #[test]
    fn follows_rfc_5849_section_3_4_1_2() {
        check("http://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X");
        check("https://www.example.net:8080/?q=1", "https://www.example.net:8080/");
        check("http://example.com", "http://example.com/");
        check("https://example.com?n=v", "https://example.com/");
        check("https://example.com#a/b?c", "https://example.com/");
        check("http://user:p@ss@example.com:/r", "http://example.com/r");
        check("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x");
        check("http://h:0/", "http://h:0/");
        check("http://h:65535/", "http://h:65535/");
        check("http://h:00080/", "http://h/");
    }

    #[test]
    fn refuses_what_it_cannot_sign() {
        refuse("", InvalidUrl::Scheme);
        refuse("/1.1/x.json", InvalidUrl::Scheme);
        refuse("//example.com/x", InvalidUrl::Scheme);
        refuse("ftp://example.com/", InvalidUrl::Scheme);
        refuse("http://", InvalidUrl::Host { at: 7 });
        refuse("http:///x", InvalidUrl::Host { at: 7 });
        refuse("http://a@/x", InvalidUrl::Host { at: 9 });
        refuse("http://[::1", InvalidUrl::Host { at: 7 });
        refuse("http://[::1]x/", InvalidUrl::Host { at: 7 });
        refuse("http://[::g]/", InvalidUrl::Host { at: 7 });
        refuse("http://bücher.example/", InvalidUrl::Host { at: 8 });
        refuse("http://ex%41mple/", InvalidUrl::Host { at: 9 });
        refuse("http://example.com\\x", InvalidUrl::Host { at: 18 });
        refuse("https://example.com:99999/", InvalidUrl::Port { at: 20 });
        refuse("https://example.com:+80/", InvalidUrl::Port { at: 20 });
        refuse("https://example.com:8a/", InvalidUrl::Port { at: 20 });
        refuse("http://exa mple.com/", InvalidUrl::BlankOrControl { at: 10 });
        refuse("http://example.com/?a=b\n", InvalidUrl::BlankOrControl { at: 23 });
        refuse("http://example.com/{id}", InvalidUrl::Bare { at: 19 });
        refuse("http://example.com/ü", InvalidUrl::Bare { at: 19 });
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(InvalidUrl::Scheme.to_string(), "URL must start with http:// or https://");
        assert_eq!(
            InvalidUrl::Port { at: 20 }.to_string(),
            "port at byte 20 must be a number from 0 to 65535"
        );
        assert_eq!(
            InvalidUrl::Bare { at: 19 }.to_string(),
            "character at byte 19 must be percent-encoded in a path before it is signed"
        );
    }

    #[test]
    fn the_wire_form_leaves_host_and_escapes_alone() {
        assert_eq!(wire_url("https://e.com/r?j={\"a\":[1|2]}"), "https://e.com/r?j=%7B%22a%22:[1|2]%7D");
        assert_eq!(wire_url("https://e.com/ü%C3%BC#ß"), "https://e.com/%C3%BC%C3%BC#%C3%9F");
        assert_eq!(wire_url("https://bücher.example/"), "https://bücher.example/");
        assert!(matches!(wire_url("https://e.com/a?b"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn splitting_never_panics(url in "(https?:(//)?)?.*") {
            let _ = Target::received(&url);
            let _ = base_uri(&url);
            let _ = wire_url(&url);
        }

        #[test]
        fn the_wire_form_of_a_path_can_be_signed(path in "[^\\x00-\\x1f\\x7f]*") {
            let mut url = String::from("https://example.com/");
            url.push_str(&path);
            prop_assert!(base_uri(&wire_url(&url)).is_ok());
        }

        #[test]
        fn ports_are_written_as_numbers(port: u16) {
            let mut out = Vec::new();
            push_port(&mut out, port);
            prop_assert_eq!(core::str::from_utf8(&out).unwrap(), port.to_string());
        }
    }
}
