//! Counts by Tweet, metric and hour, and an encoder that shares no code with the decoder.

use std::collections::{BTreeMap, BTreeSet};

use engagement_model::{Dimension, Endpoint, Grouping, Metric, Request, TweetId, UtcHour, Window};
use jiff::Timestamp;
use proptest::prelude::*;

/// A time at which every window here lies in the past.
pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Every count of a few Tweets.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) tweet_ids: Vec<TweetId>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) window: Window,
    pub(crate) seed: u64,
}

/// The two real forms of an hour without its day (contract 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HourForm {
    Calendar,
    OfDay,
}

/// How a body is written where the API leaves it open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) hours: HourForm,
    pub(crate) bare_numbers: bool,
    pub(crate) blanks: bool,
    pub(crate) escapes: bool,
    /// Turns the order of the keys.
    pub(crate) turn: usize,
}

impl Style {
    pub(crate) const PLAIN: Self =
        Self { hours: HourForm::Calendar, bare_numbers: false, blanks: false, escapes: false, turn: 0 };
}

pub(crate) fn styles() -> impl Strategy<Value = Style> {
    let hours = prop_oneof![Just(HourForm::Calendar), Just(HourForm::OfDay)];
    (hours, any::<[bool; 3]>(), 0..5_usize).prop_map(|(hours, [bare_numbers, blanks, escapes], turn)| Style {
        hours,
        bare_numbers,
        blanks,
        escapes,
        turn,
    })
}

pub(crate) fn worlds(most_hours: i32) -> impl Strategy<Value = World> {
    let metrics = proptest::sample::subsequence(Endpoint::Historical.metrics().collect::<Vec<_>>(), 1..5);
    let ids = proptest::collection::btree_set(1..1_500_000_000_000_000_000_u64, 1..6);
    (ids, metrics, 440_000..470_000_i32, 1..most_hours, any::<u64>()).prop_map(
        |(ids, metrics, start, hours, seed)| {
            let start = UtcHour::from_epoch(start).unwrap();
            World {
                tweet_ids: ids.into_iter().map(|id| TweetId::new(id).unwrap()).collect(),
                metrics,
                window: Window::new(start, start.plus(hours)).unwrap(),
                seed,
            }
        },
    )
}

impl World {
    /// Zero for many, small for most, beyond 2⁵³ for some.
    pub(crate) fn count(&self, tweet_id: TweetId, metric: &Metric, hour: UtcHour) -> u64 {
        let mut mixed =
            self.seed ^ tweet_id.get().rotate_left(17) ^ u64::from(hour.since_epoch().unsigned_abs());
        for byte in metric.name().bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        match mixed >> 61 {
            0..=2 => 0,
            7 if mixed & 15 == 0 => mixed >> 8,
            _ => mixed >> 3 & 0xfff,
        }
    }

    pub(crate) fn request(&self, groupings: impl IntoIterator<Item = Grouping>) -> Request {
        let (ids, metrics) = (self.tweet_ids.iter().copied(), self.metrics.iter().cloned());
        Request::historical(ids, metrics, groupings, self.window, now()).unwrap()
    }

    /// The keys of one count in this grouping, outermost first.
    fn keys(
        &self,
        grouping: &Grouping,
        form: HourForm,
        id: TweetId,
        metric: &Metric,
        hour: UtcHour,
    ) -> Vec<String> {
        let (day, clock) = day_and_hour(hour);
        let mut keys = Vec::new();
        for dimension in grouping.by() {
            match dimension {
                Dimension::TweetId => keys.push(id.to_string()),
                Dimension::EngagementType => keys.push(metric.to_string()),
                Dimension::EngagementDay => keys.push(day.clone()),
                Dimension::EngagementHour => {
                    if form == HourForm::Calendar && !grouping.has(Dimension::EngagementDay) {
                        keys.push(day.clone());
                    }
                    keys.push(clock.clone());
                }
            }
        }
        keys
    }

