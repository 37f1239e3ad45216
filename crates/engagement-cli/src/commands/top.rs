//! `engagement top`: the Tweets that did best.

use engagement::model::Metric;
use engagement_store::{
    fact::Kind,
    top::{By, Ranked},
};
use serde::Serialize;

use crate::{
    cli::Top,
    commands::stored::{read, storage},
    exit::{Exit, Failure},
    parse::RankBy,
    place::Place,
    records,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(crate) fn run(top: &Top, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let (by, name) = match &top.by {
        RankBy::Rate => (By::Rate, "rate"),
        RankBy::Metric(metric) => (By::Metric(metric.clone()), metric.name()),
    };
    let reader = read(&top.place.store)?;
    let lists: Vec<Vec<Ranked>> = if top.per_owner {
        reader.top_by_owner(&by, top.count).map(|lists| lists.into_values().collect())
    } else {
        reader.top(&by, top.count).map(|list| vec![list])
    }
    .map_err(|error| storage(&error))?;
    let lines: Vec<Line<'_>> = lists
        .iter()
        .flat_map(|list| list.iter().enumerate().map(|(place, ranked)| Line::of(place + 1, name, ranked)))
        .collect();
    if lines.is_empty() {
        talk.say(&format!("no Tweet in the store has a {name}"));
    }
    // The names of the two numbers that make a rate are those of the metrics.
    let (engagements, impressions) = (Metric::Engagements, Metric::Impressions);
    let mut columns = vec!["rank", "tweet_id", "owner", "by", "value"];
    if by == By::Rate {
        columns.extend([engagements.name(), impressions.name()]);
    }
    columns.extend(["source", "link"]);
    records::put(&lines, &columns, settings.output, Place::open(settings.out.as_deref())?)
}

#[derive(Serialize)]
struct Line<'a> {
    rank: usize,
    tweet_id: String,
    owner: Option<&'a str>,
    by: &'a str,
    value: serde_json::Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    engagements: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impressions: Option<u64>,
    source: &'static str,
    link: String,
}

impl<'a> Line<'a> {
    fn of(rank: usize, by: &'a str, ranked: &'a Ranked) -> Self {
        let rate = ranked.rate();
        Self {
            rank,
            tweet_id: ranked.tweet_id.to_string(),
            owner: ranked.owner.as_deref(),
            by,
            value: rate.and_then(serde_json::Number::from_f64).unwrap_or_else(|| ranked.value.into()),
            engagements: rate.map(|_| ranked.value),
            impressions: ranked.impressions,
            source: match ranked.source {
                Kind::Totals => "totals",
                Kind::Series => "series",
            },
            link: ranked.link(),
        }
    }
}
