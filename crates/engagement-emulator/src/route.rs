//! Which path is whose.

use engagement_model::Endpoint;
use http::Method;

use crate::{authority::Authority, faults::FaultTarget};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Engagement(Endpoint),
    Oauth(Oauth),
    /// Nothing that there is.
    Unknown,
}

/// What the host of the OAuth endpoints answers (contract §6.3, §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oauth {
    RequestToken,
    Authorize,
    Authenticate,
    /// The form of either page.
    Decide,
    AccessToken,
    Bearer,
    InvalidateBearer,
    InvalidateToken,
    VerifyCredentials,
}

impl Route {
    /// The two hosts of the real service each have their own paths; any other host name, such as the emulator's own
    /// address, has both.
    pub(crate) fn of(host: &str, method: &Method, path: &str) -> Self {
        let site = Site::of(host);
        if let Some(endpoint) = Endpoint::ALL.into_iter().find(|endpoint| endpoint.path() == path) {
            let is_here = *method == Method::POST && site != Site::Api;
            return if is_here { Self::Engagement(endpoint) } else { Self::Unknown };
        }
        if site == Site::Data {
            return Self::Unknown;
        }
        let is_get = method == Method::GET || method == Method::HEAD;
        let is_post = method == Method::POST;
        Self::Oauth(match path {
            "/oauth/request_token" if is_post || is_get => Oauth::RequestToken,
            "/oauth/authorize" if is_get => Oauth::Authorize,
            "/oauth/authenticate" if is_get => Oauth::Authenticate,
            "/oauth/authorize" | "/oauth/authenticate" if is_post => Oauth::Decide,
            "/oauth/access_token" if is_post || is_get => Oauth::AccessToken,
            "/oauth2/token" if is_post => Oauth::Bearer,
            "/oauth2/invalidate_token" if is_post => Oauth::InvalidateBearer,
            "/1.1/oauth/invalidate_token" | "/1.1/oauth/invalidate_token.json" if is_post => {
                Oauth::InvalidateToken
            }
            "/1.1/account/verify_credentials.json" if is_get => Oauth::VerifyCredentials,
            _ => return Self::Unknown,
        })
    }

    /// What faults call it.
    pub(crate) fn target(self) -> FaultTarget {
        match self {
            Self::Engagement(Endpoint::Totals) => FaultTarget::Totals,
            Self::Engagement(Endpoint::Last28Hours) => FaultTarget::Last28Hours,
            Self::Engagement(Endpoint::Historical) => FaultTarget::Historical,
            Self::Oauth(_) => FaultTarget::Oauth,
            Self::Unknown => FaultTarget::Any,
        }
    }

    /// What the tally calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engagement(endpoint) => endpoint.name(),
            Self::Oauth(_) => "oauth",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Site {
    Data,
    Api,
    Other,
}

impl Site {
    fn of(host: &str) -> Self {
        let Some(host) = Authority::parse(host) else { return Self::Other };
        let is_one_of = |names: [&str; 2]| names.into_iter().any(|name| host.is_named(name));
        if is_one_of(DATA_HOSTS) {
            Self::Data
        } else if is_one_of(API_HOSTS) {
            Self::Api
        } else {
            Self::Other
        }
    }
}

/// The hosts of the three endpoints, and those of the OAuth endpoints.
pub(crate) const DATA_HOSTS: [&str; 2] = ["data-api.twitter.com", "data-api.x.com"];
pub(crate) const API_HOSTS: [&str; 2] = ["api.twitter.com", "api.x.com"];
/// All that the emulator stands in for.
pub(crate) const HOSTS: [&str; 4] = [DATA_HOSTS[0], DATA_HOSTS[1], API_HOSTS[0], API_HOSTS[1]];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_insights_are_not_on_the_api_host() {
        let totals = |host| Route::of(host, &Method::POST, "/insights/engagement/totals");
        for host in ["data-api.twitter.com", "data-api.x.com:443", "127.0.0.1:8080"] {
            assert_eq!(totals(host), Route::Engagement(Endpoint::Totals), "{host}");
        }
        for host in ["api.twitter.com", "API.X.com:443"] {
            assert_eq!(totals(host), Route::Unknown, "{host}");
        }
    }

    #[test]
    fn a_path_is_taken_to_the_letter() {
        let of = |method, path| Route::of("localhost", &method, path);
        for path in
            ["/insights/engagement/totals/", "/insights/engagement/Totals", "/insights/engagement", "/"]
        {
            assert_eq!(of(Method::POST, path), Route::Unknown, "{path}");
        }
        assert_eq!(of(Method::GET, "/insights/engagement/totals"), Route::Unknown);
        assert_eq!(of(Method::GET, "/oauth2/token"), Route::Unknown);
        assert_eq!(Route::of("data-api.x.com", &Method::POST, "/oauth2/token"), Route::Unknown);
    }
}
