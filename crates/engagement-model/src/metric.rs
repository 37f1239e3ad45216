//! Metrics: their names, and what the documentation says of each.

mod table;

use core::{cmp::Ordering, fmt, str::FromStr};
use std::sync::Arc;

use jiff::Timestamp;

pub use self::table::{
    HISTORY_FLOOR, HISTORY_MAX_DAYS, MAX_FOUR_LEVEL_GROUPINGS, MAX_GROUP_BY, MAX_GROUPINGS, Metric,
    WINDOW_MAX_HOURS,
};
pub(crate) use self::table::{dimensions, max_tweet_ids};
use crate::{endpoint::Endpoint, hour::UtcHour, tweet_id::TweetId};

impl Metric {
    /// A name outside the table, to be sent as it is. A name of the table becomes that metric.
    pub fn named(name: &str) -> Self {
        Self::known(name).unwrap_or_else(|| Self::Other(OtherMetric::new(name)))
    }

    /// The name in requests, answers and rows.
    pub fn name(&self) -> &str {
        match self {
            Self::Other(other) => other.name(),
            known => known.facts().map_or("", |facts| facts.name),
        }
    }

    /// Whether the endpoint serves it (contract V6, documented). A metric outside the table may be anywhere.
    pub fn is_served_by(&self, endpoint: Endpoint) -> bool {
        self.facts().is_none_or(|facts| facts.endpoints.contains(&endpoint))
    }

    /// Whether app-only authentication may read it, which is so on totals only.
    pub fn is_public(&self) -> bool {
        self.facts().is_some_and(|facts| facts.app_only_totals)
    }

    /// Whether the endpoint refuses it for this Tweet at `now` because the Tweet is too old.
    ///
    /// Age counts from the creation of the Tweet (documented); that of an id without a time is beyond every limit.
    pub fn is_too_old_on(&self, endpoint: Endpoint, tweet_id: TweetId, now: Timestamp) -> bool {
        self.age_limit_days(endpoint).is_some_and(|days| {
            let limit = i64::from(days) * SECONDS_A_DAY;
            tweet_id.created_at().is_none_or(|created| now.as_second() - created.as_second() > limit)
        })
    }

    /// The greatest age in days that the endpoint serves, if it has a limit for this metric.
    pub fn age_limit_days(&self, endpoint: Endpoint) -> Option<u32> {
        let facts = self.facts()?;
        facts.max_age_endpoints.contains(&endpoint).then_some(facts.max_age_days)?
    }

    /// The metric that took this legacy name's place.
    pub fn formerly(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.facts().is_some_and(|facts| facts.formerly.contains(&name)))
    }
}

impl Ord for Metric {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // The table is by name.
        match (self.place(), other.place()) {
            (Some(place), Some(other)) => place.cmp(&other),
            _ => self.name().cmp(other.name()),
        }
    }
}

impl PartialOrd for Metric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Reads a name of the table. A legacy name is no longer one: see [`Metric::formerly`].
    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        Self::known(name).ok_or_else(|| UnknownMetric { name: name.to_owned(), nearest: nearest(name) })
    }
}

/// A metric name that the table does not know. Made with [`Metric::named`].
#[derive(Clone, PartialEq, Eq, Hash)]
// A thin pointer: a row holds a metric, and answers have hundreds of thousands of rows.
pub struct OtherMetric(Arc<Box<str>>);

impl OtherMetric {
    fn new(name: &str) -> Self {
        Self(Arc::new(name.into()))
    }

    /// The name as it was sent.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OtherMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name(), f)
    }
}

/// What the contract's table says of a metric.
#[derive(Debug)]
#[non_exhaustive]
pub struct Facts {
    /// Wire name.
    pub name: &'static str,
    /// Where it may be asked for (documented).
    pub endpoints: &'static [Endpoint],
    /// Whether app-only authentication may read it on totals, for any public Tweet (documented; one page leaves out
    /// `quote_tweets`, the others have it, contract 8 no. 16).
    pub app_only_totals: bool,
    /// Greatest age of a Tweet, in days, for which it is served (documented).
    pub max_age_days: Option<u32>,
    /// The endpoints on which that limit holds. The pages disagree about the 90 days: that they hold on totals alone is
    /// a guess, after most of them (contract 8 no. 3).
    pub max_age_endpoints: &'static [Endpoint],
    /// Root key of an answer that lists the Tweets that were too old (documented).
    pub age_list_key: Option<&'static str>,
    /// Legacy names.
    pub formerly: &'static [&'static str],
    /// Buckets before this UTC date (`YYYY-MM-DD`) are always zero (documented; that it goes by the time of the
    /// engagement and not of the query is our reading).
    pub zero_before: Option<&'static str>,
    /// Date of introduction, where documented.
    pub since: Option<&'static str>,
    /// Date on which it was opened to app-only authentication, where documented.
    pub app_only_since: Option<&'static str>,
    /// What it counts.
    pub context: Context,
    /// Whether the documentation states `context`; otherwise it is inferred.
    pub context_documented: bool,
    /// Name in `requested_metrics` of the v2 insights endpoints.
    pub v2_insights: Option<&'static str>,
    /// Name in `analytics.fields` of the v2 analytics endpoint.
    pub v2_analytics: Option<&'static str>,
    /// One sentence for people.
    pub description: &'static str,
}

/// Which showings of a Tweet a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Only those that nobody paid for.
    Organic,
    /// Promoted ones too.
    OrganicAndPromoted,
}

/// A name that is no metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMetric {
    /// The name that was given.
    pub name: String,
    /// The metric whose name is nearest, unless none is near.
    pub nearest: Option<Metric>,
}

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no metric {:?}", self.name)?;
        let Some(nearest) = &self.nearest else {
            return f.write_str("; names are lower-case, such as impressions (rule V5)");
        };
        write!(f, "; the nearest is {nearest}, valid on ")?;
        for (index, endpoint) in nearest.facts().map_or(&[][..], |facts| facts.endpoints).iter().enumerate() {
            write!(f, "{}{endpoint}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(" (rule V5)")
    }
}

