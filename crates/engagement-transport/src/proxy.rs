use std::fmt;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::url::{Origin, Url};

/// Which proxy connections go through.
///
/// Only `https` URLs are proxied, through a `CONNECT` tunnel, so the proxy sees host names and nothing else. This
/// machine is never reached through a proxy. A user name and password in the proxy's URL are sent to it with the
/// `Basic` scheme and are printed nowhere. Proxies are spoken to over `http` or `https`; SOCKS is not supported.
///
/// One that cannot be read fails the calls that would go through it: nothing goes around it unasked.
#[derive(Clone, Default)]
pub struct Proxy {
    matcher: Option<Arc<Matcher>>,
    is_malformed: bool,
}

impl Proxy {
    /// None, whatever the environment says.
    pub fn none() -> Self {
        Self::default()
    }

    /// As the environment says: `HTTPS_PROXY`, else `ALL_PROXY`, except for the hosts in `NO_PROXY`; each also in
    /// lower case. `NO_PROXY` lists names, which stand for their subdomains too, addresses and networks (`10.0.0.0/8`)
    /// with commas between; `*` is every host.
    pub fn from_env() -> Self {
        let no_proxy = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy"));
        let no_proxy = no_proxy.unwrap_or_default();
        let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        match variables.iter().find_map(|name| std::env::var(name).ok()).filter(|url| is_malformed(url)) {
            Some(malformed) => Self::new(&malformed, &no_proxy),
            None => Self::unless(&no_proxy, Matcher::from_env),
        }
    }

    /// This one, except for the hosts in `no_proxy`, which reads like the variable of that name.
    pub fn new(url: &str, no_proxy: &str) -> Self {
        let is_malformed = is_malformed(url);
        // Stands for the malformed one, so that it is known what would go through it.
        let url = if is_malformed { "http://malformed.invalid" } else { url };
        Self { is_malformed, ..Self::unless(no_proxy, || matcher(url, no_proxy)) }
    }

    /// None if `no_proxy` excepts everything: the matcher takes `*` for all names and forgets the addresses.
    fn unless(no_proxy: &str, matcher: impl FnOnce() -> Matcher) -> Self {
        let excepts_all = no_proxy.split(',').any(|part| part.trim() == "*");
        Self { matcher: (!excepts_all).then(|| Arc::new(matcher())), is_malformed: false }
    }

    /// The proxy that a connection for `url` would go through, without user name and password.
    pub fn for_url(&self, url: &Url) -> Option<String> {
        self.intercept(url.origin()).map(|intercept| intercept.uri().to_string())
    }

    pub(crate) fn intercept(&self, origin: &Origin) -> Option<Intercept> {
        if origin.loopback || origin.plain {
            return None;
        }
        self.matcher.as_ref()?.intercept(&origin.base)
    }

    /// Whether what was given as its URL is none.
    pub(crate) fn is_malformed(&self) -> bool {
        self.is_malformed
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.matcher.is_some() { "Proxy(..)" } else { "Proxy(none)" })
    }
}

fn matcher(url: &str, no_proxy: &str) -> Matcher {
    Matcher::builder().https(url.to_owned()).no(no_proxy.to_owned()).build()
}

/// The library takes what it cannot read for no proxy.
fn is_malformed(url: &str) -> bool {
    !url.is_empty() && matcher(url, "").intercept(&Uri::from_static("https://probe.invalid")).is_none()
}

/// A proxy that did not open a tunnel.
#[derive(Debug)]
pub(crate) struct TunnelRefused {
    pub(crate) proxy: Uri,
    pub(crate) source: crate::error::BoxError,
}

impl TunnelRefused {
    /// The library keeps its error type to itself; its words are what tells a missing password from bad luck.
    pub(crate) fn wants_password(&self) -> bool {
        self.source.to_string().contains("authorization required")
    }
}

impl fmt::Display for TunnelRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy {} opened no tunnel", self.proxy)
    }
}

impl std::error::Error for TunnelRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(proxy: &Proxy, url: &str) -> Option<String> {
        proxy.for_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn proxies_other_machines_only() {
        let proxy = Proxy::new("http://user:canary@proxy.test:3128", "internal.test, 10.0.0.0/8");
        assert_eq!(through(&proxy, "https://api.test/x").as_deref(), Some("http://proxy.test:3128/"));
        for direct in [
            "https://internal.test/",
            "https://deep.internal.test/",
            "https://10.1.2.3/",
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://[::1]/",
        ] {
            assert_eq!(through(&proxy, direct), None, "{direct}");
        }
        assert_eq!(through(&Proxy::none(), "https://api.test/"), None);
    }

    #[test]
    fn prints_no_password() {
        let proxy = Proxy::new("http://user:canary@proxy.test:3128", "");
        assert!(!format!("{proxy:?}").contains("canary"));
        assert!(!through(&proxy, "https://api.test/").unwrap().contains("canary"));
    }
}
