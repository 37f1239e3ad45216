//! The secrets that a transport knows, and what servers say without them.
//!
//! A server, or a proxy before it, that repeats a request in its error text gives its credentials away to whoever reads
//! the text: a log, a terminal, a store. So no answer goes up before what is secret in it is hidden.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use http::header::HeaderValue;
use oauth_core::percent;
use zeroize::Zeroizing;

/// Texts that must not show, in every form in which a server may write them: as they are, with percent or JSON escapes,
/// in base64 with whatever stands beside them; whole, or cut at either end.
///
/// A secret needs [`LEAST`] characters: fewer are words that mean something else, too.
#[derive(Default)]
pub(crate) struct Secrets {
    known: RwLock<Known>,
    /// Read for every attempt, so beside the lock.
    times_forgotten: AtomicU64,
}

impl Secrets {
    /// Hides this one, too, from now on.
    pub(crate) fn keep(&self, secret: &str) {
        self.add(secret, Hold::Kept);
    }

    /// Hides this one, too, until so many others are learnt that those used least are forgotten.
    pub(crate) fn learn(&self, secret: &str) {
        self.add(secret, Hold::Learnt);
    }

    /// How often some were forgotten.
    pub(crate) fn times_forgotten(&self) -> u64 {
        self.times_forgotten.load(Ordering::Acquire)
    }

    fn add(&self, secret: &str, hold: Hold) {
        let secret = without_id(secret);
        let plain = Zeroizing::new(unescaped(secret.as_bytes()).into_owned());
        if plain.len() < LEAST || self.read().uses(&plain, hold) {
            return;
        }
        let mut forms = vec![plain];
        for form in in_base64(secret) {
            if form.len() >= LEAST && !forms.contains(&form) {
                forms.push(form);
            }
        }
        let mut known = self.write();
        if known.uses(&forms[0], hold) {
            return;
        }
        if known.forget_some() {
            self.times_forgotten.fetch_add(1, Ordering::Release);
        }
        let used = AtomicU64::new(known.learnt);
        known.learnt += 1;
        known.add(Entry { forms, hold, used });
    }

    /// The text without secrets, if there are any in it.
    pub(crate) fn conceal(&self, text: &[u8]) -> Option<Vec<u8>> {
        let spans = self.read().find_below(text, MOST_LAYERS);
        if spans.is_empty() { None } else { Some(without(text, &spans)) }
    }

    /// Hides secrets in the values. Returns whether there were any.
    pub(crate) fn conceal_headers(&self, headers: &mut HeaderMap) -> bool {
        let mut found = false;
        for value in headers.values_mut() {
            if let Some(rest) = self.conceal(value.as_bytes()) {
                found = true;
                *value = HeaderValue::from_bytes(&rest).unwrap_or_else(|_| HeaderValue::from_static(HIDDEN));
            }
        }
        found
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        // A form is there as a whole or not at all, whoever panics.
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Known {
    entries: Vec<Entry>,
    /// How many were learnt so far: the time by which their age is told.
    learnt: u64,
    /// By the hash of a form's first or last letters, which are not written down once more.
    marks: HashMap<u64, Vec<Mark>>,
    hasher: RandomState,
    /// The bits that the letters of a mark have in common with few others: all that most of an answer is looked up in.
    sieve: Sieve,
}

/// One secret.
struct Entry {
    /// Each with its escapes undone. The first is the secret as it is.
    forms: Vec<Zeroizing<Vec<u8>>>,
    hold: Hold,
    /// What the count of those learnt was when this one was used last.
    used: AtomicU64,
}

/// How long a secret is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Kept,
    Learnt,
}

/// Letters that may be the beginning or the end of a form.
#[derive(Clone, Copy)]
struct Mark {
    entry: usize,
    form: usize,
    end: End,
    /// How many letters must agree.
    least: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

impl Known {
    /// Whether the secret is known and will be for as long, which makes it young again.
    fn uses(&self, plain: &[u8], hold: Hold) -> bool {
        let first = plain.first_chunk::<LEAST>().map(|first| self.hasher.hash_one(first));
        let mut marks = first.and_then(|first| self.marks.get(&first)).into_iter().flatten();
        let is_held = |entry: &Entry| hold == Hold::Learnt || entry.hold == Hold::Kept;
        let is_it = |mark: &&Mark| mark.form == 0 && self.form(**mark) == plain;
        let Some(mark) = marks.find(|mark| is_it(mark) && is_held(&self.entries[mark.entry])) else {
            return false;
        };
        let entry = &self.entries[mark.entry];
        // Written only if it says something new: the secret is shared by all tasks.
        if entry.used.load(Ordering::Relaxed) != self.learnt {
            entry.used.store(self.learnt, Ordering::Relaxed);
        }
        true
    }

