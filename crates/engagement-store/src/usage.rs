//! How many handles a contract is charged for.
//!
//! The service counts distinct authenticated users that own queried Tweets in a billing month, offers no number for it
//! and does not stop at a limit (documented). So the ledger counts, when a request is sent and whatever comes of it
//! (our choice, the safe side). Requests by the app alone have no user (inferred) and are counted apart.

use core::fmt;
use std::collections::HashMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rusqlite::Connection;

use crate::sql;

/// A month of the contract: from a day of a calendar month to the same day of the next, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillingMonth {
    year: i16,
    month: i8,
    start_day: i8,
}

impl BillingMonth {
    /// The month that begins in this calendar month, on this day; in months without such a day, on their last.
    pub fn new(year: i16, month: i8, start_day: i8) -> Result<Self, InvalidMonth> {
        let days = 1..=31;
        match Date::new(year, month, 1) {
            Ok(_) if days.contains(&start_day) && year < 9999 => Ok(Self { year, month, start_day }),
            _ => Err(InvalidMonth),
        }
    }

    /// The month in which this time lies.
    pub fn containing(time: Timestamp, start_day: i8) -> Result<Self, InvalidMonth> {
        let date = TimeZone::UTC.to_datetime(time).date();
        let month = Self::new(date.year(), date.month(), start_day)?;
        if time < month.start() { month.before() } else { Ok(month) }
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        self.first_moment().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Self { year, month, ..self }.start()
    }

    fn before(self) -> Result<Self, InvalidMonth> {
        let (year, month) = if self.month == 1 { (self.year - 1, 12) } else { (self.year, self.month - 1) };
        Self::new(year, month, self.start_day)
    }

    fn first_moment(self) -> Option<Timestamp> {
        let first = Date::new(self.year, self.month, 1).ok()?;
        let day = self.start_day.min(first.days_in_month());
        let date = Date::new(self.year, self.month, day).ok()?;
        TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    }
}

impl fmt::Display for BillingMonth {
    /// The calendar month in which it begins: `2024-03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// No month of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a billing month is a year, a month from 1 to 12, and a day from 1 to 31 on which it starts")]
pub struct InvalidMonth;

/// What the ledger says of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The accounts whose tokens were used, by handle.
    pub owners: Vec<OwnerUsage>,
    /// Requests without a user.
    pub app_only_requests: u64,
}

impl Usage {
    /// Requests of all accounts together.
    pub fn requests(&self) -> u64 {
        self.owners.iter().map(|owner| owner.requests).sum()
    }
}

/// One account in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerUsage {
    /// Its handle, the newest if it has had several.
    pub owner: String,
    /// Its number, where that is known.
    pub owner_id: Option<u64>,
    /// When it was first used in the month.
    pub first_sent_at: Timestamp,
    /// Requests that its token was used for.
    pub requests: u64,
}

pub(crate) fn of(connection: &Connection, month: BillingMonth) -> rusqlite::Result<Usage> {
    let span = (sql::time(month.start()), sql::time(month.end()));
    let mut usage = Usage {
        app_only_requests: connection
            .prepare_cached(
                "select count(*) from requests where owner is null and sent_at >= ? and sent_at < ?",
            )?
            .query_row(span, |row| sql::count(row, 0))?,
        ..Usage::default()
    };
    let mut statement = connection.prepare_cached(
        "select owner, owner_id, min(sent_at), count(*), max(sent_at) from requests
        where owner is not null and sent_at >= ? and sent_at < ? group by owner, owner_id order by max(sent_at)",
    )?;
    let lines: Vec<OwnerUsage> = statement
        .query_map(span, |row| {
            Ok(OwnerUsage {
                owner: row.get(0)?,
                owner_id: row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned),
                first_sent_at: sql::column(row, 2, sql::read_time)?,
                requests: sql::count(row, 3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    // One account is one account, whether a request knew its number or not, and whatever it is called by now.
    let numbers: HashMap<String, u64> =
        lines.iter().filter_map(|line| Some((line.owner.clone(), line.owner_id?))).collect();
    for mut line in lines {
        line.owner_id = line.owner_id.or_else(|| numbers.get(&line.owner).copied());
        let same = |known: &&mut OwnerUsage| match line.owner_id {
            Some(_) => known.owner_id == line.owner_id,
            None => known.owner == line.owner,
        };
        match usage.owners.iter_mut().find(same) {
            Some(known) => {
                known.owner.clone_from(&line.owner);
                known.first_sent_at = known.first_sent_at.min(line.first_sent_at);
                known.requests += line.requests;
            }
            None => usage.owners.push(line),
        }
    }
    usage.owners.sort_by(|a, b| a.owner.cmp(&b.owner));
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn begins_on_the_day_of_the_contract() {
        let check = |year, month, day, start: &str, end: &str| {
            let billing = BillingMonth::new(year, month, day).unwrap();
            assert_eq!((billing.start(), billing.end()), (start.parse().unwrap(), end.parse().unwrap()));
        };
        check(2024, 3, 1, "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z");
        check(2023, 12, 15, "2023-12-15T00:00:00Z", "2024-01-15T00:00:00Z");
        check(2024, 1, 31, "2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z");
        check(2024, 2, 31, "2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z");
        assert_eq!(BillingMonth::new(2024, 13, 1), Err(InvalidMonth));
        assert_eq!(BillingMonth::new(2024, 1, 0), Err(InvalidMonth));
        assert_eq!(BillingMonth::new(2024, 1, 32), Err(InvalidMonth));
    }

    proptest! {
        #[test]
        fn every_time_lies_in_one_month(second in 0..4_000_000_000_i64, start_day in 1..=31_i8) {
            let time = Timestamp::from_second(second).unwrap();
            let month = BillingMonth::containing(time, start_day).unwrap();
            prop_assert!(month.start() <= time && time < month.end());
        }
    }
}
