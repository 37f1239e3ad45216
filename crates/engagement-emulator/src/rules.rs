//! The rules that requests are judged by, and how well each is known.

pub(crate) mod body;
pub(crate) mod window;

use core::fmt;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its number or section in the contract.
    pub number: &'static str,
    /// How well it is known.
    pub evidence: Evidence,
    /// What the emulator does.
    pub text: &'static str,
    /// The switch that makes it do otherwise.
    pub switch: Option<&'static str>,
}

/// How well a rule is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The official documentation states it.
    Documented,
    /// Official sample code, or a real answer that somebody quoted in public, shows it.
    Seen,
    /// It follows from these, and nobody states it.
    Inferred,
    /// Nothing public settles it: a guess of ours.
    Guess,
}

impl Evidence {
    /// The mark that the contract puts on it.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Documented => "D",
            Self::Seen => "W",
            Self::Inferred => "I",
            Self::Guess => "E",
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Documented => "documented",
            Self::Seen => "seen in the wild",
            Self::Inferred => "inferred",
            Self::Guess => "guess",
        })
    }
}

/// Every rule that the emulator keeps, in the order of the contract.
pub fn rules() -> &'static [Rule] {
    RULES
}

const fn rule(
    number: &'static str,
    evidence: Evidence,
    text: &'static str,
    switch: Option<&'static str>,
) -> Rule {
    Rule { number, evidence, text, switch }
}

use Evidence::{Documented as D, Guess as E, Inferred as I, Seen as W};

