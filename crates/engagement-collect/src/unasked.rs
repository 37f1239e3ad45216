//! What a job does not ask for, in pieces that a store can take.

use engagement::{Metrics, unasked};
use engagement_model::{Metric, Outcome, Reason, Row, TweetId, plan::Plan};

/// What a plan leaves out.
pub(crate) fn of_plan<'a>(plan: &'a Plan, metrics: &'a Metrics) -> impl Iterator<Item = Vec<Row>> {
    pieces(unasked(plan, metrics))
}

/// Tweets that are forbidden without asking.
pub(crate) fn forbidden<'a>(
    tweet_ids: &'a [TweetId],
    metrics: &'a [Metric],
    reason: &str,
) -> impl Iterator<Item = Vec<Row>> + use<'a> {
    let forbidden = Outcome::Forbidden(Reason::new(reason));
    pieces(tweet_ids.iter().flat_map(move |&tweet_id| {
        let forbidden = forbidden.clone();
        metrics.iter().map(move |metric| Row {
            tweet_id,
            metric: metric.clone(),
            bucket: None,
            outcome: forbidden.clone(),
        })
    }))
}

fn pieces(rows: impl Iterator<Item = Row>) -> impl Iterator<Item = Vec<Row>> {
    let mut rows = rows.peekable();
    std::iter::from_fn(move || {
        rows.peek()?;
        Some(rows.by_ref().take(ROWS).collect())
    })
}

/// Rows of a piece: a megabyte of them.
const ROWS: usize = 16_384;
