//! What a batch brought, put into the tables.

mod again;
mod runs;

use std::collections::BTreeMap;

use engagement_model::{Metric, Outcome, Reason, Row, State, Tally, TweetId, UtcHour, Window};
use rusqlite::{Connection, OptionalExtension as _};

use self::{again::Again, runs::Runs};
use crate::{
    insert::Insert,
    job::{BatchId, Progress},
    record::{Observation, Settled, Settlement},
    sql,
};

/// The insertions, by table.
#[derive(Debug)]
pub(crate) struct Facts {
    totals: Insert,
    series: Insert,
    series_at_once: Insert,
    gaps: Insert,
    coverage: Insert,
    tweets: Insert,
}

impl Facts {
    pub(crate) fn new() -> Self {
        Self {
            totals: Insert::new(
                "insert into totals(tweet_id, metric, observed_at, value)",
                4,
                // The same moment twice: whichever came first, the larger one stays.
                "on conflict do update set value = excluded.value where excluded.value > value",
            ),
            series: series(
                "(excluded.observed_at > observed_at or \
                (excluded.observed_at = observed_at and excluded.value > value))",
            ),
            series_at_once: series("excluded.value > value"),
            gaps: Insert::new(
                "insert into gaps(tweet_id, metric, endpoint, window_start, window_end, state, reason, observed_at)",
                8,
                "",
            ),
            coverage: Insert::new(
                "insert into coverage(tweet_id, endpoint, window_start, window_end, metrics, observed_at)",
                6,
                "",
            ),
            tweets: Insert::new(
                "insert into tweets(tweet_id, owner, created_at, state, reason, checked_at, job)",
                7,
                // A newer job says what holds now, whatever the clock was when the older one was asked. An older job does
                // where it is asked again and answered; that it is not answered says nothing. Within one job, windows of
                // one Tweet add up as `State::and` says, whose order is that of these words.
                "on conflict do update set owner = coalesce(excluded.owner, owner), state = excluded.state,
                reason = excluded.reason, checked_at = excluded.checked_at, job = excluded.job
                where iif(excluded.job = job,
                    instr('ok unaccounted failed forbidden unavailable unsupported', excluded.state)
                    < instr('ok unaccounted failed forbidden unavailable unsupported', state),
                    excluded.job > job or (excluded.checked_at >= checked_at
                    and (excluded.state not in ('unaccounted', 'failed')
                    or state in ('unaccounted', 'failed'))))",
            ),
        }
    }

