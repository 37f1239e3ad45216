//! The three endpoints.

use core::{fmt, str::FromStr};

use crate::{
    grouping::Dimension,
    metric::{self, Metric},
};

/// One of the API's three endpoints.
///
/// Closed on purpose: a fourth would need rules that this crate does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Lifetime totals at the moment of the request; no time series.
    Totals,
    /// The last 28 hours, by hour or day.
    Last28Hours,
    /// Any window of up to four weeks, by hour or day.
    Historical,
}

impl Endpoint {
    /// How many whole hours 28hr reaches back: it answers [floor(now − 28 h), ceil(now)) (contract 2.3).
    pub const LAST_HOURS: i32 = 28;

    /// All three, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Totals, Self::Last28Hours, Self::Historical];

    /// The name in paths, options and rows: `totals`, `28hr`, `historical`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totals => "totals",
            Self::Last28Hours => "28hr",
            Self::Historical => "historical",
        }
    }

    /// The path below the host, beginning with `/` (documented).
    pub const fn path(self) -> &'static str {
        match self {
            Self::Totals => "/insights/engagement/totals",
            Self::Last28Hours => "/insights/engagement/28hr",
            Self::Historical => "/insights/engagement/historical",
        }
    }

    /// Tweet ids in one request, at most (contract V2, documented).
    pub const fn max_tweet_ids(self) -> usize {
        metric::max_tweet_ids(self)
    }

    /// What its answers can be grouped by (contract V10, documented).
    pub const fn dimensions(self) -> &'static [Dimension] {
        metric::dimensions(self)
    }

    /// The metrics that it serves, by name (contract V6, documented).
    pub fn metrics(self) -> impl Iterator<Item = Metric> {
        Metric::ALL.into_iter().filter(move |metric| metric.is_served_by(self))
    }

    /// Whether its answers have hours and days.
    pub const fn is_series(self) -> bool {
        !matches!(self, Self::Totals)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    fn from_str(name: &str) -> Result<Self, UnknownEndpoint> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name).ok_or(UnknownEndpoint)
    }
}

/// A text that names no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint is one of totals, 28hr, historical")]
pub struct UnknownEndpoint;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serves_as_many_metrics_as_the_contract_says() {
        let counts = Endpoint::ALL.map(|endpoint| endpoint.metrics().count());
        assert_eq!(counts, [7, 17, 17]);
        assert_eq!(Endpoint::ALL.map(Endpoint::max_tweet_ids), [250, 25, 25]);
    }

    #[test]
    fn reads_its_own_name() {
        for endpoint in Endpoint::ALL {
            assert_eq!(endpoint.name().parse(), Ok(endpoint));
            assert!(endpoint.path().ends_with(endpoint.name()));
        }
        assert_eq!("Totals".parse::<Endpoint>(), Err(UnknownEndpoint));
    }
}
