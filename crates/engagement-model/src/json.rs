//! JSON pulled piece by piece, with no tree in between: what every reader of bodies shares.
//!
//! Written by hand because a general parser hides what is needed here: the offset of each key, whether a key comes
//! twice, and limits on depth, width and length while reading rather than afterwards.

use std::{borrow::Cow, collections::BTreeSet};

use crate::answer::Limits;

/// A reader that stands somewhere in a body.
///
/// The caller asks for what it expects next. Every method leaves the reader behind what it read.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    /// UTF-8.
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    limits: Limits,
}

impl<'a> Scanner<'a> {
    /// A reader at the start of a body: UTF-8, with or without its mark.
    pub(crate) fn new(body: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        // Offsets are kept in 32 bits by callers that stamp objects.
        let most = limits.body_bytes.min(u32::MAX as usize);
        if body.len() > most {
            return Err(Fault::new(0, Problem::LargeBody));
        }
        // Nearly all answers are ASCII, which is told much faster.
        if !body.is_ascii() {
            core::str::from_utf8(body).map_err(|error| Fault::new(error.valid_up_to(), Problem::NotUtf8))?;
        }
        let at = if body.starts_with(MARK) { MARK.len() } else { 0 };
        Ok(Self { bytes: body, at, depth: 0, limits: *limits })
    }

