//! Buckets that several windows share, put together.

use std::collections::{BTreeMap, HashMap};

use engagement_model::{Metric, Outcome, Row, TweetId, UtcHour, Window, plan::Asker};

use crate::query::Resolution;

/// Keeps the rows of a batch until its last window is there.
#[derive(Debug)]
pub(crate) struct Merger {
    resolution: Resolution,
    waiting: HashMap<(Asker, u32), Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    arrived: u32,
    rows: Vec<Row>,
}

impl Merger {
    /// For buckets of this size.
    pub(crate) fn new(resolution: Resolution) -> Self {
        Self { resolution, waiting: HashMap::new() }
    }

    /// Takes the rows of one of a batch's windows; gives the batch's rows with the last.
    pub(crate) fn add(&mut self, batch: (Asker, u32), windows: u32, rows: Vec<Row>) -> Vec<Row> {
        let waiting = self.waiting.entry(batch).or_default();
        waiting.arrived += 1;
        waiting.rows.extend(rows);
        if waiting.arrived < windows {
            return Vec::new();
        }
        let rows = self.waiting.remove(&batch).unwrap_or_default().rows;
        merge(self.resolution, rows)
    }
}

/// Adds up the parts of a bucket that lie in several windows.
///
/// A sum exists only if every part does: where one has no value, a total has none either, and takes over why.
fn merge(resolution: Resolution, rows: Vec<Row>) -> Vec<Row> {
    let mut merged: BTreeMap<(TweetId, Metric, Option<UtcHour>), Row> = BTreeMap::new();
    let mut whole = Vec::new();
    for row in rows {
        let bucket = match (resolution, row.bucket, &row.outcome) {
            (Resolution::Total, _, _) => None,
            (Resolution::Day, Some(bucket), Outcome::Ok(_)) => Some(bucket.start().midnight()),
            _ => {
                whole.push(row);
                continue;
            }
        };
        match merged.entry((row.tweet_id, row.metric.clone(), bucket)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(row);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let sum = entry.get_mut();
                sum.outcome = add(&sum.outcome, &row.outcome);
                sum.bucket = hull(sum.bucket, row.bucket);
            }
        }
    }
    for hole in &whole {
        let Some(bucket) = hole.bucket.filter(|_| resolution == Resolution::Day) else { continue };
        // Where a hole begins or ends within a day, the other part of that day is no day.
        for day in [bucket.start(), bucket.end().plus(-1)].map(UtcHour::midnight) {
            if let Some(part) = merged.get_mut(&(hole.tweet_id, hole.metric.clone(), Some(day))) {
                part.outcome = add(&part.outcome, &hole.outcome);
            }
        }
    }
    whole.extend(merged.into_values());
    whole
}

fn add(a: &Outcome, b: &Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Ok(a), Outcome::Ok(b)) => match a.checked_add(*b) {
            Some(sum) => Outcome::Ok(sum),
            None => {
                Outcome::Failed(engagement_model::Reason::new("the sum of the windows is beyond 64 bits"))
            }
        },
        // The graver one says why there is no sum.
        _ if a.state() >= b.state() => a.clone(),
        _ => b.clone(),
    }
}

fn hull(a: Option<Window>, b: Option<Window>) -> Option<Window> {
    match (a, b) {
        (Some(a), Some(b)) => Window::new(a.start().min(b.start()), a.end().max(b.end())).ok(),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use engagement_model::Reason;

    use super::*;

    fn row(start: i32, end: i32, outcome: Outcome) -> Row {
        let hour = |n| UtcHour::from_epoch(480_000 + n).unwrap();
        Row {
            tweet_id: TweetId::new(7).unwrap(),
            metric: Metric::Engagements,
            bucket: Some(Window::new(hour(start), hour(end)).unwrap()),
            outcome,
        }
    }

    #[test]
    fn a_total_is_the_sum_of_its_windows() {
        let rows = vec![row(672, 700, Outcome::Ok(2)), row(0, 672, Outcome::Ok(40))];
        assert_eq!(merge(Resolution::Total, rows), [row(0, 700, Outcome::Ok(42))]);
    }

    #[test]
    fn a_total_with_a_hole_has_no_value() {
        let failed = Outcome::Failed(Reason::new("reset"));
        let rows = vec![row(0, 672, Outcome::Ok(40)), row(672, 700, failed.clone())];
        assert_eq!(merge(Resolution::Total, rows), [row(0, 700, failed)]);
    }

    #[test]
    fn a_day_cut_by_a_window_is_one_day_again() {
        let rows = vec![row(20, 24, Outcome::Ok(1)), row(0, 20, Outcome::Ok(2)), row(24, 48, Outcome::Ok(3))];
        let days = merge(Resolution::Day, rows);
        assert_eq!(days, [row(0, 24, Outcome::Ok(3)), row(24, 48, Outcome::Ok(3))]);
    }

    #[test]
    fn a_day_with_a_hole_has_no_value_and_its_neighbours_do() {
        let failed = Outcome::Failed(Reason::new("reset"));
        let before = [row(0, 24, Outcome::Ok(2)), row(24, 29, Outcome::Ok(3))];
        let after =
            [row(96, 101, Outcome::Ok(5)), row(101, 120, Outcome::Ok(6)), row(120, 144, Outcome::Ok(7))];
        let hole = row(29, 96, failed.clone());
        let mut days = merge(Resolution::Day, [&before[..], core::slice::from_ref(&hole), &after].concat());
        days.sort_by_key(|row| row.bucket);
        let expected = [
            row(0, 24, Outcome::Ok(2)),
            row(24, 29, failed),
            hole,
            row(96, 120, Outcome::Ok(11)),
            row(120, 144, Outcome::Ok(7)),
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn waits_for_the_last_window() {
        let mut merger = Merger::new(Resolution::Total);
        assert!(merger.add((Asker::Owner(0), 0), 2, vec![row(0, 672, Outcome::Ok(1))]).is_empty());
        assert!(merger.add((Asker::Owner(0), 1), 2, vec![row(0, 672, Outcome::Ok(5))]).is_empty());
        assert_eq!(
            merger.add((Asker::Owner(0), 0), 2, vec![row(672, 700, Outcome::Ok(1))]),
            [row(0, 700, Outcome::Ok(2))]
        );
    }
}
