//! How an answer is to be grouped.

use core::{fmt, str::FromStr};

use crate::metric::MAX_GROUP_BY;

/// One level of a grouping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// `tweet.id`: the id as text.
    TweetId,
    /// `engagement.type`: the metric's name.
    EngagementType,
    /// `engagement.day`: `YYYY-MM-DD`, UTC.
    EngagementDay,
    /// `engagement.hour`: `00` to `23`, UTC.
    EngagementHour,
}

impl Dimension {
    /// All four, in the order in which the documentation lists them.
    pub const ALL: [Self; 4] =
        [Self::TweetId, Self::EngagementType, Self::EngagementDay, Self::EngagementHour];

    /// The name on the wire. One page shows `Tweet.id`; lower case works everywhere (contract 8 no. 10).
    pub const fn name(self) -> &'static str {
        match self {
            Self::TweetId => "tweet.id",
            Self::EngagementType => "engagement.type",
            Self::EngagementDay => "engagement.day",
            Self::EngagementHour => "engagement.hour",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dimension {
    type Err = InvalidGrouping;

    fn from_str(name: &str) -> Result<Self, InvalidGrouping> {
        Self::ALL
            .into_iter()
            .find(|dimension| dimension.name() == name)
            .ok_or_else(|| InvalidGrouping::UnknownDimension { name: name.to_owned() })
    }
}

/// A named grouping: which dimensions the answer nests, outermost first. Dimensions left out are summed over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grouping {
    name: Box<str>,
    by: Box<[Dimension]>,
}

impl Grouping {
    /// A grouping that the API takes, on the endpoints that know its dimensions.
    ///
    /// Refuses a name that a root key of the answer has (contract V16, inferred), an empty or repeated dimension (V9,
    /// inferred), and an order of four other than the two that the API takes (V12, documented).
    pub fn new(name: impl Into<String>, by: impl Into<Vec<Dimension>>) -> Result<Self, InvalidGrouping> {
        let (name, by) = (name.into(), by.into());
        if RESERVED_NAMES.contains(&name.as_str()) {
            return Err(InvalidGrouping::ReservedName { name });
        }
        if by.is_empty() {
            return Err(InvalidGrouping::Empty { name });
        }
        for (index, dimension) in by.iter().enumerate() {
            if by.iter().skip(index + 1).any(|later| later == dimension) {
                return Err(InvalidGrouping::Repeated { name, dimension: *dimension });
            }
        }
        if by.len() == MAX_GROUP_BY && !FOUR_LEVEL_ORDERS.contains(&by.as_slice()) {
            return Err(InvalidGrouping::FourLevelOrder { name });
        }
        Ok(Self { name: name.into(), by: by.into() })
    }

    /// The root key under which the answer holds this grouping.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dimensions, outermost first: one to four, none twice.
    pub fn by(&self) -> &[Dimension] {
        &self.by
    }

    /// Whether this dimension is one of its levels.
    pub fn has(&self, dimension: Dimension) -> bool {
        self.by.contains(&dimension)
    }

    /// Whether it is one of those of which a request takes only one (contract V13, documented).
    pub fn is_four_level(&self) -> bool {
        self.by.len() == MAX_GROUP_BY
    }
}

impl FromStr for Grouping {
    type Err = InvalidGrouping;

