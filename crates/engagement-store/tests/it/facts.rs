//! What becomes of values that come again.

use engagement_model::{Endpoint, Metric, Outcome, Reason, State};
use engagement_store::{
    Error,
    fact::{Kind, Order},
};

use crate::fixture::{Fixture, hourly, id, ids, job, later, settle, take, total};

#[test]
fn a_changed_hour_leaves_one_revision_and_an_unchanged_one_nothing() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    for (at, value, revisions) in [(0, 5, 0), (60, 5, 0), (120, 8, 1), (180, 8, 1)] {
        let job = job(&mut collector, Endpoint::Last28Hours, &[ids([1])]);
        let batch = take(&mut collector, job, 1).remove(0);
        settle(&mut collector, &batch, later(at), &[hourly(1, Metric::Favorites, 0, value)]);
        assert_eq!(fixture.ask::<i64>("select count(*) from revisions"), revisions, "at {at}");
        assert_eq!(fixture.ask::<i64>("select value from series"), i64::try_from(value).unwrap());
    }
    assert_eq!(fixture.ask::<i64>("select value from revisions"), 5);
    assert_eq!(fixture.ask::<i64>("select replaced_by from revisions"), 8);
}

#[test]
fn facts_come_in_order_with_what_has_no_value() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Last28Hours, &[ids([1, 2])]);
    let batch = take(&mut collector, job, 1).remove(0);
    let gone = Outcome::Unavailable(Reason::new("gone"));
    let rows = [
        hourly(1, Metric::Favorites, 23, 5),
        hourly(1, Metric::Favorites, 24, 6),
        total(1, Metric::Replies, gone.clone()),
        total(2, Metric::Favorites, gone.clone()),
        total(2, Metric::Replies, gone),
    ];
    settle(&mut collector, &batch, later(0), &rows);
    let seen = |order| {
        let mut seen = Vec::new();
        let reader = fixture.store.reader().unwrap().hold().unwrap();
        reader
            .facts::<Error>(Kind::Series, order, |fact| {
                assert_eq!((fact.endpoint, fact.observed_at), (Endpoint::Last28Hours, later(0)));
                seen.push(fact.row.clone());
                Ok(())
            })
            .unwrap();
        seen
    };
    let [a, b, c, d, e] = rows;
    assert_eq!(seen(Order::Tweet), [c.clone(), a.clone(), b.clone(), d.clone(), e.clone()]);
    assert_eq!(seen(Order::Day), [c, a, d, e, b]);
    let mut tweets = Vec::new();
    let reader = fixture.store.reader().unwrap();
    reader
        .tweets::<Error>(|tweet| {
            tweets.push((tweet.tweet_id, tweet.state, tweet.reason.map(str::to_owned)));
            Ok(())
        })
        .unwrap();
    assert_eq!(tweets, [(id(1), State::Ok, None), (id(2), State::Unavailable, Some("gone".to_owned()))]);
}
