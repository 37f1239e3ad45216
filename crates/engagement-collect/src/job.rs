//! Jobs: found again, or made from a plan.

use std::collections::BTreeMap;

use engagement::{Client, Metrics, Owners, OwnersBuilder, Query, Who};
use engagement_model::{Endpoint, Metric, Reason, State, TweetId, UtcHour, Window, plan::Target};
use engagement_store::{
    Collector, Reader,
    job::{self, BatchId, JobId, NewBatch, NewJob, Progress},
    record::Ending,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Changed, Error},
    failing::TURNS,
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

/// Looks for the job that asks this of this list: of several, the newest that is not over, or else the newest.
///
/// # Errors
///
/// [`Error::Changed`] if there is none, and an unfinished job asks it of what seems to be another version of the list:
/// one from the same sources, or with half of its Tweets or more.
pub fn find(reader: &Reader, question: &Question, list: &List) -> Result<Standing, Error> {
    let alike = reader.jobs_like(&question.identity())?;
    let mut same = alike.iter().filter(|job| job.ids_hash == list.hash());
    if let Some(newest) = same.clone().next() {
        return Ok(match same.find(|job| !job.is_over()) {
            Some(unfinished) => Standing::Unfinished(Job::read(unfinished.clone())?),
            None => Standing::Over(Job::read(newest.clone())?),
        });
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

/// Why nothing is won by going on with an observation that is not over, when the list is to be observed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// It is about the last 28 hours, and so old that hours would be lost: those after what it knows already, before the
    /// next observation reaches back to them.
    Hours,
    /// All that waits, waits for credentials that there are not, or that the server did not accept.
    Credentials,
    /// All that waits has failed through a whole run, while other batches of it got through: no further run would tell
    /// more, and the rest of the list would not be observed again.
    Stuck,
}

/// Whether another observation is better begun than waits for this one.
///
/// # Errors
///
/// The store cannot be read.
pub fn stale(
    reader: &Reader,
    client: &Client,
    question: &Question,
    job: &Job,
) -> Result<Option<Stale>, Error> {
    let age = client.now().duration_since(job.inner.made_at);
    if question.target == Target::Last28Hours && age > HALF_OF_28_HOURS {
        return Ok(Some(Stale::Hours));
    }
    let answers = reader.last_answers(job.id())?;
    // Where it was the clock that was wrong, it may be right now.
    let refused = |owner: &Option<String>| {
        answers.iter().any(|(name, ending)| name == owner && *ending == Ending::Answered(401))
    };
    let can_ask = |owner: &Option<String>| match owner {
        None => client.app().is_some(),
        Some(name) => client.account(name).is_ok(),
    };
    let waiting = reader.batches(job.id(), &[Progress::Pending, Progress::InFlight])?;
    // Who has no credential at all only plans.
    let only_plans = client.app().is_none() && client.accounts().next().is_none();
    let is_hopeless =
        !only_plans && waiting.iter().all(|batch| refused(&batch.owner) || !can_ask(&batch.owner));
    if is_hopeless {
        return Ok(Some(Stale::Credentials));
    }
    // A batch has so many turns in a run that it fails through.
    let attempts_of_a_run = TURNS * client.transport().max_attempts();
    let is_stuck = job.inner.batches_in(Progress::Done) > 0
        && waiting.iter().all(|batch| batch.attempts >= attempts_of_a_run);
    Ok(is_stuck.then_some(Stale::Stuck))
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

/// What a job would ask that [`make`] would make now, and what it would leave out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outlook {
    /// What it would ask; none where all that there is has been forbidden before.
    pub query: Option<Query>,
    /// Tweets that would not be asked for because an earlier job found them forbidden.
    pub quarantined: usize,
    /// Tweets that would be left out because their hours are for their owner's token alone, and it is not known whose they
    /// are.
    pub foreign: usize,
}

/// What a new job would ask for this list, by all that a store knows, if there is one.
///
/// Owners that are known are taken to have a token.
///
/// # Errors
///
/// The store cannot be read.
pub fn outlook(
    client: &Client,
    reader: Option<&Reader>,
    question: &Question,
    list: List,
    making: Making,
) -> Result<Outlook, Error> {
    let has_token = |owner: &str| owner != NOBODY_HERE;
    let scope = Scope::of(client, reader, question, list, making, has_token)?;
    let (quarantined, foreign) = (scope.quarantined.len(), scope.foreign.len());
    let is_nothing = scope.is_nothing();
    let query = (!is_nothing).then(|| question.query(client, scope.tweet_ids, scope.owners));
    Ok(Outlook { query, quarantined, foreign })
}

/// Makes a job: plans, and writes the plan into the store. Sends nothing.
///
/// If there is an earlier job for the same question and list, this is its next observation: those that only the app could
/// read are left to it from the beginning, and what waits of earlier observations is set aside. Tweets that any job for
/// the same question found forbidden are in [`Quarantine`].
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
    let unfinished = alike.iter().filter(|job| job.ids_hash == hash && !job.is_over());
    let unfinished: Vec<JobId> = unfinished.map(|job| job.id).collect();
    let mut settings = Settings {
        tweets: list.tweet_ids().len() as u64,
        sources: list.sources().to_vec(),
        ..Settings::default()
    };
    let has_token = |owner: &str| client.account(owner).is_ok();
    let scope = Scope::of(client, Some(&reader), question, list, making, has_token)?;
    let is_nothing = scope.is_nothing();
    let Scope { tweet_ids, owners, quarantined, foreign } = scope;
    settings.quarantined = quarantined.len() as u64;
    settings.foreign = foreign.len() as u64;
    let plan = if is_nothing { None } else { Some(question.query(client, tweet_ids, owners).plan()?) };
    let mut asked: Vec<TweetId> = Vec::new();
    if let Some(plan) = &plan {
        let summary = plan.summary(None);
        (settings.requests, settings.lower_bound) = (summary.requests, summary.lower_bound);
        // The last window has all Tweets of its batch.
        let whole = plan.requests().filter(|planned| {
            let (window, windows) = planned.window_of_batch();
            window == windows
        });
        asked.extend(whole.flat_map(|planned| planned.tweet_ids()));
        asked.sort_unstable();
        asked.dedup();
    }
    settings.asked = Some(asked.len() as u64);
    let endpoint = question.target.endpoint(now);
    let mut new = NewJob::new(identity, hash, endpoint, now);
    new.tweets = settings.tweets;
    new.settings = serde_json::to_string(&settings).map_err(Error::NewSettings)?;
    let mut draft = collector.draft(&new)?;
    let id = draft.job();
    for earlier in unfinished {
        draft.supersede(earlier, &format!("job {id} observes the same list anew"))?;
    }
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
    let metrics: Vec<Metric> = match &question.metrics {
        Metrics::Allowed => endpoint.metrics().collect(),
        Metrics::Named(named) => named.clone(),
    };
    let foreign =
        foreign.into_iter().map(|id| (id, Reason::new("there is no token of its owner; not asked")));
    let unasked = plan.iter().flat_map(|plan| unasked::of_plan(plan, &question.metrics));
    let quarantined = unasked::forbidden(quarantined.into_iter(), &metrics);
    for rows in unasked.chain(quarantined).chain(unasked::forbidden(foreign, &metrics)) {
        draft.add_unasked(endpoint, &rows, &asked, now)?;
    }
    let job = draft.commit()?;
    Job::read(reader.job(job)?)
}

