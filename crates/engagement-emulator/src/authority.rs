//! The host that a client calls, as a `Host` header or a URL names it.

use std::net::{IpAddr, Ipv6Addr};

/// A name or address and perhaps a port, and nothing else: no user, whom a browser would take for part of another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// Without the brackets of IPv6.
    pub(crate) name: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `name`, `name:port`, `[address]` or `[address]:port`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (name, rest) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').filter(|(name, _)| name.parse::<Ipv6Addr>().is_ok())?,
            None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        Some(Self { name, port })
    }

    /// Whether it names this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.name.eq_ignore_ascii_case("localhost")
            || self.name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether it is this name, at any port.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_this_machine_by_its_names() {
        let is_loopback = |host| Authority::parse(host).is_some_and(|authority| authority.is_loopback());
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "[::1]", "localhost:"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "[fe80::1]",
            "localhost:1@evil.example",
            "localhost@evil.example",
            "localhost:1:2",
            "localhost:65536",
            "localhost:+1",
            "localhost\\evil.example",
            "[::1]evil.example",
            "[::1",
            "[localhost]",
            "::1",
            ":80",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn takes_the_port_apart() {
        assert_eq!(Authority::parse("a.b:80"), Some(Authority { name: "a.b", port: Some(80) }));
        assert_eq!(Authority::parse("[::1]:80"), Some(Authority { name: "::1", port: Some(80) }));
        assert_eq!(Authority::parse("a_b"), Some(Authority { name: "a_b", port: None }));
    }
}
