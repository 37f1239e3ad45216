//! The thread that writes: everything that waits for the disk goes there, and into one commit.

use std::{sync::Arc, thread};

use engagement_model::Endpoint;
use engagement_store::{
    Collector, Error as StoreError, Transaction,
    job::{Batch, BatchId, JobId},
    record::{Ending, GivenBack, RequestId, Sent, Settled},
};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::{answer::Answered, error::Error};

/// Orders to the thread. Cheap to clone; the thread ends when the last one is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Writer(mpsc::UnboundedSender<Order>);

/// A request that is about to be sent.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) batch: BatchId,
    pub(crate) endpoint: Endpoint,
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) owner_id: Option<u64>,
    pub(crate) at: Timestamp,
}

/// What to write. Each order is answered when its commit is on the disk.
#[derive(Debug)]
enum Order {
    Take { job: JobId, most: u32, unasked: u32, reply: Reply<Vec<Batch>> },
    Send { line: Line, reply: Reply<RequestId> },
    Settle { answered: Box<Answered>, reply: Reply<Settled> },
    SetAside { answered: Box<Answered>, reason: String, reply: Reply<Settled> },
    GiveBack { batch: BatchId, reason: String, requests: Endings, at: Timestamp, reply: Reply<()> },
    Ended { requests: Endings, at: Timestamp, reply: Reply<()> },
    Rest { batches: Vec<BatchId>, requests: Endings, at: Timestamp, reply: Reply<()> },
}

/// Requests, and how they ended.
pub(crate) type Endings = Vec<(RequestId, Ending)>;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// The thread, which gives the collector back at its end.
pub(crate) type Thread = thread::JoinHandle<Collector>;

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(collector: Collector) -> std::io::Result<(Self, Thread)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let thread =
            thread::Builder::new().name("writer".to_owned()).spawn(move || write(collector, receiver))?;
        Ok((Self(sender), thread))
    }

    /// The next batches that wait, in the order of the job: so many of them that nobody has asked for yet, if there are.
    pub(crate) async fn take(&self, job: JobId, most: u32, unasked: u32) -> Result<Vec<Batch>, Error> {
        self.order(|reply| Order::Take { job, most, unasked, reply }).await
    }

    /// Writes down a request. When this has ended, its bytes may leave.
    pub(crate) async fn send(&self, line: Line) -> Result<RequestId, Error> {
        self.order(|reply| Order::Send { line, reply }).await
    }

    /// Ends a batch.
    pub(crate) async fn settle(&self, answered: Answered) -> Result<Settled, Error> {
        self.order(|reply| Order::Settle { answered: Box::new(answered), reply }).await
    }

    /// Keeps what there is of a batch, and sets it aside.
    pub(crate) async fn set_aside(&self, answered: Answered, reason: String) -> Result<Settled, Error> {
        self.order(|reply| Order::SetAside { answered: Box::new(answered), reason, reply }).await
    }

    /// Counts a failure of a batch that is to be tried again.
    pub(crate) async fn give_back(
        &self,
        batch: BatchId,
        reason: String,
        requests: Endings,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.order(|reply| Order::GiveBack { batch, reason, requests, at, reply }).await
    }

    /// Writes down how requests ended whose batch is kept.
    pub(crate) async fn ended(&self, requests: Endings, at: Timestamp) -> Result<(), Error> {
        self.order(|reply| Order::Ended { requests, at, reply }).await
    }

    /// Lets go of batches that nothing is wrong with. No request is under way any more.
    pub(crate) async fn rest(
        &self,
        batches: Vec<BatchId>,
        requests: Endings,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.order(|reply| Order::Rest { batches, requests, at, reply }).await
    }

    async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        // A thread that is gone drops the reply, which is what says so.
        let _ = self.0.send(order(reply));
        answer.await.map_err(|_| Error::WriterGone)?.map_err(Error::Store)
    }
}

/// What is said once the commit is there.
type Word = Box<dyn FnOnce(&Result<(), StoreError>)>;

fn write(mut collector: Collector, mut orders: mpsc::UnboundedReceiver<Order>) -> Collector {
    while let Some(first) = orders.blocking_recv() {
        let mut words: Vec<Word> = Vec::new();
        let written = match collector.transaction() {
            Ok(mut transaction) => {
                carry_out(first, Ok(&mut transaction), &mut words);
                // What came while the last commit waited for the disk goes with this one.
                while words.len() < MOST
                    && let Ok(next) = orders.try_recv()
                {
                    carry_out(next, Ok(&mut transaction), &mut words);
                }
                transaction.commit()
            }
            Err(error) => {
                carry_out(first, Err(&error), &mut words);
                Err(error)
            }
        };
        for word in words {
            word(&written);
        }
    }
    collector
}

fn carry_out(order: Order, to: Result<&mut Transaction<'_>, &StoreError>, words: &mut Vec<Word>) {
    match order {
        Order::Take { job, most, unasked, reply } => keep(words, reply, to, |to| {
            let mut batches = to.take_unasked(job, unasked)?;
            let taken = u32::try_from(batches.len()).unwrap_or(most);
            batches.extend(to.take(job, most.saturating_sub(taken))?);
            batches.sort_by_key(|batch| batch.id);
            Ok(batches)
        }),
        Order::Send { line, reply } => keep(words, reply, to, |to| {
            let mut sent = Sent::new(line.batch, line.endpoint, line.at);
            if let Some(owner) = &line.owner {
                sent = sent.by(owner, line.owner_id);
            }
            to.sent(&sent)
        }),
        Order::Settle { answered, reply } => {
            keep(words, reply, to, |to| to.settle(answered.batch, &answered.settlement()));
        }
        Order::SetAside { answered, reason, reply } => keep(words, reply, to, |to| {
            let settled = to.settle(answered.batch, &answered.settlement())?;
            to.give_back(answered.batch, &reason, answered.at, 1).map(|_: GivenBack| settled)
        }),
        Order::GiveBack { batch, reason, requests, at, reply } => keep(words, reply, to, |to| {
            end(to, requests, at)?;
            to.give_back(batch, &reason, at, u32::MAX).map(|_: GivenBack| ())
        }),
        Order::Ended { requests, at, reply } => keep(words, reply, to, |to| end(to, requests, at)),
        Order::Rest { batches, requests, at, reply } => keep(words, reply, to, |to| {
            end(to, requests, at)?;
            to.lose_rest(at)?;
            batches.into_iter().try_for_each(|batch| to.release(batch))
        }),
    }
}

fn end(to: &mut Transaction<'_>, requests: Endings, at: Timestamp) -> Result<(), StoreError> {
    requests.into_iter().try_for_each(|(request, ending)| to.ended(request, ending, at))
}

/// Does a part of a commit, and answers for it once the commit is there: what was done in one that failed was not done.
fn keep<T: 'static>(
    words: &mut Vec<Word>,
    reply: Reply<T>,
    to: Result<&mut Transaction<'_>, &StoreError>,
    part: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
) {
    let done = to.map_err(Clone::clone).and_then(part);
    words.push(Box::new(move |written| {
        let _ = reply.send(match (written, done) {
            (Err(error), Ok(_)) => Err(error.clone()),
            (_, done) => done,
        });
    }));
}

/// Orders in one commit, at most.
const MOST: usize = 256;