    /// Writes everything that the settlement says of the batch's Tweets. `None` if there is no such batch.
    pub(crate) fn settle(
        &self,
        connection: &Connection,
        batch: BatchId,
        settlement: &Settlement<'_>,
    ) -> rusqlite::Result<Option<Settled>> {
        let found = connection
            .prepare_cached(
                "select tweet_ids, metrics, endpoint, window_start, window_end, settled_at, states
                from batches join batch_tweets using (job, batch) where job = ? and batch = ?",
            )?
            .query_row((batch.job.0, batch.number), |row| {
                Ok((
                    sql::column(row, 0, sql::read_tweet_ids)?,
                    sql::column(row, 1, sql::read_metrics)?,
                    sql::column(row, 2, sql::read_endpoint)?,
                    sql::window(row, 3)?,
                    sql::optional(row, 5, sql::read_time)?,
                    row.get::<_, Option<Vec<u8>>>(6)?.unwrap_or_default(),
                ))
            })
            .optional()?;
        let Some((tweet_ids, metrics, endpoint, window, settled_at, states)) = found else { return Ok(None) };
        let mut tweets: Vec<Tweet<'_>> = tweet_ids.iter().map(|&id| Tweet::new(id)).collect();
        let mut cells = Tally::default();
        let before = settled_at.map(|settled_at| {
            let states = states.iter().filter_map(|byte| sql::state_of_byte(*byte));
            let states = tweet_ids.iter().copied().zip(states).collect();
            Again { batch, endpoint, window, metrics: &metrics, settled_at, states }
        });
        let mut kept = BTreeMap::new();
        if let Some(before) = &before {
            if !settlement.is_answer()
                && let Some(known) = before.known_answer(connection)?
            {
                before.keep_answer(connection, settlement.reason)?;
                return Ok(Some(known));
            }
            kept = before.kept(settlement);
            tweets.retain(|tweet| !kept.contains_key(&tweet.id));
            cells += before.sort_gaps(connection, &kept, settlement.at)?;
        }
        for observation in &settlement.observations {
            self.observe(connection, observation, &mut tweets, &mut cells)?;
        }
        for (tweet_id, owner) in &settlement.owners {
            let place = tweets.binary_search_by_key(tweet_id, |tweet| tweet.id);
            if let Some(tweet) = place.ok().and_then(|place| tweets.get_mut(place)) {
                tweet.owner.get_or_insert(owner);
            }
        }
        let unmentioned = Outcome::Unaccounted(Reason::new("the answers do not mention it"));
        let left_out: Vec<Row> = tweets
            .iter()
            .filter(|tweet| tweet.state.is_none())
            .flat_map(|tweet| {
                metrics.iter().map(|metric| Row {
                    tweet_id: tweet.id,
                    metric: metric.clone(),
                    bucket: window,
                    outcome: unmentioned.clone(),
                })
            })
            .collect();
        let nothing = Observation::new(endpoint, settlement.at, &left_out);
        self.observe(connection, &nothing, &mut tweets, &mut cells)?;
        let mut settled = Settled { cells, ..Settled::default() };
        let mut found = tweets.iter().map(Tweet::state);
        let states: Vec<u8> = tweet_ids
            .iter()
            .map(|id| {
                let known = kept.get(id).copied().or_else(|| found.next());
                let state = known.unwrap_or(State::Unaccounted);
                settled.tweets.count(state);
                sql::state_byte(state)
            })
            .collect();
        let count = |state| settled.cells.of(state).cast_signed();
        connection
            .prepare_cached(
                "update batches set state = ?, reason = ?, settled_at = ?, ok = ?, unavailable = ?, unsupported = ?,
                forbidden = ?, failed = ?, unaccounted = ? where job = ? and batch = ?",
            )?
            .execute((
                Progress::Done.name(),
                settlement.reason,
                sql::time(settlement.at),
                count(State::Ok),
                count(State::Unavailable),
                count(State::Unsupported),
                count(State::Forbidden),
                count(State::Failed),
                count(State::Unaccounted),
                batch.job.0,
                batch.number,
            ))?;
        connection
            .prepare_cached("update batch_tweets set states = ? where job = ? and batch = ?")?
            .execute((states, batch.job.0, batch.number))?;
        tweets.retain(|tweet| settlement.told_elsewhere.binary_search(&tweet.id).is_err());
        if let Some(before) = &before {
            before.free_states(connection, &tweets)?;
        }
        self.tweets(connection, batch, settlement, &tweets)?;
        Ok(Some(settled))
    }

