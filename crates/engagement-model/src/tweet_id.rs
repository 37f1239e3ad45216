//! Tweet ids, and the time that is written in them.

use core::{fmt, num::NonZeroU64, str::FromStr};

use jiff::Timestamp;

/// The id of a Tweet: 1 to 2⁶³ − 1, in decimal digits on the wire.
///
/// The API's description allows 1 to 19 digits (contract V3, inferred); ids are positive signed 64-bit numbers in
/// every published client, so what does not fit there is refused. A leading zero, which that description allows, is
/// refused too: no tool writes ids so, and it is our own choice. Ids above 2⁵³ do not survive a JSON number in many
/// tools: this type is written as text everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TweetId(NonZeroU64);

impl TweetId {
    /// The smallest id that carries its time, issued on 2010-11-04 (seen in the wild, widely used boundary).
    pub const FIRST_SNOWFLAKE: Self = Self(NonZeroU64::new(29_700_859_247).expect("not zero"));

    /// The id with this number, if it is in range.
    pub const fn new(number: u64) -> Result<Self, InvalidTweetId> {
        if number > MAX {
            return Err(InvalidTweetId::OutOfRange);
        }
        match NonZeroU64::new(number) {
            Some(number) => Ok(Self(number)),
            None => Err(InvalidTweetId::Zero),
        }
    }

    /// The id as a number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// When the Tweet was made, to the millisecond; `None` below [`Self::FIRST_SNOWFLAKE`], where ids are plain
    /// counters and all that is known is that the Tweet is older than 2010-11-04, hence older than every age limit.
    pub fn created_at(self) -> Option<Timestamp> {
        if self < Self::FIRST_SNOWFLAKE {
            return None;
        }
        // At most 2⁴¹ ms after the epoch: year 2080, far inside what a Timestamp holds.
        let since_epoch = i64::try_from(self.get() >> TIME_SHIFT).ok()?;
        Timestamp::from_millisecond(since_epoch + EPOCH_MS).ok()
    }

    /// The first id that a Tweet made at `time` can have, for times from 2010-11-04T01:42:54.658Z to 2080.
    pub fn first_at(time: Timestamp) -> Option<Self> {
        let since_epoch = u64::try_from(time.as_millisecond().checked_sub(EPOCH_MS)?).ok()?;
        if since_epoch > MAX >> TIME_SHIFT {
            return None;
        }
        Self::new(since_epoch << TIME_SHIFT).ok()
    }

    /// Writes the digits, and returns how many there are. What comes after them is overwritten.
    ///
    /// Ids made since 2018-05-25 have all nineteen. Theirs are written three in one step: they are nearly all that a
    /// request consists of.
    #[inline]
    pub(crate) fn write_digits(self, room: &mut [u8; MAX_DIGITS + 1]) -> usize {
        const NINE: u64 = 1_000_000_000;
        let id = self.get();
        if id < NINE * NINE {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(id).as_bytes();
            room[..digits.len()].copy_from_slice(digits);
            return digits.len();
        }
        let [high, low] = [id / NINE, id % NINE];
        let three = |number: u64| &THREE_DIGITS[(number % 1_000) as usize];
        // Four bytes each: one move, the last of which the next overwrites.
        room[0] = b"0123456789"[(high / NINE % 10) as usize];
        room[1..5].copy_from_slice(three(high / 1_000_000));
        room[4..8].copy_from_slice(three(high / 1_000));
        room[7..11].copy_from_slice(three(high));
        room[10..14].copy_from_slice(three(low / 1_000_000));
        room[13..17].copy_from_slice(three(low / 1_000));
        room[16..20].copy_from_slice(three(low));
        MAX_DIGITS
    }
}

impl FromStr for TweetId {
    type Err = InvalidTweetId;

    /// Reads an id exactly as the API writes it: ASCII digits, no sign, no blanks, no leading zero.
    fn from_str(text: &str) -> Result<Self, InvalidTweetId> {
        let digits = text.as_bytes();
        if digits.is_empty() {
            return Err(InvalidTweetId::Empty);
        }
        if let Some(at) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
            return Err(InvalidTweetId::NotADigit { at });
        }
        if digits == b"0" {
            return Err(InvalidTweetId::Zero);
        }
        if digits.first() == Some(&b'0') {
            return Err(InvalidTweetId::LeadingZero);
        }
        text.parse().map_err(|_| InvalidTweetId::OutOfRange).and_then(Self::new)
    }
}

impl TryFrom<u64> for TweetId {
    type Error = InvalidTweetId;

