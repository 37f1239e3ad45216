//! The signature base string, RFC 5849 §3.4.1: method, base string URI, and the parameters, sorted.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{cmp::Ordering, fmt};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::{percent, signature::Signature, url::Target};

/// A base string in the making: its head, and the pairs that follow, each percent-encoded twice as it has them.
///
/// §3.4.1.3.2 sorts pairs that are encoded once. Sorting them encoded twice gives the same order, because `%` sorts
/// before every character that encoded text has, and `%25` begins with it.
#[derive(Clone)]
pub(crate) struct BaseString {
    /// The head, then `name%3Dvalue%26` after each other in the order in which they came.
    text: Vec<u8>,
    head_length: usize,
    pairs: Pairs,
}

impl BaseString {
    /// One without parameters yet, and room for so many bytes of them in their original form.
    pub(crate) fn new(method: &str, target: &Target<'_>, room: usize) -> Self {
        Self::after(head(method, target, room))
    }

    /// One without parameters yet, after this [`head`].
    pub(crate) fn after(head: Vec<u8>) -> Self {
        Self { head_length: head.len(), text: head, pairs: Pairs::new() }
    }

    /// Adds a pair given as text.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        name.bytes().for_each(|byte| percent::push_byte_encoded_twice(&mut self.text, byte));
        let middle = self.text.len();
        self.text.extend_from_slice(EQUALS);
        value.bytes().for_each(|byte| percent::push_byte_encoded_twice(&mut self.text, byte));
        self.close(start, middle);
    }

    /// Adds the pairs of a query or form: split at `&`, then at the first `=`; empty pieces add nothing.
    ///
    /// One pass over the bytes, which never asks for UTF-8: whatever bytes were meant are the bytes that get signed.
    pub(crate) fn push_form(&mut self, form: &[u8]) -> Result<(), InvalidForm> {
        let mut at = 0;
        let mut start = self.text.len();
        let mut middle = NO_EQUALS;
        // All is written into room that is there already, and the rest of it cut off in the end.
        let mut end = start;
        self.text.resize(end + 2 * form.len() + 2 * ROOM, 0);
        while at < form.len() {
            let text = self.text.as_mut_slice();
            while let Some(&first) = form.get(at) {
                let Some(room) = text.get_mut(end..end + ROOM) else { break };
                let mut meant = first;
                if first == b'%' {
                    let Some(&[_, high, low]) = form.get(at..at + 3).and_then(<[u8]>::first_chunk) else {
                        return Err(InvalidForm { at });
                    };
                    meant = percent::hex_pair(high, low).ok_or(InvalidForm { at })?;
                    at += 2;
                } else if first == b'&' {
                    at += 1;
                    if middle != NO_EQUALS {
                        room.copy_from_slice(AMPERSAND_AND_ROOM);
                    } else if start != end {
                        room.copy_from_slice(EQUALS_AND_AMPERSAND_AND_ROOM);
                        middle = end;
                        end += EQUALS.len();
                    } else {
                        continue;
                    }
                    self.pairs.push(Span { prefix: prefix(text, start, middle), start, middle, end });
                    end += AMPERSAND.len();
                    start = end;
                    middle = NO_EQUALS;
                    continue;
                } else if first == b'=' && middle == NO_EQUALS {
                    at += 1;
                    room.copy_from_slice(EQUALS_AND_ROOM);
                    middle = end;
                    end += EQUALS.len();
                    continue;
                } else if first == b'+' {
                    meant = b' ';
                }
                at += 1;
                let (encoded, length) = percent::encoded_twice(meant);
                room.copy_from_slice(&encoded.to_le_bytes());
                end += length;
            }
            if at < form.len() {
                self.text.resize(2 * end + ROOM, 0);
            }
        }
        self.text.truncate(end);
        if middle != NO_EQUALS {
            self.close(start, middle);
        } else if start != end {
            self.text.extend_from_slice(EQUALS);
            self.close(start, end);
        }
        Ok(())
    }

    /// Adds sorted pairs that are encoded twice and joined already, in pieces, so that they stay together: their names
    /// must all begin alike, and no other name so.
    pub(crate) fn push_together(&mut self, pieces: [&str; 5]) {
        let start = self.text.len();
        for piece in pieces {
            self.text.extend_from_slice(piece.as_bytes());
        }
        let is_sign = |&byte: &u8| byte == b'%';
        let name_length = self.text[start..].iter().position(is_sign).expect("a name is followed by %3D");
        self.close(start, start + name_length);
    }

    /// Adds pairs that are encoded twice and joined already, in pieces, each for itself.
    pub(crate) fn push_apart(&mut self, pieces: [&str; 5]) {
        for pair in pieces.concat().split("%26") {
            let (name, _) = pair.split_once("%3D").expect("a name is followed by %3D");
            let start = self.text.len();
            self.text.extend_from_slice(pair.as_bytes());
            self.close(start, start + name.len());
        }
    }

    /// The pairs in the order in which they are now.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Pair<'_>> + Clone {
        self.pairs.as_slice().iter().map(|span| self.pair(*span))
    }

    /// The number of pairs.
    pub(crate) fn len(&self) -> usize {
        self.pairs.as_slice().len()
    }

    /// Brings the pairs in their order.
    pub(crate) fn sort(&mut self) {
        let text = &self.text;
        self.pairs.as_mut_slice().sort_unstable_by(|a, b| compare(text, *a, *b));
    }

    /// A pair with an `oauth_` name that is there twice, the pairs being sorted.
    pub(crate) fn duplicate(&self) -> Option<Pair<'_>> {
        let mut previous: &[u8] = &[];
        for pair in self.iter() {
            if pair.is_protocol_parameter() && pair.name() == previous {
                return Some(pair);
            }
            previous = pair.name();
        }
        None
    }

    /// The base string, whose pairs are sorted.
    pub(crate) fn join(&self) -> Vec<u8> {
        let mut joined = Vec::with_capacity(self.text.len());
        joined.extend_from_slice(self.head());
        for pair in self.iter() {
            joined.extend_from_slice(pair.joined_and_separator());
        }
        joined.truncate(joined.len() - self.last_separator());
        joined
    }

    /// The signature over the base string, whose pairs are sorted.
    pub(crate) fn sign(&mut self, state: Hmac<Sha1>) -> Signature {
        Signature::finish(self.absorb(state))
    }

    /// Gives the MAC the base string, whose pairs are sorted.
    ///
    /// Joining first and hashing then is faster than to hash piece by piece.
    pub(crate) fn absorb(&mut self, mut state: Hmac<Sha1>) -> Hmac<Sha1> {
        let start = self.text.len();
        self.text.extend_from_within(..self.head_length);
        for span in self.pairs.as_slice() {
            self.text.extend_from_within(span.start..span.end + AMPERSAND.len());
        }
        let end = self.text.len() - self.last_separator();
        state.update(&self.text[start..end]);
        self.text.truncate(start);
        state
    }

    /// Method and base string URI, with the ampersand after each.
    pub(crate) fn head(&self) -> &[u8] {
        &self.text[..self.head_length]
    }

    /// Drops the pairs of which this is true.
    pub(crate) fn remove_if(&mut self, unwanted: impl Fn(Pair<'_>) -> bool) {
        let mut kept = Pairs::new();
        for span in self.pairs.as_slice() {
            if !unwanted(self.pair(*span)) {
                kept.push(*span);
            }
        }
        self.pairs = kept;
    }

    /// Bytes of the separator behind the last pair, which is none.
    fn last_separator(&self) -> usize {
        if self.len() > 0 { AMPERSAND.len() } else { 0 }
    }

    /// Ends the pair that goes from `start` to the end of the text.
    fn close(&mut self, start: usize, middle: usize) {
        let end = self.text.len();
        self.text.extend_from_slice(AMPERSAND);
        self.pairs.push(Span { prefix: prefix(&self.text, start, middle), start, middle, end });
    }

    fn pair(&self, span: Span) -> Pair<'_> {
        Pair { text: &self.text, span }
    }
}

