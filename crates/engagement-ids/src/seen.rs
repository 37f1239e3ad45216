//! Which ids were there before.

use std::hash::{BuildHasher, RandomState};

use engagement_model::TweetId;

/// An index over ids that are kept elsewhere, in the order in which they came.
///
/// It holds a number of 32 bits and a tag of 8 for each slot, and grows in small steps with at most 85 of 100 slots
/// in use: 5.9 to 7.7 bytes for each id, which with the id itself makes less than 16. A hash set of ids beside their
/// list takes 18 to 36. When it grows it is made anew from the list, so that never two are in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// 0 for a free slot, else some bits of the hash: one look in 255 goes to the wrong id.
    tags: Vec<u8>,
    /// Where in the list the id of each slot is.
    places: Vec<u32>,
    /// Differs between runs, so that nobody can write a list that makes this slow.
    seed: Seed,
}

#[derive(Clone, Debug)]
struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }
}

impl Seen {
    /// Whether `id` is in `list`, which is what was recorded so far; if not, records that it will be its next.
    ///
    /// `list` must be shorter than [`Self::MOST`].
    pub(crate) fn record(&mut self, id: TweetId, list: &[TweetId]) -> bool {
        if (list.len() + 1) * 100 > self.tags.len() * MOST_IN_USE {
            self.grow(list);
        }
        self.settle(id, list.len(), list)
    }

    /// How many ids can be told apart.
    pub(crate) const MOST: usize = u32::MAX as usize;

    fn grow(&mut self, list: &[TweetId]) {
        let slots = self.tags.len() * 13 / 10 + FEWEST;
        // The old ones go first.
        self.tags = Vec::new();
        self.places = Vec::new();
        self.tags = vec![0; slots];
        self.places = vec![0; slots];
        for (place, id) in list.iter().enumerate() {
            self.settle(*id, place, list);
        }
    }

    /// Whether `id` has a slot; if not, gives it one.
    fn settle(&mut self, id: TweetId, place: usize, list: &[TweetId]) -> bool {
        let hash = self.hash(id);
        let tag = u8::try_from(hash & 0xff).unwrap_or_default().max(1);
        // The upper half of the hash, stretched over the slots, of which there are less than 2³³.
        let start = ((hash >> 32) * self.tags.len() as u64) >> 32;
        let start = usize::try_from(start).unwrap_or_default();
        for slot in (start..self.tags.len()).chain(0..start) {
            let (Some(taken), Some(holds)) = (self.tags.get_mut(slot), self.places.get_mut(slot)) else {
                break;
            };
            if *taken == 0 {
                *taken = tag;
                *holds = u32::try_from(place).unwrap_or(u32::MAX);
                return false;
            }
            if *taken == tag && usize::try_from(*holds).ok().and_then(|at| list.get(at)) == Some(&id) {
                return true;
            }
        }
        false
    }

    /// The finaliser of SplitMix64: every bit of the id moves every bit of the hash.
    fn hash(&self, id: TweetId) -> u64 {
        let mut hash = id.get() ^ self.seed.0;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

/// Of 100 slots.
const MOST_IN_USE: usize = 85;
/// Slots of the first index, and the least by which it grows.
const FEWEST: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The ids without repetitions, and how many there were.
    fn distinct(ids: impl IntoIterator<Item = u64>) -> (Vec<TweetId>, usize) {
        let (mut seen, mut list, mut repeated) = (Seen::default(), Vec::new(), 0);
        for id in ids {
            let id = TweetId::new(id).unwrap();
            if seen.record(id, &list) {
                repeated += 1;
            } else {
                list.push(id);
            }
            assert!(seen.tags.len() * MOST_IN_USE >= list.len() * 100);
        }
        (list, repeated)
    }

    #[test]
    fn keeps_many_apart() {
        let ids = || (0..100_000_u64).map(|n| 1_500_000_000_000_000_000 + n * n);
        let (list, repeated) = distinct(ids().chain(ids()));
        assert!(list.iter().map(|id| id.get()).eq(ids()));
        assert_eq!(repeated, 100_000);
    }

    #[test]
    fn takes_less_than_eight_bytes_an_id() {
        let (mut seen, mut list) = (Seen::default(), Vec::new());
        for id in 1..200_000 {
            let id = TweetId::new(id).unwrap();
            assert!(!seen.record(id, &list));
            list.push(id);
            if list.len() > 20_000 {
                assert!(seen.tags.capacity() + 4 * seen.places.capacity() < 8 * list.len());
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_hash_set(ids in prop::collection::vec(1_u64..3_000, 0..5_000)) {
            let mut known = HashSet::new();
            let wanted: Vec<u64> = ids.iter().copied().filter(|id| known.insert(*id)).collect();
            let (list, repeated) = distinct(ids.iter().copied());
            prop_assert_eq!(repeated, ids.len() - wanted.len());
            prop_assert!(list.into_iter().map(TweetId::get).eq(wanted));
        }
    }
}