const RULES: &[Rule] = &[
    rule("1", D, "the three endpoints take POST, at most 250, 25 and 25 ids", None),
    rule("1", W, "the insights paths on the api host are 404 with code 34", None),
    rule("1", E, "any other host name, such as the emulator's own, has the paths of both hosts", None),
    rule("1", W, "a request that does not accept gzip is 406", Some("require-gzip")),
    rule("1", E, "gzip with the weight 0 is not accepted", None),
    rule("1", W, "error bodies are compressed too", None),
    rule("1", E, "a compressed request body is taken", None),
    rule("1", E, "a body above 256 KiB is 413, a head above 32 KiB 431; slow bodies are 408", None),
    rule("2", D, "ids are JSON strings", None),
    rule("2", W, "ids are also taken as JSON numbers, and echoed as strings", Some("strict")),
    rule("V1", D, "the body is a JSON object, else 400", None),
    rule("V1", E, "of a key that stands twice the last counts", None),
    rule("V2", D, "not more ids than the endpoint takes", None),
    rule("V2", E, "counted before repeated ids are collapsed", None),
    rule("V3", I, "at least one id, each of 1 to 19 decimal digits", None),
    rule("V3", E, "0, leading zeros and ids above 2^63 - 1 are unavailable", None),
    rule("V4", E, "repeated ids are answered once", None),
    rule("V5", I, "at least one metric, exact names in lower case", None),
    rule("V6", D, "every metric is one of the endpoint's: 7 on totals, 17 on 28hr and historical", None),
    rule("V7", W, "repeated metrics are answered once", None),
    rule("V8", D, "1 to 3 groupings", None),
    rule("V9", I, "group_by is a non-empty array without repetition", None),
    rule("V10", D, "tweet.id and engagement.type everywhere; day and hour on 28hr and historical", None),
    rule("V10", W, "group_by values in any case, since one page shows Tweet.id", Some("strict")),
    rule("V11", W, "an unsupported group_by is refused with the known text", None),
    rule("V11", E, "and the status 400", None),
    rule("V12", D, "four group_by values stand in one of two orders", None),
    rule("V13", D, "one grouping of four values in a request", None),
    rule("V14", D, "up to three values in any order, nested in that order", None),
    rule("V15", D, "the window obeys section 2.3", None),
    rule("V16", I, "a grouping has not the name of a root key", None),
    rule("2.1", E, "what breaks a rule whose status is not documented is 400", None),
    rule("2.1", E, "its text is ours and names the rule, where none is known", None),
    rule("2.3 rule 1", D, "times are UTC: a date, or a time to the second or millisecond", None),
    rule("2.3 rule 1", E, "any other form is 400, and so is null", None),
    rule("2.3 rule 1", E, "offsets other than UTC's are taken", Some("strict")),
    rule("2.3 rule 2", D, "no start and no end is the last four weeks", None),
    rule("2.3 rule 3", D, "start rounds down and end up, to the hour", None),
    rule("2.3 rule 3", I, "windows are half-open", None),
    rule("2.3 rule 4", D, "at most 4 weeks", None),
    rule("2.3 rule 4", E, "measured before rounding, 672 hours included", None),
    rule("2.3 rule 5", D, "end is not in the future", None),
    rule("2.3 rule 5", I, "compared before rounding", None),
    rule("2.3 rule 6", D, "start is not before 2014-09-01", None),
    rule("2.3 rule 7", D, "start is not more than 365 days ago", Some("history-365-days")),
    rule("2.3 rule 7", E, "counted from the beginning of an hour, since every start is rounded down", None),
    rule("2.3 rule 8", I, "start is before end", None),
    rule(
        "2.3 rule 8",
        E,
        "a missing bound is 28 days from the other, and an end not after now",
        Some("strict"),
    ),
    rule("2.3 rule 8", E, "a start that is filled in is judged like one that was sent", None),
    rule("2.3 rule 9", D, "the answer echoes the window", None),
    rule("2.3 rule 9", E, "its end rounded", Some("unrounded-end")),
    rule("2.3 rule 10", D, "favorites, replies and retweets are 0 before 2015-09-15", None),
    rule("2.3 rule 10", E, "by the time of the engagement, not of the query", None),
    rule("2.3", W, "without bounds the window is the 672 hours up to the end of the running one", None),
    rule("2.3", I, "28hr answers 29 buckets, and 28 exactly on the hour", None),
    rule("2.3", E, "start and end are ignored on totals", None),
    rule("2.3", E, "and on 28hr", Some("strict")),
    rule("3.1", D, "each grouping is a root key; start and end on 28hr and historical", None),
    rule("3.1", D, "counts are decimal strings", Some("numbers")),
    rule("3.1", E, "every hour of the window is there, and every key in alphabetical order", None),
    rule("3.2", D, "levels nest in the order of group_by; dimensions left out are summed over", None),
    rule("3.2", E, "metrics are added up when engagement.type is left out", None),
    rule("3.2", E, "odd orders, such as the hour before the day, nest literally", None),
    rule("3.3", D, "an hour without a day implies the day", Some("hour-of-day")),
    rule("3.3", E, "also where it is the only level", Some("hour-of-day")),
    rule("3.4", D, "unavailable ids are listed and not answered", None),
    rule("3.4", D, "ids too old for impressions and engagements are listed, and told of in errors", None),
    rule("3.4", E, "the two metrics are left out for them", None),
    rule("3.4", E, "the period in that text", None),
    rule("3.4", D, "ids too old for video views are listed and answered with 0", None),
    rule("3.4", E, "400 when nothing can be answered, because of availability or the 90 days", None),
    rule("3.4", E, "a Tweet whose time has not come is unavailable", None),
    rule("3.4", E, "a Tweet of which nothing can be answered is left out of the groups", None),
    rule("4", D, "impressions and engagements of Tweets older than 90 days are not served", None),
    rule("4", E, "which holds on totals only", Some("ninety-day-rule")),
    rule("4", D, "video views of Tweets older than 1,800 days are not served, on any endpoint", None),
    rule("4", D, "totals count the video views of all Tweets with the video", None),
    rule("4", E, "media_clicks is no metric", Some("media-clicks")),
    rule("5.1", D, "a refusal is an object with errors", Some("error-body")),
    rule("5.2", D, "unavailable ids have the known text, and their count", None),
    rule("5.2", D, "forbidden Tweets are named in one text", Some("old-forbidden-text")),
    rule("5.2", W, "a 429 says rate limit", None),
    rule("5.2", W, "an app that is not provisioned is told that its application ID is not authorized", None),
    rule("5.2", E, "with the status 403", None),
    rule(
        "5.3",
        E,
        "checks go: path, gzip, authentication, app, quota, body, metrics, availability, ownership, age",
        None,
    ),
    rule(
        "5.3",
        E,
        "a body in an encoding other than gzip, or not in the one it names, is judged as a body",
        None,
    ),
    rule("5.4", D, "a quota by the minute; x-per-minute-limit and -remaining", None),
    rule("5.4", W, "x-per-minute-reset, in Unix seconds", None),
    rule(
        "5.4",
        E,
        "60 requests a minute, by the minute of the clock; none by the second",
        Some("per-second-headers"),
    ),
    rule("5.4", E, "one pool for each app", Some("quota-pool")),
    rule("5.4", D, "a request is one call, however many ids it has", None),
    rule("5.4", E, "refused requests count from the quota's turn on: a 400 costs one, a 401 none", None),
    rule("5.4", E, "no Retry-After", None),
    rule("6.1", D, "public metrics on totals with a bearer token, or signed by the app alone", None),
    rule("6.1", D, "all else with the token of the Tweets' owner", None),
    rule("6.1", D, "user tokens for a Tweet of somebody else are 403, for public metrics too", None),
    rule("6.1", W, "one such Tweet forbids the whole request", None),
    rule("6.1", W, "app-only asking for private metrics on totals is 403, naming them", None),
    rule("6.1", E, "app-only on 28hr and historical is 403, naming the Tweets", None),
    rule("6.1", D, "a protected Tweet is unavailable, to its owner too", None),
    rule("6.1", D, "an unknown or revoked token is 401, Access token not found", None),
    rule("6.1", I, "a missing or unknown scheme is 401, Unknown Authorization Type", None),
    rule("6.2", D, "OAuth 1.0a with HMAC-SHA1, for the host that was called", None),
    rule(
        "6.2",
        E,
        "oauth_version may be absent; oauth_body_hash and unknown oauth parameters are signed along, and not judged",
        None,
    ),
    rule("6.2", E, "the OAuth parameters may stand in the query or in a form instead of the header", None),
    rule("6.2", E, "a refusal says which part of the base string differs", None),
    rule("6.2", E, "timestamps up to 300 seconds off; a nonce once", None),
    rule("6.2", E, "nonces are forgotten when the clock is set to another time", None),
    rule("6.2", E, "400,000 nonces are remembered; beyond that it is 503 until some have aged", None),
    rule("6.3", D, "the three-legged flow, with callback, refusal and PIN", None),
    rule("6.3", I, "a refusal comes back as denied, with the request token", None),
    rule("6.3", W, "a callback that is not registered is 403 with code 415, as XML; oob alone is 401", None),
    rule("6.3", E, "callbacks are compared without their query", None),
    rule("6.3", E, "request and access tokens are also given to GET", None),
    rule("6.3", D, "signing in asks no more once the app was allowed, unless force_login is true", None),
    rule("6.3", E, "and not in PIN mode, nor without a screen_name", None),
    rule("6.3", E, "HEAD of a page decides nothing, and its form only by allow or refuse", None),
    rule("6.3", E, "request tokens live 15 minutes and five wrong verifiers", None),
    rule("6.3", E, "an app that registers no callback may use any loopback URL", None),
    rule("6.4", D, "one bearer token for an app until it is invalidated, used as it is sent", None),
    rule("6.4", E, "asked for more than 60 times a minute it is refused", None),
    rule("6.4", D, "it is invalidated by either of the two documented ways", None),
    rule("6.5", W, "errors of the api host have a code and a message", None),
    rule("6.5", E, "and a detail, which is ours", None),
    rule("7.1", E, "accounts that asked are counted for the test interface, and never blocked", None),
    rule("7.4", W, "a Tweet's age is in its id; ids below 29700859247 are older than every limit", None),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switches::Switches;

    #[test]
    fn every_switch_belongs_to_a_rule_and_every_rule_to_a_switch_that_there_is() {
        let named: std::collections::BTreeSet<_> = rules().iter().filter_map(|rule| rule.switch).collect();
        assert_eq!(named, Switches::NAMES.into_iter().collect());
    }

    #[test]
    fn all_validation_rules_are_told() {
        for number in 1..=16 {
            assert!(rules().iter().any(|rule| rule.number == format!("V{number}")), "V{number}");
        }
    }
}
