//! An answer's rows, and the account of what has none.

use std::collections::BTreeMap;

use super::{
    Limits, Warning,
    verdict::Verdict,
    walk::{Cell, Day, Names, NoRoom, Sink},
    warning::{LONGEST_WORD, Warnings},
};
use crate::{
    endpoint::Endpoint,
    grouping::{Dimension, Grouping},
    hour::UtcHour,
    json::{Found, Leaf},
    metric::Metric,
    outcome::{Outcome, Reason, Row, Survey, clean_words},
    request::Request,
    tweet_id::TweetId,
    window::Window,
};

/// The rows so far.
pub(super) struct Rows<'r> {
    request: &'r Request,
    grouping: Option<&'r Grouping>,
    buckets: Buckets,
    /// What the buckets must lie in, as far as it is known before the answer is.
    pub(super) window: Option<Window>,
    pub(super) rows: Vec<Row>,
    most: usize,
    /// How many rows each Tweet × metric of the request has, by their numbers.
    counts: Vec<u32>,
    /// The place in these counts that the last row had.
    last_place: usize,
    /// Whether every row has a place there, and none lies before the last one's.
    keeps_order: bool,
    /// Why whole Tweets or metrics have no values. Either number may be missing: then it is about all of them.
    failed: BTreeMap<(Option<u32>, Option<u32>), Reason>,
    bad_values: usize,
    pub(super) has_begun: bool,
    pub(super) warnings: Warnings,
    /// What the hours of one day have in common, as long as they come one after the other.
    day: Option<OneDay>,
}

/// The hours of one Tweet × metric in one day, all of them inside the window.
struct OneDay {
    tweet: u32,
    metric: u32,
    day: Day,
    midnight: UtcHour,
    tweet_id: TweetId,
    name: Metric,
    /// Its place in the counts, for a metric of the request.
    place: Option<usize>,
}

/// What a row's bucket is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Buckets {
    Whole,
    Days,
    Hours,
}

impl<'r> Rows<'r> {
    pub(super) fn new(
        request: &'r Request,
        grouping: Option<&'r Grouping>,
        limits: &Limits,
        body_bytes: usize,
    ) -> Self {
        let buckets = match grouping {
            Some(grouping) if grouping.has(Dimension::EngagementHour) => Buckets::Hours,
            Some(grouping) if grouping.has(Dimension::EngagementDay) => Buckets::Days,
            _ => Buckets::Whole,
        };
        let cells = request.tweet_ids().len() * request.metrics().len();
        let hours = request.window().map_or(LAST_28_HOURS_BUCKETS, Window::len_hours);
        let expected = cells.saturating_mul(match buckets {
            Buckets::Whole => 1,
            Buckets::Days => hours as usize / 24 + 2,
            Buckets::Hours => hours as usize,
        });
        // A short body makes no room for what it cannot hold.
        let room = expected.min(body_bytes / SHORTEST_VALUE + cells).min(limits.rows.saturating_add(cells));
        Self {
            request,
            grouping,
            buckets,
            window: request.window(),
            rows: Vec::with_capacity(room),
            most: limits.rows,
            counts: vec![0; cells],
            last_place: 0,
            keeps_order: true,
            failed: BTreeMap::new(),
            bad_values: 0,
            has_begun: false,
            day: None,
            warnings: Warnings::at_most(limits.warnings),
        }
    }

    /// Its place in `counts`, for Tweets and metrics of the request.
    fn place(&self, tweet: u32, metric: u32) -> Option<usize> {
        let (metric, metrics) = (metric as usize, self.request.metrics().len());
        (metric < metrics).then_some(tweet as usize * metrics + metric)
    }

    fn count(&mut self, tweet: u32, metric: u32) -> Option<&mut u32> {
        let place = self.place(tweet, metric)?;
        self.counts.get_mut(place)
    }

