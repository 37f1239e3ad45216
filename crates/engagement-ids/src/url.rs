//! Tweet URLs.

use engagement_model::TweetId;

use crate::{Reason, spelling};

/// A URL, as far as it matters here: its host and its path.
pub(crate) struct Url<'a> {
    /// All between the scheme and the path, but for the scheme's own port: user, password and other ports included, so
    /// that a look-alike cannot hide there.
    authority: &'a str,
    /// Without query and fragment, without the slash at its front.
    path: &'a str,
}

impl<'a> Url<'a> {
    /// The URL that `text` is, or looks like it is meant to be.
    ///
    /// A scheme may be missing in front of a host that we know, as people copy it so.
    pub(crate) fn find(text: &'a str) -> Option<Self> {
        match text.split_once("://") {
            Some((scheme, rest)) => Some(Self::split(rest).without_port_of(scheme)),
            None => {
                let url = Self::split(text).without_port_of("https");
                (url.is_ours() || text.starts_with("www.")).then_some(url)
            }
        }
    }

    /// The Tweet that this names: `/NAME/status/ID`, `/NAME/statuses/ID` or `/i/web/status/ID`, with anything behind
    /// it. Numbers in names, queries and later parts of the path are never looked at.
    pub(crate) fn tweet(&self) -> Result<TweetId, Reason> {
        if SHORTENERS.iter().any(|host| self.authority.eq_ignore_ascii_case(host)) {
            return Err(Reason::ShortLink);
        }
        if !self.is_ours() {
            return Err(Reason::OtherSite);
        }
        let mut parts = self.path.split('/');
        let id = match (parts.next(), parts.next(), parts.next()) {
            (Some("i"), Some("web"), Some(status)) if is_status(status) => parts.next(),
            (Some(name), Some(status), id) if is_name(name) && is_status(status) => id,
            _ => None,
        };
        match id {
            None | Some("") => Err(Reason::UrlWithoutTweet),
            Some(id) => id.parse().map_err(|_| match spelling::read_id(id) {
                Ok(_) | Err(Reason::OtherSite | Reason::UrlWithoutTweet) => Reason::UrlWithoutTweet,
                Err(reason) => Reason::UrlId(Box::new(reason)),
            }),
        }
    }

    /// `rest` without its scheme, parted.
    fn split(rest: &'a str) -> Self {
        let place = rest.find(['?', '#']).and_then(|end| rest.get(..end)).unwrap_or(rest);
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        Self { authority, path }
    }

    fn without_port_of(self, scheme: &str) -> Self {
        let port = if scheme.eq_ignore_ascii_case("http") { ":80" } else { ":443" };
        Self { authority: self.authority.strip_suffix(port).unwrap_or(self.authority), ..self }
    }

    fn is_ours(&self) -> bool {
        let host = self.authority.to_ascii_lowercase();
        let host = PREFIXES.iter().find_map(|prefix| host.strip_prefix(prefix)).unwrap_or(&host);
        HOSTS.contains(&host)
    }
}