    /// How far it has read, in bytes.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The text from an offset on, as far as it has read.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        text(self.bytes.get(start..self.at).unwrap_or_default())
    }

    /// The first byte of what comes next, blanks aside.
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        self.skip_blanks();
        self.byte().ok_or_else(|| self.ended())
    }

    /// Whether nothing but blanks is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.byte().is_none()
    }

    /// Makes sure that nothing but blanks is left.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        if self.is_at_end() { Ok(()) } else { Err(self.fault(Problem::MoreText)) }
    }

    /// Steps into an object. `false`: it is empty, and already left.
    pub(crate) fn enter_object(&mut self) -> Result<bool, Fault> {
        self.enter(b'{', b'}', Problem::NoObject)
    }

    /// Steps into a list. `false`: it is empty, and already left.
    pub(crate) fn enter_list(&mut self) -> Result<bool, Fault> {
        self.enter(b'[', b']', Problem::NoList)
    }

    /// Reads a key and its colon.
    pub(crate) fn key(&mut self) -> Result<Text<'a>, Fault> {
        self.skip_blanks();
        let key = self.string()?;
        if self.byte() != Some(b':') {
            self.skip_blanks();
            if self.byte() != Some(b':') {
                return Err(self.unexpected(Problem::NoColon));
            }
        }
        self.at += 1;
        Ok(key)
    }

    /// Reads this key and its colon, if they come next without a blank. The key must hold nothing to escape.
    #[inline]
    pub(crate) fn skip_key(&mut self, plain: &str) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let comes = rest
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_prefix(plain.as_bytes()))
            .is_some_and(|rest| rest.starts_with(b"\":"));
        if comes {
            self.at += plain.len() + 3;
        }
        comes
    }

    /// Reads a key that is a count, and its colon, if they come next without a blank.
    #[inline]
    pub(crate) fn count_key(&mut self) -> Option<u64> {
        let [b'"', key @ ..] = self.bytes.get(self.at..)? else { return None };
        let (count, length) = count_before_quote(key)?;
        if key.get(length + 1) != Some(&b':') {
            return None;
        }
        self.at += length + 3;
        Some(count)
    }

    /// The key that was read from this offset on, by [`Self::count_key`].
    pub(crate) fn text_of_key(&self, start: usize) -> Text<'a> {
        let raw = self.bytes.get(start + 1..self.at.saturating_sub(2)).unwrap_or_default();
        Text { raw, escaped: false, at: start }
    }

    /// After a member: whether another follows. `false`: the object is left. Counts them in `width`.
    pub(crate) fn more_members(&mut self, width: &mut usize) -> Result<bool, Fault> {
        self.more(b'}', Problem::NoEndOfObject, width)
    }

    /// After an item: whether another follows. `false`: the list is left. Counts them in `width`.
    pub(crate) fn more_items(&mut self, width: &mut usize) -> Result<bool, Fault> {
        self.more(b']', Problem::NoEndOfList, width)
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Fault> {
        let start = self.at;
        if self.byte() != Some(b'"') {
            return Err(self.unexpected(Problem::NoString));
        }
        let mut at = start + 1;
        let mut escaped = false;
        loop {
            at += plain_run(self.bytes.get(at..).unwrap_or_default());
            match self.bytes.get(at) {
                None => return Err(Fault::new(at, Problem::EndsEarly)),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape(at)?;
                }
                Some(_) => {
                    return Err(Fault::new(at, Problem::ControlCharacter));
                }
            }
        }
        if at - start > self.limits.string_bytes {
            return Err(self.fault(Problem::LongString));
        }
        self.at = at + 1;
        Ok(Text { raw: self.bytes.get(start + 1..at).unwrap_or_default(), escaped, at: start })
    }

    /// Reads `"22":"17"`, if that is what comes next, without a blank or an escape: an hour of the day and its count.
    /// Nearly all of a series is written so.
    #[inline]
    pub(crate) fn hour_and_count(&mut self) -> Option<(u8, u64)> {
        let [b'"', tens, ones, b'"', b':', b'"', value @ ..] = self.bytes.get(self.at..)? else {
            return None;
        };
        let hour = two_digits(*tens, *ones).filter(|hour| *hour < 24)?;
        let (count, length) = count_before_quote(value)?;
        self.at += 7 + length;
        Some((hour, count))
    }

    /// Reads a string that is nothing but a count, if that is what comes next without a blank.
    #[inline]
    pub(crate) fn quoted_count(&mut self) -> Option<u64> {
        let [b'"', value @ ..] = self.bytes.get(self.at..)? else { return None };
        let (count, length) = count_before_quote(value)?;
        self.at += length + 2;
        Some(count)
    }

    /// Reads any value that should be a count.
    pub(crate) fn leaf(&mut self) -> Result<Leaf<'a>, Fault> {
        // Nearly every value of an answer is a string of digits right behind its colon: one look at each byte.
        if let Some(count) = self.quoted_count() {
            return Ok(Leaf::Count(count));
        }
        match self.peek()? {
            b'"' => {
                let text = self.string()?;
                // An escaped digit is a digit.
                Ok(count(text.name().as_bytes()).map_or(Leaf::Bad(Found::Text(text.raw())), Leaf::Count))
            }
            b'{' | b'[' => {
                let found = if self.byte() == Some(b'{') { Found::Object } else { Found::List };
                self.skip_value()?;
                Ok(Leaf::Bad(found))
            }
            b'n' => {
                self.word("null")?;
                Ok(Leaf::Missing)
            }
            b't' | b'f' => {
                let start = self.at;
                self.skip_value()?;
                Ok(Leaf::Bad(Found::Bare(self.since(start))))
            }
            _ => {
                let number = self.number()?;
                Ok(count(number.as_bytes()).map_or(Leaf::Bad(Found::Bare(number)), Leaf::Count))
            }
        }
    }

    /// Reads a number, as it is written.
    pub(crate) fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.unexpected(Problem::NoValue)),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.at - start > self.limits.number_bytes {
            return Err(self.fault(Problem::LongNumber));
        }
        Ok(self.since(start))
    }

    /// Reads past any value. A key that an object has twice is a fault here as anywhere.
    pub(crate) fn skip_value(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            b'{' => {
                if !self.enter_object()? {
                    return Ok(());
                }
                let (mut seen, mut width) = (BTreeSet::new(), 0);
                loop {
                    let key = self.key()?;
                    if !seen.insert(key.name()) {
                        return Err(Fault::duplicate(&key));
                    }
                    self.skip_value()?;
                    if !self.more_members(&mut width)? {
                        return Ok(());
                    }
                }
            }
            b'[' => {
                if !self.enter_list()? {
                    return Ok(());
                }
                let mut width = 0;
                loop {
                    self.skip_value()?;
                    if !self.more_items(&mut width)? {
                        return Ok(());
                    }
                }
            }
            b'"' => self.string().map(|_| ()),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(|_| ()),
        }
    }

    /// Reads past one of JSON's three words.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), Fault> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(self.unexpected(Problem::NoValue));
        }
        self.at += word.len();
        Ok(())
    }

    fn enter(&mut self, open: u8, close: u8, otherwise: Problem) -> Result<bool, Fault> {
        if self.peek()? != open {
            return Err(self.fault(otherwise));
        }
        if self.depth >= self.limits.depth {
            return Err(self.fault(Problem::Deep));
        }
        self.at += 1;
        if self.byte() != Some(b'"') && self.peek()? == close {
            self.at += 1;
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    #[inline]
    fn more(&mut self, close: u8, otherwise: Problem, width: &mut usize) -> Result<bool, Fault> {
        *width += 1;
        let next = match self.byte() {
            Some(next @ (b',' | b'}' | b']')) => next,
            _ => self.peek()?,
        };
        if next == b',' {
            if *width >= self.limits.width {
                return Err(self.fault(Problem::Wide));
            }
            self.at += 1;
            Ok(true)
        } else if next == close {
            self.at += 1;
            // Entered before.
            self.depth = self.depth.saturating_sub(1);
            Ok(false)
        } else {
            Err(self.fault(otherwise))
        }
    }

    /// Checks the escape whose backslash is at `at`; where it ends.
    fn escape(&self, at: usize) -> Result<usize, Fault> {
        let bytes = self.bytes;
        match bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => match self.code_unit(at)? {
                0xd800..=0xdbff => {
                    let second = at + 6;
                    if bytes.get(second) == Some(&b'\\')
                        && bytes.get(second + 1) == Some(&b'u')
                        && matches!(self.code_unit(second)?, 0xdc00..=0xdfff)
                    {
                        Ok(second + 6)
                    } else {
                        Err(Fault::new(at, Problem::HalfSurrogate))
                    }
                }
                0xdc00..=0xdfff => Err(Fault::new(at, Problem::HalfSurrogate)),
                _ => Ok(at + 6),
            },
            Some(_) => Err(Fault::new(at, Problem::BadEscape)),
            None => Err(Fault::new(bytes.len(), Problem::EndsEarly)),
        }
    }

    /// The four hexadecimal digits of the `\u` at `at`.
    fn code_unit(&self, at: usize) -> Result<u32, Fault> {
        let digits = self.bytes.get(at + 2..at + 6);
        digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok())
            .ok_or(Fault::new(at, Problem::BadEscape))
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected(Problem::NoDigits)) } else { Ok(()) }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn ended(&self) -> Fault {
        Fault::new(self.at, Problem::EndsEarly)
    }

    /// What is wrong here.
    pub(crate) fn fault(&self, what: Problem) -> Fault {
        Fault::new(self.at, what)
    }

    fn unexpected(&self, what: Problem) -> Fault {
        if self.byte().is_none() { self.ended() } else { self.fault(what) }
    }
}

