//! UTF-16 to UTF-8, and marks at the start of a text.

use std::io::{self, BufRead, BufReader, Read};

/// `input` as UTF-8 without a mark, or `None` if it is UTF-32, which nobody writes by will. What is neither UTF-16 nor
/// UTF-32 is passed on as it is: ids are ASCII, so that the encoding of what stands beside them does not matter until
/// something that is not ASCII stands for an id.
///
/// UTF-16 is told by its mark, or without one by a zero in every second of the first four bytes (as RFC 4627 §3 does
/// for JSON): no text that begins with a digit or a letter can have them otherwise.
pub(crate) fn decoded<'a>(mut input: impl Read + 'a) -> io::Result<Option<Box<dyn Read + 'a>>> {
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start)?;
    let (mark, order) = match start.as_slice() {
        [0xff, 0xfe, 0, 0] | [0, 0, 0xfe, 0xff] | [0, 0, 0, 1..=0xff] | [1..=0xff, 0, 0, 0] => {
            return Ok(None);
        }
        [0xff, 0xfe, ..] => (2, Some(Order::Little)),
        [0xfe, 0xff, ..] => (2, Some(Order::Big)),
        [1..=0x7f, 0, 1..=0x7f, 0] => (0, Some(Order::Little)),
        [0, 1..=0x7f, 0, 1..=0x7f] => (0, Some(Order::Big)),
        [0xef, 0xbb, 0xbf, ..] => (3, None),
        _ => (0, None),
    };
    start.drain(..mark);
    let rest = io::Cursor::new(start).chain(input);
    Ok(Some(match order {
        None => Box::new(rest),
        Some(order) => Box::new(Utf16::new(BufReader::new(rest), order)),
    }))
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

/// Turns UTF-16 into UTF-8. Half a pair or half a unit becomes U+FFFD, which is in no id.
struct Utf16<R> {
    input: R,
    order: Order,
    /// The first byte of a unit.
    odd: Option<u8>,
    /// The first half of a pair.
    high: Option<u16>,
    /// UTF-8 that was not fetched yet, from `given` on.
    ready: Vec<u8>,
    given: usize,
}

impl<R: BufRead> Utf16<R> {
    fn new(input: R, order: Order) -> Self {
        Self { input, order, odd: None, high: None, ready: Vec::new(), given: 0 }
    }

    /// Turns one buffer of the input into `ready`; leaves it empty at the end.
    fn turn(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        while self.ready.is_empty() {
            let bytes = self.input.fill_buf()?;
            let count = bytes.len();
            if count == 0 {
                self.end_pair();
                if self.odd.take().is_some() {
                    self.push(char::REPLACEMENT_CHARACTER);
                }
                return Ok(());
            }
            // One copy, so that the pushes below may borrow all of `self`.
            let bytes = bytes.to_vec();
            self.input.consume(count);
            for byte in bytes {
                match (self.odd.take(), self.order) {
                    (None, _) => self.odd = Some(byte),
                    (Some(first), Order::Little) => self.unit(u16::from_le_bytes([first, byte])),
                    (Some(first), Order::Big) => self.unit(u16::from_be_bytes([first, byte])),
                }
            }
        }
        Ok(())
    }

    fn unit(&mut self, unit: u16) {
        match (self.high, unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                self.high = None;
                char::decode_utf16([high, unit]).flatten().for_each(|character| self.push(character));
            }
            (_, 0xd800..=0xdbff) => {
                self.end_pair();
                self.high = Some(unit);
            }
            _ => {
                self.end_pair();
                self.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }

    /// Gives up on a pair whose second half did not come.
    fn end_pair(&mut self) {
        if self.high.take().is_some() {
            self.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push(&mut self, character: char) {
        self.ready.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.turn()?;
        }
        let count = self.ready.get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> String {
        let mut text = String::new();
        decoded(bytes).unwrap().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn little(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn big(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn tells_utf_16_without_a_mark_by_its_zeros() {
        assert_eq!(decode(&little("15\n16\n")), "15\n16\n");
        assert_eq!(decode(&big("[\"15\"]")), "[\"15\"]");
    }

    #[test]
    fn names_utf_32() {
        for bytes in [b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"1\0\0\0", b"\0\0\x001"] {
            assert!(decoded(&bytes[..]).unwrap().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn replaces_what_is_cut() {
        assert_eq!(decode(b"\xff\xfe1\x005"), "1\u{fffd}");
        assert_eq!(decode(b"\xff\xfe\x3d\xd81\0"), "\u{fffd}1");
        assert_eq!(decode(b"\xff\xfe\x3d\xd8\x3d\xd8\x00\xde"), "\u{fffd}\u{1f600}");
        assert_eq!(decode(b"\xff\xfe\x00\xde1\0"), "\u{fffd}1");
        assert_eq!(decode(b"\xfe\xff\xd8\x3d"), "\u{fffd}");
    }

    #[test]
    fn leaves_everything_else_alone() {
        for bytes in [&b""[..], b"1", b"15", b"\xef\xbb", b"1\0", b"1\x005"] {
            let mut read = Vec::new();
            decoded(bytes).unwrap().unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
        }
        assert_eq!(decode(b"\xef\xbb\xbf15"), "15");
        // Only one mark is a mark: the second is a character in the text.
        assert_eq!(decode(b"\xef\xbb\xbf\xef\xbb\xbf15"), "\u{feff}15");
    }

    proptest! {
        #[test]
        fn reads_any_text_in_both_orders(text in "\\PC{0,40}", copies in 1_usize..600) {
            let text = text.repeat(copies);
            prop_assert_eq!(&decode(&[&b"\xff\xfe"[..], &little(&format!("1{text}"))].concat())[1..], &text);
            prop_assert_eq!(&decode(&[&b"\xfe\xff"[..], &big(&format!("1{text}"))].concat())[1..], &text);
        }
    }
}
