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
    out.extend(utf8_percent_encode(text, RESERVED));
}

/// Adds the text percent-encoded once, as bytes.
pub(crate) fn push_encoded_bytes(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        if is_unreserved(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', upper_hex(byte >> 4), upper_hex(byte & 15)]);
        }
    }
}

/// Adds the bytes percent-encoded twice, as they stand in a signature base string.
pub(crate) fn push_encoded_twice(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        push_byte_encoded_twice(out, byte);
    }
}

/// Adds what a name or value of a form or query means, percent-encoded twice.
///
/// This goes byte by byte and never asks for UTF-8: whatever bytes were meant are the bytes that get signed. It fails
/// with the offset of a `%` that is not followed by two hex digits.
pub(crate) fn push_form_encoded_twice(out: &mut Vec<u8>, raw: &[u8]) -> Result<(), usize> {
    let mut rest = raw;
    loop {
        rest = match rest {
            [] => return Ok(()),
            [b'%', high, low, tail @ ..] => {
                let byte = hex_pair(*high, *low).ok_or(raw.len() - rest.len())?;
                push_byte_encoded_twice(out, byte);
                tail
            }
            [b'%', ..] => return Err(raw.len() - rest.len()),
            [b'+', tail @ ..] => {
                out.extend_from_slice(b"%2520");
                tail
            }
            [byte, tail @ ..] => {
                push_byte_encoded_twice(out, *byte);
                tail
            }
        };
    }
}

/// Whether the byte stands for itself in encoded text.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push_byte_encoded_twice(out: &mut Vec<u8>, byte: u8) {
    if is_unreserved(byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', b'2', b'5', upper_hex(byte >> 4), upper_hex(byte & 15)]);
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

pub(crate) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The hex digit of a number below 16.
const fn upper_hex(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

/// What a `+` means.
#[derive(Clone, Copy, PartialEq)]
enum Plus {
    Blank,
    Sign,
}

/// Everything outside RFC 3986's unreserved set.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use proptest::prelude::*;

    use super::*;

    fn check_encoding(text: &str, encoded: &str) {
        assert_eq!(encode(text).to_string(), encoded);
    }

    fn form_twice(raw: &[u8]) -> Result<String, usize> {
        let mut out = Vec::new();
        push_form_encoded_twice(&mut out, raw)?;
        Ok(String::from_utf8(out).unwrap())
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
        assert_eq!(form_twice(b"a%4"), Err(1));
        assert_eq!(form_twice(b"a%G1"), Err(1));
        assert_eq!(
            InvalidPercent::Escape { at: 1 }.to_string(),
            "% at byte 1 is not followed by two hex digits"
        );
        assert_eq!(InvalidPercent::Utf8 { at: 2 }.to_string(), "decoded byte 2 is not UTF-8");
    }

    #[test]
    fn form_bytes_need_not_be_utf8() {
        assert_eq!(form_twice(b"%ff\xfe").unwrap(), "%25FF%25FE");
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
            let mut twice = Vec::new();
            push_encoded_twice(&mut twice, text.as_bytes());
            prop_assert_eq!(core::str::from_utf8(&twice).unwrap(), encode(&once).to_string());
            prop_assert_eq!(form_twice(once.as_bytes()).unwrap(), encode(&once).to_string());
            let mut appended = format!("x{text}");
            push_encoded(&mut appended, &text);
            prop_assert_eq!(appended, format!("x{text}{once}"));
        }

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in ".*") {
            let _ = form_twice(&bytes);
            let _ = decode(&text);
            let _ = decode_form(&text);
        }
    }
}