    fn form(&self, mark: Mark) -> &[u8] {
        &self.entries[mark.entry].forms[mark.form]
    }

    fn add(&mut self, entry: Entry) {
        for (number, form) in entry.forms.iter().enumerate() {
            for end in [End::First, End::Last] {
                let letters = match end {
                    End::First => form.first_chunk(),
                    End::Last => form.last_chunk(),
                };
                let Some(letters): Option<&[u8; LEAST]> = letters else { continue };
                // Digits alone may be a part of a Tweet's or a user's id.
                let least = if letters.iter().all(u8::is_ascii_digit) { form.len() } else { LEAST };
                self.sieve.add(letters);
                let mark = Mark { entry: self.entries.len(), form: number, end, least };
                self.marks.entry(self.hasher.hash_one(letters)).or_default().push(mark);
            }
        }
        self.entries.push(entry);
    }

    /// If as many are learnt as may be, forgets the half of them that was not used for longest. Returns whether it did.
    fn forget_some(&mut self) -> bool {
        let learnt = self.entries.iter().enumerate().filter(|(_, entry)| entry.hold == Hold::Learnt);
        let mut by_age: Vec<_> =
            learnt.map(|(number, entry)| (entry.used.load(Ordering::Relaxed), number)).collect();
        if by_age.len() < MOST_LEARNT {
            return false;
        }
        by_age.sort_unstable();
        by_age.truncate(by_age.len() - MOST_LEARNT / 2);
        let forgotten: HashSet<usize> = by_age.into_iter().map(|(_, number)| number).collect();
        let entries = std::mem::take(&mut self.entries);
        self.marks.clear();
        self.sieve = Sieve::default();
        for (_, entry) in entries.into_iter().enumerate().filter(|(number, _)| !forgotten.contains(number)) {
            self.add(entry);
        }
        true
    }

    /// Where forms are in the text once so many layers of escapes are off it, if it has as many.
    fn find_below(&self, text: &[u8], layers: usize) -> Vec<Range<usize>> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        match one_layer_less(text).filter(|_| layers > 0) {
            Some(plain) => with_layer(text, self.find_below(&plain, layers - 1)),
            None => self.find(text),
        }
    }

    /// Where forms are in the text, sorted and apart.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for (at, letters) in text.array_windows().enumerate() {
            if !self.sieve.may_have(letters) {
                continue;
            }
            for mark in self.marks.get(&self.hasher.hash_one(letters)).into_iter().flatten() {
                let form = self.form(*mark);
                let (before, after) = text.split_at_checked(at + LEAST).unwrap_or((text, &[]));
                let span = match mark.end {
                    End::First => {
                        let rest = text.get(at..).unwrap_or_default();
                        at..at + agreeing(form.iter().zip(rest))
                    }
                    End::Last => {
                        let length = agreeing(form.iter().rev().zip(before.iter().rev()));
                        text.len() - after.len() - length..text.len() - after.len()
                    }
                };
                if span.len() >= mark.least {
                    spans.push(span);
                }
            }
        }
        spans.sort_by_key(|span| span.start);
        spans.dedup_by(|next, span| {
            let joins = next.start <= span.end;
            if joins {
                span.end = span.end.max(next.end);
            }
            joins
        });
        spans
    }
}

fn agreeing<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(one, other)| one == other).count()
}

/// A set of letters in a row, of which it forgets all but a few bits.
struct Sieve(Box<[u64; 1 << (SIEVE_BITS - 6)]>);

impl Sieve {
    fn add(&mut self, letters: &[u8; LEAST]) {
        let bit = Self::bit(letters);
        if let Some(word) = self.0.get_mut(bit >> 6) {
            *word |= 1 << (bit & 63);
        }
    }

    fn may_have(&self, letters: &[u8; LEAST]) -> bool {
        let bit = Self::bit(letters);
        self.0.get(bit >> 6).is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    fn bit(letters: &[u8; LEAST]) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all letters.
        (u64::from_le_bytes(*letters).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SIEVE_BITS)) as usize
    }
}

