//! A run: batches from the store to the API and back.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use engagement::{
    BoxError, Client, Departure, Effort, Meter, Problem, ProblemKind, Resolution, Sent, Settled, Unit, Who,
};
use engagement_model::{Reason, plan::Asker};
use engagement_store::{
    Collector, Store,
    job::{Batch, BatchId, JobId, Progress as BatchProgress},
    record::{Ending, RequestId},
};
use futures_util::{
    StreamExt as _,
    future::{self, BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};
use jiff::Timestamp;

use crate::{
    answer::Answered,
    error::Error,
    failing::{Failure, MOST_FAILURES, TURNS, Tries, may_be_own},
    job::Job,
    question::Question,
    report::Report,
    writer::{Endings, Line, Thread, Writer},
};

/// A job on its way: at most as many requests in flight as the client's concurrency says, each in flight until what it
/// brought is committed.
///
/// It goes on as long as [`Run::next`] is called. [`Run::stop`] lets nothing more be sent; [`Run::finish`] ends what is
/// still in flight and says how things stand. Dropped without that, it is as if the process had been killed: nothing
/// that was committed is lost.
pub struct Run {
    client: Client,
    store: Store,
    job: JobId,
    falls_back: bool,
    concurrency: usize,
    writer: Writer,
    thread: Option<Thread>,
    running: FuturesUnordered<BoxFuture<'static, Landing>>,
    /// What is being asked for.
    flights: HashMap<BatchId, Flight>,
    /// Everything that was taken from the store and is not ended.
    held: HashSet<BatchId>,
    /// Batches that are next.
    ready: VecDeque<Batch>,
    /// Batches that failed in this run: they come last.
    later: VecDeque<Batch>,
    /// Those that were asked for and are not settled.
    tries: HashMap<BatchId, Tries>,
    is_taking: bool,
    is_exhausted: bool,
    /// Whether there may be batches that no run has asked for yet.
    has_unasked: bool,
    refused: HashMap<Option<String>, Reason>,
    halt: Arc<Halt>,
    ended: Option<Ended>,
    /// Failures in a row.
    streak: usize,
    /// Batches that got through in this run.
    successes: u64,
    effort: Effort,
    batches: u64,
    done: u64,
    /// Different Tweets of the list, and how many of them take requests.
    tweets: u64,
    asked: u64,
    /// Tweets of batches that are done, and of all.
    share: (u64, u64),
}

/// Why a run has ended before its job was over.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// There is no quota, or the limit of requests is reached.
    Quota,
    /// Nothing gets through: the network or the server is down.
    Outage,
    /// The store cannot be written.
    Failed(Error),
}

/// Something that happened: a batch came to an end, or did not.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Step {
    /// What is odd about an answer.
    pub warnings: Vec<String>,
    /// What went wrong.
    pub problems: Vec<Problem>,
    /// Whether the batch is set aside for it, so that nothing waits for it any more.
    pub is_set_aside: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Tweets that are done, those of earlier runs and those that take no request included; where Tweets take several
    /// requests, in proportion.
    pub done: u64,
    /// Tweets of the list.
    pub tweets: u64,
    /// Requests that are still to be made if all goes well.
    pub requests_left: u64,
    /// What this run has cost.
    pub effort: Effort,
}

impl Run {
    /// Goes on with a job, which is the one that [`find`](crate::find) or [`make`](crate::make) gave for the question.
    ///
    /// # Errors
    ///
    /// The store has no such job, or no thread can be started.
    pub fn new(client: Client, collector: Collector, job: JobId, question: &Question) -> Result<Self, Error> {
        let store = collector.store().clone();
        let reader = store.reader()?;
        let job = Job::read(reader.job(job)?)?;
        let share = reader.asked(job.id())?;
        let inner = job.inner();
        let (writer, thread) = Writer::start(collector).map_err(Error::Thread)?;
        Ok(Self {
            concurrency: client.concurrency(),
            client,
            store,
            job: job.id(),
            falls_back: question.who == Who::Auto,
            writer,
            thread: Some(thread),
            running: FuturesUnordered::new(),
            flights: HashMap::new(),
            held: HashSet::new(),
            ready: VecDeque::new(),
            later: VecDeque::new(),
            tries: HashMap::new(),
            is_taking: false,
            is_exhausted: false,
            has_unasked: true,
            refused: HashMap::new(),
            halt: Arc::default(),
            ended: None,
            streak: 0,
            successes: 0,
            effort: Effort::default(),
            batches: inner.batches.iter().sum(),
            done: inner.batches_in(BatchProgress::Done) + inner.batches_in(BatchProgress::SetAside),
            tweets: job.tweets(),
            asked: job.asked(),
            share,
        })
    }

