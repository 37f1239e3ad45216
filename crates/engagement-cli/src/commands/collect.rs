//! `engagement collect`.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use engagement::{Client, OwnersBuilder, model::plan::Target};
use engagement_collect::{
    Ended, Error, Job, List, Making, Quarantine, Question, Report, Run, Stale, Standing, find, make, outlook,
    stale,
};
use engagement_store::{Collector, Reader, Store, job::JobId};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant as Tick, sleep, sleep_until};

use crate::{
    cli::{By, Collect, EndpointChoice, FailOn},
    commands::{
        emulator::Embedded,
        forecast, metrics, owners,
        range::{Remarks, window},
        setup::{Need, connect, refused, who},
        stored::{read, storage},
        trouble::Troubles,
    },
    exit::{Exit, Failure},
    id_list::{self, Chosen},
    place::Place,
    progress::Progress,
    settings::Settings,
    signal::{PATIENCE, Signal},
    summary::Summary,
    talk::Talk,
};

/// Runs it.
pub(crate) async fn run(collect: Collect, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let embedded = if settings.is_emulator() { Some(Embedded::start().await?) } else { None };
    let begun = Instant::now();
    let now = Timestamp::now();
    let (question, remarks) = question(&collect, now, talk)?;
    let until = match collect.until.map(|until| until.resolve(now)) {
        Some(Some(until)) if until > now => Some(until),
        Some(_) => return Err(Failure::usage("the time to stop at lies in the past")),
        None => None,
    };
    let Chosen { tweet_ids, skipped } = id_list::read(&collect.ids, talk)?;
    let list = List::new(tweet_ids).with_sources(sources(&collect));
    let owners = match &collect.selection.owners {
        Some(path) => owners::read(path, &collect.ids.reading)?,
        None => OwnersBuilder::default(),
    };
    let mut named = owners.names().to_vec();
    let mut making = Making::default();
    making.owners = owners;
    if collect.retry_forbidden {
        making.quarantine = Quarantine::Lifted;
    }
    // An empty file is one whose making was cut short.
    let is_there = |path: &&PathBuf| path.metadata().is_ok_and(|file| file.len() > 0);
    let reader = match collect.store.as_ref().filter(is_there).map(|path| read(path)) {
        // What is wrong with it is told below, where it is made if it is not whole yet.
        Some(Err(failure)) if collect.dry_run => return Err(failure),
        reader => reader.and_then(Result::ok),
    };
    if let Some(reader) = &reader {
        named.extend(reader.owner_names().map_err(|error| storage(&error))?);
    }
    let need =
        Need { pace: &collect.pace, selection: &collect.selection, owners: &named, dry_run: collect.dry_run };
    let client = connect(&need, settings, embedded.as_ref(), talk).await?;
    if collect.dry_run {
        return foretell(
            reader.as_ref(),
            &client,
            (&question, &remarks),
            list,
            making,
            &collect,
            settings,
            talk,
        );
    }
    drop(reader);
    let path = collect.store.as_ref().ok_or_else(|| Failure::usage("--store names no file"))?;
    let store = Store::create(path, client.now()).map_err(|error| storage(&error))?;
    let mut collector = store.collector(client.now()).map_err(|error| storage(&error))?;
    if let Some(deserter) = collector.deserter() {
        talk.detail(&format!("{deserter} was killed while it collected; going on where it was"));
    }
    let place_of_summary =
        collect.summary.as_deref().map(|path| Ok((Place::file(path)?, path))).transpose()?;

    let job = job(&mut collector, &client, (&question, &remarks), list, making, &collect, talk)?;
    let run = Run::new(client, collector, job.id(), &question).map_err(|error| failure(&error))?;
    let mut course = Course { talk, troubles: Troubles::new(talk), job: job.id(), begun, until };
    let (report, ended) = course.follow(run, now).await?;
    course.close(&report, ended);

    let Course { mut troubles, .. } = course;
    let summary = summary(&report, begun.elapsed()).skipping(skipped);
    talk.say(&summary.line());
    if report.set_aside > 0 {
        talk.warn(&format!(
            "{0} batches are set aside; `engagement jobs show {1}` shows why, and `engagement jobs retry {1}` asks for them \
             again",
            report.set_aside, report.job
        ));
    }
    if let Some((place, path)) = place_of_summary
        && let Err(failure) = summary.write(place, path)
    {
        troubles.fail(&failure);
    }
    let strict = |state: &FailOn| match state {
        FailOn::Unavailable => summary.tweets.unavailable + summary.cells.unavailable > 0,
        FailOn::Unsupported => summary.tweets.unsupported + summary.cells.unsupported > 0,
    };
    if summary.cells.is_incomplete() || summary.tweets.is_incomplete() || collect.fail_on.iter().any(strict) {
        troubles.push(Exit::Incomplete);
    }
    Ok(Exit::of_all(&troubles.happened(), summary.cells.ok > 0))
}

