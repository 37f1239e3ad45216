//! Which Tweets go with which credential.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use engagement_model::{
    Access, AccountNames, Endpoint, Metric, TweetId,
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
    tweet_ids: Vec<TweetId>,
    who: &Who,
    owners: &Owners,
    holes: Holes,
) -> Result<ByAsker, Error> {
    let app = client.app();
    let forced = match who {
        Who::Auto => None,
        Who::App => Some(app.ok_or(ErrorKind::NoCredential)?),
        Who::Account(name) => Some(client.account(name)?),
    };
    let unknown_owner = client.only_account().or(app);
    let by_asker = if forced.is_some() || owners.is_empty() {
        let asker = forced.or(unknown_owner).ok_or(ErrorKind::NoCredential)?;
        BTreeMap::from([(asker, tweet_ids)])
    } else {
        let known: Vec<Option<Asker>> =
            owners.names().iter().map(|owner| client.account(owner).ok().or(app)).collect();
        let mut asks = Vec::with_capacity(tweet_ids.len());
        for tweet_id in tweet_ids {
            let asker = match owners.number_of(tweet_id) {
                Some(owner) => known.get(owner).copied().flatten(),
                None => unknown_owner,
            };
            let Some(asker) = asker else { return Err(ErrorKind::NoCredential.into()) };
            asks.push(Ask::new(tweet_id, asker));
        }
        Ask::by_asker(asks)
    };
    check_readable(endpoint, &by_asker, holes)?;
    Ok(by_asker)
}

/// Which Tweets each credential asks for.
pub(crate) type ByAsker = BTreeMap<Asker, Vec<TweetId>>;

/// The same without credentials: every owner that is known asks, as if there were a token. Names come by number. Where
/// owners are needed, and neither one of them nor an account is known, it is as if there were one, whose name is empty.
pub(crate) fn assign_by_owner(
    client: &Inner,
    endpoint: Endpoint,
    tweet_ids: Vec<TweetId>,
    who: &Who,
    owners: &Owners,
    holes: Holes,
) -> Result<(ByAsker, Vec<Arc<str>>), Error> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut number = |name: &str| {
        // An account that there is has its own spelling.
        let held = client.account(name).ok().and_then(|account| client.caller(account)?.owner.clone());
        let name = held.unwrap_or_else(|| name.into());
        let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(AccountNames::comparable(&name)).or_insert(next);
        if number == next {
            names.push(name);
        }
        Asker::Owner(number)
    };
    let forced = match who {
        Who::Auto => None,
        Who::App => Some(Asker::AppOnly),
        Who::Account(name) => Some(number(name)),
    };
    let only = client.only_account().and_then(|only| client.caller(only)?.owner.clone());
    let unknown_owner = match only {
        Some(only) => number(&only),
        None if owners.is_empty() && client.accounts().next().is_none() && app_reads_nothing(endpoint) => {
            number("")
        }
        None => Asker::AppOnly,
    };
    // An owner without a name is nobody who has a token.
    let asker = |owner: &Arc<str>| if owner.is_empty() { Asker::AppOnly } else { number(owner) };
    let known: Vec<Asker> = owners.names().iter().map(asker).collect();
    let asks = tweet_ids
        .into_iter()
        .map(|tweet_id| {
            let owner = owners.number_of(tweet_id).and_then(|owner| known.get(owner).copied());
            Ask::new(tweet_id, forced.or(owner).unwrap_or(unknown_owner))
        })
        .collect();
    let by_asker = Ask::by_asker(asks);
    check_readable(endpoint, &by_asker, holes)?;
    Ok((by_asker, names))
}

/// What becomes of Tweets whose owner's token is needed and not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holes {
    /// Nothing is asked.
    Refused,
    /// The others are asked for, if there are any; these are forbidden.
    Forbidden,
    /// All may be: their metrics were asked for by name.
    Named,
}

impl Holes {
    /// Those of a query that is sent or foretold.
    pub(crate) fn of(metrics: &Metrics) -> Self {
        if *metrics == Metrics::Allowed { Self::Forbidden } else { Self::Named }
    }

    /// Those of a plan that somebody else carries out.
    pub(crate) fn of_plan(metrics: &Metrics) -> Self {
        if *metrics == Metrics::Allowed { Self::Refused } else { Self::Named }
    }
}

/// Refuses what cannot be answered by any request: owners' numbers without an owner.
fn check_readable(endpoint: Endpoint, by_asker: &ByAsker, holes: Holes) -> Result<(), Error> {
    let mut by_app = by_asker.keys().map(|asker| *asker == Asker::AppOnly);
    let refused = match holes {
        Holes::Refused => by_app.any(|by_app| by_app),
        Holes::Forbidden => by_app.all(|by_app| by_app),
        Holes::Named => false,
    };
    if refused && app_reads_nothing(endpoint) {
        Err(ErrorKind::NeedsOwner { endpoint }.into())
    } else {
        Ok(())
    }
}

/// Whether only owners' tokens read anything there.
pub(crate) fn app_reads_nothing(endpoint: Endpoint) -> bool {
    Access::AppOnly.metrics(endpoint).next().is_none()
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
