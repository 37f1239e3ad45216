//! The work of a query, unit by unit.

use std::{collections::VecDeque, sync::Arc};

use engagement_model::{
    Grouping, Outcome, Reason, Row,
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

/// The requests of a plan, each as often as the groupings have parts. With `falls_back`, totals of owners' Tweets that
/// turn out to be somebody else's are asked for app-only.
pub(crate) fn pieces(plan: &Plan, parts: &[Arc<[Grouping]>], falls_back: bool) -> VecDeque<Piece> {
    let mut pieces: VecDeque<Piece> = VecDeque::new();
    for planned in plan.requests() {
        let (_, windows) = planned.window_of_batch();
        let batch = (planned.asker(), planned.batch());
        let before = pieces.back();
        // Most windows of a batch ask for the same Tweets, and most requests for the same metrics.
        let tweet_ids = before
            .filter(|before| before.batch == batch)
            .map(|before| &before.unit.tweet_ids)
            .filter(|before| before.iter().copied().eq(planned.tweet_ids()));
        let tweet_ids = tweet_ids.cloned().unwrap_or_else(|| planned.tweet_ids().collect());
        let metrics =
            before.map(|before| &before.unit.metrics).filter(|before| before.iter().eq(planned.metrics()));
        let metrics = metrics.cloned().unwrap_or_else(|| planned.metrics().cloned().collect());
        pieces.extend(parts.iter().map(|groupings| {
            let unit = Unit {
                endpoint: planned.endpoint(),
                asker: planned.asker(),
                falls_back: false,
                tweet_ids: tweet_ids.clone(),
                metrics: metrics.clone(),
                groupings: groupings.clone(),
                window: planned.hours(),
                hook: None,
            };
            let unit = if falls_back { unit.fall_back_to_app() } else { unit };
            Piece { unit, batch, windows }
        }));
    }
    pieces
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