/// A run on its way.
struct Course<'a> {
    talk: &'a Talk,
    troubles: Troubles<'a>,
    job: JobId,
    begun: Instant,
    until: Option<Timestamp>,
}

impl Course<'_> {
    /// Follows it until it is done, or until a signal or the time stops it.
    async fn follow(&mut self, mut run: Run, now: Timestamp) -> Result<(Report, Option<Ended>), Failure> {
        let mut progress = Progress::new(self.talk);
        let mut signal = Signal::new();
        let deadline = self.until.map(|until| Tick::now() + until_then(now, until));
        let mut stopped_at: Option<Tick> = None;
        let first = run.progress().done;
        loop {
            let step = tokio::select! {
                biased;
                exit = signal.came(), if !signal.has_come() => {
                    self.troubles.push(exit);
                    run.stop();
                    stopped_at.get_or_insert_with(Tick::now);
                    continue;
                }
                () = at(deadline), if stopped_at.is_none() => {
                    progress.clear();
                    self.troubles.fail(
                        &Failure::new(Exit::Quota, "until", "the time set by --until has come")
                            .hint("the same command goes on where this one stopped")
                            .retryable(true),
                    );
                    run.stop();
                    stopped_at = Some(Tick::now());
                    continue;
                }
                () = at(stopped_at.map(|at| at + PATIENCE)) => break,
                step = run.next() => step,
                () = sleep(progress.pause()) => {
                    progress.show(|| line(&run, first, self.begun));
                    continue;
                }
            };
            let Some(step) = step else { break };
            if !step.warnings.is_empty() || !step.problems.is_empty() {
                progress.clear();
                if step.is_set_aside {
                    self.troubles.note_set_aside(&step.warnings, &step.problems, self.job);
                } else {
                    self.troubles.note(&step.warnings, &step.problems, stopped_at.is_some());
                }
            }
            progress.show(|| line(&run, first, self.begun));
        }
        progress.clear();
        run.finish().await.map_err(|error| failure(&error))
    }

    /// Tells why it ended before all was done.
    fn close(&mut self, report: &Report, ended: Option<Ended>) {
        let waiting = report.waiting;
        match ended {
            Some(Ended::Failed(error)) => self.troubles.fail(&failure(&error)),
            Some(Ended::Outage) => self.troubles.fail(
                &Failure::new(
                    Exit::Network,
                    "outage",
                    format!("nothing gets through, so it was stopped; {waiting} batches wait"),
                )
                .hint("the same command goes on where this one stopped")
                .retryable(true),
            ),
            _ if waiting > 0 => {
                self.talk.say(&format!("{waiting} batches wait; the same command goes on with them"));
            }
            _ => {}
        }
    }
}