impl core::error::Error for UnknownMetric {}

/// The hour before which the API has no data (contract 2.3 rule 6, documented).
pub fn history_floor() -> UtcHour {
    // The generated text is checked by a test below.
    UtcHour::containing(HISTORY_FLOOR.parse().unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The metric that has or had the name elsewhere, else the one whose name takes the fewest edits, if that is no more
/// than half of the name's letters.
fn nearest(name: &str) -> Option<Metric> {
    let lower = name.trim().to_ascii_lowercase();
    if let Some(metric) = Metric::formerly(&lower).or_else(|| called_in_v2(&lower)) {
        return Some(metric);
    }
    // Longer texts are no typing errors, and the distance costs their length times ours.
    if lower.len() > LONGEST_TYPO {
        return None;
    }
    let (edits, metric) = Metric::ALL
        .into_iter()
        .map(|metric| (edit_distance(lower.as_bytes(), metric.name().as_bytes()), metric))
        .min_by_key(|(edits, _)| *edits)?;
    (edits * 2 <= lower.len().max(1)).then_some(metric)
}

/// The metric that the successor API calls so.
fn called_in_v2(lower: &str) -> Option<Metric> {
    Metric::ALL.into_iter().find(|metric| {
        let names = metric.facts().map(|facts| [facts.v2_analytics, facts.v2_insights]);
        names.into_iter().flatten().flatten().any(|name| name.eq_ignore_ascii_case(lower))
    })
}

/// Levenshtein's distance, one row at a time.
fn edit_distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(to) {
            let above = *slot;
            *slot = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            diagonal = above;
            left = *slot;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(from.len())
}

/// Twice the longest name of the table, rounded up.
const LONGEST_TYPO: usize = 48;

const SECONDS_A_DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_read_back() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric.clone()));
            assert_eq!(Metric::named(metric.name()), metric);
        }
    }

    #[test]
    fn the_order_is_by_name() {
        let others = ["", "engagementt", "video_views2"].map(Metric::named);
        let all: Vec<_> = Metric::ALL.into_iter().chain(others).collect();
        for a in &all {
            for b in &all {
                assert_eq!(a.cmp(b), a.name().cmp(b.name()), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_row_pays_two_words_for_a_metric() {
        assert!(size_of::<Metric>() <= 16);
    }

    #[test]
    fn app_only_reads_five_of_them() {
        let public: Vec<_> =
            Metric::ALL.into_iter().filter(Metric::is_public).map(|metric| metric.to_string()).collect();
        assert_eq!(public, ["favorites", "quote_tweets", "replies", "retweets", "video_views"]);
    }

    #[test]
    fn a_typing_error_gets_the_nearest_name() {
        let message = |name: &str| name.parse::<Metric>().unwrap_err().to_string();
        assert_eq!(
            message("impresions"),
            "there is no metric \"impresions\"; the nearest is impressions, valid on totals, 28hr, historical \
             (rule V5)"
        );
        assert_eq!(
            message("media_clicks"),
            "there is no metric \"media_clicks\"; the nearest is media_engagements, valid on 28hr, historical \
             (rule V5)"
        );
        assert_eq!(
            message("Likes"),
            "there is no metric \"Likes\"; the nearest is favorites, valid on totals, 28hr, historical (rule V5)"
        );
        assert_eq!(message(" engagements"), message("Engagements").replace("Engagements", " engagements"));
        assert_eq!(
            message("xyz"),
            "there is no metric \"xyz\"; names are lower-case, such as impressions (rule V5)"
        );
    }

    #[test]
    fn age_limits_hold_where_the_contract_says() {
        let now: Timestamp = "2024-03-06T00:00:00Z".parse().unwrap();
        let id = |text: &str| TweetId::first_at(text.parse().unwrap()).unwrap();
        let day_90 = id("2023-12-07T00:00:00Z");
        let day_91 = id("2023-12-06T00:00:00Z");
        assert!(!Metric::Impressions.is_too_old_on(Endpoint::Totals, day_90, now));
        assert!(Metric::Impressions.is_too_old_on(Endpoint::Totals, day_91, now));
        assert!(!Metric::Impressions.is_too_old_on(Endpoint::Historical, day_91, now));
        assert!(!Metric::Favorites.is_too_old_on(Endpoint::Totals, day_91, now));
        for endpoint in Endpoint::ALL {
            assert!(Metric::VideoViews.is_too_old_on(endpoint, "123456789".parse().unwrap(), now));
            assert!(!Metric::VideoViews.is_too_old_on(endpoint, day_91, now));
        }
    }

    #[test]
    fn the_floor_is_a_time() {
        assert_eq!(history_floor().to_string(), HISTORY_FLOOR);
    }

    proptest! {
        #[test]
        fn any_name_survives(name in ".{0,60}") {
            let metric = Metric::named(&name);
            prop_assert_eq!(metric.name(), name.as_str());
            let _ = name.parse::<Metric>().map_err(|error| error.to_string());
        }

        #[test]
        fn edit_distance_is_a_distance(a in "[a-c]{0,6}", b in "[a-c]{0,6}", c in "[a-c]{0,6}") {
            let d = |x: &str, y: &str| edit_distance(x.as_bytes(), y.as_bytes());
            prop_assert_eq!(d(&a, &b) == 0, a == b);
            prop_assert_eq!(d(&a, &b), d(&b, &a));
            prop_assert!(d(&a, &c) <= d(&a, &b) + d(&b, &c));
        }
    }
}
