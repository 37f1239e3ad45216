//! Endless supplies of Tweets of a wanted kind.

use core::{fmt, str::FromStr};

use engagement_model::TweetId;
use jiff::Timestamp;

use super::{
    World,
    chance::{hash, text},
    tweet::{State, first_counter_at},
};

/// A kind of Tweet to ask the test interface for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Of an account: in turn up to 26 days old, 26 to 90 days, 90 to 1,800 days, and older.
    Owned,
    /// Of authors who gave no token, in the same ages.
    Unowned,
    /// Deleted.
    Unavailable,
    /// Of a protected author.
    Protected,
    /// Of an account, 90 to 1,800 days old.
    Over90,
    /// Of an account, more than 1,800 days old.
    Over1800,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Owned, Self::Unowned, Self::Unavailable, Self::Protected, Self::Over90, Self::Over1800];

    /// The name in the test interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Unowned => "unowned",
            Self::Unavailable => "unavailable",
            Self::Protected => "protected",
            Self::Over90 => "over90",
            Self::Over1800 => "over1800",
        }
    }

    const fn state(self) -> State {
        match self {
            Self::Unavailable => State::Unavailable,
            Self::Protected => State::Protected,
            Self::Owned | Self::Unowned | Self::Over90 | Self::Over1800 => State::Ok,
        }
    }

    /// The ages of its Tweets in hours, from and to, taken in turn.
    const fn ages(self) -> &'static [(u64, u64)] {
        match self {
            Self::Over90 => &[DAYS_90_TO_1800],
            Self::Over1800 => &[OVER_1800_DAYS],
            Self::Owned | Self::Unowned | Self::Unavailable | Self::Protected => {
                &[UP_TO_26_DAYS, DAYS_26_TO_90, DAYS_90_TO_1800, OVER_1800_DAYS]
            }
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|class| class.name() == name).ok_or(UnknownClass)
    }
}

/// A text that names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a class is one of owned, unowned, unavailable, protected, over90, over1800")]
pub struct UnknownClass;

impl World {
    /// The first `count` Tweets of a class, no id twice.
    pub(crate) fn tweets(&self, class: Class, owner: Option<u64>, count: usize, now: Timestamp) -> Vec<u64> {
        (0..).take(count).filter_map(|n| self.nth_tweet(class, owner, n, now)).collect()
    }

    /// How many Tweets a class has at this time: without end, but for ages whose ids are, in part at least, counters.
    pub(crate) fn supply(class: Class, now: Timestamp) -> u64 {
        let midnight = midnight(now);
        let ages = class.ages();
        let blocks = ages.iter().map(|age| Counters::of(*age, midnight).map_or(u64::MAX, |some| some.blocks));
        let turns = u64::try_from(ages.len()).unwrap_or(1);
        blocks.min().unwrap_or(0).saturating_mul(turns)
    }

    /// The n-th Tweet of a class. `owner` is a user id; without one it is the first account's, and for
    /// [`Class::Unowned`] nobody's.
    ///
    /// What a Tweet is follows from its id, so an id is tried until it is what is wanted. Its time is counted from
    /// `now`'s midnight: asked again on the same day, the same ids come.
    pub(crate) fn nth_tweet(&self, class: Class, owner: Option<u64>, n: u64, now: Timestamp) -> Option<u64> {
        let owner = match class {
            Class::Unowned => None,
            _ => owner.or_else(|| self.accounts().first().map(|account| account.user_id)),
        };
        let ages = class.ages();
        let turns = u64::try_from(ages.len()).ok()?;
        let age = ages.get(usize::try_from(n % turns).ok()?).copied()?;
        self.search(class, owner, n / turns, age, midnight(now))
    }

    /// The n-th Tweet of an age. Each has a millisecond of its own, or a block of counters, so no two are the same.
    fn search(
        &self,
        class: Class,
        owner: Option<u64>,
        n: u64,
        age: (u64, u64),
        midnight: i64,
    ) -> Option<u64> {
        let key = hash([self.seed, text(class.name()), owner.unwrap_or(0)]);
        let (youngest, oldest) = (age.0 * HOUR_MS, age.1 * HOUR_MS);
        let span = oldest - youngest;
        // A stride without a factor in common with the span visits every millisecond once.
        let offset = (u128::from(key % span) + u128::from(n) * u128::from(STRIDE)) % u128::from(span);
        let age_ms = youngest + u64::try_from(offset).ok()?;
        let time = Timestamp::from_millisecond(midnight.checked_sub_unsigned(age_ms)?).ok()?;
        let is_wanted = |id: &u64| {
            let tweet = self.tweet(*id);
            let right_owner = match owner {
                Some(owner) => tweet.owner == owner,
                None => class != Class::Unowned || self.account_of(tweet.owner).is_none(),
            };
            tweet.state == class.state() && right_owner
        };
        match TweetId::first_at(time) {
            Some(first) => {
                let at = |attempt| first.get() | (hash([key, n, attempt]) & LOW_BITS);
                (0..TRIES).map(at).find(is_wanted)
            }
            None => Counters::of(age, midnight)?.block(key, n)?.find(is_wanted),
        }
    }
}

/// The ids of an age that are counters and do not carry their time.
struct Counters {
    first: u64,
    blocks: u64,
}

