//! Signatures over requests that are in their normal form as they come, as well-made ones are.
//!
//! Nothing is decoded then, and no base string is put together: the pairs are sorted where they stand, and go, encoded
//! once more, straight into the MAC.

use hmac::Hmac;
use sha1::Sha1;

use crate::{
    absorber::{Absorber, WINDOW},
    percent,
};

/// Gives the MAC the base string of a request: a method in upper case, a URL with a host in lower case and without port
/// or fragment, the parameters of query and form, and the block of protocol parameters, which is encoded twice already
/// and comes in pieces.
///
/// `None` if something is not in its normal form, or if a parameter has an `oauth_` name, whose place may be inside of
/// the block, or if there are too many: all that is general is done by [`BaseString`](crate::base_string::BaseString).
pub(crate) fn absorb(
    method: &str,
    url: &str,
    form: &[u8],
    block: [&str; 5],
    state: Hmac<Sha1>,
) -> Option<Hmac<Sha1>> {
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut mac = Absorber::new(state);
    mac.push(method.as_bytes());
    let query = mac.push_base_uri(url.as_bytes())?;
    mac.push(b"&");

    let mut pairs = Pairs { texts: [&[]; FEW], keys: [0; FEW], count: 0 };
    pairs.push_all(query)?;
    pairs.push_all(form)?;
    pairs.sort();
    let (before, after) = pairs.split_at_protocol()?;
    for key in before {
        mac.push_pair(pairs.text(*key))?;
        mac.push_sign(b"%26");
    }
    for piece in block {
        mac.push(piece.as_bytes());
    }
    for key in after {
        mac.push_sign(b"%26");
        mac.push_pair(pairs.text(*key))?;
    }
    Some(mac.finish())
}

/// The pairs of a query or form, few enough to need no allocation.
struct Pairs<'a> {
    /// Each from its start to the end of the query or form, so that it can be read in windows.
    texts: [&'a [u8]; FEW],
    /// The first seven bytes of each name, with its index behind them: a number that sorts like the name.
    keys: [u64; FEW],
    count: usize,
}

impl<'a> Pairs<'a> {
    /// Splits at `&`; empty pieces add nothing. `None` if there is no more room.
    fn push_all(&mut self, form: &'a [u8]) -> Option<()> {
        let mut start = 0;
        let (windows, tail) = form.as_chunks::<SCAN>();
        for (index, window) in windows.iter().enumerate() {
            // Without a way out in its middle this looks at all bytes at once.
            if !window.iter().fold(false, |found, byte| found | (*byte == b'&')) {
                continue;
            }
            let mut found = places(u128::from_le_bytes(*window), b'&');
            while found != 0 {
                let end = index * SCAN + found.trailing_zeros() as usize / 8;
                self.push(form, start, end)?;
                start = end + 1;
                found &= found - 1;
            }
        }
        for (index, _) in tail.iter().enumerate().filter(|(_, byte)| **byte == b'&') {
            let end = form.len() - tail.len() + index;
            self.push(form, start, end)?;
            start = end + 1;
        }
        self.push(form, start, form.len())
    }

    fn push(&mut self, form: &'a [u8], start: usize, end: usize) -> Option<()> {
        if start < end {
            let text = form.get(start..)?;
            *self.texts.get_mut(self.count)? = text;
            *self.keys.get_mut(self.count)? = name_start(text) & !0xFF | self.count as u64;
            self.count += 1;
        }
        Some(())
    }

    /// By name, then value. What is in its normal form sorts as it is.
    fn sort(&mut self) {
        let keys = &mut self.keys[..self.count];
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] >> 8 == pair[1] >> 8) {
            keys.sort_unstable_by_key(|key| name_and_value(self.texts[index(*key)]));
        }
    }

    /// The keys before the protocol parameters, and those after them. `None` if one has an `oauth_` name.
    fn split_at_protocol(&self) -> Option<(&[u64], &[u64])> {
        let keys = &self.keys[..self.count];
        let (before, after) = keys.split_at(keys.partition_point(|key| key >> 16 < PROTOCOL_START));
        after.first().is_none_or(|key| key >> 16 != PROTOCOL_START).then_some((before, after))
    }

    /// From the start of the pair that has this key to the end of the query or form.
    fn text(&self, key: u64) -> &'a [u8] {
        self.texts[index(key)]
    }
}

