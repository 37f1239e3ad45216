//! Signatures over parameters that are in their normal form as they come, as well-made URLs have them.
//!
//! Nothing is decoded then, and no base string is put together: the pairs are sorted where they stand, and go, encoded
//! once more, straight into the MAC. It is given one piece while the next is being written.

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::{percent, signature::Signature};

/// The signature over a head, the parameters of query and form, and the block of protocol parameters, which is encoded
/// twice already and comes in pieces.
///
/// `None` if a parameter is not in its normal form, or if one has an `oauth_` name, whose place may be inside of the
/// block, or if there are too many: all that is general is done by [`BaseString`](crate::base_string::BaseString).
pub(crate) fn sign(
    head: &[u8],
    sources: [&[u8]; 2],
    block: [&str; 5],
    state: Hmac<Sha1>,
) -> Option<Signature> {
    let mut pairs = Pairs { few: [Pair::NONE; FEW], count: 0 };
    for source in sources {
        pairs.push_all(source)?;
    }
    let pairs = pairs.sorted();
    let (before, after) = pairs.split_at(pairs.partition_point(|pair| pair.prefix < PROTOCOL_PREFIX));
    if after.first().is_some_and(|pair| pair.prefix >> 16 == PROTOCOL_PREFIX >> 16) {
        return None;
    }

    let mut mac = Absorber { state, room: [0; PIECE + ROOM], filled: 0 };
    mac.push(head);
    for pair in before {
        mac.push_pair(pair.text)?;
        mac.push_sign(b"%26");
    }
    for piece in block {
        mac.push(piece.as_bytes());
    }
    for pair in after {
        mac.push_sign(b"%26");
        mac.push_pair(pair.text)?;
    }
    Some(mac.finish())
}

/// The pairs of a query or form, few enough to need no allocation.
struct Pairs<'a> {
    few: [Pair<'a>; FEW],
    count: usize,
}

impl<'a> Pairs<'a> {
    /// Splits at `&`; empty pieces add nothing. `None` if there is no more room.
    fn push_all(&mut self, form: &'a [u8]) -> Option<()> {
        let mut rest = form;
        while !rest.is_empty() {
            let length = find_ampersand(rest);
            if length > 0 {
                *self.few.get_mut(self.count)? = Pair { prefix: prefix(rest), text: rest, length };
                self.count += 1;
            }
            rest = rest.get(length + 1..).unwrap_or_default();
        }
        Some(())
    }

    /// Sorted by name, then value. What is in its normal form sorts as it is.
    fn sorted(&mut self) -> &[Pair<'a>] {
        let pairs = self.few.get_mut(..self.count).unwrap_or_default();
        pairs.sort_unstable_by(|a, b| {
            if a.prefix == b.prefix {
                a.name_and_value().cmp(&b.name_and_value())
            } else {
                a.prefix.cmp(&b.prefix)
            }
        });
        pairs
    }
}

#[derive(Clone, Copy)]
struct Pair<'a> {
    /// The first eight bytes of the name as a number, which sorts like them.
    prefix: u64,
    /// From the start of the pair to the end of the query or form, so that it can be read in windows.
    text: &'a [u8],
    /// The bytes of the text that are the pair.
    length: usize,
}

impl<'a> Pair<'a> {
    const NONE: Self = Self { prefix: 0, text: &[], length: 0 };

    fn name_and_value(self) -> (&'a [u8], &'a [u8]) {
        let pair = self.text.get(..self.length).unwrap_or_default();
        let name_length = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(name_length);
        (name, value.get(1..).unwrap_or_default())
    }
}

/// Gives the MAC what is written, in pieces of whole blocks.
struct Absorber {
    state: Hmac<Sha1>,
    room: [u8; PIECE + ROOM],
    filled: usize,
}