/// A string as it is written, quotation marks aside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
    at: usize,
}

impl<'a> Text<'a> {
    /// The string that it means.
    #[inline]
    pub(crate) fn name(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw())) } else { Cow::Borrowed(self.raw()) }
    }

    /// As it is written.
    fn raw(&self) -> &'a str {
        text(self.raw)
    }

    /// Offset of its opening quotation mark.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }
}

/// A value where a count should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaf<'a> {
    /// A count, as text or number.
    Count(u64),
    /// `null`.
    Missing,
    /// Anything else.
    Bad(Found<'a>),
}

/// What stood where a count should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// A string: its inside as written.
    Text(&'a str),
    /// A number, `true` or `false`.
    Bare(&'a str),
    Object,
    List,
}

impl core::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Bare(text) => f.write_str(text),
            Self::Object => f.write_str("an object"),
            Self::List => f.write_str("a list"),
        }
    }
}

/// What is wrong with a body, and where. Eight bytes, since every step may return one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    at: u32,
    pub(crate) what: Problem,
}

impl Fault {
    pub(crate) fn new(at: usize, what: Problem) -> Self {
        // A body that is read has fewer bytes than that.
        Self { at: u32::try_from(at).unwrap_or(u32::MAX), what }
    }

    pub(crate) fn duplicate(key: &Text<'_>) -> Self {
        Self::new(key.offset(), Problem::DuplicateKey)
    }