impl Counters {
    /// `None` if the youngest and oldest of this age have ids that carry their time.
    fn of(age: (u64, u64), midnight: i64) -> Option<Self> {
        let at = |hours: u64| midnight.saturating_sub_unsigned(hours * HOUR_MS);
        let oldest = Timestamp::from_millisecond(at(age.1)).ok();
        if oldest.and_then(TweetId::first_at).is_some() {
            return None;
        }
        let (first, end) = (first_counter_at(at(age.1)), first_counter_at(at(age.0)));
        Some(Self { first, blocks: end.saturating_sub(first) / BLOCK })
    }

    fn block(&self, key: u64, n: u64) -> Option<core::ops::Range<u64>> {
        if n >= self.blocks {
            return None;
        }
        // There are fewer blocks than the stride, a prime, so that it visits every one once.
        let block = (u128::from(key) + u128::from(n) * u128::from(STRIDE)) % u128::from(self.blocks);
        let first = self.first + u64::try_from(block).ok()? * BLOCK;
        Some(first..first + BLOCK)
    }
}

fn midnight(now: Timestamp) -> i64 {
    now.as_millisecond().div_euclid(DAY_MS) * DAY_MS
}

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// Within today nothing is made, so that every Tweet exists at every hour of the day, and none leaves its age group
/// before the day ends.
const UP_TO_26_DAYS: (u64, u64) = (1, 25 * 24);
const DAYS_26_TO_90: (u64, u64) = (26 * 24, 89 * 24);
const DAYS_90_TO_1800: (u64, u64) = (90 * 24, 1_799 * 24);
/// Up to 7 years: from 2022 on after 2015.
const OVER_1800_DAYS: (u64, u64) = (1_800 * 24, 2_555 * 24);
/// A prime that divides no span: those are products of 2, 3, 5 and small numbers of days.
const STRIDE: u64 = 15_485_863;
/// Bits of an id below its time.
const LOW_BITS: u64 = (1 << 22) - 1;
/// Of so many ids one is of the rarest kind, as good as surely.
const BLOCK: u64 = 8_192;
/// The rarest kind is 1 in 50 × 5/3 × the number of accounts.
const TRIES: u64 = 1 << 22;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-25T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_class_is_what_it_says() {
        let world = World::demo();
        for class in Class::ALL {
            let ids = world.tweets(class, Some(2222), 400, now());
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 400, "{class}");
            for id in ids {
                let tweet = world.tweet(id);
                assert_eq!(tweet.state, class.state());
                assert_eq!(tweet.owner == 2222, class != Class::Unowned);
                assert!(tweet.created_at <= now());
                assert!(
                    class != Class::Over90
                        || tweet.is_older_than(90, now()) && !tweet.is_older_than(1800, now())
                );
                assert!(class != Class::Over1800 || tweet.is_older_than(1800, now()));
            }
        }
    }

    #[test]
    fn early_clocks_have_tweets_of_every_age_that_there_was() {
        let world = World::demo();
        for (now, without) in [
            ("2010-11-05T00:00:00Z", Some(Class::Over1800)),
            ("2010-12-20T10:00:00Z", Some(Class::Over1800)),
            ("2012-03-01T10:00:00Z", None),
            ("2015-12-01T10:00:00Z", None),
            ("2017-12-01T10:00:00Z", None),
        ] {
            let now = now.parse().unwrap();
            for class in [Class::Over90, Class::Over1800] {
                assert_eq!(World::supply(class, now) == 0, Some(class) == without, "{now} {class}");
                let ids = world.tweets(class, Some(2222), 400, now);
                let count = if Some(class) == without { 0 } else { 400 };
                assert_eq!(ids.iter().collect::<HashSet<_>>().len(), count, "{now} {class}");
                for tweet in ids.into_iter().map(|id| world.tweet(id)) {
                    assert_eq!((tweet.state, tweet.owner), (State::Ok, 2222));
                    let days = [90, 1_800].map(|days| tweet.is_older_than(days, now));
                    assert_eq!(days, [true, class == Class::Over1800], "{now} {class}");
                }
            }
        }
        assert_eq!(World::supply(Class::Owned, now()), u64::MAX);
    }

    #[test]
    fn owned_takes_four_ages_in_turn() {
        let world = World::demo();
        let now = now();
        for (index, id) in world.tweets(Class::Owned, None, 40, now).into_iter().enumerate() {
            let tweet = world.tweet(id);
            let older = [26, 90, 1_800].map(|days| tweet.is_older_than(days, now));
            assert_eq!(older.into_iter().filter(|older| *older).count(), index % 4, "{id}");
        }
    }

    #[test]
    fn a_longer_list_begins_with_the_shorter() {
        let world = World::demo();
        let long = world.tweets(Class::Unowned, None, 100, now());
        assert_eq!(world.tweets(Class::Unowned, None, 30, now()), long[..30]);
    }

    #[test]
    fn many_are_distinct_and_found_fast() {
        let ids = World::demo().tweets(Class::Owned, None, 20_000, now());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 20_000);
    }

    #[test]
    fn the_stride_divides_no_span() {
        for (youngest, oldest) in Class::ALL.iter().flat_map(|class| class.ages()) {
            assert_ne!((oldest - youngest) * HOUR_MS % STRIDE, 0);
        }
    }
}
