//! What the network does to a connection does not show in the rows, and what it does to all of them ends in time.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::{Duration, Instant},
};

use engagement::{
    Builder, Client, Metrics, ProblemKind, Query, Resolution,
    model::{Endpoint, Metric, State, TweetId, Window},
};
use engagement_emulator::Class;
use engagement_tests::{Asked, End, FaultProxy, Haul, Stage, Way, Wire, hour};

/// Every offset of request and answer; a reset there is followed by a second query on the same client, which meets what
/// the first one left in the pool.
#[tokio::test]
async fn a_reset_at_every_byte_of_an_exchange() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 2);
    let asked = Asked::totals(&ids, Endpoint::Totals.metrics());
    let ask = |client: &Client| client.totals(ids.clone());
    let swept = sweep(&stage, &asked, ask, 1).await;
    assert!(swept > 900, "{swept} offsets");
}

/// The same in an answer of many kilobytes, a series: a part of the offsets here, `SWEEP=whole` in the environment for
/// all.
#[tokio::test]
async fn a_reset_in_a_long_answer() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 3);
    let window = Window::new(hour("2026-11-18T05"), hour("2026-11-25T11")).unwrap();
    let metrics = [Metric::Impressions, Metric::Engagements];
    let asked = Asked::series(&ids, metrics.clone(), window, Resolution::Hour);
    let ask =
        |client: &Client| client.historical(ids.clone(), window).metrics(Metrics::Named(metrics.to_vec()));
    let stride = if std::env::var("SWEEP").is_ok_and(|sweep| sweep == "whole") { 1 } else { 211 };
    let swept = sweep(&stage, &asked, ask, stride).await;
    assert!(swept * stride > 3_000, "{swept} offsets");
}

/// Resets the first connection at every `stride`th byte of one exchange, in either direction. Returns how many those were.
async fn sweep(stage: &Stage, asked: &Asked, ask: impl Fn(&Client) -> Query, stride: u64) -> u64 {
    let (to_server, to_client) = {
        let proxy = FaultProxy::before(stage.emulator.addr(), |_| Wire::default()).await;
        let haul = Haul::of(ask(&through(&proxy, stage).build().unwrap())).await;
        asked.check(&haul, &stage.emulator).unwrap();
        proxy.passed()[0]
    };
    let offsets = |length: u64| (0..length).step_by(usize::try_from(stride).unwrap()).chain([length]);
    let reset = |at| Way { end: Some(End::Reset(at)), ..Way::default() };
    let up = offsets(to_server).map(|at| Wire::to_server(reset(at)));
    let down = offsets(to_client).map(|at| Wire::to_client(reset(at)));
    let mut swept = 0;
    for fault in up.chain(down) {
        let proxy = FaultProxy::before(stage.emulator.addr(), first(fault)).await;
        let client = through(&proxy, stage).build().unwrap();
        for query in 1..=2 {
            let haul = Haul::of(ask(&client)).await;
            assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "query {query}, {fault:?}");
            assert!(haul.problems.is_empty(), "query {query}, {fault:?}: {:?}", haul.problems);
            assert!(haul.states().values().all(|state| *state == State::Ok), "query {query}, {fault:?}");
            assert!(haul.effort.requests <= 2, "query {query}, {fault:?}: {:?}", haul.effort);
        }
        // One that was reset, and one in its place for all the rest.
        assert_eq!(proxy.connections(), 2, "{fault:?}");
        swept += 1;
    }
    assert_eq!(stage.emulator.counters().panics, 0);
    swept
}

/// As many connections as requests in flight, and when those are open no other.
#[tokio::test]
async fn connections_are_as_many_as_requests_in_flight() {
    let (stage, ids) = set(2_000).await;
    let latency = Way { latency: Duration::from_millis(2), ..Way::default() };
    let proxy = FaultProxy::before(stage.emulator.addr(), move |_| Wire::to_client(latency)).await;
    let client = through(&proxy, &stage).concurrency(4).build().unwrap();
    for query in 1..=3 {
        let haul = Haul::of(client.totals(ids.iter().copied())).await;
        assert_eq!((haul.effort.requests, haul.effort.retries), (8, 0));
        assert_eq!(proxy.connections(), 4, "query {query}");
    }
}

