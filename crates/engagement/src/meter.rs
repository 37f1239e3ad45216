//! How far a unit is, for whoever ends it early.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::settled::{Effort, Sent, Settled};

/// What a unit has cost so far, for who may drop it before it is settled. One is for one unit.
#[derive(Default)]
pub struct Meter(Mutex<State>);

#[derive(Default)]
struct State {
    /// What has become of it, save what it has cost.
    settled: Settled,
    /// By the calls that have ended.
    effort: Effort,
    sent: Vec<Sent>,
    /// How many of them in the calls that have ended.
    ended: usize,
    /// How many requests that call has taken from the client's limit.
    taken: u32,
    is_closed: bool,
}

impl State {
    fn effort(&self) -> Effort {
        let mut effort = self.effort;
        effort.add(Effort::of(self.sent_for_call(), Duration::ZERO));
        effort
    }

    /// How many were let go for the call that has not ended.
    fn sent_for_call(&self) -> u32 {
        u32::try_from(self.sent.len() - self.ended).unwrap_or(u32::MAX)
    }
}

impl Meter {
    /// The cost so far: a request counts from the moment at which it was let go.
    pub fn read(&self) -> Effort {
        self.state().effort()
    }

    /// The requests that were let go, in their order, those included whose answer is still to come.
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Settled)) {
        change(&mut self.state().settled);
    }

    /// A call begins, for which one request is taken.
    pub(crate) fn begin_call(&self) {
        self.state().taken = 1;
    }

    /// Whether nothing was sent for the call yet.
    pub(crate) fn first_is_to_come(&self) -> bool {
        self.state().sent_for_call() == 0
    }

    /// Another request is taken for the call.
    pub(crate) fn took_one(&self) {
        self.state().taken += 1;
    }

    /// How many requests are taken for the call.
    pub(crate) fn taken(&self) -> u32 {
        self.state().taken
    }

    /// How many were let go for the call that has not ended.
    pub(crate) fn sent_for_call(&self) -> u32 {
        self.state().sent_for_call()
    }

    /// A request goes out now, unless what became of the unit is already told.
    pub(crate) fn leave(&self, sent: Sent) -> Result<(), Closed> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Closed);
        }
        state.sent.push(sent);
        Ok(())
    }

    /// The request that was sent last is answered.
    pub(crate) fn answered(&self, status: u16) {
        let mut state = self.state();
        if state.sent_for_call() > 0
            && let Some(last) = state.sent.last_mut()
        {
            last.status = Some(status);
        }
    }

    /// The call is over, it cost this, and `change` accounts for what it brought.
    pub(crate) fn end_call(&self, effort: Effort, now: Timestamp, change: impl FnOnce(&mut Settled)) {
        let state = &mut *self.state();
        state.effort.add(effort);
        state.ended = state.sent.len();
        state.settled.observed_at = now;
        change(&mut state.settled);
    }

    /// What has become of the unit. Nothing is sent for it after this; a request that is on its way is counted.
    pub(crate) fn end(&self) -> Settled {
        let mut state = self.state();
        state.is_closed = true;
        let mut settled = core::mem::take(&mut state.settled);
        settled.effort = state.effort();
        settled.sent = state.sent.clone();
        settled
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panics in the middle of a change takes the whole query along.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.read()).finish()
    }
}

/// Somebody has ended the unit.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the query was stopped")
    }
}

impl std::error::Error for Closed {}
