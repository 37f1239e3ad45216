//! Work that nobody else should notice.

use std::{num::NonZero, sync::Arc, thread};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Does such work on threads of its own: few at once, so that a processor is left for the short requests where there is
/// more than one, and with a low priority, so that those come first where there is not.
#[derive(Debug)]
pub(crate) struct Aside(Arc<Semaphore>);

/// Leave to do one piece of work.
#[derive(Debug)]
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Aside {
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self::at_once((processors - 1).clamp(1, MOST))
    }

    fn at_once(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Waits for a turn. Whoever is dropped meanwhile has cost nothing.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        Arc::clone(&self.0).acquire_owned().await.ok().map(Turn)
    }
}

impl Turn {
    /// The result; `None` if the work panics.
    pub(crate) async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let Self(permit) = self;
        let work = move || {
            step_back();
            work()
        };
        // The runtime's thread only waits, but while it does a paused clock stands still. It cannot do the work itself:
        // it is lent by the program around, and no thread's priority can be raised again.
        let wait = move || {
            // The turn ends with the work, even if nobody wants its result any more.
            let _permit = permit;
            thread::Builder::new().spawn(work).ok()?.join().ok()
        };
        tokio::task::spawn_blocking(wait).await.ok().flatten()
    }
}

/// Lowers this thread's priority. Where that would be the whole program's, it stays as it is.
fn step_back() {
    // If it cannot be lowered, others wait a little longer.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(STEPS_BACK);
}

/// Each holds some megabytes.
const MOST: usize = 4;
/// A tenth of the weight of others: beside busy programs it goes on slowly, and still goes on.
#[cfg(target_os = "linux")]
const STEPS_BACK: i32 = 10;

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    async fn run<T: Send + 'static>(aside: &Aside, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        aside.turn().await?.run(work).await
    }

    #[tokio::test]
    async fn a_panic_is_no_result_and_takes_no_turn() {
        let aside = Aside::at_once(1);
        assert_eq!(run(&aside, || 1 / core::hint::black_box(0)).await, None);
        assert_eq!(run(&aside, || 2).await, Some(2));
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_the_work_even_if_nobody_waits_for_it() {
        let aside = Arc::new(Aside::at_once(1));
        let (begun, has_begun) = mpsc::channel();
        let (end, ends) = mpsc::channel();
        let work = move || (begun.send(()), ends.recv());
        let asking = tokio::spawn({
            let aside = Arc::clone(&aside);
            async move { run(&aside, work).await }
        });
        tokio::task::yield_now().await;
        has_begun.recv().unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        assert_eq!(aside.0.available_permits(), 0);
        end.send(()).unwrap();
        assert_eq!(run(&aside, || 3).await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_waits_for_it() {
        let work = || (0..5_000_000_u64).map(core::hint::black_box).sum::<u64>();
        let aside = Aside::at_once(1);
        let asked = tokio::time::timeout(Duration::from_secs(1), run(&aside, work));
        assert!(asked.await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_lets_others_go_first() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let ours = priority();
        let theirs = run(&Aside::new(), priority).await.unwrap();
        assert_eq!(theirs, (ours + STEPS_BACK).min(19));
        assert_eq!(priority(), ours);
    }
}