    /// Writes the rows of one observation, and notes what they say of each Tweet.
    fn observe<'a>(
        &self,
        connection: &Connection,
        observation: &Observation<'a>,
        tweets: &mut [Tweet<'a>],
        cells: &mut Tally,
    ) -> rusqlite::Result<()> {
        let mut rows = cells_of(observation, tweets);
        rows.iter().for_each(|cell| cells.count(cell.state));
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        let observed_at = sql::time(observation.observed_at);
        let (values, gaps): (Vec<_>, Vec<_>) = rows.into_iter().partition(|cell| cell.value.is_some());
        let (mut series, totals): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|cell| cell.row.bucket.is_some());
        self.totals.run(connection, &totals, |columns, cell| {
            columns.bind(sql::tweet_id(cell.row.tweet_id))?;
            columns.bind(cell.row.metric.name())?;
            columns.bind(observed_at)?;
            columns.bind(cell.value)
        })?;
        let runs = Runs::of(series.iter().map(|cell| cell.row));
        let at_once = take_doubtful(connection, observed_at, &mut series)?;
        for (insert, cells) in [(&self.series, &series), (&self.series_at_once, &at_once)] {
            insert.run(connection, cells, |columns, cell| {
                columns.bind(sql::tweet_id(cell.row.tweet_id))?;
                columns.bind(cell.row.metric.name())?;
                columns.bind(cell.row.bucket.map(|bucket| sql::hour(bucket.start())))?;
                columns.bind(cell.value)?;
                columns.bind(observed_at)?;
                columns.bind(observation.endpoint.name())
            })?;
        }
        self.gaps.run(connection, &gaps, |columns, cell| {
            columns.bind(sql::tweet_id(cell.row.tweet_id))?;
            columns.bind(cell.row.metric.name())?;
            columns.bind(observation.endpoint.name())?;
            columns.bind(cell.row.bucket.map(|bucket| sql::hour(bucket.start())))?;
            columns.bind(cell.row.bucket.map(|bucket| sql::hour(bucket.end())))?;
            columns.bind(cell.state.name())?;
            columns.bind(cell.reason)?;
            columns.bind(observed_at)
        })?;
        let covered: Vec<Covered> = covered_totals(&totals).into_iter().chain(runs.covered()).collect();
        self.coverage.run(connection, &covered, |columns, covered| {
            columns.bind(sql::tweet_id(covered.tweet_id))?;
            columns.bind(observation.endpoint.name())?;
            columns.bind(covered.window.map(|window| sql::hour(window.start())))?;
            columns.bind(covered.window.map(|window| sql::hour(window.end())))?;
            columns.bind(covered.metrics.as_str())?;
            columns.bind(observed_at)
        })
    }

    fn tweets(
        &self,
        connection: &Connection,
        batch: BatchId,
        settlement: &Settlement<'_>,
        tweets: &[Tweet<'_>],
    ) -> rusqlite::Result<()> {
        let at = sql::time(settlement.at);
        self.tweets.run(connection, tweets, |columns, tweet| {
            columns.bind(sql::tweet_id(tweet.id))?;
            columns.bind(tweet.owner)?;
            columns.bind(tweet.id.created_at().map(sql::time))?;
            columns.bind(tweet.state().name())?;
            columns.bind(tweet.reason)?;
            columns.bind(at)?;
            columns.bind(batch.job.0)
        })
    }
}

/// What a settlement says of one Tweet.
struct Tweet<'a> {
    id: TweetId,
    state: Option<State>,
    reason: Option<&'a str>,
    owner: Option<&'a str>,
}

impl<'a> Tweet<'a> {
    const fn new(id: TweetId) -> Self {
        Self { id, state: None, reason: None, owner: None }
    }

    fn state(&self) -> State {
        self.state.unwrap_or(State::Unaccounted)
    }

    fn note(&mut self, cell: &Cell<'a>, owner: Option<&'a str>) {
        let state = self.state.map_or(cell.state, |before| before.and(cell.state));
        if self.state != Some(state) {
            self.reason = cell.reason;
            self.state = Some(state);
        }
        // Only an owner's token gets these.
        if matches!(cell.state, State::Ok | State::Unsupported) && owner.is_some() {
            self.owner = owner;
        }
    }
}

/// A row, and what the store can hold of it.
struct Cell<'a> {
    row: &'a Row,
    state: State,
    value: Option<i64>,
    reason: Option<&'a str>,
}

impl<'a> Cell<'a> {
    fn new(row: &'a Row) -> Self {
        let (state, reason) = (row.outcome.state(), row.outcome.reason());
        match row.outcome.value().map(i64::try_from) {
            None => Self { row, state, value: None, reason },
            Some(Ok(value)) => Self { row, state, value: Some(value), reason },
            // Not a count that any Tweet can have; and a column holds no more.
            Some(Err(_)) => {
                Self { row, state: State::Failed, value: None, reason: Some("the count is above 2^63 - 1") }
            }
        }
    }

