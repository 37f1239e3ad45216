//! A request that can be built is one that the API takes, and one that cannot says which rule it breaks.
//!
//! Lines of text: ids, metrics and groupings divided by `;`, then two times.

use engagement_model::{
    Endpoint, Grouping, InvalidRequest, Metric, Request, TweetId, Window,
    metric::{MAX_GROUPINGS, WINDOW_MAX_HOURS},
    request::split_groupings,
};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let mut items = || lines.next().unwrap_or_default().split(';').filter(|item| !item.is_empty());
    let ids: Vec<TweetId> = items().filter_map(id).collect();
    let metrics: Vec<Metric> = items().map(metric).collect();
    let groupings: Vec<Grouping> = items().filter_map(grouping).collect();
    let times: Vec<Timestamp> = items().filter_map(|item| item.parse().ok()).collect();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("it is a time");
    let parts = || (ids.clone(), metrics.clone(), groupings.clone());

    let (a, b, c) = parts();
    check(Request::totals(a, b, c));
    let (a, b, c) = parts();
    check(Request::last_28_hours(a, b, c));
    if let [start, end, ..] = times[..]
        && let Ok(window) = Window::covering(start, end)
    {
        let slices: Vec<Window> = window.slices().take(1_000).collect();
        assert!(slices.iter().all(|slice| slice.len_hours() <= WINDOW_MAX_HOURS), "a slice too long");
        assert!(slices.windows(2).all(|pair| pair[0].end() == pair[1].start()), "a gap between slices");
        assert_eq!(slices.first().map(|slice| slice.start()), Some(window.start()));
        let (a, b, c) = parts();
        check(Request::historical(a, b, c, window, now));
    }
    for endpoint in Endpoint::ALL {
        let Ok(split) = split_groupings(endpoint, groupings.clone()) else { continue };
        assert_eq!(split.iter().map(Vec::len).sum::<usize>(), groupings.len(), "a grouping is lost");
        for part in split {
            assert!(!part.is_empty() && part.len() <= MAX_GROUPINGS, "a part that no request takes");
            assert!(part.iter().filter(|grouping| grouping.is_four_level()).count() <= 1);
        }
    }
}

fn id(text: &str) -> Option<TweetId> {
    let id = text.parse::<TweetId>().ok()?;
    assert_eq!(id.to_string(), text, "an id is written as it is read");
    if let Some(time) = id.created_at() {
        assert!(
            TweetId::first_at(time).is_some_and(|first| first <= id),
            "the time of an id names a later one"
        );
    }
    Some(id)
}

fn metric(text: &str) -> Metric {
    let metric = Metric::named(text);
    assert_eq!(metric.name(), text, "a metric keeps its name");
    match text.parse::<Metric>() {
        Ok(known) => assert_eq!(known, metric),
        Err(error) => assert!(error.to_string().contains("there is no metric")),
    }
    metric
}

fn grouping(text: &str) -> Option<Grouping> {
    match text.parse::<Grouping>() {
        Ok(grouping) => {
            assert_eq!(grouping.to_string().parse(), Ok(grouping.clone()), "a grouping reads back");
            Some(grouping)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// A request has a body with everything in it, once and within the limits.
fn check(request: Result<Request, InvalidRequest>) {
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            let rule = error.rule();
            assert!(rule.starts_with('V') && error.to_string().ends_with(&format!("(rule {rule})")));
            return;
        }
    };
    let body: Value = serde_json::from_str(&request.to_json()).expect("a body is JSON");
    let list = |key: &str| body[key].as_array().expect("it is a list").len();
    assert_eq!(list("tweet_ids"), request.tweet_ids().len());
    assert!((1..=request.endpoint().max_tweet_ids()).contains(&list("tweet_ids")), "too many or no ids");
    assert_eq!(list("engagement_types"), request.metrics().len());
    let names = body["groupings"].as_object().expect("it is an object");
    assert_eq!(names.len(), request.groupings().len(), "two groupings of one name");
    for grouping in request.groupings() {
        assert_eq!(names[grouping.name()]["group_by"].as_array().map(Vec::len), Some(grouping.by().len()));
    }
    assert_eq!(body.get("start").is_some(), request.window().is_some());
}
