//! `engagement usage`: what the contract counts.

use engagement_store::usage::{BillingMonth, OwnerUsage, Usage};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{self, Format},
    commands::stored::{read, storage},
    exit::{Exit, Failure},
    place::Place,
    records,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(crate) fn run(usage: &cli::Usage, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let start_day = settings.month_start_day.unwrap_or(1);
    let month = match usage.month {
        Some(month) => BillingMonth::new(month.year, month.month, start_day),
        None => BillingMonth::containing(Timestamp::now(), start_day),
    };
    let month = month.map_err(Failure::usage)?;
    let found = read(&usage.place.store)?.usage(month).map_err(|error| storage(&error))?;
    let used = found.owners.len();
    talk.say(&format!(
        "{month} ({} to {}): {used}{} handles, {} requests with their tokens, {} without any",
        month.start(),
        month.end(),
        settings.handle_limit.map(|limit| format!(" of {limit}")).unwrap_or_default(),
        found.requests(),
        found.app_only_requests,
    ));
    if let Some(warning) = warning(used, settings.handle_limit) {
        talk.warn(&warning);
    }
    let place = Place::open(settings.out.as_deref())?;
    if settings.output == Some(Format::Json) {
        let account = Account::of(month, &found, settings.handle_limit);
        let mut text = serde_json::to_vec(&account).unwrap_or_default();
        text.push(b'\n');
        return place.put(&text);
    }
    let name = month.to_string();
    let lines: Vec<Line<'_>> = found.owners.iter().map(|owner| Line::of(&name, owner)).collect();
    records::put(&lines, &COLUMNS, settings.output, place)
}

/// From four fifths of the limit on.
fn warning(used: usize, limit: Option<u32>) -> Option<String> {
    let (used, limit) = (used as u64, u64::from(limit?));
    if used > limit {
        Some(format!("{used} handles were used, and the contract has {limit}: the service bills the others"))
    } else if used * 5 >= limit * 4 {
        Some(format!("{used} of the contract's {limit} handles are used"))
    } else {
        None
    }
}

/// The month as one object.
#[derive(Serialize)]
struct Account<'a> {
    month: String,
    start: Timestamp,
    end: Timestamp,
    handles: usize,
    handle_limit: Option<u32>,
    requests: u64,
    app_only_requests: u64,
    owners: Vec<Line<'a>>,
}

impl<'a> Account<'a> {
    fn of(month: BillingMonth, usage: &'a Usage, handle_limit: Option<u32>) -> Self {
        Self {
            month: month.to_string(),
            start: month.start(),
            end: month.end(),
            handles: usage.owners.len(),
            handle_limit,
            requests: usage.requests(),
            app_only_requests: usage.app_only_requests,
            owners: usage.owners.iter().map(|owner| Line::of("", owner)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    month: &'a str,
    owner: &'a str,
    user_id: Option<String>,
    first_sent_at: Timestamp,
    requests: u64,
}

impl<'a> Line<'a> {
    fn of(month: &'a str, owner: &'a OwnerUsage) -> Self {
        Self {
            month,
            owner: &owner.owner,
            user_id: owner.owner_id.map(|id| id.to_string()),
            first_sent_at: Timestamp::from_second(owner.first_sent_at.as_second())
                .unwrap_or(owner.first_sent_at),
            requests: owner.requests,
        }
    }
}

const COLUMNS: [&str; 5] = ["month", "owner", "user_id", "first_sent_at", "requests"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_from_four_fifths_on() {
        assert_eq!(warning(39, Some(49)), None);
        assert_eq!(warning(40, Some(50)).as_deref(), Some("40 of the contract's 50 handles are used"));
        assert!(warning(51, Some(50)).unwrap().contains("bills"));
        assert_eq!(warning(51, None), None);
    }
}
