//! What does it cost to plan for a million Tweets of ten thousand owners?
//!
//! At most two seconds in one thread, and 24 bytes for each Tweet beside the list. With `--bench` it measures and fails
//! where a promise is broken; without, it runs once on a small list.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails, and reports")]

use std::{hint::black_box, process::ExitCode};

use allocation_counter::measure;
use cpu_time::ThreadTime;
use engagement_model::{
    Metric, TweetId, UtcHour, Window,
    plan::{Ask, Asker, Plan, Question, Target},
};

fn main() -> ExitCode {
    let measures = std::env::args().any(|arg| arg == "--bench");
    let (tweets, owners) = if measures { (1_000_000, 10_000) } else { (10_000, 100) };
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let year = Window::covering("2025-01-01T00:00:00Z".parse().unwrap(), now).unwrap();
    let mixed = [Metric::Impressions, Metric::Favorites, Metric::VideoViews].as_slice();
    let mut ok = true;
    for (name, target, metrics) in [
        ("totals", Target::Totals, mixed),
        ("auto, lifetime", Target::Auto(None), mixed),
        ("auto, public totals", Target::Auto(None), &[Metric::Favorites]),
        ("historical, one year", Target::Historical(year), mixed),
    ] {
        let asks = asks(tweets, owners, UtcHour::containing(now));
        let (mut requests, mut summary) = (0, None);
        let start = ThreadTime::now();
        let heap = measure(|| {
            let plan = Plan::new(Question::new(target, metrics.iter().cloned(), now), asks).unwrap();
            // A plan is made when its requests have been seen.
            requests = plan.requests().map(|planned| black_box(planned.tweet_ids().len()).min(1)).sum();
            summary = Some(plan.summary(Some(60)));
        });
        let seconds = start.elapsed().as_secs_f64();
        let bytes_a_tweet = heap.bytes_max as f64 / tweets as f64;
        let summary = summary.unwrap();
        println!(
            "{name}: {requests} requests, bound {}; {seconds:.2} s, promised 2; {bytes_a_tweet:.1} bytes a Tweet, \
             promised 24",
            summary.lower_bound
        );
        assert_eq!(requests as u64, summary.requests);
        ok &= !measures || (seconds < 2.0 && bytes_a_tweet <= 24.0);
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// In no order, of all ages up to two years.
fn asks(tweets: u64, owners: u64, now: UtcHour) -> Vec<Ask> {
    let mut dice = 9_u64;
    (0..tweets)
        .map(|n| {
            dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let hours = i32::try_from(dice >> 33).unwrap() % 17_520;
            let first = TweetId::first_at(now.plus(-hours).start()).unwrap();
            let owner = u32::try_from((dice >> 20) % owners).unwrap();
            Ask::new(TweetId::new(first.get() + n).unwrap(), Asker::Owner(owner))
        })
        .collect()
}
