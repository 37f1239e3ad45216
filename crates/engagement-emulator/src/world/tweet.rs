//! One Tweet of the world, all of it from its id and the seed.

use engagement_model::{TweetId, UtcHour};
use jiff::Timestamp;

use super::chance::{between, hash, mix};

/// A Tweet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tweet {
    pub(super) key: u64,
    /// The author's user id.
    pub(crate) owner: u64,
    pub(crate) state: State,
    pub(crate) created_at: Timestamp,
}

impl Tweet {
    /// Whether anybody can be told about it at `now`: it is public, and made by then.
    ///
    /// A protected Tweet is not served even to its owner (contract 6.1).
    pub(crate) fn is_available(&self, now: Timestamp) -> bool {
        self.state == State::Ok && self.created_at <= now
    }

    /// Whether it is older than this many days (contract 4).
    pub(crate) fn is_older_than(&self, days: u32, now: Timestamp) -> bool {
        now.as_millisecond() - self.created_at.as_millisecond() > i64::from(days) * DAY_MS
    }

    /// What makes its data its own.
    pub(super) const fn key(&self) -> u64 {
        self.key
    }

    /// The hour in which it was made, since 1970.
    pub(super) fn first_hour(&self) -> i32 {
        UtcHour::containing(self.created_at).since_epoch()
    }

    /// The author's time zone, in hours east.
    pub(super) const fn time_zone(&self) -> i32 {
        (mix(self.owner) % 24) as i32
    }

    /// How often it is ever shown: 64 to about a million, small ones as common as large ones.
    pub(super) const fn popularity(&self) -> u64 {
        let chance = mix(self.key ^ POPULARITY);
        (64 << (chance % 14)) * between(chance, 1_000, 2_000) / 1_000
    }

    /// Whether it carries what a metric counts (contract 8 no. 37: without it the count is zero).
    pub(super) const fn has(&self, feature: Feature) -> bool {
        let chance = mix(self.key ^ FEATURES);
        match feature {
            Feature::Text => true,
            Feature::Media => chance % 10 < 6,
            // Among those with media.
            Feature::Video => chance % 10 < 4,
            Feature::Url => (chance >> 8) % 10 < 5,
            Feature::Hashtag => (chance >> 16) % 10 < 4,
            Feature::App => (chance >> 24) % 10 < 1,
        }
    }
}

/// What a Tweet may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Every one does.
    Text,
    Media,
    Video,
    Url,
    Hashtag,
    App,
}

/// Whether a Tweet can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It can.
    Ok,
    /// Deleted, or hidden for another reason.
    Unavailable,
    /// Its author is protected.
    Protected,
}

/// The key of a Tweet's data.
pub(super) fn key(seed: u64, id: u64) -> u64 {
    hash([seed, id])
}

/// The state that chance gives: 3 in 100 are gone, 2 in 100 protected.
pub(super) fn state(key: u64) -> State {
    match mix(key ^ STATE) % 100 {
        0..3 => State::Unavailable,
        3..5 => State::Protected,
        _ => State::Ok,
    }
}

/// When a Tweet with this id was made.
///
/// Ids below the first snowflake are counters from 2006-03-21 on; how far such an id is in the count stands for the
/// time, which nobody knows better.
pub(super) fn created_at(id: u64) -> Timestamp {
    let known = TweetId::new(id).ok().and_then(TweetId::created_at);
    known.unwrap_or_else(|| {
        let part = id.min(TweetId::FIRST_SNOWFLAKE.get()) / COUNTERS_A_SECOND;
        let seconds = i64::try_from(part).unwrap_or(0).min(COUNTER_SECONDS);
        Timestamp::from_second(COUNTER_START + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
    })
}

/// The first id at or after a time of those that are counters; the first snowflake when there are no more.
pub(super) fn first_counter_at(milliseconds: i64) -> u64 {
    let seconds = milliseconds.div_euclid(1_000) + i64::from(milliseconds.rem_euclid(1_000) > 0);
    let seconds = (seconds - COUNTER_START).clamp(0, COUNTER_SECONDS);
    (seconds.unsigned_abs() * COUNTERS_A_SECOND).max(1)
}

const DAY_MS: i64 = 86_400_000;
/// 2006-03-21T20:50:14Z, the first Tweet.
const COUNTER_START: i64 = 1_142_974_214;
/// From then to the first snowflake on 2010-11-04.
const COUNTER_SECONDS: i64 = 145_860_000;
const COUNTERS_A_SECOND: u64 = TweetId::FIRST_SNOWFLAKE.get() / COUNTER_SECONDS.unsigned_abs();
const STATE: u64 = 0x5354_4154;
const POPULARITY: u64 = 0x504f_5055;
const FEATURES: u64 = 0x4645_4154;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_lies_between_the_first_tweet_and_the_first_snowflake() {
        assert_eq!(created_at(1).to_string(), "2006-03-21T20:50:14Z");
        let last = created_at(TweetId::FIRST_SNOWFLAKE.get() - 1);
        assert!(last < TweetId::FIRST_SNOWFLAKE.created_at().unwrap());
        assert!(created_at(1_000_000_000) < created_at(2_000_000_000));
    }

    #[test]
    fn the_first_counter_at_a_time_is_not_before_it() {
        for time in ["2006-03-21T20:50:14Z", "2008-01-01T00:00:00Z", "2010-10-01T00:00:00.001Z"] {
            let time: Timestamp = time.parse().unwrap();
            let first = first_counter_at(time.as_millisecond());
            assert!(created_at(first) >= time && (first == 1 || created_at(first - 1) < time), "{time}");
        }
        assert_eq!(first_counter_at(0), 1);
        assert!(first_counter_at(i64::MAX) <= TweetId::FIRST_SNOWFLAKE.get());
    }

    #[test]
    fn age_is_measured_from_creation_to_the_millisecond() {
        let made: Timestamp = "2024-03-01T00:00:00.500Z".parse().unwrap();
        let tweet = Tweet { key: 0, owner: 1, state: State::Ok, created_at: made };
        assert!(!tweet.is_older_than(90, "2024-05-30T00:00:00.500Z".parse().unwrap()));
        assert!(tweet.is_older_than(90, "2024-05-30T00:00:00.501Z".parse().unwrap()));
    }
}
