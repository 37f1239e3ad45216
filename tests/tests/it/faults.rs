//! What goes wrong on the way does not show in the rows: each Tweet once, each value true.
//!
//! The emulator looks at a request before a fault spoils its answer, and answers 401 to a nonce that it has seen. That no
//! 401 comes is the proof that every attempt was signed anew.

use std::{collections::BTreeMap, sync::Arc};

use engagement::{
    Client, Metrics, ProblemKind, Resolution,
    model::{Endpoint, Metric, State, TweetId, Window},
};
use engagement_emulator::{Class, Faults};
use engagement_tests::{Asked, Haul, Stage, hour};

/// Faults that pass, each with the status under which the emulator counts what it spoils.
const PASSING: [(&str, &str, &str); 10] = [
    ("500", r#""status":500"#, "500"),
    ("502 from a proxy", r#""status":502,"body":"<html>Proxy Error</html>""#, "502"),
    ("503", r#""status":503,"body":"""#, "503"),
    ("a gzip without its trailer", r#""truncate_gzip":true"#, "200"),
    ("a gzip cut in its middle", r#""truncate_gzip":500"#, "200"),
    ("a reset in the head", r#""reset_after_bytes":40"#, "200"),
    ("a reset in the body", r#""reset_after_bytes":400"#, "200"),
    ("no answer", r#""drop":true"#, "dropped"),
    ("a page instead of JSON", r#""body":"<html>Please log in</html>""#, "200"),
    ("an error instead of data", r#""body":{"errors":["internal server error"]}"#, "200"),
];

#[tokio::test]
async fn what_passes_does_not_show() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 700);
    for (name, fault, status) in PASSING {
        let before = stage.answered(Endpoint::Totals);
        stage.emulator.set_faults(faults(&format!(
            r#"{{"endpoint":"totals","nth":1,{fault}}},{{"endpoint":"totals","nth":3,{fault}}}"#
        )));
        let haul = Haul::of(stage.owner().totals(ids.clone())).await;
        let asked = Asked::totals(&ids, Endpoint::Totals.metrics());
        assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "{name}");
        check_states(&haul);
        assert!(haul.problems.is_empty(), "{name}: {:?}", haul.problems);
        assert_eq!((haul.effort.requests, haul.effort.retries), (5, 2), "{name}");
        let mut answered = BTreeMap::from([("200".to_owned(), 3)]);
        *answered.entry(status.to_owned()).or_default() += 2;
        assert_eq!(since(&before, &stage), answered, "{name}");
    }
}

#[tokio::test]
async fn what_passes_does_not_show_in_series() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Over90, None, 30);
    let window = Window::new(hour("2026-10-01T05"), hour("2026-11-25T11")).unwrap();
    let metrics = [Metric::Impressions, Metric::UrlClicks];
    for (name, fault, _) in PASSING {
        stage.emulator.set_faults(faults(&format!(
            r#"{{"endpoint":"historical","nth":2,{fault}}},{{"endpoint":"historical","nth":4,{fault}}}"#
        )));
        let query = stage.owner().historical(ids.clone(), window).resolution(Resolution::Day);
        let haul = Haul::of(query.metrics(Metrics::Named(metrics.to_vec()))).await;
        let asked = Asked::series(&ids, metrics.clone(), window, Resolution::Day);
        assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "{name}");
        check_states(&haul);
        assert_eq!((haul.effort.requests, haul.effort.retries), (6, 2), "{name}");
    }
    assert_eq!(stage.answered(Endpoint::Historical).get("401"), None);
}

#[tokio::test]
async fn every_second_request_fails() {
    for fault in [r#""status":503"#, r#""truncate_gzip":true"#, r#""drop":true"#] {
        let stage = Stage::with(|builder| builder.faults(faults(&format!(r#"{{"every":2,{fault}}}"#)))).await;
        // One request at a time: every second one is then the next one's repetition, or its first.
        let client = stage.client().account(stage.account("demo_brand")).concurrency(1).build().unwrap();
        let mut ids = stage.emulator.tweets(Class::Owned, None, 400);
        ids.extend(stage.emulator.tweets(Class::Unowned, None, 100));
        let haul = Haul::of(client.totals(ids.clone())).await;
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        assert!(haul.states().values().all(|state| *state == State::Ok), "{fault}");
        assert_eq!(stage.answered(Endpoint::Totals).get("401"), None);
        assert_eq!(stage.requests(), haul.effort.requests);
    }
}

#[tokio::test]
async fn a_429_is_waited_out_and_is_no_answer() {
    for refusal in [
        r#""status":429,"body":{"errors":["Rate limit exceeded"]}"#,
        r#""status":200,"body":{"errors":[{"code":88,"message":"Rate limit exceeded"}]}"#,
        r#""status":200,"body":["Rate limit exceeded"]"#,
    ] {
        let stage = Stage::set().await;
        stage
            .emulator
            .set_faults(faults(&format!(r#"{{"nth":2,"header":{{"retry-after":"1"}},{refusal}}}"#)));
        let ids = stage.emulator.tweets(Class::Owned, None, 600);
        let haul = Haul::of(stage.owner().totals(ids.clone())).await;
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        check_states(&haul);
        assert!(haul.problems.is_empty(), "{refusal}: {:?}", haul.problems);
        assert_eq!(stage.requests(), 4, "{refusal}");
        assert!(haul.effort.waited.as_millis() >= 1_000, "{refusal}: {:?}", haul.effort);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_never_comes_says_when_to_come_back() {
    let stage = Arc::new(
        Stage::with(|builder| builder.faults(faults(r#"{"status":429,"header":{"retry-after":"600"}}"#)))
            .await,
    );
    let ids = stage.emulator.tweets(Class::Unowned, None, 2);
    let client = stage.client_in_memory().build().unwrap();
    let haul = Haul::of(client.totals(ids).metrics(Metrics::Named(vec![Metric::Favorites]))).await;
    assert_eq!((haul.problem_kinds(), haul.effort.requests), (vec![ProblemKind::Quota], 3));
    let wait = haul.problems[0].come_back.unwrap().duration_since(client.now()).as_secs();
    assert!((600..=601).contains(&wait), "{wait} s");
}

#[tokio::test]
async fn a_server_that_stays_down_costs_five_requests() {
    for status in [500, 200] {
        let fault = format!(r#"{{"status":{status},"body":{{"errors":["internal server error"]}}}}"#);
        let stage = Stage::with(|builder| builder.faults(faults(&fault))).await;
        let ids = stage.emulator.tweets(Class::Owned, None, 30);
        let haul = Haul::of(stage.owner().totals(ids.clone())).await;
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        assert_eq!(haul.tally(), BTreeMap::from([(State::Failed, 30 * 7)]));
        assert_eq!(haul.problem_kinds(), [ProblemKind::Server]);
        assert!(haul.problems[0].retryable && haul.problems[0].message.contains("internal server error"));
        assert_eq!((stage.requests(), haul.effort.requests, haul.effort.retries), (5, 5, 4));
    }
}

#[tokio::test]
async fn one_batch_that_fails_leaves_the_others_alone() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 700);
    let bad = format!(r#"{{"ids":["{}"],"status":503}}"#, ids[300]);
    for (fault, kind) in [
        (bad, ProblemKind::Server),
        (format!(r#"{{"ids":["{}"],"body":"{{\"engagement\":{{\"7\":"}}"#, ids[300]), ProblemKind::Malformed),
        (format!(r#"{{"ids":["{}"],"drop":true}}"#, ids[300]), ProblemKind::Network),
    ] {
        stage.emulator.set_faults(faults(&fault));
        let haul = Haul::of(stage.app_only().totals(ids.clone())).await;
        let public = Endpoint::Totals.metrics().filter(Metric::is_public);
        Asked::totals(&ids, public).check(&haul, &stage.emulator).unwrap();
        let states = haul.states();
        let failed: Vec<TweetId> =
            states.iter().filter(|(_, state)| **state == State::Failed).map(|(id, _)| *id).collect();
        assert!(
            failed.contains(&ids[300]) && (200..=250).contains(&failed.len()),
            "{fault}: {}",
            failed.len()
        );
        assert_eq!(haul.problem_kinds(), [kind], "{fault}");
    }
}

#[tokio::test]
async fn a_limit_of_requests_holds_with_repetitions() {
    let stage = Stage::with(|builder| builder.faults(faults(r#"{"every":2,"status":503}"#))).await;
    let client: Client = stage.client().concurrency(1).max_requests(5).build().unwrap();
    let ids = stage.emulator.tweets(Class::Unowned, None, 1_000);
    let haul = Haul::of(client.totals(ids.clone())).await;
    let public = Endpoint::Totals.metrics().filter(Metric::is_public);
    Asked::totals(&ids, public).check(&haul, &stage.emulator).unwrap();
    assert_eq!((stage.requests(), haul.effort.requests), (5, 5));
    let states = haul.states();
    let count = |state| states.values().filter(|found| **found == state).count();
    assert_eq!((count(State::Ok), count(State::Unaccounted)), (750, 250));
    assert_eq!(haul.problem_kinds(), [ProblemKind::Quota]);
}

/// Two windows meet within a day. Where one of them is not answered, that day has no count at all.
#[tokio::test]
async fn a_day_of_which_a_part_is_missing_has_no_value() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Over90, None, 3);
    let window = Window::new(hour("2026-10-01T05"), hour("2026-11-25T11")).unwrap();
    let mut whole_days = 0;
    for nth in [1, 2] {
        stage.emulator.set_faults(faults(&format!(r#"{{"nth":{nth},"status":400}}"#)));
        let client = stage.client().account(stage.account("demo_brand")).concurrency(1).build().unwrap();
        let query = client.historical(ids.clone(), window).metrics(Metrics::Named(vec![Metric::UrlClicks]));
        let haul = Haul::of(query.resolution(Resolution::Day)).await;
        let asked = Asked::series(&ids, [Metric::UrlClicks], window, Resolution::Day);
        assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "{nth}");
        assert_eq!((haul.effort.requests, haul.problem_kinds()), (2, vec![ProblemKind::Refused]));
        whole_days += haul.values().filter(|(row, _)| row.tweet_id == ids[0]).count();
    }
    // Of the 56 days those before the cut came once and those after it once.
    assert_eq!(whole_days, 55);
}

/// Answers that look like data and are none: what they do not say is never made up.
#[tokio::test]
async fn answers_that_leave_things_out() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 2);
    let (told, untold) = (ids[0], ids[1]);
    let body = format!(r#"{{"engagement":{{"{told}":{{"favorites":"12","retweets":-1,"replies":null}}}}}}"#);
    let fault = engagement_emulator::Fault { body: Some(body), ..Default::default() };
    stage.emulator.set_faults(Faults::new([fault]).unwrap());
    let haul = Haul::of(stage.owner().totals(ids.clone())).await;
    let values: Vec<_> = haul.values().map(|(row, value)| (row.tweet_id, row.metric.name(), value)).collect();
    assert_eq!(values, [(told, "favorites", 12)]);
    assert_eq!(haul.states(), BTreeMap::from([(told, State::Ok), (untold, State::Unaccounted)]));
    assert_eq!(haul.rows.len(), 14);
    // The Tweet that was passed over was asked for once more.
    assert_eq!(stage.requests(), 2);
}

/// All values came that can come: none is lost to a fault.
fn check_states(haul: &Haul) {
    let tally = haul.tally();
    assert!(tally.keys().all(|state| matches!(state, State::Ok | State::Unsupported)), "{tally:?}");
    assert!(haul.states().values().all(|state| *state == State::Ok));
}

fn faults(list: &str) -> Faults {
    Faults::from_json(&format!("[{list}]")).unwrap()
}

/// The answers on totals since then, by status.
fn since(before: &BTreeMap<String, u64>, stage: &Stage) -> BTreeMap<String, u64> {
    let earlier = |status: &str| before.get(status).copied().unwrap_or(0);
    let now = stage.answered(Endpoint::Totals).into_iter();
    now.map(|(status, count)| (status.clone(), count - earlier(&status)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