impl Default for Sieve {
    fn default() -> Self {
        Self(Box::new([0; 1 << (SIEVE_BITS - 6)]))
    }
}

/// What stands before the dash of an access token is the user's id, which is not secret.
fn without_id(secret: &str) -> &str {
    match secret.split_once('-') {
        Some((id, rest)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => secret,
    }
}

/// A secret in base64, with percent escapes under it and without, wherever in a text it stood.
fn in_base64(secret: &str) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    let encoded = percent::encode(secret).to_string();
    let texts = [Zeroizing::new(secret.to_owned()), Zeroizing::new(encoded)];
    texts.into_iter().flat_map(|text| (0..3).map(move |before| (text.clone(), before))).flat_map(
        |(text, before)| {
            let mut bytes = Zeroizing::new(vec![0; before]);
            bytes.extend_from_slice(text.as_bytes());
            // Letters at the ends hold bits of what stands beside it, too, which is not known.
            let own = (8 * before).div_ceil(6)..8 * bytes.len() / 6;
            [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|alphabet| {
                let letters = Zeroizing::new(alphabet.encode(&*bytes));
                let own = letters.as_bytes().get(own.clone()).unwrap_or_default();
                Zeroizing::new(unescaped(own).into_owned())
            })
        },
    )
}

/// The text with percent, form and JSON escapes undone, and those that then come to light, some times over.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Cow::Borrowed(text);
    for _ in 0..MOST_LAYERS {
        match one_layer_less(&plain) {
            Some(less) => plain = Cow::Owned(less),
            None => break,
        }
    }
    plain
}

/// `None` if nothing is escaped.
fn one_layer_less(text: &[u8]) -> Option<Vec<u8>> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+' | b'\\')) {
        return None;
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(unit) = Unit::first(rest) {
        plain.extend_from_slice(unit.plain());
        rest = rest.get(unit.length..).unwrap_or_default();
    }
    (plain != text).then_some(plain)
}

/// Where these spans of a text without a layer of escapes are in the text with it.
fn with_layer(text: &[u8], spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut units = Units { text, at: 0, plain_at: 0 };
    spans
        .into_iter()
        .map(|span| {
            // A unit that is a part of it belongs to it.
            let start = units.pass(|plain_end| plain_end <= span.start);
            let end = units.pass(|plain_end| plain_end < span.end);
            start..units.next_end().unwrap_or(end)
        })
        .collect()
}

/// The text without what lies in these spans.
fn without(text: &[u8], spans: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut at = 0;
    for span in spans {
        kept.extend_from_slice(text.get(at..span.start).unwrap_or_default());
        kept.extend_from_slice(HIDDEN.as_bytes());
        at = span.end;
    }
    kept.extend_from_slice(text.get(at..).unwrap_or_default());
    kept
}

/// The way through a text, unit by unit.
struct Units<'a> {
    text: &'a [u8],
    at: usize,
    plain_at: usize,
}

impl Units<'_> {
    /// Goes past the units whose ends, counted in the plain text, are such. Returns where the next one begins.
    fn pass(&mut self, is_such: impl Fn(usize) -> bool) -> usize {
        while let Some(unit) = Unit::first(self.text.get(self.at..).unwrap_or_default())
            && is_such(self.plain_at + unit.plain_length)
        {
            self.at += unit.length;
            self.plain_at += unit.plain_length;
        }
        self.at
    }

    /// Where the next unit ends.
    fn next_end(&self) -> Option<usize> {
        let unit = Unit::first(self.text.get(self.at..)?)?;
        Some(self.at + unit.length)
    }
}

/// A character, or an escape that stands for one.
struct Unit {
    /// Its bytes in the text.
    length: usize,
    plain: [u8; 4],
    plain_length: usize,
}

