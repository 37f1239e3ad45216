//! Which credential may read what.

use crate::{endpoint::Endpoint, metric::Metric};

/// The kind of credential that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// The app alone: a bearer token, or OAuth 1.0a signed with consumer key and secret only.
    AppOnly,
    /// OAuth 1.0a with the access token of the Tweets' owner.
    Owner,
}

impl Access {
    /// Whether this credential may read the metric there (contract 6.1, documented).
    ///
    /// App-only reads the public metrics, of any public Tweet, on totals. The owner reads everything that the endpoint
    /// serves. What a metric outside the table needs is unknown: it is left to the server.
    pub fn reads(self, metric: &Metric, endpoint: Endpoint) -> bool {
        metric.is_served_by(endpoint)
            && match (self, metric) {
                (Self::Owner, _) | (Self::AppOnly, Metric::Other(_)) => true,
                (Self::AppOnly, known) => endpoint == Endpoint::Totals && known.is_public(),
            }
    }

    /// The metrics of the table that it reads there, by name.
    pub fn metrics(self, endpoint: Endpoint) -> impl Iterator<Item = Metric> {
        endpoint.metrics().filter(move |metric| self.reads(metric, endpoint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_reads_public_totals_only() {
        let count = |access: Access, endpoint| access.metrics(endpoint).count();
        assert_eq!(Endpoint::ALL.map(|endpoint| count(Access::AppOnly, endpoint)), [5, 0, 0]);
        assert_eq!(Endpoint::ALL.map(|endpoint| count(Access::Owner, endpoint)), [7, 17, 17]);
        assert!(!Access::Owner.reads(&Metric::QuoteTweets, Endpoint::Historical));
        assert!(Access::AppOnly.reads(&Metric::named("brand_new"), Endpoint::Totals));
    }
}