/// Method and base string URI, with the ampersand after each, and room for so many bytes of parameters.
pub(crate) fn head(method: &str, target: &Target<'_>, room: usize) -> Vec<u8> {
    // Most bytes stand for themselves, and an escape of three bytes becomes one of five. Everything comes twice: as it is
    // found and as it is sorted.
    let mut text = Vec::with_capacity(4 * room + 3 * target.path.len() + 256);
    percent::push_encoded_bytes(&mut text, method.as_bytes());
    text.make_ascii_uppercase();
    text.push(b'&');
    target.push_base_uri(&mut text);
    text.push(b'&');
    text
}

/// One pair, percent-encoded twice.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    text: &'a [u8],
    span: Span,
}

impl<'a> Pair<'a> {
    pub(crate) fn name(self) -> &'a [u8] {
        self.span.name(self.text)
    }

    /// The name, decoded, for people to read.
    pub(crate) fn decoded_name(self) -> String {
        let encoded = String::from_utf8_lossy(self.name());
        let encoded_once = percent::decode(&encoded).expect("it is encoded twice");
        percent::decode(&encoded_once).unwrap_or(Cow::Borrowed(&encoded_once)).into_owned()
    }

    /// The value, decoded; `None` if it is not UTF-8.
    pub(crate) fn decoded_value(self) -> Option<String> {
        let encoded = core::str::from_utf8(self.span.value(self.text)).ok()?;
        let encoded_once = percent::decode(encoded).ok()?;
        percent::decode(&encoded_once).ok().map(Cow::into_owned)
    }

    pub(crate) fn is_protocol_parameter(self) -> bool {
        self.span.prefix >> 16 == PROTOCOL_PREFIX >> 16
    }

    /// `name%3Dvalue`.
    pub(crate) fn joined(self) -> &'a [u8] {
        &self.text[self.span.start..self.span.end]
    }

    /// `name%3Dvalue%26`.
    pub(crate) fn joined_and_separator(self) -> &'a [u8] {
        &self.text[self.span.start..self.span.end + AMPERSAND.len()]
    }
}

