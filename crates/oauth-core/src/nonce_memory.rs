//! Which nonces were used.

use alloc::{collections::BTreeMap, string::String};
use core::fmt;

use crate::verifier::{NonceRecord, Remembered};

/// A memory of nonces for a [`Registry`](crate::Registry) that lives in one process.
///
/// It forgets a nonce once its timestamp is no longer acceptable, and takes no more than it has room for.
///
/// ```
/// use oauth_core::{NonceMemory, NonceRecord, Remembered, Timestamp};
///
/// let record = NonceRecord {
///     consumer_key: "key",
///     token: None,
///     timestamp: Timestamp::new(1_700_000_000)?,
///     nonce: "once",
///     now: 1_700_000_000,
///     keep_until: 1_700_000_300,
/// };
/// let mut memory = NonceMemory::new(100_000);
/// assert_eq!(memory.remember(record), Remembered::New);
/// assert_eq!(memory.remember(record), Remembered::Seen);
/// # Ok::<(), oauth_core::InvalidTimestamp>(())
/// ```
#[derive(Clone)]
pub struct NonceMemory {
    capacity: usize,
    /// The oldest timestamps first, with the last second in which to keep them.
    used: BTreeMap<Use, u64>,
}

impl NonceMemory {
    /// An empty memory with room for so many nonces. What a server needs is its highest rate of requests times twice its
    /// window, at the least.
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, used: BTreeMap::new() }
    }

    /// Remembers a nonce, unless it is remembered already.
    pub fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
        while self.used.first_key_value().is_some_and(|(_, keep_until)| *keep_until < seen.now) {
            self.used.pop_first();
        }
        let used = Use {
            timestamp: seen.timestamp.get(),
            consumer_key: seen.consumer_key.into(),
            token: seen.token.map(String::from),
            nonce: seen.nonce.into(),
        };
        if self.used.contains_key(&used) {
            Remembered::Seen
        } else if self.used.len() < self.capacity {
            self.used.insert(used, seen.keep_until);
            Remembered::New
        } else {
            Remembered::Full
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }
}

impl fmt::Debug for NonceMemory {
    /// Shows no tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceMemory")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    timestamp: u64,
    consumer_key: String,
    token: Option<String>,
    nonce: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    fn record(nonce: &str, timestamp: u64, now: u64) -> NonceRecord<'_> {
        let timestamp = Timestamp::new(timestamp).unwrap();
        NonceRecord {
            consumer_key: "k",
            token: None,
            timestamp,
            nonce,
            now,
            keep_until: timestamp.get() + 300,
        }
    }

    #[test]
    fn each_part_makes_a_nonce_its_own() {
        let mut memory = NonceMemory::new(10);
        let first = record("n", 1000, 1000);
        for other in [
            first,
            NonceRecord { nonce: "N", ..first },
            NonceRecord { token: Some(""), ..first },
            NonceRecord { consumer_key: "K", ..first },
            NonceRecord { timestamp: Timestamp::new(1001).unwrap(), ..first },
        ] {
            assert_eq!(memory.remember(other), Remembered::New);
            assert_eq!(memory.remember(other), Remembered::Seen);
        }
        assert_eq!(memory.len(), 5);
    }

    #[test]
    fn forgets_only_what_would_be_stale() {
        let mut memory = NonceMemory::new(10);
        assert_eq!(memory.remember(record("n", 1000, 700)), Remembered::New);
        assert_eq!(memory.remember(record("n", 1000, 1300)), Remembered::Seen);
        assert_eq!(memory.remember(record("m", 1301, 1301)), Remembered::New);
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn a_full_memory_takes_no_more_until_it_forgets() {
        let mut memory = NonceMemory::new(1);
        assert!(memory.is_empty());
        assert_eq!(memory.remember(record("n", 1000, 1000)), Remembered::New);
        assert_eq!(memory.remember(record("m", 1000, 1000)), Remembered::Full);
        assert_eq!(memory.remember(record("n", 1000, 1000)), Remembered::Seen);
        assert_eq!(memory.remember(record("m", 1400, 1400)), Remembered::New);
    }
}