impl Absorber {
    /// Adds text that is encoded twice.
    fn push(&mut self, text: &[u8]) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.filled >= PIECE {
                self.absorb();
            }
            let room = self.room.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            room.split_at_mut(now.len()).0.copy_from_slice(now);
            self.filled += now.len();
            rest = later;
        }
    }

    /// Adds an ampersand or equals sign that is encoded already. There is room for it behind any piece.
    fn push_sign(&mut self, sign: &[u8; 3]) {
        if self.filled >= PIECE {
            self.absorb();
        }
        if let Some(room) = self.room.get_mut(self.filled..).and_then(<[u8]>::first_chunk_mut) {
            *room = *sign;
            self.filled += sign.len();
        }
    }

    /// Adds the pair with which the text begins, encoding it once more. `None` if it is not in its normal form.
    fn push_pair(&mut self, text: &[u8]) -> Option<()> {
        let mut part = Part::Name;
        let rest = self.push_windows(text, &mut part)?;
        if rest.len() < WINDOW {
            // Where the query or form ends, ampersands complete the window.
            let mut window = [b'&'; 2 * WINDOW];
            window.split_at_mut(rest.len()).0.copy_from_slice(rest);
            self.push_windows(&window, &mut part)?;
        }
        if part == Part::Name {
            self.push_sign(b"%3D");
        }
        Some(())
    }

    /// Does this up to the ampersand behind the pair, or until what is left is smaller than a window, and returns it.
    fn push_windows<'a>(&mut self, text: &'a [u8], part: &mut Part) -> Option<&'a [u8]> {
        let mut rest = text;
        let mut filled = self.filled;
        while let Some(window) = rest.first_chunk::<WINDOW>() {
            if filled >= PIECE {
                self.absorb();
                filled -= PIECE;
            }
            let room = self.room.get_mut(filled..)?.first_chunk_mut::<ROOM>()?;
            let (read, written) = match *window {
                [b'%', a, b, b'%', c, d, ..] if percent::is_normal(a, b) && percent::is_normal(c, d) => {
                    room.split_at_mut(10)
                        .0
                        .copy_from_slice(&[b'%', b'2', b'5', a, b, b'%', b'2', b'5', c, d]);
                    (6, 10)
                }
                [b'%', a, b, ..] if percent::is_normal(a, b) => {
                    room.split_at_mut(5).0.copy_from_slice(&[b'%', b'2', b'5', a, b]);
                    (3, 5)
                }
                [first, ..] if percent::is_unreserved(first) => {
                    room.split_at_mut(WINDOW).0.copy_from_slice(window);
                    let mut length = 1;
                    let mut bytes = u64::from_le_bytes(*window) >> 8;
                    // Zeros come in from above, and are reserved.
                    while percent::is_unreserved((bytes & 0xFF) as u8) {
                        length += 1;
                        bytes >>= 8;
                    }
                    (length, length)
                }
                [b'=', ..] if *part == Part::Name => {
                    *part = Part::Value;
                    room.split_at_mut(3).0.copy_from_slice(b"%3D");
                    (1, 3)
                }
                [b'&', ..] => break,
                _ => return None,
            };
            filled += written;
            rest = rest.get(read..)?;
        }
        self.filled = filled;
        Some(rest)
    }

    fn finish(mut self) -> Signature {
        self.state.update(self.room.get(..self.filled).unwrap_or_default());
        Signature::finish(self.state)
    }

    /// Makes room again when there is a whole piece.
    fn absorb(&mut self) {
        let (piece, more) = self.room.split_at_mut(PIECE);
        self.state.update(piece);
        piece.split_at_mut(ROOM).0.copy_from_slice(more);
        self.filled = self.filled.saturating_sub(PIECE);
    }
}

/// What of a pair is being read.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Name,
    Value,
}

/// Where the first ampersand is, or the length if there is none.
fn find_ampersand(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((window, more)) = rest.split_first_chunk::<WINDOW>() {
        let found = places(u64::from_le_bytes(*window), b'&');
        if found != 0 {
            return text.len() - rest.len() + first_place(found);
        }
        rest = more;
    }
    let offset = rest.iter().position(|&byte| byte == b'&').unwrap_or(rest.len());
    text.len() - rest.len() + offset
}

/// The first eight bytes of the name with which the text begins, those that it does not have being zero.
fn prefix(text: &[u8]) -> u64 {
    let window = text.first_chunk().copied().unwrap_or_else(|| {
        let mut window = [0; WINDOW];
        window.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
        window
    });
    let bytes = u64::from_le_bytes(window);
    let end = places(bytes, b'=') | places(bytes, b'&');
    // All ones below the first that is found, and so none from that byte on.
    let name = if end == 0 { bytes } else { bytes & (end & end.wrapping_neg()).wrapping_sub(1) >> 7 };
    name.swap_bytes()
}