/// A query or form that cannot be read in one way only, and so cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidForm {
    at: usize,
}

impl InvalidForm {
    /// Offset, in the query or form, of the `%` that is not followed by two hex digits.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Display for InvalidForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "% at byte {} is not followed by two hex digits", self.at)
    }
}

impl core::error::Error for InvalidForm {}

/// Where a pair lies in the text.
#[derive(Clone, Copy, Default)]
struct Span {
    /// The first eight bytes of the name as a number, which sorts like them.
    prefix: u64,
    start: usize,
    /// Where the name ends and `%3D` starts.
    middle: usize,
    /// Where the value ends and `%26` starts.
    end: usize,
}

impl Span {
    fn name(self, text: &[u8]) -> &[u8] {
        &text[self.start..self.middle]
    }

    fn value(self, text: &[u8]) -> &[u8] {
        &text[self.middle + EQUALS.len()..self.end]
    }
}

/// The spans: in place while they are few, so that signing an ordinary request allocates nothing for them.
#[derive(Clone)]
struct Pairs {
    few: [Span; FEW],
    count: usize,
    many: Vec<Span>,
}

impl Pairs {
    const fn new() -> Self {
        Self { few: [Span { prefix: 0, start: 0, middle: 0, end: 0 }; FEW], count: 0, many: Vec::new() }
    }

    fn push(&mut self, span: Span) {
        if let Some(place) = self.few.get_mut(self.count) {
            *place = span;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(span);
        }
        self.count += 1;
    }

    fn as_slice(&self) -> &[Span] {
        if self.many.is_empty() { &self.few[..self.count] } else { &self.many }
    }

    fn as_mut_slice(&mut self) -> &mut [Span] {
        if self.many.is_empty() { &mut self.few[..self.count] } else { &mut self.many }
    }
}

fn compare(text: &[u8], a: Span, b: Span) -> Ordering {
    a.prefix
        .cmp(&b.prefix)
        .then_with(|| a.name(text).cmp(b.name(text)))
        .then_with(|| a.value(text).cmp(b.value(text)))
}

/// The first eight bytes of a name, those that it does not have being zero.
fn prefix(text: &[u8], start: usize, end: usize) -> u64 {
    let from_start = &text[start..];
    let bytes = from_start.first_chunk().copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(from_start).for_each(|(place, byte)| *place = *byte);
        bytes
    });
    // What follows the name does not count.
    let used = match end - start {
        0 => 0,
        length @ 1..8 => u64::MAX << (64 - 8 * length),
        _ => u64::MAX,
    };
    u64::from_be_bytes(bytes) & used
}

/// What the names of protocol parameters begin with, as in a [`Span`].
const PROTOCOL_PREFIX: u64 = u64::from_be_bytes(*b"oauth_\0\0");
const EQUALS: &[u8] = b"%3D";
const AMPERSAND: &[u8] = b"%26";
/// Where the name of a pair ends whose `=` has not come yet.
const NO_EQUALS: usize = usize::MAX;
/// Bytes that are written at once, of which those count that were meant.
const ROOM: usize = 8;
const EQUALS_AND_ROOM: &[u8; ROOM] = b"%3D\0\0\0\0\0";
const AMPERSAND_AND_ROOM: &[u8; ROOM] = b"%26\0\0\0\0\0";
const EQUALS_AND_AMPERSAND_AND_ROOM: &[u8; ROOM] = b"%3D%26\0\0";

