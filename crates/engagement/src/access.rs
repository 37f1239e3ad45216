//! Which Tweets go with which credential.

use engagement_model::{Access, Endpoint, Metric, TweetId};

use crate::{
    client::Inner,
    error::{Error, ErrorKind},
    query::{Metrics, Owners, Who},
};

/// Tweets that one credential asks for.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) caller: usize,
    pub(crate) tweet_ids: Vec<TweetId>,
    /// What the credential may read of what is asked for.
    pub(crate) metrics: Vec<Metric>,
    /// What it may not read, and was asked for by name.
    pub(crate) forbidden: Vec<Metric>,
    /// Where public metrics of Tweets go that turn out to be somebody else's.
    pub(crate) fallback: Option<usize>,
}

/// Divides the Tweets among the credentials: each to its owner's, where that is known and there is a token; those of
/// unknown owner to the only account there is, else app-only.
pub(crate) fn divide(
    client: &Inner,
    endpoint: Endpoint,
    tweet_ids: Vec<TweetId>,
    who: &Who,
    owners: &Owners,
    metrics: &Metrics,
) -> Result<Vec<Share>, Error> {
    let mut shares: Vec<Vec<TweetId>> = vec![Vec::new(); client.callers.len()];
    let app = client.app();
    let forced = match who {
        Who::Auto => None,
        Who::App => Some(app.ok_or(ErrorKind::NoCredential)?),
        Who::Account(name) => Some(client.account(name)?),
    };
    let unknown_owner = match client.accounts() {
        [only] => Some(*only),
        _ => app,
    };
    for tweet_id in tweet_ids {
        let caller = match (forced, owners.of(tweet_id)) {
            (Some(forced), _) => Some(forced),
            (None, None) => unknown_owner,
            (None, Some(owner)) => client.account(owner).ok().or(app),
        };
        let caller = caller.ok_or(ErrorKind::NoCredential)?;
        if let Some(share) = shares.get_mut(caller) {
            share.push(tweet_id);
        }
    }
    let mut divided = Vec::new();
    for (caller, tweet_ids) in shares.into_iter().enumerate().filter(|(_, tweet_ids)| !tweet_ids.is_empty()) {
        let access = client.caller(caller).access;
        let (readable, unreadable) = readable(endpoint, access, metrics)?;
        if readable.is_empty() && unreadable.is_empty() {
            return Err(match access {
                Access::AppOnly if endpoint.is_series() => ErrorKind::NeedsOwner { endpoint },
                _ => ErrorKind::NoMetrics { endpoint },
            }
            .into());
        }
        // Elsewhere a public metric is another quantity, and forcing a credential means that one and no other.
        let falls_back = endpoint == Endpoint::Totals && access == Access::Owner && forced.is_none();
        let fallback = app.filter(|_| falls_back);
        divided.push(Share { caller, tweet_ids, metrics: readable, forbidden: unreadable, fallback });
    }
    Ok(divided)
}

/// What the credential may read, and what it may not although it is named.
fn readable(
    endpoint: Endpoint,
    access: Access,
    metrics: &Metrics,
) -> Result<(Vec<Metric>, Vec<Metric>), Error> {
    match metrics {
        Metrics::Allowed => Ok((access.metrics(endpoint).collect(), Vec::new())),
        Metrics::Named(named) => {
            if let Some(metric) = named.iter().find(|metric| !metric.is_served_by(endpoint)) {
                return Err(ErrorKind::MisplacedMetric { endpoint, metric: metric.clone() }.into());
            }
            let mut named = named.clone();
            named.sort();
            named.dedup();
            Ok(named.into_iter().partition(|metric| access.reads(metric, endpoint)))
        }
    }
}
