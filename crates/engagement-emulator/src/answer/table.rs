//! The counts behind an answer.

use engagement_model::Endpoint;

use crate::{
    rules::body::Asked,
    world::{curve::Recipe, tweet::Tweet},
};

/// One count for each Tweet × metric × hour, or for each Tweet × metric on totals. Every grouping of an answer adds up
/// the same cells, so no two can disagree.
#[derive(Debug)]
pub(crate) struct Table {
    metrics: usize,
    hours: usize,
    cells: Vec<u64>,
}

impl Table {
    /// Lifetime counts up to and including the hour before `end`.
    pub(crate) fn lifetimes(tweets: &[Tweet], metrics: &[Asked], end: i32) -> Self {
        let recipes = recipes(metrics, Endpoint::Totals);
        let cells = tweets.iter().flat_map(|tweet| recipes.iter().map(|recipe| recipe.before(tweet, end)));
        Self { metrics: metrics.len(), hours: 1, cells: cells.collect() }
    }

    /// Counts of each of `hours` hours from `first` on.
    pub(crate) fn series(tweets: &[Tweet], metrics: &[Asked], first: i32, hours: usize) -> Self {
        let recipes = recipes(metrics, Endpoint::Historical);
        let mut cells = Vec::with_capacity(tweets.len() * metrics.len() * hours);
        for tweet in tweets {
            for recipe in &recipes {
                let from = cells.len();
                cells.resize(from + hours, 0);
                // Curve by curve, each hour's end is the next hour's start: one look-up an hour.
                for curve in recipe.curves(tweet) {
                    let mut before = curve.before(first);
                    for (cell, hour) in cells.iter_mut().skip(from).zip(first + 1..) {
                        let next = curve.before(hour);
                        *cell += next - before;
                        before = next;
                    }
                }
            }
        }
        Self { metrics: metrics.len(), hours, cells }
    }

    /// The counts of a Tweet and metric, by hour.
    pub(crate) fn row(&self, tweet: usize, metric: usize) -> &[u64] {
        let from = (tweet * self.metrics + metric) * self.hours;
        self.cells.get(from..from + self.hours).unwrap_or_default()
    }

    /// Sets a row's counts to zero.
    pub(crate) fn clear(&mut self, tweet: usize, metric: usize) {
        let from = (tweet * self.metrics + metric) * self.hours;
        if let Some(row) = self.cells.get_mut(from..from + self.hours) {
            row.fill(0);
        }
    }

    /// How many hours each row has.
    pub(crate) fn hours(&self) -> usize {
        self.hours
    }
}

fn recipes(metrics: &[Asked], endpoint: Endpoint) -> Vec<Recipe> {
    metrics.iter().map(|asked| Recipe::of(&asked.metric, endpoint)).collect()
}
