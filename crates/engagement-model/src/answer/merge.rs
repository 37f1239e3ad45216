//! Raw answers of a split request, put together.

use core::fmt::{self, Write};
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{DecodeError, Limits, time::read_time};
use crate::{
    grouping::Grouping,
    json::{Fault, Leaf, Scanner},
    refusal::{UNAVAILABLE, metrics_listed_under, read_ids},
    tweet_id::TweetId,
};

/// The answer that the API would have given, had it taken the whole request.
///
/// Values at the same place are added up, lists of ids and errors joined without repetitions, and the window is that of
/// all parts together (contract 7.2). Written as the API writes: one JSON object, counts as text; keys and ids are
/// sorted, so that the order in which answers arrive makes no difference.
///
/// A sum exists only if every part does: where one part has something that is no count, so has the whole. A place that
/// only one part has is taken over as it is.
///
/// ```
/// use engagement_model::answer::{Limits, Merged};
///
/// let mut merged = Merged::new(&["g=engagement.type".parse()?]);
/// merged.add(br#"{"g":{"favorites":"3"}}"#, &Limits::default())?;
/// merged.add(br#"{"unavailable_tweet_ids":["17"],"g":{"favorites":"4"}}"#, &Limits::default())?;
/// assert_eq!(merged.to_string(), r#"{"g":{"favorites":"7"},"unavailable_tweet_ids":["17"]}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Merged {
    /// Groupings of the request, by name: with nothing under them before the first answer that has them.
    groups: BTreeMap<Box<str>, Option<Node>>,
    start: Option<(Timestamp, Box<str>)>,
    end: Option<(Timestamp, Box<str>)>,
    lists: BTreeMap<Box<str>, BTreeSet<TweetId>>,
    /// JSON texts.
    errors: Vec<Box<str>>,
    /// Root keys that nobody knows, with the JSON text of the first answer that has them.
    others: BTreeMap<Box<str>, Box<str>>,
}

impl Merged {
    /// Nothing yet, of these groupings.
    pub fn new(groupings: &[Grouping]) -> Self {
        Self {
            groups: groupings.iter().map(|grouping| (grouping.name().into(), None)).collect(),
            start: None,
            end: None,
            lists: BTreeMap::new(),
            errors: Vec::new(),
            others: BTreeMap::new(),
        }
    }

    /// Adds the body of one answer: all of it, or nothing if it is no sound answer.
    pub fn add(&mut self, body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
        let sound = Scanner::new(body, limits).and_then(|scan| {
            // Repeated keys, limits and the grammar are checked before anything is touched.
            let mut ahead = scan.clone();
            ahead.skip_value()?;
            ahead.finish()?;
            Ok(scan)
        });
        sound
            .and_then(|mut scan| self.add_root(&mut scan))
            .map_err(|fault| DecodeError::new(fault, body, limits))
    }

    fn add_root(&mut self, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        if !scan.enter_object()? {
            return Ok(());
        }
        let mut width = 0;
        loop {
            let key = scan.key()?.name();
            if let Some(group) = self.groups.get_mut(&*key) {
                let node = group.get_or_insert_with(|| Node::Level(BTreeMap::new()));
                node.add(scan)?;
            } else if key == UNAVAILABLE || metrics_listed_under(&key).next().is_some() {
                let mut ids = Vec::new();
                read_ids(scan, &mut ids, |_| ())?;
                self.lists.entry((*key).into()).or_default().extend(ids);
            } else if key == "errors" {
                self.add_errors(scan)?;
            } else {
                scan.peek()?;
                let start = scan.offset();
                let time = read_time(scan)?;
                let text = scan.since(start);
                match (&*key, time) {
                    ("start", Some(time)) => keep(&mut self.start, time, text, |new, old| new < old),
                    ("end", Some(time)) => keep(&mut self.end, time, text, |new, old| new > old),
                    (key, _) => {
                        self.others.entry(key.into()).or_insert_with(|| text.into());
                    }
                }
            }
            if !scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    fn add_errors(&mut self, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        let is_list = scan.peek()? == b'[';
        if is_list && !scan.enter_list()? {
            return Ok(());
        }
        let mut width = 0;
        loop {
            scan.peek()?;
            let start = scan.offset();
            scan.skip_value()?;
            let text = scan.since(start);
            if !self.errors.iter().any(|known| **known == *text) {
                self.errors.push(text.into());
            }
            if !is_list || !scan.more_items(&mut width)? {
                return Ok(());
            }
        }
    }
}

impl fmt::Display for Merged {
    /// Writes the answer as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
        parts.extend(self.others.iter().map(|(key, text)| (&**key, Part::Text(text))));
        parts.extend(self.lists.iter().map(|(key, ids)| (&**key, Part::Ids(ids))));
        parts
            .extend(self.groups.iter().filter_map(|(key, node)| Some((&**key, Part::Group(node.as_ref()?)))));
        parts.extend(self.start.iter().map(|(_, text)| ("start", Part::Text(text))));
        parts.extend(self.end.iter().map(|(_, text)| ("end", Part::Text(text))));
        if !self.errors.is_empty() {
            parts.insert("errors", Part::Errors(&self.errors));
        }
        write_members(f, &parts, |f, part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Group(node) => node.write(f),
            Part::Ids(ids) => write_list(f, ids.iter(), |f, id| write!(f, "\"{id}\"")),
            Part::Errors(errors) => write_list(f, errors.iter(), |f, text| f.write_str(text)),
        })
    }
}

