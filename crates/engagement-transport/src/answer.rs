use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::words;

/// Status and headers of an answer, as a verdict sees them.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers, names in lower case.
    pub headers: &'a HeaderMap,
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("status", &self.status).field("headers", &Names(self.headers)).finish()
    }
}

/// A complete answer: every byte arrived, and a gzip body had the right checksum and length.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// The status, whatever it is: redirects are not followed and a 4xx is an answer like any other.
    pub status: StatusCode,
    /// The headers, as received: `content-encoding` and `content-length` tell of the body before it was inflated.
    pub headers: HeaderMap,
    /// The body, inflated.
    pub body: Bytes,
    /// Whether headers or body held a secret that is known, and is hidden in them now: see
    /// [`Transport::conceal`](crate::Transport::conceal).
    pub concealed: bool,
    /// Attempts made for this call, the answered one included.
    pub attempts: u32,
    /// Requests that went out: attempts that did not fail for want of a connection.
    pub sent: u32,
    /// From the call's beginning to the last byte of its answer, waits included.
    pub elapsed: Duration,
    /// The part of `elapsed` that was spent waiting for quota.
    pub waited: Duration,
    /// Whole seconds by which the server's `Date` is ahead of our clock (negative: behind).
    pub clock_ahead: Option<i64>,
}

impl Answer {
    /// Status and headers.
    pub fn head(&self) -> Head<'_> {
        Head { status: self.status, headers: &self.headers }
    }

    /// The beginning of the body as text that is safe to print: no control or direction characters, one line, at most
    /// 300 characters.
    pub fn words(&self) -> String {
        words::clean(&self.body)
    }
}

impl fmt::Debug for Answer {
    /// Shows neither the body nor the headers' values: what was asked for may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &Names(&self.headers))
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("concealed", &self.concealed)
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// Shows which headers there are.
struct Names<'a>(&'a HeaderMap);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
