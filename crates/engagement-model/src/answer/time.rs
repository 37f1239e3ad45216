//! Times as answers write them.

use jiff::{Timestamp, civil, tz::TimeZone};

use crate::json::{Fault, Scanner};

/// Reads the value that comes next as a time; `None` if it is none.
pub(super) fn read_time(scan: &mut Scanner<'_>) -> Result<Option<Timestamp>, Fault> {
    if scan.peek()? == b'"' {
        return Ok(time(&scan.string()?.name()));
    }
    scan.skip_value()?;
    Ok(None)
}

/// A time in any form that the API has been seen to write (contract 2.3 rule 1, 8 no. 13); UTC where it does not say.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let time = text.parse::<civil::DateTime>().ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answer::Limits, hour::UtcHour};

    fn read(body: &str) -> Option<String> {
        let mut scan = Scanner::new(body.as_bytes(), &Limits::default()).unwrap();
        let time = read_time(&mut scan).unwrap();
        assert!(scan.is_at_end());
        time.map(|time| UtcHour::containing(time).to_string())
    }

    #[test]
    fn reads_times_as_they_have_been_seen() {
        assert_eq!(read("\"2024-03-01\"").unwrap(), "2024-03-01T00:00:00Z");
        for body in [
            "\"2024-03-01T07:00:00Z\"",
            "\"2024-03-01T07:00:00.123Z\"",
            "\"2024-03-01T07:59:59\"",
            "\"2024-03-01T09:00:00+02:00\"",
            "\"\\u0032024-03-01T07:00:00Z\"",
        ] {
            assert_eq!(read(body).as_deref(), Some("2024-03-01T07:00:00Z"), "{body}");
        }
        for body in ["\"yesterday\"", "null", "17", "{\"a\":[]}", "\"\""] {
            assert_eq!(read(body), None, "{body}");
        }
    }
}