    /// Counts a row that came for this place.
    #[inline]
    fn note(&mut self, place: Option<usize>) {
        let Some(place) = place else {
            self.keeps_order = false;
            return;
        };
        self.keeps_order &= self.last_place <= place;
        self.last_place = place;
        if let Some(rows) = self.counts.get_mut(place) {
            *rows += 1;
        }
    }

    /// What is known of all rows, where the body has them all.
    pub(super) fn survey(&self) -> Survey {
        // Within a place, buckets come in any order.
        let keeps_order = self.keeps_order && self.buckets == Buckets::Whole;
        Survey {
            has_only_values: self.bad_values == 0,
            is_sorted: keeps_order
                && self.request.metrics().is_sorted()
                && self.request.tweet_ids().is_sorted(),
        }
    }

    fn path(&self, names: &Names, cell: Cell) -> String {
        self.grouping.map(|grouping| names.path(grouping, cell)).unwrap_or_default()
    }

    fn fail(&mut self, cell: Cell, why: impl FnOnce() -> String) {
        if cell.metric.is_none_or(|metric| (metric as usize) < self.request.metrics().len()) {
            self.failed.entry((cell.tweet, cell.metric)).or_insert_with(|| Reason::new(&why()));
        }
    }

    /// Fits buckets into a window that was not known while they were read.
    pub(super) fn clip(&mut self, names: &Names, window: Window) {
        self.window = Some(window);
        let (mut outside, buckets) = (Vec::new(), self.buckets);
        self.rows.retain_mut(|row| {
            let fitting = match (row.bucket, buckets) {
                (Some(bucket), Buckets::Days | Buckets::Hours) => bucket.intersection(window),
                _ => Some(window),
            };
            if fitting.is_some() {
                row.bucket = fitting;
            } else {
                outside.push((row.tweet_id, row.metric.clone(), row.bucket));
            }
            fitting.is_some()
        });
        for (tweet_id, metric, bucket) in outside {
            let metric = names.number_of_metric(&metric);
            let tweet = names.number_of(tweet_id);
            if let Some(count) = tweet.zip(metric).and_then(|(tweet, metric)| self.count(tweet, metric)) {
                *count = count.saturating_sub(1);
            }
            let hours = bucket.map(|bucket| bucket.start());
            let day = hours.map(|hour| Day(hour.since_epoch().div_euclid(24)));
            let hour = hours.and_then(|hour| u8::try_from(hour.hour_of_day()).ok());
            let path = self.path(names, Cell { tweet, metric, day, hour });
            self.warnings.add(|| Warning::OutsideWindow { path });
        }
    }

    /// Drops the values that the answer takes back.
    pub(super) fn disown(&mut self, names: &Names, verdict: &Verdict<'_>) {
        let (mut rows, mut dropped) = (core::mem::take(&mut self.rows), Vec::new());
        rows.retain(|row| {
            let Some(outcome) = verdict.on(row.tweet_id, &row.metric) else { return true };
            // The documented form of a value that is unknown, which needs no warning.
            let is_filler = matches!(outcome, Outcome::Unsupported(_)) && row.outcome.value() == Some(0);
            if !is_filler && row.outcome.value().is_some() {
                self.warnings
                    .add(|| Warning::Disowned { tweet_id: row.tweet_id, metric: row.metric.clone() });
            }
            dropped.push((row.tweet_id, row.metric.clone()));
            false
        });
        self.rows = rows;
        dropped.dedup();
        for (tweet_id, metric) in dropped {
            let place = names.number_of(tweet_id).zip(names.number_of_metric(&metric));
            if let Some(count) = place.and_then(|(tweet, metric)| self.count(tweet, metric)) {
                *count = 0;
            }
        }
    }

