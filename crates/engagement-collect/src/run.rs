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
    failing::{Failing, Fault, MOST_FAILURES, Remains, Tries, another_day, is_doubtful},
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
    tries: HashMap<BatchId, Tries>,
    /// Those that have failed since anything got through.
    failing: HashMap<BatchId, Failing>,
    is_taking: bool,
    is_exhausted: bool,
    /// Whether there may be batches that no run has asked for yet.
    has_unasked: bool,
    is_judged: bool,
    refused: HashMap<Option<String>, Reason>,
    halt: Arc<Halt>,
    ended: Option<Ended>,
    /// Failures in a row.
    streak: usize,
    successes: u64,
    effort: Effort,
    batches: u64,
    done: u64,
    /// Batches that were answered, in this run or before.
    answered: u64,
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
            failing: HashMap::new(),
            is_taking: false,
            is_exhausted: false,
            has_unasked: true,
            is_judged: false,
            refused: HashMap::new(),
            halt: Arc::default(),
            ended: None,
            streak: 0,
            successes: 0,
            effort: Effort::default(),
            batches: inner.batches.iter().sum(),
            done: inner.batches_in(BatchProgress::Done) + inner.batches_in(BatchProgress::SetAside),
            answered: inner.batches_in(BatchProgress::Done),
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
                None => return self.judge().await,
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
        self.tries.entry(batch.id).or_insert_with(|| Tries::begun(self.successes));
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
                let id = batch.id;
                let remains = Remains {
                    fault: Fault::of(&settled, &step.problems),
                    settled,
                    requests,
                    message,
                    unsaid: Vec::new(),
                };
                self.fell_through(batch, asker, remains, gravity);
                if self.ended.is_none() {
                    self.leave_unsaid(id, &mut step);
                }
            }
        }
        step
    }

    /// What went wrong is no trouble as long as the batch may still come right.
    fn leave_unsaid(&mut self, batch: BatchId, step: &mut Step) {
        let is_later = self.later.iter().any(|later| later.id == batch);
        let problems = match self.failing.get_mut(&batch) {
            Some(failing) => {
                failing.remains.unsaid = core::mem::take(&mut step.problems);
                failing.remains.unsaid.clone()
            }
            None if is_later => core::mem::take(&mut step.problems),
            None => return,
        };
        if is_later {
            step.warnings.extend(problems.iter().map(|problem| format!("{problem}; asked again later")));
        }
    }

    fn succeeded(&mut self, batch: &Batch) {
        self.tries.remove(&batch.id);
        self.streak = 0;
        self.successes += 1;
        self.answered += 1;
        self.over(batch);
        // The others can be told from an outage now: those that had all of their turns have one more.
        let failing = self.failing.drain().filter(|(id, _)| *id != batch.id);
        self.later.extend(failing.filter_map(|(_, failing)| failing.is_through.then_some(failing.batch)));
    }

    /// Nothing more is to be done about it.
    fn over(&mut self, batch: &Batch) {
        self.held.remove(&batch.id);
        self.done += 1;
        self.share.0 += batch.tweet_ids.len() as u64;
    }

    /// A batch that has no whole answer.
    fn fell_through(&mut self, batch: Batch, asker: Asker, mut remains: Remains, gravity: Gravity) {
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
            Gravity::Final => return self.set_aside(&batch, asker, remains),
            Gravity::Passing => return self.failed(batch, asker, remains),
        }
        // The batch stays ours until the run ends.
        self.note_requests(remains.requests, remains.settled.observed_at);
    }

    fn has_failed(&self, batch: &Batch) -> bool {
        self.tries.get(&batch.id).is_some_and(|tries| tries.count > 0)
    }

    /// A batch that has no answer, and might have one another time.
    fn failed(&mut self, mut batch: Batch, asker: Asker, mut remains: Remains) {
        let id = batch.id;
        self.streak += 1;
        let tries = self.tries.entry(id).or_default();
        tries.fail(remains.fault, self.successes);
        let is_through = tries.count >= MOST_FAILURES;
        if tries.is_its_own(self.successes) {
            if is_through || batch.failures + 1 >= MOST_FAILURES {
                return self.set_aside(&batch, asker, remains);
            }
            batch.failures += 1;
            self.give_back(id, remains);
            self.later.push_back(batch);
            return;
        }
        self.note_requests(core::mem::take(&mut remains.requests), remains.settled.observed_at);
        if !is_through {
            self.later.push_back(batch.clone());
        }
        self.failing.insert(id, Failing { batch, asker, remains, is_through });
        if self.streak >= 2 * self.concurrency {
            self.end(Ended::Outage);
        }
    }

    /// What is known of requests whose batch is not settled is written down.
    fn note_requests(&mut self, requests: Endings, at: Timestamp) {
        if !requests.is_empty() {
            let writer = self.writer.clone();
            self.write(async move { writer.ended(requests, at).await });
        }
    }

    /// Counts one failure for each batch that failed through a run in which nothing gets through any more, if it can be
    /// told from an outage: an outage is over by the third of these runs.
    async fn judge(&mut self) -> Option<Step> {
        if self.ended.is_none() && !self.failing.is_empty() {
            self.end(Ended::Outage);
        }
        if self.is_judged || !matches!(self.ended, Some(Ended::Outage)) {
            return None;
        }
        let own = match self.own_failures().await {
            Ok(own) => own,
            Err(error) => {
                self.end(Ended::Failed(error));
                return None;
            }
        };
        self.is_judged = true;
        let mut step = Step::default();
        let mut is_waiting = !self.is_exhausted || !self.ready.is_empty();
        for (id, failing) in core::mem::take(&mut self.failing) {
            let Failing { batch, asker, mut remains, is_through } = failing;
            let is_own = own.contains(&id);
            let is_over = is_own && batch.failures + 1 >= MOST_FAILURES;
            if is_over || is_through {
                step.problems.append(&mut remains.unsaid);
            }
            if is_over {
                self.later.retain(|later| later.id != id);
                self.set_aside(&batch, asker, remains);
            } else {
                is_waiting = true;
                if is_own {
                    self.give_back(id, remains);
                }
            }
        }
        if !is_waiting && self.later.is_empty() {
            self.ended = None;
        }
        Some(step)
    }

    /// Which of the failing batches failed for reasons of their own, as far as can be told.
    async fn own_failures(&self) -> Result<Vec<BatchId>, Error> {
        if self.has_unasked || self.ready.iter().any(|batch| batch.attempts == 0) {
            // Others may yet get through.
            return Ok(Vec::new());
        }
        let faults = || self.failing.keys().filter_map(|id| self.tries.get(id)).map(|tries| tries.worst);
        let is_all = self.is_exhausted
            && self.ready.is_empty()
            && self.later.iter().all(|batch| self.failing.contains_key(&batch.id));
        // One alone, or no more than were answered at one time or another.
        let is_few = is_all
            && faults().all(|fault| fault != Fault::Unanswered)
            && (self.failing.len() == 1 || self.answered >= self.failing.len() as u64);
        let is_doubtful = self.successes == 0 && !is_few && is_doubtful(faults());
        let answered = self
            .failing
            .iter()
            .filter(|(id, _)| self.tries.get(id).is_some_and(|tries| tries.worst != Fault::Unanswered));
        let answered: Vec<(BatchId, u32)> =
            answered.map(|(id, failing)| (*id, failing.batch.failures)).collect();
        if !is_doubtful {
            return Ok(answered.into_iter().map(|(id, _)| id).collect());
        }
        let (store, now) = (self.store.clone(), self.client.now());
        // The disk is waited for elsewhere.
        tokio::task::spawn_blocking(move || another_day(&store, answered, now))
            .await
            .map_err(|_| Error::WriterGone)?
    }

    /// Writes down that a batch failed, and waits.
    fn give_back(&mut self, batch: BatchId, remains: Remains) {
        let (writer, Remains { settled, requests, message, .. }) = (self.writer.clone(), remains);
        let at = settled.observed_at;
        self.write(async move { writer.give_back(batch, message, requests, at).await });
    }

    /// Keeps what there is of a batch, and lets the rest of the job go on without it.
    fn set_aside(&mut self, batch: &Batch, asker: Asker, remains: Remains) {
        let owner = self.client.owner(asker).cloned();
        let Remains { mut settled, requests, message, .. } = remains;
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
