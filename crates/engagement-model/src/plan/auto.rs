//! What [`Target::Auto`] chooses: the endpoint that answers for the fewest requests, and who asks for owned Tweets.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{AgeRules, Asker, Plan, Target};
use crate::{
    endpoint::Endpoint,
    grouping::{Dimension, Grouping},
    hour::UtcHour,
    metric::Metric,
    outcome::{Outcome, Reason, Row},
    request::{InvalidRequest, Lists, Request},
    tweet_id::TweetId,
    window::Window,
};

impl Target {
    /// The endpoint that this is asked of at `now`, the server's time.
    ///
    /// | range | endpoint | requests for n Tweets of one owner |
    /// | --- | --- | --- |
    /// | none | totals | ⌈n / 250⌉, where a series takes ⌈n / 25⌉ for every window |
    /// | inside the last 28 hours and up to the running one | 28hr | ⌈n / 25⌉, as many as historical |
    /// | any other | historical | what [`Plan`] makes of it |
    ///
    /// The last 28 hours are those that the endpoint answers: the hour of 28 hours ago to the running one, 29 unless
    /// `now` is exactly on the hour (inferred from a documented example, contract 2.3).
    pub fn endpoint(self, now: Timestamp) -> Endpoint {
        match self {
            Self::Totals | Self::Auto(None) => Endpoint::Totals,
            Self::Last28Hours => Endpoint::Last28Hours,
            Self::Historical(_) => Endpoint::Historical,
            Self::Auto(Some(range)) => {
                if reaches_back_to(range, now) && range.end() == UtcHour::at_or_after(now) {
                    Endpoint::Last28Hours
                } else {
                    Endpoint::Historical
                }
            }
        }
    }

    /// The hours that are asked for, where the question names any.
    pub const fn range(self) -> Option<Window> {
        match self {
            Self::Historical(range) | Self::Auto(Some(range)) => Some(range),
            Self::Totals | Self::Last28Hours | Self::Auto(None) => None,
        }
    }
}

impl Plan {
    /// What of an answer's rows belongs to the question.
    ///
    /// Everything does, unless [`Target::Auto`] chose 28hr: that answers 28 hours, whatever part of them was asked
    /// for. Then hours outside the range go, and a row without a value, which stands for all hours, stands for those
    /// of the range. Hours of the range that the answer does not reach are unaccounted: it may be one hour older or
    /// younger than the question, by the wait between them or by the difference of two clocks.
    pub fn clip(&self, rows: Vec<Row>) -> Vec<Row> {
        match self.range.filter(|_| self.endpoint == Endpoint::Last28Hours) {
            Some(range) => clip(rows, range),
            None => rows,
        }
    }

    /// Lets the app ask for those owned Tweets that need nothing but public totals, where that saves requests.
    ///
    /// An owner's own requests are filled first: what rides there costs nothing. Then a Tweet more for the app costs
    /// the owner's pool never less than the app's, so that either all the others go or, if that saves nothing, none.
    pub(super) fn share_app_only(&mut self) {
        if self.app_metrics.is_empty() {
            return;
        }
        let size = self.endpoint.max_tweet_ids();
        let (mut owners_alone, mut owners_shared, mut for_app) = (0, 0, 0);
        let mut riding: Vec<usize> = Vec::with_capacity(self.pools.len());
        for pool in &self.pools {
            let asked = pool.asked();
            if pool.asker == Asker::AppOnly {
                for_app += asked.len();
                riding.push(0);
                continue;
            }
            let public_only = asked.partition_point(|id| {
                self.not_for_app.iter().all(|metric| {
                    self.age_rules == AgeRules::Keep && metric.is_too_old_on(self.endpoint, *id, self.now)
                })
            });
            let own = asked.len() - public_only;
            let room = own.next_multiple_of(size) - own;
            owners_alone += asked.len().div_ceil(size);
            owners_shared += own.div_ceil(size);
            riding.push(public_only.saturating_sub(room));
        }
        let all_riding: usize = riding.iter().sum();
        if owners_shared + (for_app + all_riding).div_ceil(size) < owners_alone + for_app.div_ceil(size) {
            self.ride(&riding);
        }
    }

