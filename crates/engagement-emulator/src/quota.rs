//! How many requests a minute are answered, contract §5.4.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use engagement_model::Endpoint;
use jiff::Timestamp;

use crate::{
    auth::Asker,
    switches::{QuotaPool, Switches},
};

/// Allowances by the minute of the emulator's clock. Contracts differ and no public number exists: the default is our
/// choice.
#[derive(Debug)]
pub(crate) struct Quota {
    per_minute: AtomicU32,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    minute: Spell,
    second: Spell,
}

/// One minute, or one second, and what was used in it.
#[derive(Debug, Default)]
struct Spell {
    number: i64,
    by_pool: HashMap<Pool, u32>,
}

type Pool = (String, Option<u64>, Option<Endpoint>);

/// What a request leaves over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Unix second at which the whole limit is there again.
    pub(crate) reset: i64,
}

/// Whether a request is answered, and what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) granted: bool,
    pub(crate) minute: Allowance,
    pub(crate) second: Option<Allowance>,
}

impl Quota {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute: AtomicU32::new(per_minute), used: Mutex::default() }
    }

    /// Changes the limit, from this minute on.
    pub(crate) fn set(&self, per_minute: u32) {
        self.per_minute.store(per_minute, Ordering::Relaxed);
    }

    /// Draws one request.
    pub(crate) fn draw(
        &self,
        asker: &Asker,
        endpoint: Endpoint,
        switches: &Switches,
        now: Timestamp,
    ) -> Draw {
        let per_minute = self.per_minute.load(Ordering::Relaxed);
        let user = asker.user_id.filter(|_| switches.quota_pool != QuotaPool::App);
        let endpoint = (switches.quota_pool == QuotaPool::Endpoint).then_some(endpoint);
        let pool = (asker.consumer_key.clone(), user, endpoint);

        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let second = switches
            .per_second_headers
            .then(|| used.second.look(&pool, per_minute.div_ceil(60), now.as_second(), 1));
        let minute = used.minute.look(&pool, per_minute, now.as_second(), 60);
        let granted = minute.remaining > 0 && second.is_none_or(|second| second.remaining > 0);
        if !granted {
            return Draw { granted, minute, second };
        }
        used.minute.take(&pool);
        used.second.take(&pool);
        let less = |allowance: Allowance| Allowance { remaining: allowance.remaining - 1, ..allowance };
        Draw { granted, minute: less(minute), second: second.map(less) }
    }
}

impl Spell {
    fn look(&mut self, pool: &Pool, limit: u32, now: i64, length: i64) -> Allowance {
        let number = now.div_euclid(length);
        if number != self.number {
            self.number = number;
            self.by_pool.clear();
        }
        let used = self.by_pool.get(pool).copied().unwrap_or(0);
        Allowance { limit, remaining: limit.saturating_sub(used), reset: (number + 1) * length }
    }

    fn take(&mut self, pool: &Pool) {
        *self.by_pool.entry(pool.clone()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(user_id: Option<u64>) -> Asker {
        Asker { consumer_key: "k".to_owned(), user_id }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_040 + second).unwrap()
    }

    #[test]
    fn counts_down_within_the_minute_and_starts_again() {
        let quota = Quota::new(2);
        let draw = |second| quota.draw(&asker(None), Endpoint::Totals, &Switches::default(), at(second));
        let left = |second| (draw(second).granted, draw(second).minute.remaining);
        assert_eq!(draw(0).minute, Allowance { limit: 2, remaining: 1, reset: 1_700_000_100 });
        assert_eq!(draw(30).minute.remaining, 0);
        assert_eq!(left(59), (false, 0));
        assert_eq!(left(60), (true, 0));
    }

    #[test]
    fn pools_are_as_the_switch_says() {
        for (quota_pool, expected) in [
            (QuotaPool::App, [true, false, false]),
            (QuotaPool::Token, [true, true, false]),
            (QuotaPool::Endpoint, [true, true, true]),
        ] {
            let quota = Quota::new(1);
            let switches = Switches { quota_pool, ..Switches::default() };
            let granted = [
                (asker(None), Endpoint::Totals),
                (asker(Some(1)), Endpoint::Totals),
                (asker(Some(1)), Endpoint::Historical),
            ]
            .map(|(asker, endpoint)| quota.draw(&asker, endpoint, &switches, at(0)).granted);
            assert_eq!(granted, expected, "{quota_pool:?}");
        }
    }

    #[test]
    fn seconds_count_when_they_are_told() {
        let quota = Quota::new(60);
        let switches = Switches { per_second_headers: true, ..Switches::default() };
        let draw = |second| quota.draw(&asker(None), Endpoint::Totals, &switches, at(second));
        assert_eq!(draw(0).second, Some(Allowance { limit: 1, remaining: 0, reset: 1_700_000_041 }));
        assert!(!draw(0).granted);
        assert!(draw(1).granted);
    }
}
