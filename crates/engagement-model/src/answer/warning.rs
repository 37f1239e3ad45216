//! What is odd about an answer that is an answer all the same.

use core::fmt;

use crate::{metric::Metric, tweet_id::TweetId, window::Window};

/// Something odd in an answer. It loses nothing that was asked for: what it touches has a row that says so.
///
/// Texts of the answer are cleaned and cut. A path leads to the place, each key behind a `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A value that is no count: negative, broken, or of another kind.
    BadValue {
        /// Where it stands.
        path: String,
        /// What stands there.
        found: String,
    },
    /// A value or list where the grouping has another level.
    BadShape {
        /// Where it stands.
        path: String,
        /// What stands there.
        found: String,
    },
    /// A key that is no id, day or hour, where one should be. What is under it is left out.
    BadKey {
        /// Where it stands, itself last.
        path: String,
    },
    /// Data of a Tweet that was not asked for. It is left out.
    UnaskedTweet {
        /// The Tweet.
        tweet_id: TweetId,
    },
    /// Values of a metric that was not asked for. They are kept.
    UnaskedMetric {
        /// The metric.
        metric: Metric,
    },
    /// A root key that is neither a grouping of the request nor known otherwise.
    UnknownRootKey {
        /// The key.
        key: String,
    },
    /// The answer has no such grouping.
    NoGrouping {
        /// The grouping's name.
        name: String,
    },
    /// A bucket outside the window. It is left out.
    OutsideWindow {
        /// Where it stands.
        path: String,
    },
    /// The answer says that it is about another window than the one that was asked for.
    OtherWindow {
        /// The window of the answer.
        window: Window,
    },
    /// A start or end that is no time.
    BadWindow {
        /// What stands there.
        found: String,
    },
    /// Hours of the day, added up over several days: no bucket can be told from them (contract 3.3).
    HoursOfDay {
        /// Where the first stands.
        path: String,
    },
    /// A value that the answer takes back by listing its Tweet as unavailable, too old or forbidden.
    Disowned {
        /// The Tweet.
        tweet_id: TweetId,
        /// The metric.
        metric: Metric,
    },
    /// An entry of a list of ids that is no id.
    BadListEntry {
        /// The list's root key.
        list: String,
        /// The entry.
        found: String,
    },
    /// An id in a list that was not asked for.
    UnaskedListEntry {
        /// The list's root key.
        list: String,
        /// The Tweet.
        tweet_id: TweetId,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadValue { path, found } => write!(f, "{path} is {found}, which is no count"),
            Self::BadShape { path, found } => write!(f, "{path} is {found}, where an object should be"),
            Self::BadKey { path } => write!(f, "{path} has a key that fits no level of the grouping"),
            Self::UnaskedTweet { tweet_id } => write!(f, "Tweet {tweet_id} was not asked for"),
            Self::UnaskedMetric { metric } => {
                write!(f, "the metric {} was not asked for", crate::outcome::clean_words(metric.name(), 100))
            }
            Self::UnknownRootKey { key } => write!(f, "the root key \"{key}\" is unknown"),
            Self::NoGrouping { name } => write!(f, "the grouping \"{name}\" is not in the answer"),
            Self::OutsideWindow { path } => write!(f, "{path} lies outside the window"),
            Self::OtherWindow { window } => write!(f, "the answer says that it covers {window}"),
            Self::BadWindow { found } => write!(f, "{found} is no start or end of a window"),
            Self::HoursOfDay { path } => {
                write!(f, "{path} is an hour of the day, added up over several days")
            }
            Self::Disowned { tweet_id, metric } => {
                write!(
                    f,
                    "the answer has a value of {metric} for Tweet {tweet_id} and takes it back in a list"
                )
            }
            Self::BadListEntry { list, found } => write!(f, "{list} has {found}, which is no Tweet id"),
            Self::UnaskedListEntry { list, tweet_id } => {
                write!(f, "{list} has Tweet {tweet_id}, which was not asked for")
            }
        }
    }
}

/// Those of one answer.
pub(super) struct Warnings {
    pub(super) kept: Vec<Warning>,
    pub(super) left_out: usize,
    most: usize,
}

impl Warnings {
    pub(super) fn at_most(most: usize) -> Self {
        Self { kept: Vec::new(), left_out: 0, most }
    }

    /// Keeps a warning, once, as long as there is room.
    pub(super) fn add(&mut self, warning: impl FnOnce() -> Warning) {
        if self.kept.len() >= self.most {
            self.left_out += 1;
            return;
        }
        let warning = warning();
        if !self.kept.contains(&warning) {
            self.kept.push(warning);
        }
    }
}

/// Of what stands in the answer.
pub(super) const LONGEST_WORD: usize = 80;
