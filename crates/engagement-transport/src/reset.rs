//! When a server will have quota again, read from headers that may say anything.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AsHeaderName, RETRY_AFTER};

/// `retry-after` in both of its forms, RFC 9110 section 10.2.3: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, server_time: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match digits(value) {
        Some(seconds) => Duration::from_secs(seconds),
        None => httpdate::parse_http_date(value).ok()?.duration_since(server_time).ok()?,
    };
    believable(wait)
}

/// A header that names the end of the server's window in Unix seconds, as the time until then.
///
/// Both ends are read on the server's clock, so ours may be wrong.
pub(crate) fn until(
    headers: &HeaderMap,
    name: impl AsHeaderName,
    server_time: SystemTime,
) -> Option<Duration> {
    believable(epoch(headers, name)?.duration_since(server_time).ok()?)
}

/// A header of Unix seconds as a time.
pub(crate) fn epoch(headers: &HeaderMap, name: impl AsHeaderName) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(number(headers, name)?))
}

/// A header that is a plain number and nothing else.
pub(crate) fn number(headers: &HeaderMap, name: impl AsHeaderName) -> Option<u64> {
    digits(headers.get(name)?.to_str().ok()?.trim())
}

/// The time by the server's clock, to the second.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(http::header::DATE)?.to_str().ok()?).ok()
}

/// A wait outside these bounds counts as not given: never none at all, never for ever.
fn believable(wait: Duration) -> Option<Duration> {
    (SHORTEST..=LONGEST).contains(&wait).then_some(wait)
}

/// `parse` alone would take a plus sign.
fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

pub(crate) const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn reads_retry_after_or_takes_it_for_absent() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, expected) in [
            ("1", Some(1)),
            ("900", Some(900)),
            (" 30 ", Some(30)),
            ("030", Some(30)),
            ("0", None),
            ("901", None),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("99999999999999999999999", None),
            ("18446744073709551615", None),
            ("", None),
            ("soon", None),
            ("\u{b2}", None),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 07:00:00 GMT", None),
            ("Sun, 06 Nov 2094 07:00:00 GMT", None),
            ("Sun, 99 Nov 1994 08:50:07 GMT", None),
        ] {
            let found = retry_after(&headers("retry-after", value.as_bytes()), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn reads_reset_on_the_servers_clock() {
        for (value, expected) in [
            ("1700000030", Some(30)),
            ("1700000900", Some(900)),
            ("1700000901", None),
            ("1700000000", None),
            ("1699999999", None),
            ("-1", None),
            ("35", None),
            ("\u{b2}", None),
            ("18446744073709551615", None),
            ("17000000300000000000000", None),
            ("1700000030.5", None),
        ] {
            let found = until(
                &headers("x-per-minute-reset", value.as_bytes()),
                "x-per-minute-reset",
                at(1_700_000_000),
            );
            assert_eq!(found, expected.map(Duration::from_secs), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_always_believable(value in proptest::collection::vec(any::<u8>(), 0..40), now in 0u64..4_000_000_000) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert("retry-after", value.clone());
                headers.insert("x-per-minute-reset", value);
                for wait in [retry_after(&headers, at(now)), until(&headers, "x-per-minute-reset", at(now))].into_iter().flatten() {
                    prop_assert!((SHORTEST..=LONGEST).contains(&wait));
                }
            }
        }
    }
}