/// What the options ask.
fn question(collect: &Collect, now: Timestamp, talk: &Talk) -> Result<(Question, Remarks), Failure> {
    let range = match (collect.start, collect.end) {
        (Some(start), end) => Some(window(start, end, now)?),
        (None, Some(_)) => return Err(Failure::usage("--end needs --start")),
        (None, None) => None,
    };
    let (range, remarks) = range.map_or_else(Default::default, |(range, remarks)| (Some(range), remarks));
    let target = match (collect.endpoint, range) {
        (EndpointChoice::Totals, None) => Target::Totals,
        (EndpointChoice::Last28Hours, None) => Target::Last28Hours,
        (EndpointChoice::Historical, Some(range)) => Target::Historical(range),
        (EndpointChoice::Auto, range) => Target::Auto(range),
        (EndpointChoice::Historical, None) => {
            return Err(
                Failure::usage("historical needs a range").hint("add --start, and --end if it is not now")
            );
        }
        (EndpointChoice::Totals | EndpointChoice::Last28Hours, Some(_)) => {
            return Err(Failure::usage("only historical and auto take a range")
                .hint("leave out --start and --end, or choose --endpoint historical"));
        }
    };
    if collect.by.is_some() && matches!(target, Target::Totals | Target::Auto(None)) {
        return Err(Failure::usage("totals have no buckets")
            .hint("leave out --by, or choose --endpoint 28hr or historical"));
    }
    let mut question = Question::new(target);
    question.metrics = metrics::choose(&collect.selection, target.endpoint(now), talk)?;
    question.who = who(&collect.selection);
    question.ask_anyway = collect.selection.ask_anyway;
    question.range = collect
        .start
        .map(|start| collect.end.map_or_else(|| format!("{start}..now"), |end| format!("{start}..{end}")));
    question.by = collect.by.filter(|by| *by != By::Hour).map(|by| {
        talk.say("hours are asked for and stored: the views of the store add them up");
        match by {
            By::Day => "day".to_owned(),
            By::Hour | By::Total => "total".to_owned(),
        }
    });
    Ok((question, remarks))
}

/// Prints what would be sent.
#[expect(clippy::too_many_arguments, reason = "all that a run takes")]
fn foretell(
    reader: Option<&Reader>,
    client: &Client,
    (question, remarks): (&Question, &Remarks),
    list: List,
    making: Making,
    collect: &Collect,
    settings: &Settings,
    talk: &Talk,
) -> Result<Exit, Failure> {
    if let Some(reader) = reader
        && let Some(job) = to_go_on_with(reader, client, question, &list, collect, talk)?
    {
        return forecast::print_rest(reader, job.id(), &collect.pace, settings);
    }
    remarks.tell(talk);
    let outlook = outlook(client, reader, question, list, making).map_err(|error| failure(&error))?;
    if outlook.foreign > 0 {
        talk.say(&format!(
            "{} Tweets are left out: hours are for their owner's token alone, and nobody says whose they are",
            outlook.foreign
        ));
    }
    say_quarantined(outlook.quarantined as u64, talk);
    forecast::print(outlook.query, &collect.pace, settings)
}

