//! A stream of outcomes and its reader, who may be slow, go away or have enough.
//!
//! The clock is paused, and so connections go through memory.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engagement::{
    Builder, Metrics, Outcomes, ProblemKind,
    model::{Endpoint, Metric, State},
    transport::{Event, Quota},
};
use engagement_emulator::{Class, Faults};
use engagement_tests::{Asked, Haul, Stage};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    runtime::Runtime,
    sync::Semaphore,
    time::{sleep, timeout},
};

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

/// Who catches it may go on: what was not answered for it is accounted for by a stop.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_hook_reaches_the_reader() {
    let stage = set("").await;
    let ids = stage.emulator.tweets(Class::Owned, None, 1_000);
    for concurrency in [1, 2] {
        let first = AtomicBool::new(true);
        let client = in_memory(&stage).concurrency(concurrency).on_event(move |_| {
            if first.swap(false, Ordering::SeqCst) {
                std::panic::panic_any("a hook's own");
            }
        });
        let mut outcomes = client.build().unwrap().totals(ids.clone()).send().unwrap();
        let mut haul = at_once(&mut outcomes);
        let panic = loop {
            match AssertUnwindSafe(outcomes.next()).catch_unwind().await {
                Ok(batch) => haul.rows.extend(batch.expect("one of four requests is not answered").rows),
                Err(panic) => break panic,
            }
        };
        assert_eq!(panic.downcast_ref(), Some(&"a hook's own"));
        while let Some(batch) = outcomes.next().await {
            haul.rows.extend(batch.rows);
        }
        outcomes.stop("enough");
        haul.rows.extend(Haul::rest_of(outcomes).await.rows);
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        let why: Vec<_> = reasons(&haul, State::Unaccounted).into_keys().collect();
        assert_eq!(why, ["not answered: enough"]);
        let unaccounted = haul.states().into_values().filter(|state| *state == State::Unaccounted);
        assert_eq!(unaccounted.count(), 250, "one request's");
    }
}

/// Nobody is left to see them through, and nothing is lost all the same.
#[test]
fn requests_end_with_their_runtime_and_are_accounted_for() {
    let (servers, stage) = (runtime(), set(r#"{"delay_ms":600000}"#));
    let stage = servers.block_on(stage);
    let ids = stage.emulator.tweets(Class::Owned, None, 750);
    let sent = Arc::new(Semaphore::new(0));
    let count = sent.clone();
    let client = stage.client().account(stage.account("demo_brand")).concurrency(2).on_event(move |event| {
        if matches!(event, Event::Sending { .. }) {
            count.add_permits(1);
        }
    });
    let client = client.build().unwrap();
    let first = runtime();
    let mut outcomes = client.totals(ids.clone()).send().unwrap();
    let mut haul = first.block_on(async {
        let haul = at_once(&mut outcomes);
        sent.acquire_many(2).await.unwrap().forget();
        haul
    });
    drop(first);
    let rest = runtime().block_on(Haul::rest_of(outcomes));
    haul.rows.extend(rest.rows);
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert_eq!(rest.effort.requests, 2);
    let unaccounted = reasons(&haul, State::Unaccounted);
    let why: Vec<_> = unaccounted.keys().copied().collect();
    assert_eq!(why, ["not answered: the runtime has shut down", "not asked: the runtime has shut down"]);
}

#[test]
fn each_answer_may_be_read_in_a_runtime_of_its_own() {
    let (servers, stage) = (runtime(), set(""));
    let stage = servers.block_on(stage);
    let ids = stage.emulator.tweets(Class::Owned, None, 750);
    let client = stage.client().account(stage.account("demo_brand")).concurrency(1).build().unwrap();
    let mut outcomes = client.totals(ids.clone()).send().unwrap();
    let mut haul = Haul::default();
    // Each is gone before the next begins. The first batch may be of what costs no request.
    while outcomes.effort().requests < 2 {
        haul.rows.extend(runtime().block_on(outcomes.next()).unwrap().rows);
    }
    haul.rows.extend(runtime().block_on(Haul::rest_of(outcomes)).rows);
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert!(haul.states().values().all(|state| *state == State::Ok));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
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
