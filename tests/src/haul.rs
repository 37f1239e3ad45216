//! All that came out of a query.

use std::collections::{BTreeMap, BTreeSet};

use engagement::{
    Effort, Outcomes, Problem, ProblemKind, Query,
    model::{Metric, Outcome, Row, State, TweetId},
};
use futures_util::StreamExt as _;

/// The batches of a query in one heap.
#[derive(Clone, Debug, Default)]
pub struct Haul {
    /// All rows, in the order in which they came.
    pub rows: Vec<Row>,
    /// All warnings.
    pub warnings: Vec<String>,
    /// All problems.
    pub problems: Vec<Problem>,
    /// What it cost.
    pub effort: Effort,
}

impl Haul {
    /// Sends the query and takes everything that comes.
    pub async fn of(query: Query) -> Self {
        Self::rest_of(query.send().expect("the suite asks for what the API takes")).await
    }

    /// Takes everything that is still to come.
    ///
    /// # Panics
    ///
    /// A batch is not sorted.
    pub async fn rest_of(mut outcomes: Outcomes) -> Self {
        let mut haul = Self::default();
        while let Some(batch) = outcomes.next().await {
            let order = |row: &Row| (row.tweet_id, row.bucket, row.metric.clone());
            assert!(batch.rows.is_sorted_by_key(order), "a batch is sorted");
            haul.rows.extend(batch.rows);
            haul.warnings.extend(batch.warnings);
            haul.problems.extend(batch.problems);
        }
        haul.effort = outcomes.effort();
        haul
    }

    /// Where each Tweet stands: ok if any value came.
    pub fn states(&self) -> BTreeMap<TweetId, State> {
        let mut states = BTreeMap::new();
        for row in &self.rows {
            let state = row.outcome.state();
            states
                .entry(row.tweet_id)
                .and_modify(|known: &mut State| *known = known.and(state))
                .or_insert(state);
        }
        states
    }

    /// What became of each Tweet × metric: one state as a rule, and several if its buckets differ.
    pub fn cells(&self) -> BTreeMap<(TweetId, Metric), BTreeSet<State>> {
        let mut cells: BTreeMap<_, BTreeSet<State>> = BTreeMap::new();
        for row in &self.rows {
            cells.entry((row.tweet_id, row.metric.clone())).or_default().insert(row.outcome.state());
        }
        cells
    }

    /// How many cells are in each state; one whose buckets differ counts in each of theirs.
    pub fn tally(&self) -> BTreeMap<State, usize> {
        let mut tally = BTreeMap::new();
        for state in self.cells().into_values().flatten() {
            *tally.entry(state).or_default() += 1;
        }
        tally
    }

    /// The kinds of its problems, in the order in which they came.
    pub fn problem_kinds(&self) -> Vec<ProblemKind> {
        self.problems.iter().map(|problem| problem.kind).collect()
    }

    /// The values with their rows.
    pub fn values(&self) -> impl Iterator<Item = (&Row, u64)> {
        self.rows.iter().filter_map(|row| match row.outcome {
            Outcome::Ok(value) => Some((row, value)),
            _ => None,
        })
    }
}
