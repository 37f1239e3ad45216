//! From a judged request to its answer (contract §3, §5.3 from availability on).

pub(crate) mod nest;
pub(crate) mod sink;
pub(crate) mod table;

use engagement_model::{Dimension, Endpoint, Metric, UtcHour};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use self::{
    nest::{Axes, Day, Style},
    sink::{Encoding, Sink},
    table::Table,
};
use crate::{
    auth::Asker,
    refusal::Refusal,
    rules::{
        body::{Asked, Grouping, Query},
        window::Span,
    },
    switches::{NinetyDayRule, Switches},
    world::{World, tweet::Tweet},
};

/// An answer before it is written: that takes the time, and can be done elsewhere.
#[derive(Debug)]
pub(crate) struct Answer {
    metrics: Vec<Asked>,
    groupings: Vec<Grouping>,
    style: Style,
    now: Timestamp,
    span: Option<Span>,
    /// Those that are answered.
    ids: Vec<String>,
    tweets: Vec<Tweet>,
    omitted: Vec<Vec<bool>>,
    lists: Vec<(&'static str, Vec<String>)>,
    errors: Vec<String>,
}

impl Answer {
    /// Judges availability, ownership and age, in this order.
    pub(crate) fn prepare(
        world: &World,
        asker: &Asker,
        query: Query,
        endpoint: Endpoint,
        switches: &Switches,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let span = match endpoint {
            Endpoint::Totals => None,
            Endpoint::Last28Hours => Some(Span::last_28_hours(now, switches)),
            Endpoint::Historical => Some(Span::historical(query.start, query.end, now, switches)?),
        };
        metrics_open_to(asker, &query, endpoint)?;

        let mut answer = Self {
            metrics: query.metrics,
            groupings: query.groupings,
            style: Style { numbers: switches.numbers, hour_of_day: switches.hour_of_day },
            now,
            span,
            ids: Vec::new(),
            tweets: Vec::new(),
            omitted: Vec::new(),
            lists: Vec::new(),
            errors: Vec::new(),
        };
        let mut unavailable = Vec::new();
        for id in query.ids {
            match find(world, &id).filter(|tweet| tweet.is_available(now)) {
                Some(tweet) => {
                    answer.ids.push(id);
                    answer.tweets.push(tweet);
                }
                None => unavailable.push(id),
            }
        }
        if answer.ids.is_empty() {
            return Err(Refusal {
                lists: vec![(UNAVAILABLE, unavailable.clone())],
                ..Refusal::new(StatusCode::BAD_REQUEST, unavailable_text(unavailable.len()))
            });
        }
        answer.owned_by(asker, endpoint, switches.old_forbidden_text)?;
        answer.young_enough(endpoint, switches.ninety_day_rule, unavailable)?;
        Ok(answer)
    }

    /// The body. Keys are sorted (our choice: their order has no meaning).
    pub(crate) fn write(&self, encoding: Encoding) -> Vec<u8> {
        let (table, days) = match &self.span {
            None => {
                let end = UtcHour::containing(self.now).since_epoch() + 1;
                (Table::lifetimes(&self.tweets, &self.metrics, end), Vec::new())
            }
            Some(span) => {
                let first = span.first.since_epoch();
                let table = Table::series(&self.tweets, &self.metrics, first, span.len());
                let days = Day::of(span.first, table.hours());
                (table, days)
            }
        };
        let table = self.without_old_videos(table);
        let axes = Axes {
            ids: places(self.ids.iter().map(String::as_str)),
            metrics: places(self.metrics.iter().map(|asked| asked.name)),
            days,
            omitted: self.omitted.clone(),
        };

        let mut keys: Vec<Key<'_>> =
            self.groupings.iter().map(|grouping| Key::Grouping(&grouping.name, &grouping.by)).collect();
        keys.extend(self.lists.iter().map(|(name, ids)| Key::Texts(name, ids)));
        if !self.errors.is_empty() {
            keys.push(Key::Texts("errors", &self.errors));
        }
        if let Some(span) = &self.span {
            keys.push(Key::Time("start", span.first.start()));
            keys.push(Key::Time("end", span.echoed_end));
        }
        keys.sort_by(|one, other| one.name().cmp(other.name()));

        let mut sink = Sink::new(encoding);
        for (index, key) in keys.iter().enumerate() {
            sink.push(if index == 0 { b"{" } else { b"," });
            sink.string(key.name());
            sink.push(b":");
            match key {
                Key::Grouping(_, by) => nest::write(&mut sink, by, &axes, &table, self.style),
                Key::Texts(_, texts) => write_texts(&mut sink, texts),
                Key::Time(_, time) => sink.string(&time.to_string()),
            }
        }
        sink.push(b"}");
        sink.finish()
    }