    /// Gives so many of each pool's Tweets, from the first that is asked for on, to the app.
    fn ride(&mut self, riding: &[usize]) {
        let mut riders = Vec::with_capacity(riding.iter().sum());
        let mut pools = Vec::with_capacity(self.pools.len() + 1);
        let mut for_app = Vec::new();
        for (mut pool, riding) in core::mem::take(&mut self.pools).into_iter().zip(riding) {
            if pool.asker == Asker::AppOnly {
                for_app = pool.tweet_ids;
                continue;
            }
            riders.extend(pool.tweet_ids.drain(pool.from..pool.from + riding));
            if !pool.tweet_ids.is_empty() {
                pools.push(self.pool(pool.asker, pool.tweet_ids));
            }
        }
        for_app.extend_from_slice(&riders);
        // The app comes first.
        pools.insert(0, self.pool(Asker::AppOnly, for_app));
        self.pools = pools;
        // Who rides matters only where there is something that riders are not asked for.
        if !self.not_for_app.is_empty() {
            riders.sort_unstable();
            riders.dedup();
            self.riders = riders;
        }
    }
}

/// What of the rows of the last 28 hours belongs to a part of them: see [`Plan::clip`].
pub fn clip(rows: Vec<Row>, part: Window) -> Vec<Row> {
    let mut cells: BTreeMap<(TweetId, Metric), Vec<Row>> = BTreeMap::new();
    for row in rows {
        cells.entry((row.tweet_id, row.metric.clone())).or_default().push(row);
    }
    let mut clipped = Vec::new();
    for ((tweet_id, metric), mut rows) in cells {
        if let [only] = &mut *rows
            && only.outcome.value().is_none()
        {
            only.bucket = Some(part);
            clipped.append(&mut rows);
            continue;
        }
        rows.retain_mut(|row| {
            row.bucket = row.bucket.and_then(|bucket| {
                let inside = bucket.intersection(part)?;
                // A sum of more hours is not one of fewer.
                (inside == bucket || row.outcome.value().is_none()).then_some(inside)
            });
            row.bucket.is_some()
        });
        let told: Vec<Window> = rows.iter().filter_map(|row| row.bucket).collect();
        clipped.append(&mut rows);
        clipped.extend(gaps(part, told).map(|gap| Row {
            tweet_id,
            metric: metric.clone(),
            bucket: Some(gap),
            outcome: Outcome::Unaccounted(Reason::new("the answer does not reach this hour")),
        }));
    }
    clipped
}

/// What of the part no bucket has.
fn gaps(part: Window, mut told: Vec<Window>) -> impl Iterator<Item = Window> {
    told.sort_unstable_by_key(|bucket| bucket.start());
    let mut from = part.start();
    let last = core::iter::once((part.end(), part.end()));
    told.into_iter().map(|bucket| (bucket.start(), bucket.end())).chain(last).filter_map(
        move |(start, end)| {
            let gap = Window::new(from, start).ok();
            from = from.max(end);
            gap
        },
    )
}

/// The request for these hours, where the endpoint has any, at the server's time `now`: it may have waited. The lists
/// are shared with it, and copied only where something is in one twice.
///
/// Hours on 28hr are a part of what it answers, and the answer is then to be [clipped](clip). Where it no longer reaches
/// back to the part's first hour, or where a grouping does not tell hours apart, historical is asked for the same hours:
/// it costs the same.
///
/// # Errors
///
/// What [`Request`] refuses.
pub fn request(
    endpoint: Endpoint,
    tweet_ids: Arc<[TweetId]>,
    metrics: Arc<[Metric]>,
    groupings: Arc<[Grouping]>,
    hours: Option<Window>,
    now: Timestamp,
) -> Result<Request, InvalidRequest> {
    let lists = Lists { tweet_ids, metrics, groupings };
    match (endpoint, hours) {
        (Endpoint::Totals, _) => lists.totals(),
        (Endpoint::Last28Hours, None) => lists.last_28_hours(),
        (Endpoint::Historical, None) => Err(InvalidRequest::NoWindow),
        (Endpoint::Last28Hours, Some(part))
            if reaches_back_to(part, now) && lists.groupings.iter().all(tells_hours) =>
        {
            lists.last_28_hours()
        }
        (Endpoint::Last28Hours | Endpoint::Historical, Some(window)) => lists.historical(window, now),
    }
}

/// Whether the 28hr endpoint, asked at `now`, answers the window's first hour.
fn reaches_back_to(window: Window, now: Timestamp) -> bool {
    UtcHour::containing(now).plus(-Endpoint::LAST_HOURS) <= window.start()
}

/// Whether an answer so grouped can be clipped: a day or a sum of the last 28 hours cannot be divided. Hours without
/// days may be hours of the day (contract 3.3).
fn tells_hours(by: &Grouping) -> bool {
    by.has(Dimension::EngagementDay) && by.has(Dimension::EngagementHour)
}
