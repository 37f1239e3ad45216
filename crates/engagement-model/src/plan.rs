//! Which requests answer a question, and how few they can be.
//!
//! A request costs one call of the quota whatever it holds, so a plan fills them: ids are packed by who asks, and on
//! the historical endpoint by age, so that hours before a Tweet existed are not asked for. A plan is a function of its
//! input alone, and makes its requests only when they are taken from it.
//!
//! No plan for the same askers has fewer requests: on historical, Σ ⌈n(t) / 25⌉ over hours t that are 672 apart, counted
//! back from the last of the range, with n(t) the asker's Tweets that are there at hour t; no request has two of these
//! hours. [`Summary::lower_bound`] is a simpler number, and sometimes out of reach. Here the 60 days have three such
//! hours, and each takes two requests:
//!
//! ```
//! use engagement_model::{Metric, TweetId, Window, plan::{Ask, Asker, Plan, Question, Target}};
//!
//! let now = "2024-03-08T00:00:00Z".parse()?;
//! let last_60_days = Window::covering("2024-01-08T00:00:00Z".parse()?, now)?;
//! let ids = (0..30).map(|n| TweetId::new(1_500_000_000_000_000_000 + n)).collect::<Result<Vec<_>, _>>()?;
//! let asks = ids.into_iter().map(|id| Ask::new(id, Asker::Owner(0))).collect();
//! let plan = Plan::new(Question::new(Target::Historical(last_60_days), [Metric::Impressions], now), asks)?;
//! assert_eq!(plan.requests().count(), 6);
//! assert_eq!(plan.summary(None).lower_bound, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where only the question is known, [`Target::Auto`] finds the endpoint, and who asks. Here a hundred Tweets of as
//! many owners need public totals, which one request of the app reads:
//!
//! ```
//! # use engagement_model::{Endpoint, Metric, TweetId, plan::{Ask, Asker, Plan, Question, Target}};
//! # let now = "2024-03-08T00:00:00Z".parse()?;
//! # let ids = (0..100).map(|n| TweetId::new(1_760_000_000_000_000_000 + n)).collect::<Result<Vec<_>, _>>()?;
//! let target = Target::Auto(None);
//! assert_eq!(target.endpoint(now), Endpoint::Totals);
//! let asks: Vec<_> = (0..).zip(ids).map(|(owner, id)| Ask::new(id, Asker::Owner(owner))).collect();
//! let plan = |metric| Plan::new(Question::new(target, [metric], now), asks.clone());
//! assert_eq!(plan(Metric::Favorites)?.requests().count(), 1);
//! assert_eq!(plan(Metric::Impressions)?.requests().count(), 100);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod auto;
mod bound;

use core::fmt;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    access::Access,
    endpoint::Endpoint,
    grouping::Grouping,
    hour::UtcHour,
    metric::{Metric, WINDOW_MAX_HOURS},
    outcome::State,
    request::{InvalidRequest, Request, check_range},
    tweet_id::TweetId,
    window::Window,
};

pub use self::auto::{clip, request};

/// Who asks: a pool of calls that share one credential.
///
/// The app comes before every owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asker {
    /// The app alone.
    AppOnly,
    /// The owner of the Tweets, by a number that the caller gives to each.
    Owner(u32),
}

impl Asker {
    /// What the credential may read.
    pub const fn access(self) -> Access {
        match self {
            Self::AppOnly => Access::AppOnly,
            Self::Owner(_) => Access::Owner,
        }
    }
}

/// One Tweet, and who is to ask for it. 16 bytes, since lists have millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Who asks.
    pub asker: Asker,
    /// The Tweet.
    pub tweet_id: TweetId,
}

impl Ask {
    /// This Tweet, asked for so.
    pub const fn new(tweet_id: TweetId, asker: Asker) -> Self {
        Self { asker, tweet_id }
    }

