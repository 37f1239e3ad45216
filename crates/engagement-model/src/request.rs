//! Requests that the API takes.

mod body;
mod invalid;

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};

pub use self::invalid::InvalidRequest;
use crate::{
    endpoint::Endpoint,
    grouping::Grouping,
    hour::UtcHour,
    metric::{
        HISTORY_MAX_DAYS, MAX_FOUR_LEVEL_GROUPINGS, MAX_GROUPINGS, Metric, WINDOW_MAX_HOURS, history_floor,
    },
    tweet_id::TweetId,
    window::Window,
};

/// One request, within every limit of its endpoint. Serialises to the body that the API takes.
///
/// ```
/// use engagement_model::{Dimension, Grouping, Metric, Request};
///
/// let by_tweet = Grouping::new("by-tweet", [Dimension::TweetId, Dimension::EngagementType])?;
/// let request = Request::totals(["1763000000000000001".parse()?], [Metric::Favorites], [by_tweet])?;
/// assert_eq!(
///     serde_json::to_string(&request)?,
///     r#"{"tweet_ids":["1763000000000000001"],"engagement_types":["favorites"],"groupings":{"by-tweet":{"group_by":["tweet.id","engagement.type"]}}}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    endpoint: Endpoint,
    tweet_ids: Arc<[TweetId]>,
    metrics: Arc<[Metric]>,
    groupings: Arc<[Grouping]>,
    window: Option<Window>,
    /// The end to send, where the window's own lies ahead: see [`Request::historical`].
    early_end: Option<Timestamp>,
}

impl Request {
    /// A request for lifetime totals.
    ///
    /// This and the other two refuse what the API refuses: too many ids (contract V2, documented) or none (V3,
    /// inferred), no metric (V5, inferred) or a misplaced one (V6, documented), too many or misplaced groupings (V8,
    /// V10, V13, documented), two groupings of one name, which would be one key of the answer (V16, inferred). Ids given
    /// twice are sent once, which is our own choice (V4); so are metrics, which the API has been seen to tolerate (V7).
    pub fn totals(
        tweet_ids: impl IntoIterator<Item = TweetId>,
        metrics: impl IntoIterator<Item = Metric>,
        groupings: impl IntoIterator<Item = Grouping>,
    ) -> Result<Self, InvalidRequest> {
        Lists::collect(tweet_ids, metrics, groupings).totals()
    }

    /// A request for the last 28 hours.
    pub fn last_28_hours(
        tweet_ids: impl IntoIterator<Item = TweetId>,
        metrics: impl IntoIterator<Item = Metric>,
        groupings: impl IntoIterator<Item = Grouping>,
    ) -> Result<Self, InvalidRequest> {
        Lists::collect(tweet_ids, metrics, groupings).last_28_hours()
    }

    /// A request for one window.
    ///
    /// `now` is the server's time as well as it is known: the window may not end in the future (contract 2.3 rule 5,
    /// documented), save that its last hour may be the running one (inferred). The server compares the end as it is
    /// sent and rounds it up afterwards, so for a running hour a time early in that hour is sent. At most
    /// [`WINDOW_MAX_HOURS`] (rule 4, documented): that these are counted after rounding, and that exactly so many are
    /// allowed, are guesses, since no page says (8 no. 36). A window that reaches further back
    /// than [`HISTORY_MAX_DAYS`] is not refused, since the pages disagree: see [`Self::reaches_beyond_365_days`].
    pub fn historical(
        tweet_ids: impl IntoIterator<Item = TweetId>,
        metrics: impl IntoIterator<Item = Metric>,
        groupings: impl IntoIterator<Item = Grouping>,
        window: Window,
        now: Timestamp,
    ) -> Result<Self, InvalidRequest> {
        Lists::collect(tweet_ids, metrics, groupings).historical(window, now)
    }

    /// Where it goes.
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The Tweets, each once, in the order in which they were given.
    pub fn tweet_ids(&self) -> &[TweetId] {
        &self.tweet_ids
    }

