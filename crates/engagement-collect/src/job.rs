//! Jobs: found again, or made from a plan.

use std::collections::BTreeMap;

use engagement::{Client, Metrics, Owners, OwnersBuilder, Query, Who};
use engagement_model::{Endpoint, Metric, State, TweetId, plan::Target};
use engagement_store::{
    Collector, Reader,
    job::{self, BatchId, JobId, NewBatch, NewJob, Progress},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Changed, Error},
    list::List,
    question::Question,
    unasked,
};

/// How a question about a list stands in a store.
#[derive(Debug)]
#[non_exhaustive]
pub enum Standing {
    /// Nobody has asked it of this list. The newest job that asks it of another version of the list is over.
    New {
        /// How this list differs from that one.
        before: Option<Changed>,
    },
    /// There is a job to go on with.
    Unfinished(Job),
    /// All is answered, or set aside.
    Over(Job),
}

/// Looks for the newest job that asks this of this list.
///
/// # Errors
///
/// [`Error::Changed`] if there is none, and an unfinished job asks it of what seems to be another version of the list:
/// one from the same sources, or with half of its Tweets or more.
pub fn find(reader: &Reader, question: &Question, list: &List) -> Result<Standing, Error> {
    let alike = reader.jobs_like(&question.identity())?;
    if let Some(same) = alike.iter().find(|job| job.ids_hash == list.hash()) {
        let job = Job::read(same.clone())?;
        return Ok(if same.is_over() { Standing::Over(job) } else { Standing::Unfinished(job) });
    }
    let mut before = None;
    for other in alike {
        let waiting = other.batches_in(Progress::Pending) + other.batches_in(Progress::InFlight);
        if waiting == 0 && before.is_some() {
            continue;
        }
        let (job, same_sources) = (other.id, Job::read(other)?.settings.sources == list.sources());
        let changed = compare(reader, job, list, waiting)?;
        let is_other_version = changed.kept >= changed.added.max(changed.removed);
        if !(is_other_version || same_sources && !list.sources().is_empty()) {
            continue;
        }
        if waiting > 0 {
            return Err(Error::Changed(changed));
        }
        before = Some(changed);
    }
    Ok(Standing::New { before })
}

/// How to make a job.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Making {
    /// Who owns which Tweet, besides those of which the store knows it from earlier answers.
    pub owners: OwnersBuilder,
    /// What becomes of Tweets that were forbidden before.
    pub quarantine: Quarantine,
}

/// What becomes of Tweets that an earlier job for the same question, about whatever list, found forbidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quarantine {
    /// They are not asked for again, unless it has become known whose they are and there is a token for it. Their
    /// account says so.
    #[default]
    Kept,
    /// They are asked for like all others.
    Lifted,
}

/// What a new job would ask for this list, without a store, and which Tweets it would leave out because their hours are
/// for their owner's token alone and it is not known whose they are.
///
/// Owners that are known are taken to have a token.
pub fn outlook(client: &Client, question: &Question, list: List, owners: Owners) -> (Query, Vec<TweetId>) {
    let endpoint = question.target.endpoint(client.now());
    let is_single = is_single(client);
    let has_owner = |tweet_id: &TweetId| is_single || owners.of(*tweet_id).is_some();
    let (tweet_ids, foreign) = leave_foreign(question, endpoint, list.into_tweet_ids(), has_owner);
    (question.query(client, tweet_ids, owners), foreign)
}

