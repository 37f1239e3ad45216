use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::failure::Failure;
#[cfg(feature = "http2")]
use crate::failure::Reach;
use crate::host::Host;
#[cfg(feature = "http2")]
use crate::multiplexed::Multiplexed;
use crate::reading::{Limits, Raw};

/// The use of a connection for one exchange.
pub(crate) enum Lease<'a> {
    /// All of it.
    Own { connection: Box<Connection>, _permit: SemaphorePermit<'a> },
    /// A stream on it.
    #[cfg(feature = "http2")]
    Shared(Multiplexed),
}

/// What a request line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Path and query; the host is a header.
    Origin,
    /// The whole URL.
    #[cfg(feature = "http2")]
    Absolute,
}

impl Lease<'_> {
    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Own { .. } => Form::Origin,
            #[cfg(feature = "http2")]
            Self::Shared(_) => Form::Absolute,
        }
    }

    pub(crate) async fn exchange(
        &mut self,
        request: Request<Bytes>,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Raw, Failure> {
        match self {
            Self::Own { connection, .. } => connection.exchange(request, limits, deadline).await,
            #[cfg(feature = "http2")]
            Self::Shared(connection) => connection.exchange(request, limits, deadline).await,
        }
    }

    /// Sees to it that a connection that has failed is not used again.
    #[cfg_attr(
        not(feature = "http2"),
        expect(unused_variables, reason = "only what is shared outlives its lease")
    )]
    pub(crate) fn abandon(self, host: &Host, failure: &Failure) {
        match self {
            Self::Own { .. } => {}
            #[cfg(feature = "http2")]
            Self::Shared(_) if failure.reach == Reach::Refused => {}
            #[cfg(feature = "http2")]
            Self::Shared(connection) => host.forget(&connection),
        }
    }

    /// Gives the connection back after a whole answer.
    pub(crate) fn end(self, host: &Arc<Host>, answer: &HeaderMap) {
        match self {
            Self::Own { connection, .. } => host.park(connection, answer),
            #[cfg(feature = "http2")]
            Self::Shared(_) => {}
        }
    }
}
