//! A day of service with three requests in ten failing, by a clock that does not wait: whole queries, whose Tweets, states
//! and values are held against what was asked and what is true.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use engagement::{
    Metrics, Resolution,
    model::{Metric, State, Window},
    transport::{Clock, Event, Quota},
};
use engagement_emulator::{Class, Faults};
use engagement_tests::{Asked, Haul, Stage, hour};
use tokio::time::{Instant, sleep};

/// The machine's clock, as it would be by the runtime's.
#[derive(Clone)]
struct Running {
    from: SystemTime,
    since: Instant,
}

impl Clock for Running {
    fn now(&self) -> SystemTime {
        self.from + self.since.elapsed()
    }
}

/// About three requests in ten fail: every so many one way, by numbers that seldom meet. Which way is how frequent differs
/// with the seed.
fn faults(seed: u64) -> Faults {
    let mut ways = [
        r#""status":503"#,
        r#""drop":true"#,
        r#""truncate_gzip":true"#,
        r#""reset_after_bytes":300"#,
        r#""body":"<html>Please log in</html>""#,
        r#""status":429,"header":{"retry-after":"3"}"#,
        r#""body":{"errors":[{"code":88,"message":"Rate limit exceeded"}]},"header":{"retry-after":"2"}"#,
        r#""body":{"errors":["internal server error"]}"#,
        r#""status":500,"header":{"x-per-minute-remaining":"-1","x-per-minute-reset":"soon"}"#,
        // Longer than an attempt may take.
        r#""delay_ms":45000"#,
    ];
    let turn = usize::try_from(seed).unwrap() % ways.len();
    ways.rotate_left(turn);
    let every = [17, 19, 23, 29, 31, 37, 41, 43, 47, 53];
    let list: Vec<String> =
        ways.iter().zip(every).map(|(way, every)| format!(r#"{{"every":{every},{way}}}"#)).collect();
    Faults::from_json(&format!("[{}]", list.join(","))).unwrap()
}

#[expect(clippy::print_stdout, reason = "the figure is told with its seed")]
async fn run(seed: u64, hours: u64) {
    let stage = Stage::with(|builder| builder.seed(seed).quota(LIMIT).faults(faults(seed))).await;
    let stage = Arc::new(stage);
    let clock = Running { from: stage.clock().now(), since: Instant::now() };
    // The emulator's quota, its dates and its judgement of signatures go by the same time.
    let (ticking, time) = (stage.clone(), clock.clone());
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(200)).await;
            ticking.emulator.freeze_clock(time.now().try_into().unwrap()).unwrap();
        }
    });
    let sent = Arc::<Mutex<Vec<Instant>>>::default();
    let heard = sent.clone();
    let client = stage
        .client_in_memory()
        .clock(clock)
        .account(stage.account("demo_brand"))
        .concurrency(IN_FLIGHT)
        .quota(Quota::seeded(Some(LIMIT), seed))
        .on_event(move |event| {
            if let Event::Sending { .. } = event {
                heard.lock().unwrap().push(Instant::now());
            }
        })
        .transport(|transport| transport.seed(seed))
        .build()
        .unwrap();
    let window = Window::new(hour("2026-09-01T00"), hour("2026-09-02T00")).unwrap();
    let ids = stage.emulator.tweets(Class::Over90, Some("demo_brand"), 2_000);
    let (begun, next) = (Instant::now(), Arc::<AtomicU64>::default());
    let end = begun + Duration::from_secs(hours * 3_600);
    let (asked, failed) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let readers: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, stage, ids, next) = (client.clone(), stage.clone(), ids.clone(), next.clone());
            let (asked, failed) = (asked.clone(), failed.clone());
            tokio::spawn(async move {
                while Instant::now() < end {
                    let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    let ids = ids[at * 2 % ids.len()..][..2].to_vec();
                    let query = client.historical(ids.clone(), window).resolution(Resolution::Total);
                    let haul = Haul::of(query.metrics(Metrics::Named(vec![Metric::UrlClicks]))).await;
                    let expected = Asked::series(&ids, [Metric::UrlClicks], window, Resolution::Total);
                    assert_eq!(expected.check(&haul, &stage.emulator), Ok(()));
                    asked.fetch_add(1, Ordering::Relaxed);
                    let states = haul.states();
                    let is_ok = states.values().all(|state| *state == State::Ok);
                    assert!(is_ok || states.values().all(|state| *state == State::Failed), "{states:?}");
                    failed.fetch_add(u64::from(!is_ok), Ordering::Relaxed);
                }
            })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap();
    }
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let sent = sent.lock().unwrap();
    let (asked, failed) = (asked.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    let answered = stage.answered(engagement::model::Endpoint::Historical);
    println!(
        "seed {seed}: {} requests for {asked} queries, {failed} failed, {minutes:.0} minutes: {answered:?}",
        sent.len()
    );
    let limit = usize::try_from(LIMIT).unwrap();
    for (first, next) in sent.iter().zip(sent.iter().skip(limit)) {
        assert!(*next - *first > Duration::from_secs(60), "more than {LIMIT} in 60 seconds");
    }
    assert!(sent.len() as f64 <= 1.6 * asked as f64, "too many requests");
    assert!(failed as f64 <= 0.01 * asked as f64, "too many failures");
    assert_eq!(answered.get("401"), None, "a signature was repeated or too old");
}

/// A day for each of three seeds; `SOAK_HOURS` and `SOAK_SEEDS` in the environment make it less or more.
#[test]
fn a_day_in_which_three_requests_in_ten_fail() {
    let setting = |name, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (hours, seeds) = (setting("SOAK_HOURS", 24), setting("SOAK_SEEDS", 3));
    let next = AtomicU64::new(1);
    let soak = || {
        while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed <= seeds) {
            // A clock of its own.
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            runtime.unwrap().block_on(run(seed, hours));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(soak);
        }
    });
}

/// Requests a minute, of client and server alike.
const LIMIT: u32 = 60;
/// Queries under way at a time.
const IN_FLIGHT: usize = 32;