/// What Twitter allows in a name; its length is left open, as a few old accounts are beyond today's limit.
fn is_name(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_status(part: &str) -> bool {
    part.eq_ignore_ascii_case("status") || part.eq_ignore_ascii_case("statuses")
}

const HOSTS: [&str; 2] = ["twitter.com", "x.com"];
const PREFIXES: [&str; 3] = ["www.", "mobile.", "m."];
/// Hosts that hide where a link goes: telling that apart from another site spares a look.
const SHORTENERS: [&str; 5] = ["t.co", "bit.ly", "buff.ly", "ow.ly", "tinyurl.com"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tweet(text: &str) -> Result<u64, Reason> {
        Url::find(text).expect("a URL").tweet().map(TweetId::get)
    }

    #[test]
    fn reads_the_id_from_the_status_path() {
        for text in [
            "https://twitter.com/example_user/status/1500000000000000101",
            "http://x.com/example_user/status/1500000000000000101?s=20&t=AbC",
            "https://mobile.twitter.com/user2024/statuses/1500000000000000101/",
            "https://mobile.x.com/user2024/status/1500000000000000101",
            "https://www.twitter.com/user2024/status/1500000000000000101",
            "https://x.com/i/web/status/1500000000000000101",
            "https://x.com/i/status/1500000000000000101",
            "https://twitter.com/u/status/1500000000000000101/photo/1",
            "https://x.com/1500000000000000999/status/1500000000000000101#m",
            "HTTPS://WWW.X.COM/u/status/1500000000000000101",
            "https://x.com:443/u/status/1500000000000000101",
            "http://mobile.twitter.com:80/u/status/1500000000000000101",
            "x.com:443/u/status/1500000000000000101",
            "x.com/u/status/1500000000000000101",
            "www.twitter.com/u/status/1500000000000000101",
            "https://x.com/u/status/1500000000000000101?id=1500000000000000999",
        ] {
            assert_eq!(tweet(text), Ok(1_500_000_000_000_000_101), "{text}");
        }
    }

    #[test]
    fn refuses_what_names_no_tweet() {
        for text in [
            "https://twitter.com/user1500000000000000999",
            "https://twitter.com/1500000000000000999",
            "https://twitter.com/status/1500000000000000999",
            "https://twitter.com",
            "https://x.com/u/status",
            "https://x.com/u/status/",
            "https://x.com/search?q=/u/status/1500000000000000999",
            "https://x.com/?u=/u/status/1500000000000000999",
            "https://x.com/u/lists/1500000000000000999",
            "https://x.com//u/status/1500000000000000999",
            "https://x.com/u v/status/1500000000000000999",
            "https://x.com/i/web/1500000000000000999",
            "https://x.com/i/events/1500000000000000999",
        ] {
            assert_eq!(tweet(text), Err(Reason::UrlWithoutTweet), "{text}");
        }
    }

    #[test]
    fn refuses_other_sites_and_look_alikes() {
        for text in [
            "https://example.org/example_user/status/1500000000000000106",
            "https://twitter.com.example.org/u/status/1500000000000000106",
            "https://nottwitter.com/u/status/1500000000000000106",
            "https://twitter.com@example.org/u/status/1500000000000000106",
            "https://twitter.com:80@example.org/u/status/1500000000000000106",
            "https://twitter.com:443@example.org/u/status/1500000000000000106",
            "https://x.com:8443/u/status/1500000000000000106",
            "https://x.com:80/u/status/1500000000000000106",
            "https://x.com:443:443/u/status/1500000000000000106",
            "https://twitter.com\\@example.org/u/status/1500000000000000106",
            "https://tw\u{131}tter.com/u/status/1500000000000000106",
            "https://x.com./u/status/1500000000000000106",
            "https://www.mobile.x.com/u/status/1500000000000000106",
            "https://api.twitter.com/u/status/1500000000000000106",
            "https:///x.com/u/status/1500000000000000106",
            "www.example.org/u/status/1500000000000000106",
        ] {
            assert_eq!(tweet(text), Err(Reason::OtherSite), "{text}");
        }
        assert_eq!(tweet("https://t.co/1500000000000000106"), Err(Reason::ShortLink));
    }

    #[test]
    fn says_what_is_wrong_with_the_id() {
        let check = |id: &str, reason: Reason| {
            let url = format!("https://x.com/u/status/{id}");
            assert_eq!(tweet(&url), Err(Reason::UrlId(Box::new(reason))), "{url}");
        };
        check("0", Reason::Zero);
        check("007", Reason::LeadingZeros);
        check("1.5E18", Reason::Scientific);
        check("9223372036854775808", Reason::TooLarge);
        check("15%30", Reason::NotAnId);
        check("15,", Reason::NotAnId);
        check("15 https:", Reason::NotAnId);
    }

    #[test]
    fn leaves_other_text_alone() {
        for text in ["", "15", "twitter", "x.community/u/status/15", "u/status/15", "status/15"] {
            assert!(Url::find(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_nothing_but_the_id_in_its_place(
            name in "[A-Za-z0-9_]{1,15}", id in 1..=i64::MAX, tail in "(/[a-z0-9/]{0,12})?(\\?[a-z0-9=&/]{0,20})?",
        ) {
            let url = format!("https://x.com/{name}/status/{id}{tail}");
            prop_assert_eq!(tweet(&url), Ok(id.unsigned_abs()));
        }
    }
}
