use std::borrow::Cow;
use std::io;

use crate::error::{BoxError, Error, ErrorKind};

/// How one attempt ended without a complete answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// How much of the request the server can have seen.
    pub(crate) reach: Reach,
    /// Details beyond the kind.
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) source: Option<BoxError>,
    /// Whether another attempt may fare better.
    pub(crate) passing: bool,
}

/// How far an attempt got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not a byte of the request was written.
    Nothing,
    /// The server says that it has not read the request, RFC 9113 section 8.7. The connection is as good as before.
    #[cfg(feature = "http2")]
    Refused,
    /// The server ended a connection that had served, and says that it has not read the request, RFC 9113 section 6.8.
    #[cfg(feature = "http2")]
    Unread,
    /// A pooled connection was closed under the request before a byte of an answer came: most likely the server gave
    /// up the idle connection as we wrote.
    Stale,
    /// The server may have read the request.
    Unknown,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind, reach: Reach::Unknown, reason: None, source: None, passing: kind.is_passing() }
    }

    /// Whether the server has certainly not acted on the request.
    pub(crate) fn is_harmless(&self) -> bool {
        match self.reach {
            Reach::Nothing => true,
            #[cfg(feature = "http2")]
            Reach::Refused | Reach::Unread => true,
            Reach::Stale | Reach::Unknown => false,
        }
    }

    /// Whether it is nobody's failure, so that it is repeated at once, if that is the first time.
    pub(crate) fn is_pardonable(&self) -> bool {
        match self.reach {
            Reach::Stale => true,
            #[cfg(feature = "http2")]
            Reach::Unread => true,
            #[cfg(feature = "http2")]
            Reach::Refused => false,
            Reach::Nothing | Reach::Unknown => false,
        }
    }

    pub(crate) fn before_sending(mut self) -> Self {
        self.reach = Reach::Nothing;
        self
    }

    pub(crate) fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn for_good(mut self) -> Self {
        self.passing = false;
        self
    }

    /// A failure while an exchange was under way.
    pub(crate) fn of_exchange(error: hyper::Error) -> Self {
        let io = find::<io::Error>(&error).map(io::Error::kind);
        let kind = if error.is_parse() {
            // hyper offers the question only to servers, so its words are all there is to tell the two apart.
            if error.to_string().contains("too large") {
                ErrorKind::HeadTooLarge
            } else {
                ErrorKind::Protocol
            }
        } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            ErrorKind::Closed
        } else {
            match io {
                Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => ErrorKind::Protocol,
                Some(_) => ErrorKind::Closed,
                None => ErrorKind::Protocol,
            }
        };
        Self::new(kind).caused_by(error)
    }

    pub(crate) fn into_error(self) -> Error {
        let mut error = Error::new(self.kind);
        if !self.passing {
            error = error.for_good();
        }
        if let Some(reason) = self.reason {
            error = error.because(reason);
        }
        if let Some(source) = self.source {
            error = error.caused_by(source);
        }
        error
    }
}

/// The first cause of this type in the chain that begins with `error`.
pub(crate) fn find<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}