    /// The metrics, each once, in the order in which they were given.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    pub(crate) fn shared_metrics(&self) -> Arc<[Metric]> {
        self.metrics.clone()
    }

    /// The groupings: one to three.
    pub fn groupings(&self) -> &[Grouping] {
        &self.groupings
    }

    /// The window, on the historical endpoint.
    pub const fn window(&self) -> Option<Window> {
        self.window
    }

    /// Whether the window begins earlier than the newer documentation says that data reaches. Worth a warning.
    pub fn reaches_beyond_365_days(&self, now: Timestamp) -> bool {
        self.window.is_some_and(|window| reaches_beyond_365_days(window, now))
    }

    /// The same about fewer Tweets and metrics; `None` if none are left. The caller has them from this request.
    pub(crate) fn narrowed(&self, tweet_ids: &[TweetId], metrics: &[Metric]) -> Option<Self> {
        let some_are_left = !tweet_ids.is_empty() && !metrics.is_empty();
        some_are_left.then(|| Self {
            endpoint: self.endpoint,
            tweet_ids: tweet_ids.into(),
            metrics: metrics.into(),
            groupings: self.groupings.clone(),
            ..*self
        })
    }
}

/// What any request is about. Others may have the same lists: they are copied only where something is in one twice.
pub(crate) struct Lists {
    pub(crate) tweet_ids: Arc<[TweetId]>,
    pub(crate) metrics: Arc<[Metric]>,
    pub(crate) groupings: Arc<[Grouping]>,
}

impl Lists {
    fn collect(
        tweet_ids: impl IntoIterator<Item = TweetId>,
        metrics: impl IntoIterator<Item = Metric>,
        groupings: impl IntoIterator<Item = Grouping>,
    ) -> Self {
        Self {
            tweet_ids: tweet_ids.into_iter().collect(),
            metrics: metrics.into_iter().collect(),
            groupings: groupings.into_iter().collect(),
        }
    }

    pub(crate) fn totals(self) -> Result<Request, InvalidRequest> {
        self.request(Endpoint::Totals, None)
    }

    pub(crate) fn last_28_hours(self) -> Result<Request, InvalidRequest> {
        self.request(Endpoint::Last28Hours, None)
    }

    pub(crate) fn historical(self, window: Window, now: Timestamp) -> Result<Request, InvalidRequest> {
        check_range(window, now)?;
        if window.len_hours() > WINDOW_MAX_HOURS {
            return Err(InvalidRequest::WindowTooLong { hours: window.len_hours() });
        }
        let mut request = self.request(Endpoint::Historical, Some(window))?;
        if window.end().start() > now {
            // One second is enough to be rounded up, and leaves room for a server whose clock is behind.
            let early = window.end().plus(-1).start() + SignedDuration::from_secs(1);
            request.early_end = Some(early.min(now));
        }
        Ok(request)
    }

    fn request(self, endpoint: Endpoint, window: Option<Window>) -> Result<Request, InvalidRequest> {
        let tweet_ids = once_each(self.tweet_ids);
        if tweet_ids.is_empty() {
            return Err(InvalidRequest::NoTweetIds);
        }
        if tweet_ids.len() > endpoint.max_tweet_ids() {
            return Err(InvalidRequest::TooManyTweetIds { endpoint, count: tweet_ids.len() });
        }
        let metrics = once_each(self.metrics);
        if metrics.is_empty() {
            return Err(InvalidRequest::NoMetrics);
        }
        if let Some(metric) = metrics.iter().find(|metric| !metric.is_served_by(endpoint)) {
            return Err(InvalidRequest::MisplacedMetric { endpoint, metric: metric.clone() });
        }
        check_groupings(endpoint, &self.groupings)?;
        Ok(Request { endpoint, tweet_ids, metrics, groupings: self.groupings, window, early_end: None })
    }
}

/// Whether a range can be asked for at all, in however many windows: refuses a start before the API's floor
/// (contract 2.3 rule 6, documented) and an end in the future (rule 5, documented).
pub fn check_range(range: Window, now: Timestamp) -> Result<(), InvalidRequest> {
    if range.start() < history_floor() {
        return Err(InvalidRequest::BeforeFloor { start: range.start() });
    }
    let latest = UtcHour::at_or_after(now);
    if range.end() > latest {
        return Err(InvalidRequest::FutureEnd { end: range.end(), latest });
    }
    Ok(())
}

