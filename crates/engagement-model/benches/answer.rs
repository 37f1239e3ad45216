//! What does decoding cost beside a tree of values, and beside inflating the body?
//!
//! Every check is on: repeated keys, limits, bad values, the account of every Tweet × metric × hour. With `--bench` it
//! measures and fails where a promise is broken; without, it runs once to stay alive.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails, and reports")]

mod bodies;

use std::{hint::black_box, io::Read as _, process::ExitCode, time::Duration};

use bodies::Case;
use cpu_time::ThreadTime;
use engagement_model::{Answer, Metric, Outcome, Row, TweetId, UtcHour, Window, answer::Limits};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

fn main() -> ExitCode {
    let measures = std::env::args().any(|arg| arg == "--bench");
    let rounds = if measures { 12 } else { 1 };
    let mut ok = true;
    let mut promise = |what: &str, ratio: f64, bound: f64| {
        println!("  {what}: {ratio:.2}, promised {bound}");
        ok &= !measures || ratio >= bound;
    };

    let case = bodies::historical();
    println!("historical, 25 × 17 × 672: {} bytes, {} rows", case.body.len(), case.rows);
    let [ours, tree] = medians(rounds, [&mut || decode(&case), &mut || walk_value(&case)]);
    report("decoded", ours, &case);
    report("walked through a Value", tree, &case);
    promise("times as fast as a Value", ratio(tree, ours), 6.0);

    let gzip = bodies::gzip(&case.body);
    let [ours, quotes] =
        medians(rounds, [&mut || inflate_and_decode(&gzip, &case), &mut || inflate_and_count_quotes(&gzip)]);
    report("inflated and decoded", ours, &case);
    report("inflated, quotes counted", quotes, &case);
    promise("of the speed of inflating and counting quotes", ratio(quotes, ours), 0.2);

    let case = bodies::totals();
    println!("totals, 250 × 7: {} bytes, {} rows", case.body.len(), case.rows);
    let [ours, tree] = medians(rounds * 20, [&mut || decode(&case), &mut || walk_value(&case)]);
    report("decoded", ours, &case);
    report("walked through a Value", tree, &case);
    promise("times as fast as a Value", ratio(tree, ours), 5.0);

    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn decode(case: &Case) -> Vec<Row> {
    let answer = Answer::decode(&case.request, black_box(&case.body), &Limits::default()).unwrap();
    assert_eq!(answer.rows.len(), case.rows);
    answer.rows
}

/// The rival: the same rows out of a tree, without any of the checks.
fn walk_value(case: &Case) -> Vec<Row> {
    let body: Value = serde_json::from_slice(black_box(&case.body)).unwrap();
    let mut rows = Vec::new();
    for (id, metrics) in body["g"].as_object().unwrap() {
        let id: TweetId = id.parse().unwrap();
        for (name, values) in metrics.as_object().unwrap() {
            let metric = Metric::named(name);
            let mut push = |bucket, value: &Value| {
                let count = value.as_str().unwrap().parse().unwrap();
                rows.push(Row { tweet_id: id, metric: metric.clone(), bucket, outcome: Outcome::Ok(count) });
            };
            let Some(days) = values.as_object() else {
                push(None, values);
                continue;
            };
            for (day, hours) in days {
                let day: jiff::civil::Date = day.parse().unwrap();
                let midnight = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap();
                let midnight = UtcHour::containing(midnight);
                for (hour, value) in hours.as_object().unwrap() {
                    push(Some(Window::hour(midnight.plus(hour.parse().unwrap()))), value);
                }
            }
        }
    }
    assert_eq!(rows.len(), case.rows);
    rows
}

fn inflate_and_decode(gzip: &[u8], case: &Case) -> Vec<Row> {
    let body = inflate(gzip);
    Answer::decode(&case.request, &body, &Limits::default()).unwrap().rows
}

fn inflate_and_count_quotes(gzip: &[u8]) -> Vec<Row> {
    let body = inflate(gzip);
    black_box(body.iter().filter(|byte| **byte == b'"').count());
    Vec::new()
}

fn inflate(gzip: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    MultiGzDecoder::new(black_box(gzip)).read_to_end(&mut body).unwrap();
    body
}

/// The median run of each, taken in turns. Each has some runs in a row, so that it finds the heap as it left it and not
/// as the other did. What becomes of the rows afterwards is not counted: they are what was wanted.
fn medians<const N: usize>(rounds: usize, mut work: [&mut dyn FnMut() -> Vec<Row>; N]) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (times, work) in times.iter_mut().zip(&mut work) {
            for _ in 0..IN_A_ROW {
                let start = ThreadTime::now();
                let rows = work();
                times.push(start.elapsed());
                drop(black_box(rows));
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

fn ratio(slow: Duration, fast: Duration) -> f64 {
    slow.as_secs_f64() / fast.as_secs_f64()
}

fn report(what: &str, time: Duration, case: &Case) {
    let rate = case.body.len() as f64 / time.as_secs_f64() / 1e6;
    println!("  {what}: {time:.2?}, {rate:.0} MB/s");
}

const IN_A_ROW: usize = 4;
