//! When a request was signed.

use core::{fmt, num::NonZeroU64, str::FromStr};

/// Seconds since 1970-01-01T00:00:00Z, as sent in `oauth_timestamp`.
///
/// RFC 5849 §3.3 requires a positive integer, so zero cannot be built. The clock is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

impl Timestamp {
    /// The timestamp of this second.
    ///
    /// # Errors
    ///
    /// Zero is refused.
    pub const fn new(seconds: u64) -> Result<Self, InvalidTimestamp> {
        match NonZeroU64::new(seconds) {
            Some(seconds) => Ok(Self(seconds)),
            None => Err(InvalidTimestamp::Zero),
        }
    }

    /// The seconds.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// Writes the digits into the end of the buffer and returns them.
    pub(crate) fn digits(self, buffer: &mut [u8; MAX_DIGITS]) -> &str {
        let mut rest = self.get();
        let mut start = MAX_DIGITS;
        // Two digits in one step.
        while rest >= 10 {
            start -= 2;
            buffer[start..][..2].copy_from_slice(&TWO_DIGITS[(rest % 100) as usize]);
            rest /= 100;
        }
        if rest > 0 {
            start -= 1;
            buffer[start] = TWO_DIGITS[(rest % 10) as usize][1];
        }
        core::str::from_utf8(&buffer[start..]).expect("digits are ASCII")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads ASCII digits: no sign, no blanks, no fraction.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        if text.is_empty() {
            return Err(InvalidTimestamp::Empty);
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_digit()) {
            return Err(InvalidTimestamp::NotADigit { at });
        }
        text.parse().map_err(|_| InvalidTimestamp::OutOfRange).and_then(Self::new)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Why a number or text is no timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTimestamp {
    /// Nothing there.
    Empty,
    /// A sign, a blank, a dot, a letter.
    NotADigit {
        /// Offset of the first such byte.
        at: usize,
    },
    /// RFC 5849 §3.3 wants a positive integer.
    Zero,
    /// More than 64 bits hold.
    OutOfRange,
}

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a timestamp has at least one digit, and this is empty"),
            Self::NotADigit { at } => {
                write!(f, "a timestamp has only the digits 0 to 9, and byte {at} is none")
            }
            Self::Zero => f.write_str("a timestamp is greater than zero"),
            Self::OutOfRange => f.write_str("a timestamp is at most 18446744073709551615"),
        }
    }
}

impl core::error::Error for InvalidTimestamp {}

/// The numbers below 100, with their leading zeros.
const TWO_DIGITS: [[u8; 2]; 100] = {
    let mut numbers = [[0; 2]; 100];
    let mut number = 0;
    while number < numbers.len() {
        numbers[number] = [b"0123456789"[number / 10], b"0123456789"[number % 10]];
        number += 1;
    }
    numbers
};
/// Digits of the largest 64-bit number.
pub(crate) const MAX_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_digits_alone() {
        assert_eq!("1700000000".parse(), Timestamp::new(1_700_000_000));
        assert_eq!("".parse::<Timestamp>(), Err(InvalidTimestamp::Empty));
        assert_eq!("-1".parse::<Timestamp>(), Err(InvalidTimestamp::NotADigit { at: 0 }));
        assert_eq!("1700000000.0".parse::<Timestamp>(), Err(InvalidTimestamp::NotADigit { at: 10 }));
        assert_eq!("0".parse::<Timestamp>(), Err(InvalidTimestamp::Zero));
        assert_eq!("99999999999999999999999".parse::<Timestamp>(), Err(InvalidTimestamp::OutOfRange));
    }

    proptest! {
        #[test]
        fn digits_and_display_agree(seconds in 1_u64..) {
            let timestamp = Timestamp::new(seconds).unwrap();
            let mut buffer = [0; MAX_DIGITS];
            prop_assert_eq!(timestamp.digits(&mut buffer), seconds.to_string());
            prop_assert_eq!(timestamp.to_string(), seconds.to_string());
            prop_assert_eq!(seconds.to_string().parse(), Ok(timestamp));
        }
    }
}