    /// The Tweets of each asker, as [`Plan::by_asker`] takes them.
    pub fn by_asker(mut asks: Vec<Self>) -> BTreeMap<Asker, Vec<TweetId>> {
        // Here, since it is quicker for the whole than for thousands of parts that are then out of the cache.
        if !asks.is_sorted() {
            asks.sort_unstable();
        }
        let runs = asks.chunk_by(|a, b| a.asker == b.asker);
        runs.filter_map(|run| Some((run.first()?.asker, run.iter().map(|ask| ask.tweet_id).collect())))
            .collect()
    }
}

/// Where to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Lifetime totals.
    Totals,
    /// The last 28 hours.
    Last28Hours,
    /// Any range, in as many windows as it takes.
    Historical(Window),
    /// Wherever it costs least: lifetime numbers without a range, else the hours of the range. See
    /// [`Target::endpoint`].
    ///
    /// Owned Tweets that need no more than public totals are then asked for app-only, where that saves requests: see
    /// [`Question::riding`]. And what was planned for 28hr is asked by hour and [clipped](Plan::clip).
    Auto(Option<Window>),
}

/// What is asked of every Tweet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// Where.
    pub target: Target,
    /// The metrics. Each asker asks for those that it may read.
    pub metrics: Vec<Metric>,
    /// The server's time, as well as it is known: ages count from here.
    pub now: Timestamp,
    /// What to do about Tweets that are too old.
    pub age_rules: AgeRules,
    /// How many requests each batch and window takes: more than one where the groupings fill several.
    pub parts: u32,
    /// Whether [`Target::Auto`] may let owned Tweets ride app-only.
    pub riding: Riding,
}

impl Question {
    /// A question that keeps to the age rules and takes one request a batch.
    pub fn new(target: Target, metrics: impl IntoIterator<Item = Metric>, now: Timestamp) -> Self {
        Self {
            target,
            metrics: metrics.into_iter().collect(),
            now,
            age_rules: AgeRules::Keep,
            parts: 1,
            riding: Riding::WhereItSaves,
        }
    }
}

/// What to do about Tweets that are too old for a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgeRules {
    /// Send no request that they exclude altogether.
    #[default]
    Keep,
    /// Send it all the same.
    AskAnyway,
}

/// Whether owned Tweets that need no more than public totals may be asked for app-only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Riding {
    /// Where the requests of all pools together become fewer.
    #[default]
    WhereItSaves,
    /// Not at all: there is no app, or the credential was chosen on purpose.
    Never,
}

/// The requests that answer a question.
#[derive(Clone, Debug)]
pub struct Plan {
    endpoint: Endpoint,
    range: Option<Window>,
    now: Timestamp,
    age_rules: AgeRules,
    parts: u32,
    owner_metrics: Vec<Metric>,
    app_metrics: Vec<Metric>,
    /// Metrics of the question that the app may not read.
    not_for_app: Vec<Metric>,
    /// By asker.
    pools: Vec<Pool>,
    /// Owned Tweets that the app asks for since they are too old for what it may not read, by id.
    riders: Vec<TweetId>,
}

impl Plan {
    /// Plans. A Tweet that is given twice for one asker is asked for once.
    ///
    /// # Errors
    ///
    /// No request can answer the question.
    pub fn new(question: Question, asks: Vec<Ask>) -> Result<Self, InvalidPlan> {
        Self::by_asker(question, Ask::by_asker(asks))
    }

    /// The same for Tweets that are told apart by who asks: of a list that one asks for, nothing is copied.
    ///
    /// # Errors
    ///
    /// No request can answer the question.
    pub fn by_asker(
        question: Question,
        tweet_ids: BTreeMap<Asker, Vec<TweetId>>,
    ) -> Result<Self, InvalidPlan> {
        let Question { target, metrics, now, age_rules, parts, riding } = question;
        let (endpoint, range) = (target.endpoint(now), target.range());
        if let Some(range) = range {
            check_range(range, now)?;
        }
        if metrics.is_empty() {
            return Err(InvalidRequest::NoMetrics.into());
        }
        if let Some(metric) = metrics.iter().find(|metric| !metric.is_served_by(endpoint)) {
            return Err(match target {
                Target::Auto(None) => InvalidPlan::NoLifetimeTotal { metric: metric.clone() },
                _ => InvalidRequest::MisplacedMetric { endpoint, metric: metric.clone() }.into(),
            });
        }
        let (app_metrics, not_for_app) =
            metrics.iter().cloned().partition(|metric| Access::AppOnly.reads(metric, endpoint));
        let mut plan = Self {
            endpoint,
            range,
            now,
            age_rules,
            parts: parts.max(1),
            owner_metrics: metrics,
            app_metrics,
            not_for_app,
            pools: Vec::new(),
            riders: Vec::new(),
        };
        plan.pools = tweet_ids.into_iter().map(|(asker, ids)| plan.pool(asker, ids)).collect();
        if target == Target::Auto(None) && riding == Riding::WhereItSaves {
            plan.share_app_only();
        }
        Ok(plan)
    }

