//! The Tweets that did best.

use core::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use engagement_model::{Metric, TweetId};
use rusqlite::{Connection, Row as SqlRow};

use crate::{fact::Kind, sql};

/// What Tweets are compared by.
///
/// Lifetime totals count where there are any, by the newest observation; else the hours that are known, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The count of a metric.
    Metric(Metric),
    /// Engagements ÷ impressions of one observation, or of the hours in which both are known. Tweets of which one is
    /// not known, or that nobody was shown, have no rate.
    ///
    /// Engagements count promoted showings and impressions do not: a rate can be above 1.
    Rate,
}

/// A Tweet and how it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ranked {
    /// The Tweet.
    pub tweet_id: TweetId,
    /// Its owner, where that is known.
    pub owner: Option<String>,
    /// The count; by rate, the engagements.
    pub value: u64,
    /// By rate, the impressions.
    pub impressions: Option<u64>,
    /// Where the numbers are from.
    pub source: Kind,
}

impl Ranked {
    /// Engagements ÷ impressions, if that is what was asked for.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate for people; the order is that of the exact fractions"
    )]
    pub fn rate(&self) -> Option<f64> {
        self.impressions.map(|impressions| self.value as f64 / impressions as f64)
    }

    /// The Tweet's page, without the handle, which can change.
    pub fn link(&self) -> String {
        format!("https://twitter.com/i/web/status/{}", self.tweet_id)
    }
}

/// The better first; of equals, the one with the smaller id.
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        // As exact fractions: a count is one over 1.
        let over = |of: Option<u64>| u128::from(of.unwrap_or(1));
        let mine = u128::from(self.value) * over(other.impressions);
        let theirs = u128::from(other.value) * over(self.impressions);
        theirs.cmp(&mine).then(self.tweet_id.cmp(&other.tweet_id))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best so many that were offered, in memory for so many.
#[derive(Debug)]
struct Best {
    most: usize,
    /// The worst of them on top.
    heap: BinaryHeap<Ranked>,
}

