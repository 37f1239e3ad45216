//! One line of the table of Tweets.

use engagement_model::{State, TweetId};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{
    fact::whole_seconds,
    record::{Record, as_text},
};

/// What is known of a Tweet as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TweetLine<'a> {
    /// The Tweet.
    pub tweet_id: TweetId,
    /// The handle of its owner, where that is known.
    pub owner: Option<&'a str>,
    /// When it was made, from its id, to the second; ids from before November 2010 do not say.
    pub created_at: Option<Timestamp>,
    /// Where it stands, once it was asked for.
    pub state: Option<State>,
    /// Why it has no numbers, if it has none.
    pub reason: Option<&'a str>,
    /// When that was learnt, to the second.
    pub checked_at: Option<Timestamp>,
}

impl Record for TweetLine<'_> {
    const COLUMNS: &'static [&'static str] =
        &["tweet_id", "owner", "created_at", "state", "reason", "checked_at"];
}

impl Serialize for TweetLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { tweet_id, owner, created_at, state, reason, checked_at } = *self;
        Line {
            tweet_id,
            owner,
            created_at: created_at.map(whole_seconds),
            state: state.map(State::name),
            reason,
            checked_at: checked_at.map(whole_seconds),
        }
        .serialize(serializer)
    }
}

/// The names and the order that users see.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "as_text")]
    tweet_id: TweetId,
    owner: Option<&'a str>,
    created_at: Option<Timestamp>,
    state: Option<&'static str>,
    reason: Option<&'a str>,
    checked_at: Option<Timestamp>,
}
