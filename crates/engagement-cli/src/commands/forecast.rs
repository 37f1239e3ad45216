//! `--dry-run`: the plan and nothing else.

use std::collections::BTreeMap;

use engagement::Query;
use serde::Serialize;

use crate::{
    cli::{Format, Pace},
    commands::setup::refused,
    exit::{Exit, Failure},
    place::Place,
    settings::Settings,
};

/// Prints what would be sent.
pub(super) fn print(query: Query, pace: &Pace, settings: &Settings) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Plan<'a> {
        requests: u64,
        lower_bound: u64,
        by_endpoint: BTreeMap<&'a str, u64>,
        by_owner: &'a BTreeMap<String, u64>,
        ids: u64,
        skipped: Skipped,
        minutes_at_quota: Option<f64>,
    }
    #[derive(Serialize)]
    struct Skipped {
        unsupported: u64,
    }
    let quota = pace.quota.or(settings.quota).map(|rate| rate.0.get());
    let forecast = query.forecast(quota).map_err(|error| refused(&error))?;
    if settings.output == Some(Format::Json) {
        let plan = Plan {
            requests: forecast.requests,
            lower_bound: forecast.lower_bound,
            by_endpoint: forecast.by_endpoint.iter().map(|(endpoint, n)| (endpoint.name(), *n)).collect(),
            by_owner: &forecast.by_owner,
            ids: forecast.ids,
            skipped: Skipped { unsupported: forecast.skipped_unsupported },
            minutes_at_quota: forecast.minutes_at_quota,
        };
        return put(settings, &format!("{}\n", serde_json::to_string(&plan).unwrap_or_default()));
    }
    let mut text = format!(
        "{} requests for {} Tweets (no fewer than {} could do), {} cells not asked for because the API does not serve \
         them\n",
        forecast.requests, forecast.ids, forecast.lower_bound, forecast.skipped_unsupported
    );
    for (owner, requests) in &forecast.by_owner {
        let owner = match owner.as_str() {
            "" if forecast.by_endpoint.keys().any(|endpoint| endpoint.is_series()) => "whoever owns them",
            "" => "app-only",
            owner => owner,
        };
        text.push_str(&format!("{requests} {owner}\n"));
    }
    if let Some(minutes) = forecast.minutes_at_quota {
        text.push_str(&format!("{minutes:.1} minutes at the quota\n"));
    }
    put(settings, &text)
}

fn put(settings: &Settings, text: &str) -> Result<Exit, Failure> {
    Place::open(settings.out.as_deref())?.put(text.as_bytes())
}
