//! Who owns which Tweet.

use std::{collections::HashMap, fmt, sync::Arc};

use engagement_model::{AccountNames, TweetId};

/// Who owns which Tweet, as far as it is known. Cheap to clone; 12 bytes for each Tweet.
///
/// Made from pairs, of which the last one for a Tweet counts, or by an [`OwnersBuilder`].
#[derive(Clone, Default)]
pub struct Owners(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// In ascending order.
    tweet_ids: Vec<TweetId>,
    /// The place of each one's owner among the names.
    owners: Vec<u32>,
    names: Vec<Arc<str>>,
}

impl Owners {
    /// The owner's handle or user id, if it is known.
    pub fn of(&self, tweet_id: TweetId) -> Option<&str> {
        self.names().get(self.number_of(tweet_id)?).map(|name| &**name)
    }

    /// Of how many Tweets the owner is known.
    pub fn len(&self) -> usize {
        self.0.tweet_ids.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.tweet_ids.is_empty()
    }

    /// Every owner once.
    pub fn names(&self) -> &[Arc<str>] {
        &self.0.names
    }

    /// The owner's place among the names.
    pub(crate) fn number_of(&self, tweet_id: TweetId) -> Option<usize> {
        let place = self.0.tweet_ids.binary_search(&tweet_id).ok()?;
        self.0.owners.get(place).map(|number| *number as usize)
    }
}

impl FromIterator<(TweetId, Arc<str>)> for Owners {
    fn from_iter<I: IntoIterator<Item = (TweetId, Arc<str>)>>(owners: I) -> Self {
        let mut builder = OwnersBuilder::default();
        for (tweet_id, owner) in owners {
            builder.add(tweet_id, &owner);
        }
        builder.build()
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners").field("tweets", &self.len()).field("names", &self.names().len()).finish()
    }
}

/// Gathers who owns which Tweet, from lists of any length: 16 bytes for each line of them.
#[derive(Debug, Default)]
pub struct OwnersBuilder {
    entries: Vec<Entry>,
    names: Vec<Arc<str>>,
    numbers: HashMap<String, u32>,
    /// The name that was asked for last: lists come by owner.
    last: Option<(Arc<str>, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    tweet_id: TweetId,
    turn: u32,
    owner: u32,
}

impl OwnersBuilder {
    /// One more. What is added later about the same Tweet counts. Names are told apart as
    /// [`Account::is`](crate::Account::is) does.
    ///
    /// Beyond 2³² entries nothing is added.
    pub fn add(&mut self, tweet_id: TweetId, owner: &str) {
        let Ok(turn) = u32::try_from(self.entries.len()) else { return };
        let owner = self.number(owner);
        self.entries.push(Entry { tweet_id, turn, owner });
    }

    /// Every owner once.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// All that another one gathered, as if it were added now.
    pub fn add_all(&mut self, mut later: Self) {
        later.entries.sort_unstable_by_key(|entry| entry.turn);
        for Entry { tweet_id, owner, .. } in later.entries {
            if let Some(name) = later.names.get(owner as usize) {
                self.add(tweet_id, name);
            }
        }
    }

    /// A Tweet that was added with two owners, and both of them.
    pub fn conflict(&mut self) -> Option<(TweetId, Arc<str>, Arc<str>)> {
        self.entries.sort_unstable();
        let name = |entry: &Entry| self.names.get(entry.owner as usize).cloned();
        let two = self.entries.windows(2).find_map(|pair| match pair {
            [a, b] if a.tweet_id == b.tweet_id && a.owner != b.owner => Some((*a, *b)),
            _ => None,
        });
        two.and_then(|(a, b)| Some((a.tweet_id, name(&a)?, name(&b)?)))
    }

    /// All of it.
    pub fn build(self) -> Owners {
        let Self { mut entries, names, .. } = self;
        entries.sort_unstable();
        let mut inner = Inner {
            tweet_ids: Vec::with_capacity(entries.len()),
            owners: Vec::with_capacity(entries.len()),
            names,
        };
        for entry in entries {
            if inner.tweet_ids.last() == Some(&entry.tweet_id) {
                inner.owners.pop();
            } else {
                inner.tweet_ids.push(entry.tweet_id);
            }
            inner.owners.push(entry.owner);
        }
        Owners(Arc::new(inner))
    }

    fn number(&mut self, owner: &str) -> u32 {
        if let Some((last, number)) = &self.last
            && **last == *owner
        {
            return *number;
        }
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(AccountNames::comparable(owner)).or_insert(next);
        if number == next {
            self.names.push(owner.into());
        }
        self.last = Some((owner.into(), number));
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> TweetId {
        TweetId::new(number).unwrap()
    }

    #[test]
    fn the_last_word_counts_and_names_are_one_in_any_case() {
        let mut builder = OwnersBuilder::default();
        for (tweet_id, owner) in [(3, "a"), (1, "b"), (3, "@B"), (2, "B")] {
            builder.add(id(tweet_id), owner);
        }
        assert_eq!(builder.conflict(), Some((id(3), "a".into(), "b".into())));
        let owners = builder.build();
        assert_eq!([1, 2, 3, 4].map(|n| owners.of(id(n))), [Some("b"), Some("b"), Some("b"), None]);
        assert_eq!(owners.len(), 3);
    }

    #[test]
    fn an_entry_takes_16_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }

    proptest! {
        #[test]
        fn knows_what_a_map_knows(pairs in prop::collection::vec((1..50_u64, 0..5_u8), 0..100)) {
            let pairs: Vec<(TweetId, Arc<str>)> =
                pairs.into_iter().map(|(n, owner)| (id(n), format!("o{owner}").into())).collect();
            let map: HashMap<_, _> = pairs.iter().cloned().collect();
            let owners: Owners = pairs.into_iter().collect();
            prop_assert_eq!(owners.len(), map.len());
            for n in 1..60 {
                prop_assert_eq!(owners.of(id(n)), map.get(&id(n)).map(|owner| &**owner));
            }
        }
    }
}