#[tokio::test]
async fn connections_may_be_fewer_than_requests_in_flight() {
    let (stage, ids) = set(2_000).await;
    let proxy = FaultProxy::before(stage.emulator.addr(), |_| Wire::default()).await;
    let client = through(&proxy, &stage).concurrency(8).transport(|transport| transport.max_connections(2));
    check_nothing_shows(&stage, &proxy, &ids, client, 0).await;
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn an_exchange_in_single_bytes() {
    let (stage, ids) = set(20).await;
    let slice = Way { slice: NonZeroUsize::new(1), ..Way::default() };
    let proxy = FaultProxy::before(stage.emulator.addr(), move |_| Wire::both(slice)).await;
    check_nothing_shows(&stage, &proxy, &ids, through(&proxy, &stage), 0).await;
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_line_that_is_long_and_thin() {
    let (stage, ids) = set(20).await;
    let latency = Duration::from_millis(20);
    let way = Way { latency, bandwidth: NonZeroU32::new(20_000), ..Way::default() };
    let proxy = FaultProxy::before(stage.emulator.addr(), move |_| Wire::both(way)).await;
    let begun = Instant::now();
    check_nothing_shows(&stage, &proxy, &ids, through(&proxy, &stage), 0).await;
    assert!(begun.elapsed() >= latency * 2, "the line is not long");
    assert_eq!(proxy.connections(), 1);
}

/// Too slow to be of use, in either part of an answer or in the request: given up, and asked again.
#[tokio::test]
async fn a_trickle_is_given_up_and_asked_again() {
    let (stage, ids) = set(20).await;
    let trickle = Way { bandwidth: NonZeroU32::new(500), ..Way::default() };
    for wire in [Wire::to_client(trickle), Wire::to_server(trickle)] {
        let proxy = FaultProxy::before(stage.emulator.addr(), first(wire)).await;
        check_nothing_shows(&stage, &proxy, &ids, through(&proxy, &stage).transport(hasty), 1).await;
    }
}

#[tokio::test]
async fn silence_is_given_up_and_asked_again() {
    let (stage, ids) = set(2).await;
    let silences = [
        Wire::to_server(silent(0)),
        Wire::to_server(silent(300)),
        Wire::to_client(silent(0)),
        Wire::to_client(silent(10)),
        Wire::to_client(silent(200)),
    ];
    for wire in silences {
        let proxy = FaultProxy::before(stage.emulator.addr(), first(wire)).await;
        check_nothing_shows(&stage, &proxy, &ids, through(&proxy, &stage).transport(hasty), 1).await;
        assert_eq!(proxy.connections(), 2, "{wire:?}");
    }
}

/// Nothing ever comes to an end by itself here, so every call lasts as long as its limit lets it and no longer.
#[tokio::test]
async fn no_call_outlives_its_limit() {
    let (stage, ids) = set(2).await;
    let trickle = Way { bandwidth: NonZeroU32::new(100), ..Way::default() };
    let kinds = [
        Wire::to_server(silent(0)),
        Wire::to_client(silent(0)),
        Wire::to_client(silent(150)),
        Wire::to_client(trickle),
    ];
    let proxy = FaultProxy::before(stage.emulator.addr(), move |n| kinds[n % kinds.len()]).await;
    let limit = Duration::from_secs(2);
    let client = through(&proxy, &stage)
        .concurrency(8)
        .transport(|transport| {
            transport.attempt_timeout(limit / 3).stall_timeout(limit / 4).total_timeout(limit)
        })
        .build()
        .unwrap();
    let calls = (0..8).map(|_| async {
        let begun = Instant::now();
        let haul = Haul::of(client.totals(ids.clone())).await;
        (begun.elapsed(), haul)
    });
    for (elapsed, haul) in futures_util::future::join_all(calls).await {
        assert!(elapsed <= limit.mul_f64(1.1), "{elapsed:?}");
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        assert!(haul.states().values().all(|state| *state == State::Failed), "{:?}", haul.states());
        assert_eq!(haul.problem_kinds(), [ProblemKind::Network]);
        assert!(haul.problems[0].retryable && haul.effort.requests >= 2, "{haul:?}");
    }
}

/// A Tweet each, so that there are many calls; two connections in five die somewhere in their first exchanges.
#[tokio::test]
async fn connections_that_die_at_random() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Over90, None, 200);
    let dies = |n: usize| {
        // Any sequence without a pattern does.
        let chance = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let end = End::Reset(chance % 5_003);
        match chance % 5 {
            0 => Wire::to_server(Way { end: Some(end), ..Way::default() }),
            1 => Wire::to_client(Way { end: Some(end), slice: NonZeroUsize::new(97), ..Way::default() }),
            _ => Wire::default(),
        }
    };
    let proxy = FaultProxy::before(stage.emulator.addr(), dies).await;
    let client = through(&proxy, &stage).build().unwrap();
    let window = Window::new(hour("2026-09-01T00"), hour("2026-11-25T11")).unwrap();
    let query = client.historical(ids.clone(), window).resolution(Resolution::Day);
    let haul = Haul::of(query.metrics(Metrics::Named(vec![Metric::UrlClicks]))).await;
    let asked = Asked::series(&ids, [Metric::UrlClicks], window, Resolution::Day);
    asked.check(&haul, &stage.emulator).unwrap();
    assert!(haul.problems.is_empty(), "{:?}", haul.problems);
    assert!(haul.effort.retries > 0 && haul.effort.requests <= 2 * 8 * 4, "{:?}", haul.effort);
}

/// Asks once, and holds what came against the truth.
async fn check_nothing_shows(
    stage: &Stage,
    proxy: &FaultProxy,
    ids: &[TweetId],
    client: Builder,
    retries: u64,
) {
    let haul = Haul::of(client.build().unwrap().totals(ids.iter().copied())).await;
    assert_eq!(Asked::totals(ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator), Ok(()));
    assert!(haul.states().values().all(|state| *state == State::Ok), "{:?}", haul.states());
    assert_eq!((haul.problems, haul.effort.retries), (vec![], retries), "{:?}", proxy.passed());
}

async fn set(count: usize) -> (Stage, Vec<TweetId>) {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, count);
    (stage, ids)
}

/// The first connection is spoilt, and no other.
fn first(wire: Wire) -> impl Fn(usize) -> Wire {
    move |number| if number == 0 { wire } else { Wire::default() }
}

fn silent(after: u64) -> Way {
    Way { end: Some(End::Silence(after)), ..Way::default() }
}

/// A client of `demo_brand` whose connections go through the proxy.
fn through(proxy: &FaultProxy, stage: &Stage) -> Builder {
    stage.client().account(stage.account("demo_brand")).base_url(proxy.url())
}

/// Gives up soon.
fn hasty(transport: engagement::transport::Builder) -> engagement::transport::Builder {
    let soon = Duration::from_millis(300);
    transport.attempt_timeout(soon).stall_timeout(soon / 2)
}
