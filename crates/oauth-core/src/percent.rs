//! Percent-encoding as RFC 5849 §3.6 wants it, and its undoing.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The text with everything but `A–Z a–z 0–9 - . _ ~` percent-encoded, in upper-case hex (RFC 5849 §3.6).
///
/// Encoding is never skipped: text that looks encoded already is encoded again. Only text that is all unreserved
/// comes out as it went in.
///
/// ```
/// assert_eq!(oauth_core::percent::encode("snow ☃").to_string(), "snow%20%E2%98%83");
/// assert_eq!(oauth_core::percent::encode("50%20").to_string(), "50%2520");
/// ```
pub fn encode(text: &str) -> Encoded<'_> {
    Encoded(text)
}

/// The text behind a percent-encoded one, where `+` is a plus sign: a path, or a value of the `Authorization` header.
///
/// # Errors
///
/// A `%` without two hex digits, and bytes that are not UTF-8, have no one reading and are refused.
pub fn decode(text: &str) -> Result<Cow<'_, str>, InvalidPercent> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    decode_bytes(text.as_bytes(), Plus::Sign).map(Cow::Owned)
}

/// The text behind a name or value of a form or query, where `+` is a blank.
///
/// # Errors
///
/// As for [`decode`].
pub fn decode_form(text: &str) -> Result<Cow<'_, str>, InvalidPercent> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    decode_bytes(text.as_bytes(), Plus::Blank).map(Cow::Owned)
}

/// What [`encode`] returns: shows itself encoded, and allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        utf8_percent_encode(self.0, RESERVED).try_for_each(|piece| f.write_str(piece))
    }
}

/// Why a percent-encoded text cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPercent {
    /// A `%` is not followed by two hex digits.
    Escape {
        /// Offset of the `%`.
        at: usize,
    },
    /// The decoded bytes are not UTF-8.
    Utf8 {
        /// Offset, in the decoded bytes, of the first that does not fit.
        at: usize,
    },
}

impl fmt::Display for InvalidPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escape { at } => write!(f, "% at byte {at} is not followed by two hex digits"),
            Self::Utf8 { at } => write!(f, "decoded byte {at} is not UTF-8"),
        }
    }
}

impl core::error::Error for InvalidPercent {}

/// Adds the text percent-encoded once.
pub(crate) fn push_encoded(out: &mut String, text: &str) {
    if is_all_unreserved(text) {
        out.push_str(text);
    } else {
        out.extend(utf8_percent_encode(text, RESERVED));
    }
}

/// Adds the text percent-encoded once, as bytes.
pub(crate) fn push_encoded_bytes(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| !is_unreserved(*byte)).unwrap_or(rest.len());
        let (plain, reserved) = rest.split_at(length);
        out.extend_from_slice(plain);
        rest = reserved;
        if let [byte, tail @ ..] = rest {
            out.extend_from_slice(&[b'%', upper_hex(byte >> 4), upper_hex(byte & 15)]);
            rest = tail;
        }
    }
}

/// Adds the text percent-encoded twice, as it stands in a signature base string.
pub(crate) fn push_encoded_twice(out: &mut String, text: &str) {
    for piece in utf8_percent_encode(text, RESERVED) {
        match piece.strip_prefix('%') {
            Some(digits) => out.extend(["%25", digits]),
            None => out.push_str(piece),
        }
    }
}

/// Whether the text stands for itself.
///
/// Compared and not looked up, so that many bytes are looked at in one step.
pub(crate) fn is_all_unreserved(text: &str) -> bool {
    text.bytes().fold(true, |all, byte| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        all & (is_letter | is_digit | matches!(byte, b'-' | b'.' | b'_' | b'~'))
    })
}

/// Whether the byte stands for itself in encoded text.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[byte as usize]
}

/// Whether these are the hex digits of an escape as [`encode`] writes it: in upper case, of a byte that has to be one.
pub(crate) const fn is_normal(high: u8, low: u8) -> bool {
    RESERVED_ROWS[high as usize] & LOW_DIGITS[low as usize] != 0
}

/// Adds the byte percent-encoded twice.
pub(crate) fn push_byte_encoded_twice(out: &mut Vec<u8>, byte: u8) {
    let (encoded, length) = encoded_twice(byte);
    out.extend(encoded.to_le_bytes().iter().take(length));
}

/// The byte percent-encoded twice, in the first so many bytes of a little-endian number.
pub(crate) const fn encoded_twice(byte: u8) -> (u64, usize) {
    let encoded = ENCODED_TWICE[byte as usize];
    (encoded, (encoded >> 56) as usize)
}

/// The first eight bytes of a text, or all if they are fewer.
#[derive(Clone, Copy)]
pub(crate) struct FirstEight {
    bytes: u64,
    length: usize,
}