/// Pairs for which there is room in place: the block of protocol parameters and fifteen others.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{percent::decode, signature::SigningKey};

    fn normalised(form: &str) -> Result<String, InvalidForm> {
        let mut base = BaseString::new("get", &Target::received("http://h/").unwrap(), 0);
        base.push_form(form.as_bytes())?;
        base.sort();
        let text = String::from_utf8(base.join()).unwrap();
        let parameters = text.strip_prefix("GET&http%3A%2F%2Fh%2F&").unwrap();
        Ok(decode(parameters).unwrap().into_owned())
    }

    #[test]
    fn sorts_names_then_values_by_their_encoded_bytes() {
        assert_eq!(normalised("z=t&a=1&f=50&f=25&z=p").unwrap(), "a=1&f=25&f=50&z=p&z=t");
        assert_eq!(normalised("param1-2=y&param1=x").unwrap(), "param1=x&param1-2=y");
        assert_eq!(normalised("c2=1&c@=2").unwrap(), "c%40=2&c2=1");
    }

    #[test]
    fn splits_at_ampersands_and_first_equals_signs_alone() {
        assert_eq!(normalised("&a=1;b=2&&=v&c&d=e=f&").unwrap(), "=v&a=1%3Bb%3D2&c=&d=e%3Df");
    }

    #[test]
    fn many_pairs_are_kept() {
        let form: String = (0..100).map(|number| format!("p{number:03}=x&")).collect();
        assert_eq!(normalised(&form).unwrap(), form.trim_end_matches('&'));
    }

    #[test]
    fn a_broken_escape_is_placed() {
        let place = |form| normalised(form).unwrap_err().at();
        assert_eq!(place("a=%"), 2);
        assert_eq!(place("a=1&b%=2"), 5);
        assert_eq!(place("a=1&b%4=2"), 5);
        assert_eq!(place("ab%41=xyz%zz"), 9);
        assert_eq!(place("%41=%zz"), 4);
    }

    #[test]
    fn bytes_need_not_be_utf8() {
        let mut base = BaseString::new("get", &Target::received("http://h/").unwrap(), 0);
        base.push_form(b"a%ff=\xfe").unwrap();
        assert!(base.join().ends_with(b"&a%25FF%3D%25FE"));
        assert_eq!(base.iter().next().unwrap().decoded_value(), None);
    }

    proptest! {
        #[test]
        fn a_form_is_what_its_pairs_are(pairs in vec((".{0,9}", ".*"), 0..40)) {
            let (mut one, mut other) = (String::new(), Vec::new());
            for (name, value) in &pairs {
                // One spelling with as many escapes as can be, and one with as few.
                one.push_str(&format!("{}={}&", percent::encode(name), percent::encode(value)));
                for (text, end) in [(name, b'='), (value, b'&')] {
                    for byte in text.bytes() {
                        match byte {
                            b' ' => other.push(b'+'),
                            b'%' | b'&' | b'+' | b'=' => other.extend_from_slice(format!("%{byte:02x}").as_bytes()),
                            _ => other.push(byte),
                        }
                    }
                    other.push(end);
                }
            }
            let target = Target::received("http://h/").unwrap();
            let [mut text, mut bytes, mut given] = [(); 3].map(|()| BaseString::new("get", &target, 0));
            text.push_form(one.as_bytes()).unwrap();
            bytes.push_form(&other).unwrap();
            for (name, value) in &pairs {
                given.push(name, value);
            }
            let [text, bytes, mut given] = [text, bytes, given].map(|mut base| {
                base.sort();
                base
            });
            prop_assert_eq!(text.join(), given.join());
            prop_assert_eq!(bytes.join(), given.join());
            let mut expected: Vec<(String, String)> = pairs
                .iter()
                .map(|(name, value)| (percent::encode(name).to_string(), percent::encode(value).to_string()))
                .collect();
            expected.sort();
            let expected: Vec<String> = expected.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let joined = String::from_utf8(given.join()).unwrap();
            let parameters = joined.rsplit('&').next().unwrap();
            prop_assert_eq!(decode(parameters).unwrap(), expected.join("&"));
            let state = SigningKey::from_bytes(b"&");
            prop_assert_eq!(given.sign(state.state()), state.sign(&joined));
        }

        #[test]
        fn reading_never_panics(bytes in vec(prop_oneof![any::<u8>(), Just(b'%'), Just(b'&'), Just(b'=')], 0..60)) {
            let mut base = BaseString::new("get", &Target::received("http://h/").unwrap(), 0);
            if base.push_form(&bytes).is_ok() {
                base.sort();
                prop_assert!(base.join().is_ascii());
            }
        }
    }
}