impl Unit {
    /// The first one of a text; none of an empty one.
    fn first(text: &[u8]) -> Option<Self> {
        Some(match text {
            [] => return None,
            [b'%', high, low, ..] => match hex(&[*high, *low]) {
                Some(byte) => Self::byte(3, byte),
                None => Self::byte(1, b'%'),
            },
            [b'\\', b'u', a, b, c, d, ..] => match (hex(&[*a, *b]), hex(&[*c, *d])) {
                (Some(0), Some(byte)) if byte.is_ascii() => Self::byte(6, byte),
                (Some(high), Some(low)) => {
                    let code = u32::from(high) << 8 | u32::from(low);
                    Self::character(6, char::from_u32(code).unwrap_or('\u{fffd}'))
                }
                _ => Self::byte(2, b'u'),
            },
            [b'\\', byte, ..] => Self::byte(2, *byte),
            [byte, ..] => Self::byte(1, *byte),
        })
    }

    fn byte(length: usize, byte: u8) -> Self {
        // In a form a plus sign is a blank: where one of them is meant, the other is taken for it.
        let byte = if byte == b'+' { b' ' } else { byte };
        Self { length, plain: [byte, 0, 0, 0], plain_length: 1 }
    }

    fn character(length: usize, character: char) -> Self {
        let mut plain = [0; 4];
        let plain_length = character.encode_utf8(&mut plain).len();
        Self { length, plain, plain_length }
    }

    fn plain(&self) -> &[u8] {
        self.plain.get(..self.plain_length).unwrap_or_default()
    }
}

fn hex(digits: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let [high, low] = digits;
    Some(digit(*high)? << 4 | digit(*low)?)
}