    /// Where the requests go, if none waits too long: see [`Planned::request`].
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The hours that are asked for, where the question names any.
    pub const fn range(&self) -> Option<Window> {
        self.range
    }

    /// The requests, in the order in which to send them: by asker, by batch from the oldest Tweets to the youngest, by
    /// window from the oldest hours to the newest. Where the groupings take several requests, each of these stands for
    /// all of them.
    pub fn requests(&self) -> impl Iterator<Item = Planned<'_>> {
        self.pools.iter().flat_map(move |pool| self.batches(pool)).flat_map(move |batch| self.windows(batch))
    }

    /// The same of one batch, for a caller who takes them bit by bit: batches are counted from 0 over all askers, and
    /// behind the last there is none.
    pub fn requests_of_batch(&self, mut index: usize) -> Option<impl Iterator<Item = Planned<'_>>> {
        for pool in &self.pools {
            let count = pool.asked().len().div_ceil(self.endpoint.max_tweet_ids());
            if index < count {
                return self.batches(pool).nth(index).map(|batch| self.windows(batch));
            }
            index -= count;
        }
        None
    }

    /// What the plan does not ask for, and the state that it is in for that reason.
    pub fn skipped(&self) -> impl Iterator<Item = Skipped> {
        self.skipped_because(|_| true)
    }

    /// The same for some of the reasons.
    pub fn skipped_because(&self, counts: impl Fn(Why) -> bool + Copy) -> impl Iterator<Item = Skipped> {
        let asked_in_part =
            self.pools.iter().flat_map(move |pool| self.batches(pool)).flat_map(move |batch| {
                let left_out = self
                    .metrics_of(batch.pool.asker)
                    .iter()
                    .filter(move |metric| !self.serves(metric, &batch));
                left_out.flat_map(move |metric| {
                    let asker = batch.pool.asker;
                    batch.tweet_ids.iter().map(move |&id| Skipped::new(id, asker, metric, Why::TooOld))
                })
            });
        let unasked = self.pools.iter().flat_map(move |pool| {
            let metrics = self.metrics_of(pool.asker);
            let early = pool.too_old().iter().map(|id| (*id, Why::TooOld));
            let late = pool.unmade().iter().map(|id| (*id, Why::NotYetMade));
            early.chain(late).flat_map(move |(id, why)| {
                metrics.iter().map(move |metric| Skipped::new(id, pool.asker, metric, why))
            })
        });
        let unreadable =
            self.pools.iter().filter(|pool| pool.asker == Asker::AppOnly).flat_map(move |pool| {
                let why = move |id: TweetId| {
                    let rides = self.riders.binary_search(&id).is_ok();
                    if rides { Why::TooOld } else { Why::NotReadable }
                };
                // It may well be all of them that do not count: then there is no need to look at each.
                let none_counts = self.riders.is_empty() && !counts(Why::NotReadable);
                let ids = if none_counts { &[] } else { &*pool.tweet_ids };
                let ids = ids.iter().map(move |&id| (id, why(id)));
                ids.filter(move |(_, why)| counts(*why)).flat_map(move |(id, why)| {
                    self.not_for_app.iter().map(move |metric| Skipped::new(id, pool.asker, metric, why))
                })
            });
        let by_rule = unasked.chain(asked_in_part).filter(move |skipped| counts(skipped.why));
        by_rule.chain(unreadable)
    }

    /// The plan in numbers.
    pub fn summary(&self, quota_per_minute: Option<u32>) -> Summary {
        let mut summary = Summary::default();
        for pool in &self.pools {
            summary.ids += pool.tweet_ids.len() as u64;
            let mut requests = 0;
            for batch in self.batches(pool) {
                requests += u64::from(self.windows_in(&batch));
                let left_out =
                    self.metrics_of(pool.asker).iter().filter(|metric| !self.serves(metric, &batch)).count();
                summary.skipped_unsupported += (left_out * batch.tweet_ids.len()) as u64;
            }
            requests *= u64::from(self.parts);
            let unasked = pool.too_old().len() + pool.unmade().len();
            summary.skipped_unsupported += (unasked * self.metrics_of(pool.asker).len()) as u64;
            if requests > 0 {
                summary.requests += requests;
                *summary.by_endpoint.entry(self.endpoint).or_default() += requests;
                *summary.by_asker.entry(pool.asker).or_default() += requests;
                summary.lower_bound += self.lower_bound(pool) * u64::from(self.parts);
            }
        }
        summary.skipped_unsupported += (self.riders.len() * self.not_for_app.len()) as u64;
        #[expect(clippy::cast_precision_loss, reason = "minutes for people, of at most millions of requests")]
        let minutes = |quota: u32| summary.requests as f64 / f64::from(quota.max(1));
        summary.minutes_at_quota = quota_per_minute.map(minutes);
        summary
    }

    /// For each asker of the plan, how many requests it sends and how few could do.
    pub fn bounds(&self) -> impl Iterator<Item = (Asker, u64, u64)> {
        self.pools.iter().map(move |pool| {
            let requests: u64 = self.batches(pool).map(|batch| u64::from(self.windows_in(&batch))).sum();
            let parts = u64::from(self.parts);
            (pool.asker, requests * parts, self.lower_bound(pool) * parts)
        })
    }

    /// An asker's Tweets, with what is not asked for cut off at both ends.
    fn pool(&self, asker: Asker, mut tweet_ids: Vec<TweetId>) -> Pool {
        // Most lists are in order.
        if !tweet_ids.is_sorted_by(|a, b| a < b) {
            tweet_ids.sort_unstable();
            tweet_ids.dedup();
        }
        let metrics = self.metrics_of(asker);
        let mut from = 0;
        if metrics.is_empty() {
            from = tweet_ids.len();
        } else if self.age_rules == AgeRules::Keep {
            // All metrics of the list are too old from some age on: a prefix of the older ones.
            from = tweet_ids.partition_point(|id| {
                metrics.iter().all(|metric| metric.is_too_old_on(self.endpoint, *id, self.now))
            });
        }
        let mut to = tweet_ids.len();
        if let Some(range) = self.range {
            to = tweet_ids.partition_point(|id| made_in(*id, range) < range.end());
            from = from.min(to);
        }
        Pool { asker, tweet_ids, from, to }
    }

    fn metrics_of(&self, asker: Asker) -> &[Metric] {
        match asker {
            Asker::AppOnly => &self.app_metrics,
            Asker::Owner(_) => &self.owner_metrics,
        }
    }

    fn batches<'a>(&'a self, pool: &'a Pool) -> impl Iterator<Item = Batch<'a>> {
        let batches = pool.asked().chunks(self.endpoint.max_tweet_ids());
        batches.zip(0..).map(move |(tweet_ids, number)| Batch { pool, number, tweet_ids })
    }

    /// Whether any Tweet of the batch is young enough for the metric.
    fn serves(&self, metric: &Metric, batch: &Batch<'_>) -> bool {
        self.age_rules == AgeRules::AskAnyway
            || batch
                .tweet_ids
                .last()
                .is_some_and(|youngest| !metric.is_too_old_on(self.endpoint, *youngest, self.now))
    }

    fn windows_in(&self, batch: &Batch<'_>) -> u32 {
        self.range.map_or(1, |range| {
            let oldest = batch.tweet_ids.first().map_or(range.end(), |id| made_in(*id, range));
            hours_between(oldest, range.end()).div_ceil(WINDOW_MAX_HOURS)
        })
    }

    /// The batch's requests. Windows are counted back from the end of the range: then a Tweet takes part in exactly as
    /// many as its hours need, and those of a batch who were there in a window are its older ones, a prefix.
    fn windows<'a>(&'a self, batch: Batch<'a>) -> impl Iterator<Item = Planned<'a>> {
        let count = self.windows_in(&batch);
        (0..count).rev().filter_map(move |back| {
            let (tweet_ids, hours) = match self.range {
                None => (batch.tweet_ids, None),
                Some(range) => {
                    let end = range.end().plus(-offset(back * WINDOW_MAX_HOURS));
                    let there = batch.tweet_ids.partition_point(|id| made_in(*id, range) < end);
                    let tweet_ids = batch.tweet_ids.get(..there)?;
                    let oldest = made_in(*tweet_ids.first()?, range);
                    let start = end.plus(-offset(WINDOW_MAX_HOURS)).max(oldest);
                    (tweet_ids, Some(Window::new(start, end).ok()?))
                }
            };
            Some(Planned { plan: self, batch, tweet_ids, hours, place: (count - back, count) })
        })
    }
}

