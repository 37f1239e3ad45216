//! From counts to nested JSON, for every order of levels (contract §3.2, §3.3).

use core::ops::Range;

use engagement_model::{Dimension, UtcHour};

use super::{sink::Sink, table::Table};

/// What the levels of an answer can be named by.
#[derive(Debug)]
pub(crate) struct Axes<'a> {
    /// The ids that are answered, sorted, each with its row in the table.
    pub(crate) ids: Vec<(&'a str, usize)>,
    /// The metrics, sorted, each with its column.
    pub(crate) metrics: Vec<(&'static str, usize)>,
    /// The days of the window, each with its hours. Empty on totals.
    pub(crate) days: Vec<Day>,
    /// Whether a Tweet's count of a metric is left out since the Tweet is too old, by row and column.
    pub(crate) omitted: Vec<Vec<bool>>,
}

/// A day of the window.
#[derive(Debug)]
pub(crate) struct Day {
    name: String,
    /// The window's hours of that day, by their place in the window, and the hour of day of the first.
    hours: Range<usize>,
    first_hour_of_day: usize,
}

impl Day {
    /// The days of the `count` hours from `first` on.
    pub(crate) fn of(first: UtcHour, count: usize) -> Vec<Self> {
        let mut days = Vec::new();
        let mut from = 0;
        while from < count {
            let hour = first.plus(i32::try_from(from).unwrap_or(i32::MAX));
            let first_hour_of_day = usize::try_from(hour.hour_of_day()).unwrap_or(0);
            let to = (from + 24 - first_hour_of_day).min(count);
            let name = hour.to_string().split('T').next().unwrap_or_default().to_owned();
            days.push(Self { name, hours: from..to, first_hour_of_day });
            from = to;
        }
        days
    }

    /// The place in the window of an hour of this day.
    fn at(&self, hour_of_day: usize) -> Option<usize> {
        let place = self.hours.start + hour_of_day.checked_sub(self.first_hour_of_day)?;
        self.hours.contains(&place).then_some(place)
    }
}

/// How answers are written, where there is a choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Counts as numbers, not as texts.
    pub(crate) numbers: bool,
    /// An hour without a day is that of all days, and does not imply the day.
    pub(crate) hour_of_day: bool,
}

/// Writes one grouping. Dimensions that are not among the levels are summed over.
pub(crate) fn write(sink: &mut Sink, levels: &[Dimension], axes: &Axes<'_>, table: &Table, style: Style) {
    let day = levels.contains(&Dimension::EngagementDay);
    let implied_day = !day && !style.hour_of_day;
    let mut steps = Vec::with_capacity(levels.len() + 1);
    for level in levels {
        match level {
            Dimension::TweetId => steps.push(Step::Tweet),
            Dimension::EngagementType => steps.push(Step::Metric),
            Dimension::EngagementDay => steps.push(Step::Day),
            Dimension::EngagementHour if implied_day => steps.extend([Step::Day, Step::Hour]),
            Dimension::EngagementHour => steps.push(Step::Hour),
        }
    }
    Nest { sink, axes, table, style }.level(&steps, Chosen::default());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Tweet,
    Metric,
    Day,
    Hour,
}

/// What the levels above have settled. Places are in the axes.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    id: Option<usize>,
    metric: Option<usize>,
    day: Option<usize>,
    hour: Option<usize>,
}

struct Nest<'a, 't, 'b> {
    sink: &'a mut Sink,
    axes: &'t Axes<'b>,
    table: &'t Table,
    style: Style,
}

