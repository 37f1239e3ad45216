//! What is known, row by row: for those who take it elsewhere.

use engagement_model::{Endpoint, Metric, Outcome, Reason, Row, State, TweetId};
use jiff::Timestamp;
use rusqlite::{Row as SqlRow, Rows};

use crate::sql;

/// Which outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of lifetime totals: one for each Tweet and metric of every observation.
    Totals,
    /// Of hours: the newest value of each. Windows in which a metric of a Tweet has no value at all have one row
    /// without a value, with the newest answer's reason.
    Series,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By Tweet, hour, metric and time of observation.
    Tweet,
    /// By UTC day first, that of the hour or, for totals, that of the observation; then by Tweet, hour, metric and time
    /// of observation.
    Day,
}

/// What became of one Tweet × metric × hour, and where that is known from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact<'a> {
    /// The Tweet, the metric, the hour or the window, and the outcome.
    pub row: Row,
    /// Where it comes from.
    pub endpoint: Endpoint,
    /// When the server answered; for hours, when the value was first seen.
    pub observed_at: Timestamp,
    /// The Tweet's owner, where that is known.
    pub owner: Option<&'a str>,
}

/// What is known of a Tweet as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tweet<'a> {
    /// The Tweet.
    pub tweet_id: TweetId,
    /// Its owner, where that is known.
    pub owner: Option<&'a str>,
    /// When it was made, from its id; ids from before November 2010 do not say.
    pub created_at: Option<Timestamp>,
    /// Where it stands by the job that asked for it last.
    pub state: State,
    /// Why it has no values.
    pub reason: Option<&'a str>,
    /// When that was learnt.
    pub checked_at: Timestamp,
}

impl<'a> Tweet<'a> {
    pub(crate) fn read(row: &'a SqlRow<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tweet_id: sql::column(row, 0, sql::read_tweet_id)?,
            owner: row.get_ref(1)?.as_str_or_null()?,
            created_at: sql::optional(row, 2, sql::read_time)?,
            state: sql::column(row, 3, sql::read_state)?,
            reason: row.get_ref(4)?.as_str_or_null()?,
            checked_at: sql::column(row, 5, sql::read_time)?,
        })
    }
}

pub(crate) const TWEETS: &str =
    "select tweet_id, owner, created_at, state, reason, checked_at from tweets order by tweet_id";

/// Rows of values and rows without, as one list in order.
pub(crate) fn query(kind: Kind, order: Order) -> String {
    let (tables, time) = match kind {
        Kind::Totals => ([TOTALS, TOTALS_GAPS].map(str::to_owned), "observed_at"),
        Kind::Series => ([SERIES.to_owned(), series_gaps()], "coalesce(window_start, observed_at)"),
    };
    let (day, first) = match order {
        Order::Tweet => ("null".to_owned(), ""),
        Order::Day => (format!("{time} / 86400000"), "day, "),
    };
    // Each half comes in the order of its table, where that is the order asked for, and they are merged.
    let halves = tables.map(|table| {
        format!(
            "select tweet_id, metric, window_start, window_end, endpoint, value, state, reason, observed_at,
            (select owner from tweets where tweets.tweet_id = facts.tweet_id), {day} as day from {table} as facts"
        )
    });
    format!("{} order by {first}tweet_id, window_start, metric, observed_at", halves.join(" union all "))
}

pub(crate) fn visit<E>(
    rows: &mut Rows<'_>,
    failed: impl Fn(rusqlite::Error) -> E,
    mut each: impl FnMut(&Fact<'_>) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(row) = rows.next().map_err(&failed)? {
        let owner = row.get_ref(9).and_then(|value| Ok(value.as_str_or_null()?)).map_err(&failed)?;
        each(&read(row, owner).map_err(&failed)?)?;
    }
    Ok(())
}

fn read<'a>(row: &SqlRow<'_>, owner: Option<&'a str>) -> rusqlite::Result<Fact<'a>> {
    let value: Option<i64> = row.get(5)?;
    let outcome = match value {
        Some(value) => Outcome::Ok(value.cast_unsigned()),
        None => {
            let reason = row.get_ref(7)?.as_str_or_null()?.map_or(Reason::NONE, Reason::new);
            let state = sql::column(row, 6, sql::read_state)?;
            Outcome::without_value(state, reason).unwrap_or(Outcome::Unaccounted(Reason::NONE))
        }
    };
    Ok(Fact {
        row: Row {
            tweet_id: sql::column(row, 0, sql::read_tweet_id)?,
            metric: Metric::named(row.get_ref(1)?.as_str()?),
            bucket: sql::window(row, 2)?,
            outcome,
        },
        endpoint: sql::column(row, 4, sql::read_endpoint)?,
        observed_at: sql::column(row, 8, sql::read_time)?,
        owner,
    })
}

const TOTALS: &str =
    "(select tweet_id, metric, null as window_start, null as window_end, 'totals' as endpoint, value,
    'ok' as state, null as reason, observed_at from totals)";

const TOTALS_GAPS: &str = "(select *, null as value from gaps where endpoint = 'totals')";

const SERIES: &str =
    "(select tweet_id, metric, bucket_start as window_start, bucket_start + 3600000 as window_end,
    endpoint, value, 'ok' as state, null as reason, observed_at from series)";

/// A gap without a window is one of the last 28 hours, whose first begins up to an hour earlier.
fn series_gaps() -> String {
    let reach = i64::from(Endpoint::LAST_HOURS + 1) * sql::HOUR_MS;
    format!(
        "(select tweet_id, metric, window_start, window_end, endpoint, null as value, state, reason,
        max(observed_at) as observed_at from gaps
        where endpoint <> 'totals' and not exists (
            select 1 from series where series.tweet_id = gaps.tweet_id and series.metric = gaps.metric
            and bucket_start >= coalesce(window_start, gaps.observed_at - {reach})
            and bucket_start < coalesce(window_end, gaps.observed_at)
        )
        group by tweet_id, metric, window_start, window_end)"
    )
}
