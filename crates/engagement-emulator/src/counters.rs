//! What was asked, and how it ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

/// A tally of the requests so far; the test interface's own are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// All requests.
    pub total: u64,
    /// By endpoint (`totals`, `28hr`, `historical`, `oauth`, `unknown`) and by status; `dropped` are those that a fault
    /// left without an answer.
    pub by_endpoint: BTreeMap<String, BTreeMap<String, u64>>,
    /// Accounts in whose context the three endpoints were asked, in alphabetical order: the handles that a contract
    /// counts.
    pub owners: BTreeSet<String>,
    /// The most requests to the three endpoints in one minute of the emulator's clock, refused ones included.
    pub max_per_minute: u64,
    /// Requests during which the emulator itself failed, always 0 unless a fault asked for it.
    pub panics: u64,
}

/// The tally under way.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Current>);

#[derive(Debug, Default)]
struct Current {
    counters: Counters,
    minute: i64,
    this_minute: u64,
}

impl Tally {
    /// A request came to one of the three endpoints.
    pub(crate) fn arrived(&self, now: Timestamp) {
        let mut current = self.lock();
        let minute = now.as_second().div_euclid(60);
        if minute != current.minute {
            current.minute = minute;
            current.this_minute = 0;
        }
        current.this_minute += 1;
        current.counters.max_per_minute = current.counters.max_per_minute.max(current.this_minute);
    }

    /// A request was answered with this status, or not at all.
    pub(crate) fn ended(&self, endpoint: &str, status: Option<u16>) {
        let mut current = self.lock();
        let status = status.map_or_else(|| "dropped".to_owned(), |status| status.to_string());
        current.counters.total += 1;
        *current.counters.by_endpoint.entry(endpoint.to_owned()).or_default().entry(status).or_default() += 1;
    }

    /// An account asked.
    pub(crate) fn asked_by(&self, screen_name: &str) {
        let mut current = self.lock();
        if !current.counters.owners.contains(screen_name) {
            current.counters.owners.insert(screen_name.to_owned());
        }
    }

    /// The emulator failed.
    pub(crate) fn panicked(&self) {
        self.lock().counters.panics += 1;
    }

    /// The tally so far.
    pub(crate) fn read(&self) -> Counters {
        self.lock().counters.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_fullest_minute() {
        let tally = Tally::default();
        for second in [0, 1, 2, 60, 61, 200] {
            tally.arrived(Timestamp::from_second(second).unwrap());
        }
        assert_eq!(tally.read().max_per_minute, 3);
    }

    #[test]
    fn adds_up() {
        let tally = Tally::default();
        tally.ended("totals", Some(200));
        tally.ended("totals", Some(200));
        tally.ended("28hr", None);
        let json = serde_json::to_string(&tally.read()).unwrap();
        assert!(json.starts_with(
            r#"{"total":3,"by_endpoint":{"28hr":{"dropped":1},"totals":{"200":2}},"owners":[],"max_per_minute":0"#
        ));
    }
}