    /// The order of the tables.
    fn key(&self) -> (TweetId, Option<UtcHour>, &Metric) {
        (self.row.tweet_id, self.row.bucket.map(Window::start), &self.row.metric)
    }
}

/// Metrics of a Tweet that have values, on series in the same hours.
struct Covered {
    tweet_id: TweetId,
    window: Option<Window>,
    metrics: String,
}

/// The rows of an observation that are of these Tweets, which take notice of them.
fn cells_of<'a>(observation: &Observation<'a>, tweets: &mut [Tweet<'a>]) -> Vec<Cell<'a>> {
    let mut cells = Vec::with_capacity(observation.rows.len());
    let mut place = 0;
    for row in observation.rows {
        // Rows come by Tweet: the one before is a good guess.
        if tweets.get(place).is_none_or(|tweet| tweet.id != row.tweet_id) {
            match tweets.binary_search_by_key(&row.tweet_id, |tweet| tweet.id) {
                Ok(found) => place = found,
                Err(_) => continue,
            }
        }
        let Some(tweet) = tweets.get_mut(place) else { continue };
        let cell = Cell::new(row);
        tweet.note(&cell, observation.owner);
        cells.push(cell);
    }
    cells
}

fn covered_totals(totals: &[Cell<'_>]) -> Vec<Covered> {
    let of_one = totals.chunk_by(|a, b| a.row.tweet_id == b.row.tweet_id);
    of_one
        .filter_map(|cells| {
            let metrics = sql::metrics(cells.iter().map(|cell| &cell.row.metric));
            Some(Covered { tweet_id: cells.first()?.row.tweet_id, window: None, metrics })
        })
        .collect()
}

/// An insertion of hours that replaces other values where this holds.
fn series(when: &str) -> Insert {
    Insert::new(
        "insert into series(tweet_id, metric, bucket_start, value, observed_at, endpoint)",
        6,
        &format!(
            "on conflict do update set value = excluded.value, observed_at = excluded.observed_at, \
            endpoint = excluded.endpoint where excluded.value <> value and {when}"
        ),
    )
}

/// Takes out hours that were observed at the same moment or later by somebody who was faster here, and gives back those
/// of the same moment, where the larger value stays. The hours themselves need not show it: a value that did not change
/// is left as it stands, with the time at which it was first seen.
fn take_doubtful<'a>(
    connection: &Connection,
    observed_at: i64,
    series: &mut Vec<Cell<'a>>,
) -> rusqlite::Result<Vec<Cell<'a>>> {
    let mut known = connection.prepare_cached(
        "select window_start, window_end, metrics, observed_at from coverage
        where tweet_id = ? and observed_at >= ? and window_start is not null",
    )?;
    let mut tweet_ids: Vec<TweetId> = series.iter().map(|cell| cell.row.tweet_id).collect();
    tweet_ids.dedup();
    let mut at_once = Vec::new();
    for tweet_id in tweet_ids {
        let covered: Vec<(Option<Window>, Vec<Metric>, i64)> = known
            .query_map((sql::tweet_id(tweet_id), observed_at), |row| {
                Ok((sql::window(row, 0)?, sql::column(row, 2, sql::read_metrics)?, row.get(3)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        if covered.is_empty() {
            continue;
        }
        let newest = |cell: &Cell<'_>| {
            let hour = cell.row.bucket.map(Window::start);
            let covers = |window: &Window| hour.is_some_and(|hour| window.contains(hour));
            let of_cell = covered.iter().filter(|(window, metrics, _)| {
                window.as_ref().is_some_and(covers) && metrics.contains(&cell.row.metric)
            });
            of_cell.map(|(_, _, at)| *at).max()
        };
        let of_tweet = series.extract_if(.., |cell| cell.row.tweet_id == tweet_id && newest(cell).is_some());
        let doubtful: Vec<Cell<'a>> = of_tweet.collect();
        at_once.extend(doubtful.into_iter().filter(|cell| newest(cell) == Some(observed_at)));
    }
    Ok(at_once)
}

#[cfg(test)]
mod tests {
    use engagement_model::Endpoint;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::schema;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, Timestamp::UNIX_EPOCH).unwrap();
        connection
    }

    /// Values of one Tweet by metric and hour, seen at a time.
    type Seen = (i64, Vec<((usize, i32), u64)>);

    fn seen() -> impl Strategy<Value = Seen> {
        let values = prop::collection::btree_map((0..3_usize, 0..5_i32), 0..4_u64, 0..12);
        (0..6_i64, values.prop_map(Vec::from_iter))
    }

    /// Writes them down and gives how many rows that touched.
    fn observe(connection: &Connection, (at, values): &Seen) -> u64 {
        let id = TweetId::new(1_763_000_000_000_000_001).unwrap();
        let rows: Vec<Row> = values
            .iter()
            .map(|&((metric, hour), value)| Row {
                tweet_id: id,
                metric: Metric::ALL[metric].clone(),
                bucket: UtcHour::from_epoch(474_960 + hour).map(Window::hour),
                outcome: Outcome::Ok(value),
            })
            .collect();
        let at = Timestamp::from_second(*at).unwrap();
        let observation = Observation::new(Endpoint::Last28Hours, at, &rows);
        let before = connection.total_changes();
        let mut tweets = [Tweet::new(id)];
        Facts::new().observe(connection, &observation, &mut tweets, &mut Tally::default()).unwrap();
        connection.total_changes() - before
    }

    fn count(connection: &Connection, table: &str) -> u64 {
        let sql = format!("select count(*) from {table}");
        connection.query_row(&sql, [], |row| sql::count(row, 0)).unwrap()
    }

    /// What an hour's value is: by definition, the largest of the newest that were seen.
    fn values(connection: &Connection) -> Vec<(String, i64, i64)> {
        let sql = "select metric, bucket_start, value from series order by metric, bucket_start";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_order_of_observations_leads_to_the_same_series(
            (sorted, shuffled) in prop::collection::vec(seen(), 1..8)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let [mut one, mut other] = [database(), database()].map(|database| (database, Vec::new()));
            for (place, order) in [(&mut one, &sorted), (&mut other, &shuffled)] {
                for seen in order {
                    observe(&place.0, seen);
                }
                place.1 = values(&place.0);
            }
            prop_assert_eq!(&one.1, &other.1);
            let mut newest = BTreeMap::new();
            for (at, values) in &sorted {
                for &((metric, hour), value) in values {
                    let known = newest.entry((metric, hour)).or_insert((*at, value));
                    *known = (*known).max((*at, value));
                }
            }
            let newest: Vec<u64> = newest.into_values().map(|(_, value)| value).collect();
            let found: Vec<u64> = one.1.iter().map(|(_, _, value)| value.cast_unsigned()).collect();
            prop_assert_eq!(found, newest);
        }

        #[test]
        fn only_what_changed_is_touched_and_leaves_one_revision(
            (at, first) in seen(),
            changes in prop::collection::vec(0..3_u64, 12),
        ) {
            let connection = database();
            observe(&connection, &(at, first.clone()));
            let second: Vec<_> =
                first.iter().zip(&changes).map(|(&(key, value), change)| (key, value + change)).collect();
            let changed = changes.iter().take(first.len()).filter(|change| **change > 0).count() as u64;
            let (covered, series) = (count(&connection, "coverage"), count(&connection, "series"));
            let touched = observe(&connection, &(at + 1, second));
            // Each change is an update and a revision; what is covered is said for every observation.
            prop_assert_eq!(touched, 2 * changed + count(&connection, "coverage") - covered);
            prop_assert_eq!(count(&connection, "revisions"), changed);
            prop_assert_eq!(count(&connection, "series"), series);
        }
    }
}