    /// The next thing that happens; `None` once nothing is in flight and nothing more is to be asked.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.start() {
                return Some(step);
            }
            match self.running.next().await {
                Some(Landing::Taken(taken)) => self.taken(taken),
                Some(Landing::Settled(landed)) => return Some(self.landed(*landed)),
                Some(Landing::Written(Ok(()))) => {}
                Some(Landing::Written(Err(error))) => self.end(Ended::Failed(error)),
                None => return self.conclude(),
            }
        }
    }

    /// Lets nothing more be sent. What is in flight may still land.
    pub fn stop(&mut self) {
        self.end(Ended::Stopped);
    }

    /// Whether, and why, nothing more is asked.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let (done, all) = self.share;
        let done = u128::from(self.asked) * u128::from(done.min(all)) / u128::from(all.max(1));
        let unasked = if all == 0 { self.tweets } else { self.tweets.saturating_sub(self.asked) };
        Progress {
            done: unasked + u64::try_from(done).unwrap_or(u64::MAX),
            tweets: self.tweets,
            requests_left: self.batches.saturating_sub(self.done),
            effort: self.effort,
        }
    }

    /// The client that it asks with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Ends what is in flight, lets go of what was taken, and accounts for every Tweet of the job.
    ///
    /// # Errors
    ///
    /// The store cannot be read any more. What was committed is kept.
    pub async fn finish(mut self) -> Result<(Report, Option<Ended>), Error> {
        self.running.clear();
        let mut requests = Endings::new();
        for (_, Flight { ledger, meter }) in self.flights.drain() {
            self.effort.add(meter.read());
            requests.extend(ledger.endings(&meter.sent()));
        }
        let left: Vec<BatchId> = self.held.drain().collect();
        if !left.is_empty() && !matches!(self.ended, Some(Ended::Failed(_))) {
            let rested = self.writer.rest(left, requests, self.client.now()).await;
            if let Err(error) = rested {
                self.end(Ended::Failed(error));
            }
        }
        // The disk is waited for elsewhere: a runtime has other things to do.
        tokio::task::spawn_blocking(move || self.account()).await.map_err(|_| Error::WriterGone)?
    }

    /// Accounts for every Tweet, and gives back the right to write.
    fn account(self) -> Result<(Report, Option<Ended>), Error> {
        let Self { writer, thread, store, job, refused, effort, mut ended, .. } = self;
        // The thread ends with its last order, and gives back the collector.
        drop(writer);
        let collector = thread.map(Thread::join).transpose().map_err(|_| Error::WriterGone)?;
        let report = Report::of(&store.reader()?, job, &refused, effort)?;
        // An account of what is in the log, too, which is written back now.
        if let Err(error) = collector.map_or(Ok(()), Collector::close)
            && !matches!(ended, Some(Ended::Failed(_)))
        {
            ended = Some(Ended::Failed(Error::Store(error)));
        }
        Ok((report, ended))
    }

    /// Starts what there is room for.
    fn start(&mut self) -> Option<Step> {
        while self.ended.is_none() {
            let in_flight = self.running.len() - usize::from(self.is_taking);
            if !self.is_taking && !self.is_exhausted && self.ready.len() < self.concurrency {
                self.take();
            }
            if in_flight >= self.concurrency {
                break;
            }
            let batch = match self.ready.pop_front() {
                Some(batch) => batch,
                None if self.is_exhausted => self.later.pop_front()?,
                None => break,
            };
            if self.refused.contains_key(&batch.owner) {
                // Kept until the end: another run may have a better credential.
                continue;
            }
            let asker = match &batch.owner {
                None => self.client.app().ok_or_else(|| NO_APP.to_owned()),
                Some(owner) => self.client.account(owner).map_err(|error| error.to_string()),
            };
            match asker {
                Ok(asker) => self.ask(batch, asker),
                Err(why) => {
                    let mut problem = Problem::new(ProblemKind::Authentication, why);
                    problem.owner = batch.owner.as_deref().map(Arc::from);
                    self.refused.insert(batch.owner, Reason::new(&problem.message));
                    return Some(Step { problems: vec![problem], ..Step::default() });
                }
            }
        }
        None
    }

    fn take(&mut self) {
        self.is_taking = true;
        let (writer, job) = (self.writer.clone(), self.job);
        // Half of them are new as long as there are any: those that fail in every run are in nobody's way.
        let most = u32::try_from(self.concurrency).unwrap_or(u32::MAX).max(2);
        let unasked = if self.has_unasked { most / 2 } else { 0 };
        self.running.push(async move { Landing::Taken(writer.take(job, most, unasked).await) }.boxed());
    }

    fn taken(&mut self, taken: Result<Vec<Batch>, Error>) {
        self.is_taking = false;
        match taken {
            Ok(batches) if batches.is_empty() => {
                self.is_exhausted = true;
                self.has_unasked = false;
            }
            // Those that failed in this run wait in the store as well.
            Ok(batches) => {
                self.has_unasked &= batches.iter().any(|batch| batch.attempts == 0);
                for batch in batches {
                    if self.held.insert(batch.id) {
                        self.ready.push_back(batch);
                    }
                }
            }
            Err(error) => self.end(Ended::Failed(error)),
        }
    }

    fn ask(&mut self, batch: Batch, asker: Asker) {
        let mut unit = Unit::new(
            batch.endpoint,
            asker,
            batch.tweet_ids.as_slice(),
            batch.metrics.as_slice(),
            Resolution::Hour,
        );
        if let Some(window) = batch.window {
            unit = unit.window(window);
        }
        if self.falls_back {
            unit = unit.fall_back_to_app();
        }
        self.tries.entry(batch.id).or_default().begun_after = self.successes;
        let ledger = Arc::new(Ledger {
            batch: batch.id,
            client: self.client.clone(),
            writer: self.writer.clone(),
            halt: self.halt.clone(),
            lines: Mutex::default(),
        });
        let meter = Arc::<Meter>::default();
        self.flights.insert(batch.id, Flight { ledger: ledger.clone(), meter: meter.clone() });
        let (lines, client, writer) = (ledger.clone(), self.client.clone(), self.writer.clone());
        let unit = unit.before_each(move |departure| ledger.clone().note(departure));
        let settling = self.client.settle_metered(unit, meter);
        let asking = async move {
            let mut settled = settling.await;
            let mut requests = lines.endings(&settled.sent);
            if settled.problems.iter().any(|problem| problem.kind == ProblemKind::Clock)
                && let Some((_, ending)) = requests.last_mut()
                && let Ending::Answered(status) = *ending
            {
                *ending = Ending::Mistimed(status);
            }
            if !is_whole(&settled, asker) {
                return Landing::Settled(Box::new(Landed { batch, asker, settled, requests, written: None }));
            }
            let owner = client.owner(asker).cloned();
            let answered = Answered::new(batch.id, batch.endpoint, owner, &mut settled, requests);
            let written = writer.settle(answered).await.map(|_| ());
            let landed = Landed { batch, asker, settled, requests: Vec::new(), written: Some(written) };
            Landing::Settled(Box::new(landed))
        };
        self.running.push(asking.boxed());
    }

    fn landed(&mut self, landed: Landed) -> Step {
        let Landed { batch, asker, mut settled, requests, written } = landed;
        self.flights.remove(&batch.id);
        self.effort.add(settled.effort);
        let mut step = Step {
            warnings: core::mem::take(&mut settled.warnings),
            problems: core::mem::take(&mut settled.problems),
            ..Step::default()
        };
        match written {
            Some(Ok(())) => {
                if let Some((_, reason)) = settled.refused.take() {
                    // Not the batch's own credential: the app's, where it was asked about strangers.
                    self.refused.insert(None, reason);
                }
                self.succeeded(&batch);
            }
            Some(Err(error)) => self.end(Ended::Failed(error)),
            None => {
                let gravest = step.problems.iter().min_by_key(|problem| Gravity::of(problem));
                let gravest = gravest.map(|problem| (Gravity::of(problem), problem.message.clone()));
                let (gravity, message) = gravest.unwrap_or((Gravity::Passing, String::new()));
                step.problems.retain(|problem| problem.kind != ProblemKind::Held);
                let remains = Remains { settled, requests, message };
                self.fell_through(batch, asker, remains, gravity, &mut step);
            }
        }
        step
    }

    fn succeeded(&mut self, batch: &Batch) {
        self.streak = 0;
        self.successes += 1;
        self.over(batch);
        // Asked for again while others get through, it shows whose fault it is.
        if let Some(failed) = self.later.pop_front() {
            self.ready.push_front(failed);
        }
    }

    /// Nothing more is to be done about it.
    fn over(&mut self, batch: &Batch) {
        self.tries.remove(&batch.id);
        self.held.remove(&batch.id);
        self.done += 1;
        self.share.0 += batch.tweet_ids.len() as u64;
    }

    /// A batch that has no whole answer.
    fn fell_through(
        &mut self,
        batch: Batch,
        asker: Asker,
        mut remains: Remains,
        gravity: Gravity,
        step: &mut Step,
    ) {
        match gravity {
            Gravity::Held => {
                if let Some(error) = self.halt.take_failure() {
                    self.end(Ended::Failed(error));
                }
                // The end of the run has kept it from its turn.
                if self.ended.is_some() {
                    let queue = if self.has_failed(&batch) { &mut self.later } else { &mut self.ready };
                    queue.push_front(batch);
                }
            }
            Gravity::Credential => {
                if let Some((_, reason)) = remains.settled.refused.take() {
                    self.refused.insert(batch.owner, reason);
                }
            }
            Gravity::Quota => self.end(Ended::Quota),
            Gravity::Final => {
                step.is_set_aside = true;
                return self.set_aside(&batch, asker, remains);
            }
            Gravity::Passing => return self.failed(batch, asker, remains, step),
        }
        // The batch stays ours until the run ends.
        self.note_requests(remains.requests, remains.settled.observed_at);
    }

    fn has_failed(&self, batch: &Batch) -> bool {
        self.tries.get(&batch.id).is_some_and(|tries| tries.turns > 0)
    }

    /// A batch that has no answer, and might have one another time.
    fn failed(&mut self, mut batch: Batch, asker: Asker, remains: Remains, step: &mut Step) {
        self.streak += 1;
        let failure = self.failure(&batch, &remains, &step.problems);
        let is_outage = !failure.is_evident() && self.streak >= 2 * self.concurrency;
        if failure.counts() && batch.failures + 1 >= MOST_FAILURES {
            step.is_set_aside = true;
            self.set_aside(&batch, asker, remains);
        } else {
            let tries = self.tries.entry(batch.id).or_default();
            tries.turns += 1;
            tries.failed_after = Some(self.successes);
            tries.has_counted |= failure.counts();
            let has_turn = failure.is_evident() || tries.turns < TURNS;
            if !is_outage && self.ended.is_none() {
                // It is no trouble as long as the batch may still come right.
                let problems = core::mem::take(&mut step.problems);
                if has_turn {
                    step.warnings
                        .extend(problems.iter().map(|problem| format!("{problem}; asked again later")));
                } else {
                    tries.unsaid = problems;
                }
            }
            if failure.counts() {
                batch.failures += 1;
                batch.failed_at = Some(failure.at);
                self.give_back(batch.id, remains);
            } else {
                self.note_requests(remains.requests, remains.settled.observed_at);
            }
            if has_turn {
                self.later.push_back(batch);
            }
        }
        if is_outage {
            self.end(Ended::Outage);
        }
    }

    /// A turn that has just failed.
    fn failure(&self, batch: &Batch, remains: &Remains, problems: &[Problem]) -> Failure {
        let tries = self.tries.get(&batch.id);
        let fails =
            |(id, tries): (&BatchId, &Tries)| *id != batch.id && tries.failed_after == Some(self.successes);
        Failure {
            may_be_own: problems.iter().all(may_be_own),
            through_meanwhile: tries.map_or(0, |tries| self.successes - tries.begun_after),
            through: self.successes,
            others_fail: self.tries.iter().any(fails),
            is_last: self.is_left(1),
            has_counted: tries.is_some_and(|tries| tries.has_counted),
            counted_at: batch.failed_at,
            at: remains.settled.observed_at,
        }
    }

    /// Whether so many batches of the whole job are not settled.
    const fn is_left(&self, batches: u64) -> bool {
        self.batches == self.done + batches
    }

    /// What is known of requests whose batch is not settled is written down.
    fn note_requests(&mut self, requests: Endings, at: Timestamp) {
        if !requests.is_empty() {
            let writer = self.writer.clone();
            self.write(async move { writer.ended(requests, at).await });
        }
    }

    /// Ends a run of which only what fails is left, and tells what had all of its turns.
    fn conclude(&mut self) -> Option<Step> {
        if self.ended.is_none() && self.tries.values().any(|tries| tries.turns > 0) {
            self.end(Ended::Outage);
        }
        if !matches!(self.ended, Some(Ended::Outage)) {
            return None;
        }
        if self.is_left(0) {
            self.ended = None;
        }
        let unsaid = self.tries.drain().flat_map(|(_, tries)| tries.unsaid);
        let problems: Vec<Problem> = unsaid.collect();
        (!problems.is_empty()).then(|| Step { problems, ..Step::default() })
    }

    /// Writes down that a batch failed, and waits.
    fn give_back(&mut self, batch: BatchId, remains: Remains) {
        let (writer, Remains { settled, requests, message }) = (self.writer.clone(), remains);
        let at = settled.observed_at;
        self.write(async move { writer.give_back(batch, message, requests, at).await });
    }

    /// Keeps what there is of a batch, and lets the rest of the job go on without it.
    fn set_aside(&mut self, batch: &Batch, asker: Asker, remains: Remains) {
        let owner = self.client.owner(asker).cloned();
        let Remains { mut settled, requests, message } = remains;
        let answered = Answered::new(batch.id, batch.endpoint, owner, &mut settled, requests);
        let writer = self.writer.clone();
        self.over(batch);
        self.write(async move { writer.set_aside(answered, message).await.map(|_| ()) });
    }

    fn write(&mut self, writing: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let mut written = writing.map(Landing::Written).boxed();
        // The order leaves now: by the time that somebody asks how it went, the run may have ended.
        let landing = (&mut written).now_or_never();
        self.running.push(landing.map_or(written, |landing| future::ready(landing).boxed()));
    }

    fn end(&mut self, ended: Ended) {
        // Where there is no quota, whoever is in flight has had its share of it.
        if !matches!(ended, Ended::Quota) {
            self.halt.halted.store(true, Ordering::Relaxed);
        }
        // The first reason counts, but for a failure, which is the graver one.
        if self.ended.is_none() || matches!(ended, Ended::Failed(_)) {
            self.ended = Some(ended);
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("job", &self.job)
            .field("running", &self.running.len())
            .field("ended", &self.ended)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// One future of a run.
enum Landing {
    Taken(Result<Vec<Batch>, Error>),
    Settled(Box<Landed>),
    Written(Result<(), Error>),
}

struct Landed {
    batch: Batch,
    asker: Asker,
    settled: Settled,
    requests: Endings,
    /// What came of the commit, where all that was asked for was answered.
    written: Option<Result<(), Error>>,
}

/// What is left of a batch that was not answered.
struct Remains {
    settled: Settled,
    requests: Endings,
    message: String,
}

/// What is known of a batch while it is being asked for.
struct Flight {
    ledger: Arc<Ledger>,
    meter: Arc<Meter>,
}

/// What a problem means for the run, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// The run itself held the request back.
    Held,
    /// Nothing more is to be asked with this credential.
    Credential,
    /// Nothing more is to be asked.
    Quota,
    /// The same batch may do better later.
    Passing,
    /// It will not.
    Final,
}

impl Gravity {
    fn of(problem: &Problem) -> Self {
        match problem.kind {
            // Nobody has looked at what it asks.
            _ if problem.is_misdirected() => Self::Passing,
            ProblemKind::Held | ProblemKind::Stopped => Self::Held,
            ProblemKind::Authentication | ProblemKind::Clock => Self::Credential,
            ProblemKind::Quota => Self::Quota,
            ProblemKind::Refused => Self::Final,
            _ => Self::Passing,
        }
    }
}

/// Whether everything that was asked for with the batch's own credential was answered.
fn is_whole(settled: &Settled, asker: Asker) -> bool {
    let by_others = settled.refused.as_ref().is_some_and(|(refused, _)| *refused != asker);
    settled.problems.iter().all(|problem| by_others && Gravity::of(problem) == Gravity::Credential)
}

/// What all requests of a run look at before they leave.
#[derive(Debug, Default)]
struct Halt {
    halted: AtomicBool,
    failure: Mutex<Option<Error>>,
}

impl Halt {
    fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The lines of one batch in the ledger.
struct Ledger {
    batch: BatchId,
    client: Client,
    writer: Writer,
    halt: Arc<Halt>,
    lines: Mutex<Vec<RequestId>>,
}

impl Ledger {
    /// Writes down a request that is about to leave.
    async fn note(self: Arc<Self>, departure: Departure) -> Result<(), BoxError> {
        if self.halt.halted.load(Ordering::Relaxed) {
            return Err("stopped".into());
        }
        let line = Line {
            batch: self.batch,
            endpoint: departure.endpoint,
            owner: self.client.owner(departure.asker).cloned(),
            owner_id: self.client.user_id(departure.asker),
            at: self.client.now(),
        };
        match self.writer.send(line).await {
            Ok(request) => {
                self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                Ok(())
            }
            Err(error) => {
                let why = error.to_string();
                *self.halt.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(why.into())
            }
        }
    }

    /// How they ended: their order is that of the requests.
    fn endings(&self, sent: &[Sent]) -> Endings {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let ending = |status: Option<u16>| status.map_or(Ending::Broken, Ending::Answered);
        lines.iter().zip(sent).map(|(line, sent)| (*line, ending(sent.status))).collect()
    }
}

const NO_APP: &str = "there is no app to ask with: neither a consumer key and secret nor a bearer token";