impl FirstEight {
    /// Loaded in as few steps as can be: bytes that are put together one by one are waited for.
    #[inline(always)]
    pub(crate) fn of(text: &[u8]) -> Self {
        let length = text.len().min(8);
        let bytes = if let Some(all) = text.first_chunk() {
            u64::from_le_bytes(*all)
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            let last = u64::from(u32::from_le_bytes(*last));
            u64::from(u32::from_le_bytes(*first)) | last << (8 * (length - 4))
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            let last = u64::from(u16::from_le_bytes(*last));
            u64::from(u16::from_le_bytes(*first)) | last << (8 * (length - 2))
        } else {
            text.first().map_or(0, |byte| u64::from(*byte))
        };
        Self { bytes, length }
    }

    /// The bytes as a little-endian number, those that are not there being zero.
    #[inline(always)]
    pub(crate) fn bytes(self) -> u64 {
        self.bytes
    }

    /// Whether they are letters, digits, `-`, `.` and `_`, which stand for themselves. All are looked at in one step.
    #[inline(always)]
    pub(crate) fn are_plain(self) -> bool {
        const EACH: u64 = u64::from_le_bytes([1; 8]);
        const HIGHEST_BITS: u64 = EACH << 7;
        // Ones that are plain are in the places of those that are not there.
        let missing = if self.length < 8 { u64::MAX << (8 * self.length) } else { 0 };
        let bytes = self.bytes | missing & (EACH * b'0' as u64);
        // Without their highest bits, which then hold the answers, so that nothing is carried to the next byte.
        let low = bytes & !HIGHEST_BITS;
        let from = |low: u64, least: u8| low + EACH * u64::from(0x80 - least);
        let lower = low | (EACH * 0x20);
        let are_letters = from(lower, b'a') & !from(lower, b'z' + 1);
        let are_digits = from(low, b'0') & !from(low, b'9' + 1);
        let are_dashes_or_dots = from(low, b'-') & !from(low, b'.' + 1);
        let are_underscores = !from(low ^ (EACH * u64::from(b'_')), 1);
        let are_plain = are_letters | are_digits | are_dashes_or_dots | are_underscores;
        bytes & HIGHEST_BITS == 0 && are_plain & HIGHEST_BITS == HIGHEST_BITS
    }
}

fn decode_bytes(text: &[u8], plus: Plus) -> Result<String, InvalidPercent> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, tail @ ..] => {
                let at = text.len() - rest.len();
                decoded.push(hex_pair(*high, *low).ok_or(InvalidPercent::Escape { at })?);
                tail
            }
            [b'%', ..] => return Err(InvalidPercent::Escape { at: text.len() - rest.len() }),
            [b'+', tail @ ..] if plus == Plus::Blank => {
                decoded.push(b' ');
                tail
            }
            [byte, tail @ ..] => {
                decoded.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(decoded).map_err(|error| InvalidPercent::Utf8 { at: error.utf8_error().valid_up_to() })
}

/// The byte that two hex digits mean.
pub(crate) const fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (HEX_VALUES[high as usize], HEX_VALUES[low as usize]);
    if high | low < 16 { Some(high << 4 | low) } else { None }
}

/// The hex digit of a number below 16.
const fn upper_hex(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[(nibble & 15) as usize]
}

/// What a `+` means.
#[derive(Clone, Copy, PartialEq)]
enum Plus {
    Blank,
    Sign,
}

/// Everything outside RFC 3986's unreserved set.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A table, since the bytes of a query take turns too fast for a processor to guess right.
const UNRESERVED: [bool; 256] = {
    let mut unreserved = [false; 256];
    let mut byte = u8::MIN;
    loop {
        unreserved[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if byte == u8::MAX {
            break unreserved;
        }
        byte += 1;
    }
};

/// For each byte what it is when encoded twice; the last of the eight tells how many that takes, so that one load gets
/// both.
static ENCODED_TWICE: [u64; 256] = {
    let mut encoded = [0; 256];
    let mut byte = u8::MIN;
    loop {
        encoded[byte as usize] = if is_unreserved(byte) {
            u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 1])
        } else {
            u64::from_le_bytes([b'%', b'2', b'5', upper_hex(byte >> 4), upper_hex(byte & 15), 0, 0, 5])
        };
        if byte == u8::MAX {
            break encoded;
        }
        byte += 1;
    }
};

/// For each upper-case hex digit, which low digits make a reserved byte with it, as a set of bits; for other bytes none.
const RESERVED_ROWS: [u16; 256] = {
    let mut rows = [0; 256];
    let mut byte = u8::MIN;
    loop {
        if !is_unreserved(byte) {
            rows[upper_hex(byte >> 4) as usize] |= 1 << (byte & 15);
        }
        if byte == u8::MAX {
            break rows;
        }
        byte += 1;
    }
};

/// For each upper-case hex digit its bit in such a set; for other bytes none.
const LOW_DIGITS: [u16; 256] = {
    let mut bits = [0; 256];
    let mut value = 0;
    while value < 16 {
        bits[upper_hex(value) as usize] = 1 << value;
        value += 1;
    }
    bits
};