/// Makes a job, whatever others there are: plans, and writes the plan into the store. Sends nothing.
///
/// If there is an earlier job for the same question and list, this is its next observation: those that only the app could
/// read are left to it from the beginning. Tweets that any job for the same question found forbidden are in
/// [`Quarantine`].
pub fn make(
    collector: &mut Collector,
    client: &Client,
    question: &Question,
    list: List,
    making: Making,
) -> Result<Job, Error> {
    let (now, reader) = (client.now(), collector.store().reader()?);
    let (identity, hash) = (question.identity(), list.hash().to_owned());
    let alike = reader.jobs_like(&identity)?;
    let answered = match alike.iter().find(|job| job.ids_hash == hash) {
        Some(before) => answered(&reader, before.id)?,
        None => Vec::new(),
    };
    let mut owners = OwnersBuilder::default();
    let totals = matches!(question.target, Target::Totals | Target::Auto(None));
    if question.who == Who::Auto && totals && client.app().is_some() {
        // With one account, Tweets of unknown owner are tried with its token first. Those that were answered and are
        // still nobody's, which is what the following says last of any, are not its own.
        for tweet_id in &answered {
            owners.add(*tweet_id, NOBODY_HERE);
        }
    }
    reader.owners(|tweet_id, owner| {
        if list.tweet_ids().binary_search(&tweet_id).is_ok() {
            owners.add(tweet_id, owner);
        }
    })?;
    owners.add_all(making.owners);
    let mut settings = Settings {
        tweets: list.tweet_ids().len() as u64,
        sources: list.sources().to_vec(),
        ..Settings::default()
    };
    let owners = owners.build();
    let is_ours = |tweet_id| owners.of(tweet_id).is_some_and(|owner| client.account(owner).is_ok());
    let mut tweet_ids = list.into_tweet_ids();
    let mut quarantined = match making.quarantine {
        Quarantine::Kept => forbidden(&reader, &alike, &tweet_ids)?,
        Quarantine::Lifted => BTreeMap::new(),
    };
    quarantined.retain(|tweet_id, _| answered.binary_search(tweet_id).is_err() && !is_ours(*tweet_id));
    if !quarantined.is_empty() {
        tweet_ids.retain(|tweet_id| !quarantined.contains_key(tweet_id));
    }
    settings.quarantined = quarantined.len() as u64;
    let endpoint = question.target.endpoint(now);
    let is_single = is_single(client);
    let has_token = |tweet_id: &TweetId| match owners.of(*tweet_id) {
        Some(owner) => client.account(owner).is_ok(),
        None => is_single,
    };
    let (tweet_ids, foreign) = leave_foreign(question, endpoint, tweet_ids, has_token);
    settings.foreign = foreign.len() as u64;

    let plan = if tweet_ids.is_empty() && !quarantined.is_empty() {
        None
    } else {
        Some(question.query(client, tweet_ids, owners).plan()?)
    };
    if let Some(plan) = &plan {
        let summary = plan.summary(None);
        (settings.requests, settings.lower_bound) = (summary.requests, summary.lower_bound);
    }
    let mut new = NewJob::new(identity, hash, endpoint, now);
    new.settings = serde_json::to_string(&settings).unwrap_or_default();
    let mut draft = collector.draft(&new)?;
    let mut tweet_ids = Vec::with_capacity(endpoint.max_tweet_ids());
    let mut metrics: Vec<Metric> = Vec::new();
    for planned in plan.iter().flat_map(|plan| plan.requests()) {
        tweet_ids.clear();
        tweet_ids.extend(planned.tweet_ids());
        metrics.clear();
        metrics.extend(planned.metrics().cloned());
        let mut batch = NewBatch::new(planned.endpoint(), &tweet_ids, &metrics);
        batch.owner = client.owner(planned.asker()).map(|owner| &**owner);
        batch.window = planned.hours();
        draft.add(&batch)?;
    }
    for rows in plan.iter().flat_map(|plan| unasked::of_plan(plan, &question.metrics)) {
        draft.add_unasked(endpoint, &rows, &[], now)?;
    }
    let metrics: Vec<Metric> = match &question.metrics {
        Metrics::Allowed => endpoint.metrics().collect(),
        Metrics::Named(named) => named.clone(),
    };
    let mut by_job: BTreeMap<JobId, Vec<TweetId>> = BTreeMap::new();
    for (tweet_id, job) in quarantined {
        by_job.entry(job).or_default().push(tweet_id);
    }
    for (job, tweet_ids) in by_job {
        let known = format!("forbidden in job {job}; not asked again");
        for rows in unasked::forbidden(&tweet_ids, &metrics, &known) {
            draft.add_unasked(endpoint, &rows, &[], now)?;
        }
    }
    for rows in unasked::forbidden(&foreign, &metrics, "there is no token of its owner; not asked") {
        draft.add_unasked(endpoint, &rows, &[], now)?;
    }
    let job = draft.commit()?;
    Job::read(reader.job(job)?)
}

/// A job, with what was written down when it was made.
#[derive(Clone, Debug)]
pub struct Job {
    inner: job::Job,
    settings: Settings,
}

impl Job {
    /// Which.
    pub const fn id(&self) -> JobId {
        self.inner.id
    }

    /// As it stood in the store.
    pub const fn inner(&self) -> &job::Job {
        &self.inner
    }

