//! One line of the long form.

use engagement_model::{Endpoint, Row, TweetId};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::record::{Record, as_text};

/// What became of one Tweet × metric × bucket, and where that is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact<'a> {
    /// The Tweet, metric, bucket and outcome.
    pub row: &'a Row,
    /// Where the number comes from.
    pub endpoint: Endpoint,
    /// When the server answered. Written in whole seconds: finer times say nothing about the numbers.
    pub observed_at: Timestamp,
    /// Whose token asked; `None` for app-only.
    pub owner: Option<&'a str>,
}

impl Fact<'_> {
    /// The text of each column; empty where there is nothing.
    pub fn cells(&self) -> [String; 10] {
        fn text<T: ToString>(cell: Option<T>) -> String {
            cell.map_or_else(String::new, |cell| cell.to_string())
        }
        let Line {
            tweet_id,
            metric,
            bucket_start,
            bucket_end,
            value,
            state,
            reason,
            endpoint,
            observed_at,
            owner,
        } = self.line();
        [
            tweet_id.to_string(),
            metric.to_owned(),
            text(bucket_start),
            text(bucket_end),
            text(value),
            state.to_owned(),
            text(reason),
            endpoint.to_owned(),
            observed_at.to_string(),
            text(owner),
        ]
    }

    fn line(&self) -> Line<'_> {
        Line {
            tweet_id: self.row.tweet_id,
            metric: self.row.metric.name(),
            bucket_start: self.row.bucket.map(|bucket| bucket.start().start()),
            bucket_end: self.row.bucket.map(|bucket| bucket.end().start()),
            value: self.row.outcome.value(),
            state: self.row.outcome.state().name(),
            reason: self.row.outcome.reason(),
            endpoint: self.endpoint.name(),
            observed_at: whole_seconds(self.observed_at),
            owner: self.owner,
        }
    }
}

impl Record for Fact<'_> {
    const COLUMNS: &'static [&'static str] = &[
        "tweet_id",
        "metric",
        "bucket_start",
        "bucket_end",
        "value",
        "state",
        "reason",
        "endpoint",
        "observed_at",
        "owner",
    ];
}

impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.line().serialize(serializer)
    }
}

/// The names and the order that users see.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "as_text")]
    tweet_id: TweetId,
    metric: &'a str,
    bucket_start: Option<Timestamp>,
    bucket_end: Option<Timestamp>,
    value: Option<u64>,
    state: &'static str,
    reason: Option<&'a str>,
    endpoint: &'static str,
    observed_at: Timestamp,
    owner: Option<&'a str>,
}

/// The second in which it was.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