enum Part<'a> {
    Text(&'a str),
    Ids(&'a BTreeSet<TweetId>),
    Errors(&'a [Box<str>]),
    Group(&'a Node),
}

/// What stands at one place of a grouping.
#[derive(Clone, Debug)]
enum Node {
    Level(BTreeMap<Box<str>, Self>),
    /// Wide enough for the sum of more answers than there can be.
    Count(u128),
    /// Something else, as JSON.
    Other(Box<str>),
}

impl Node {
    /// Adds the value that comes next.
    fn add(&mut self, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        if scan.peek()? != b'{' {
            return self.add_leaf(scan);
        }
        let Self::Level(level) = self else {
            // A value in one part and a level in another: neither is right for sure.
            scan.skip_value()?;
            *self = Self::Other("null".into());
            return Ok(());
        };
        if !scan.enter_object()? {
            return Ok(());
        }
        let mut width = 0;
        loop {
            let key = scan.key()?.name();
            if let Some(node) = level.get_mut(&*key) {
                node.add(scan)?;
            } else {
                level.insert((*key).into(), Self::read(scan)?);
            }
            if !scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    fn add_leaf(&mut self, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        let new = Self::read(scan)?;
        match (&mut *self, new) {
            (Self::Count(sum), Self::Count(count)) => *sum = sum.saturating_add(count),
            (Self::Level(level), other) if level.is_empty() => *self = other,
            _ => *self = Self::Other("null".into()),
        }
        Ok(())
    }

    fn read(scan: &mut Scanner<'_>) -> Result<Self, Fault> {
        if scan.peek()? == b'{' {
            let mut level = Self::Level(BTreeMap::new());
            level.add(scan)?;
            return Ok(level);
        }
        let start = scan.offset();
        Ok(match scan.leaf()? {
            Leaf::Count(count) => Self::Count(u128::from(count)),
            Leaf::Missing | Leaf::Bad(_) => Self::Other(scan.since(start).into()),
        })
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "\"{count}\""),
            Self::Other(text) => f.write_str(text),
            Self::Level(level) => write_members(f, level, |f, node| node.write(f)),
        }
    }
}

fn keep(
    slot: &mut Option<(Timestamp, Box<str>)>,
    time: Timestamp,
    text: &str,
    wins: impl Fn(Timestamp, Timestamp) -> bool,
) {
    if slot.as_ref().is_none_or(|(old, _)| wins(time, *old)) {
        *slot = Some((time, text.into()));
    }
}

fn write_members<K: AsRef<str>, V>(
    f: &mut fmt::Formatter<'_>,
    members: &BTreeMap<K, V>,
    mut write: impl FnMut(&mut fmt::Formatter<'_>, &V) -> fmt::Result,
) -> fmt::Result {
    f.write_char('{')?;
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        write_text(f, key.as_ref())?;
        f.write_char(':')?;
        write(f, value)?;
    }
    f.write_char('}')
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    f.write_char('[')?;
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        write(f, item)?;
    }
    f.write_char(']')
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' | '\\' => write!(f, "\\{letter}")?,
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(letter))?,
            _ => f.write_char(letter)?,
        }
    }
    f.write_char('"')
}
