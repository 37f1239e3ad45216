//! Tasks that ask for one piece after the other.

use core::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, ready},
};
use std::{panic::resume_unwind, sync::Arc};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{self, JoinSet, yield_now},
};

use crate::{
    client::Client,
    exchange::{Bodies, settle},
    meter::Meter,
    work::Piece,
};

/// Tasks of the tokio runtime, which stay: one made for each request would be kilobytes to make and to drop, that no
/// cache knows. A task tells that it has done its piece, and waits for the next. Dropping the crew ends them.
pub(crate) struct Crew {
    client: Client,
    bodies: Bodies,
    tasks: JoinSet<()>,
    workers: Vec<Worker>,
    /// Of the workers, those that wait for a piece. The one that has waited least is the next.
    idle: Vec<usize>,
    /// What was asked for where a task panicked.
    lost: Vec<Arc<Begun>>,
    /// Which of the workers has done its piece.
    done: (UnboundedSender<usize>, UnboundedReceiver<usize>),
    /// How many have done theirs and are not heard yet.
    unheard: Arc<AtomicUsize>,
    /// How many pieces were begun.
    begun: usize,
}

/// One of the tasks, as who hands it its work sees it.
struct Worker {
    task: task::Id,
    pieces: UnboundedSender<Arc<Begun>>,
    at: Option<Arc<Begun>>,
}

impl Worker {
    /// With its runtime, or in a panic: none ends of itself while there may be something to do.
    fn is_gone(&self) -> bool {
        self.pieces.is_closed()
    }
}

/// A piece that is being asked for.
pub(crate) struct Begun {
    number: usize,
    pub(crate) piece: Piece,
    pub(crate) meter: Arc<Meter>,
}

/// Why nothing more is to be expected of the pieces that were begun.
#[derive(Debug)]
pub(crate) struct RuntimeShutDown;

impl Crew {
    pub(crate) fn new(client: Client, bodies: Bodies) -> Self {
        Self {
            client,
            bodies,
            tasks: JoinSet::new(),
            workers: Vec::new(),
            idle: Vec::new(),
            lost: Vec::new(),
            done: unbounded_channel(),
            unheard: Arc::default(),
            begun: 0,
        }
    }

    /// How many pieces are being asked for.
    pub(crate) fn at_work(&self) -> usize {
        self.workers.len() - self.idle.len()
    }

    /// How many pieces were begun so far.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// Has a piece asked for, by a task of the runtime in which this is called unless one waits for it.
    pub(crate) fn begin(&mut self, piece: Piece) {
        let begun = Arc::new(Begun { number: self.begun, piece, meter: Arc::default() });
        self.begun += 1;
        let number = self.idle.pop().unwrap_or(self.workers.len());
        if self.workers.get(number).is_none_or(Worker::is_gone) {
            let worker = self.hire(number);
            match self.workers.get_mut(number) {
                Some(place) => *place = worker,
                None => self.workers.push(worker),
            }
        }
        let worker = &mut self.workers[number];
        worker.at = Some(begun.clone());
        // One that is gone in this moment is found when it is waited for.
        let _ = worker.pieces.send(begun);
    }

    fn hire(&mut self, number: usize) -> Worker {
        let (pieces, mut to_do) = unbounded_channel::<Arc<Begun>>();
        let (client, bodies, done) = (self.client.clone(), self.bodies, self.done.0.clone());
        let turns = Turns::new(self.unheard.clone());
        let work = async move {
            while let Some(begun) = to_do.recv().await {
                turns.take(settle(&client, &begun.piece.unit, bodies, &begun.meter)).await;
                drop(begun);
                turns.unheard.fetch_add(1, Ordering::Relaxed);
                if done.send(number).is_err() {
                    return;
                }
            }
        };
        let task = self.tasks.spawn(work).id();
        Worker { task, pieces, at: None }
    }

