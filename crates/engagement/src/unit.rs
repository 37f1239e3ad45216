//! The work of a query, divided into requests.

use std::{collections::VecDeque, sync::Arc};

use engagement_model::{Endpoint, Grouping, Metric, Outcome, Reason, Row, TweetId, Window};
use jiff::Timestamp;

use crate::access::Share;

/// What one request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) endpoint: Endpoint,
    pub(crate) caller: usize,
    pub(crate) fallback: Option<usize>,
    pub(crate) tweet_ids: Arc<[TweetId]>,
    pub(crate) metrics: Arc<[Metric]>,
    pub(crate) grouping: Grouping,
    pub(crate) window: Option<Window>,
    /// Units of one number ask for the same Tweets in consecutive windows.
    pub(crate) batch: usize,
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

/// What is still to be asked, in order: all windows of a batch before the next batch.
#[derive(Debug)]
pub(crate) struct Units {
    endpoint: Endpoint,
    grouping: Grouping,
    windows: Vec<Option<Window>>,
    batches: VecDeque<Batch>,
    next_window: usize,
    batch: usize,
    /// Rows that cost no request: what the API's age rules exclude, and what no credential may read.
    free: Vec<Row>,
}

#[derive(Debug)]
struct Batch {
    caller: usize,
    fallback: Option<usize>,
    tweet_ids: Arc<[TweetId]>,
    metrics: Arc<[Metric]>,
}

impl Units {
    /// Divides the shares. With `age_rules`, which is the time now, Tweets that are too old for every metric are not
    /// asked for.
    pub(crate) fn new(
        endpoint: Endpoint,
        shares: Vec<Share>,
        range: Option<Window>,
        grouping: Grouping,
        age_rules: Option<Timestamp>,
    ) -> Self {
        let windows = match range {
            Some(range) => range.slices().map(Some).collect(),
            None => vec![None],
        };
        let mut free = Vec::new();
        let mut batches = VecDeque::new();
        for share in shares {
            let forbidden = Outcome::Forbidden(Reason::new("this credential may not read the metric"));
            free.extend(rows(&share.tweet_ids, &share.forbidden, range, &forbidden));
            if share.metrics.is_empty() {
                continue;
            }
            let (too_old, tweet_ids): (Vec<_>, Vec<_>) = share.tweet_ids.into_iter().partition(|tweet_id| {
                age_rules.is_some_and(|now| {
                    share.metrics.iter().all(|metric| metric.is_too_old_on(endpoint, *tweet_id, now))
                })
            });
            let unsupported =
                Outcome::Unsupported(Reason::new("the Tweet is too old for this metric; not asked"));
            free.extend(rows(&too_old, &share.metrics, range, &unsupported));
            let metrics: Arc<[Metric]> = share.metrics.into();
            batches.extend(tweet_ids.chunks(endpoint.max_tweet_ids()).map(|tweet_ids| Batch {
                caller: share.caller,
                fallback: share.fallback,
                tweet_ids: tweet_ids.into(),
                metrics: metrics.clone(),
            }));
        }
        Self { endpoint, grouping, windows, batches, next_window: 0, batch: 0, free }
    }

    /// Takes the rows that cost no request.
    pub(crate) fn take_free(&mut self) -> Vec<Row> {
        core::mem::take(&mut self.free)
    }

    /// Windows in each batch.
    pub(crate) fn windows(&self) -> usize {
        self.windows.len()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint
    }
}

impl Iterator for Units {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let batch = self.batches.front()?;
        let unit = Unit {
            endpoint: self.endpoint,
            caller: batch.caller,
            fallback: batch.fallback,
            tweet_ids: batch.tweet_ids.clone(),
            metrics: batch.metrics.clone(),
            grouping: self.grouping.clone(),
            window: self.windows.get(self.next_window).copied().flatten(),
            batch: self.batch,
        };
        self.next_window += 1;
        if self.next_window >= self.windows.len() {
            self.next_window = 0;
            self.batch += 1;
            self.batches.pop_front();
        }
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use engagement_model::Dimension;

    use super::*;

    fn share(tweet_ids: impl Iterator<Item = u64>, metrics: &[Metric]) -> Share {
        Share {
            caller: 0,
            tweet_ids: tweet_ids.map(|id| TweetId::new(id).unwrap()).collect(),
            metrics: metrics.to_vec(),
            forbidden: Vec::new(),
            fallback: None,
        }
    }

    fn units(endpoint: Endpoint, share: Share, range: Option<Window>, now: Option<&str>) -> Units {
        let grouping = Grouping::new("g", [Dimension::TweetId, Dimension::EngagementType]).unwrap();
        Units::new(endpoint, vec![share], range, grouping, now.map(|now| now.parse().unwrap()))
    }

    fn range(days: i32) -> Window {
        let end = engagement_model::UtcHour::containing("2026-03-01T00:00:00Z".parse().unwrap());
        Window::new(end.plus(-24 * days), end).unwrap()
    }

    #[test]
    fn a_thousand_totals_take_four_requests() {
        let units = units(Endpoint::Totals, share(1..=1_000, &[Metric::Favorites]), None, None);
        assert_eq!(units.count(), 4);
    }

    #[test]
    fn sixty_days_of_thirty_tweets_take_six_requests() {
        let units = units(Endpoint::Historical, share(1..=30, &[Metric::Engagements]), Some(range(60)), None);
        let units: Vec<_> = units.collect();
        assert_eq!(units.len(), 6);
        assert_eq!(units.iter().map(|unit| unit.batch).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1]);
        assert!(units.iter().all(|unit| unit.window.unwrap().len_hours() <= 672));
    }

    #[test]
    fn what_is_too_old_for_everything_costs_nothing() {
        let now = Some("2026-03-01T00:00:00Z");
        let old = share(1..=3, &[Metric::Impressions, Metric::Engagements]);
        let mut all_old = units(Endpoint::Totals, old, None, now);
        let free = all_old.take_free();
        assert_eq!((all_old.count(), free.len()), (0, 6));
        assert!(free.iter().all(|row| matches!(row.outcome, Outcome::Unsupported(_))));
        // One metric that is served, and all ride along.
        let mut mixed =
            units(Endpoint::Totals, share(1..=3, &[Metric::Impressions, Metric::Favorites]), None, now);
        assert_eq!((mixed.take_free().len(), mixed.count()), (0, 1));
    }
}
