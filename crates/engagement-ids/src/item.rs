//! What a reader finds: one item for each record, array element or line.

use std::fmt;

use engagement_model::TweetId;

use crate::{Reason, Source};

/// What a reader finds: one for each record, array element or line of a plain list, and warnings between them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// An id, perhaps one that was there before.
    Id {
        /// The id.
        id: TweetId,
        /// Where it stands.
        place: Place,
    },
    /// Something that is no id.
    Refused(Refused),
    /// A line or record with nothing in it.
    Blank,
    /// A line that begins with `#`.
    Comment,
    /// The line or record that names the columns.
    Header,
    /// A remark about the item that follows it. It counts as no item itself.
    Warning(Warning),
}

/// Where an item stands in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The line that it begins on, counted from 1; for arguments, which of them.
    pub line: u64,
}

/// Something that is no id, with what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The line that it begins on, counted from 1; for arguments, which of them.
    pub line: u64,
    /// What stands there: escaped to ASCII and cut when long. The cell if a record has an id cell, else the record.
    pub text: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl Refused {
    /// The whole message: `ids.txt:3: "1.5E+18": scientific notation …`.
    pub fn at(&self, source: &Source) -> String {
        let Self { line, text, reason } = self;
        format!("{}: \"{text}\": {reason}", source.line(*line))
    }
}

/// A remark about an id that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The line that the item begins on.
    pub line: u64,
    /// The id.
    pub id: TweetId,
    /// The remark.
    pub kind: WarningKind,
}

impl Warning {
    /// The whole message: `tweets.jsonl:2: 1500000000000000502: …`.
    pub fn at(&self, source: &Source) -> String {
        let Self { line, id, kind } = self;
        format!("{}: {id}: {kind}", source.line(*line))
    }
}

/// What there is to remark.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// A JSON object has `id_str` and another `id`: the text was taken, since a tool has rounded the number.
    OtherNumber {
        /// What `id` holds, shortened.
        number: String,
    },
    /// The id is beyond [`Options::newest`](crate::Options::newest): its Tweet would be made in the future.
    Future,
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherNumber { number } => {
                write!(f, "id_str was taken; id is {number}, as tools write it that round large numbers")
            }
            Self::Future => f.write_str("the time in this id lies in the future"),
        }
    }
}
