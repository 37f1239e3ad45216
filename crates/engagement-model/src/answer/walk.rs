//! Through the levels of one grouping, down to its values.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    grouping::{Dimension, Grouping},
    json::{Fault, Leaf, Problem, Scanner, Text, two_digits},
    metric::Metric,
    outcome::{clean_words, escape_hidden},
    request::Request,
    tweet_id::TweetId,
};

/// What takes the values that a walk finds.
pub(super) trait Sink {
    /// One count.
    fn count(&mut self, names: &Names, cell: Cell, count: u64) -> Result<(), NoRoom>;
    /// One value, whether a count or not.
    fn value(&mut self, names: &Names, cell: Cell, leaf: Leaf<'_>) -> Result<(), NoRoom>;
    /// A value where the grouping has another level.
    fn misshapen(&mut self, names: &Names, cell: Cell, leaf: Leaf<'_>);
    /// A key that fits no level, or an id that was not asked for.
    fn odd_key(&mut self, names: &Names, cell: Cell, dimension: Dimension, key: &str);
    /// A metric that has not been seen before and was not asked for.
    fn new_metric(&mut self, metric: &Metric);
}

/// The sink takes no more.
#[derive(Debug)]
pub(super) struct NoRoom;

/// The keys that lead to a value, as far as the grouping has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// Its place among [`Names::tweet_ids`].
    pub(super) tweet: Option<u32>,
    /// Its place among the metrics of [`Names`].
    pub(super) metric: Option<u32>,
    pub(super) day: Option<Day>,
    pub(super) hour: Option<u8>,
}

/// A UTC day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i32);

impl Day {
    /// Reads `YYYY-MM-DD`.
    fn read(key: &str) -> Option<Self> {
        let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = key.as_bytes() else { return None };
        let year = i32::from(two_digits(y1, y2)?) * 100 + i32::from(two_digits(y3, y4)?);
        let (month, day) = (i32::from(two_digits(m1, m2)?), i32::from(two_digits(d1, d2)?));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + i32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=last).contains(&day) || year == 0 {
            return None;
        }
        // Days before the month in a year that begins in March, whose leap day comes last.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let before_year = year * 365 + year / 4 - year / 100 + year / 400;
        Some(Self(before_year + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970))
    }
}