impl Absorber {
    /// Adds the base string URI with the ampersand before it, and returns the query.
    fn push_base_uri<'a>(&mut self, url: &'a [u8]) -> Option<&'a [u8]> {
        let rest = if let Some(rest) = url.strip_prefix(b"https://") {
            self.push(b"&https%3A%2F%2F");
            rest
        } else {
            self.push(b"&http%3A%2F%2F");
            url.strip_prefix(b"http://")?
        };
        let is_of_host = |byte: &u8| percent::is_unreserved(*byte) && !byte.is_ascii_uppercase();
        let host_length = rest.iter().position(|byte| !is_of_host(byte))?;
        if host_length == 0 || rest.get(host_length) != Some(&b'/') {
            return None;
        }
        match self.push_text(rest, Part::Path) {
            ([], _) => Some(&[]),
            ([b'?', query @ ..], _) => Some(query),
            _ => None,
        }
    }

    /// Adds the pair with which the text begins. `None` if it is not in its normal form.
    ///
    /// Part of its caller, as are the two below: calls for each pair cost a twentieth of the whole.
    #[inline(always)]
    fn push_pair(&mut self, text: &[u8]) -> Option<()> {
        let (rest, part) = self.push_text(text, Part::Name);
        if part == Part::Name {
            self.push_sign(b"%3D");
        }
        matches!(rest, [] | [b'&', ..]).then_some(())
    }

    /// Adds text that is in its normal form, encoding it once more, and returns what is left where it is so no longer.
    #[inline(always)]
    fn push_text<'a>(&mut self, text: &'a [u8], part: Part) -> (&'a [u8], Part) {
        let (rest, part) = self.push_windows(text, part);
        if rest.len() < WINDOW { self.push_last(rest, part) } else { (rest, part) }
    }

    /// Does this for less than a window, at the end of a query or form.
    #[cold]
    fn push_last<'a>(&mut self, text: &'a [u8], part: Part) -> (&'a [u8], Part) {
        // Zeros, which no text may have, complete the window.
        let mut windows = [0; 2 * WINDOW];
        windows.split_at_mut(text.len()).0.copy_from_slice(text);
        let (rest, part) = self.push_windows(&windows, part);
        let read = windows.len() - rest.len();
        (&text[read..], part)
    }

    /// Does this until what is left is smaller than a window.
    ///
    /// What is copied may be more than what counts, since a copy of fixed size is faster; what follows overwrites it.
    #[inline(always)]
    fn push_windows<'a>(&mut self, text: &'a [u8], mut part: Part) -> (&'a [u8], Part) {
        let mut rest = text;
        while let Some(window) = rest.first_chunk::<WINDOW>() {
            let room = self.next_room();
            // All below is taken from this number: where the window is looked at, too, its bytes are loaded one by one.
            let bytes = u64::from_le_bytes(*window);
            if bytes & TWO_SIGNS == TWO_SIGNS_THERE && is_normal(bytes >> 8) && is_normal(bytes >> 32) {
                let start = bytes << 16 & DIGITS | TWO_ENCODED;
                room[..8].copy_from_slice(&start.to_le_bytes());
                room[8..10].copy_from_slice(&bytes.to_le_bytes()[4..6]);
                self.wrote(10);
                rest = &rest[6..];
                continue;
            }
            let first = (bytes & 0xFF) as u8;
            if percent::is_unreserved(first) {
                room[..8].copy_from_slice(&bytes.to_le_bytes());
                let others = &bytes.to_le_bytes()[1..];
                let length = 1 + others.iter().take_while(|&&byte| percent::is_unreserved(byte)).count();
                self.wrote(length);
                rest = &rest[length..];
                continue;
            }
            if first == b'%' && is_normal(bytes >> 8) {
                let all = bytes << 16 & DIGITS | ONE_ENCODED;
                room[..8].copy_from_slice(&all.to_le_bytes());
                self.wrote(5);
                rest = &rest[3..];
                continue;
            }
            let encoded = match (first, part) {
                (b'=', Part::Name) => {
                    part = Part::Value;
                    b"%3D"
                }
                (b'/', Part::Path) => b"%2F",
                _ => break,
            };
            room[..3].copy_from_slice(encoded);
            self.wrote(3);
            rest = &rest[1..];
        }
        (rest, part)
    }
}

/// What is being read.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    Name,
    Value,
}

/// Whether these bytes begin with the hex digits of an escape in its normal form.
fn is_normal(bytes: u64) -> bool {
    percent::is_normal((bytes & 0xFF) as u8, (bytes >> 8 & 0xFF) as u8)
}

/// The first eight bytes of the name with which the text begins, those that it does not have being zero.
fn name_start(text: &[u8]) -> u64 {
    let window = text.first_chunk().copied().unwrap_or_else(|| {
        let mut window = [0; WINDOW];
        window.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
        window
    });
    let bytes = u64::from_le_bytes(window);
    let ends = |wanted| {
        let difference = bytes ^ (EACH_OF_EIGHT * u64::from(wanted));
        difference.wrapping_sub(EACH_OF_EIGHT) & !difference & (EACH_OF_EIGHT << 7)
    };
    // The first that is found is right, though there may be others behind it that are not.
    let end = ends(b'=') | ends(b'&');
    // All ones below it, and so none from that byte on.
    let name = if end == 0 { bytes } else { bytes & (end & end.wrapping_neg()).wrapping_sub(1) >> 7 };
    name.swap_bytes()
}

/// The index that a key ends with.
fn index(key: u64) -> usize {
    usize::from(key.to_le_bytes()[0]) % FEW
}

fn name_and_value(text: &[u8]) -> (&[u8], &[u8]) {
    let pair = text.split(|&byte| byte == b'&').next().unwrap_or_default();
    let name_length = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
    let (name, value) = pair.split_at(name_length);
    (name, value.get(1..).unwrap_or_default())
}

