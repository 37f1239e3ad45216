//! The columns of the table of Tweets.

use std::sync::{Arc, LazyLock};

use arrow_array::{
    ArrayRef,
    builder::{StringBuilder, TimestampMicrosecondBuilder},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use engagement_model::State;

use super::{Columns, ParquetError, TWEET_ID, TWEET_ID_TEXT, TweetIds, microseconds, time, times, words};
use crate::tweet_line::TweetLine;

/// [`TweetLine`]s, with the columns of their text and the id as a number.
#[derive(Debug)]
pub struct TweetLines {
    tweet_id: TweetIds,
    owner: StringBuilder,
    created_at: TimestampMicrosecondBuilder,
    state: StringBuilder,
    reason: StringBuilder,
    checked_at: TimestampMicrosecondBuilder,
    rows: usize,
}

impl Default for TweetLines {
    fn default() -> Self {
        Self {
            tweet_id: TweetIds::default(),
            owner: StringBuilder::new(),
            created_at: times(),
            state: StringBuilder::new(),
            reason: StringBuilder::new(),
            checked_at: times(),
            rows: 0,
        }
    }
}

impl Columns for TweetLines {
    type Record<'a> = TweetLine<'a>;

    const SORTED_BY: &'static [&'static str] = &[TWEET_ID];

    fn schema() -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
            Arc::new(Schema::new(vec![
                Field::new(TWEET_ID, DataType::UInt64, false),
                words(TWEET_ID_TEXT, false),
                words("owner", true),
                time("created_at", true),
                words("state", true),
                words("reason", true),
                time("checked_at", true),
            ]))
        });
        Arc::clone(&SCHEMA)
    }

    fn push(&mut self, tweet: &TweetLine<'_>) -> Result<(), ParquetError> {
        self.tweet_id.push(tweet.tweet_id);
        self.owner.append_option(tweet.owner);
        self.created_at.append_option(tweet.created_at.map(microseconds));
        self.state.append_option(tweet.state.map(State::name));
        self.reason.append_option(tweet.reason);
        self.checked_at.append_option(tweet.checked_at.map(microseconds));
        self.rows += 1;
        Ok(())
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        let [tweet_id, tweet_id_text] = self.tweet_id.take();
        vec![
            tweet_id,
            tweet_id_text,
            Arc::new(self.owner.finish()),
            Arc::new(self.created_at.finish()),
            Arc::new(self.state.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.checked_at.finish()),
        ]
    }
}
