//! What became of each thing that was asked for.

use core::fmt;
use std::{borrow::Cow, sync::Arc};

use crate::{metric::Metric, tweet_id::TweetId, window::Window};

/// What became of one Tweet × metric × bucket. Exactly one of six, and only the first has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server sent this count.
    Ok(u64),
    /// The server lists the Tweet as unavailable: deleted, protected, or not public for another reason.
    Unavailable(Reason),
    /// The API does not serve the metric for this Tweet: it is too old.
    Unsupported(Reason),
    /// The credential may not read it.
    Forbidden(Reason),
    /// It was asked for and an error came instead, or a value that is no count.
    Failed(Reason),
    /// It was asked for, an answer came, and the answer does not mention it.
    Unaccounted(Reason),
}

impl Outcome {
    /// Which of the six.
    pub const fn state(&self) -> State {
        match self {
            Self::Ok(_) => State::Ok,
            Self::Unavailable(_) => State::Unavailable,
            Self::Unsupported(_) => State::Unsupported,
            Self::Forbidden(_) => State::Forbidden,
            Self::Failed(_) => State::Failed,
            Self::Unaccounted(_) => State::Unaccounted,
        }
    }

    /// The count, if the server sent one. Zero is a count; missing is not zero.
    pub const fn value(&self) -> Option<u64> {
        match self {
            Self::Ok(value) => Some(*value),
            _ => None,
        }
    }

    /// Why there is no count.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ok(_) => None,
            Self::Unavailable(reason)
            | Self::Unsupported(reason)
            | Self::Forbidden(reason)
            | Self::Failed(reason)
            | Self::Unaccounted(reason) => reason.text(),
        }
    }

    /// An outcome of this state, without a value. `None` for [`State::Ok`], which needs one.
    pub fn without_value(state: State, reason: Reason) -> Option<Self> {
        Some(match state {
            State::Ok => return None,
            State::Unavailable => Self::Unavailable(reason),
            State::Unsupported => Self::Unsupported(reason),
            State::Forbidden => Self::Forbidden(reason),
            State::Failed => Self::Failed(reason),
            State::Unaccounted => Self::Unaccounted(reason),
        })
    }
}

/// The name of an [`Outcome`], as it stands in rows and summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A value came.
    Ok,
    /// The Tweet is deleted, protected or not public.
    Unavailable,
    /// The API serves no such metric for this Tweet.
    Unsupported,
    /// The credential may not read it.
    Forbidden,
    /// An error came instead.
    Failed,
    /// The answer does not mention it.
    Unaccounted,
}

impl State {
    /// All six, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Unavailable, Self::Unsupported, Self::Forbidden, Self::Failed, Self::Unaccounted];

    /// The state of a Tweet that has cells in both: ok if any value came, else the graver one, so that a hole in the
    /// answer is never hidden behind what the API does not serve.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |state: Self| match state {
            Self::Ok => 0,
            Self::Unaccounted => 1,
            Self::Failed => 2,
            Self::Forbidden => 3,
            Self::Unavailable => 4,
            Self::Unsupported => 5,
        };
        if rank(self) <= rank(other) { self } else { other }
    }

    /// `ok`, `unavailable`, `unsupported`, `forbidden`, `failed` or `unaccounted`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Forbidden => "forbidden",
            Self::Failed => "failed",
            Self::Unaccounted => "unaccounted",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many of something are in each of the six states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([u64; 6]);

impl Tally {
    /// These counts, in the order of [`State::ALL`].
    pub const fn new(counts: [u64; 6]) -> Self {
        Self(counts)
    }

    /// How many are in this state.
    pub const fn of(&self, state: State) -> u64 {
        self.0[state as usize]
    }

    /// One more.
    pub const fn count(&mut self, state: State) {
        self.add(state, 1);
    }

