//! Whatever a server sends, the account of what was asked for is whole.
//!
//! The first byte chooses the request, the second the status; the rest is the body.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use engagement_model::{
    Access, Answer, Dimension, Endpoint, Grouping, Metric, Refusal, Request, Row, State, TweetId, UtcHour,
    Window,
    answer::{DecodeError, Limits, Merged, cells::decode_cells},
    recovery::{Attempt, Recovery},
};

pub(crate) fn run(data: &[u8]) {
    let [choice, status, body @ ..] = data else { return };
    let request = &REQUESTS[usize::from(*choice) % REQUESTS.len()];
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    read(request, body);
    read_otherwise(request, body, status);
    recover(request, body, status);
}

/// Reads a body; what is read keeps its promises.
pub(crate) fn read(request: &Request, body: &[u8]) {
    match Answer::decode(request, body, &Limits::default()) {
        Ok(answer) => check(request, &answer),
        Err(error) => assert!(error.to_string().len() < 20_000, "an error as long as a book"),
    }
}

/// The account that every answer owes: each Tweet × metric × hour of the request in exactly one row.
pub(crate) fn check(request: &Request, answer: &Answer) {
    let mut hours: BTreeMap<(TweetId, String), BTreeSet<UtcHour>> = BTreeMap::new();
    let mut rows: BTreeMap<(TweetId, String), Vec<&Row>> = BTreeMap::new();
    for row in &answer.rows {
        assert!(request.tweet_ids().contains(&row.tweet_id), "a Tweet that was not asked for");
        let key = (row.tweet_id, row.metric.to_string());
        for hour in row.bucket.into_iter().flat_map(Window::hours) {
            assert!(hours.entry(key.clone()).or_default().insert(hour), "an hour in two rows");
        }
        rows.entry(key).or_default().push(row);
    }
    for id in request.tweet_ids() {
        for metric in request.metrics() {
            let key = (*id, metric.to_string());
            let rows = rows.get(&key).expect("every cell has a row");
            if answer.unavailable.contains(id) {
                assert!(
                    rows.iter().all(|row| row.outcome.state() == State::Unavailable),
                    "disowned and there"
                );
            }
            match request.window() {
                Some(window) => {
                    let made = id.created_at().map_or(window.start(), UtcHour::containing);
                    let covered = hours.get(&key).expect("rows of a series have buckets");
                    assert!(
                        window.hours().all(|hour| hour < made || covered.contains(&hour)),
                        "an hour in no row"
                    );
                    assert!(covered.iter().all(|hour| window.contains(*hour)), "an hour outside the window");
                }
                None if request.endpoint() == Endpoint::Totals => {
                    assert_eq!(rows.len(), 1, "totals have one row");
                }
                None => {}
            }
        }
    }
    assert!(answer.warnings.len() <= Limits::default().warnings);
    check_survey(request, answer);
}

/// What is known of all rows is true of each.
fn check_survey(request: &Request, answer: &Answer) {
    let has_value = |row: &Row| row.outcome.value().is_some();
    assert!(!answer.survey.has_only_values || answer.rows.iter().all(has_value), "no value after all");
    let order = |row: &Row| (row.tweet_id, row.bucket, row.metric.clone());
    assert!(!answer.survey.is_sorted || answer.rows.is_sorted_by_key(order), "not sorted after all");
    let is_known = |metric| request.metrics().contains(metric) || answer.unasked_metrics.contains(metric);
    assert!(answer.rows.iter().all(|row| is_known(&row.metric)), "a metric from nowhere");
}

/// Reads it in the other ways there are.
pub(crate) fn read_otherwise(request: &Request, body: &[u8], status: u16) {
    let cells = decode_cells(request.groupings(), body, &Limits::default());
    let mut merged = Merged::new(request.groupings());
    let added = merged.add(body, &Limits::default());
    if cells.is_ok() {
        added.expect("what can be decoded can be merged");
        let text = merged.to_string();
        serde_json::from_str::<serde::de::IgnoredAny>(&text).expect("a merged answer is JSON");
        decode_cells(request.groupings(), text.as_bytes(), &Limits::default())
            .expect("a merged answer is an answer");
    }
    let refusal = Refusal::read(status, body);
    let mut letters = refusal.messages.iter().flat_map(|message| message.chars());
    assert!(!letters.any(char::is_control), "words steer a terminal");
}

/// Follows it as a client would that gets the same again and again.
fn recover(request: &Request, body: &[u8], status: u16) {
    let mut open = vec![Attempt::first(request.clone(), Access::Owner)];
    let (mut cells, mut requests) = (BTreeSet::new(), 0);
    while let Some(attempt) = open.pop() {
        requests += 1;
        assert!(requests <= 400, "no end in sight");
        let Recovery { rows, ask_again, .. } = follow(attempt, body, status);
        cells.extend(rows.into_iter().map(|row| (row.tweet_id, row.metric)));
        open.extend(ask_again);
    }
    for id in request.tweet_ids() {
        for metric in request.metrics() {
            assert!(cells.contains(&(*id, metric.clone())), "a cell without an end");
        }
    }
}

fn follow(attempt: Attempt, body: &[u8], status: u16) -> Recovery {
    if status != 200 {
        return attempt.after_refusal(&Refusal::read(status, body));
    }
    match Answer::decode(attempt.request(), body, &Limits::default()) {
        Ok(answer) => attempt.after_answer(answer),
        Err(DecodeError::Refused(refusal)) => attempt.after_refusal(&refusal),
        Err(error) => attempt.after_failure(&error.to_string()),
    }
}

const STATUSES: [u16; 7] = [200, 400, 401, 403, 404, 429, 500];

/// Every legal grouping, called `g`, on every endpoint that takes it.
static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(|| {
    let ids = [7, 1_500_000_000_000_000_601, 1_763_000_000_000_000_001];
    let ids = ids.map(|id| TweetId::new(id).expect("it is in range"));
    let metrics = [Metric::Impressions, Metric::VideoViews];
    let start = UtcHour::from_epoch(474_982).expect("it is in range");
    let window = Window::new(start, start.plus(5)).expect("it has five hours");
    let now = window.end().start();
    let mut requests = Vec::new();
    let mut orders: Vec<Vec<Dimension>> = vec![Vec::new()];
    while let Some(order) = orders.pop() {
        for next in Dimension::ALL.into_iter().filter(|next| !order.contains(next)) {
            let longer: Vec<Dimension> = order.iter().copied().chain([next]).collect();
            orders.push(longer.clone());
            let Ok(grouping) = Grouping::new("g", longer) else { continue };
            let again = [grouping.clone()];
            requests.extend(Request::historical(ids, metrics.clone(), again.clone(), window, now));
            requests.extend(Request::last_28_hours(ids, metrics.clone(), again.clone()));
            requests.extend(Request::totals(ids, metrics.clone(), again));
        }
    }
    requests
});
