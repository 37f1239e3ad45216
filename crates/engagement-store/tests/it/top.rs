//! Which Tweets did best.

use engagement_model::{Endpoint, Metric, Outcome, Row};
use engagement_store::{
    Collector,
    job::{NewBatch, NewJob},
    record::{Observation, Settlement},
    top::By,
};
use jiff::Timestamp;

use crate::fixture::{Fixture, hourly, id, ids, later, now, total};

/// One observation of these Tweets by this owner.
fn observe(
    collector: &mut Collector,
    owner: &str,
    tweets: &[u64],
    endpoint: Endpoint,
    at: Timestamp,
    rows: &[Row],
) {
    let mut draft = collector.draft(&NewJob::new(at.to_string(), owner, endpoint, now())).unwrap();
    let batch = draft.add(&NewBatch::new(endpoint, &ids(tweets.iter().copied()), &[])).unwrap();
    draft.commit().unwrap();
    let mut settlement = Settlement::new(at);
    settlement.observations.push(Observation::new(endpoint, at, rows).by(Some(owner)));
    let mut transaction = collector.transaction().unwrap();
    transaction.settle(batch, &settlement).unwrap();
    transaction.commit().unwrap();
}

fn filled() -> Fixture {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let count = |tweet, metric, value| total(tweet, metric, Outcome::Ok(value));
    let (likes, engagements, impressions) = (Metric::Favorites, Metric::Engagements, Metric::Impressions);
    let rows = [count(1, likes.clone(), 90), count(2, likes.clone(), 10)];
    observe(&mut collector, "demo_brand", &[1, 2], Endpoint::Totals, later(0), &rows);
    let rows = [
        count(1, likes.clone(), 20),
        count(1, engagements.clone(), 30),
        count(1, impressions.clone(), 100),
        count(2, likes.clone(), 20),
        count(2, engagements.clone(), 5),
        count(2, impressions.clone(), 0),
    ];
    observe(&mut collector, "demo_brand", &[1, 2], Endpoint::Totals, later(60), &rows);
    let rows = [
        // Totals say more than hours that may be but a part.
        hourly(1, likes.clone(), 0, 500),
        hourly(3, likes.clone(), 0, 12),
        hourly(3, likes, 1, 13),
        hourly(3, engagements.clone(), 0, 1),
        hourly(3, impressions.clone(), 0, 2),
        // Of this hour one of both is not known.
        hourly(3, impressions, 1, 1_000),
        hourly(4, engagements, 1, 1_000),
    ];
    observe(&mut collector, "demo_news", &[1, 3, 4], Endpoint::Last28Hours, later(90), &rows);
    fixture
}

#[test]
fn the_best_come_first_and_equals_by_id() {
    let fixture = filled();
    let reader = fixture.store.reader().unwrap();
    let best = reader.top(&By::Metric(Metric::Favorites), 9).unwrap();
    let found: Vec<_> = best.iter().map(|ranked| (ranked.tweet_id, ranked.value)).collect();
    assert_eq!(found, [(id(3), 25), (id(1), 20), (id(2), 20)]);
    assert_eq!(best[0].link(), "https://twitter.com/i/web/status/1763000000000000003");
    assert_eq!(reader.top(&By::Metric(Metric::Favorites), 1).unwrap(), best[..1]);
    assert_eq!(reader.top(&By::Metric(Metric::Favorites), 0).unwrap(), []);
}

#[test]
fn a_rate_needs_both_numbers_of_the_same_time() {
    let fixture = filled();
    let best = fixture.store.reader().unwrap().top(&By::Rate, 9).unwrap();
    let found: Vec<_> = best.iter().map(|ranked| (ranked.tweet_id, ranked.rate())).collect();
    assert_eq!(found, [(id(3), Some(0.5)), (id(1), Some(0.3))]);
}

#[test]
fn every_owner_has_a_list() {
    let fixture = filled();
    let lists = fixture.store.reader().unwrap().top_by_owner(&By::Metric(Metric::Favorites), 1).unwrap();
    let found: Vec<_> = lists.iter().map(|(owner, best)| (owner.as_deref(), best[0].tweet_id)).collect();
    assert_eq!(found, [(Some("demo_brand"), id(2)), (Some("demo_news"), id(3))]);
}

#[test]
fn the_view_ranks_alike() {
    let fixture = filled();
    let best = fixture.store.reader().unwrap().top(&By::Metric(Metric::Favorites), 9).unwrap();
    let ours: Vec<String> =
        best.iter().enumerate().map(|(n, r)| format!("{} {} {}", n + 1, r.link(), r.value)).collect();
    let sql = "select group_concat(line, '\n') from (select rank || ' ' || url || ' ' || value as line
        from v_top where metric = 'favorites' order by rank)";
    assert_eq!(fixture.ask::<String>(sql), ours.join("\n"));
}