impl<'t> Nest<'_, 't, '_> {
    fn level(&mut self, steps: &[Step], chosen: Chosen) {
        let Some((step, rest)) = steps.split_first() else { return self.leaf(chosen) };
        let axes = self.axes;
        let mut first = true;
        self.sink.push(b"{");
        match step {
            Step::Tweet => {
                for (place, (id, _)) in axes.ids.iter().enumerate() {
                    let chosen = Chosen { id: Some(place), ..chosen };
                    if self.is_answered(chosen) {
                        // Digits need no escapes.
                        self.entry(&mut first, id.as_bytes(), rest, chosen);
                    }
                }
            }
            Step::Metric => {
                for (place, (name, _)) in axes.metrics.iter().enumerate() {
                    let chosen = Chosen { metric: Some(place), ..chosen };
                    if self.is_answered(chosen) {
                        self.entry(&mut first, name.as_bytes(), rest, chosen);
                    }
                }
            }
            Step::Day => {
                for (place, day) in axes.days.iter().enumerate() {
                    if chosen.hour.is_none_or(|hour| day.at(hour).is_some()) {
                        let chosen = Chosen { day: Some(place), ..chosen };
                        self.entry(&mut first, day.name.as_bytes(), rest, chosen);
                    }
                }
            }
            Step::Hour if let Some((cells, first_hour)) = self.row_of_day(rest, chosen) => {
                for (count, name) in cells.iter().zip(HOURS_OF_DAY.iter().skip(first_hour)) {
                    self.sink.push(if first { b"\"" } else { b",\"" });
                    first = false;
                    self.sink.push(name.as_bytes());
                    self.sink.push(b"\":");
                    self.count(*count);
                }
            }
            Step::Hour => {
                for (hour, name) in HOURS_OF_DAY.iter().enumerate() {
                    if self.days(chosen).any(|day| day.at(hour).is_some()) {
                        let chosen = Chosen { hour: Some(hour), ..chosen };
                        self.entry(&mut first, name.as_bytes(), rest, chosen);
                    }
                }
            }
        }
        self.sink.push(b"}");
    }

    fn entry(&mut self, first: &mut bool, key: &[u8], rest: &[Step], chosen: Chosen) {
        self.sink.push(if *first { b"\"" } else { b",\"" });
        *first = false;
        self.sink.push(key);
        self.sink.push(b"\":");
        self.level(rest, chosen);
    }

    fn leaf(&mut self, chosen: Chosen) {
        let count = self.sum(chosen);
        self.count(count);
    }

    fn count(&mut self, count: u64) {
        if self.style.numbers {
            return self.sink.number(count);
        }
        self.sink.push(b"\"");
        self.sink.number(count);
        self.sink.push(b"\"");
    }

    /// The cells of one Tweet, metric and day, if the hours of these are all that is left to write: the shape of the
    /// largest answers.
    fn row_of_day(&self, rest: &[Step], chosen: Chosen) -> Option<(&'t [u64], usize)> {
        let Chosen { id: Some(id), metric: Some(metric), day: Some(day), hour: None } = chosen else {
            return None;
        };
        let (_, tweet) = self.axes.ids.get(id)?;
        let (_, metric) = self.axes.metrics.get(metric)?;
        let day = self.axes.days.get(day)?;
        let cells = self.table.row(*tweet, *metric).get(day.hours.clone())?;
        rest.is_empty().then_some((cells, day.first_hour_of_day))
    }

    fn sum(&self, chosen: Chosen) -> u64 {
        let mut sum = 0;
        for (tweet, metric) in self.pairs(chosen) {
            let row = self.table.row(tweet, metric);
            sum += match (chosen.day, chosen.hour) {
                (None, None) => row.iter().sum(),
                (_, None) => {
                    self.days(chosen).filter_map(|day| row.get(day.hours.clone())).flatten().sum::<u64>()
                }
                (_, Some(hour)) => self.days(chosen).filter_map(|day| row.get(day.at(hour)?)).sum::<u64>(),
            };
        }
        sum
    }

    /// Whether there is any count under these choices: that of a Tweet that is too old is left out.
    fn is_answered(&self, chosen: Chosen) -> bool {
        self.pairs(chosen).next().is_some()
    }

    /// The rows and columns that are answered.
    fn pairs(&self, chosen: Chosen) -> impl Iterator<Item = (usize, usize)> {
        let metrics = picked(&self.axes.metrics, chosen.metric);
        picked(&self.axes.ids, chosen.id).iter().flat_map(move |(_, tweet)| {
            let omitted = self.axes.omitted.get(*tweet);
            let is_omitted =
                move |metric: usize| omitted.and_then(|row| row.get(metric)).copied().unwrap_or(false);
            metrics
                .iter()
                .map(|(_, metric)| *metric)
                .filter(move |metric| !is_omitted(*metric))
                .map(|metric| (*tweet, metric))
        })
    }

    fn days(&self, chosen: Chosen) -> impl Iterator<Item = &Day> {
        picked(&self.axes.days, chosen.day).iter()
    }
}

/// One of them, or all.
fn picked<T>(all: &[T], place: Option<usize>) -> &[T] {
    match place {
        Some(place) => all.get(place..=place).unwrap_or_default(),
        None => all,
    }
}

const HOURS_OF_DAY: [&str; 24] = [
    "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23",
];