    /// Every sum of a grouping, by its keys.
    pub(crate) fn sums(&self, grouping: &Grouping, form: HourForm) -> BTreeMap<Vec<String>, u64> {
        let mut sums = BTreeMap::new();
        for id in &self.tweet_ids {
            for metric in &self.metrics {
                for hour in self.window.hours() {
                    let keys = self.keys(grouping, form, *id, metric, hour);
                    *sums.entry(keys).or_default() += self.count(*id, metric, hour);
                }
            }
        }
        sums
    }

    /// The answer to a request about all of it.
    pub(crate) fn answer(&self, groupings: &[Grouping], style: Style) -> String {
        let mut members: Vec<(String, Tree)> = groupings
            .iter()
            .map(|grouping| (grouping.name().to_owned(), Tree::of(&self.sums(grouping, style.hours))))
            .collect();
        members.push(("start".into(), Tree::Text(self.window.start().to_string())));
        members.push(("end".into(), Tree::Text(self.window.end().to_string())));
        let mut body = String::new();
        Tree::Level(members).write(style, &mut body);
        body
    }
}

/// `2024-03-05` and `22`, by way of jiff's calendar.
pub(crate) fn day_and_hour(hour: UtcHour) -> (String, String) {
    let time = jiff::tz::TimeZone::UTC.to_datetime(hour.start());
    (time.strftime("%Y-%m-%d").to_string(), time.strftime("%H").to_string())
}

/// Every grouping that the endpoint takes, by number of dimensions.
pub(crate) fn legal_groupings(endpoint: Endpoint) -> Vec<Grouping> {
    let all = endpoint.dimensions();
    let mut orders: Vec<Vec<Dimension>> = vec![vec![]];
    let mut legal = Vec::new();
    while let Some(order) = orders.pop() {
        for next in all.iter().filter(|next| !order.contains(next)) {
            let longer: Vec<Dimension> = order.iter().chain([next]).copied().collect();
            if let Ok(grouping) = Grouping::new(format!("g{}", legal.len()), longer.clone()) {
                legal.push(grouping);
            }
            orders.push(longer);
        }
    }
    assert_eq!(legal.iter().map(Grouping::by).collect::<BTreeSet<_>>().len(), legal.len());
    legal
}

enum Tree {
    Count(u64),
    Text(String),
    Level(Vec<(String, Tree)>),
}

impl Tree {
    fn of(sums: &BTreeMap<Vec<String>, u64>) -> Self {
        let rest = |keys: &[String]| keys[1..].to_vec();
        let mut levels: BTreeMap<&String, BTreeMap<Vec<String>, u64>> = BTreeMap::new();
        for (keys, sum) in sums {
            match keys.first() {
                None => return Self::Count(*sum),
                Some(key) => levels.entry(key).or_default().insert(rest(keys), *sum),
            };
        }
        Self::Level(levels.into_iter().map(|(key, sums)| (key.clone(), Self::of(&sums))).collect())
    }

    fn write(&self, style: Style, body: &mut String) {
        let blank = |body: &mut String| {
            if style.blanks {
                body.push_str(" \r\n\t");
            }
        };
        let text = |text: &str, body: &mut String| {
            body.push('"');
            for letter in text.chars() {
                if style.escapes && "1ae-".contains(letter) {
                    body.push_str(&format!("\\u{:04x}", u32::from(letter)));
                } else {
                    body.push(letter);
                }
            }
            body.push('"');
        };
        match self {
            Self::Count(count) if style.bare_numbers => body.push_str(&count.to_string()),
            Self::Count(count) => text(&count.to_string(), body),
            Self::Text(words) => text(words, body),
            Self::Level(members) => {
                body.push('{');
                for index in 0..members.len() {
                    let (key, value) = &members[(index + style.turn) % members.len()];
                    if index > 0 {
                        body.push(',');
                    }
                    blank(body);
                    text(key, body);
                    blank(body);
                    body.push(':');
                    blank(body);
                    value.write(style, body);
                    blank(body);
                }
                body.push('}');
            }
        }
    }
}
