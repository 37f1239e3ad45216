//! `--dry-run`: the plan and nothing else.

use std::collections::{BTreeMap, HashMap};

use engagement::{
    Query,
    model::{Endpoint, TweetId},
};
use engagement_store::{
    Reader,
    job::{JobId, Progress},
};
use serde::Serialize;

use crate::{
    cli::{Format, Pace},
    commands::{setup::refused, stored::storage},
    exit::{Exit, Failure},
    place::Place,
    settings::Settings,
};

/// Prints what would be sent for a query, or that there is nothing to send.
pub(super) fn print(query: Option<Query>, pace: &Pace, settings: &Settings) -> Result<Exit, Failure> {
    let Some(query) = query else { return Plan::default().put(settings) };
    let forecast = query.forecast(quota(pace, settings)).map_err(|error| refused(&error))?;
    let plan = Plan {
        requests: forecast.requests,
        lower_bound: forecast.lower_bound,
        by_endpoint: forecast.by_endpoint.iter().map(|(endpoint, n)| (endpoint.name(), *n)).collect(),
        by_owner: forecast.by_owner,
        ids: forecast.ids,
        skipped: Skipped { unsupported: forecast.skipped_unsupported },
        minutes_at_quota: forecast.minutes_at_quota,
    };
    plan.put(settings)
}

/// Prints what would be sent for the rest of a job.
pub(super) fn print_rest(
    reader: &Reader,
    job: JobId,
    pace: &Pace,
    settings: &Settings,
) -> Result<Exit, Failure> {
    let failed = |error| storage(&error);
    let mut plan = Plan::default();
    let mut tweet_ids: Vec<TweetId> = Vec::new();
    // Tweets that could share requests.
    let mut pools: HashMap<_, u64> = HashMap::new();
    for batch in reader.batches(job, &[Progress::Pending, Progress::InFlight]).map_err(failed)? {
        let tweets = reader.batch_tweets(batch.id).map_err(failed)?;
        tweet_ids.extend(tweets.into_iter().map(|(tweet_id, _)| tweet_id));
        plan.requests += 1;
        *plan.by_endpoint.entry(batch.endpoint.name()).or_default() += 1;
        *plan.by_owner.entry(batch.owner.clone().unwrap_or_default()).or_default() += 1;
        *pools.entry((batch.endpoint, batch.owner, batch.window)).or_default() += batch.tweets;
    }
    let bounds =
        pools.into_iter().map(|((endpoint, ..), tweets)| tweets.div_ceil(endpoint.max_tweet_ids() as u64));
    plan.lower_bound = bounds.sum();
    tweet_ids.sort_unstable();
    tweet_ids.dedup();
    plan.ids = tweet_ids.len() as u64;
    #[expect(clippy::cast_precision_loss, reason = "minutes for people, of at most millions of requests")]
    let minutes = |quota: u32| plan.requests as f64 / f64::from(quota.max(1));
    plan.minutes_at_quota = quota(pace, settings).map(minutes);
    plan.put(settings)
}

#[derive(Default, Serialize)]
struct Plan {
    requests: u64,
    lower_bound: u64,
    by_endpoint: BTreeMap<&'static str, u64>,
    by_owner: BTreeMap<String, u64>,
    ids: u64,
    skipped: Skipped,
    minutes_at_quota: Option<f64>,
}

#[derive(Default, Serialize)]
struct Skipped {
    unsupported: u64,
}

impl Plan {
    fn put(&self, settings: &Settings) -> Result<Exit, Failure> {
        if settings.output == Some(Format::Json) {
            return put(settings, &format!("{}\n", serde_json::to_string(self).unwrap_or_default()));
        }
        let mut text = format!(
            "{} requests for {} Tweets (no fewer than {} could do), {} cells not asked for because the API does not \
             serve them\n",
            self.requests, self.ids, self.lower_bound, self.skipped.unsupported
        );
        for (owner, requests) in &self.by_owner {
            let owner = match owner.as_str() {
                "" if !self.by_endpoint.contains_key(Endpoint::Totals.name()) => "whoever owns them",
                "" => "app-only",
                owner => owner,
            };
            text.push_str(&format!("{requests} {owner}\n"));
        }
        if let Some(minutes) = self.minutes_at_quota {
            text.push_str(&format!("{minutes:.1} minutes at the quota\n"));
        }
        put(settings, &text)
    }
}

fn quota(pace: &Pace, settings: &Settings) -> Option<u32> {
    pace.quota.or(settings.quota).map(|rate| rate.0.get())
}

fn put(settings: &Settings, text: &str) -> Result<Exit, Failure> {
    Place::open(settings.out.as_deref())?.put(text.as_bytes())
}