    /// Reads `NAME=tweet.id,engagement.type`. The name may hold anything, `=` included: the last one divides.
    fn from_str(text: &str) -> Result<Self, InvalidGrouping> {
        let (name, by) = text.rsplit_once('=').ok_or(InvalidGrouping::NoName)?;
        if by.is_empty() {
            return Err(InvalidGrouping::Empty { name: name.to_owned() });
        }
        let by = by.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        Self::new(name, by)
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.name)?;
        for (index, dimension) in self.by.iter().enumerate() {
            write!(f, "{}{dimension}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Why a grouping is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGrouping {
    /// Written without `NAME=`.
    #[error("a grouping is written NAME=tweet.id,engagement.type")]
    NoName,
    /// A dimension that the API does not have.
    #[error(
        "{name:?} is no dimension to group by; there are tweet.id, engagement.type, engagement.day and \
         engagement.hour (rule V10)"
    )]
    UnknownDimension {
        /// The name that was given.
        name: String,
    },
    /// The name would collide with a root key of the answer.
    #[error(
        "a grouping cannot be called {name:?}, since the answer has a root key of that name; any other name will do \
         (rule V16)"
    )]
    ReservedName {
        /// The name that was given.
        name: String,
    },
    /// Nothing to group by.
    #[error("the grouping {name:?} needs at least one dimension, such as tweet.id (rule V9)")]
    Empty {
        /// The grouping's name.
        name: String,
    },
    /// A dimension that stands twice.
    #[error("the grouping {name:?} names {dimension} twice, and once is enough (rule V9)")]
    Repeated {
        /// The grouping's name.
        name: String,
        /// The dimension.
        dimension: Dimension,
    },
    /// Four dimensions in an order that the API refuses.
    #[error(
        "the grouping {name:?} has four dimensions, which must be tweet.id,engagement.type,engagement.day,\
         engagement.hour or engagement.type,tweet.id,engagement.day,engagement.hour (rule V12)"
    )]
    FourLevelOrder {
        /// The grouping's name.
        name: String,
    },
}

/// Root keys of an answer (contract V16, inferred).
pub const RESERVED_NAMES: [&str; 6] = [
    "start",
    "end",
    "errors",
    "unavailable_tweet_ids",
    "unsupported_for_impressions_engagements_tweet_ids",
    "unsupported_for_video_views_tweet_ids",
];

/// The only orders of four dimensions that the API takes (contract V12, documented).
pub const FOUR_LEVEL_ORDERS: [&[Dimension]; 2] = [
    &[Dimension::TweetId, Dimension::EngagementType, Dimension::EngagementDay, Dimension::EngagementHour],
    &[Dimension::EngagementType, Dimension::TweetId, Dimension::EngagementDay, Dimension::EngagementHour],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metric;

    fn message(text: &str) -> String {
        text.parse::<Grouping>().unwrap_err().to_string()
    }

    #[test]
    fn reads_what_it_writes() {
        for text in ["by tweet=tweet.id,engagement.type", "a=b=engagement.day", "=engagement.hour,tweet.id"] {
            assert_eq!(text.parse::<Grouping>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_rule_and_value() {
        assert!(message("tweet.id").contains("NAME="));
        assert!(message("g=tweet.ID").contains("\"tweet.ID\""));
        assert!(message("errors=tweet.id").ends_with("(rule V16)"));
        assert!(message("g=").ends_with("(rule V9)"));
        assert!(message("g=tweet.id,tweet.id").contains("tweet.id twice"));
        assert!(message("g=engagement.day,tweet.id,engagement.type,engagement.hour").ends_with("(rule V12)"));
    }

    #[test]
    fn any_order_of_up_to_three_is_legal() {
        let mut legal = 0;
        for a in Dimension::ALL {
            assert!(Grouping::new("g", [a]).is_ok());
            legal += 1;
            for b in Dimension::ALL.into_iter().filter(|b| *b != a) {
                assert!(Grouping::new("g", [a, b]).is_ok());
                legal += 1;
                for c in Dimension::ALL.into_iter().filter(|c| ![a, b].contains(c)) {
                    assert!(Grouping::new("g", [a, b, c]).is_ok());
                    legal += 1;
                }
            }
        }
        assert_eq!(legal, 4 + 12 + 24);
    }

    #[test]
    fn the_lists_of_an_answer_are_reserved() {
        for metric in Metric::ALL {
            if let Some(key) = metric.facts().and_then(|facts| facts.age_list_key) {
                assert!(RESERVED_NAMES.contains(&key), "{key}");
            }
        }
    }
}