    /// The bytes before it.
    pub(crate) const fn offset(self) -> usize {
        self.at as usize
    }
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    NotUtf8,
    EndsEarly,
    MoreText,
    NoObject,
    NoList,
    NoString,
    NoColon,
    NoValue,
    NoDigits,
    NoEndOfObject,
    NoEndOfList,
    ControlCharacter,
    BadEscape,
    HalfSurrogate,
    /// The object has had this key already.
    DuplicateKey,
    LargeBody,
    Deep,
    Wide,
    LongString,
    LongNumber,
    ManyRows,
    ManyMetrics,
}

/// Where an offset lies, as a JSON pointer with its odd characters kept: `/by_tweet/1763000000000000001/impressions`.
///
/// Found by reading again up to there: errors are rare, and the fast path keeps no record of where it is.
pub(crate) fn path_to(body: &[u8], offset: usize) -> String {
    let before = String::from_utf8_lossy(body.get(..offset).unwrap_or(body));
    let mut steps: Vec<Step> = Vec::new();
    let mut letters = before.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '{' => steps.push(Step::Key(String::new(), true)),
            '[' => steps.push(Step::Index(0)),
            '}' | ']' => {
                steps.pop();
            }
            ',' => match steps.last_mut() {
                Some(Step::Key(_, expected)) => *expected = true,
                Some(Step::Index(index)) => *index += 1,
                None => {}
            },
            '"' => {
                let mut escaped = false;
                let end = letters.by_ref().find(|(_, letter)| {
                    let ends = *letter == '"' && !escaped;
                    escaped = *letter == '\\' && !escaped;
                    ends
                });
                if let (Some((end, _)), Some(Step::Key(key, expected @ true))) = (end, steps.last_mut()) {
                    *expected = false;
                    *key = before.get(at + 1..end).unwrap_or_default().chars().take(LONGEST_STEP).collect();
                }
            }
            _ => {}
        }
    }
    let mut path = String::new();
    for step in steps.iter().take(DEEPEST_PATH) {
        path.push('/');
        match step {
            // Between members: what is wrong is the object's own.
            Step::Key(_, true) => {
                path.pop();
            }
            Step::Key(key, false) => path.push_str(key),
            Step::Index(index) => path.push_str(&index.to_string()),
        }
    }
    if steps.len() > DEEPEST_PATH {
        path.push_str("/…");
    }
    path
}

enum Step {
    /// The key last read in an object, and whether the next string is a key.
    Key(String, bool),
    /// The index in a list.
    Index(usize),
}