/// Looks for a byte in many at once: the highest bit is set in those that are this one, and no other.
fn places(bytes: u128, wanted: u8) -> u128 {
    let difference = bytes ^ (EACH * u128::from(wanted));
    let low = EACH * 0x7F;
    !(((difference & low) + low) | difference) & (EACH << 7)
}

/// The beginning that all `oauth_` names have, as it is in a key above its index and its seventh byte.
pub(crate) const PROTOCOL_START: u64 = u64::from_be_bytes(*b"\0\0oauth_");
/// Pairs for which there is room.
pub(crate) const FEW: usize = 16;
/// Bytes among which ampersands are looked for at once.
const SCAN: usize = 16;
/// One in each byte.
const EACH: u128 = u128::from_le_bytes([1; SCAN]);
const EACH_OF_EIGHT: u64 = u64::from_le_bytes([1; WINDOW]);
/// Where two escapes after each other have their percent signs, and what is there then.
const TWO_SIGNS: u64 = u64::from_le_bytes([0xFF, 0, 0, 0xFF, 0, 0, 0, 0]);
const TWO_SIGNS_THERE: u64 = u64::from_le_bytes(*b"%\0\0%\0\0\0\0");
/// Where the digits of an escape are when it is encoded, and what is around them.
const DIGITS: u64 = u64::from_le_bytes([0, 0, 0, 0xFF, 0xFF, 0, 0, 0]);
const ONE_ENCODED: u64 = u64::from_le_bytes(*b"%25\0\0\0\0\0");
/// The same of the first of two, up to the digits of the second.
const TWO_ENCODED: u64 = u64::from_le_bytes(*b"%25\0\0%25");

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
        vec::Vec,
    };

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{
        base_string::BaseString,
        signature::{Signature, SigningKey},
        url::Target,
    };

    const PROTOCOL: [&str; 5] = [
        "oauth_consumer_key%3Dk%26oauth_nonce%3D",
        "n",
        "%26oauth_timestamp%3D",
        "1",
        "%26oauth_version%3D1.0",
    ];

    fn direct(query: &str, form: &str) -> Option<Signature> {
        direct_at("http://h/", query, form)
    }

    fn direct_at(url: &str, query: &str, form: &str) -> Option<Signature> {
        let key = SigningKey::from_bytes(b"&");
        let state = absorb("GET", &format!("{url}?{query}"), form.as_bytes(), PROTOCOL, key.state());
        state.map(Signature::finish)
    }

    fn general(query: &str, form: &str) -> Signature {
        general_at("http://h/", query, form)
    }

    fn general_at(url: &str, query: &str, form: &str) -> Signature {
        let mut base = BaseString::new("GET", &Target::to_send(url).unwrap(), 0);
        base.push_form(query.as_bytes()).unwrap();
        base.push_form(form.as_bytes()).unwrap();
        base.push_together(PROTOCOL);
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

    #[test]
    fn reads_urls_that_need_no_thought() {
        for url in [
            "https://h/",
            "http://api.twitter.com/1.1/search/tweets.json",
            "https://h//A/~b_c-d.e/%C3%A9%20/",
            "http://127.0.0.1/a-path-of-more-bytes-than-two-blocks-of-the-hash-have-so-that-it-has-to-be-absorbed/\
             before-the-end-of-it-is-read/and-some-more-of-it",
        ] {
            assert_eq!(direct_at(url, "a=b", ""), Some(general_at(url, "a=b", "")), "{url}");
        }
        let key = SigningKey::from_bytes(b"&");
        let without_query = absorb("GET", "http://h/", b"", PROTOCOL, key.state()).map(Signature::finish);
        assert_eq!(without_query, Some(general("", "")));
    }

    #[test]
    fn leaves_other_urls_to_those_who_know_them() {
        for url in [
            "",
            "h/",
            "https:///",
            "https://h",
            "https://h?a=/",
            "HTTP://h/",
            "http://H/",
            "http://h:80/",
            "http://u@h/",
            "http://[::1]/",
            "http://h%41/",
            "http://h/%2f",
            "http://h/%41",
            "http://h/%",
            "http://h/a+b",
            "http://h/a b",
            "http://h/ä",
            "http://h/#",
            "http://h\\/",
        ] {
            assert_eq!(direct_at(url, "a=b", ""), None, "{url}");
        }
        for method in ["", "get", "PO ST", "M-SEARCH"] {
            let key = SigningKey::from_bytes(b"&");
            assert!(absorb(method, "http://h/", b"", PROTOCOL, key.state()).is_none(), "{method}");
        }
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
        fn never_disagrees(
            query in "(([a-c]{1,9}|%[0-9A-C]{2}|%C3%A9|[=&]){0,40}|([a-c=&+\0]|%|%[0-9A-Ca-c]{2}|%C3%A9|oauth_){0,60})",
            form in "([a-c=&]|%20|%E5%86%99|same=1&same=0&){0,9}",
        ) {
            if let Some(signature) = direct(&query, &form) {
                prop_assert_eq!(signature, general(&query, &form));
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
