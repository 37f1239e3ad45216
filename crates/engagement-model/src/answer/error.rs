//! Why a body is no answer.

use core::fmt;

use super::Limits;
use crate::{
    json::{Fault, Problem, path_to},
    outcome::clean_words,
    refusal::Refusal,
};

/// Why a body is no answer. No row comes of such a body, not even of its sound parts.
///
/// Texts of the body are cleaned and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON at all: empty, HTML of a proxy or sign-in page, plain text. Worth another attempt or two.
    NotJson {
        /// How the body begins.
        excerpt: String,
    },
    /// It begins as JSON and breaks the rules later, or ends too early. Worth another attempt or two.
    Malformed {
        /// What was found.
        problem: &'static str,
        /// Where.
        place: Place,
    },
    /// An object has a key twice: which of the two values is right cannot be known.
    DuplicateKey {
        /// The key.
        key: String,
        /// The object that has it.
        place: Place,
    },
    /// Larger than [`Limits`] allows.
    BeyondLimit {
        /// What there is too much of.
        limit: &'static str,
        /// How much of it is read.
        most: usize,
        /// Where.
        place: Place,
    },
    /// Sound JSON that holds no data and an error in its place, although it came as a success.
    Refused(Box<Refusal>),
}

impl DecodeError {
    /// Where the body goes wrong, if it does so somewhere.
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Malformed { place, .. }
            | Self::DuplicateKey { place, .. }
            | Self::BeyondLimit { place, .. } => Some(place),
            Self::NotJson { .. } | Self::Refused(_) => None,
        }
    }

    pub(crate) fn not_json(body: &[u8]) -> Self {
        let head = body.get(..EXCERPT_BYTES).unwrap_or(body);
        Self::NotJson { excerpt: clean_words(&String::from_utf8_lossy(head), EXCERPT_LETTERS) }
    }

    pub(crate) fn new(fault: Fault, body: &[u8], limits: &Limits) -> Self {
        // A reader that expects a key stands before its blanks.
        let blanks = body
            .get(fault.offset()..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace());
        let at = fault.offset() + blanks.count();
        let place = Place { path: clean_words(&path_to(body, at), LONGEST_PATH), offset: at };
        let (limit, most) = match fault.what {
            Problem::DuplicateKey => return Self::DuplicateKey { key: key_at(body, at), place },
            Problem::LargeBody => ("bytes of the body", limits.body_bytes),
            Problem::Deep => ("levels of nesting", limits.depth),
            Problem::Wide => ("members of one object or list", limits.width),
            Problem::LongString => ("bytes of one string", limits.string_bytes),
            Problem::LongNumber => ("bytes of one number", limits.number_bytes),
            Problem::ManyRows => ("values", limits.rows),
            Problem::ManyMetrics => ("different metrics", limits.width),
            other => return Self::Malformed { problem: words(other), place },
        };
        Self::BeyondLimit { limit, most, place }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { excerpt } if excerpt.is_empty() => f.write_str("the body is empty, so not JSON"),
            Self::NotJson { excerpt } => write!(f, "the body is not JSON: it begins {excerpt}"),
            Self::Malformed { problem, place } => write!(f, "the body is malformed: {problem} {place}"),
            Self::DuplicateKey { key, place } => {
                write!(f, "the body is malformed: the key \"{key}\" comes twice {place}")
            }
            Self::BeyondLimit { limit, most, place } if place.offset == 0 => {
                write!(f, "the body has more than {most} {limit}")
            }
            Self::BeyondLimit { limit, most, place } => {
                write!(f, "the body has more than {most} {limit} {place}")
            }
            Self::Refused(refusal) => write!(f, "the body holds an error in place of data: {refusal}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// A place in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The keys and indices that lead there, each behind a `/`; empty at the root.
    pub path: String,
    /// Bytes before it.
    pub offset: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the root" } else { &self.path };
        write!(f, "at byte {} in {path}", self.offset)
    }
}

/// What was found instead of JSON.
const fn words(problem: Problem) -> &'static str {
    match problem {
        Problem::NotUtf8 => "bytes that are not UTF-8",
        Problem::EndsEarly => "an end too early",
        Problem::MoreText => "more text after the end of the JSON value",
        Problem::NoObject => "something other than an object",
        Problem::NoList => "something other than a list",
        Problem::NoString => "something other than a string",
        Problem::NoColon => "no colon after a key",
        Problem::NoDigits => "a number without digits",
        Problem::NoEndOfObject => "neither a comma nor the end of the object",
        Problem::NoEndOfList => "neither a comma nor the end of the list",
        Problem::ControlCharacter => "a control character inside a string",
        Problem::BadEscape => "an escape that JSON does not have",
        Problem::HalfSurrogate => "half of a surrogate pair",
        _ => "something that is no JSON value",
    }
}

/// The key whose opening quotation mark is at `offset`.
fn key_at(body: &[u8], offset: usize) -> String {
    let rest = body.get(offset + 1..).unwrap_or_default();
    let mut escaped = false;
    let key: Vec<u8> = rest
        .iter()
        .copied()
        .take(EXCERPT_BYTES)
        .take_while(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            !ends
        })
        .collect();
    clean_words(&String::from_utf8_lossy(&key), EXCERPT_LETTERS)
}

const EXCERPT_BYTES: usize = 400;
const EXCERPT_LETTERS: usize = 120;
const LONGEST_PATH: usize = 400;