/// A count as the API writes it: digits without sign, blank, point or leading zero, up to 2⁶⁴ − 1.
pub(crate) fn count(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// How many bytes come before the first that ends a string, escapes something, or may not stand in one.
#[inline]
fn plain_run(text: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH << 7;
    let mut run = 0;
    // Eight at a time: subtracting borrows into the high bit of a byte that is less. What borrows from the byte above
    // can mark that one wrongly, but never one below the first that is marked rightly.
    while let Some(bytes) = text.get(run..).and_then(|rest| rest.first_chunk()) {
        let eight = u64::from_le_bytes(*bytes);
        let is_zero = |bytes: u64| bytes.wrapping_sub(EACH) & !bytes;
        let control = eight.wrapping_sub(EACH * 0x20) & !eight;
        let stops = (is_zero(eight ^ (EACH * 0x22)) | is_zero(eight ^ (EACH * 0x5c)) | control) & HIGH;
        if stops != 0 {
            return run + stops.trailing_zeros() as usize / 8;
        }
        run += 8;
    }
    let rest = text.get(run..).unwrap_or_default();
    run + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)).unwrap_or(rest.len())
}

/// A count that a quotation mark ends, of as many digits as always fit, and how many those are.
#[inline]
fn count_before_quote(text: &[u8]) -> Option<(u64, usize)> {
    let short = text.first_chunk().and_then(|eight| short_count_before_quote(u64::from_le_bytes(*eight)));
    short.or_else(|| long_count_before_quote(text))
}

/// The same of up to seven digits among eight bytes, without a branch for each: how long counts are is not to be
/// foretold, and a wrong turn costs as much as all of this.
#[inline]
fn short_count_before_quote(eight: u64) -> Option<(u64, usize)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let digits = eight ^ (EACH * 0x30);
    // The high bit of what is above nine. Only what is no digit carries into the byte above.
    let others = (digits.wrapping_add(EACH * 0x76) | digits) & (EACH << 7);
    let bits = others.trailing_zeros() & !7;
    if !(8..=56).contains(&bits) || eight >> bits & 0xff != 0x22 || (bits > 8 && digits & 0xff == 0) {
        return None;
    }
    // Ones, then pairs, then fours: each step adds ten, a hundred, ten thousand times the lower to the upper.
    let ones = digits << (64 - bits);
    let pairs = ones.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    let count = fours.wrapping_mul(10_000 << 32 | 1) >> 32;
    Some((count, bits as usize / 8))
}

fn long_count_before_quote(text: &[u8]) -> Option<(u64, usize)> {
    let mut count = 0_u64;
    for (length, byte) in text.iter().take(SAFE_DIGITS + 1).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            count = count.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else {
            let is_plain = *byte == b'"' && length > 0 && (length == 1 || text.first() != Some(&b'0'));
            return is_plain.then_some((count, length));
        }
    }
    None
}

/// The number that two ASCII digits make.
#[inline]
pub(crate) fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// The text of bytes that were checked with their body, cut between characters.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// What a string means whose escapes have been checked.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    let mut high = 0_u32;
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match rest.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let unit = rest
                    .by_ref()
                    .take(4)
                    .fold(0_u32, |unit, digit| unit << 4 | digit.to_digit(16).unwrap_or(0));
                match unit {
                    0xd800..=0xdbff => high = unit - 0xd800,
                    0xdc00..=0xdfff => {
                        text.extend(char::from_u32(0x1_0000 + (high << 10) + (unit - 0xdc00)));
                    }
                    _ => text.extend(char::from_u32(unit)),
                }
            }
            Some(plain) => text.push(plain),
            None => {}
        }
    }
    text
}

