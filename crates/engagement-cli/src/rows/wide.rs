//! The wide form: a line for each Tweet × bucket, a column for each metric.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use engagement::{
    Batch,
    model::{Endpoint, Metric, Outcome, State, TweetId, Window},
};
use engagement_export::whole_seconds;
use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{cli::Format, records};

/// All lines so far.
#[derive(Default)]
pub(crate) struct Lines {
    lines: BTreeMap<Key, Line>,
    metrics: BTreeSet<Metric>,
}

/// Lines of one Tweet stand together, in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    tweet_id: TweetId,
    bucket: Option<Window>,
    endpoint: Endpoint,
}

struct Line {
    values: BTreeMap<Metric, Option<u64>>,
    /// That of the cells together, as for a Tweet as a whole.
    state: State,
    reason: Option<String>,
    observed_at: Timestamp,
    owner: Option<String>,
}

impl Lines {
    /// Takes the rows of a batch.
    pub(super) fn add(&mut self, batch: &Batch) {
        for row in &batch.rows {
            let key = Key { tweet_id: row.tweet_id, bucket: row.bucket, endpoint: batch.endpoint };
            self.metrics.insert(row.metric.clone());
            let line = self.lines.entry(key).or_insert_with(|| Line {
                values: BTreeMap::new(),
                state: row.outcome.state(),
                reason: None,
                observed_at: batch.observed_at,
                owner: batch.owner.as_deref().map(str::to_owned),
            });
            line.add(&row.metric, &row.outcome);
            // What cost no request has no asker, and comes first.
            if line.owner.is_none() {
                line.owner = batch.owner.as_deref().map(str::to_owned);
            }
        }
    }

    /// Writes all lines.
    pub(super) fn write(&self, form: Format, to: &mut dyn Write) -> io::Result<()> {
        let object = |(key, line)| Object { metrics: &self.metrics, key, line };
        let objects: Vec<Object<'_>> = self.lines.iter().map(object).collect();
        records::write(&objects, &self.header(), |object| Ok(object.cells()), form, to)
    }

    fn header(&self) -> Vec<&str> {
        let mut header = BEFORE.to_vec();
        header.extend(self.metrics.iter().map(Metric::name));
        header.extend(AFTER);
        header
    }
}

impl Line {
    fn add(&mut self, metric: &Metric, outcome: &Outcome) {
        self.values.insert(metric.clone(), outcome.value());
        self.state = self.state.and(outcome.state());
        if self.reason.is_none() {
            self.reason = outcome.reason().map(str::to_owned);
        }
    }
}

/// One line, ready to be written. Every metric has its place, empty where there is no value.
struct Object<'a> {
    metrics: &'a BTreeSet<Metric>,
    key: &'a Key,
    line: &'a Line,
}

impl Object<'_> {
    fn cells(&self) -> Vec<String> {
        fn text<T: ToString>(cell: Option<T>) -> String {
            cell.map_or_else(String::new, |cell| cell.to_string())
        }
        let mut cells = vec![
            self.key.tweet_id.to_string(),
            text(self.key.bucket.map(|bucket| bucket.start())),
            text(self.key.bucket.map(|bucket| bucket.end())),
        ];
        cells.extend(self.metrics.iter().map(|metric| text(self.value(metric))));
        cells.extend([
            self.line.state.to_string(),
            text(self.line.reason.as_deref()),
            self.key.endpoint.to_string(),
            whole_seconds(self.line.observed_at).to_string(),
            text(self.line.owner.as_deref()),
        ]);
        cells
    }

    fn value(&self, metric: &Metric) -> Option<u64> {
        self.line.values.get(metric).copied().flatten()
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tweet_id", &self.key.tweet_id.to_string())?;
        map.serialize_entry("bucket_start", &self.key.bucket.map(|bucket| bucket.start().start()))?;
        map.serialize_entry("bucket_end", &self.key.bucket.map(|bucket| bucket.end().start()))?;
        for metric in self.metrics {
            map.serialize_entry(metric.name(), &self.value(metric))?;
        }
        map.serialize_entry("state", self.line.state.name())?;
        map.serialize_entry("reason", &self.line.reason)?;
        map.serialize_entry("endpoint", self.key.endpoint.name())?;
        map.serialize_entry("observed_at", &whole_seconds(self.line.observed_at))?;
        map.serialize_entry("owner", &self.line.owner)?;
        map.end()
    }
}

const BEFORE: [&str; 3] = ["tweet_id", "bucket_start", "bucket_end"];
const AFTER: [&str; 5] = ["state", "reason", "endpoint", "observed_at", "owner"];
