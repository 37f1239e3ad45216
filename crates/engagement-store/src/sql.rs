//! Values as they stand in columns.

use engagement_model::{Endpoint, Metric, State, Tally, TweetId, UtcHour, Window};
use jiff::Timestamp;
use rusqlite::{
    Row,
    types::{FromSqlError, FromSqlResult, ValueRef},
};

use crate::job::Progress;

/// Milliseconds since 1970.
pub(crate) fn time(time: Timestamp) -> i64 {
    time.as_millisecond()
}

pub(crate) fn read_time(value: ValueRef<'_>) -> FromSqlResult<Timestamp> {
    Timestamp::from_millisecond(value.as_i64()?).map_err(|error| FromSqlError::Other(error.into()))
}

/// The first millisecond of the hour.
pub(crate) fn hour(hour: UtcHour) -> i64 {
    i64::from(hour.since_epoch()) * HOUR_MS
}

pub(crate) fn read_hour(value: ValueRef<'_>) -> FromSqlResult<UtcHour> {
    let hours = i32::try_from(value.as_i64()?.div_euclid(HOUR_MS)).ok();
    hours.and_then(UtcHour::from_epoch).ok_or(FromSqlError::InvalidType)
}

/// A value of a row, read so.
pub(crate) fn column<T>(
    row: &Row<'_>,
    index: usize,
    read: impl FnOnce(ValueRef<'_>) -> FromSqlResult<T>,
) -> rusqlite::Result<T> {
    let value = row.get_ref(index)?;
    let kind = value.data_type();
    read(value).map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, kind, Box::new(error)))
}

/// The same, of a column that may have no value.
pub(crate) fn optional<T>(
    row: &Row<'_>,
    index: usize,
    read: impl FnOnce(ValueRef<'_>) -> FromSqlResult<T>,
) -> rusqlite::Result<Option<T>> {
    column(row, index, |value| if value == ValueRef::Null { Ok(None) } else { read(value).map(Some) })
}

/// The window in two columns.
pub(crate) fn window(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Window>> {
    let (start, end) = (optional(row, index, read_hour)?, optional(row, index + 1, read_hour)?);
    Ok(start.zip(end).and_then(|(start, end)| Window::new(start, end).ok()))
}

/// A count, which a sum over nothing leaves out.
pub(crate) fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Option<i64>>(index)?.unwrap_or_default().cast_unsigned())
}

/// Six counts in the order of [`State::ALL`].
pub(crate) fn tally(row: &Row<'_>, first: usize) -> rusqlite::Result<Tally> {
    let mut counts = [0; 6];
    for (index, slot) in (first..).zip(&mut counts) {
        *slot = count(row, index)?;
    }
    Ok(Tally::new(counts))
}

pub(crate) fn read_progress(value: ValueRef<'_>) -> FromSqlResult<Progress> {
    let name = value.as_str()?;
    Progress::ALL.into_iter().find(|progress| progress.name() == name).ok_or(FromSqlError::InvalidType)
}

/// Ids are at most 2⁶³ − 1, which is what the column holds.
pub(crate) fn tweet_id(id: TweetId) -> i64 {
    id.get().cast_signed()
}

pub(crate) fn read_tweet_id(value: ValueRef<'_>) -> FromSqlResult<TweetId> {
    TweetId::new(value.as_i64()?.cast_unsigned()).map_err(|error| FromSqlError::Other(error.into()))
}

pub(crate) fn read_endpoint(value: ValueRef<'_>) -> FromSqlResult<Endpoint> {
    value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
}

pub(crate) fn read_state(value: ValueRef<'_>) -> FromSqlResult<State> {
    let name = value.as_str()?;
    State::ALL.into_iter().find(|state| state.name() == name).ok_or(FromSqlError::InvalidType)
}

/// Names, separated by commas. A server can put anything into a name, a comma too: that is `%2C`, and `%` is `%25`.
pub(crate) fn metrics<'a>(metrics: impl IntoIterator<Item = &'a Metric>) -> String {
    let mut names = String::new();
    for metric in metrics {
        if !names.is_empty() {
            names.push(',');
        }
        match metric {
            Metric::Other(other) => {
                names.push_str(&other.name().replace('%', "%25").replace(',', "%2C"));
            }
            known => names.push_str(known.name()),
        }
    }
    names
}

pub(crate) fn read_metrics(value: ValueRef<'_>) -> FromSqlResult<Vec<Metric>> {
    let names = value.as_str()?.split(',').filter(|name| !name.is_empty());
    Ok(names.map(|name| Metric::named(&name.replace("%2C", ",").replace("%25", "%"))).collect())
}

/// Eight bytes each, the lowest first.
pub(crate) fn tweet_ids(ids: &[TweetId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.get().to_le_bytes()).collect()
}

pub(crate) fn read_tweet_ids(value: ValueRef<'_>) -> FromSqlResult<Vec<TweetId>> {
    let (ids, rest) = value.as_blob()?.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(FromSqlError::InvalidType);
    }
    let id = |bytes: &[u8; 8]| TweetId::new(u64::from_le_bytes(*bytes));
    ids.iter().map(id).collect::<Result<_, _>>().map_err(|error| FromSqlError::Other(error.into()))
}

/// The byte of a state: its place in [`State::ALL`].
pub(crate) fn state_byte(state: State) -> u8 {
    match state {
        State::Ok => 0,
        State::Unavailable => 1,
        State::Unsupported => 2,
        State::Forbidden => 3,
        State::Failed => 4,
        State::Unaccounted => 5,
    }
}

pub(crate) fn state_of_byte(byte: u8) -> Option<State> {
    State::ALL.get(usize::from(byte)).copied()
}

pub(crate) const HOUR_MS: i64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics_read_back_whatever_is_in_them() {
        let known = [Metric::Favorites, Metric::Replies];
        assert_eq!(metrics(&known), "favorites,replies");
        for name in ["brand_new", "a,b", ",", "%", "%2C", "%252C,%25", "a\nb"] {
            let all = [Metric::Favorites, Metric::named(name), Metric::named("c,d")];
            assert_eq!(read_metrics(ValueRef::from(metrics(&all).as_str())).unwrap(), all, "{name}");
        }
    }
}
