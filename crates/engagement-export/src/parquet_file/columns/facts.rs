//! The columns of the long form.

use std::sync::{Arc, LazyLock};

use arrow_array::{
    ArrayRef,
    builder::{Int64Builder, StringBuilder, TimestampMicrosecondBuilder},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{Columns, ParquetError, TWEET_ID, TWEET_ID_TEXT, TweetIds, microseconds, time, times, words};
use crate::fact::Fact;

/// [`Fact`]s, with the columns of their text and the id as a number. Counts are signed, since people subtract them.
#[derive(Debug)]
pub struct Facts {
    tweet_id: TweetIds,
    metric: StringBuilder,
    bucket_start: TimestampMicrosecondBuilder,
    bucket_end: TimestampMicrosecondBuilder,
    value: Int64Builder,
    state: StringBuilder,
    reason: StringBuilder,
    endpoint: StringBuilder,
    observed_at: TimestampMicrosecondBuilder,
    owner: StringBuilder,
    rows: usize,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            tweet_id: TweetIds::default(),
            metric: StringBuilder::new(),
            bucket_start: times(),
            bucket_end: times(),
            value: Int64Builder::new(),
            state: StringBuilder::new(),
            reason: StringBuilder::new(),
            endpoint: StringBuilder::new(),
            observed_at: times(),
            owner: StringBuilder::new(),
            rows: 0,
        }
    }
}

impl Columns for Facts {
    type Record<'a> = Fact<'a>;

    const SORTED_BY: &'static [&'static str] = &[TWEET_ID, "bucket_start", "metric", "observed_at"];

    fn schema() -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
            Arc::new(Schema::new(vec![
                Field::new(TWEET_ID, DataType::UInt64, false),
                words(TWEET_ID_TEXT, false),
                words("metric", false),
                time("bucket_start", true),
                time("bucket_end", true),
                Field::new("value", DataType::Int64, true),
                words("state", false),
                words("reason", true),
                words("endpoint", false),
                time("observed_at", false),
                words("owner", true),
            ]))
        });
        Arc::clone(&SCHEMA)
    }

    fn push(&mut self, fact: &Fact<'_>) -> Result<(), ParquetError> {
        let row = fact.row;
        let value = row.outcome.value().map(|value| {
            i64::try_from(value).map_err(|_| ParquetError::TooLarge {
                tweet_id: row.tweet_id,
                metric: row.metric.clone(),
                value,
            })
        });
        let value = value.transpose()?;
        self.tweet_id.push(row.tweet_id);
        self.metric.append_value(row.metric.name());
        self.bucket_start.append_option(row.bucket.map(|bucket| microseconds(bucket.start().start())));
        self.bucket_end.append_option(row.bucket.map(|bucket| microseconds(bucket.end().start())));
        self.value.append_option(value);
        self.state.append_value(row.outcome.state().name());
        self.reason.append_option(row.outcome.reason());
        self.endpoint.append_value(fact.endpoint.name());
        self.observed_at.append_value(microseconds(fact.observed_at));
        self.owner.append_option(fact.owner);
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
            Arc::new(self.metric.finish()),
            Arc::new(self.bucket_start.finish()),
            Arc::new(self.bucket_end.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.state.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.endpoint.finish()),
            Arc::new(self.observed_at.finish()),
            Arc::new(self.owner.finish()),
        ]
    }
}