/// Letters in a row that betray a secret. Fewer are in words, too.
const LEAST: usize = 8;
/// Of those that only calls bring along: more than a program has in use at a time, and a few megabytes at most.
const MOST_LEARNT: usize = 1024;
/// 2 KiB, which stay in the nearest cache.
const SIEVE_BITS: u32 = 14;
/// Escapes of escapes that are undone: each costs another look at the text, and whoever writes it decides on them.
const MOST_LAYERS: usize = 4;
/// What stands where a secret was.
const HIDDEN: &str = "[hidden]";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "Zk3/qW+8=rT%5vXy~é0b";

    fn hide(secret: &str, text: &str) -> String {
        let secrets = Secrets::default();
        secrets.learn(secret);
        match secrets.conceal(text.as_bytes()) {
            Some(rest) => String::from_utf8(rest).unwrap(),
            None => text.to_owned(),
        }
    }

    #[test]
    fn every_form_is_hidden() {
        let percent = |text: &str| percent::encode(text).to_string();
        let json = SECRET.replace('/', "\\/").replace('=', "\\u003d").replace('é', "\\u00e9");
        for form in [
            SECRET.to_owned(),
            percent(SECRET),
            percent(SECRET)
                .to_ascii_lowercase()
                .replace("zk3", "Zk3")
                .replace("qw", "qW")
                .replace("rt", "rT")
                .replace("vxy", "vXy"),
            percent(&percent(SECRET)),
            percent(&percent(&percent(SECRET))),
            json.clone(),
            json.replace('\\', "\\\\"),
            percent(SECRET).replace('%', "\\u0025"),
            percent(&json),
        ] {
            assert_eq!(hide(SECRET, &format!("token=\"{form}\", x")), "token=\"[hidden]\", x", "{form}");
        }
        for beside in ["", "k", "ke", "key:"] {
            for text in [SECRET, &percent(SECRET)] {
                for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let whole = alphabet.encode(format!("{beside}{text}{beside}"));
                    let rest = hide(SECRET, &whole);
                    let (before, after) = rest.split_once("[hidden]").unwrap();
                    assert!(before.len() <= beside.len() * 4 / 3 + 1, "{rest}");
                    assert!(after.len() <= beside.len() * 4 / 3 + 2, "{rest}");
                }
            }
        }
    }

    #[test]
    fn cuts_at_either_end_are_hidden() {
        assert_eq!(hide("abcdefghijklmnop", "abcdefgh…"), "[hidden]…");
        assert_eq!(hide("abcdefghijklmnop", "…hijklmnop"), "…[hidden]");
        assert_eq!(hide("abcdefghijklmnop", "abcdefghijX ijklmnop"), "[hidden]X [hidden]");
        assert_eq!(hide("abcdefghijklmnop", "abcdefg hijklmn"), "abcdefg hijklmn");
        assert_eq!(hide("abcdefghijklmnop", "abcdefghijklmnopabcdefghijklmnop"), "[hidden]");
    }

    #[test]
    fn ids_are_not_taken_for_secrets() {
        let token = "1234567890-abcdefghijkl";
        assert_eq!(hide(token, r#"{"id":"1234567890"}"#), r#"{"id":"1234567890"}"#);
        assert_eq!(hide(token, token), "1234567890-[hidden]");
        assert_eq!(hide("12345678901234567890x", "1234567890123"), "1234567890123");
        assert_eq!(hide("12345678901234567890x", "12345678901234567890x"), "[hidden]");
    }

    #[test]
    fn short_secrets_are_left_to_the_words_that_they_are() {
        assert_eq!(hide("secret", "secret"), "secret");
        assert_eq!(hide("", "text"), "text");
    }

    #[test]
    fn escapes_that_are_none_stay_as_they_are() {
        for text in ["100 % + \\ %zz \\u12 \\", "%25%25", "\\\\\\", "a+b"] {
            let rest = hide("abcdefghij", &format!("{text} abcdefghij {text}"));
            assert_eq!(rest, format!("{text} [hidden] {text}"));
        }
    }

    #[test]
    fn what_is_escaped_without_end_is_looked_at_some_times() {
        let mut text = "\\u005c".to_owned() + &"u005c".repeat(200_000);
        text.push_str(" abcdefghij");
        assert!(hide("abcdefghij", &text).ends_with(" [hidden]"));
    }

    #[test]
    fn many_are_learnt_once_each() {
        let secrets = Secrets::default();
        for _ in 0..2 {
            for number in 0..500 {
                secrets.learn(&format!("first-{number}-abcdefgh"));
            }
        }
        let count: usize = secrets.read().entries.iter().map(|entry| entry.forms.len()).sum();
        assert!(count <= 500 * 13, "{count}");
        let rest = secrets.conceal(b"first-123-abcdefgh, second-123-ABCDEFGH").unwrap();
        assert_eq!(rest, b"[hidden], second-123-ABCDEFGH");
    }

    #[test]
    fn those_not_in_use_are_forgotten() {
        let secrets = Secrets::default();
        secrets.learn("said-at-last-to-be-kept");
        secrets.keep("kept-from-the-start");
        for number in 0..3 * MOST_LEARNT {
            secrets.learn("used-again-and-again");
            secrets.keep("said-at-last-to-be-kept");
            secrets.learn(&format!("secret-of-call-{number:04}"));
            assert!(secrets.read().entries.len() <= MOST_LEARNT + 2);
        }
        assert!(secrets.times_forgotten() > 0);
        let last = format!("secret-of-call-{:04}", 3 * MOST_LEARNT - 1);
        for known in ["said-at-last-to-be-kept", "kept-from-the-start", "used-again-and-again", &last] {
            assert_eq!(secrets.conceal(known.as_bytes()).as_deref(), Some(HIDDEN.as_bytes()), "{known}");
        }
        let first = b"secret-of-call-0000";
        assert!(!secrets.read().entries.iter().any(|entry| *entry.forms[0] == first));
    }

    #[test]
    fn headers_are_looked_at_too() {
        let secrets = Secrets::default();
        secrets.learn("abcdefghij");
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1 abcdefghij"));
        headers.append("x-a", HeaderValue::from_static("fine"));
        assert!(secrets.conceal_headers(&mut headers));
        assert_eq!(headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1 [hidden]", "fine"]);
        assert!(!secrets.conceal_headers(&mut headers));
    }

    proptest! {
        #[test]
        fn nothing_of_eight_letters_is_left(
            secret in "[A-Za-z0-9+/%=~\\\\\" é-]{8,40}",
            before in "[a-z0-9%\\\\+]{0,6}",
            after in "[a-z0-9%\\\\+]{0,6}",
        ) {
            let secrets = Secrets::default();
            secrets.learn(&secret);
            let told = unescaped(without_id(&secret).as_bytes()).into_owned();
            let rest = secrets.conceal(format!("{before}{secret}{after}").as_bytes()).unwrap_or_default();
            let rest = unescaped(&rest).into_owned();
            for cut in told.windows(LEAST) {
                prop_assert!(!rest.windows(LEAST).any(|window| window == cut), "{:?}", rest);
            }
        }

        #[test]
        fn other_texts_come_out_as_they_are(text in "[0-9%\\\\+u\":{}]{0,200}") {
            let secrets = Secrets::default();
            secrets.learn(SECRET);
            prop_assert_eq!(secrets.conceal(text.as_bytes()), None);
        }
    }
}