/// Whether a range begins earlier than the newer documentation says that data reaches (contract 2.3 rule 7).
pub fn reaches_beyond_365_days(range: Window, now: Timestamp) -> bool {
    let days = i32::try_from(HISTORY_MAX_DAYS).unwrap_or(i32::MAX);
    range.start() < UtcHour::containing(now).plus(days.saturating_mul(-24))
}

/// Whether a request to the endpoint may carry these groupings together.
fn check_groupings(endpoint: Endpoint, groupings: &[Grouping]) -> Result<(), InvalidRequest> {
    if groupings.is_empty() {
        return Err(InvalidRequest::NoGroupings);
    }
    if groupings.len() > MAX_GROUPINGS {
        return Err(InvalidRequest::TooManyGroupings { count: groupings.len() });
    }
    let count = groupings.iter().filter(|grouping| grouping.is_four_level()).count();
    if count > MAX_FOUR_LEVEL_GROUPINGS {
        return Err(InvalidRequest::TwoFourLevelGroupings { count });
    }
    for (index, grouping) in groupings.iter().enumerate() {
        check_dimensions(endpoint, grouping)?;
        if groupings.iter().skip(index + 1).any(|later| later.name() == grouping.name()) {
            return Err(InvalidRequest::RepeatedGroupingName { name: grouping.name().to_owned() });
        }
    }
    Ok(())
}

/// Divides any number of groupings over as few requests as take them: three in each, one of them of four dimensions
/// (contract V8 and V13, documented). Their answers are put together by [`Merged`](crate::answer::Merged).
///
/// Refuses what no number of requests makes legal: none at all, two of one name, a dimension that the endpoint does
/// not have.
pub fn split_groupings(
    endpoint: Endpoint,
    groupings: impl IntoIterator<Item = Grouping>,
) -> Result<Vec<Vec<Grouping>>, InvalidRequest> {
    let groupings: Vec<Grouping> = groupings.into_iter().collect();
    if groupings.is_empty() {
        return Err(InvalidRequest::NoGroupings);
    }
    let mut names = BTreeSet::new();
    for grouping in &groupings {
        check_dimensions(endpoint, grouping)?;
        if !names.insert(grouping.name()) {
            return Err(InvalidRequest::RepeatedGroupingName { name: grouping.name().to_owned() });
        }
    }
    let count = groupings.len();
    // Those of four dimensions first, each to a request of its own; then there is room for the others in any order.
    let (four_level, others): (Vec<_>, Vec<_>) = groupings.into_iter().partition(Grouping::is_four_level);
    let requests = count.div_ceil(MAX_GROUPINGS).max(four_level.len().div_ceil(MAX_FOUR_LEVEL_GROUPINGS));
    let mut parts: Vec<Vec<Grouping>> = vec![Vec::new(); requests];
    for (part, groupings) in parts.iter_mut().zip(four_level.chunks(MAX_FOUR_LEVEL_GROUPINGS)) {
        part.extend(groupings.iter().cloned());
    }
    let mut others = others.into_iter();
    for part in &mut parts {
        part.extend(others.by_ref().take(MAX_GROUPINGS - part.len()));
    }
    Ok(parts)
}

/// Whether the endpoint can group by all of the grouping's dimensions (contract V10, documented).
pub fn check_dimensions(endpoint: Endpoint, grouping: &Grouping) -> Result<(), InvalidRequest> {
    match grouping.by().iter().find(|dimension| !endpoint.dimensions().contains(dimension)) {
        None => Ok(()),
        Some(&dimension) => Err(InvalidRequest::MisplacedDimension {
            endpoint,
            dimension,
            grouping: grouping.name().to_owned(),
        }),
    }
}