    /// One Tweet that the asker does not own forbids the whole request (contract 6.1; seen in the wild).
    fn owned_by(&self, asker: &Asker, endpoint: Endpoint, by_author: bool) -> Result<(), Refusal> {
        let owner = match asker.user_id {
            Some(user_id) => Some(user_id),
            None if endpoint == Endpoint::Totals => return Ok(()),
            None => None,
        };
        let forbidden = || self.ids.iter().zip(&self.tweets).filter(|(_, tweet)| Some(tweet.owner) != owner);
        if forbidden().next().is_none() {
            return Ok(());
        }
        let messages = if by_author {
            let mut authors: Vec<u64> = forbidden().map(|(_, tweet)| tweet.owner).collect();
            authors.sort_unstable();
            authors.dedup();
            let one = |author| {
                let ids = forbidden().filter(|(_, tweet)| tweet.owner == author).map(|(id, _)| id);
                format!("Forbidden to access tweets for author id {author}: {}", join(ids))
            };
            authors.into_iter().map(one).collect()
        } else {
            vec![format!("Forbidden to access tweets: {}", join(forbidden().map(|(id, _)| id)))]
        };
        Err(Refusal { status: StatusCode::FORBIDDEN, messages, lists: Vec::new() })
    }

    /// Contract 3.4 and 4: 90 days for impressions and engagements, 1,800 for video views.
    fn young_enough(
        &mut self,
        endpoint: Endpoint,
        rule: NinetyDayRule,
        unavailable: Vec<String>,
    ) -> Result<(), Refusal> {
        let mut too_old_for_two = Vec::new();
        let mut too_old_for_video = Vec::new();
        for (id, tweet) in self.ids.iter().zip(&self.tweets) {
            let is_omitted = |asked: &Asked| {
                ninety_days(&asked.metric, endpoint, rule)
                    .is_some_and(|days| tweet.is_older_than(days, self.now))
            };
            let omitted: Vec<bool> = self.metrics.iter().map(is_omitted).collect();
            if omitted.contains(&true) {
                too_old_for_two.push(id.clone());
            }
            if self.metrics.iter().any(|asked| is_old_video(&asked.metric, tweet, self.now)) {
                too_old_for_video.push(id.clone());
            }
            self.omitted.push(omitted);
        }
        let served = self.omitted.iter().flatten().any(|omitted| !omitted);
        if !served && !unavailable.is_empty() {
            self.errors.push(unavailable_text(unavailable.len()));
        }
        if !too_old_for_two.is_empty() {
            let end = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
            let start = end.checked_sub(SignedDuration::from_hours(90 * 24)).unwrap_or(end);
            // How the real service writes the period is not known.
            self.errors.push(format!(
                "Impressions & engagements for tweets older than 90 days ({start} - {end}) are not supported"
            ));
        }
        for (name, ids) in [
            (UNAVAILABLE, unavailable),
            ("unsupported_for_impressions_engagements_tweet_ids", too_old_for_two),
            ("unsupported_for_video_views_tweet_ids", too_old_for_video),
        ] {
            if !ids.is_empty() {
                self.lists.push((name, ids));
            }
        }
        if served {
            return Ok(());
        }
        Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            messages: core::mem::take(&mut self.errors),
            lists: core::mem::take(&mut self.lists),
        })
    }

    /// Video views of a Tweet that is too old are listed and yet answered, with 0 (contract 3.4, documented).
    fn without_old_videos(&self, mut table: Table) -> Table {
        for (row, tweet) in self.tweets.iter().enumerate() {
            for (column, asked) in self.metrics.iter().enumerate() {
                if is_old_video(&asked.metric, tweet, self.now) {
                    table.clear(row, column);
                }
            }
        }
        table
    }
}

