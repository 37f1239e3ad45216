//! The signature base string, RFC 5849 §3.4.1: method, base string URI, and the parameters, sorted.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{cmp::Ordering, fmt};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::{percent, url::Target};

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
        // Most bytes stand for themselves; an escape of three bytes becomes one of five.
        let mut text = Vec::with_capacity(2 * room + 3 * target.path.len() + 128);
        for byte in method.bytes() {
            percent::push_encoded_bytes(&mut text, &[byte.to_ascii_uppercase()]);
        }
        text.push(b'&');
        target.push_base_uri(&mut text);
        text.push(b'&');
        Self { head_length: text.len(), text, pairs: Pairs::new() }
    }

    /// Adds a pair given as text.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        percent::push_encoded_twice(&mut self.text, name.as_bytes());
        let middle = self.text.len();
        self.text.extend_from_slice(EQUALS);
        percent::push_encoded_twice(&mut self.text, value.as_bytes());
        self.close(start, middle);
    }

    /// Adds the pairs of a query or form: split at `&`, then at the first `=`; empty pieces add nothing.
    pub(crate) fn push_form(&mut self, form: &[u8]) -> Result<(), InvalidForm> {
        let mut at = 0;
        for piece in form.split(|&byte| byte == b'&') {
            if !piece.is_empty() {
                self.push_form_pair(piece).map_err(|offset| InvalidForm { at: at + offset })?;
            }
            at += piece.len() + 1;
        }
        Ok(())
    }

    /// The pairs in the order in which they are now.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Pair<'_>> {
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

    /// An `oauth_` name that is there twice, the pairs being sorted.
    pub(crate) fn duplicate(&self) -> Option<String> {
        let mut previous: &[u8] = &[];
        for pair in self.iter() {
            if pair.is_protocol_parameter() && pair.name() == previous {
                return Some(pair.decoded_name());
            }
            previous = pair.name();
        }
        None
    }

    /// Feeds the base string, whose pairs are sorted, to the signature.
    pub(crate) fn absorb_into(&self, state: &mut Hmac<Sha1>) {
        state.update(self.head());
        if let Some((last, others)) = self.pairs.as_slice().split_last() {
            for span in others {
                state.update(self.pair(*span).joined_and_separator());
            }
            state.update(self.pair(*last).joined());
        }
    }

    /// The base string, whose pairs are sorted.
    pub(crate) fn join(&self) -> Vec<u8> {
        let mut joined = Vec::with_capacity(self.text.len());
        joined.extend_from_slice(self.head());
        for pair in self.iter() {
            joined.extend_from_slice(pair.joined_and_separator());
        }
        if self.len() > 0 {
            joined.truncate(joined.len() - AMPERSAND.len());
        }
        joined
    }

    /// Method and base string URI, with the ampersand after each.
    pub(crate) fn head(&self) -> &[u8] {
        self.text.get(..self.head_length).unwrap_or_default()
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

    /// Fails with the offset of a broken escape in the piece.
    fn push_form_pair(&mut self, piece: &[u8]) -> Result<(), usize> {
        let equals = piece.iter().position(|&byte| byte == b'=').unwrap_or(piece.len());
        let (name, value) = piece.split_at(equals);
        let value = value.strip_prefix(b"=").unwrap_or_default();
        let start = self.text.len();
        percent::push_form_encoded_twice(&mut self.text, name)?;
        let middle = self.text.len();
        self.text.extend_from_slice(EQUALS);
        percent::push_form_encoded_twice(&mut self.text, value).map_err(|offset| equals + 1 + offset)?;
        self.close(start, middle);
        Ok(())
    }

    fn close(&mut self, start: usize, middle: usize) {
        let end = self.text.len();
        self.text.extend_from_slice(AMPERSAND);
        self.pairs.push(Span { start, middle, end });
    }

    fn pair(&self, span: Span) -> Pair<'_> {
        Pair { text: &self.text, span }
    }
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
        let encoded_once = percent::decode(&encoded).unwrap_or_default();
        percent::decode(&encoded_once).unwrap_or(Cow::Borrowed(&encoded_once)).into_owned()
    }

    /// The value, decoded; `None` if it is not UTF-8.
    pub(crate) fn decoded_value(self) -> Option<String> {
        let encoded = core::str::from_utf8(self.span.value(self.text)).ok()?;
        let encoded_once = percent::decode(encoded).ok()?;
        percent::decode(&encoded_once).ok().map(Cow::into_owned)
    }

    pub(crate) fn is_protocol_parameter(self) -> bool {
        self.name().starts_with(b"oauth_")
    }

    /// `name%3Dvalue`.
    pub(crate) fn joined(self) -> &'a [u8] {
        self.text.get(self.span.start..self.span.end).unwrap_or_default()
    }

    /// `name%3Dvalue%26`.
    pub(crate) fn joined_and_separator(self) -> &'a [u8] {
        self.text.get(self.span.start..self.span.end + AMPERSAND.len()).unwrap_or_default()
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
    start: usize,
    /// Where the name ends and `%3D` starts.
    middle: usize,
    /// Where the value ends and `%26` starts.
    end: usize,
}

impl Span {
    fn name(self, text: &[u8]) -> &[u8] {
        text.get(self.start..self.middle).unwrap_or_default()
    }

    fn value(self, text: &[u8]) -> &[u8] {
        text.get(self.middle + EQUALS.len()..self.end).unwrap_or_default()
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
        Self { few: [Span { start: 0, middle: 0, end: 0 }; FEW], count: 0, many: Vec::new() }
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
        if self.many.is_empty() { self.few.get(..self.count).unwrap_or_default() } else { &self.many }
    }

    fn as_mut_slice(&mut self) -> &mut [Span] {
        if self.many.is_empty() { self.few.get_mut(..self.count).unwrap_or_default() } else { &mut self.many }
    }
}

fn compare(text: &[u8], a: Span, b: Span) -> Ordering {
    a.name(text).cmp(b.name(text)).then_with(|| a.value(text).cmp(b.value(text)))
}

const EQUALS: &[u8] = b"%3D";
const AMPERSAND: &[u8] = b"%26";
const FEW: usize = 32;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::percent::decode;

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
}
