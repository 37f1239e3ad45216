//! What a job does not ask for, in pieces that a store can take.

use engagement::{Metrics, unasked};
use engagement_model::{Metric, Outcome, Reason, Row, TweetId, plan::Plan};

/// What a plan leaves out.
pub(crate) fn of_plan<'a>(plan: &'a Plan, metrics: &'a Metrics) -> impl Iterator<Item = Vec<Row>> {
    pieces(unasked(plan, metrics))
}

/// Tweets that are forbidden without asking, and why.
pub(crate) fn forbidden(
    tweets: impl Iterator<Item = (TweetId, Reason)>,
    metrics: &[Metric],
) -> impl Iterator<Item = Vec<Row>> {
    pieces(tweets.flat_map(move |(tweet_id, reason)| {
        let forbidden = Outcome::Forbidden(reason);
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
