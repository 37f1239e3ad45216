use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
        // An empty one is as good as none.
        let first = |names: &[&str]| {
            let values = names.iter().filter_map(std::env::var_os);
            values.map(|value| value.to_string_lossy().trim().to_owned()).find(|value| !value.is_empty())
        };
        match first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
            Some(url) => Self::new(&url, &first(&["NO_PROXY", "no_proxy"]).unwrap_or_default()),
            None => Self::none(),
        }
    }

    /// This one, except for the hosts in `no_proxy`, which reads like the variable of that name.
    pub fn new(url: &str, no_proxy: &str) -> Self {
        // The matcher takes `*` for all names and forgets the addresses.
        if no_proxy.split(',').any(|part| part.trim() == "*") {
            return Self::none();
        }
        let is_malformed = is_malformed(url);
        // Stands for the malformed one, so that it is known what would go through it.
        let url = if is_malformed { "http://malformed.invalid" } else { url };
        Self { matcher: Some(Arc::new(matcher(url, no_proxy))), is_malformed }
    }

    /// What is sent to the proxy and is for nobody else: the password, and the header that holds it.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let header = self.matcher.as_ref().and_then(|matcher| {
            let intercept = matcher.intercept(&probe())?;
            Some(intercept.basic_auth()?.to_str().ok()?.strip_prefix("Basic ")?.to_owned())
        });
        let pair = header.as_ref().and_then(|coded| String::from_utf8(STANDARD.decode(coded).ok()?).ok());
        let password = pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned()));
        header.into_iter().chain(password).collect()
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

/// The library takes what it cannot read for no proxy, and a port that is none for 80.
fn is_malformed(url: &str) -> bool {
    let has_good_port = |intercept: Intercept| {
        intercept.uri().authority().is_some_and(|authority| {
            let behind = authority.as_str().strip_prefix(authority.host());
            behind.is_some_and(|behind| match behind.strip_prefix(':') {
                Some(port) => port.parse().is_ok_and(|port: u16| port != 0),
                None => behind.is_empty(),
            })
        })
    };
    !url.is_empty() && !matcher(url, "").intercept(&probe()).is_some_and(has_good_port)
}

/// Somewhere that is reached through any proxy.
fn probe() -> Uri {
    Uri::from_static("https://probe.invalid")
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