/// One request of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Planned<'a> {
    plan: &'a Plan,
    batch: Batch<'a>,
    tweet_ids: &'a [TweetId],
    /// What is asked for, whether it is sent as a window or clipped out of the last 28 hours.
    hours: Option<Window>,
    place: (u32, u32),
}

impl<'a> Planned<'a> {
    /// Where it goes.
    pub const fn endpoint(&self) -> Endpoint {
        self.plan.endpoint
    }

    /// Who asks.
    pub const fn asker(&self) -> Asker {
        self.batch.pool.asker
    }

    /// Its Tweets, from the oldest to the youngest.
    pub fn tweet_ids(&self) -> impl ExactSizeIterator<Item = TweetId> + use<'a> {
        self.tweet_ids.iter().copied()
    }

    /// Its metrics: those that the asker may read, without those that all of its Tweets are too old for.
    pub fn metrics(&self) -> impl Iterator<Item = &'a Metric> + use<'a> {
        let Self { plan, batch, .. } = *self;
        plan.metrics_of(batch.pool.asker).iter().filter(move |metric| plan.serves(metric, &batch))
    }

    /// The window, on the historical endpoint.
    pub fn window(&self) -> Option<Window> {
        self.hours.filter(|_| self.plan.endpoint == Endpoint::Historical)
    }

    /// The hours that are asked for: the window, or on 28hr the part of the last 28 hours that the question names.
    pub const fn hours(&self) -> Option<Window> {
        self.hours
    }

    /// Which batch of its asker this is, from 0.
    pub const fn batch(&self) -> u32 {
        self.batch.number
    }

    /// Which window of its batch this is, from 1, and how many there are.
    pub const fn window_of_batch(&self) -> (u32, u32) {
        self.place
    }

    /// The request, grouped so, at the server's time `now`: a plan may wait.
    ///
    /// The end of a window is checked again. This is what [`request`] makes of it.
    ///
    /// # Errors
    ///
    /// What [`Request`] refuses.
    pub fn request(&self, groupings: &[Grouping], now: Timestamp) -> Result<Request, InvalidRequest> {
        let tweet_ids = self.tweet_ids().collect();
        let metrics = self.metrics().cloned().collect();
        request(self.plan.endpoint, tweet_ids, metrics, groupings.into(), self.hours, now)
    }
}

