//! Makes a small store to try SQL on: `cargo run -p engagement-store --example sample -- engagement.db`.

use std::error::Error;

use engagement_model::{Endpoint, Metric, Outcome, Reason, Row, TweetId, UtcHour, Window};
use engagement_store::{
    Collector, Store,
    job::{NewBatch, NewJob},
    record::{Observation, Sent, Settlement},
};
use jiff::Timestamp;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the file to make")?;
    let morning: Timestamp = "2024-03-08T09:30:00Z".parse()?;
    let evening: Timestamp = "2024-03-08T21:30:00Z".parse()?;
    let store = Store::create(path, morning)?;
    let mut collector = store.collector(morning)?;
    for (owner, user_id, numbers) in [("demo_brand", 1_111, [1, 2, 3]), ("demo_news", 2_222, [4, 5, 6])] {
        let ids = numbers.map(|number| TweetId::new(1_763_000_000_000_000_000 + number));
        let ids = ids.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (at, factor) in [(morning, 1), (evening, 3)] {
            observe(&mut collector, Endpoint::Totals, (owner, user_id), &ids, at, &totals(&ids, factor))?;
        }
        observe(
            &mut collector,
            Endpoint::Last28Hours,
            (owner, user_id),
            &ids,
            evening,
            &hours(&ids, evening),
        )?;
    }
    Ok(())
}

fn observe(
    collector: &mut Collector,
    endpoint: Endpoint,
    (owner, user_id): (&str, u64),
    ids: &[TweetId],
    at: Timestamp,
    rows: &[Row],
) -> Result<(), engagement_store::Error> {
    let metrics: Vec<Metric> = endpoint.metrics().collect();
    let mut draft = collector.draft(&NewJob::new(format!("sample of {endpoint}"), owner, endpoint, at))?;
    let mut batch = NewBatch::new(endpoint, ids, &metrics);
    batch.owner = Some(owner);
    let batch = draft.add(&batch)?;
    let job = draft.commit()?;
    let mut transaction = collector.transaction()?;
    transaction.take(job, 1)?;
    let request = transaction.sent(&Sent::new(batch, endpoint, at).by(owner, Some(user_id)))?;
    transaction.commit()?;
    let mut settlement = Settlement::new(at);
    settlement.observations.push(Observation::new(endpoint, at, rows).by(Some(owner)));
    settlement.answer(request, 200);
    let mut transaction = collector.transaction()?;
    transaction.settle(batch, &settlement)?;
    transaction.commit()
}

/// The last Tweet of each owner is gone.
fn totals(ids: &[TweetId], factor: u64) -> Vec<Row> {
    let cells = ids.iter().flat_map(|&id| Endpoint::Totals.metrics().map(move |metric| (id, metric)));
    cells
        .map(|(tweet_id, metric)| {
            let gone = tweet_id.get().is_multiple_of(3);
            let outcome = if gone {
                Outcome::Unavailable(Reason::new("listed as unavailable"))
            } else {
                Outcome::Ok(factor * weight(&metric) * (tweet_id.get() % 10))
            };
            Row { tweet_id, metric, bucket: None, outcome }
        })
        .collect()
}

fn hours(ids: &[TweetId], end: Timestamp) -> Vec<Row> {
    let first = UtcHour::containing(end).plus(-28);
    let mut rows = Vec::new();
    for &tweet_id in ids.iter().filter(|id| !id.get().is_multiple_of(3)) {
        for hour in 0..28 {
            let bucket = Some(Window::hour(first.plus(hour)));
            rows.extend(Endpoint::Last28Hours.metrics().map(|metric| {
                let value = weight(&metric) * (tweet_id.get() % 10) * u64::from(hour.unsigned_abs() % 5);
                Row { tweet_id, metric, bucket, outcome: Outcome::Ok(value) }
            }));
        }
    }
    rows
}

/// So that not all numbers are alike.
fn weight(metric: &Metric) -> u64 {
    match metric {
        Metric::Impressions => 100,
        Metric::Engagements => 9,
        _ => 1,
    }
}
