//! A stream of outcomes and its reader, who may be slow, go away or have enough.
//!
//! The clock is paused, and so connections go through memory.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engagement::{
    Builder, Metrics, Outcomes, ProblemKind,
    model::{Endpoint, Metric, State},
    transport::Quota,
};
use engagement_emulator::{Class, Faults};
use engagement_tests::{Asked, Haul, Stage};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};

/// What is in flight comes to its end while nobody reads, and nothing else is begun.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_makes_nothing_fail() {
    let stage = set(r#"{"delay_ms":600}"#).await;
    let ids = stage.emulator.tweets(Class::Owned, None, 1_000);
    let client = in_memory(&stage).concurrency(2).timeout(Duration::from_secs(1)).build().unwrap();
    let mut outcomes = client.totals(ids.clone()).send().unwrap();
    let mut haul = at_once(&mut outcomes);
    for begun in [2, 2, 3] {
        sleep(Duration::from_secs(60)).await;
        assert_eq!(stage.requests(), begun);
        haul.rows.extend(outcomes.next().await.unwrap().rows);
    }
    let rest = Haul::rest_of(outcomes).await;
    haul.rows.extend(rest.rows);
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert!(haul.states().values().all(|state| *state == State::Ok));
    assert_eq!((rest.effort.requests, rest.effort.retries), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_keeps_no_quota_from_others() {
    let stage = set("").await;
    let ids = stage.emulator.tweets(Class::Owned, None, 500);
    let client = in_memory(&stage).concurrency(1).quota(Quota::seeded(Some(1), 1)).build().unwrap();
    let mut unread = client.totals(ids.clone()).send().unwrap();
    at_once(&mut unread);
    sleep(Duration::from_secs(1)).await;
    assert!(!at_once(&mut unread).rows.is_empty(), "now its second request waits for a turn");
    let read = timeout(Duration::from_secs(600), Haul::of(client.totals(ids[..1].to_vec()))).await;
    assert_eq!(read.unwrap().states(), BTreeMap::from([(ids[0], State::Ok)]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_was_taken_and_not_sent() {
    let stage = set("").await;
    let ids = stage.emulator.tweets(Class::Owned, None, 500);
    let quota = Quota::seeded(Some(1), 1);
    let client = in_memory(&stage).concurrency(2).quota(quota).max_requests(2).build().unwrap();
    let mut outcomes = client.totals(ids.clone()).send().unwrap();
    at_once(&mut outcomes);
    sleep(Duration::from_secs(1)).await;
    outcomes.stop("enough");
    let stopped = Haul::rest_of(outcomes).await;
    assert_eq!(stopped.effort.requests, 1, "the other waited for its turn");
    let haul = Haul::of(client.totals(ids)).await;
    assert_eq!((haul.effort.requests, haul.problem_kinds()), (1, vec![ProblemKind::Quota]));
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_stop_is_told() {
    let stage = set(r#"{"nth":2,"delay_ms":20000}"#).await;
    let ids = stage.emulator.tweets(Class::Owned, None, 750);
    let client = in_memory(&stage).concurrency(2).build().unwrap();
    let mut outcomes = client.totals(ids.clone()).send().unwrap();
    let free = at_once(&mut outcomes);
    sleep(Duration::from_secs(1)).await;
    outcomes.stop("enough");
    let mut haul = Haul::rest_of(outcomes).await;
    haul.rows.extend(free.rows);
    let asked = Asked::totals(&ids, Endpoint::Totals.metrics());
    assert_eq!(asked.check(&haul, &stage.emulator), Ok(()));
    assert_eq!(haul.states().into_values().filter(|state| *state == State::Ok).count(), 250);
    let lost = BTreeMap::from([("not answered: enough", 250 * 7), ("not asked: enough", 250 * 7)]);
    assert_eq!(reasons(&haul, State::Unaccounted), lost);
    assert_eq!(haul.problem_kinds(), [ProblemKind::Stopped]);
    assert_eq!((haul.effort.requests, haul.effort.retries), (2, 0));
}

/// A refusal tells of some Tweets, and the others are on their way again.
#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_recovery_keeps_what_is_final() {
    let stage = set(r#"{"nth":2,"delay_ms":20000}"#).await;
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 2);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 1));
    let client = in_memory(&stage).build().unwrap();
    let metrics = vec![Metric::Impressions];
    let mut outcomes = client.totals(ids.clone()).metrics(Metrics::Named(metrics.clone())).send().unwrap();
    let free = at_once(&mut outcomes);
    sleep(Duration::from_secs(1)).await;
    outcomes.stop("enough");
    let mut haul = Haul::rest_of(outcomes).await;
    haul.rows.extend(free.rows);
    assert_eq!(Asked::totals(&ids, metrics).check(&haul, &stage.emulator), Ok(()));
    assert_eq!(haul.states()[&ids[2]], State::Forbidden);
    assert_eq!(reasons(&haul, State::Unaccounted), BTreeMap::from([("not answered: enough", 2)]));
    assert_eq!(haul.effort.requests, 2);
}

async fn set(faults: &str) -> Arc<Stage> {
    let faults = Faults::from_json(&format!("[{faults}]")).unwrap();
    Arc::new(Stage::with(|builder| builder.faults(faults)).await)
}

fn in_memory(stage: &Arc<Stage>) -> Builder {
    stage.client_in_memory().account(stage.account("demo_brand"))
}

/// What can be read without waiting. It begins requests.
fn at_once(outcomes: &mut Outcomes) -> Haul {
    let mut haul = Haul::default();
    while let Some(Some(batch)) = outcomes.next().now_or_never() {
        haul.rows.extend(batch.rows);
    }
    haul
}

/// Why rows of that state have no value, and how many.
fn reasons(haul: &Haul, state: State) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    for row in haul.rows.iter().filter(|row| row.outcome.state() == state) {
        *reasons.entry(row.outcome.reason().unwrap_or_default()).or_default() += 1;
    }
    reasons
}