/// The count that an endpoint answers for one Tweet; `None` if its answer has no count of it.
pub(crate) fn truth(
    world: &World,
    id: &str,
    metric: &Metric,
    hours: Option<core::ops::Range<UtcHour>>,
    switches: &Switches,
    now: Timestamp,
) -> Option<u64> {
    let tweet = find(world, id).filter(|tweet| tweet.is_available(now))?;
    let endpoint = if hours.is_some() { Endpoint::Historical } else { Endpoint::Totals };
    let too_old = ninety_days(metric, endpoint, switches.ninety_day_rule)
        .is_some_and(|days| tweet.is_older_than(days, now));
    if too_old || !metric.is_served_by(endpoint) {
        return None;
    }
    if is_old_video(metric, &tweet, now) {
        return Some(0);
    }
    let recipe = crate::world::curve::Recipe::of(metric, endpoint);
    let before = |hour: UtcHour| recipe.before(&tweet, hour.since_epoch());
    Some(match hours {
        Some(hours) => before(hours.end).saturating_sub(before(hours.start)),
        None => before(UtcHour::containing(now).plus(1)),
    })
}

/// Contract 5.3: what app-only authentication may not read on totals. On the other endpoints it is the Tweets that are
/// forbidden (contract 6.1).
fn metrics_open_to(asker: &Asker, query: &Query, endpoint: Endpoint) -> Result<(), Refusal> {
    if asker.user_id.is_some() || endpoint != Endpoint::Totals {
        return Ok(());
    }
    let closed: Vec<_> =
        query.metrics.iter().filter(|asked| !asked.metric.is_public()).map(|asked| asked.name).collect();
    if closed.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, format!("Forbidden to access metrics: {}", closed.join(", "))))
}

/// The Tweet of an id, if there can be one: zero, leading zeros and numbers above 2⁶³ − 1 were never given out.
fn find(world: &World, id: &str) -> Option<Tweet> {
    let id: engagement_model::TweetId = id.parse().ok()?;
    Some(world.tweet(id.get()))
}

/// The age limit of the metric if it is one of the two that the 90-day rule is about, and the rule holds here.
fn ninety_days(metric: &Metric, endpoint: Endpoint, rule: NinetyDayRule) -> Option<u32> {
    let holds = match rule {
        NinetyDayRule::Totals => endpoint == Endpoint::Totals,
        NinetyDayRule::All => true,
        NinetyDayRule::Off => false,
    };
    let is_one = matches!(metric, Metric::Impressions | Metric::Engagements);
    if holds && is_one { metric.facts()?.max_age_days } else { None }
}

fn is_old_video(metric: &Metric, tweet: &Tweet, now: Timestamp) -> bool {
    let days = metric.facts().and_then(|facts| facts.max_age_days);
    *metric == Metric::VideoViews && days.is_some_and(|days| tweet.is_older_than(days, now))
}

fn unavailable_text(count: usize) -> String {
    format!("{count} Tweet ID(s) are unavailable")
}

fn join<'a>(ids: impl Iterator<Item = &'a String>) -> String {
    ids.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Names with their places, sorted by name.
fn places<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut places: Vec<_> = names.enumerate().map(|(place, name)| (name, place)).collect();
    places.sort_unstable();
    places
}

fn write_texts(sink: &mut Sink, texts: &[String]) {
    sink.push(b"[");
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            sink.push(b",");
        }
        sink.string(text);
    }
    sink.push(b"]");
}

/// A root key of an answer.
enum Key<'a> {
    Grouping(&'a str, &'a [Dimension]),
    Texts(&'static str, &'a [String]),
    Time(&'static str, Timestamp),
}

impl Key<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Grouping(name, _) => name,
            Self::Texts(name, _) | Self::Time(name, _) => name,
        }
    }
}

const UNAVAILABLE: &str = "unavailable_tweet_ids";