impl Best {
    fn new(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    fn offer(&mut self, ranked: Ranked) {
        if self.heap.len() < self.most {
            self.heap.push(ranked);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && ranked < *worst
        {
            *worst = ranked;
        }
    }

    fn into_list(self) -> Vec<Ranked> {
        self.heap.into_sorted_vec()
    }
}

/// The best of all.
pub(crate) fn overall(connection: &Connection, by: &By, most: usize) -> rusqlite::Result<Vec<Ranked>> {
    let mut best = Best::new(most);
    each(connection, by, |ranked| best.offer(ranked))?;
    Ok(best.into_list())
}

/// The best of each owner; those whose owner is not known together.
pub(crate) fn by_owner(
    connection: &Connection,
    by: &By,
    most: usize,
) -> rusqlite::Result<BTreeMap<Option<String>, Vec<Ranked>>> {
    let mut owners: BTreeMap<Option<String>, Best> = BTreeMap::new();
    each(connection, by, |ranked| match owners.get_mut(&ranked.owner) {
        Some(best) => best.offer(ranked),
        None => owners.entry(ranked.owner.clone()).or_insert_with(|| Best::new(most)).offer(ranked),
    })?;
    Ok(owners.into_iter().map(|(owner, best)| (owner, best.into_list())).collect())
}

/// Every Tweet that has the number. Both tables come by Tweet, and a Tweet of both counts by its totals.
fn each(connection: &Connection, by: &By, mut offer: impl FnMut(Ranked)) -> rusqlite::Result<()> {
    let (engagements, impressions) = (Metric::Engagements, Metric::Impressions);
    let (totals, series, parameters) = match by {
        By::Metric(metric) => (TOTALS_BY_METRIC, SERIES_BY_METRIC, vec![metric.name()]),
        By::Rate => (TOTALS_BY_RATE, SERIES_BY_RATE, vec![engagements.name(), impressions.name()]),
    };
    let mut totals = connection.prepare_cached(totals)?;
    let mut series = connection.prepare_cached(series)?;
    let parameters = rusqlite::params_from_iter(parameters);
    let mut totals = totals.query_map(parameters.clone(), |row| ranked(row, Kind::Totals))?.peekable();
    let mut series = series.query_map(parameters, |row| ranked(row, Kind::Series))?.peekable();
    loop {
        let id = |next: Option<&rusqlite::Result<Ranked>>| match next {
            Some(Ok(ranked)) => ranked.tweet_id.get(),
            // An error goes first, the end last: no id is either.
            Some(Err(_)) => 0,
            None => u64::MAX,
        };
        let (of_totals, of_series) = (id(totals.peek()), id(series.peek()));
        let next = match of_totals.cmp(&of_series) {
            Ordering::Less => totals.next(),
            Ordering::Greater => series.next(),
            Ordering::Equal => {
                series.next();
                totals.next()
            }
        };
        match next {
            Some(ranked) => {
                let ranked = ranked?;
                if ranked.impressions != Some(0) {
                    offer(ranked);
                }
            }
            None => return Ok(()),
        }
    }
}

fn ranked(row: &SqlRow<'_>, source: Kind) -> rusqlite::Result<Ranked> {
    Ok(Ranked {
        tweet_id: sql::column(row, 0, sql::read_tweet_id)?,
        value: sql::count(row, 1)?,
        impressions: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        owner: row.get(3)?,
        source,
    })
}

const TOTALS_BY_METRIC: &str = "select tweet_id, value, null,
    (select owner from tweets where tweets.tweet_id = totals.tweet_id), max(observed_at)
    from totals where metric = ? group by tweet_id order by tweet_id";

const SERIES_BY_METRIC: &str = "select tweet_id, sum(value), null,
    (select owner from tweets where tweets.tweet_id = series.tweet_id)
    from series where metric = ? group by tweet_id order by tweet_id";

const TOTALS_BY_RATE: &str = "select tweet_id, engagements, impressions,
    (select owner from tweets where tweets.tweet_id = both_known.tweet_id), max(observed_at)
    from (
        select tweet_id, observed_at, max(case metric when ?1 then value end) as engagements,
            max(case metric when ?2 then value end) as impressions
        from totals where metric in (?1, ?2) group by tweet_id, observed_at
        having engagements is not null and impressions is not null
    ) as both_known
    group by tweet_id order by tweet_id";

const SERIES_BY_RATE: &str = "select tweet_id, sum(engagements.value), sum(impressions.value),
    (select owner from tweets where tweets.tweet_id = engagements.tweet_id)
    from series as engagements join series as impressions using (tweet_id, bucket_start)
    where engagements.metric = ?1 and impressions.metric = ?2 group by tweet_id order by tweet_id";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranked(id: u64, value: u64, impressions: Option<u64>) -> Ranked {
        Ranked { tweet_id: TweetId::new(id).unwrap(), owner: None, value, impressions, source: Kind::Totals }
    }

    #[test]
    fn rates_are_compared_exactly() {
        // As floats both are the same.
        let (a, b) = ((1 << 60) + 1, 1 << 60);
        assert!(ranked(2, a, Some(b)) < ranked(1, b, Some(b)));
        assert!(ranked(1, b, Some(b)) < ranked(2, b, Some(b)));
        assert!(ranked(2, 1, Some(2)) < ranked(1, 1, Some(3)));
    }

    proptest! {
        #[test]
        fn keeps_the_best_as_sorting_all_would(
            values in prop::collection::btree_map(1..40_u64, (0..6_u64, 1..4_u64), 0..30)
                .prop_map(Vec::from_iter)
                .prop_shuffle(),
            most in 0..12_usize,
        ) {
            let mut best = Best::new(most);
            let mut all: Vec<Ranked> = values.iter().map(|&(id, (value, of))| ranked(id, value, Some(of))).collect();
            for ranked in &all {
                best.offer(ranked.clone());
            }
            all.sort();
            all.truncate(most);
            prop_assert_eq!(best.into_list(), all);
        }
    }
}