/// The items in order, without those that came before. Most lists ascend, and have each once; others have hundreds of
/// items at most, for which a set would cost more than it saves.
fn once_each<T: Clone + PartialOrd>(items: Arc<[T]>) -> Arc<[T]> {
    if items.is_sorted_by(|a, b| a < b) {
        return items;
    }
    let mut once = Vec::with_capacity(items.len());
    for item in &*items {
        if !once.contains(item) {
            once.push(item.clone());
        }
    }
    if once.len() == items.len() { items } else { once.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grouping::Dimension;

    fn ids(count: u64) -> impl Iterator<Item = TweetId> {
        (0..count).map(|n| TweetId::new(1_763_000_000_000_000_000 + n).unwrap())
    }

    fn grouping(text: &str) -> Grouping {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        "2024-03-08T10:30:00Z".parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window::covering(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    fn historical(window: Window) -> Result<Request, InvalidRequest> {
        Request::historical(ids(1), [Metric::Engagements], [grouping("g=tweet.id")], window, now())
    }

    #[test]
    fn items_stand_once_in_any_order() {
        let ascending = Arc::from([1, 2, 5]);
        assert!(Arc::ptr_eq(&once_each(Arc::clone(&ascending)), &ascending));
        let in_disorder = Arc::from([3, 1, 2]);
        assert!(Arc::ptr_eq(&once_each(Arc::clone(&in_disorder)), &in_disorder));
        assert_eq!(*once_each([1, 2, 2, 5].into()), [1, 2, 5]);
        assert_eq!(*once_each([3, 1, 3, 2, 1, 4, 4, 2].into()), [3, 1, 2, 4]);
    }

    #[test]
    fn writes_the_body_of_the_documentation() {
        let request = Request::historical(
            ids(2),
            [Metric::Impressions, Metric::UrlClicks],
            [grouping("by-tweet=tweet.id,engagement.type")],
            window("2024-03-01T00:00:00Z", "2024-03-08T00:00:00Z"),
            now(),
        )
        .unwrap();
        assert_eq!(
            request.to_json(),
            concat!(
                r#"{"start":"2024-03-01T00:00:00Z","end":"2024-03-08T00:00:00Z","#,
                r#""tweet_ids":["1763000000000000000","1763000000000000001"],"#,
                r#""engagement_types":["impressions","url_clicks"],"#,
                r#""groupings":{"by-tweet":{"group_by":["tweet.id","engagement.type"]}}}"#
            )
        );
    }

    #[test]
    fn collapses_what_is_given_twice() {
        let twice = ids(2).chain(ids(2));
        let metrics = [Metric::Favorites, Metric::VideoViews, Metric::Favorites];
        let request = Request::totals(twice, metrics, [grouping("g=tweet.id")]).unwrap();
        assert_eq!(request.tweet_ids().len(), 2);
        assert_eq!(request.metrics(), [Metric::Favorites, Metric::VideoViews]);
    }

    #[test]
    fn refuses_naming_rule_and_value() {
        let g = || grouping("g=tweet.id,engagement.type");
        let totals = |n, metric, groupings: Vec<Grouping>| {
            Request::totals(ids(n), [metric], groupings).unwrap_err().to_string()
        };
        let check = |message: String, wanted: &str| assert_eq!(message, wanted);
        check(
            totals(251, Metric::Favorites, vec![g()]),
            "a totals request takes at most 250 Tweet ids, not 251 (rule V2)",
        );
        check(totals(0, Metric::Favorites, vec![g()]), "at least one Tweet id is needed (rule V3)");
        check(
            totals(1, Metric::UrlClicks, vec![g()]),
            "totals does not serve url_clicks; it is valid on 28hr, historical (rule V6)",
        );
        check(
            totals(1, Metric::Favorites, vec![grouping("d=engagement.day")]),
            "totals cannot group by engagement.day, as the grouping \"d\" asks; it can by tweet.id, engagement.type \
             (rule V10)",
        );
        check(totals(1, Metric::Favorites, vec![]), "at least one grouping is needed (rule V8)");
        let four = ["a=tweet.id", "b=tweet.id", "c=tweet.id", "d=tweet.id"].map(grouping).to_vec();
        check(totals(1, Metric::Favorites, four), "a request takes at most 3 groupings, not 4 (rule V8)");
        check(
            totals(1, Metric::Favorites, vec![g(), g()]),
            "two groupings are called \"g\", and each needs a name of its own (rule V16)",
        );
        check(
            Request::totals(ids(1), [], [g()]).unwrap_err().to_string(),
            "at least one metric is needed (rule V5)",
        );
        let four_level =
            |name| grouping(&format!("{name}=tweet.id,engagement.type,engagement.day,engagement.hour"));
        check(
            Request::last_28_hours(ids(1), [Metric::Favorites], [four_level("a"), four_level("b")])
                .unwrap_err()
                .to_string(),
            "a request takes at most 1 grouping of four dimensions, not 2 (rule V13)",
        );
        assert!(Request::last_28_hours(ids(26), [Metric::Favorites], [g()]).is_err());
    }

    #[test]
    fn holds_windows_to_their_rules() {
        assert!(historical(window("2024-02-09T00:00:00Z", "2024-03-08T00:00:00Z")).is_ok());
        assert_eq!(
            historical(window("2024-02-08T23:00:00Z", "2024-03-08T00:00:00Z")),
            Err(InvalidRequest::WindowTooLong { hours: 673 })
        );
        // The running hour may be asked for, the next one not.
        assert!(historical(window("2024-03-08T00:00:00Z", "2024-03-08T11:00:00Z")).is_ok());
        assert_eq!(
            historical(window("2024-03-08T00:00:00Z", "2024-03-08T12:00:00Z")).unwrap_err().to_string(),
            "the end 2024-03-08T12:00:00Z lies in the future; it is 2024-03-08T11:00:00Z at the latest (rule V15)"
        );
        assert!(historical(window("2014-09-01T00:00:00Z", "2014-09-02T00:00:00Z")).is_ok());
        assert_eq!(
            historical(window("2014-08-31T23:00:00Z", "2014-09-02T00:00:00Z")).unwrap_err().to_string(),
            "there is no data before 2014-09-01T00:00:00Z, and the start is 2014-08-31T23:00:00Z (rule V15)"
        );
    }

    #[test]
    fn a_running_hour_is_asked_for_by_a_time_inside_it() {
        let running = window("2024-03-08T00:00:00Z", "2024-03-08T11:00:00Z");
        let body = historical(running).unwrap().to_json();
        assert!(body.contains(r#""end":"2024-03-08T10:00:01Z""#), "{body}");
        let past = historical(window("2024-03-08T00:00:00Z", "2024-03-08T10:00:00Z")).unwrap().to_json();
        assert!(past.contains(r#""end":"2024-03-08T10:00:00Z""#), "{past}");
    }

    #[test]
    fn warns_beyond_365_days() {
        let beyond =
            |start: &str, end: &str| historical(window(start, end)).unwrap().reaches_beyond_365_days(now());
        assert!(!beyond("2023-03-09T10:00:00Z", "2023-03-10T00:00:00Z"));
        assert!(beyond("2023-03-09T09:00:00Z", "2023-03-10T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn writes_the_same_bytes_as_serde(
            numbers in proptest::collection::btree_set(prop_oneof![1..=9_999_u64, 1..=i64::MAX.unsigned_abs()], 1..=25),
            unknown in ".{0,12}",
            name in ".{0,12}",
            hours in 1..=672_i32,
            ago in 0..=1_000_i32,
        ) {
            let ids = || numbers.iter().map(|&number| TweetId::new(number).unwrap());
            let metrics = || [Metric::Engagements, Metric::named(&unknown)];
            let by_tweet = Grouping::new(name, [Dimension::TweetId, Dimension::EngagementType]);
            let groupings = || by_tweet.iter().cloned().chain([grouping("g=tweet.id")]);
            let end = UtcHour::at_or_after(now()).plus(-ago);
            let window = Window::new(end.plus(-hours), end).unwrap();
            for request in [
                Request::totals(ids(), [Metric::Favorites], groupings()),
                Request::last_28_hours(ids(), metrics(), groupings()),
                Request::historical(ids(), metrics(), groupings(), window, now()),
            ] {
                // What is refused has no bytes.
                let Ok(request) = request else { continue };
                prop_assert_eq!(request.to_json(), serde_json::to_string(&request).unwrap());
            }
        }
    }
}
