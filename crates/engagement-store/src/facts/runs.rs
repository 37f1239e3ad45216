//! Which hours of which metrics have values, in as few windows as say it.

use engagement_model::{Metric, Row, TweetId, UtcHour, Window};

use super::Covered;
use crate::sql;

/// Consecutive hours of each metric of each Tweet.
pub(super) struct Runs<'a> {
    tweets: Vec<(TweetId, Vec<Hours<'a>>)>,
}

/// A metric, and the hours in which it has values.
type Hours<'a> = (&'a Metric, Vec<Window>);

impl<'a> Runs<'a> {
    /// Of rows by Tweet, hour and metric.
    pub(super) fn of(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut tweets: Vec<(TweetId, Vec<Hours<'a>>)> = Vec::new();
        let mut place = 0;
        for row in rows {
            let Some(hour) = row.bucket.map(Window::start) else { continue };
            if tweets.last().is_none_or(|(id, _)| *id != row.tweet_id) {
                tweets.push((row.tweet_id, Vec::new()));
            }
            let Some((_, metrics)) = tweets.last_mut() else { continue };
            // The metrics of one hour are, as a rule, those of the hour before.
            place = if place + 1 < metrics.len() { place + 1 } else { 0 };
            if metrics.get(place).is_none_or(|(metric, _)| **metric != row.metric) {
                place = metrics.iter().position(|(metric, _)| **metric == row.metric).unwrap_or_else(|| {
                    metrics.push((&row.metric, Vec::new()));
                    metrics.len() - 1
                });
            }
            if let Some((_, runs)) = metrics.get_mut(place) {
                extend(runs, hour);
            }
        }
        Self { tweets }
    }

    /// For each Tweet, metrics with the same hours together.
    pub(super) fn covered(self) -> impl Iterator<Item = Covered> + use<'a> {
        self.tweets.into_iter().flat_map(|(tweet_id, mut metrics)| {
            metrics.sort_by(|(a, a_runs), (b, b_runs)| (a_runs, a).cmp(&(b_runs, b)));
            let together = metrics.chunk_by(|(_, a), (_, b)| a == b);
            let covered = together.flat_map(|alike| {
                let names = sql::metrics(alike.iter().map(|(metric, _)| *metric));
                let runs = alike.first().map_or(&[][..], |(_, runs)| runs);
                runs.iter().map(move |&run| Covered { tweet_id, window: Some(run), metrics: names.clone() })
            });
            covered.collect::<Vec<_>>()
        })
    }
}

fn extend(runs: &mut Vec<Window>, hour: UtcHour) {
    if let Some(run) = runs.last_mut() {
        if run.contains(hour) {
            return;
        }
        if run.end() == hour
            && let Ok(longer) = Window::new(run.start(), hour.plus(1))
        {
            *run = longer;
            return;
        }
    }
    runs.push(Window::hour(hour));
}