/// Which Tweets of a list are asked for, and which are left out.
struct Scope {
    tweet_ids: Vec<TweetId>,
    owners: Owners,
    /// Those that were forbidden before, and what is to be said of them.
    quarantined: BTreeMap<TweetId, Reason>,
    foreign: Vec<TweetId>,
}

impl Scope {
    fn of(
        client: &Client,
        reader: Option<&Reader>,
        question: &Question,
        list: List,
        making: Making,
        has_token: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let alike = reader.map_or(Ok(Vec::new()), |reader| reader.jobs_like(&question.identity()))?;
        let before = alike.iter().filter(|job| job.ids_hash == list.hash());
        let answered = reader.map_or(Ok(Vec::new()), |reader| answered(reader, before))?;
        let mut owners = OwnersBuilder::default();
        let totals = matches!(question.target, Target::Totals | Target::Auto(None));
        if question.who == Who::Auto && totals && client.app().is_some() {
            // With one account, Tweets of unknown owner are tried with its token first. Those that were answered and
            // are still nobody's, which is what the following says last of any, are not its own.
            for tweet_id in &answered {
                owners.add(*tweet_id, NOBODY_HERE);
            }
        }
        if let Some(reader) = reader {
            reader.owners(|tweet_id, owner| {
                if list.tweet_ids().binary_search(&tweet_id).is_ok() {
                    owners.add(tweet_id, owner);
                }
            })?;
        }
        owners.add_all(making.owners);
        let owners = owners.build();
        let is_ours = |tweet_id| owners.of(tweet_id).is_some_and(&has_token);
        let mut tweet_ids = list.into_tweet_ids();
        let mut forbidden = match (making.quarantine, reader) {
            (Quarantine::Kept, Some(reader)) => forbidden(reader, &alike, &tweet_ids)?,
            _ => BTreeMap::new(),
        };
        forbidden.retain(|tweet_id, _| answered.binary_search(tweet_id).is_err() && !is_ours(*tweet_id));
        if !forbidden.is_empty() {
            tweet_ids.retain(|tweet_id| !forbidden.contains_key(tweet_id));
        }
        let mut quarantined = BTreeMap::new();
        for (tweet_id, job) in forbidden {
            let words = reader.map_or(Ok(None), |reader| reader.reason(tweet_id))?;
            quarantined.insert(tweet_id, Reason::new(&known(job, words.as_deref())));
        }
        let endpoint = question.target.endpoint(client.now());
        // Tweets of unknown owner are tried with the one token that there is.
        let is_single = client.only_account().is_some();
        let has_token = |tweet_id: &TweetId| owners.of(*tweet_id).map_or(is_single, &has_token);
        // Series are for owners: where some Tweets have a token, the others are set apart, and keep nobody from anything.
        let (tweet_ids, foreign) =
            if question.who == Who::Auto && endpoint.is_series() && tweet_ids.iter().any(has_token) {
                tweet_ids.into_iter().partition(has_token)
            } else {
                (tweet_ids, Vec::new())
            };
        Ok(Self { tweet_ids, owners, quarantined, foreign })
    }

