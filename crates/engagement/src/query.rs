//! What to ask, and how.

use std::{collections::HashMap, sync::Arc};

use engagement_model::{Dimension, Endpoint, Grouping, InvalidRequest, Metric, TweetId, Window, request};

use crate::{access::divide, client::Client, error::Error, outcomes::Outcomes, unit::Units};

/// A question about Tweets. Made by [`Client::totals`] and its sisters, changed by the setters, sent by
/// [`Query::send`].
#[derive(Clone, Debug)]
#[must_use = "a query asks nothing before it is sent"]
pub struct Query {
    client: Client,
    endpoint: Endpoint,
    tweet_ids: Vec<TweetId>,
    range: Option<Window>,
    metrics: Metrics,
    resolution: Resolution,
    who: Who,
    owners: Owners,
    age_rules: bool,
}

impl Query {
    pub(crate) fn new(
        client: Client,
        endpoint: Endpoint,
        tweet_ids: Vec<TweetId>,
        range: Option<Window>,
    ) -> Self {
        Self {
            client,
            endpoint,
            tweet_ids,
            range,
            metrics: Metrics::default(),
            resolution: Resolution::default(),
            who: Who::default(),
            owners: Owners::default(),
            age_rules: true,
        }
    }

    /// Which metrics; by default all that endpoint and credential allow.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Size of the buckets, on the endpoints that have any; by default hours.
    pub fn resolution(mut self, resolution: Resolution) -> Self {
        self.resolution = resolution;
        self
    }

    /// Who asks; by default whoever fits.
    pub fn who(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    /// Who owns which Tweet, as far as it is known.
    pub fn owners(mut self, owners: Owners) -> Self {
        self.owners = owners;
        self
    }

    /// Asks too for what the API's age rules exclude. By default those cells are [unsupported] at no cost, where that
    /// saves a request.
    ///
    /// [unsupported]: engagement_model::Outcome::Unsupported
    pub fn ask_anyway(mut self) -> Self {
        self.age_rules = false;
        self
    }

    /// Checks the whole query and begins to ask as soon as the stream is polled.
    ///
    /// # Errors
    ///
    /// What the API would refuse is refused here, and nothing is sent: no ids, a metric that the endpoint does not
    /// serve, a range before the API's first data or in the future; likewise a credential that is missing.
    pub fn send(self) -> Result<Outcomes, Error> {
        let now = self.client.now();
        let tweet_ids = once_each(self.tweet_ids);
        if tweet_ids.is_empty() {
            return Err(InvalidRequest::NoTweetIds.into());
        }
        if let Some(range) = self.range {
            request::check_range(range, now)?;
        }
        let shares =
            divide(self.client.inner(), self.endpoint, tweet_ids, &self.who, &self.owners, &self.metrics)?;
        let grouping = self.resolution.grouping(self.endpoint)?;
        let age_rules = self.age_rules.then_some(now);
        let units = Units::new(self.endpoint, shares, self.range, grouping, age_rules);
        let merged = self.endpoint == Endpoint::Historical && self.resolution != Resolution::Hour;
        Ok(Outcomes::new(self.client, units, merged.then_some(self.resolution)))
    }
}

/// Which metrics to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Metrics {
    /// All that the endpoint serves and the credential may read.
    #[default]
    Allowed,
    /// These. One that the credential may not read ends forbidden.
    Named(Vec<Metric>),
}

/// Size of the buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// Hours of UTC.
    #[default]
    Hour,
    /// Days of UTC; the first and the last as far as they belong to the time that was asked for.
    Day,
    /// One bucket for the whole time.
    Total,
}

impl Resolution {
    /// The one grouping that is sent. It always has Tweet and metric, so that every value has an owner.
    fn grouping(self, endpoint: Endpoint) -> Result<Grouping, Error> {
        let mut by = vec![Dimension::TweetId, Dimension::EngagementType];
        if endpoint.is_series() {
            match self {
                Self::Hour => by.extend([Dimension::EngagementDay, Dimension::EngagementHour]),
                Self::Day => by.push(Dimension::EngagementDay),
                Self::Total => {}
            }
        }
        Ok(Grouping::new(GROUPING, by)?)
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Each Tweet's owner where known; else the only account that there is; else the app.
    #[default]
    Auto,
    /// This account, by handle or user id, and nobody else.
    Account(String),
    /// The app, and nobody else.
    App,
}

/// Who owns which Tweet. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Owners(Arc<HashMap<TweetId, Arc<str>>>);

impl Owners {
    /// The owner's handle or user id, if it is known.
    pub fn of(&self, tweet_id: TweetId) -> Option<&str> {
        self.0.get(&tweet_id).map(|owner| &**owner)
    }
}

impl FromIterator<(TweetId, Arc<str>)> for Owners {
    fn from_iter<I: IntoIterator<Item = (TweetId, Arc<str>)>>(owners: I) -> Self {
        Self(Arc::new(owners.into_iter().collect()))
    }
}

/// The ids in order, without those that came before.
fn once_each(tweet_ids: Vec<TweetId>) -> Vec<TweetId> {
    let mut seen = std::collections::HashSet::with_capacity(tweet_ids.len());
    tweet_ids.into_iter().filter(|tweet_id| seen.insert(*tweet_id)).collect()
}

/// The grouping's name in requests and answers.
const GROUPING: &str = "engagement";
