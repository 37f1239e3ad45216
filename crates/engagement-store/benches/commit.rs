//! What does it cost to keep what came, beside inserting the values row by row?
//!
//! Ours writes everything that belongs to a batch: its values, the Tweets, what is covered, the ledger, the batch. The
//! rival writes the values alone, by a prepared statement for one row into a table whose key begins with the Tweet, in
//! transactions of the same size and with the same settings of SQLite. With `--bench` it measures and fails where a
//! promise is broken; without, it runs once to stay alive.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails, and reports")]

use std::{path::Path, process::ExitCode, time::Duration};

use cpu_time::ThreadTime;
use engagement_model::{Endpoint, Metric, Outcome, Row, TweetId, UtcHour, Window};
use engagement_store::{
    Collector, Store,
    job::{NewBatch, NewJob},
    record::{Observation, Sent, Settlement},
};
use jiff::Timestamp;
use rusqlite::Connection;

fn main() -> ExitCode {
    let measures = std::env::args().any(|arg| arg == "--bench");
    let (rounds, tweets) = if measures { (3, 200_000) } else { (1, 2_000) };
    let mut ok = true;
    let mut promise = |what: &str, ratio: f64, bound: f64| {
        println!("  {what}: {ratio:.2}, promised {bound}");
        ok &= !measures || ratio >= bound;
    };

    let totals = Load::totals(tweets);
    println!("totals, {tweets} Tweets of 1,000 owners: {} rows", totals.rows());
    let [ours, rows] = totals.in_turns(rounds);
    promise("times as fast as one row at a time", rows.as_secs_f64() / ours.as_secs_f64(), 1.2);

    let series = Load::series(tweets / 100);
    println!("28hr, {} Tweets: {} rows", tweets / 100, series.rows());
    let [ours, rows] = series.in_turns(rounds);
    promise("times as fast as one row at a time", rows.as_secs_f64() / ours.as_secs_f64(), 1.2);

    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Answers as they come in: by owner.
struct Load {
    endpoint: Endpoint,
    metrics: Vec<Metric>,
    batches: Vec<Vec<Row>>,
}

impl Load {
    fn totals(tweets: usize) -> Self {
        let metrics: Vec<Metric> = Endpoint::Totals.metrics().collect();
        let batches = owned(tweets, 1_000, 250).into_iter().map(|ids| {
            ids.iter()
                .flat_map(|&tweet_id| {
                    metrics.iter().map(move |metric| Row {
                        tweet_id,
                        metric: metric.clone(),
                        bucket: None,
                        outcome: Outcome::Ok(tweet_id.get() % 5_003),
                    })
                })
                .collect()
        });
        Self { endpoint: Endpoint::Totals, batches: batches.collect(), metrics }
    }

    fn series(tweets: usize) -> Self {
        let metrics: Vec<Metric> = Endpoint::Last28Hours.metrics().collect();
        let first = UtcHour::containing(now()).plus(-28);
        let batches = owned(tweets, 20, 25).into_iter().map(|ids| {
            let mut rows = Vec::new();
            for tweet_id in ids {
                for hour in 0..28 {
                    let bucket = Some(Window::hour(first.plus(hour)));
                    rows.extend(metrics.iter().map(|metric| Row {
                        tweet_id,
                        metric: metric.clone(),
                        bucket,
                        outcome: Outcome::Ok(tweet_id.get() % 53),
                    }));
                }
            }
            rows
        });
        Self { endpoint: Endpoint::Last28Hours, batches: batches.collect(), metrics }
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    /// The median of each, taken in turns.
    fn in_turns(&self, rounds: usize) -> [Duration; 2] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            let folder = tempfile::tempdir().unwrap();
            times[0].push(self.ours(&folder.path().join("ours.db")));
            times[1].push(self.row_by_row(&folder.path().join("rival.db")));
        }
        let [ours, rival] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        });
        self.report("kept whole", ours);
        self.report("inserted row by row", rival);
        [ours, rival]
    }

    fn report(&self, what: &str, time: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "some millions")]
        let rate = self.rows() as f64 / time.as_secs_f64() / 1e3;
        println!("  {what}: {time:.2?}, {rate:.0} thousand rows a second");
    }

    fn ours(&self, path: &Path) -> Duration {
        let mut collector = Store::create(path, now()).unwrap().collector(now()).unwrap();
        let mut draft = collector.draft(&NewJob::new("bench", "", self.endpoint, now())).unwrap();
        for batch in &self.batches {
            let mut ids: Vec<TweetId> = batch.iter().map(|row| row.tweet_id).collect();
            ids.dedup();
            draft.add(&NewBatch::new(self.endpoint, &ids, &self.metrics)).unwrap();
        }
        let job = draft.commit().unwrap();
        let start = ThreadTime::now();
        for (round, answers) in self.batches.chunks(TOGETHER).enumerate() {
            let at = at(round);
            let mut asking = collector.transaction().unwrap();
            let taken = asking.take(job, u32::try_from(answers.len()).unwrap()).unwrap();
            let sent = taken.iter().map(|batch| {
                asking.sent(&Sent::new(batch.id, self.endpoint, at).by("demo_brand", Some(1_111))).unwrap()
            });
            let sent: Vec<_> = sent.collect();
            asking.commit().unwrap();
            settle(&mut collector, self.endpoint, at, &taken, &sent, answers);
        }
        start.elapsed()
    }

    fn row_by_row(&self, path: &Path) -> Duration {
        let mut connection = Connection::open(path).unwrap();
        for (pragma, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "full"),
            ("cache_size", "-65536"),
            ("wal_autocheckpoint", "16384"),
        ] {
            connection.pragma_update(None, pragma, value).unwrap();
        }
        connection
            .execute_batch(
                "create table facts(tweet_id integer, metric text, bucket_start integer, observed_at integer,
                value integer, primary key(tweet_id, metric, bucket_start, observed_at))",
            )
            .unwrap();
        let start = ThreadTime::now();
        for (round, answers) in self.batches.chunks(TOGETHER).enumerate() {
            let at = at(round).as_millisecond();
            let transaction = connection.transaction().unwrap();
            let mut insert =
                transaction.prepare_cached("insert or replace into facts values (?, ?, ?, ?, ?)").unwrap();
            for row in answers.iter().flatten() {
                let hour = row.bucket.map_or(0, |bucket| bucket.start().since_epoch());
                let (id, value) =
                    (row.tweet_id.get().cast_signed(), row.outcome.value().map(u64::cast_signed));
                insert.execute((id, row.metric.name(), hour, at, value)).unwrap();
            }
            drop(insert);
            transaction.commit().unwrap();
        }
        start.elapsed()
    }
}