    /// So many more.
    pub const fn add(&mut self, state: State, more: u64) {
        self.0[state as usize] += more;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl core::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Words that say why there is no value: the server's where it gave any, else ours. Cheap to clone.
///
/// Control characters and marks that change the direction of text are escaped, and long words are cut: they come
/// from outside and go to terminals.
#[derive(Clone, Default, PartialEq, Eq)]
// A thin pointer, for the sake of a row's size.
pub struct Reason(Option<Arc<Box<str>>>);

impl Reason {
    /// No words.
    pub const NONE: Self = Self(None);

    /// These words, cleaned.
    pub fn new(words: &str) -> Self {
        let clean = clean_words(words, LONGEST_REASON);
        Self((!clean.is_empty()).then(|| Arc::new(clean.into())))
    }

    /// The words.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().map(|text| &**text)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

/// Text from outside made fit for a terminal and a log: control characters, line ends and invisible or
/// direction-changing marks are escaped, blanks at the ends dropped, and after `most` characters comes `…`.
pub fn clean_words(words: &str, most: usize) -> String {
    let words = words.trim();
    match words.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", escape_hidden(words.get(..end).unwrap_or_default())),
        None => escape_hidden(words).into_owned(),
    }
}

/// Text in which whatever does not show is escaped, and nothing else is changed.
pub(crate) fn escape_hidden(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::new();
    for letter in text.chars() {
        if is_hidden(letter) {
            escaped.extend(letter.escape_unicode());
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// Whether it does not show, or changes how what is beside it shows.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line of the product: what became of one Tweet × metric × bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The Tweet.
    pub tweet_id: TweetId,
    /// The metric.
    pub metric: Metric,
    /// The hours that it is about; `None` on totals, which have none. A row without a value may stand for every
    /// bucket of the window that was asked for: its bucket is then that window.
    pub bucket: Option<Window>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What is known of all the rows of a list, so that nobody has to look at each of them again. What is false here is
/// not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// Every row has a value.
    pub has_only_values: bool,
    /// The rows stand by Tweet, bucket and metric.
    pub is_sorted: bool,
}

/// Longer words than any that the API is known to send.
const LONGEST_REASON: usize = 500;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_state_without_a_value_needs_no_value() {
        for state in State::ALL {
            let outcome = Outcome::without_value(state, Reason::new("because"));
            assert_eq!(outcome.is_none(), state == State::Ok);
            if let Some(outcome) = outcome {
                assert_eq!(outcome.state(), state);
                assert_eq!(outcome.value(), None);
                assert_eq!(outcome.reason(), Some("because"));
            }
        }
        assert_eq!(Outcome::Ok(0).value(), Some(0));
    }

    #[test]
    fn a_tally_counts_each_state_for_itself() {
        let mut tally = Tally::default();
        for (state, many) in State::ALL.into_iter().zip(1..) {
            tally.add(state, many - 1);
            tally.count(state);
        }
        assert_eq!(tally, Tally::new([1, 2, 3, 4, 5, 6]));
        tally += tally;
        assert_eq!((State::ALL.map(|state| tally.of(state)), tally.total()), ([2, 4, 6, 8, 10, 12], 42));
    }

    #[test]
    fn a_hole_is_never_hidden() {
        assert_eq!(State::Unsupported.and(State::Ok), State::Ok);
        assert_eq!(State::Unsupported.and(State::Failed), State::Failed);
        assert_eq!(State::Forbidden.and(State::Unavailable), State::Forbidden);
        assert_eq!(State::Unavailable.and(State::Unsupported), State::Unavailable);
    }

    #[test]
    fn words_from_outside_cannot_steer_a_terminal() {
        assert_eq!(Reason::new("a\u{1b}[31mb\nc").text(), Some("a\\u{1b}[31mb\\u{a}c"));
        assert_eq!(Reason::new("x\u{202e}y").text(), Some("x\\u{202e}y"));
        assert_eq!(Reason::new(" \n ").text(), None);
        assert_eq!(clean_words("abcdef", 3), "abc…");
    }

    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<Row>() <= 48, "{}", size_of::<Row>());
    }

    proptest! {
        #[test]
        fn clean_words_hold_nothing_hidden(words in any::<String>()) {
            prop_assert!(!clean_words(&words, 100).chars().any(char::is_control));
        }
    }
}
