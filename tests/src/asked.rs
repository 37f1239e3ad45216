//! What was asked for, and so what must come.

use std::collections::{BTreeMap, BTreeSet};

use engagement::{
    Resolution,
    model::{Metric, Row, State, TweetId, UtcHour, Window},
};
use engagement_emulator::Emulator;

use crate::haul::Haul;

/// A question: every Tweet × metric of it must be accounted for, once, over the whole time.
#[derive(Clone, Debug)]
pub struct Asked {
    tweet_ids: BTreeSet<TweetId>,
    metrics: BTreeSet<Metric>,
    time: Option<(Window, Resolution)>,
}

impl Asked {
    /// Lifetime totals.
    pub fn totals(tweet_ids: &[TweetId], metrics: impl IntoIterator<Item = Metric>) -> Self {
        let tweet_ids = tweet_ids.iter().copied().collect();
        Self { tweet_ids, metrics: metrics.into_iter().collect(), time: None }
    }

    /// Buckets that cover a window.
    pub fn series(
        tweet_ids: &[TweetId],
        metrics: impl IntoIterator<Item = Metric>,
        window: Window,
        resolution: Resolution,
    ) -> Self {
        Self { time: Some((window, resolution)), ..Self::totals(tweet_ids, metrics) }
    }

    /// Holds what came against what was asked and against what is true.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold, in words: every Tweet asked for has a state and no other has; every one of
    /// its cells has rows that cover the time once, without a gap after the Tweet was made; a bucket with a value is one
    /// of the resolution; and a value is what the emulator says it is.
    pub fn check(&self, haul: &Haul, emulator: &Emulator) -> Result<(), String> {
        let states = haul.states();
        if !states.keys().eq(self.tweet_ids.iter()) {
            let strays = states.keys().filter(|id| !self.tweet_ids.contains(id)).count();
            return Err(format!(
                "{} Tweets asked, {} came, {strays} unasked",
                self.tweet_ids.len(),
                states.len()
            ));
        }
        let of_state = |state: State| states.values().filter(|found| **found == state).count();
        if State::ALL.map(of_state).iter().sum::<usize>() != self.tweet_ids.len() {
            return Err("the six states do not add up to what was asked".to_owned());
        }
        let mut cells: BTreeMap<(TweetId, &Metric), Vec<&Row>> = BTreeMap::new();
        for row in &haul.rows {
            if !self.metrics.contains(&row.metric) {
                return Err(format!("nobody asked for {}", describe(row)));
            }
            cells.entry((row.tweet_id, &row.metric)).or_default().push(row);
        }
        if cells.len() != self.tweet_ids.len() * self.metrics.len() {
            return Err(format!(
                "{} of {} cells came",
                cells.len(),
                self.tweet_ids.len() * self.metrics.len()
            ));
        }
        for rows in cells.values_mut() {
            rows.sort_by_key(|row| row.bucket);
            self.check_cell(rows)?;
        }
        for (row, value) in haul.values() {
            let truth = emulator.truth(row.tweet_id, &row.metric, row.bucket);
            if truth != Some(value) {
                return Err(format!("truth is {truth:?}, and there is {}", describe(row)));
            }
        }
        Ok(())
    }

    fn check_cell(&self, rows: &[&Row]) -> Result<(), String> {
        let Some((window, resolution)) = self.time else {
            return match rows {
                [row] if row.bucket.is_none() => Ok(()),
                _ => Err(format!("a total is one row without a bucket, not {}", list(rows))),
            };
        };
        // One row without a bucket stands for the whole time, and has no value.
        if let [row] = rows
            && row.bucket.is_none()
            && row.outcome.value().is_none()
        {
            return Ok(());
        }
        let Some(first) = rows.first().and_then(|row| row.bucket) else {
            return Err(format!("buckets expected, not {}", list(rows)));
        };
        if first.start() != window.start() && !was_made_in_or_after(rows, first.start()) {
            return Err(format!("nothing between {} and {}", window.start(), list(rows)));
        }
        let mut next = first.start();
        for row in rows {
            let Some(bucket) = row.bucket.filter(|bucket| bucket.start() == next) else {
                return Err(format!("a bucket from {next} expected, not {}", describe(row)));
            };
            let end = match resolution {
                Resolution::Hour => next.plus(1),
                Resolution::Day => next.midnight().plus(24).min(window.end()),
                Resolution::Total => window.end(),
            };
            if row.outcome.value().is_some() && bucket.end() != end {
                return Err(format!("a bucket from {next} to {end} expected, not {}", describe(row)));
            }
            next = bucket.end();
        }
        if next == window.end() { Ok(()) } else { Err(format!("nothing after {}", list(rows))) }
    }
}

/// Whether the Tweet of these rows did not exist before that hour: then nobody needs to ask about the time before.
fn was_made_in_or_after(rows: &[&Row], hour: UtcHour) -> bool {
    let made = rows.first().and_then(|row| row.tweet_id.created_at());
    made.is_some_and(|made| UtcHour::containing(made) >= hour)
}

fn list(rows: &[&Row]) -> String {
    let shown: Vec<String> = rows.iter().take(3).map(|row| describe(row)).collect();
    format!("{} rows: {} …", rows.len(), shown.join("; "))
}

fn describe(row: &Row) -> String {
    let Row { tweet_id, metric, bucket, outcome } = row;
    format!("{tweet_id} {metric} {bucket:?} {outcome:?}")
}
