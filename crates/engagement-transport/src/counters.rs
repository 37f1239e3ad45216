use std::sync::atomic::{AtomicU64, Ordering};

/// What a transport has done since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls begun.
    pub calls: u64,
    /// Requests sent, first ones and repetitions.
    pub attempts: u64,
    /// Requests after a call's first.
    pub retries: u64,
    /// Answers with status 429.
    pub refusals: u64,
    /// Connections opened.
    pub connections: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: Count,
    pub(crate) attempts: Count,
    pub(crate) retries: Count,
    pub(crate) refusals: Count,
    pub(crate) connections: Count,
}

impl Tally {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            calls: self.calls.get(),
            attempts: self.attempts.get(),
            retries: self.retries.get(),
            refusals: self.refusals.get(),
            connections: self.connections.get(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