/// A Tweet × metric that a plan does not ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The Tweet.
    pub tweet_id: TweetId,
    /// Who would have asked.
    pub asker: Asker,
    /// The metric.
    pub metric: Metric,
    /// Why.
    pub why: Why,
}

impl Skipped {
    fn new(tweet_id: TweetId, asker: Asker, metric: &Metric, why: Why) -> Self {
        Self { tweet_id, asker, metric: metric.clone(), why }
    }
}

/// Why something is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The Tweet is too old for the metric.
    TooOld,
    /// The Tweet was made after the range.
    NotYetMade,
    /// The asker may not read the metric.
    NotReadable,
}

impl Why {
    /// The state in which such a cell ends.
    pub const fn state(self) -> State {
        match self {
            Self::TooOld | Self::NotYetMade => State::Unsupported,
            Self::NotReadable => State::Forbidden,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooOld => "the Tweet is too old for this metric",
            Self::NotYetMade => "the Tweet was made after the range",
            Self::NotReadable => "the credential may not read this metric",
        })
    }
}

/// A plan in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Requests that will be sent if all goes well.
    pub requests: u64,
    /// A bound on how few could do, summed over the askers that the plan uses. No plan goes below it, and not always
    /// does one reach it.
    ///
    /// On totals and 28hr: ⌈n / 250⌉ or ⌈n / 25⌉, which the plan meets. On historical, with k = ⌈needed hours of a
    /// Tweet / 672⌉ and n(t) = Tweets of that asker that are there at hour t of the range, the largest of ⌈Σk / 25⌉,
    /// max k, and ⌈Σ over hours ⌈n(t) / 25⌉ / 672⌉. The plan is above it by less than the number of windows in the
    /// range for any asker; by at most 3 % where on the average 800 of the asker's Tweets are there at the windows'
    /// ends, and by more than that only where no plan does better.
    pub lower_bound: u64,
    /// Requests to each endpoint that has any.
    pub by_endpoint: BTreeMap<Endpoint, u64>,
    /// Requests of each asker that has any.
    pub by_asker: BTreeMap<Asker, u64>,
    /// Different Tweets.
    pub ids: u64,
    /// Tweets × metrics that are not asked for because the API does not serve them.
    pub skipped_unsupported: u64,
    /// How long the requests take at the quota that was given.
    pub minutes_at_quota: Option<f64>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// The requests would break a rule.
    Request(InvalidRequest),
    /// Lifetime numbers are asked of a metric that has none.
    NoLifetimeTotal {
        /// The metric.
        metric: Metric,
    },
}

