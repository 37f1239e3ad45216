use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use crate::poison;

/// Rouses the task that waits for a connection, and leaves alone the one that is at work on it.
///
/// The parts of hyper's connection tell each other of their progress, and each wakes whoever is to poll the other:
/// here, the task that has just done so. Woken in its own turn a task is put in the queue once more, and a runtime of
/// several threads gets another of them out of its sleep for that.
#[derive(Default)]
pub(crate) struct Bell(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Option<Waker>,
    /// While nobody waited.
    has_rung: bool,
}

impl Bell {
    /// Somebody is at work: all that has rung is heard.
    pub(crate) fn hear(&self) {
        *poison::lock(&self.0) = State::default();
    }

    /// Lets the task wait from now on. `false`: it rang since it was heard last, and there is something to do.
    pub(crate) fn wait(&self, task: &Waker) -> bool {
        let mut state = poison::lock(&self.0);
        if std::mem::take(&mut state.has_rung) {
            return false;
        }
        state.waiting = Some(task.clone());
        true
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = poison::lock(&self.0);
        match state.waiting.take() {
            Some(task) => {
                drop(state);
                task.wake();
            }
            None => state.has_rung = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn rouses_only_who_waits() {
        let (bell, count) = (Arc::<Bell>::default(), Arc::<Count>::default());
        let (ring, task) = (Waker::from(bell.clone()), Waker::from(count.clone()));
        let woken = || count.0.load(Ordering::Relaxed);
        ring.wake_by_ref();
        assert!(!bell.wait(&task), "it rang before");
        assert!(bell.wait(&task));
        assert_eq!(woken(), 0);
        ring.wake_by_ref();
        ring.wake_by_ref();
        assert_eq!(woken(), 1);
        bell.hear();
        assert!(bell.wait(&task));
        bell.hear();
        ring.wake_by_ref();
        assert_eq!(woken(), 1, "nobody waits");
    }
}
