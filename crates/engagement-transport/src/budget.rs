use std::sync::atomic::{AtomicU32, Ordering};

/// What bounds repetitions when everything fails: each costs a token, each call brings a tenth of one, and each call
/// that ends well a whole one.
///
/// While most calls end well there is always a token. In an outage, once the store is empty, at most one call in ten
/// is repeated, so the server sees at most 1.1 requests for each call.
pub(crate) struct Budget {
    thousandths: AtomicU32,
}

impl Budget {
    pub(crate) fn full() -> Self {
        Self { thousandths: AtomicU32::new(CAPACITY) }
    }

    pub(crate) fn call_began(&self) {
        self.deposit(CALL);
    }

    pub(crate) fn call_ended_well(&self) {
        self.deposit(TOKEN);
    }

    /// Takes the token for one repetition, if there is one.
    pub(crate) fn withdraw(&self) -> bool {
        self.thousandths
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |held| held.checked_sub(TOKEN))
            .is_ok()
    }

    fn deposit(&self, amount: u32) {
        // Full most of the time, and then not written: the counter is shared by all tasks.
        let _ = self.thousandths.try_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            (held < CAPACITY).then(|| (held + amount).min(CAPACITY))
        });
    }
}

const TOKEN: u32 = 1_000;
const CALL: u32 = 100;
const CAPACITY: u32 = 100 * TOKEN;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_not_multiplied() {
        let budget = Budget::full();
        let mut repeats = 0;
        for _ in 0..10_000 {
            budget.call_began();
            while budget.withdraw() {
                repeats += 1;
            }
        }
        assert_eq!(
            repeats,
            100 + 1_000 - 1,
            "the store, then a tenth of the calls; the first deposit met a full store"
        );
    }

    #[test]
    fn lasts_while_calls_end_well() {
        let budget = Budget::full();
        for call in 0..10_000 {
            budget.call_began();
            assert!(budget.withdraw(), "call {call}");
            budget.call_ended_well();
        }
    }
}