/// The mark that some writers put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// As many digits as always fit 64 bits.
const SAFE_DIGITS: usize = 19;
/// Characters of one key in a path.
const LONGEST_STEP: usize = 80;
/// Keys in a path.
const DEEPEST_PATH: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanner(body: &str) -> Scanner<'_> {
        Scanner::new(body.as_bytes(), &Limits::default()).unwrap()
    }

    fn accepts(body: &str) -> bool {
        let mut scan = scanner(body);
        scan.skip_value().and_then(|()| scan.finish()).is_ok()
    }

    #[test]
    fn knows_what_a_count_is() {
        let read = |body: &str| match scanner(body).leaf().unwrap() {
            Leaf::Count(count) => Some(count),
            Leaf::Missing | Leaf::Bad(_) => None,
        };
        assert_eq!(read("\"9007199254740993\""), Some(9_007_199_254_740_993));
        assert_eq!(read("26"), Some(26));
        assert_eq!(read("\"\\u0031\\u0032\""), Some(12));
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        assert_eq!(read("\"18446744073709551615\""), Some(u64::MAX));
        for bad in [
            "\"18446744073709551616\"",
            "18446744073709551616",
            "\"-1\"",
            "-1",
            "-0",
            "\"12.5\"",
            "12.0",
            "1e3",
            "\"1,024\"",
            "\"\"",
            "\"007\"",
            "\"00\"",
            "\" 1\"",
            "\"1 \"",
            "\"+1\"",
            "true",
            "{}",
            "[1]",
            "\"٣\"",
            "null",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn holds_json_to_its_grammar() {
        for good in ["{}", " [1 , 2.5e-3, -0] ", "\"\\ud83d\\ude00\"", "{\"a\":{\"a\":[null,true,false]}}"] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1,]",
            "[1 2]",
            "01",
            "+1",
            ".5",
            "1.",
            "1e",
            "-",
            "nul",
            "truely",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "\"a",
            "\"a\\",
            "{} {}",
            "[]]",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"\\u0061\":2}",
            "[[{\"b\":{\"c\":1,\"c\":1}}]]",
            "'a'",
            "{a:1}",
            "NaN",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn a_plain_run_ends_where_it_must() {
        let slowly = |text: &[u8]| text.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'a'; length];
                    text[length - 1] = b'"';
                    text[at] = byte;
                    assert_eq!(plain_run(&text), slowly(&text).unwrap_or(length), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn finds_its_way_back() {
        let body = r#"{"a\"b":{"c":[1,{"d":"}{"},[],"x" "#;
        assert_eq!(path_to(body.as_bytes(), body.len()), r#"/a\"b/c/3"#);
        assert_eq!(path_to(body.as_bytes(), 1), "");
        assert_eq!(path_to(b"[0,1,{\"k\":5", 99), "/2/k");
    }

    proptest! {
        #[test]
        fn a_count_is_the_same_by_eight_bytes_and_by_one(
            text in proptest::collection::vec(
                prop_oneof![20 => b'0'..=b'9', 4 => Just(b'"'), 2 => b'+'..=b'>', 1 => any::<u8>()],
                8..12,
            )
        ) {
            let long = long_count_before_quote(&text);
            let short = short_count_before_quote(u64::from_le_bytes(*text.first_chunk().unwrap()));
            prop_assert_eq!(short, long.filter(|(_, length)| *length < 8));
            prop_assert_eq!(count_before_quote(&text), long);
        }

        #[test]
        fn agrees_with_serde_json_on_strings(text in any::<String>()) {
            let body = serde_json::to_string(&text).unwrap();
            let mut scan = scanner(&body);
            prop_assert_eq!(scan.string().unwrap().name(), text);
            prop_assert!(scan.is_at_end());
        }

        #[test]
        fn agrees_with_serde_json_on_what_is_json(body in r#"[\[\]{}:,"0-9a.eE\\u \-+nultrfs]{0,24}"#) {
            // serde_json takes a repeated key and numbers of any length; nothing of this length reaches our limits.
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
            let ours = accepts(&body);
            if ours != theirs {
                let mut scan = scanner(&body);
                let fault = scan.skip_value().unwrap_err();
                prop_assert!(matches!(fault.what, Problem::DuplicateKey), "{body:?} {fault:?}");
            }
        }

        #[test]
        fn any_count_reads_back(number in any::<u64>()) {
            prop_assert_eq!(count(number.to_string().as_bytes()), Some(number));
            let body = format!("\"{number}\"");
            let read = scanner(&body).leaf().unwrap();
            prop_assert!(matches!(read, Leaf::Count(read) if read == number));
        }
    }
}