fn settle(
    collector: &mut Collector,
    endpoint: Endpoint,
    at: Timestamp,
    taken: &[engagement_store::job::Batch],
    sent: &[engagement_store::record::RequestId],
    answers: &[Vec<Row>],
) {
    let mut settling = collector.transaction().unwrap();
    for ((batch, request), rows) in taken.iter().zip(sent).zip(answers) {
        let mut settlement = Settlement::new(at);
        settlement.observations.push(Observation::new(endpoint, at, rows).by(Some("demo_brand")));
        settlement.answer(*request, 200);
        let settled = settling.settle(batch.id, &settlement).unwrap();
        assert_eq!(settled.cells.total(), rows.len() as u64);
    }
    settling.commit().unwrap();
}

/// Ids of many owners, a batch for each piece of an owner's list, by age: as a plan makes them.
fn owned(tweets: usize, owners: u64, size: usize) -> Vec<Vec<TweetId>> {
    let mut seed = 88_172_645_463_325_252_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let thirty_days = (30 * 86_400_000) << 22;
    let mut all: Vec<(u64, TweetId)> = (0..tweets)
        .map(|_| {
            (random() % owners, TweetId::new(1_760_000_000_000_000_000 + random() % thirty_days).unwrap())
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    let of_one = all.chunk_by(|a, b| a.0 == b.0);
    of_one.flat_map(|list| list.chunks(size)).map(|list| list.iter().map(|(_, id)| *id).collect()).collect()
}

fn now() -> Timestamp {
    "2024-03-08T12:30:00Z".parse().unwrap()
}

fn at(round: usize) -> Timestamp {
    Timestamp::from_millisecond(now().as_millisecond() + 250 * i64::try_from(round).unwrap()).unwrap()
}

/// Batches in one commit.
const TOGETHER: usize = 16;
