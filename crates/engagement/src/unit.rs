//! The work of a query, request by request.

use std::{collections::VecDeque, sync::Arc};

use engagement_model::{
    Endpoint, Grouping, Metric, Outcome, Reason, Row, TweetId, Window,
    plan::{Asker, Plan, Why},
};

use crate::{client::Inner, query::Metrics};

/// What one request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) endpoint: Endpoint,
    pub(crate) caller: usize,
    /// Where public metrics of Tweets go that turn out to be somebody else's.
    pub(crate) fallback: Option<usize>,
    pub(crate) tweet_ids: Arc<[TweetId]>,
    pub(crate) metrics: Arc<[Metric]>,
    pub(crate) groupings: Arc<[Grouping]>,
    pub(crate) window: Option<Window>,
    /// Who asks and a number: units of one batch ask for the same Tweets in consecutive windows.
    pub(crate) batch: (usize, u32),
    /// How many windows the batch has.
    pub(crate) windows: u32,
}

impl Unit {
    /// A row without a value for each of its Tweets × metrics.
    pub(crate) fn rows(&self, outcome: &Outcome) -> impl Iterator<Item = Row> {
        rows(&self.tweet_ids, &self.metrics, self.window, outcome)
    }
}

/// Rows of one outcome, for each Tweet × metric.
pub(crate) fn rows(
    tweet_ids: &[TweetId],
    metrics: &[Metric],
    bucket: Option<Window>,
    outcome: &Outcome,
) -> impl Iterator<Item = Row> {
    tweet_ids.iter().flat_map(move |&tweet_id| {
        metrics.iter().map(move |metric| Row {
            tweet_id,
            metric: metric.clone(),
            bucket,
            outcome: outcome.clone(),
        })
    })
}

/// The requests of a plan, each as often as the groupings have parts. With `falls_back`, owners' Tweets that turn out to be somebody else's are asked for app-only.
pub(crate) fn units(
    client: &Inner,
    plan: &Plan,
    parts: &[Arc<[Grouping]>],
    falls_back: bool,
) -> VecDeque<Unit> {
    let fallback = client.app().filter(|_| falls_back);
    let mut units: VecDeque<Unit> = VecDeque::new();
    for planned in plan.requests() {
        let caller = client.caller_of(planned.asker());
        let tweet_ids = planned.tweet_ids();
        let (_, windows) = planned.window_of_batch();
        let batch = (caller, planned.batch());
        // Most windows of a batch ask for the same Tweets.
        let before = units.back().filter(|before| before.batch == batch);
        let (tweet_ids, metrics) = match before {
            Some(before) if before.tweet_ids.iter().copied().eq(planned.tweet_ids()) => {
                (before.tweet_ids.clone(), before.metrics.clone())
            }
            _ => (tweet_ids.collect::<Arc<[_]>>(), planned.metrics().cloned().collect::<Arc<[_]>>()),
        };
        units.extend(parts.iter().map(|groupings| Unit {
            endpoint: planned.endpoint(),
            caller,
            fallback: fallback.filter(|_| planned.asker() != Asker::AppOnly),
            tweet_ids: tweet_ids.clone(),
            metrics: metrics.clone(),
            groupings: groupings.clone(),
            window: planned.window(),
            batch,
            windows,
        }));
    }
    units
}

/// Rows for what the plan does not ask for. What a credential may not read is a cell only if it was asked for by name.
pub(crate) fn skipped(plan: &Plan, metrics: &Metrics) -> Vec<Row> {
    let reason = |why: Why| Reason::new(&format!("{why}; not asked"));
    let reasons = [Why::TooOld, Why::NotYetMade, Why::NotReadable].map(|why| (why, reason(why)));
    plan.skipped()
        .filter(|skipped| skipped.why != Why::NotReadable || *metrics != Metrics::Allowed)
        .filter_map(|skipped| {
            let (_, reason) = reasons.iter().find(|(why, _)| *why == skipped.why)?;
            Some(Row {
                tweet_id: skipped.tweet_id,
                metric: skipped.metric,
                bucket: plan.range(),
                outcome: Outcome::without_value(skipped.why.state(), reason.clone())?,
            })
        })
        .collect()
}
