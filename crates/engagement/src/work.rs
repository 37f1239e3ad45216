//! The work of a query, unit by unit.

use std::{collections::VecDeque, sync::Arc};

use engagement_model::{
    Grouping, Metric, Outcome, Reason, Row,
    plan::{Asker, Plan, Why},
};

use crate::{access::app_reads_nothing, query::Metrics, unit::Unit};

/// A unit and its place among those of its Tweets.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) unit: Unit,
    /// Who asks and a number: units of one batch ask for the same Tweets in consecutive windows.
    pub(crate) batch: (Asker, u32),
    /// How many windows the batch has.
    pub(crate) windows: u32,
}

/// The requests of a plan, each as often as the groupings have parts. They are made batch by batch: the plan of a long
/// list has all of its Tweets already.
pub(crate) struct Pieces {
    plan: Plan,
    parts: Vec<Arc<[Grouping]>>,
    falls_back: bool,
    /// How many batches were made pieces of.
    batches: usize,
    made: VecDeque<Piece>,
    /// Those of the last piece: most ask for the same.
    metrics: Arc<[Metric]>,
}

impl Pieces {
    /// With `falls_back`, totals of owners' Tweets that turn out to be somebody else's are asked for app-only.
    pub(crate) fn new(plan: Plan, parts: Vec<Arc<[Grouping]>>, falls_back: bool) -> Self {
        Self { plan, parts, falls_back, batches: 0, made: VecDeque::new(), metrics: Arc::default() }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        while self.made.is_empty() {
            let mut tweet_ids = Arc::default();
            for planned in self.plan.requests_of_batch(self.batches)? {
                // Most windows of a batch ask for the same Tweets.
                same_or_new(&mut tweet_ids, || planned.tweet_ids());
                same_or_new(&mut self.metrics, || planned.metrics().cloned());
                let (_, windows) = planned.window_of_batch();
                self.made.extend(self.parts.iter().map(|groupings| {
                    let unit = Unit {
                        endpoint: planned.endpoint(),
                        asker: planned.asker(),
                        falls_back: false,
                        tweet_ids: tweet_ids.clone(),
                        metrics: self.metrics.clone(),
                        groupings: groupings.clone(),
                        window: planned.hours(),
                        hook: None,
                    };
                    let unit = if self.falls_back { unit.fall_back_to_app() } else { unit };
                    Piece { unit, batch: (planned.asker(), planned.batch()), windows }
                }));
            }
            self.batches += 1;
        }
        self.made.pop_front()
    }
}

/// Leaves `known` as it is if it has these items.
fn same_or_new<T, I>(known: &mut Arc<[T]>, items: impl Fn() -> I)
where
    T: Clone + PartialEq,
    I: Iterator<Item = T>,
{
    if !known.iter().cloned().eq(items()) {
        *known = items().collect();
    }
}

/// Rows for what a plan does not ask for. What a credential may not read is a cell only if it was asked for by name, or
/// if the credential may read nothing at all there: then nothing else tells of the Tweet.
pub fn unasked<'a>(plan: &'a Plan, metrics: &'a Metrics) -> impl Iterator<Item = Row> + use<'a> {
    let by_owners_alone = app_reads_nothing(plan.endpoint());
    let reason = |why: Why| match why {
        Why::NotReadable if by_owners_alone => {
            Reason::new("only the token of the Tweet's owner may read it; not asked")
        }
        _ => Reason::new(&format!("{why}; not asked")),
    };
    let reasons = [Why::TooOld, Why::NotYetMade, Why::NotReadable].map(|why| (why, reason(why)));
    let is_cell = move |why: Why| why != Why::NotReadable || by_owners_alone || *metrics != Metrics::Allowed;
    plan.skipped_because(is_cell).filter_map(move |skipped| {
        let (_, reason) = reasons.iter().find(|(why, _)| *why == skipped.why)?;
        Some(Row {
            tweet_id: skipped.tweet_id,
            metric: skipped.metric,
            bucket: plan.range(),
            outcome: Outcome::without_value(skipped.why.state(), reason.clone())?,
        })
    })
}
