//! Hours of service with three requests in ten failing, by a clock that does not wait.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use engagement_transport::{Authorization, Quota, verdict};
use oauth_core::Credentials;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use crate::server::{Reply, Server, answer, gzip, gzipped};

const BODY: &[u8] = b"{\"totals\":{\"1\":{\"favorites\":\"3\"}}}";
const LIMIT: usize = 60;

/// A good answer, or with `share` of probability one of the ways to fail.
fn reply(random: &mut StdRng, share: f64) -> Reply {
    let latency = Duration::from_millis(random.random_range(50..600));
    if random.random::<f64>() >= share {
        return Reply::Late(latency, gzipped(BODY));
    }
    let whole = gzipped(BODY);
    let cut = random.random_range(0..whole.len());
    match random.random_range(0..8) {
        0 => Reply::Reset(whole[..cut].to_vec()),
        1 => Reply::Hang(whole[..cut].to_vec()),
        2 => Reply::Close(answer("200 OK", &[("content-encoding", "gzip")], &gzip(BODY)[..cut % 20])),
        3 => Reply::Late(latency, answer("503 Service Unavailable", &[], b"later")),
        4 => Reply::Late(latency, answer("500 Internal Server Error", &[], b"")),
        5 => Reply::Close(vec![]),
        6 => Reply::Slowly(whole, 1, Duration::from_secs(1)),
        _ => {
            let mut damaged = gzip(BODY);
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x10;
            Reply::Late(latency, answer("200 OK", &[("content-encoding", "gzip")], &damaged))
        }
    }
}

async fn run(seed: u64, hours: u64) {
    let random = Mutex::new(StdRng::seed_from_u64(seed));
    let server = Server::in_memory(move |_, _| reply(&mut random.lock().unwrap(), 0.3));
    let transport = server.builder_in_memory().seed(seed).max_connections(32).build().unwrap();
    let credentials = Credentials::consumer("key", "secret").with_token("token", "token-secret");
    let call = server
        .call()
        .authorization(Authorization::oauth1(&credentials))
        .quota(&Quota::seeded(Some(u32::try_from(LIMIT).unwrap()), seed));
    let begun = Instant::now();
    let end = begun + Duration::from_secs(hours * 3_600);
    let (done, failed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (transport, call) = (transport.clone(), call.clone());
            let (done, failed) = (done.clone(), failed.clone());
            tokio::spawn(async move {
                while Instant::now() < end {
                    let began = Instant::now();
                    let (waited, ended) = match transport.send(&call, verdict::by_status).await {
                        Ok(answer) => {
                            assert_eq!(answer.body, BODY, "a wrong body got through");
                            (answer.waited, &done)
                        }
                        Err(error) => (error.waited(), &failed),
                    };
                    ended.fetch_add(1, Ordering::Relaxed);
                    assert!(began.elapsed() - waited <= Duration::from_secs(135), "a call outlived its time");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let sent: Vec<_> = server.seen().iter().map(|request| request.at).collect();
    let (done, failed) = (done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    println!(
        "seed {seed}: {} requests for {done} answers and {failed} failures in {minutes:.0} minutes",
        sent.len()
    );
    for (first, next) in sent.iter().zip(sent.iter().skip(LIMIT)) {
        assert!(*next - *first > Duration::from_secs(60), "more than {LIMIT} in 60 seconds");
    }
    assert!(sent.len() as f64 <= 1.6 * (done + failed) as f64, "too many requests");
    assert!(failed as f64 <= 0.01 * done as f64, "too many failures");
    assert!(sent.len() as f64 >= 0.95 * minutes * LIMIT as f64, "quota left unused");
}

/// A day for each of three seeds; `SOAK_HOURS` and `SOAK_SEEDS` in the environment make it less or more.
#[test]
fn a_third_of_all_requests_may_fail() {
    let setting = |name, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (hours, seeds) = (setting("SOAK_HOURS", 24), setting("SOAK_SEEDS", 3));
    let next = AtomicU64::new(1);
    let soak = || {
        while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed <= seeds) {
            // A clock of its own.
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(run(seed, hours));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(soak);
        }
    });
}
