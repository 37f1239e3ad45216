//! Made-up facts.

use engagement_export::{Fact, TweetLine};
use engagement_model::{Endpoint, Metric, Outcome, Reason, Row, State, TweetId, UtcHour, Window};
use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*, sample::select};

/// A fact that owns what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) row: Row,
    pub(crate) endpoint: Endpoint,
    pub(crate) observed_at: Timestamp,
    pub(crate) owner: Option<String>,
}

impl Owned {
    pub(crate) fn fact(&self) -> Fact<'_> {
        Fact {
            row: &self.row,
            endpoint: self.endpoint,
            observed_at: self.observed_at,
            owner: self.owner.as_deref(),
        }
    }
}

/// A count in an hour such as `2024-03-01T07`.
pub(crate) fn count(tweet_id: u64, hour: &str, value: u64) -> Owned {
    let start: Timestamp = format!("{hour}:00:00Z").parse().unwrap();
    Owned {
        row: Row {
            tweet_id: TweetId::new(tweet_id).unwrap(),
            metric: Metric::Impressions,
            bucket: Some(Window::hour(UtcHour::containing(start))),
            outcome: Outcome::Ok(value),
        },
        endpoint: Endpoint::Historical,
        observed_at: "2024-03-06T12:00:00Z".parse().unwrap(),
        owner: None,
    }
}

/// The total of a Tweet, observed at a time.
pub(crate) fn total(tweet_id: u64, observed_at: &str, value: u64) -> Owned {
    Owned {
        row: Row {
            tweet_id: TweetId::new(tweet_id).unwrap(),
            metric: Metric::Favorites,
            bucket: None,
            outcome: Outcome::Ok(value),
        },
        endpoint: Endpoint::Totals,
        observed_at: observed_at.parse().unwrap(),
        owner: Some("demo_brand".to_owned()),
    }
}

pub(crate) fn tweet(tweet_id: u64) -> TweetLine<'static> {
    let tweet_id = TweetId::new(tweet_id).unwrap();
    TweetLine {
        tweet_id,
        owner: Some("demo_brand"),
        created_at: tweet_id.created_at(),
        state: Some(State::Ok),
        reason: None,
        checked_at: Some("2024-03-06T12:00:00Z".parse().unwrap()),
    }
}

/// Anything that a column can hold.
pub(crate) fn facts() -> impl Strategy<Value = Vec<Owned>> {
    vec(fact(), 0..50)
}

prop_compose! {
    fn fact()(
        tweet_id in tweet_id(),
        metric in metric(),
        bucket in option::of((-2_000_000..2_000_000, 1..700)),
        outcome in outcome(),
        endpoint in select(Endpoint::ALL.to_vec()),
        observed_at in time(),
        owner in option::of(".{0,15}"),
    ) -> Owned {
        let bucket = bucket.map(|(start, hours)| {
            let start = UtcHour::from_epoch(start).unwrap();
            Window::new(start, start.plus(hours)).unwrap()
        });
        Owned { row: Row { tweet_id, metric, bucket, outcome }, endpoint, observed_at, owner }
    }
}

fn tweet_id() -> impl Strategy<Value = TweetId> {
    // Few, so that rows of one Tweet meet, and any.
    prop_oneof![
        (1_700_000_000_000_000_000_u64..1_700_000_000_000_000_004).prop_map(|id| TweetId::new(id).unwrap()),
        (1..=i64::MAX.unsigned_abs()).prop_map(|id| TweetId::new(id).unwrap()),
    ]
}

fn metric() -> impl Strategy<Value = Metric> {
    prop_oneof![select(Metric::ALL.to_vec()), ".{0,20}".prop_map(|name| Metric::named(&name))]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let value = prop_oneof![Just(0), 0..100_000_u64, 0..=i64::MAX.unsigned_abs()];
    prop_oneof![
        value.prop_map(Outcome::Ok),
        (select(State::ALL[1..].to_vec()), ".{0,30}")
            .prop_map(|(state, reason)| { Outcome::without_value(state, Reason::new(&reason)).unwrap() }),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_i64).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}