/// The job that the command goes on with, if it is not to make one.
fn to_go_on_with(
    reader: &Reader,
    client: &Client,
    question: &Question,
    list: &List,
    collect: &Collect,
    talk: &Talk,
) -> Result<Option<Job>, Failure> {
    let standing = match find(reader, question, list) {
        Ok(standing) => standing,
        Err(Error::Changed(_)) if collect.new_job => Standing::New { before: None },
        Err(error) => return Err(failure(&error)),
    };
    match standing {
        Standing::Unfinished(job) => {
            let why = match (collect.again, collect.new_job) {
                (false, _) => None,
                (true, true) => Some(""),
                (true, false) => {
                    match stale(reader, client, question, &job).map_err(|error| failure(&error))? {
                        None => None,
                        Some(Stale::Hours) => Some(": going on with it now would cost hours"),
                        Some(Stale::Credentials) => {
                            Some(": what waits needs a credential that is not there or not accepted")
                        }
                        Some(Stale::Stuck) => {
                            Some(": what waits has failed through a whole run, and the rest is done")
                        }
                    }
                }
            };
            if let Some(why) = why {
                // Shown beforehand, nothing has happened to it yet that would have to be undone.
                let (is_left, takes) =
                    if collect.dry_run { ("would be left", "would take") } else { ("is left", "takes") };
                talk.warn(&format!(
                    "job {0} of the same list is not over, and {is_left} for a new one{why}; `engagement jobs retry {0}` \
                     {takes} it up again",
                    job.id()
                ));
                return Ok(None);
            }
            say_unfinished(&job, question, client, collect, talk);
            Ok(Some(job))
        }
        Standing::Over(job) if !collect.again => {
            talk.say(&format!("job {} is over; --again observes the same list anew", job.id()));
            say_needless(collect, talk);
            if collect.retry_forbidden {
                talk.warn("--retry-forbidden is for new jobs: add --again");
            }
            Ok(Some(job))
        }
        Standing::New { before: Some(before) } => {
            talk.say(&format!(
                "the list differs from that of job {}, which is over: {} Tweets were added, {} removed; it is a job of \
                 its own",
                before.job, before.added, before.removed
            ));
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn say_unfinished(job: &Job, question: &Question, client: &Client, collect: &Collect, talk: &Talk) {
    let [waiting, _, done, _] = job.inner().batches;
    talk.say(&format!(
        "going on with job {}: {done} batches are done, {waiting} wait{}",
        job.id(),
        if collect.again { "; once it is over, --again begins another" } else { "" }
    ));
    if let Some(missed) = job.missed(question, client.now()) {
        talk.warn(&format!(
            "what waits of job {} is answered for the last 28 hours as they are now, without those from {} to {}; \
             --again --new-job observes the whole list anew",
            job.id(),
            missed.start(),
            missed.end()
        ));
    }
    say_needless(collect, talk);
    if collect.retry_forbidden {
        talk.warn("--retry-forbidden is for new jobs: add --again, and --new-job while one is not over");
    }
}

/// Where a job is gone on with, `--new-job` has not been heard.
fn say_needless(collect: &Collect, talk: &Talk) {
    if collect.new_job && !collect.again {
        talk.warn(
            "--new-job changes nothing where the list is the same; with --again it observes it anew at once",
        );
    }
}

fn say_quarantined(tweets: u64, talk: &Talk) {
    if tweets > 0 {
        talk.say(&format!(
            "{tweets} Tweets were forbidden before, and are not asked for again; with --retry-forbidden they would be"
        ));
    }
}

/// The job to go on with, or a new one.
fn job(
    collector: &mut Collector,
    client: &Client,
    (question, remarks): (&Question, &Remarks),
    list: List,
    making: Making,
    collect: &Collect,
    talk: &Talk,
) -> Result<Job, Failure> {
    let reader = collector.store().reader().map_err(|error| storage(&error))?;
    if let Some(job) = to_go_on_with(&reader, client, question, &list, collect, talk)? {
        return Ok(job);
    }
    drop(reader);
    // A job that goes on has the range of its making.
    remarks.tell(talk);
    let job = make(collector, client, question, list, making).map_err(|error| failure(&error))?;
    talk.say(&format!(
        "job {}: {} Tweets in {} requests (no fewer than {} could do)",
        job.id(),
        job.tweets(),
        job.requests(),
        job.lower_bound()
    ));
    if job.foreign() > 0 {
        talk.warn(&format!(
            "{} Tweets are left out: hours are for their owner's token alone, and there is none; `engagement auth list` \
             shows the handles that may ask",
            job.foreign()
        ));
    }
    say_quarantined(job.quarantined(), talk);
    Ok(job)
}

fn sources(collect: &Collect) -> impl Iterator<Item = String> {
    let name = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string();
    collect.ids.ids.iter().map(name)
}

fn summary(report: &Report, elapsed: Duration) -> Summary {
    Summary::of(report.asked, report.tweets, report.cells, report.effort, elapsed)
}

/// Where a run stands, for people.
fn line(run: &Run, first: u64, begun: Instant) -> String {
    let progress = run.progress();
    let mut line =
        format!("{} of {} Tweets, {} requests", progress.done, progress.tweets, progress.effort.requests);
    let quota = run.client().quota().snapshot();
    if let (Some(left), Some(all)) = (quota.remaining, quota.per_minute) {
        line.push_str(&format!(", quota {left} of {all} left"));
    }
    let (done, left) = (progress.done.saturating_sub(first), progress.tweets.saturating_sub(progress.done));
    if done > 0 && left > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let seconds = begun.elapsed().as_secs_f64() * left as f64 / done as f64;
        let left = SignedDuration::try_from_secs_f64(seconds.ceil()).unwrap_or_default();
        line.push_str(&format!(", {left:#} to go"));
    }
    line
}

/// Ends then; never if there is no such time.
async fn at(time: Option<Tick>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn until_then(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::Store(error) => storage(error),
        Error::Question(error) => refused(error),
        Error::Changed(_) => Failure::new(Exit::Input, "list_changed", error).hint(
            "collect the list as it was to go on with that job, or begin another one with --new-job; `engagement \
             jobs` shows and deletes them",
        ),
        Error::Thread(_) => Failure::new(Exit::Bug, "thread", error),
        _ => Failure::new(Exit::Storage, "storage", error),
    }
}