    /// Different Tweets.
    pub const fn tweets(&self) -> u64 {
        self.settings.tweets
    }

    /// Requests that it takes if all goes well.
    pub const fn requests(&self) -> u64 {
        self.settings.requests
    }

    /// How few could do.
    pub const fn lower_bound(&self) -> u64 {
        self.settings.lower_bound
    }

    /// Tweets that are not asked for because an earlier job found them forbidden.
    pub const fn quarantined(&self) -> u64 {
        self.settings.quarantined
    }

    /// Tweets that are not asked for because hours are for their owner's token alone, and there is none.
    pub const fn foreign(&self) -> u64 {
        self.settings.foreign
    }

    pub(crate) fn read(inner: job::Job) -> Result<Self, Error> {
        let settings = serde_json::from_str(&inner.settings)
            .map_err(|error| Error::Settings { job: inner.id, why: error.to_string() })?;
        Ok(Self { inner, settings })
    }
}

/// What a job was made with, as the store keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    tweets: u64,
    requests: u64,
    lower_bound: u64,
    quarantined: u64,
    foreign: u64,
    sources: Vec<String>,
}

/// Series are for owners: where some Tweets have a token, the others are set apart, and keep nobody from anything.
fn leave_foreign(
    question: &Question,
    endpoint: Endpoint,
    tweet_ids: Vec<TweetId>,
    has_token: impl Fn(&TweetId) -> bool,
) -> (Vec<TweetId>, Vec<TweetId>) {
    if question.who == Who::Auto && endpoint.is_series() && tweet_ids.iter().any(&has_token) {
        tweet_ids.into_iter().partition(has_token)
    } else {
        (tweet_ids, Vec::new())
    }
}

/// Whether Tweets of unknown owner are tried with the one token that there is.
fn is_single(client: &Client) -> bool {
    client.accounts().take(2).count() == 1
}

/// The Tweets that a job has values of, in ascending order.
fn answered(reader: &Reader, job: JobId) -> Result<Vec<TweetId>, Error> {
    let mut answered = Vec::new();
    for batch in reader.batches(job, &[Progress::Done, Progress::SetAside])? {
        answered.extend(in_state(reader, batch.id, State::Ok)?);
    }
    answered.sort_unstable();
    answered.dedup();
    Ok(answered)
}

/// Which of these Tweets were forbidden, each with the first of the jobs that found it so; the newest job comes first.
fn forbidden(
    reader: &Reader,
    jobs: &[job::Job],
    tweet_ids: &[TweetId],
) -> Result<BTreeMap<TweetId, JobId>, Error> {
    let mut forbidden = BTreeMap::new();
    for job in jobs.iter().rev().filter(|job| job.cells.of(State::Forbidden) > 0) {
        for batch in reader.batches(job.id, &[Progress::Done, Progress::SetAside])? {
            if batch.cells.of(State::Forbidden) == 0 {
                continue;
            }
            for tweet_id in in_state(reader, batch.id, State::Forbidden)? {
                if tweet_ids.binary_search(&tweet_id).is_ok() {
                    forbidden.entry(tweet_id).or_insert(job.id);
                }
            }
        }
    }
    Ok(forbidden)
}

fn in_state(reader: &Reader, batch: BatchId, wanted: State) -> Result<impl Iterator<Item = TweetId>, Error> {
    let tweets = reader.batch_tweets(batch)?.into_iter();
    Ok(tweets.filter(move |(_, state)| *state == Some(wanted)).map(|(tweet_id, _)| tweet_id))
}

/// How the list differs from that of a job.
fn compare(reader: &Reader, job: JobId, list: &List, waiting: u64) -> Result<Changed, Error> {
    let mut theirs: Vec<TweetId> = Vec::new();
    for batch in reader.batches(job, &Progress::ALL)? {
        let id: BatchId = batch.id;
        theirs.extend(reader.batch_tweets(id)?.into_iter().map(|(tweet_id, _)| tweet_id));
    }
    theirs.sort_unstable();
    theirs.dedup();
    let kept = theirs.iter().filter(|id| list.tweet_ids().binary_search(id).is_ok()).count();
    Ok(Changed { job, added: list.tweet_ids().len() - kept, removed: theirs.len() - kept, kept, waiting })
}

/// An owner of no account: the app asks.
const NOBODY_HERE: &str = "";