/// The number that a hex digit means; 255 for other bytes.
const HEX_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use proptest::prelude::*;

    use super::*;

    fn check_encoding(text: &str, encoded: &str) {
        assert_eq!(encode(text).to_string(), encoded);
    }

    #[test]
    fn encodes_only_what_rfc_5849_section_3_6_asks() {
        check_encoding("a-b.c_d~e", "a-b.c_d~e");
        check_encoding("snow ☃", "snow%20%E2%98%83");
        check_encoding("!*'();:@&=+$,/?#[]%", "%21%2A%27%28%29%3B%3A%40%26%3D%2B%24%2C%2F%3F%23%5B%5D%25");
    }

    #[test]
    fn a_plus_is_a_blank_in_forms_only() {
        assert_eq!(decode("a+b").unwrap(), "a+b");
        assert_eq!(decode("a+b%2b").unwrap(), "a+b+");
        assert_eq!(decode_form("a+b%2b").unwrap(), "a b+");
    }

    #[test]
    fn broken_escapes_are_refused_with_their_place() {
        assert_eq!(decode("ab%"), Err(InvalidPercent::Escape { at: 2 }));
        assert_eq!(decode("%4"), Err(InvalidPercent::Escape { at: 0 }));
        assert_eq!(decode_form("+%41%zz"), Err(InvalidPercent::Escape { at: 4 }));
        assert_eq!(decode("ok%FF"), Err(InvalidPercent::Utf8 { at: 2 }));
        assert_eq!(
            InvalidPercent::Escape { at: 1 }.to_string(),
            "% at byte 1 is not followed by two hex digits"
        );
        assert_eq!(InvalidPercent::Utf8 { at: 2 }.to_string(), "decoded byte 2 is not UTF-8");
    }

    #[test]
    fn one_byte_is_as_unreserved_as_the_table_says() {
        for byte in 0..0x80 {
            let text = char::from(byte).to_string();
            assert_eq!(is_all_unreserved(&text), is_unreserved(byte), "{byte:#x}");
            assert_eq!(is_all_unreserved(&format!("a{text}z")), is_unreserved(byte), "{byte:#x}");
        }
        assert!(!is_all_unreserved("é"));
    }

    #[test]
    fn eight_bytes_are_read_and_judged_at_any_length() {
        let text = b"aZ-09._zx";
        for length in 0..=text.len() {
            let first = FirstEight::of(&text[..length]);
            let mut wanted = [0; 8];
            wanted.iter_mut().zip(&text[..length]).for_each(|(place, byte)| *place = *byte);
            assert_eq!(first.bytes().to_le_bytes(), wanted, "{length}");
            assert!(first.are_plain());
            for (at, byte) in (0..length.min(8)).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                let mut other = text[..length].to_vec();
                other[at] = byte;
                let is_plain = is_unreserved(byte) && byte != b'~';
                assert_eq!(FirstEight::of(&other).are_plain(), is_plain, "{byte:#x} at {at} of {length}");
            }
        }
    }

    proptest! {
        #[test]
        fn encoding_round_trips(text in ".*") {
            let encoded = encode(&text).to_string();
            prop_assert!(encoded.bytes().all(|byte| is_unreserved(byte) || byte == b'%'));
            prop_assert_eq!(&decode(&encoded).unwrap(), &text);
            prop_assert_eq!(&decode_form(&encoded).unwrap(), &text);
        }

        #[test]
        fn encoding_again_changes_all_but_unreserved_text(text in ".*") {
            let once = encode(&text).to_string();
            let twice = encode(&once).to_string();
            prop_assert_eq!(once == twice, text.bytes().all(is_unreserved));
        }

        #[test]
        fn the_byte_writers_agree_with_the_text_writer(text in ".*") {
            let once = encode(&text).to_string();
            let mut bytes = Vec::new();
            push_encoded_bytes(&mut bytes, text.as_bytes());
            prop_assert_eq!(core::str::from_utf8(&bytes).unwrap(), &once);
            let mut twice = String::new();
            push_encoded_twice(&mut twice, &text);
            prop_assert_eq!(twice, encode(&once).to_string());
            let mut twice = Vec::new();
            text.bytes().for_each(|byte| push_byte_encoded_twice(&mut twice, byte));
            prop_assert_eq!(core::str::from_utf8(&twice).unwrap(), encode(&once).to_string());
            let mut appended = format!("x{text}");
            push_encoded(&mut appended, &text);
            prop_assert_eq!(appended, format!("x{text}{once}"));
        }

        #[test]
        fn reading_never_panics(text in "(%|%[0-9a-fG]|%[0-9a-fA-F]{2}|\\+|.)*") {
            let _ = decode(&text);
            let _ = decode_form(&text);
        }
    }
}
