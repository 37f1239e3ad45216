//! Which requests share a quota.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use engagement_model::{Endpoint, plan::Asker};
use engagement_transport::Quota;

/// Who draws on one quota. What holds for this API is not documented (contract 5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaPool {
    /// All requests of the client: never too fast, whatever the server counts.
    #[default]
    App,
    /// Each account's, and the app's own.
    Token,
    /// Those to each endpoint, for each of these.
    Endpoint,
}

/// The quotas of a client.
#[derive(Debug)]
pub(crate) struct Pools {
    kind: QuotaPool,
    first: Quota,
    own: Mutex<HashMap<(Asker, Option<Endpoint>), Quota>>,
}

impl Pools {
    /// Each with the limit of `first`.
    pub(crate) fn new(kind: QuotaPool, first: Quota) -> Self {
        Self { kind, first, own: Mutex::default() }
    }

    /// What is drawn on where all requests share one, and otherwise the limit for each.
    pub(crate) fn first(&self) -> &Quota {
        &self.first
    }

    /// What a request draws on.
    pub(crate) fn of(&self, asker: Asker, endpoint: Endpoint) -> Quota {
        let key = match self.kind {
            QuotaPool::App => return self.first.clone(),
            QuotaPool::Token => (asker, None),
            QuotaPool::Endpoint => (asker, Some(endpoint)),
        };
        // Each change is one insertion.
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.entry(key).or_insert_with(|| self.first.another()).clone()
    }
}