    /// Whether there is nothing to ask, and not for want of Tweets.
    fn is_nothing(&self) -> bool {
        self.tweet_ids.is_empty() && !self.quarantined.is_empty()
    }
}

/// What is said of a Tweet that a job found forbidden: with the server's words, which it has as its reason.
fn known(job: JobId, words: Option<&str>) -> String {
    let mut known = format!("forbidden in job {job}; not asked again");
    match words {
        // Said before, with or without the server's words.
        Some(words) if words.starts_with(&known) => known = words.to_owned(),
        Some(words) => known.push_str(&format!(": {words}")),
        None => {}
    }
    known
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

    /// Different Tweets that it takes requests for.
    pub(crate) fn asked(&self) -> u64 {
        self.settings.asked.unwrap_or(self.settings.tweets)
    }

    /// The hours that are out of reach for what waits of it: asked for the last 28 hours, it is answered for those of
    /// that moment and not for those of its making. `None` while it is about the same hours.
    pub fn missed(&self, question: &Question, now: Timestamp) -> Option<Window> {
        let made_at = self.inner.made_at;
        let is_late = now.duration_since(made_at) > SAME_HOURS;
        let first = |now| UtcHour::containing(now).plus(-Endpoint::LAST_HOURS);
        let missed = (is_late && question.target == Target::Last28Hours)
            .then(|| Window::new(first(made_at), first(now)));
        missed.and_then(Result::ok)
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
    /// Different Tweets that it takes requests for.
    asked: Option<u64>,
    sources: Vec<String>,
}

/// The Tweets that these jobs have values of, in ascending order: the newest, and earlier ones up to one that is whole.
fn answered<'a>(reader: &Reader, jobs: impl Iterator<Item = &'a job::Job>) -> Result<Vec<TweetId>, Error> {
    let mut answered = Vec::new();
    for job in jobs {
        for batch in reader.batches(job.id, &[Progress::Done, Progress::SetAside])? {
            answered.extend(in_state(reader, batch.id, State::Ok)?);
        }
        if job.is_over() && job.batches_in(Progress::SetAside) == 0 {
            break;
        }
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
/// A delay within which the last 28 hours are as good as the same.
const SAME_HOURS: SignedDuration = SignedDuration::from_hours(1);
/// Two observations leave no hole if they are no more than 28 hours apart. The one that would go on now comes so long
/// after the first; if the next one takes as long again, more than half of that is too much.
const HALF_OF_28_HOURS: SignedDuration = SignedDuration::from_hours(14);
