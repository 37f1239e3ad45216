use std::fmt;
use std::time::{Duration, SystemTime};

use http::Method;

use crate::answer::Answer;
use crate::url::InvalidUrl;

/// A call that ended without an answer that its verdict called done.
///
/// `Display` names the failure, the call and the effort; the cause below it, if any, is the `source`. Neither holds a
/// header, a body, a query or any other place where a secret could be, and what a server or a proxy wrote comes out
/// only through [`Answer::words`], cleaned.
pub struct Error(Box<Inner>);

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            stop: Stop::Final,
            method: None,
            host: String::new(),
            path: String::new(),
            attempts: 0,
            sent: 0,
            elapsed: Duration::ZERO,
            waited: Duration::ZERO,
            reason: None,
            answer: None,
            come_back: None,
            passing: kind.is_passing(),
            source: None,
        }))
    }

    /// What went wrong, in the last attempt.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Why it was not tried again.
    pub fn stop(&self) -> Stop {
        self.0.stop
    }

    /// Whether time ran out: while connecting, waiting for an answer, or reading one that had stalled.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::Stalled)
    }

    /// Whether no connection came about.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Connect | ErrorKind::Proxy | ErrorKind::Tls)
    }

    /// Whether the call was given up for want of quota.
    pub fn is_quota(&self) -> bool {
        self.0.kind == ErrorKind::Quota
    }

    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self.0.come_back {
            Some(at) => Advice::At(at),
            None if self.0.passing => Advice::Later,
            None => Advice::Never,
        }
    }

    /// The method of the call; none if it failed before there was one.
    pub fn method(&self) -> Option<&Method> {
        self.0.method.as_ref()
    }

    /// The host of the call.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The path of the call, without its query.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Attempts that were made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Requests that went out: attempts that did not fail for want of a connection or a signature.
    pub fn sent(&self) -> u32 {
        self.0.sent
    }

    /// From the call's beginning to its end, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The part of the elapsed time that was spent waiting for quota.
    pub fn waited(&self) -> Duration {
        self.0.waited
    }

    /// The last complete answer, if the call failed on answers and not on the way to one.
    pub fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref()
    }

    /// The same, taken out.
    pub fn into_answer(self) -> Option<Answer> {
        self.0.answer
    }

    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: BoxError) -> Self {
        self.0.source = Some(source);
        self
    }

    pub(crate) fn answered(mut self, answer: Answer) -> Self {
        self.0.answer = Some(answer);
        self
    }

    pub(crate) fn come_back(mut self, at: SystemTime) -> Self {
        self.0.come_back = Some(at);
        self
    }

    /// Trying again will not help, whatever the kind says.
    pub(crate) fn for_good(mut self) -> Self {
        self.0.passing = false;
        self
    }

    pub(crate) fn stopped(mut self, stop: Stop) -> Self {
        self.0.stop = stop;
        self
    }

    pub(crate) fn of(mut self, method: &Method, host: &str, path: &str) -> Self {
        self.0.method = Some(method.clone());
        self.0.host = host.to_owned();
        self.0.path = path.to_owned();
        self
    }

    pub(crate) fn after(mut self, attempts: u32, sent: u32, elapsed: Duration, waited: Duration) -> Self {
        self.0.attempts = attempts;
        self.0.sent = sent;
        self.0.elapsed = elapsed;
        self.0.waited = waited;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.write_str(inner.kind.describe())?;
        if let Some(reason) = &inner.reason {
            write!(f, " ({reason})")?;
        }
        if let Some(method) = &inner.method {
            write!(f, ": {method} {}{}", inner.host, inner.path)?;
        }
        match inner.attempts {
            0 => {}
            1 => write!(f, ", 1 attempt in {:.1} s", inner.elapsed.as_secs_f64())?,
            n => write!(f, ", {n} attempts in {:.1} s", inner.elapsed.as_secs_f64())?,
        }
        f.write_str(inner.stop.describe())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The answer's body and headers are the server's: only its status is shown.
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("stop", &self.0.stop)
            .field("method", &self.0.method)
            .field("host", &self.0.host)
            .field("path", &self.0.path)
            .field("attempts", &self.0.attempts)
            .field("elapsed", &self.0.elapsed)
            .field("reason", &self.0.reason)
            .field("status", &self.0.answer.as_ref().map(|answer| answer.status))
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<InvalidUrl> for Error {
    fn from(invalid: InvalidUrl) -> Self {
        let kind = if invalid.is_plain_http() { ErrorKind::PlainHttp } else { ErrorKind::InvalidUrl };
        Self::new(kind).caused_by(invalid.into())
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The transport cannot be built as configured: mend the setting that the source names.
    Config,
    /// The URL is malformed: mend it.
    InvalidUrl,
    /// Plain `http` to another machine: use `https`.
    PlainHttp,
    /// The request cannot be signed, or its credentials make no header: mend the credentials.
    Sign,
    /// No connection: the name is not found, nobody listens, no route. Check host and network, then try again.
    Connect,
    /// The proxy did not open a tunnel: check its address and password.
    Proxy,
    /// TLS failed: the certificate is not to be trusted, or no common version. Not repeated, nothing was sent.
    Tls,
    /// The connection was lost before the answer was complete.
    Closed,
    /// One attempt took longer than the attempt timeout.
    Timeout,
    /// The answer began and then came too slowly, or not at all.
    Stalled,
    /// What arrived is not HTTP, or breaks its rules: lengths that contradict each other, bad chunks, a coding that
    /// was not asked for.
    Protocol,
    /// The answer's headers are larger or more than is allowed.
    HeadTooLarge,
    /// The body is truncated or corrupt: its gzip checksum or length is wrong.
    Corrupt,
    /// The body is larger than the cap, as sent or inflated.
    TooLarge,
    /// Every attempt was answered in a way that the verdict wanted repeated. The last one is
    /// [`Error::answer`].
    Answered,
    /// There is no quota, and waiting for it would take longer than is allowed. [`Advice::At`] says when to come
    /// back.
    Quota,
    /// The call's own [`Gate`](crate::Gate) did not let an attempt out: the source says why. Nothing of that attempt
    /// was sent.
    Held,
}

impl ErrorKind {
    /// Whether the same call may fare better later.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Connect
            | Self::Proxy
            | Self::Closed
            | Self::Timeout
            | Self::Stalled
            | Self::Protocol
            | Self::Corrupt
            | Self::Answered
            | Self::Quota => true,
            Self::Config
            | Self::InvalidUrl
            | Self::PlainHttp
            | Self::Sign
            | Self::Tls
            | Self::HeadTooLarge
            | Self::TooLarge
            | Self::Held => false,
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Config => "transport cannot be built",
            Self::InvalidUrl => "URL refused",
            Self::PlainHttp => "plain http refused",
            Self::Sign => "request cannot be signed",
            Self::Connect => "no connection",
            Self::Proxy => "proxy opened no tunnel",
            Self::Tls => "TLS failed",
            Self::Closed => "connection lost before the answer was complete",
            Self::Timeout => "timed out",
            Self::Stalled => "answer stalled",
            Self::Protocol => "answer breaks the rules of HTTP",
            Self::HeadTooLarge => "answer's headers are too large",
            Self::Corrupt => "answer's body is truncated or corrupt",
            Self::TooLarge => "answer's body is too large",
            Self::Answered => "no usable answer",
            Self::Quota => "gave up waiting for quota",
            Self::Held => "held back before it was sent",
        }
    }
}