    /// Gives each Tweet × metric that has no value its row, and each gap of a series.
    pub(super) fn add_missing(&mut self, names: &Names, verdict: &Verdict<'_>, window: Option<Window>) {
        let (ids, metrics) = (self.request.tweet_ids(), self.request.metrics());
        let expected = window.map_or(1, |window| self.buckets.in_window(window));
        let mut gaps = Gaps::default();
        for (tweet, id) in (0_u32..).zip(ids) {
            for (metric, asked) in (0_u32..).zip(metrics) {
                let Some(place) = self.place(tweet, metric) else { continue };
                let count = self.counts.get(place).copied().unwrap_or_default();
                if count > 0 {
                    if count < expected {
                        gaps.watch(place);
                    }
                    continue;
                }
                let outcome = verdict.on(*id, asked).unwrap_or_else(|| {
                    let failed = [
                        (Some(tweet), Some(metric)),
                        (Some(tweet), None),
                        (None, Some(metric)),
                        (None, None),
                    ]
                    .into_iter()
                    .find_map(|place| self.failed.get(&place));
                    failed.map_or_else(|| verdict.unmentioned(), |reason| Outcome::Failed(reason.clone()))
                });
                self.rows.push(Row { tweet_id: *id, metric: asked.clone(), bucket: window, outcome });
            }
        }
        if let Some(window) = window {
            self.add_gaps(names, verdict, window, gaps);
        }
    }

    fn add_gaps(&mut self, names: &Names, verdict: &Verdict<'_>, window: Window, mut gaps: Gaps) {
        if gaps.watched.is_empty() {
            return;
        }
        let hours = window.len_hours() as usize;
        for row in &self.rows {
            let place = names.number_of(row.tweet_id).zip(names.number_of_metric(&row.metric));
            let place = place.and_then(|(tweet, metric)| self.place(tweet, metric));
            if let (Some(place), Some(bucket)) = (place, row.bucket) {
                gaps.mark(place, hours, window, bucket);
            }
        }
        let metrics = self.request.metrics().len();
        for (place, covered) in gaps.watched {
            let (Some(id), Some(metric)) =
                (self.request.tweet_ids().get(place / metrics), self.request.metrics().get(place % metrics))
            else {
                continue;
            };
            // Nobody can have engaged with a Tweet before it was there: those hours may be left out.
            let made = id.created_at().map_or(window.start(), UtcHour::containing);
            let mut open: Option<UtcHour> = None;
            let known = window.hours().zip(covered).map(|(hour, covered)| (hour, covered || hour < made));
            for (hour, covered) in known.chain([(window.end(), true)]) {
                if !covered {
                    open.get_or_insert(hour);
                } else if let Some(gap) = open.take().and_then(|start| Window::new(start, hour).ok()) {
                    let outcome = verdict.unmentioned();
                    self.rows.push(Row { tweet_id: *id, metric: metric.clone(), bucket: Some(gap), outcome });
                }
            }
        }
    }
}