/// Walks one grouping's value. What it reads of names outlives it, since several values may share them.
pub(super) struct Walk<'w, 'a, S> {
    pub(super) scan: &'w mut Scanner<'a>,
    pub(super) names: &'w mut Names,
    pub(super) by: &'w [Dimension],
    pub(super) sink: &'w mut S,
}

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// Reads the value of the grouping's root key.
    pub(super) fn run(&mut self) -> Result<(), Fault> {
        self.level(0, Cell::default(), false)
    }

    /// Reads what stands behind the first `depth` dimensions. `implied`: the last key was the day that an hour without
    /// day may bring with it (contract 3.3).
    fn level(&mut self, depth: usize, cell: Cell, implied: bool) -> Result<(), Fault> {
        let Some(dimension) = self.by.get(depth) else {
            let leaf = self.scan.leaf()?;
            return self.value(cell, leaf);
        };
        if self.scan.peek()? != b'{' {
            let leaf = self.scan.leaf()?;
            self.sink.misshapen(self.names, cell, leaf);
            return Ok(());
        }
        if !self.scan.enter_object()? {
            return Ok(());
        }
        match dimension {
            Dimension::TweetId => self.tweets(depth + 1, cell),
            Dimension::EngagementType => self.metrics(depth + 1, cell),
            Dimension::EngagementDay => self.days(depth + 1, cell),
            Dimension::EngagementHour => self.hours(depth + 1, cell, implied),
        }
    }

    fn tweets(&mut self, below: usize, cell: Cell) -> Result<(), Fault> {
        let serial = self.names.next_object();
        let (mut odd, mut width) = (OddKeys::new(), 0);
        let most = self.scan.limits().width;
        loop {
            let at = self.scan.offset();
            let (found, key) = match self.scan.count_key() {
                Some(number) => (TweetId::new(number).ok(), None),
                None => {
                    let key = self.scan.key()?;
                    (key.name().parse().ok(), Some(key))
                }
            };
            match found.and_then(|id| self.names.tweet(id, most)) {
                Some((tweet, stamp)) => {
                    if core::mem::replace(stamp, serial) == serial {
                        return Err(Fault::new(at, Problem::DuplicateKey));
                    }
                    self.level(below, Cell { tweet: Some(tweet), ..cell }, false)?;
                }
                None => {
                    let key = key.unwrap_or_else(|| self.scan.text_of_key(at));
                    self.odd(&mut odd, cell, Dimension::TweetId, &key)?;
                }
            }
            if !self.scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    fn metrics(&mut self, below: usize, cell: Cell) -> Result<(), Fault> {
        let serial = self.names.next_object();
        let most = self.scan.limits().width;
        let mut width = 0;
        let is_last = below == self.by.len();
        loop {
            // Answers tend to have the same metrics in the same order throughout.
            let at = self.scan.offset();
            let (metric, last_seen) = match self.names.expected_metric() {
                Some((metric, name, stamp)) if self.scan.skip_key(name) => {
                    (metric, core::mem::replace(stamp, serial))
                }
                _ => {
                    let (key, sink) = (self.scan.key()?, &mut *self.sink);
                    let found = self.names.metric(&key.name(), most, |metric| sink.new_metric(metric));
                    let Some((metric, stamp)) = found else {
                        return Err(self.scan.fault(Problem::ManyMetrics));
                    };
                    (metric, core::mem::replace(stamp, serial))
                }
            };
            if last_seen == serial {
                return Err(Fault::new(at, Problem::DuplicateKey));
            }
            self.names.expect_metric_after(metric);
            let cell = Cell { metric: Some(metric), ..cell };
            if !is_last {
                self.level(below, cell, false)?;
            } else if let Some(count) = self.scan.quoted_count() {
                self.count(cell, count)?;
            } else {
                let leaf = self.scan.leaf()?;
                self.value(cell, leaf)?;
            }
            if !self.scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    fn days(&mut self, below: usize, cell: Cell) -> Result<(), Fault> {
        let (mut days, mut odd, mut width) = (Days::default(), OddKeys::new(), 0);
        loop {
            let key = self.scan.key()?;
            let day = Day::read(&key.name()).filter(|day| cell.day.is_none_or(|outer| outer == *day));
            match day {
                Some(day) => {
                    days.first_time(&mut odd, day, &key)?;
                    self.level(below, Cell { day: Some(day), ..cell }, false)?;
                }
                None => self.odd(&mut odd, cell, Dimension::EngagementDay, &key)?,
            }
            if !self.scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    fn hours(&mut self, below: usize, cell: Cell, implied: bool) -> Result<(), Fault> {
        let (mut hours, mut days, mut odd, mut width) = (0_u32, Days::default(), OddKeys::new(), 0);
        let is_last = below == self.by.len();
        loop {
            let at = self.scan.offset();
            if is_last
                && days.first.is_none()
                && let Some((hour, count)) = self.scan.hour_and_count()
            {
                if hours & 1 << hour != 0 {
                    return Err(Fault::new(at, Problem::DuplicateKey));
                }
                hours |= 1 << hour;
                self.count(Cell { hour: Some(hour), ..cell }, count)?;
                if self.scan.more_members(&mut width)? {
                    continue;
                }
                return Ok(());
            }
            let key = self.scan.key()?;
            let name = key.name();
            // Hours of a day and hours of the day in one object would be two values for one hour.
            if let Some(hour) = hour(&name).filter(|_| days.first.is_none()) {
                if hours & 1 << hour != 0 {
                    return Err(Fault::duplicate(&key));
                }
                hours |= 1 << hour;
                let cell = Cell { hour: Some(hour), ..cell };
                if is_last {
                    let leaf = self.scan.leaf()?;
                    self.value(cell, leaf)?;
                } else {
                    self.level(below, cell, false)?;
                }
            } else if let Some(day) =
                Day::read(&name).filter(|_| !implied && cell.day.is_none() && hours == 0)
            {
                days.first_time(&mut odd, day, &key)?;
                self.level(below - 1, Cell { day: Some(day), ..cell }, true)?;
            } else {
                self.odd(&mut odd, cell, Dimension::EngagementHour, &key)?;
            }
            if !self.scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    #[inline]
    fn count(&mut self, cell: Cell, count: u64) -> Result<(), Fault> {
        self.sink.count(self.names, cell, count).map_err(|NoRoom| self.scan.fault(Problem::ManyRows))
    }

    fn value(&mut self, cell: Cell, leaf: Leaf<'_>) -> Result<(), Fault> {
        self.sink.value(self.names, cell, leaf).map_err(|NoRoom| self.scan.fault(Problem::ManyRows))
    }

    /// Passes over what stands under a key that fits nowhere.
    fn odd(
        &mut self,
        seen: &mut OddKeys<'a>,
        cell: Cell,
        dimension: Dimension,
        key: &Text<'a>,
    ) -> Result<(), Fault> {
        first_time(seen, key)?;
        self.sink.odd_key(self.names, cell, dimension, &key.name());
        self.scan.skip_value()
    }
}

/// Keys of one object that have no place to be stamped.
type OddKeys<'a> = BTreeSet<Cow<'a, str>>;

fn first_time<'a>(seen: &mut OddKeys<'a>, key: &Text<'a>) -> Result<(), Fault> {
    if seen.insert(key.name()) { Ok(()) } else { Err(Fault::duplicate(key)) }
}

/// The Tweets and metrics that keys can name, each with a number, and what has been seen of them.
///
/// An object is stamped into each of its keys' entries, so that a second stamp of the same object is a repeated key:
/// no set is made for it.
pub(super) struct Names {
    tweet_ids: Vec<TweetId>,
    /// By id.
    tweets: Vec<TweetEntry>,
    takes_new_tweets: bool,
    next_tweet: usize,
    metrics: Vec<MetricEntry>,
    next_metric: usize,
    /// Those metrics that were not there from the beginning.
    new_metrics: BTreeMap<Box<str>, u32>,
    objects: u32,
}

struct TweetEntry {
    id: TweetId,
    number: u32,
    stamp: u32,
}

struct MetricEntry {
    metric: Metric,
    /// The name of one of the table, which a body writes without escapes.
    known: Option<&'static str>,
    stamp: u32,
}

impl MetricEntry {
    fn new(metric: Metric) -> Self {
        Self { known: metric.facts().map(|facts| facts.name), metric, stamp: 0 }
    }
}

impl Names {
    /// Those of a request. Other metrics are added as they come; other Tweets are not.
    pub(super) fn of_request(request: &Request) -> Self {
        let tweet_ids = request.tweet_ids().to_vec();
        let mut tweets: Vec<_> =
            (0..).zip(&tweet_ids).map(|(number, id)| TweetEntry { id: *id, number, stamp: 0 }).collect();
        tweets.sort_unstable_by_key(|entry| entry.id);
        let metrics = request.metrics().iter().cloned().map(MetricEntry::new).collect();
        Self { tweet_ids, tweets, metrics, ..Self::open() }
    }

    /// None at first: all that come are added.
    pub(super) const fn open() -> Self {
        Self {
            tweet_ids: Vec::new(),
            tweets: Vec::new(),
            takes_new_tweets: false,
            next_tweet: 0,
            metrics: Vec::new(),
            next_metric: 0,
            new_metrics: BTreeMap::new(),
            objects: 0,
        }
    }

    pub(super) fn taking_new_tweets(self) -> Self {
        Self { takes_new_tweets: true, ..self }
    }

    pub(super) fn tweet_id(&self, number: u32) -> Option<TweetId> {
        self.tweet_ids.get(number as usize).copied()
    }

    pub(super) fn metric_at(&self, number: u32) -> Option<&Metric> {
        self.metrics.get(number as usize).map(|entry| &entry.metric)
    }

    pub(super) fn number_of(&self, tweet_id: TweetId) -> Option<u32> {
        let at = self.tweets.binary_search_by_key(&tweet_id, |entry| entry.id).ok()?;
        self.tweets.get(at).map(|entry| entry.number)
    }

    pub(super) fn number_of_metric(&self, metric: &Metric) -> Option<u32> {
        if let Some(number) = self.new_metrics.get(metric.name()) {
            return Some(*number);
        }
        let at = self.metrics.iter().position(|entry| entry.metric == *metric)?;
        u32::try_from(at).ok()
    }

    /// The metrics that were added.
    pub(super) fn into_new_metrics(mut self) -> Vec<Metric> {
        let old = self.metrics.len() - self.new_metrics.len();
        self.metrics.drain(old..).map(|entry| entry.metric).collect()
    }

    /// A cell's keys in the order of the grouping.
    pub(super) fn path(&self, grouping: &Grouping, cell: Cell) -> String {
        let mut path = format!("/{}", clean_words(grouping.name(), LONGEST_KEY));
        let mut push = |key: String| {
            path.push('/');
            path.push_str(&key);
        };
        for dimension in grouping.by() {
            match dimension {
                Dimension::TweetId => {
                    cell.tweet.and_then(|tweet| self.tweet_id(tweet)).map(|id| id.to_string()).map(&mut push);
                }
                Dimension::EngagementType => {
                    cell.metric
                        .and_then(|metric| self.metric_at(metric))
                        .map(|metric| clean_words(metric.name(), LONGEST_KEY))
                        .map(&mut push);
                }
                Dimension::EngagementDay => {
                    cell.day.and_then(day_text).map(&mut push);
                }
                Dimension::EngagementHour => {
                    if !grouping.has(Dimension::EngagementDay) {
                        cell.day.and_then(day_text).map(&mut push);
                    }
                    cell.hour.map(|hour| format!("{hour:02}")).map(&mut push);
                }
            }
        }
        path
    }

    fn next_object(&mut self) -> u32 {
        // A body has fewer objects than bytes, and those are counted in 32 bits.
        self.objects = self.objects.saturating_add(1);
        self.objects
    }

    /// The Tweet of this key, and the last object that had it.
    fn tweet(&mut self, id: TweetId, most: usize) -> Option<(u32, &mut u32)> {
        // Answers tend to have the order of the ids.
        let at = if self.tweets.get(self.next_tweet).is_some_and(|entry| entry.id == id) {
            self.next_tweet
        } else {
            match self.tweets.binary_search_by_key(&id, |entry| entry.id) {
                Ok(at) => at,
                Err(at) if self.takes_new_tweets && self.tweets.len() < most => {
                    let number = u32::try_from(self.tweet_ids.len()).ok()?;
                    self.tweet_ids.push(id);
                    self.tweets.insert(at, TweetEntry { id, number, stamp: 0 });
                    at
                }
                Err(_) => return None,
            }
        };
        self.next_tweet = at + 1;
        self.tweets.get_mut(at).map(|entry| (entry.number, &mut entry.stamp))
    }

    /// The metric whose key is likely to come next, and the last object that had it.
    #[inline]
    fn expected_metric(&mut self) -> Option<(u32, &'static str, &mut u32)> {
        let entry = self.metrics.get_mut(self.next_metric)?;
        Some((u32::try_from(self.next_metric).ok()?, entry.known?, &mut entry.stamp))
    }

    fn expect_metric_after(&mut self, metric: u32) {
        let next = metric as usize + 1;
        self.next_metric = if next == self.metrics.len() { 0 } else { next };
    }

    /// The metric of this key, and the last object that had it. `None`: there would be more than `most` new ones.
    fn metric(&mut self, key: &str, most: usize, tell: impl FnOnce(&Metric)) -> Option<(u32, &mut u32)> {
        let at = self.find_metric(key, most, tell)?;
        let entry = self.metrics.get_mut(at)?;
        Some((u32::try_from(at).ok()?, &mut entry.stamp))
    }

    fn find_metric(&mut self, key: &str, most: usize, tell: impl FnOnce(&Metric)) -> Option<usize> {
        let old = self.metrics.len() - self.new_metrics.len();
        if let Some(at) = self.metrics.iter().take(old).position(|entry| entry.metric.name() == key) {
            return Some(at);
        }
        // A new name becomes one of a column, and goes where nothing looks at it again.
        let key = &*escape_hidden(key);
        if let Some(at) = self.new_metrics.get(key) {
            return Some(*at as usize);
        }
        if self.new_metrics.len() >= most {
            return None;
        }
        let metric = Metric::named(key);
        tell(&metric);
        let at = self.metrics.len();
        self.metrics.push(MetricEntry::new(metric));
        self.new_metrics.insert(key.into(), u32::try_from(at).ok()?);
        Some(at)
    }
}

/// The days of one object, as long as they lie near its first.
#[derive(Default)]
struct Days {
    first: Option<Day>,
    seen: u128,
}

impl Days {
    /// Whether the day is new; `None` where it is too far from the first.
    fn insert(&mut self, day: Day) -> Option<bool> {
        let first = self.first.get_or_insert(day);
        let bit = u32::try_from(day.0 - first.0 + DAYS_BEFORE).ok().filter(|bit| *bit < u128::BITS)?;
        let new = self.seen & 1 << bit == 0;
        self.seen |= 1 << bit;
        Some(new)
    }

    fn first_time<'a>(&mut self, odd: &mut OddKeys<'a>, day: Day, key: &Text<'a>) -> Result<(), Fault> {
        match self.insert(day) {
            Some(true) => Ok(()),
            Some(false) => Err(Fault::duplicate(key)),
            None => first_time(odd, key),
        }
    }
}

/// Reads `00` to `23`.
fn hour(key: &str) -> Option<u8> {
    let &[tens, ones] = key.as_bytes() else { return None };
    two_digits(tens, ones).filter(|hour| *hour < 24)
}

fn day_text(day: Day) -> Option<String> {
    let start = jiff::Timestamp::from_second(i64::from(day.0) * 86_400).ok()?;
    start.to_string().get(..10).map(str::to_owned)
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i32 = 719_468;
/// Room before the first day of an object, for answers out of order.
const DAYS_BEFORE: i32 = 64;
const LONGEST_KEY: usize = 80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn days_are_those_of_the_calendar(day in -700_000..2_900_000_i32) {
            if let Some(text) = day_text(Day(day)).filter(|text| !text.starts_with('-')) {
                prop_assert_eq!(Day::read(&text), Some(Day(day)));
            }
        }

        #[test]
        fn what_is_no_day_is_none(key in "[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            prop_assert_eq!(Day::read(&key).is_some(), key.parse::<jiff::civil::Date>().is_ok_and(|date| date.year() > 0));
        }
    }

    #[test]
    fn keys_that_are_nearly_days_or_hours() {
        assert_eq!(Day::read("1970-01-01"), Some(Day(0)));
        for key in ["", "2024-3-05", "2024-03-05 ", "2024/03/05", "+024-03-05", "2023-02-29"] {
            assert_eq!(Day::read(key), None, "{key:?}");
        }
        assert_eq!(hour("23"), Some(23));
        for key in ["24", "7", "007", "-1", " 7", "٠٧"] {
            assert_eq!(hour(key), None, "{key:?}");
        }
    }
}
