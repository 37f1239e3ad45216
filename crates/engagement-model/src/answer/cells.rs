//! Any grouping of an answer, for those who ask for their own.

use super::{
    DecodeError, Limits, Warning,
    time::read_time,
    walk::{self, Names, NoRoom, Sink, Walk},
};
use crate::{
    grouping::{Dimension, Grouping},
    hour::UtcHour,
    json::{Fault, Leaf, Scanner},
    metric::Metric,
    outcome::clean_words,
    tweet_id::TweetId,
    window::Window,
};

/// Reads the groupings of a body, each in its own order of one to four dimensions, on any endpoint.
///
/// Nothing is left out, added up or corrected: what the body shows is what comes, ids and metrics that nobody asked for
/// included. An hour without a day is read in both of its forms (contract 3.3): under a day that it brings along, as is
/// documented, or as an hour of the day, as was seen in the wild. What stands in a grouping without metrics is a sum
/// over them: that it is one is a guess (8 no. 34). Days and hours are those of the
/// calendar, whether or not the window cuts them.
///
/// # Errors
///
/// As [`Answer::decode`](super::Answer::decode), save that a body without data is an empty one.
pub fn decode_cells(groupings: &[Grouping], body: &[u8], limits: &Limits) -> Result<Groups, DecodeError> {
    read(groupings, body, limits).map_err(|fault| DecodeError::new(fault, body, limits))
}

/// The groupings of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Groups {
    /// The window that the answer says it covers, widened to whole hours.
    pub window: Option<Window>,
    /// Those groupings that the answer has, in its order.
    pub groups: Vec<Group>,
    /// Keys and values that fit no level of their grouping, up to the limit.
    pub warnings: Vec<Warning>,
}

/// One grouping of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// How it is grouped.
    pub grouping: Grouping,
    /// Its values, in the order of the body.
    pub cells: Vec<Cell>,
}

/// One value with the keys that lead to it. A dimension that the grouping does not have is summed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The Tweet, if grouped by it.
    pub tweet_id: Option<TweetId>,
    /// The metric, if grouped by it. Sums over metrics mean nothing, but can be asked for.
    pub metric: Option<Metric>,
    /// The time, if grouped by it.
    pub bucket: Bucket,
    /// What stands there.
    pub value: Value,
}

/// The time of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// The whole window, or the whole life of a Tweet.
    Whole,
    /// A UTC day.
    Day(Window),
    /// One hour of one day.
    Hour(UtcHour),
    /// An hour of the day, 0 to 23, added up over all days of the window.
    HourOfDay(u8),
}

/// What stands where a count should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A count.
    Count(u64),
    /// `null`.
    Missing,
    /// Something else, cleaned.
    Bad(String),
}

fn read(groupings: &[Grouping], body: &[u8], limits: &Limits) -> Result<Groups, Fault> {
    let mut scan = Scanner::new(body, limits)?;
    // One pass that checks all keys of all objects, so that the second needs no sets at the root.
    scan.clone().skip_value()?;
    let mut groups = Groups::default();
    let mut bounds = [None, None];
    let mut names = Names::open().taking_new_tweets();
    if scan.enter_object()? {
        let mut width = 0;
        loop {
            let key = scan.key()?.name();
            if let Some(grouping) = groupings.iter().find(|grouping| grouping.name() == key) {
                let mut cells = Cells { grouping, cells: Vec::new(), warnings: &mut groups.warnings, limits };
                Walk { scan: &mut scan, names: &mut names, by: grouping.by(), sink: &mut cells }.run()?;
                let cells = cells.cells;
                groups.groups.push(Group { grouping: grouping.clone(), cells });
            } else {
                match &*key {
                    "start" => bounds[0] = read_time(&mut scan)?,
                    "end" => bounds[1] = read_time(&mut scan)?,
                    _ => scan.skip_value()?,
                }
            }
            if !scan.more_members(&mut width)? {
                break;
            }
        }
    }
    scan.finish()?;
    groups.window = bounds[0].zip(bounds[1]).and_then(|(start, end)| Window::covering(start, end).ok());
    Ok(groups)
}

struct Cells<'a> {
    grouping: &'a Grouping,
    cells: Vec<Cell>,
    warnings: &'a mut Vec<Warning>,
    limits: &'a Limits,
}

impl Cells<'_> {
    fn warn(&mut self, warning: impl FnOnce(&Self) -> Warning) {
        if self.warnings.len() < self.limits.warnings {
            let warning = warning(self);
            self.warnings.push(warning);
        }
    }
}

impl Sink for Cells<'_> {
    fn count(&mut self, names: &Names, cell: walk::Cell, count: u64) -> Result<(), NoRoom> {
        self.value(names, cell, Leaf::Count(count))
    }

    fn value(&mut self, names: &Names, cell: walk::Cell, leaf: Leaf<'_>) -> Result<(), NoRoom> {
        if self.cells.len() >= self.limits.rows {
            return Err(NoRoom);
        }
        let midnight = cell.day.and_then(|day| UtcHour::from_epoch(day.0.saturating_mul(24)));
        let bucket = match (midnight, cell.hour) {
            (Some(midnight), Some(hour)) => Bucket::Hour(midnight.plus(i32::from(hour))),
            (Some(midnight), None) => {
                Window::new(midnight, midnight.plus(24)).map_or(Bucket::Whole, Bucket::Day)
            }
            (None, Some(hour)) => Bucket::HourOfDay(hour),
            (None, None) => Bucket::Whole,
        };
        self.cells.push(Cell {
            tweet_id: cell.tweet.and_then(|tweet| names.tweet_id(tweet)),
            metric: cell.metric.and_then(|metric| names.metric_at(metric)).cloned(),
            bucket,
            value: match leaf {
                Leaf::Count(count) => Value::Count(count),
                Leaf::Missing => Value::Missing,
                Leaf::Bad(found) => Value::Bad(clean_words(&found.to_string(), LONGEST_WORD)),
            },
        });
        Ok(())
    }

    fn misshapen(&mut self, names: &Names, cell: walk::Cell, leaf: Leaf<'_>) {
        let found = match leaf {
            Leaf::Missing => "null".to_owned(),
            Leaf::Count(count) => count.to_string(),
            Leaf::Bad(found) => clean_words(&found.to_string(), LONGEST_WORD),
        };
        self.warn(|this| Warning::BadShape { path: names.path(this.grouping, cell), found });
    }

    fn odd_key(&mut self, names: &Names, cell: walk::Cell, _: Dimension, key: &str) {
        self.warn(|this| {
            let path = names.path(this.grouping, cell);
            Warning::BadKey { path: format!("{path}/{}", clean_words(key, LONGEST_WORD)) }
        });
    }

    fn new_metric(&mut self, _: &Metric) {}
}

const LONGEST_WORD: usize = 80;
