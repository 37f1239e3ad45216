//! The Tweets of a job.

use engagement_model::TweetId;
use sha1::{Digest as _, Sha1};

/// Different Tweets, and a hash by which the same list is known again, in whatever order it comes.
#[derive(Debug)]
pub struct List {
    /// In ascending order.
    tweet_ids: Vec<TweetId>,
    hash: String,
    sources: Vec<String>,
}

impl List {
    /// These Tweets. Each counts once.
    pub fn new(tweet_ids: impl IntoIterator<Item = TweetId>) -> Self {
        let mut tweet_ids: Vec<TweetId> = tweet_ids.into_iter().collect();
        tweet_ids.sort_unstable();
        tweet_ids.dedup();
        let hash = hash(&tweet_ids);
        Self { tweet_ids, hash, sources: Vec::new() }
    }

    /// Where they come from: a job of the same sources is taken for one of the same list, which may have changed.
    #[must_use]
    pub fn with_sources(mut self, sources: impl IntoIterator<Item = String>) -> Self {
        self.sources = sources.into_iter().collect();
        self
    }

    /// The Tweets, in ascending order.
    pub fn tweet_ids(&self) -> &[TweetId] {
        &self.tweet_ids
    }

    /// The hash: SHA-1 of the ids in ascending order, 8 bytes each, the lowest first.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub(crate) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The Tweets alone.
    pub fn into_tweet_ids(self) -> Vec<TweetId> {
        self.tweet_ids
    }
}

fn hash(tweet_ids: &[TweetId]) -> String {
    let mut hasher = Sha1::new();
    let mut block = [0_u8; BLOCK * 8];
    for ids in tweet_ids.chunks(BLOCK) {
        let mut filled = 0;
        for (place, id) in block.as_chunks_mut::<8>().0.iter_mut().zip(ids) {
            *place = id.get().to_le_bytes();
            filled += place.len();
        }
        hasher.update(block.get(..filled).unwrap_or_default());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ids that are hashed at a time.
const BLOCK: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: impl IntoIterator<Item = u64>) -> List {
        List::new(ids.into_iter().map(|id| TweetId::new(id).unwrap()))
    }

    #[test]
    fn a_list_is_its_ids_in_any_order() {
        let (one, other) = (list(1..2_000), list((1..2_000).rev().chain([7, 7])));
        assert_eq!((one.hash(), one.tweet_ids()), (other.hash(), other.tweet_ids()));
        assert_ne!(one.hash(), list(1..1_999).hash());
        // sha1sum of 01 00 00 00 00 00 00 00.
        assert_eq!(list([1]).hash(), "3da89ee273be13437e7ecf760f3fbd4dc0e8d1fe");
    }
}
