//! Why a request is none.

use core::fmt;

use crate::{
    endpoint::Endpoint,
    grouping::Dimension,
    hour::UtcHour,
    metric::{MAX_FOUR_LEVEL_GROUPINGS, MAX_GROUPINGS, Metric, WINDOW_MAX_HOURS, history_floor},
    outcome::clean_words,
};

/// Why a request is refused before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// No id was given (V3).
    NoTweetIds,
    /// More ids than the endpoint takes (V2).
    TooManyTweetIds {
        /// The endpoint.
        endpoint: Endpoint,
        /// How many different ids there are.
        count: usize,
    },
    /// No metric was given (V5).
    NoMetrics,
    /// The endpoint does not serve the metric (V6).
    MisplacedMetric {
        /// The endpoint.
        endpoint: Endpoint,
        /// The metric.
        metric: Metric,
    },
    /// No grouping was given (V8).
    NoGroupings,
    /// More groupings than a request takes (V8).
    TooManyGroupings {
        /// How many there are.
        count: usize,
    },
    /// More groupings of four dimensions than a request takes (V13).
    TwoFourLevelGroupings {
        /// How many there are.
        count: usize,
    },
    /// Two groupings would share a root key of the answer.
    RepeatedGroupingName {
        /// The name.
        name: String,
    },
    /// The endpoint cannot group by the dimension (V10).
    MisplacedDimension {
        /// The endpoint.
        endpoint: Endpoint,
        /// The dimension.
        dimension: Dimension,
        /// The grouping's name.
        grouping: String,
    },
    /// Of the historical endpoint no window was asked for (2.3 rule 8: what it then takes is not documented).
    NoWindow,
    /// Longer than one request covers (2.3 rule 4).
    WindowTooLong {
        /// How long it is.
        hours: u32,
    },
    /// Before the API's first data (2.3 rule 6).
    BeforeFloor {
        /// The start that was given.
        start: UtcHour,
    },
    /// In the future (2.3 rule 5).
    FutureEnd {
        /// The end that was given.
        end: UtcHour,
        /// The latest that there is: the end of the running hour.
        latest: UtcHour,
    },
}

impl InvalidRequest {
    /// The contract's rule that is broken, such as `V2`.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::NoTweetIds => "V3",
            Self::TooManyTweetIds { .. } => "V2",
            Self::NoMetrics => "V5",
            Self::MisplacedMetric { .. } => "V6",
            Self::NoGroupings | Self::TooManyGroupings { .. } => "V8",
            Self::TwoFourLevelGroupings { .. } => "V13",
            Self::RepeatedGroupingName { .. } => "V16",
            Self::MisplacedDimension { .. } => "V10",
            Self::NoWindow
            | Self::WindowTooLong { .. }
            | Self::BeforeFloor { .. }
            | Self::FutureEnd { .. } => "V15",
        }
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTweetIds => f.write_str("at least one Tweet id is needed")?,
            Self::TooManyTweetIds { endpoint, count } => write!(
                f,
                "a {endpoint} request takes at most {} Tweet ids, not {count}",
                endpoint.max_tweet_ids()
            )?,
            Self::NoMetrics => f.write_str("at least one metric is needed")?,
            Self::MisplacedMetric { endpoint, metric } => {
                write!(f, "{endpoint} does not serve {metric}; it is valid on ")?;
                write_list(f, metric.facts().map_or(&[][..], |facts| facts.endpoints))?;
            }
            Self::NoGroupings => f.write_str("at least one grouping is needed")?,
            Self::TooManyGroupings { count } => {
                write!(f, "a request takes at most {MAX_GROUPINGS} groupings, not {count}")?;
            }
            Self::TwoFourLevelGroupings { count } => write!(
                f,
                "a request takes at most {MAX_FOUR_LEVEL_GROUPINGS} grouping of four dimensions, not {count}"
            )?,
            Self::RepeatedGroupingName { name } => {
                write!(
                    f,
                    "two groupings are called {:?}, and each needs a name of its own",
                    clean_words(name, 100)
                )?;
            }
            Self::MisplacedDimension { endpoint, dimension, grouping } => {
                write!(
                    f,
                    "{endpoint} cannot group by {dimension}, as the grouping {:?} asks; it can by ",
                    clean_words(grouping, 100)
                )?;
                write_list(f, endpoint.dimensions())?;
            }
            Self::NoWindow => f.write_str("the historical endpoint needs a start and an end")?,
            Self::WindowTooLong { hours } => {
                write!(f, "a request covers at most {WINDOW_MAX_HOURS} hours, not {hours}")?;
            }
            Self::BeforeFloor { start } => {
                write!(f, "there is no data before {}, and the start is {start}", history_floor())?;
            }
            Self::FutureEnd { end, latest } => {
                write!(f, "the end {end} lies in the future; it is {latest} at the latest")?;
            }
        }
        write!(f, " (rule {})", self.rule())
    }
}

impl core::error::Error for InvalidRequest {}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}
