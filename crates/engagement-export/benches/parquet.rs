//! How fast does an hourly series become a Parquet file, and how large is it?
//!
//! ```sh
//! cargo xtask bench -p engagement-export
//! ```
//!
//! One day of the emulator's Tweets, all metrics of the endpoint, from rows in memory to a file in memory. The rival
//! writes the same columns as Arrow does when nobody tells it otherwise, but for zstd 1, since uncompressed it would be
//! no match. Both take turns in one thread, whose CPU time is measured; of each, the median turn counts. The figures that
//! the crate promises are checked: a missed one is marked, and the exit code is 1.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::{env, hint::black_box, process::ExitCode};

use arrow_array::RecordBatch;
use cpu_time::ThreadTime;
use engagement_emulator::{Class, Emulator};
use engagement_export::{Columns as _, Fact, Facts, Order, ParquetFile};
use engagement_model::{Endpoint, Outcome, Row, UtcHour, Window};
use jiff::{SignedDuration, Timestamp};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

fn main() -> ExitCode {
    // Without it cargo only wants to see that the bench runs, and unoptimised at that: there is nothing to judge.
    let measuring = env::args().any(|argument| argument == "--bench");
    let (tweets, turns) = if measuring { (2_600, 11) } else { (10, 1) };
    let series = hourly_series(tweets);
    let rows = series.len();

    let mut ours = Contestant::new("ours", ours);
    let mut rival = Contestant::new("Arrow's defaults, zstd 1", arrow_defaults);
    for _ in 0..turns {
        ours.take_turn(&series);
        rival.take_turn(&series);
    }
    println!("{rows} rows of an hourly series, {tweets} Tweets × 24 h\n");
    println!("{:28} {:>14} {:>12}", "", "million rows/s", "bytes/row");
    for contestant in [&ours, &rival] {
        let (speed, size) = (contestant.speed(rows), contestant.size(rows));
        println!("{:28} {:>14.2} {:>12.3}", contestant.name, speed / 1e6, size);
    }
    println!();
    let kept = [
        promise("rows/s on one core", ours.speed(rows), '≥', 1e6),
        promise("bytes a row", ours.size(rows), '≤', 4.0),
        promise("speed / rival's", ours.speed(rows) / rival.speed(rows), '≥', 0.9),
        promise("size / rival's", ours.size(rows) / rival.size(rows), '≤', 1.0),
    ];
    if !measuring || kept.iter().all(|kept| *kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One day of so many Tweets, in the order of a data set.
fn hourly_series(tweets: usize) -> Vec<Observed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives an event queue");
    let now: Timestamp = "2026-11-25T10:34:56Z".parse().expect("the constant is a time");
    let emulator = runtime.block_on(Emulator::builder().now(now).frozen(true).start());
    let emulator = emulator.expect("loopback has a free port");
    let midnight = UtcHour::containing(now).midnight().plus(-24);
    let day = Window::new(midnight, midnight.plus(24)).expect("a day has hours");
    let mut tweet_ids = emulator.tweets(Class::Owned, Some(OWNER), tweets);
    tweet_ids.sort_unstable();
    let mut series = Vec::new();
    for (index, tweet_id) in tweet_ids.into_iter().enumerate() {
        // The Tweets of one request are answered in one moment.
        let request = i64::try_from(index / Endpoint::Historical.max_tweet_ids()).unwrap_or(i64::MAX);
        let observed_at = now + SignedDuration::from_secs(request);
        for hour in day.hours().map(Window::hour) {
            for metric in Endpoint::Historical.metrics() {
                let Some(value) = emulator.truth(tweet_id, &metric, Some(hour)) else { continue };
                let row = Row { tweet_id, metric, bucket: Some(hour), outcome: Outcome::Ok(value) };
                series.push(Observed { row, observed_at });
            }
        }
    }
    series
}

struct Observed {
    row: Row,
    observed_at: Timestamp,
}

impl Observed {
    fn fact(&self) -> Fact<'_> {
        Fact {
            row: &self.row,
            endpoint: Endpoint::Historical,
            observed_at: self.observed_at,
            owner: Some(OWNER),
        }
    }
}

fn ours(series: &[Observed]) -> usize {
    let mut file = ParquetFile::<Facts, _>::create(Vec::new(), Order::Sorted).expect("memory takes it");
    for observed in series {
        file.write(&observed.fact()).expect("memory takes it");
    }
    black_box(file.finish().expect("memory takes it")).len()
}

fn arrow_defaults(series: &[Observed]) -> usize {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1"));
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let writer = ArrowWriter::try_new(Vec::new(), Facts::schema(), Some(properties));
    let mut writer = writer.expect("the schema is sound");
    let mut columns = Facts::default();
    for observed in series.chunks(8_192) {
        for observed in observed {
            columns.push(&observed.fact()).expect("counts are small");
        }
        let batch = RecordBatch::try_new(Facts::schema(), columns.take()).expect("the columns fit");
        writer.write(&batch).expect("memory takes it");
    }
    black_box(writer.into_inner().expect("memory takes it")).len()
}

struct Contestant {
    name: &'static str,
    work: fn(&[Observed]) -> usize,
    seconds: Vec<f64>,
    bytes: usize,
}

impl Contestant {
    fn new(name: &'static str, work: fn(&[Observed]) -> usize) -> Self {
        Self { name, work, seconds: Vec::new(), bytes: 0 }
    }

    fn take_turn(&mut self, series: &[Observed]) {
        let start = ThreadTime::now();
        self.bytes = (self.work)(black_box(series));
        self.seconds.push(start.elapsed().as_secs_f64());
        self.seconds.sort_by(f64::total_cmp);
    }

    #[expect(clippy::cast_precision_loss, reason = "rows by the million")]
    fn speed(&self, rows: usize) -> f64 {
        rows as f64 / self.seconds[self.seconds.len() / 2]
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes by the million")]
    fn size(&self, rows: usize) -> f64 {
        self.bytes as f64 / rows as f64
    }
}

fn promise(what: &str, figure: f64, sign: char, bound: f64) -> bool {
    let kept = if sign == '≥' { figure >= bound } else { figure <= bound };
    println!("{} {what}: {figure:.2} {sign} {bound}", if kept { "kept  " } else { "MISSED" });
    kept
}

const OWNER: &str = "demo_brand";
