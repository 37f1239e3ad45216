//! `engagement jobs`: what is in a store, batch by batch.

use engagement::model::{State, Tally};
use engagement_store::{
    Collector, Error, Reader,
    job::{BatchStatus, Job, JobId, Progress},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{JobState, Jobs, JobsCommand, StorePlace},
    commands::stored::{open, read, storage},
    exit::{Exit, Failure},
    place::Place,
    records,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(crate) fn run(jobs: &Jobs, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    match &jobs.command {
        JobsCommand::List { place } => {
            let all = read(&place.store)?.jobs().map_err(|error| storage(&error))?;
            if all.is_empty() {
                talk.say("there are no jobs: `engagement collect` makes them");
            }
            put(&all.iter().map(JobLine::of).collect::<Vec<_>>(), &JOB_COLUMNS, settings)
        }
        JobsCommand::Show { job, state, place } => {
            show(&read(&place.store)?, JobId(*job), state, settings, talk)
        }
        JobsCommand::Retry { job, place } => {
            let batches = change(place, |collector| collector.retry(JobId(*job)))?;
            talk.say(&format!(
                "batches of job {job} that wait again: {batches}; the same `engagement collect`, without --again, goes on"
            ));
            put(&[Retried { job: *job, batches }], &["job", "batches"], settings)
        }
        JobsCommand::Delete { job, place } => {
            change(place, |collector| collector.delete(JobId(*job)))?;
            talk.say(&format!("job {job} is deleted; what it found and what it cost stay in the store"));
            Ok(Exit::Done)
        }
    }
}

/// Changes a store in which nobody collects.
fn change<T>(
    place: &StorePlace,
    change: impl FnOnce(&mut Collector) -> Result<T, Error>,
) -> Result<T, Failure> {
    let store = open(&place.store)?;
    let make = || {
        let mut collector = store.collector(Timestamp::now())?;
        let changed = change(&mut collector)?;
        collector.close().map(|()| changed)
    };
    make().map_err(|error| storage(&error))
}

fn show(
    reader: &Reader,
    id: JobId,
    states: &[JobState],
    settings: &Settings,
    talk: &Talk,
) -> Result<Exit, Failure> {
    let wanted: Vec<Progress> = match states {
        [] => Progress::ALL.to_vec(),
        some => some.iter().map(|state| state.progress()).collect(),
    };
    let look = || Ok((reader.job(id)?, reader.tweets_of(id)?, reader.batches(id, &wanted)?));
    let (job, (tweets, waiting), batches) = look().map_err(|error| storage(&error))?;
    talk.say(&format!(
        "job {id}: {}, observation {}, made {}: {} Tweets: {}{}",
        job.endpoint,
        job.observation,
        seconds(job.made_at),
        tweets.total() + waiting,
        in_words(&tweets),
        if waiting > 0 { format!(", waiting {waiting}") } else { String::new() },
    ));
    put(&batches.iter().map(BatchLine::of).collect::<Vec<_>>(), &BATCH_COLUMNS, settings)
}

fn put<T: Serialize>(lines: &[T], columns: &[&str], settings: &Settings) -> Result<Exit, Failure> {
    records::put(lines, columns, settings.output, Place::open(settings.out.as_deref())?)
}

fn in_words(tally: &Tally) -> String {
    State::ALL.map(|state| format!("{state} {}", tally.of(state))).join(", ")
}

/// To the second: finer times say nothing here.
fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[derive(Serialize)]
struct Retried {
    job: i64,
    batches: u64,
}

#[derive(Serialize)]
struct JobLine<'a> {
    job: i64,
    endpoint: &'static str,
    observation: u32,
    made_at: Timestamp,
    state: &'static str,
    tweets: u64,
    batches: u64,
    pending: u64,
    in_flight: u64,
    done: u64,
    set_aside: u64,
    ids_hash: &'a str,
}

impl<'a> JobLine<'a> {
    fn of(job: &'a Job) -> Self {
        let [pending, in_flight, done, set_aside] = job.batches;
        Self {
            job: job.id.0,
            endpoint: job.endpoint.name(),
            observation: job.observation,
            made_at: seconds(job.made_at),
            state: if !job.is_over() {
                "unfinished"
            } else if set_aside > 0 {
                "incomplete"
            } else {
                "done"
            },
            tweets: job.tweets,
            batches: job.batches.iter().sum(),
            pending,
            in_flight,
            done,
            set_aside,
            ids_hash: &job.ids_hash,
        }
    }
}

const JOB_COLUMNS: [&str; 12] = [
    "job",
    "endpoint",
    "observation",
    "made_at",
    "state",
    "tweets",
    "batches",
    "pending",
    "in_flight",
    "done",
    "set_aside",
    "ids_hash",
];

/// The last six count cells: Tweet × metric × bucket.
#[derive(Serialize)]
struct BatchLine<'a> {
    job: i64,
    batch: u32,
    endpoint: &'static str,
    owner: Option<&'a str>,
    window_start: Option<Timestamp>,
    window_end: Option<Timestamp>,
    tweets: u64,
    state: &'static str,
    attempts: u32,
    failures: u32,
    reason: Option<&'a str>,
    settled_at: Option<Timestamp>,
    ok: u64,
    unavailable: u64,
    unsupported: u64,
    forbidden: u64,
    failed: u64,
    unaccounted: u64,
}

impl<'a> BatchLine<'a> {
    fn of(batch: &'a BatchStatus) -> Self {
        Self {
            job: batch.id.job.0,
            batch: batch.id.number,
            endpoint: batch.endpoint.name(),
            owner: batch.owner.as_deref(),
            window_start: batch.window.map(|window| window.start().start()),
            window_end: batch.window.map(|window| window.end().start()),
            tweets: batch.tweets,
            state: batch.progress.name(),
            attempts: batch.attempts,
            failures: batch.failures,
            reason: batch.reason.as_deref(),
            settled_at: batch.settled_at.map(seconds),
            ok: batch.cells.of(State::Ok),
            unavailable: batch.cells.of(State::Unavailable),
            unsupported: batch.cells.of(State::Unsupported),
            forbidden: batch.cells.of(State::Forbidden),
            failed: batch.cells.of(State::Failed),
            unaccounted: batch.cells.of(State::Unaccounted),
        }
    }
}

const BATCH_COLUMNS: [&str; 18] = [
    "job",
    "batch",
    "endpoint",
    "owner",
    "window_start",
    "window_end",
    "tweets",
    "state",
    "attempts",
    "failures",
    "reason",
    "settled_at",
    "ok",
    "unavailable",
    "unsupported",
    "forbidden",
    "failed",
    "unaccounted",
];
