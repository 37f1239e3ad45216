//! The tables of a data set, and in which order their rows come.

use std::{fmt, fmt::Debug};

use engagement_model::{Metric, TweetId, UtcHour};
use serde::{Deserialize, Serialize};

use super::day::Day;
use crate::{
    fact::Fact,
    parquet_file::{Columns, Facts, TweetLines},
    tweet_line::TweetLine,
};

/// A table of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Lifetime totals as they were observed; a partition holds those of one day of observation.
    Totals,
    /// Hours; a partition holds one day.
    Series,
    /// The Tweets themselves, in one file.
    Tweets,
}

impl Table {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Totals, Self::Series, Self::Tweets];

    /// The name in paths and options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totals => "totals",
            Self::Series => "series",
            Self::Tweets => "tweets",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Records that have their place in a table.
pub trait Sorted: Columns {
    /// What rows are sorted by.
    type Key: Clone + Debug + Ord + Send;

    /// The key of a record.
    fn key(record: &Self::Record<'_>) -> Self::Key;

    /// The partition of a key, if there are several.
    fn partition(key: &Self::Key) -> Option<String>;

    /// Whether both are in the same partition.
    fn stay_together(one: &Self::Key, other: &Self::Key) -> bool;
}

impl Sorted for Facts {
    type Key = FactKey;

    fn key(fact: &Fact<'_>) -> FactKey {
        let bucket_start = fact.row.bucket.map(|bucket| bucket.start());
        FactKey {
            day: bucket_start.map_or_else(|| Day::of_time(fact.observed_at), Day::of_hour),
            tweet_id: fact.row.tweet_id,
            bucket_start,
            metric: fact.row.metric.clone(),
            observed_at: fact.observed_at.as_second(),
        }
    }

    fn partition(key: &FactKey) -> Option<String> {
        Some(format!("dt={}", key.day))
    }

    fn stay_together(one: &FactKey, other: &FactKey) -> bool {
        one.day == other.day
    }
}

/// Compared in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactKey {
    day: Day,
    tweet_id: TweetId,
    bucket_start: Option<UtcHour>,
    metric: Metric,
    observed_at: i64,
}

impl Sorted for TweetLines {
    type Key = TweetId;

    fn key(tweet: &TweetLine<'_>) -> TweetId {
        tweet.tweet_id
    }

    fn partition(_: &TweetId) -> Option<String> {
        None
    }

    fn stay_together(_: &TweetId, _: &TweetId) -> bool {
        true
    }
}