impl From<InvalidRequest> for InvalidPlan {
    fn from(error: InvalidRequest) -> Self {
        Self::Request(error)
    }
}

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => fmt::Display::fmt(error, f),
            Self::NoLifetimeTotal { metric } => {
                write!(f, "{metric} has no lifetime total: a range with a start and an end is needed")
            }
        }
    }
}

impl core::error::Error for InvalidPlan {}

/// The Tweets of one asker.
#[derive(Clone, Debug)]
struct Pool {
    asker: Asker,
    /// By age: a smaller id is an older Tweet.
    tweet_ids: Vec<TweetId>,
    /// The first that is asked for: those before it are too old.
    from: usize,
    /// Behind the last that is asked for: those after it are too young.
    to: usize,
}

impl Pool {
    fn asked(&self) -> &[TweetId] {
        self.tweet_ids.get(self.from..self.to).unwrap_or_default()
    }

    fn too_old(&self) -> &[TweetId] {
        self.tweet_ids.get(..self.from).unwrap_or_default()
    }

    fn unmade(&self) -> &[TweetId] {
        self.tweet_ids.get(self.to..).unwrap_or_default()
    }
}

/// Tweets that are asked for together.
#[derive(Clone, Copy, Debug)]
struct Batch<'a> {
    pool: &'a Pool,
    number: u32,
    tweet_ids: &'a [TweetId],
}

/// The first hour of the range in which the Tweet was there; the start for all that were there before.
fn made_in(tweet_id: TweetId, range: Window) -> UtcHour {
    tweet_id.created_at().map_or(range.start(), UtcHour::containing).max(range.start())
}

fn hours_between(start: UtcHour, end: UtcHour) -> u32 {
    if start < end { end.since_epoch().abs_diff(start.since_epoch()) } else { 0 }
}

/// As an offset. The range of times has fewer hours than this type.
fn offset(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