impl Sink for Rows<'_> {
    #[inline]
    fn count(&mut self, names: &Names, cell: Cell, count: u64) -> Result<(), NoRoom> {
        let Cell { tweet: Some(tweet), metric: Some(metric), day, hour } = cell else { return Ok(()) };
        if self.rows.len() >= self.most {
            return Err(NoRoom);
        }
        let place = match (&self.day, day, hour) {
            (Some(run), Some(day), Some(hour))
                if (run.tweet, run.metric, run.day) == (tweet, metric, day) =>
            {
                push(&mut self.rows, || Row {
                    tweet_id: run.tweet_id,
                    metric: run.name.clone(),
                    bucket: Some(Window::hour(run.midnight.after(u32::from(hour)))),
                    outcome: Outcome::Ok(count),
                });
                run.place
            }
            (_, None, None) => {
                let (Some(tweet_id), Some(name)) = (names.tweet_id(tweet), names.metric_at(metric)) else {
                    return Ok(());
                };
                push(&mut self.rows, || Row {
                    tweet_id,
                    metric: name.clone(),
                    bucket: self.window,
                    outcome: Outcome::Ok(count),
                });
                self.place(tweet, metric)
            }
            _ => return self.value(names, cell, Leaf::Count(count)),
        };
        self.note(place);
        Ok(())
    }

    fn value(&mut self, names: &Names, cell: Cell, leaf: Leaf<'_>) -> Result<(), NoRoom> {
        let Cell { tweet: Some(tweet), metric: Some(metric), .. } = cell else { return Ok(()) };
        let (Some(tweet_id), Some(name)) = (names.tweet_id(tweet), names.metric_at(metric)) else {
            return Ok(());
        };
        let bucket = match self.buckets {
            Buckets::Whole => self.window,
            Buckets::Days | Buckets::Hours => match self.bucket(names, cell) {
                Some(bucket) => Some(bucket),
                None => return Ok(()),
            },
        };
        let outcome = match leaf {
            Leaf::Count(count) => Outcome::Ok(count),
            Leaf::Missing => return Ok(()),
            Leaf::Bad(found) => self.bad_value(names, cell, found),
        };
        if self.rows.len() >= self.most {
            return Err(NoRoom);
        }
        self.rows.push(Row { tweet_id, metric: name.clone(), bucket, outcome });
        let place = self.place(tweet, metric);
        self.note(place);
        // Other hours of the same day are likely to follow.
        self.day = cell.day.zip(cell.hour).and_then(|(day, _)| {
            let midnight = UtcHour::from_epoch(day.0.saturating_mul(24))?;
            let whole = Window::new(midnight, midnight.plus(24)).ok()?;
            let is_inside = self.window.is_none_or(|window| whole.intersection(window) == Some(whole));
            is_inside.then(|| OneDay { tweet, metric, day, midnight, tweet_id, name: name.clone(), place })
        });
        Ok(())
    }

    fn misshapen(&mut self, names: &Names, cell: Cell, leaf: Leaf<'_>) {
        let found = match leaf {
            Leaf::Missing => return,
            Leaf::Count(count) => count.to_string(),
            Leaf::Bad(found) => clean_words(&found.to_string(), LONGEST_WORD),
        };
        let path = self.path(names, cell);
        let warning = Warning::BadShape { path, found };
        self.fail(cell, || warning.to_string());
        self.warnings.add(|| warning);
    }

    fn odd_key(&mut self, names: &Names, cell: Cell, dimension: Dimension, key: &str) {
        let unasked = if dimension == Dimension::TweetId { key.parse::<TweetId>().ok() } else { None };
        if let Some(tweet_id) = unasked {
            self.warnings.add(|| Warning::UnaskedTweet { tweet_id });
        } else {
            let path = format!("{}/{}", self.path(names, cell), clean_words(key, LONGEST_WORD));
            self.warnings.add(|| Warning::BadKey { path });
        }
    }

    fn new_metric(&mut self, metric: &Metric) {
        self.warnings.add(|| Warning::UnaskedMetric { metric: metric.clone() });
    }
}

impl Rows<'_> {
    /// The hours that a value is about. `None`: outside the window, or not to be told.
    #[inline]
    fn bucket(&mut self, names: &Names, cell: Cell) -> Option<Window> {
        let Some(day) = cell.day else { return self.hour_of_day(names, cell) };
        let midnight = UtcHour::from_epoch(day.0.saturating_mul(24))?;
        let bucket = match cell.hour {
            Some(hour) => Window::hour(midnight.plus(i32::from(hour))),
            None => Window::new(midnight, midnight.plus(24)).ok()?,
        };
        let Some(window) = self.window else { return Some(bucket) };
        let fitting = bucket.intersection(window);
        if fitting.is_none() {
            let path = self.path(names, cell);
            self.warnings.add(|| Warning::OutsideWindow { path });
        }
        fitting
    }

    /// The one hour of the window with this place in its day, where there is only one (contract 3.3).
    fn hour_of_day(&mut self, names: &Names, cell: Cell) -> Option<Window> {
        if let (Some(window), Some(hour)) = (self.window.filter(|window| window.len_hours() <= 24), cell.hour)
        {
            let hour = window.hours().find(|candidate| candidate.hour_of_day() == i32::from(hour));
            if hour.is_none() {
                let path = self.path(names, cell);
                self.warnings.add(|| Warning::OutsideWindow { path });
            }
            return hour.map(Window::hour);
        }
        let path = self.path(names, cell);
        let warning = Warning::HoursOfDay { path };
        self.fail(cell, || warning.to_string());
        // One for all: they come by the thousand.
        if !self.warnings.kept.iter().any(|warning| matches!(warning, Warning::HoursOfDay { .. })) {
            self.warnings.add(|| warning);
        }
        None
    }

    fn bad_value(&mut self, names: &Names, cell: Cell, found: Found<'_>) -> Outcome {
        self.bad_values += 1;
        if self.bad_values > MOST_BAD_VALUES {
            self.warnings.left_out += 1;
            let reason =
                self.failed.entry(BAD_VALUES).or_insert_with(|| Reason::new("the value is no count"));
            return Outcome::Failed(reason.clone());
        }
        let found = clean_words(&found.to_string(), LONGEST_WORD);
        let warning = Warning::BadValue { path: self.path(names, cell), found };
        let outcome = Outcome::Failed(Reason::new(&warning.to_string()));
        self.warnings.add(|| warning);
        outcome
    }
}