    fn try_from(number: u64) -> Result<Self, InvalidTweetId> {
        Self::new(number)
    }
}

impl From<TweetId> for u64 {
    fn from(id: TweetId) -> u64 {
        id.get()
    }
}

impl fmt::Display for TweetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TweetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TweetId({})", self.0)
    }
}

/// Why a text or number is no Tweet id. The text itself is for the caller to show, who knows where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTweetId {
    /// Nothing there.
    #[error("a Tweet id is 1 to 19 digits, and this is empty (rule V3)")]
    Empty,
    /// A sign, a blank, a letter, a digit of another script, or anything else.
    #[error("a Tweet id has only the digits 0 to 9, and byte {at} is none (rule V3)")]
    NotADigit {
        /// Offset of the first such byte.
        at: usize,
    },
    /// Zero is no id.
    #[error("0 is no Tweet id: the least is 1 (rule V3)")]
    Zero,
    /// `007` is not how any tool writes an id: something padded it.
    #[error("a Tweet id does not begin with 0 (rule V3)")]
    LeadingZero,
    /// Beyond 2⁶³ − 1.
    #[error("a Tweet id is at most 9223372036854775807 (rule V3)")]
    OutOfRange,
}

/// Digits of the largest id.
pub(crate) const MAX_DIGITS: usize = 19;
/// The numbers below 1,000 with their leading zeros, and a byte that makes a word of them.
static THREE_DIGITS: [[u8; 4]; 1_000] = {
    let digits = b"0123456789";
    let mut numbers = [[0; 4]; 1_000];
    let mut number = 0;
    while number < numbers.len() {
        numbers[number] = [digits[number / 100], digits[number / 10 % 10], digits[number % 10], 0];
        number += 1;
    }
    numbers
};
/// 2⁶³ − 1.
const MAX: u64 = i64::MAX.unsigned_abs();
/// 2010-11-04T01:42:54.657Z, where the time in an id counts from.
const EPOCH_MS: i64 = 1_288_834_974_657;
/// Bits below the time: worker and sequence.
const TIME_SHIFT: u32 = 22;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> TweetId {
        text.parse().unwrap()
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn carries_its_creation_time() {
        // Contract 7.4.
        assert_eq!(id("1700000000000000000").created_at(), Some(time("2023-09-08T04:15:59.129Z")));
        assert_eq!(TweetId::first_at(time("2014-09-01T00:00:00Z")), Some(id("506229949854646272")));
        assert_eq!(TweetId::first_at(time("2015-09-15T00:00:00Z")), Some(id("643574950917046272")));
    }

    #[test]
    fn knows_no_time_below_the_boundary() {
        assert_eq!(id("29700859246").created_at(), None);
        assert!(TweetId::FIRST_SNOWFLAKE.created_at().is_some());
        assert_eq!(id("123456789").created_at(), None);
    }

    #[test]
    fn refuses_what_is_no_id() {
        let check = |text: &str, why| assert_eq!(text.parse::<TweetId>(), Err(why), "{text:?}");
        check("", InvalidTweetId::Empty);
        check("0", InvalidTweetId::Zero);
        check("+1", InvalidTweetId::NotADigit { at: 0 });
        check("1 ", InvalidTweetId::NotADigit { at: 1 });
        check("1٥", InvalidTweetId::NotADigit { at: 1 });
        check("0001", InvalidTweetId::LeadingZero);
        check("9223372036854775808", InvalidTweetId::OutOfRange);
        check("99999999999999999999999", InvalidTweetId::OutOfRange);
        assert_eq!(id("9223372036854775807").get(), MAX);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(number in 1..=MAX) {
            let id = TweetId::new(number).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn digits_and_display_agree(number in 1..=MAX, shift in 0..63) {
            for number in [number, number >> shift, 10_u64.pow(18) - 1, 10_u64.pow(18)] {
                let Ok(id) = TweetId::new(number) else { continue };
                let mut room = [0; MAX_DIGITS + 1];
                let length = id.write_digits(&mut room);
                prop_assert_eq!(core::str::from_utf8(&room[..length]).unwrap(), id.to_string());
            }
        }

        #[test]
        fn first_at_inverts_created_at(number in TweetId::FIRST_SNOWFLAKE.get()..=MAX) {
            let id = TweetId::new(number).unwrap();
            let first = TweetId::first_at(id.created_at().unwrap()).unwrap();
            prop_assert!(first <= id);
            prop_assert_eq!(first.get() >> TIME_SHIFT, number >> TIME_SHIFT);
        }
    }
}