    /// Waits for one of the pieces. `None` where none is being asked for.
    ///
    /// # Panics
    ///
    /// With what one of the tasks panicked with.
    pub(crate) fn poll_done(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Arc<Begun>, RuntimeShutDown>>> {
        if self.at_work() == 0 {
            return Poll::Ready(None);
        }
        // First: somebody may have done a piece whenever this is asked.
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(context) {
            let Err(error) = ended else { continue };
            let number = self.workers.iter().position(|worker| worker.task == error.id());
            let at_work = number.filter(|number| self.workers[*number].at.is_some());
            match (error.try_into_panic(), at_work) {
                (Ok(panic), number) => {
                    if let Some(number) = number {
                        self.lost.extend(self.workers[number].at.take());
                        self.idle.push(number);
                    }
                    resume_unwind(panic)
                }
                (Err(_), Some(_)) => return Poll::Ready(Some(Err(RuntimeShutDown))),
                (Err(_), None) => {}
            }
        }
        loop {
            let Some(number) = ready!(self.done.1.poll_recv(context)) else { return Poll::Ready(None) };
            self.unheard.fetch_sub(1, Ordering::Relaxed);
            if let Some(begun) = self.workers[number].at.take() {
                self.idle.push(number);
                return Poll::Ready(Some(Ok(begun)));
            }
        }
    }

    /// Ends the tasks, and tells which pieces nobody was told of, the first first.
    pub(crate) fn end(&mut self) -> Vec<Arc<Begun>> {
        // Dropped, it ends its tasks.
        self.tasks = JoinSet::new();
        self.idle.clear();
        self.done = unbounded_channel();
        self.unheard = Arc::default();
        let mut begun = core::mem::take(&mut self.lost);
        begun.extend(self.workers.drain(..).filter_map(|worker| worker.at));
        begun.sort_by_key(|begun| begun.number);
        begun
    }
}

/// When a task goes on.
///
/// In a runtime of one thread, who waits outside of its tasks is polled when they have all had their turn, or dozens of
/// them. Of many answers that come together the first would be out of the CPU's cache by the time its rows are read. So
/// there a task puts its turn off while others are to be heard.
struct Turns {
    unheard: Arc<AtomicUsize>,
    /// How many are enough to be heard first.
    enough: usize,
}

impl Turns {
    /// Those of a task in the runtime in which this is called.
    fn new(unheard: Arc<AtomicUsize>) -> Self {
        let is_alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        Self { unheard, enough: if is_alone { 2 } else { usize::MAX } }
    }

    async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut put_off = 0;
        poll_fn(|context| {
            if put_off < MOST_PUT_OFF && self.unheard.load(Ordering::Relaxed) >= self.enough {
                put_off += 1;
                // Pending, and has the task polled again after all that is ready.
                if pin!(yield_now()).poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

/// How often a task puts its turn off with one piece. Nobody may be there to hear.
const MOST_PUT_OFF: u32 = 8;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use tokio::{sync::Notify, time::timeout};

    use super::*;

    /// How many were unheard at most, of eight that are ready at once.
    async fn most_unheard(heard: bool) -> usize {
        let (unheard, bell) = (Arc::<AtomicUsize>::default(), Arc::new(Notify::new()));
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let (turns, bell) = (Turns::new(unheard.clone()), bell.clone());
            tasks.spawn(async move {
                turns.take(async {}).await;
                turns.unheard.fetch_add(1, Ordering::Relaxed);
                bell.notify_one();
            });
        }
        let (mut most, mut all) = (0, 0);
        while all < 8 {
            bell.notified().await;
            let now = unheard.load(Ordering::Relaxed);
            (most, all) = if heard { (most.max(now), all + now) } else { (now, now) };
            if heard {
                unheard.fetch_sub(now, Ordering::Relaxed);
            }
        }
        most
    }

    #[tokio::test]
    async fn in_one_thread_no_more_than_two_wait_to_be_heard() {
        assert_eq!(most_unheard(true).await, 2);
    }

    #[tokio::test]
    async fn who_is_not_heard_holds_nobody_up() {
        assert_eq!(timeout(Duration::from_secs(60), most_unheard(false)).await, Ok(8));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn beside_other_threads_nobody_gives_way() {
        let turns = Turns::new(Arc::new(AtomicUsize::new(1_000)));
        assert!(poll_fn(|context| Poll::Ready(pin!(turns.take(async {})).poll(context))).await.is_ready());
    }
}
