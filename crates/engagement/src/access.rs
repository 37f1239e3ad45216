//! Which Tweets go with which credential.

use std::{collections::HashMap, sync::Arc};

use engagement_model::{
    Access, Endpoint, Metric, TweetId,
    plan::{Ask, Asker},
};

use crate::{
    client::Inner,
    error::{Error, ErrorKind},
    owners::Owners,
    query::{Metrics, Who},
};

/// Gives each Tweet to a credential: its owner's, where that is known and there is a token; those of unknown owner to
/// the only account that there is, else to the app.
pub(crate) fn assign(
    client: &Inner,
    endpoint: Endpoint,
    tweet_ids: &[TweetId],
    who: &Who,
    owners: &Owners,
    metrics: &Metrics,
) -> Result<Vec<Ask>, Error> {
    let app = client.app();
    let forced = match who {
        Who::Auto => None,
        Who::App => Some(app.ok_or(ErrorKind::NoCredential)?),
        Who::Account(name) => Some(client.account(name)?),
    };
    let unknown_owner = client.only_account().or(app);
    let known: Vec<Option<Asker>> =
        owners.names().iter().map(|owner| client.account(owner).ok().or(app)).collect();
    let mut asks = Vec::with_capacity(tweet_ids.len());
    for &tweet_id in tweet_ids {
        let asker = match (forced, owners.number_of(tweet_id)) {
            (Some(forced), _) => Some(forced),
            (None, None) => unknown_owner,
            (None, Some(owner)) => known.get(owner).copied().flatten(),
        };
        asks.push(Ask::new(tweet_id, asker.ok_or(ErrorKind::NoCredential)?));
    }
    check_readable(endpoint, &asks, metrics)?;
    Ok(asks)
}

/// The same without credentials: every owner that is known asks, as if there were a token. Names come by number.
pub(crate) fn assign_by_owner(
    client: &Inner,
    endpoint: Endpoint,
    tweet_ids: &[TweetId],
    who: &Who,
    owners: &Owners,
    metrics: &Metrics,
) -> Result<(Vec<Ask>, Vec<Arc<str>>), Error> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut numbers: HashMap<Arc<str>, u32> = HashMap::new();
    let mut number = |name: &str| {
        if let Some(number) = numbers.get(name) {
            return Asker::Owner(*number);
        }
        let number = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        names.push(name.clone());
        numbers.insert(name, number);
        Asker::Owner(number)
    };
    let only = client.only_account().and_then(|only| client.caller(only)?.owner.clone());
    let asks: Vec<Ask> = tweet_ids
        .iter()
        .map(|&tweet_id| {
            let asker = match (who, owners.of(tweet_id), &only) {
                (Who::App, _, _) => Asker::AppOnly,
                (Who::Account(name), _, _) => number(name),
                (Who::Auto, Some(owner), _) => number(owner),
                (Who::Auto, None, Some(only)) => number(only),
                (Who::Auto, None, None) => Asker::AppOnly,
            };
            Ask::new(tweet_id, asker)
        })
        .collect();
    check_readable(endpoint, &asks, metrics)?;
    Ok((asks, names))
}

/// Refuses what cannot be answered by any request: owners' numbers without an owner.
fn check_readable(endpoint: Endpoint, asks: &[Ask], metrics: &Metrics) -> Result<(), Error> {
    let app_reads_nothing = Access::AppOnly.metrics(endpoint).next().is_none();
    if *metrics == Metrics::Allowed && app_reads_nothing && asks.iter().any(|ask| ask.asker == Asker::AppOnly)
    {
        return Err(ErrorKind::NeedsOwner { endpoint }.into());
    }
    Ok(())
}

/// What is asked for by name, or all that the endpoint serves.
pub(crate) fn metrics(endpoint: Endpoint, metrics: &Metrics) -> Vec<Metric> {
    let mut named = match metrics {
        Metrics::Allowed => endpoint.metrics().collect(),
        Metrics::Named(named) => named.clone(),
    };
    named.sort();
    named.dedup();
    named
}