/// Why a call was not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// Trying again would not have helped.
    Final,
    /// The attempts were used up.
    Attempts,
    /// The time for the whole call was used up.
    Time,
    /// Too many calls are failing: the retry budget was empty, so that an outage does not multiply the load.
    Budget,
    /// It may have reached the server, and the caller said that it must not be sent twice.
    NotReplayable,
    /// The wait for quota would have been too long.
    Patience,
}

impl Stop {
    fn describe(self) -> &'static str {
        match self {
            Self::Final | Self::Attempts | Self::Patience => "",
            Self::Time => ", time for the call used up",
            Self::Budget => ", not repeated because too many calls fail",
            Self::NotReplayable => ", not repeated because it must not be sent twice",
        }
    }
}

/// Whether and when to make the same call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Not before something has been mended.
    Never,
    /// After a while.
    Later,
    /// Not before this time, by our clock.
    At(SystemTime),
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

struct Inner {
    kind: ErrorKind,
    stop: Stop,
    method: Option<Method>,
    host: String,
    path: String,
    attempts: u32,
    sent: u32,
    elapsed: Duration,
    waited: Duration,
    reason: Option<String>,
    answer: Option<Answer>,
    come_back: Option<SystemTime>,
    /// Whether another call may fare better.
    passing: bool,
    source: Option<BoxError>,
}
