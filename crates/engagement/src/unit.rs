//! One request's work.

use std::{collections::HashSet, fmt, future::Future, sync::Arc};

use engagement_model::{Endpoint, Grouping, Metric, Outcome, Row, TweetId, Window, plan::Asker};
use futures_core::future::BoxFuture;

use crate::{query::Resolution, settled::Settled};

/// What one request asks for: Tweets that one credential is asked for together. Sent by
/// [`Client::settle`](crate::Client::settle).
///
/// A query makes its units from a plan. Who plans, keeps and repeats by other rules makes them one by one: a unit is
/// a plain value, and names its credential by the number that [`Client::app`](crate::Client::app) and
/// [`Client::account`](crate::Client::account) give.
#[derive(Clone)]
#[must_use = "a unit asks nothing before it is settled"]
pub struct Unit {
    pub(crate) endpoint: Endpoint,
    pub(crate) asker: Asker,
    /// Whether public metrics of Tweets that turn out to be somebody else's are asked for app-only.
    pub(crate) falls_back: bool,
    pub(crate) tweet_ids: Arc<[TweetId]>,
    pub(crate) metrics: Arc<[Metric]>,
    pub(crate) groupings: Arc<[Grouping]>,
    pub(crate) window: Option<Window>,
    pub(crate) hook: Option<Hook>,
}

impl Unit {
    /// These metrics of these Tweets, in buckets of this size where the endpoint has any.
    ///
    /// What the API refuses (more Tweets than the endpoint takes, a metric that it does not serve, a window that is too
    /// long) is found when the unit is settled, before anything is sent.
    pub fn new(
        endpoint: Endpoint,
        asker: Asker,
        tweet_ids: impl Into<Arc<[TweetId]>>,
        metrics: impl Into<Arc<[Metric]>>,
        resolution: Resolution,
    ) -> Self {
        Self {
            endpoint,
            asker,
            falls_back: false,
            tweet_ids: tweet_ids.into(),
            metrics: metrics.into(),
            groupings: [resolution.grouping(endpoint)].into(),
            window: None,
            hook: None,
        }
    }

    /// Of these hours. The historical endpoint needs them, and totals have none.
    ///
    /// On 28hr they are a part of the last 28 hours: what is answered beyond it is left out, and where it has begun to
    /// lie further back than that endpoint reaches, historical is asked for it instead.
    pub fn window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Asks app-only, on totals, for the public metrics of Tweets that turn out to be somebody else's. Without this they
    /// are forbidden.
    pub fn fall_back_to_app(mut self) -> Self {
        self.falls_back = self.endpoint == Endpoint::Totals && self.asker != Asker::AppOnly;
        self
    }

    /// Waits for `hook` before each request, when the request has its turn in the quota and before it is signed. Where
    /// it refuses, nothing is sent, and the unit ends with a problem of the kind
    /// [`Held`](crate::ProblemKind::Held). See [`transport::Gate`](engagement_transport::Gate).
    pub fn before_each<F>(mut self, hook: impl Fn(Departure) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.hook = Some(Arc::new(move |departure| Box::pin(hook(departure))));
        self
    }

    /// A row without a value for each of its Tweets × metrics.
    pub(crate) fn rows(&self, outcome: &Outcome) -> impl Iterator<Item = Row> {
        rows(&self.tweet_ids, &self.metrics, self.window, outcome)
    }

    /// The same for those that have no row yet.
    pub(crate) fn rows_left(&self, settled: &Settled, outcome: &Outcome) -> Vec<Row> {
        let is_in = settled.rows.iter().chain(&settled.strangers);
        let is_in: HashSet<(TweetId, &Metric)> = is_in.map(|row| (row.tweet_id, &row.metric)).collect();
        self.rows(outcome).filter(|row| !is_in.contains(&(row.tweet_id, &row.metric))).collect()
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("endpoint", &self.endpoint)
            .field("asker", &self.asker)
            .field("tweet_ids", &self.tweet_ids.len())
            .field("metrics", &self.metrics.len())
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// A request that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Departure {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// Whose token asks: the unit's own, or the app where that is asked for strangers.
    pub asker: Asker,
    /// How many Tweets it asks for.
    pub tweets: usize,
}

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is waited for before each request.
pub(crate) type Hook = Arc<dyn Fn(Departure) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// Rows of one outcome, for each Tweet × metric.
fn rows(
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