/// Looks for a byte in eight at once: a bit is set in the first that is this one, and in none before it.
fn places(bytes: u64, wanted: u8) -> u64 {
    let difference = bytes ^ (EACH * u64::from(wanted));
    difference.wrapping_sub(EACH) & !difference & (EACH << 7)
}

/// The index of the first byte in which a bit is set.
fn first_place(found: u64) -> usize {
    found.trailing_zeros() as usize / 8
}

/// The beginning that all `oauth_` names have, as in a [`Pair`].
const PROTOCOL_PREFIX: u64 = u64::from_be_bytes(*b"oauth_\0\0");
/// Pairs for which there is room.
const FEW: usize = 16;
/// Bytes that are read at once.
const WINDOW: usize = 8;
/// Bytes that a window takes, encoded.
const ROOM: usize = 16;
/// Bytes that the MAC is given at once: two blocks of SHA-1. With more of them, more waits; with fewer, more is called.
const PIECE: usize = 128;
/// One in each byte.
const EACH: u64 = u64::from_le_bytes([1; WINDOW]);

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
        vec::Vec,
    };

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{base_string::BaseString, signature::SigningKey, url::Target};

    const BLOCK: [&str; 5] = [
        "oauth_consumer_key%3Dk%26oauth_nonce%3D",
        "n",
        "%26oauth_timestamp%3D",
        "1",
        "%26oauth_version%3D1.0",
    ];

    fn direct(query: &str, form: &str) -> Option<Signature> {
        let base = BaseString::new("GET", &Target::received("http://h/").unwrap(), 0);
        let key = SigningKey::from_bytes(b"&");
        sign(base.head(), [query.as_bytes(), form.as_bytes()], BLOCK, key.state())
    }

    fn general(query: &str, form: &str) -> Signature {
        let mut base = BaseString::new("GET", &Target::received("http://h/").unwrap(), 0);
        base.push_form(query.as_bytes()).unwrap();
        base.push_form(form.as_bytes()).unwrap();
        base.push_together(BLOCK);
        base.sort();
        base.sign(SigningKey::from_bytes(b"&").state())
    }

    #[test]
    fn signs_what_is_in_its_normal_form() {
        for (query, form) in [
            ("", ""),
            ("a=b", ""),
            ("&&z=%20&a=1&&a&=&q=%E5%86%99%C3%A4x~&", "a=0&oauth=1&oauthz=2&p=%F0%9F%A6%80"),
            ("very-long-name-1=b&very-long-name-0=c&very-long-name=d", "very-lo=e&very-long-name-0=a"),
        ] {
            assert_eq!(direct(query, form), Some(general(query, form)), "{query} {form}");
        }
    }

    #[test]
    fn leaves_the_rest_to_the_base_string() {
        for query in [
            "a=b+c",
            "a=%2f",
            "a=%41",
            "a=%",
            "a=b%2",
            "a=b=c",
            "a=b c",
            "a=/",
            "a=%zz",
            "a=ä",
            "oauth_x=1",
            "%6F=1",
        ] {
            assert_eq!(direct(query, ""), None, "{query}");
            assert_eq!(direct("", &format!("{query}&b=1234567890")), None, "{query}");
        }
        let many: Vec<String> = (0..=FEW).map(|number| format!("p{number}=1")).collect();
        assert_eq!(direct(&many.join("&"), ""), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_base_string(
            query in vec(("[ -~é写🦀]{0,12}", proptest::option::of("[ -~é写🦀]{0,70}")), 0..8),
            form in vec(("[ab=&_o]{0,3}", proptest::option::of(".{0,9}")), 0..8),
        ) {
            let [query, form] = [as_sent(&query), as_sent(&form)];
            prop_assert_eq!(direct(&query, &form), Some(general(&query, &form)));
        }

        #[test]
        fn never_disagrees(query in "([a-c=&+]|%|%[0-9A-Ca-c]{2}|%C3%A9|oauth_){0,60}") {
            if let Some(signature) = direct(&query, "") {
                prop_assert_eq!(signature, general(&query, ""));
            }
        }
    }

    fn as_sent(pairs: &[(String, Option<String>)]) -> String {
        let pairs = pairs.iter().map(|(name, value)| match value {
            Some(value) => format!("{}={}", percent::encode(name), percent::encode(value)),
            None => percent::encode(name).to_string(),
        });
        pairs.collect::<Vec<String>>().join("&")
    }
}
