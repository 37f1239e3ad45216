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
    task::{JoinSet, yield_now},
};

use crate::{
    client::Client,
    exchange::{Bodies, settle},
    meter::Meter,
    work::Piece,
};

/// Tasks of the tokio runtime, which stay: a task made for each request would be kilobytes to make and to drop, that no
/// cache knows. What a task has done it tells, and waits until it is told what comes next. Dropping the crew ends them.
pub(crate) struct Crew {
    client: Client,
    bodies: Bodies,
    tasks: JoinSet<()>,
    workers: Vec<Worker>,
    /// Of the workers, those that wait for a piece. The one that has waited least is the next.
    idle: Vec<usize>,
    /// Which of the workers has done its piece.
    done: (UnboundedSender<usize>, UnboundedReceiver<usize>),
    /// How many have done theirs and are not heard yet.
    unheard: Arc<AtomicUsize>,
    /// How many pieces were begun.
    begun: usize,
}

/// One of the tasks, as who hands it its work sees it.
struct Worker {
    pieces: UnboundedSender<Arc<Begun>>,
    at: Option<Arc<Begun>>,
}

impl Worker {
    /// None ends of itself while there may be something to do.
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

    /// Has a piece asked for, in the runtime in which this is called.
    pub(crate) fn begin(&mut self, piece: Piece) {
        let begun = Arc::new(Begun { number: self.begun, piece, meter: Arc::default() });
        self.begun += 1;
        let number = match self.idle.pop() {
            // Another runtime's, and gone with it.
            Some(number) if self.workers[number].is_gone() => {
                self.workers[number] = self.hire(number);
                number
            }
            Some(number) => number,
            None => {
                let worker = self.hire(self.workers.len());
                self.workers.push(worker);
                self.workers.len() - 1
            }
        };
        let worker = &mut self.workers[number];
        worker.at = Some(begun.clone());
        // One that is gone in this moment is found when it is waited for.
        let _ = worker.pieces.send(begun);
    }

    fn hire(&mut self, number: usize) -> Worker {
        let (pieces, mut to_do) = unbounded_channel::<Arc<Begun>>();
        let (client, bodies, done) = (self.client.clone(), self.bodies, self.done.0.clone());
        let turns = Turns::new(self.unheard.clone());
        self.tasks.spawn(async move {
            while let Some(begun) = to_do.recv().await {
                turns.take(settle(&client, &begun.piece.unit, bodies, &begun.meter)).await;
                drop(begun);
                turns.unheard.fetch_add(1, Ordering::Relaxed);
                if done.send(number).is_err() {
                    return;
                }
            }
        });
        Worker { pieces, at: None }
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
        if let Poll::Ready(Some(number)) = self.done.1.poll_recv(context)
            && let Some(begun) = self.workers[number].at.take()
        {
            self.idle.push(number);
            self.unheard.fetch_sub(1, Ordering::Relaxed);
            return Poll::Ready(Some(Ok(begun)));
        }
        loop {
            match ready!(self.tasks.poll_join_next(context)) {
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                Some(_) if !self.workers.iter().any(|worker| worker.at.is_some() && worker.is_gone()) => {}
                _ => return Poll::Ready(Some(Err(RuntimeShutDown))),
            }
        }
    }

    /// Ends the tasks, and tells which pieces they were at, the first first.
    pub(crate) fn end(&mut self) -> Vec<Arc<Begun>> {
        // Dropped, it ends its tasks.
        self.tasks = JoinSet::new();
        self.idle.clear();
        self.done = unbounded_channel();
        self.unheard = Arc::default();
        let mut begun: Vec<_> = self.workers.drain(..).filter_map(|worker| worker.at).collect();
        begun.sort_by_key(|begun| begun.number);
        begun
    }
}

/// When a task goes on.
///
/// In a runtime of one thread, who waits outside of its tasks is not polled before all of them have had their turn. Of
/// many answers that come together the first would be out of the CPU's cache by the time its rows are read. So there a
/// task puts its turn off while others are to be heard.
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
            // Nobody may be there to hear.
            if put_off < MOST_PUT_OFF && self.unheard.load(Ordering::Relaxed) >= self.enough {
                put_off += 1;
                // Pending, and has the task polled again after all that is ready.
                if pin!(yield_now()).poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            put_off = 0;
            work.as_mut().poll(context)
        })
        .await
    }
}

/// How often in a row a task puts its turn off.
const MOST_PUT_OFF: u32 = 8;

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

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
        assert_eq!(most_unheard(false).await, 8);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn beside_other_threads_nobody_gives_way() {
        let turns = Turns::new(Arc::new(AtomicUsize::new(1_000)));
        assert!(poll_fn(|context| Poll::Ready(pin!(turns.take(async {})).poll(context))).await.is_ready());
    }
}
