//! What to ask, and how.

use std::{collections::BTreeMap, sync::Arc};

use engagement_model::{
    Dimension, Endpoint, Grouping, InvalidRequest, Metric, TweetId,
    plan::{AgeRules, Asker, Plan, Question, Riding, Target},
    request::split_groupings,
};

use crate::{
    access::{self, ByAsker, Holes, assign, assign_by_owner},
    client::Client,
    error::Error,
    outcomes::Outcomes,
    owners::Owners,
    raw::Raw,
    work::{Pieces, unasked},
};

/// A question about Tweets. Made by [`Client::totals`] and its sisters, changed by the setters, sent by
/// [`Query::send`].
#[derive(Clone, Debug)]
#[must_use = "a query asks nothing before it is sent"]
pub struct Query {
    client: Client,
    target: Target,
    tweet_ids: Vec<TweetId>,
    metrics: Metrics,
    resolution: Resolution,
    who: Who,
    owners: Owners,
    age_rules: AgeRules,
    groupings: Vec<Grouping>,
}

impl Query {
    pub(crate) fn new(client: Client, target: Target, tweet_ids: Vec<TweetId>) -> Self {
        Self {
            client,
            target,
            tweet_ids,
            metrics: Metrics::default(),
            resolution: Resolution::default(),
            who: Who::default(),
            owners: Owners::default(),
            age_rules: AgeRules::Keep,
            groupings: Vec::new(),
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
        self.age_rules = AgeRules::AskAnyway;
        self
    }

    /// Groupings for [`Query::send_raw`]: any legal ones, any number. More than the API takes in one request become
    /// several, whose answers are put together. By default the one that rows are read from.
    pub fn groupings(mut self, groupings: impl IntoIterator<Item = Grouping>) -> Self {
        self.groupings = groupings.into_iter().collect();
        self
    }

    /// Checks the whole query and begins to ask as soon as the stream is polled.
    ///
    /// # Errors
    ///
    /// What the API would refuse is refused here, and nothing is sent: no ids, a metric that the endpoint does not
    /// serve, a range before the API's first data or in the future; likewise a credential that is missing. Where only
    /// some Tweets have a credential that may ask, these are asked for and the others are [forbidden].
    ///
    /// [forbidden]: engagement_model::Outcome::Forbidden
    pub fn send(self) -> Result<Outcomes, Error> {
        let endpoint = self.endpoint();
        let parts = vec![Arc::from([self.resolution.grouping(endpoint)])];
        let merged = endpoint == Endpoint::Historical && self.resolution != Resolution::Hour;
        let resolution = merged.then_some(self.resolution);
        self.send_parts(parts, resolution, None)
    }

    /// The same for the API's own shape: the answers are put together as if the API had taken the whole query at once.
    ///
    /// # Errors
    ///
    /// Those of [`Query::send`], and groupings that no number of requests makes legal.
    pub fn send_raw(self) -> Result<Raw, Error> {
        let parts = self.parts()?;
        let all: Vec<Grouping> = parts.iter().flat_map(|part| part.iter().cloned()).collect();
        Ok(Raw::new(self.send_parts(parts, None, Some(&all))?))
    }

    /// Asks for every part of the groupings.
    fn send_parts(
        self,
        parts: Vec<Arc<[Grouping]>>,
        resolution: Option<Resolution>,
        kept: Option<&[Grouping]>,
    ) -> Result<Outcomes, Error> {
        let (client, metrics, who) = (self.client.clone(), self.metrics.clone(), self.who.clone());
        let holes = Holes::of(&self.metrics);
        let plan = self.plan_with(holes)?;
        let (endpoint, free) = (plan.endpoint(), unasked(&plan, &metrics).collect());
        let pieces = Pieces::new(plan, parts, who == Who::Auto);
        Ok(Outcomes::new(client, endpoint, pieces, free, resolution, kept))
    }

    /// The requests that [`Query::send`] would send, for a caller that sends them by its own rules: as [`Unit`]s, whose
    /// credential is the one that the plan names. What is not asked for is in [`unasked`](crate::unasked).
    ///
    /// # Errors
    ///
    /// Those of [`Query::send`]; and a single Tweet that no credential may ask for is one.
    ///
    /// [`Unit`]: crate::Unit
    pub fn plan(self) -> Result<Plan, Error> {
        let holes = Holes::of_plan(&self.metrics);
        self.plan_with(holes)
    }

    fn plan_with(mut self, holes: Holes) -> Result<Plan, Error> {
        let tweet_ids = self.take_tweet_ids()?;
        let by_asker =
            assign(self.client.inner(), self.endpoint(), tweet_ids, &self.who, &self.owners, holes)?;
        let riding = match (&self.who, self.client.app()) {
            (Who::Auto, Some(_)) => Riding::WhereItSaves,
            _ => Riding::Never,
        };
        self.make_plan(by_asker, riding)
    }

    fn endpoint(&self) -> Endpoint {
        self.target.endpoint(self.client.now())
    }

    /// The groupings of each request that one planned request becomes.
    fn parts(&self) -> Result<Vec<Arc<[Grouping]>>, Error> {
        let groupings = match &*self.groupings {
            [] => vec![self.resolution.grouping(self.endpoint())],
            named => named.to_vec(),
        };
        Ok(split_groupings(self.endpoint(), groupings)?.into_iter().map(Arc::from).collect())
    }

    /// What [`Query::send`] would send, without a credential: owners that are known are planned for as if there were
    /// a token of theirs; and where owners are needed, none is known and there is no account, as if one had them all.
    ///
    /// # Errors
    ///
    /// The same rules of the API as for sending.
    pub fn forecast(mut self, quota_per_minute: Option<u32>) -> Result<Forecast, Error> {
        let tweet_ids = self.take_tweet_ids()?;
        let (by_asker, names) = assign_by_owner(
            self.client.inner(),
            self.endpoint(),
            tweet_ids,
            &self.who,
            &self.owners,
            Holes::of(&self.metrics),
        )?;
        let parts = self.parts()?.len();
        let riding = if self.who == Who::Auto { Riding::WhereItSaves } else { Riding::Never };
        let summary = self.make_plan(by_asker, riding)?.summary(quota_per_minute);
        let times = |requests: u64| requests.saturating_mul(parts as u64);
        let name = |asker: &Asker| match asker {
            Asker::AppOnly => String::new(),
            Asker::Owner(number) => {
                names.get(*number as usize).map_or_else(String::new, |name| name.to_string())
            }
        };
        Ok(Forecast {
            requests: times(summary.requests),
            lower_bound: times(summary.lower_bound),
            by_endpoint: summary.by_endpoint.iter().map(|(endpoint, n)| (*endpoint, times(*n))).collect(),
            by_owner: summary
                .by_asker
                .iter()
                .map(|(asker, requests)| (name(asker), times(*requests)))
                .collect(),
            ids: summary.ids,
            skipped_unsupported: summary.skipped_unsupported,
            minutes_at_quota: summary.minutes_at_quota,
        })
    }

    /// Taken out, since lists may be long and the plan has its own. It drops what is there twice, too.
    fn take_tweet_ids(&mut self) -> Result<Vec<TweetId>, Error> {
        let tweet_ids = core::mem::take(&mut self.tweet_ids);
        if tweet_ids.is_empty() { Err(InvalidRequest::NoTweetIds.into()) } else { Ok(tweet_ids) }
    }

    fn make_plan(&self, by_asker: ByAsker, riding: Riding) -> Result<Plan, Error> {
        let metrics = access::metrics(self.endpoint(), &self.metrics);
        let mut question = Question::new(self.target, metrics, self.client.now());
        question.age_rules = self.age_rules;
        question.riding = riding;
        Ok(Plan::by_asker(question, by_asker)?)
    }
}

/// What a query would cost.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Forecast {
    /// Requests that will be sent if all goes well.
    pub requests: u64,
    /// How few could do.
    pub lower_bound: u64,
    /// Requests to each endpoint.
    pub by_endpoint: BTreeMap<Endpoint, u64>,
    /// Requests with each owner's token; under the empty name those of the app, or of an owner who is not known.
    pub by_owner: BTreeMap<String, u64>,
    /// Different Tweets.
    pub ids: u64,
    /// Cells that are not asked for because the API does not serve them.
    pub skipped_unsupported: u64,
    /// How long it takes at the quota that was given.
    pub minutes_at_quota: Option<f64>,
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
    pub(crate) fn grouping(self, endpoint: Endpoint) -> Grouping {
        let mut by = vec![Dimension::TweetId, Dimension::EngagementType];
        if endpoint.is_series() {
            match self {
                Self::Hour => by.extend([Dimension::EngagementDay, Dimension::EngagementHour]),
                Self::Day => by.push(Dimension::EngagementDay),
                Self::Total => {}
            }
        }
        Grouping::new(GROUPING, by)
            .expect("the name is not reserved, the dimensions differ and four are in a legal order")
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Each Tweet's owner where known; else the [only account](crate::Client::only_account) that there is; else the app.
    #[default]
    Auto,
    /// This account, by handle or user id, and nobody else.
    Account(String),
    /// The app, and nobody else.
    App,
}

/// The grouping's name in requests and answers.
const GROUPING: &str = "engagement";