/// Makes a row where it is to stay. What is made before it is known that there is room is written twice, and the second
/// time waits for the first.
#[inline]
fn push(rows: &mut Vec<Row>, make: impl FnOnce() -> Row) {
    if rows.len() < rows.capacity() {
        rows.push(make());
    } else {
        push_beyond(rows, make());
    }
}

#[cold]
fn push_beyond(rows: &mut Vec<Row>, row: Row) {
    rows.push(row);
}

impl Buckets {
    /// How many of them a window has.
    fn in_window(self, window: Window) -> u32 {
        match self {
            Self::Whole => 1,
            Self::Hours => window.len_hours(),
            Self::Days => {
                let last = window.end().plus(-1).midnight();
                last.since_epoch().abs_diff(window.start().midnight().since_epoch()) / 24 + 1
            }
        }
    }
}

/// Tweets × metrics that lack some buckets, with the hours that they have.
#[derive(Default)]
struct Gaps {
    /// By their place among the counts, ascending.
    watched: Vec<(usize, Vec<bool>)>,
}

impl Gaps {
    fn watch(&mut self, place: usize) {
        self.watched.push((place, Vec::new()));
    }

    fn mark(&mut self, place: usize, hours: usize, window: Window, bucket: Window) {
        let Ok(at) = self.watched.binary_search_by_key(&place, |(place, _)| *place) else { return };
        let Some((_, covered)) = self.watched.get_mut(at) else { return };
        if covered.is_empty() {
            covered.resize(hours, false);
        }
        let offset = |hour: UtcHour| hour.since_epoch().abs_diff(window.start().since_epoch()) as usize;
        if let Some(run) = covered.get_mut(offset(bucket.start())..offset(bucket.end())) {
            run.fill(true);
        }
    }
}

/// The reference's example has 29 buckets for "28 hours" (contract 8 no. 14).
const LAST_28_HOURS_BUCKETS: u32 = Endpoint::LAST_HOURS.unsigned_abs() + 1;
/// `"00":1,`
const SHORTEST_VALUE: usize = 7;
/// Bad values that are told apart; the others share one reason, so that a broken answer costs no more than a sound one.
const MOST_BAD_VALUES: usize = 1_000;
/// Where that reason is kept: no cell has this place.
const BAD_VALUES: (Option<u32>, Option<u32>) = (Some(u32::MAX), Some(u32::MAX));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_days_of_a_window() {
        let window =
            |start: &str, end: &str| Window::covering(start.parse().unwrap(), end.parse().unwrap()).unwrap();
        let days = |start, end| Buckets::Days.in_window(window(start, end));
        assert_eq!(days("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"), 1);
        assert_eq!(days("2024-03-01T23:00:00Z", "2024-03-02T01:00:00Z"), 2);
        assert_eq!(days("2024-02-01T00:00:00Z", "2024-02-29T00:00:00Z"), 28);
    }
}
