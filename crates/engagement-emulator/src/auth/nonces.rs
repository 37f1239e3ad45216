//! Nonces that were used.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use oauth_core::{NonceRecord, Remembered};

/// Remembers nonces as hashes of eight bytes, in two generations, of which the older is forgotten when the newer has
/// outlived every timestamp in the older.
#[derive(Debug)]
pub(crate) struct Nonces {
    newer: HashSet<u64>,
    older: HashSet<u64>,
    /// When the newer generation began, and the last second at which one of its timestamps is acceptable.
    began: u64,
    keep_until: u64,
    older_keep_until: u64,
    cap: usize,
    /// Keyed, so that nobody can make two nonces collide.
    hasher: RandomState,
}

impl Nonces {
    /// With room for `cap` nonces.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            newer: HashSet::new(),
            older: HashSet::new(),
            began: 0,
            keep_until: 0,
            older_keep_until: 0,
            cap,
            hasher: RandomState::new(),
        }
    }

    /// Remembers one, unless it is there, or there is no room.
    pub(crate) fn remember(&mut self, seen: &NonceRecord<'_>) -> Remembered {
        self.forget(seen.now);
        let hash = self.hasher.hash_one((seen.consumer_key, seen.token, seen.timestamp, seen.nonce));
        if self.newer.contains(&hash) || self.older.contains(&hash) {
            return Remembered::Seen;
        }
        if self.newer.len() + self.older.len() >= self.cap {
            return Remembered::Full;
        }
        self.newer.insert(hash);
        self.keep_until = self.keep_until.max(seen.keep_until);
        Remembered::New
    }

    fn forget(&mut self, now: u64) {
        if now > self.older_keep_until {
            self.older = HashSet::new();
            self.older_keep_until = 0;
            // A full generation waits for the older to go; then it becomes the older itself.
            if !self.newer.is_empty() && now.saturating_sub(self.began) >= GENERATION {
                self.older = core::mem::take(&mut self.newer);
                self.older_keep_until = core::mem::take(&mut self.keep_until);
                self.began = now;
            }
        }
        if self.newer.is_empty() {
            self.began = now;
        }
    }
}

/// Seconds for which a generation takes new nonces.
const GENERATION: u64 = 300;

#[cfg(test)]
mod tests {
    use oauth_core::Timestamp;

    use super::*;

    fn record(nonce: &str, now: u64) -> NonceRecord<'_> {
        NonceRecord {
            consumer_key: "k",
            token: None,
            timestamp: Timestamp::new(now).unwrap(),
            nonce,
            now,
            keep_until: now + 300,
        }
    }

    #[test]
    fn remembers_for_as_long_as_the_timestamp_is_acceptable() {
        let mut nonces = Nonces::new(10);
        let first = record("a", 1_000);
        assert_eq!(nonces.remember(&first), Remembered::New);
        for now in (1_000..=1_300).step_by(20) {
            let _ = nonces.remember(&record("other", now));
            assert_eq!(nonces.remember(&NonceRecord { now, ..first }), Remembered::Seen, "{now}");
        }
    }

    #[test]
    fn is_full_at_its_cap_and_recovers() {
        let mut nonces = Nonces::new(1_000);
        let names: Vec<_> = (0..1_000).map(|n| n.to_string()).collect();
        for name in &names {
            assert_eq!(nonces.remember(&record(name, 1_000)), Remembered::New);
        }
        assert_eq!(nonces.remember(&record("more", 1_000)), Remembered::Full);
        assert_eq!(nonces.remember(&record("0", 1_000)), Remembered::Seen);
        // First the full generation becomes the older one, then it is forgotten.
        assert_eq!(nonces.remember(&record("more", 1_301)), Remembered::Full);
        assert_eq!(nonces.remember(&record("more", 1_302)), Remembered::New);
    }
}
