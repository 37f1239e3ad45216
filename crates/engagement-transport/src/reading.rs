use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::error::ErrorKind;
use crate::failure::Failure;

/// An answer of which the head has arrived.
pub(crate) struct Reading {
    status: StatusCode,
    headers: HeaderMap,
    coding: Coding,
    /// Bytes of body that are to come at least, by the head.
    expected: u64,
    body: Collected,
}

impl Reading {
    pub(crate) fn begin(parts: Parts, expected: u64, limits: Limits) -> Result<Self, Failure> {
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::new(ErrorKind::Protocol).because("switched protocols unasked"));
        }
        if parts.headers.contains_key(TRANSFER_ENCODING) && parts.headers.contains_key(CONTENT_LENGTH) {
            // RFC 9112 section 6.3: a sign of smuggling or of a broken server, and one of the two is wrong.
            return Err(
                Failure::new(ErrorKind::Protocol).because("both content-length and transfer-encoding")
            );
        }
        let coding = coding(&parts.headers)?;
        if expected > limits.body as u64 {
            return Err(too_large(limits.body));
        }
        Ok(Self { status: parts.status, headers: parts.headers, coding, expected, body: Collected::Nothing })
    }

    pub(crate) fn push(&mut self, data: Bytes, limits: Limits) -> Result<(), Failure> {
        if self.body.len() + data.len() > limits.body {
            return Err(too_large(limits.body));
        }
        self.body.push(data, self.expected);
        Ok(())
    }

    /// Bytes of body that have arrived.
    #[cfg(feature = "http2")]
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn finish(self) -> Raw {
        let Self { status, headers, coding, body, .. } = self;
        Raw { status, headers, coding, body: body.into_bytes(), at: Instant::now(), concealed: false }
    }
}

/// A body as it comes in. Most come in one piece, which is then never copied.
enum Collected {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Collected {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, data: Bytes, expected: u64) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(data),
            Self::One(first) => {
                // Bounded before it is believed: a length is only a claim.
                let room = usize::try_from(expected).unwrap_or(usize::MAX).min(LARGEST_RESERVE);
                let mut all = BytesMut::with_capacity(room.max(first.len() + data.len()));
                all.extend_from_slice(&first);
                all.extend_from_slice(&data);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&data);
                Self::Many(all)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}

/// A complete answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) coding: Coding,
    /// Just after the last byte.
    pub(crate) at: Instant,
    /// Whether secrets were in it.
    pub(crate) concealed: bool,
}

/// How the body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

/// What bounds one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of body, as sent and as inflated.
    pub(crate) body: usize,
    /// Once an answer has begun, the time in which at least [`LEAST_PROGRESS`](crate::watch::LEAST_PROGRESS) must arrive.
    pub(crate) stall: Duration,
}

fn coding(headers: &HeaderMap) -> Result<Coding, Failure> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (codings.next(), codings.next());
    match (first.map(|value| value.as_bytes().trim_ascii()), second) {
        (None, _) => Ok(Coding::Identity),
        (Some(name), None) if name.is_empty() || name.eq_ignore_ascii_case(b"identity") => {
            Ok(Coding::Identity)
        }
        (Some(name), None) if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => {
            Ok(Coding::Gzip)
        }
        // Nested codings end here as well. Asking again would bring the same.
        _ => Err(Failure::new(ErrorKind::Protocol).because("a content-encoding other than gzip").for_good()),
    }
}

fn too_large(cap: usize) -> Failure {
    Failure::new(ErrorKind::TooLarge).because(format!("more than {cap} bytes"))
}

const LARGEST_RESERVE: usize = 8 << 20;
