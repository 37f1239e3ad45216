//! What an answer means for repeating: decided by the caller, because only the caller knows the API.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

use crate::answer::Head;

/// What a complete answer means for the call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The call is over and this is its answer, good or bad.
    Done,
    /// The answer is a passing failure: repeat after a backoff, within the bounds of attempts, time and budget.
    Retry {
        /// Why, for events and for the error if repeating does not help.
        reason: Cow<'static, str>,
    },
    /// The quota is spent: wait until the server gives more, then repeat. Time and budget are not charged.
    Wait {
        /// How long, if the caller knows better than the headers `retry-after` and `x-…-reset`. More than a year is
        /// taken for one.
        after: Option<Duration>,
    },
}

impl Verdict {
    /// A [`Verdict::Retry`] with its reason.
    pub fn retry(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Retry { reason: reason.into() }
    }
}

/// The verdict by status alone: 429 waits; 408, 500, 502, 503 and 504 are repeated; anything else is done.
///
/// A caller's own verdict usually looks at the bodies that it understands and leaves the rest to this one.
pub fn by_status(head: &Head<'_>, _body: &[u8]) -> Verdict {
    match head.status {
        StatusCode::TOO_MANY_REQUESTS => Verdict::Wait { after: None },
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Verdict::retry(format!("status {}", head.status.as_u16())),
        _ => Verdict::Done,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn judges_every_status() {
        let headers = HeaderMap::new();
        for code in 100..=999 {
            let status = StatusCode::from_u16(code).unwrap();
            let verdict = by_status(&Head { status, headers: &headers }, b"");
            let expected = match code {
                429 => Verdict::Wait { after: None },
                408 | 500 | 502 | 503 | 504 => Verdict::retry(format!("status {code}")),
                _ => Verdict::Done,
            };
            assert_eq!(verdict, expected, "{code}");
        }
    }
}
