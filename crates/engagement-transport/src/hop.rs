use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_tls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::BufReader;
use tokio::net::TcpStream;

/// A way to a server, over which TLS is then spoken or not.
///
/// TLS reads the five bytes of a record's head, then the record, and then looks for another one: without a buffer each
/// of these is a call of the system. Whoever reads more than the buffer holds goes past it.
pub(crate) struct Hop(TokioIo<BufReader<TokioIo<Inner>>>);

/// What it is made of: the way to a proxy may have TLS of its own.
pub(crate) type Inner = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Hop {
    /// The way to this server.
    pub(crate) fn new(stream: Inner, server: &Uri) -> Self {
        // Without TLS, whoever reads has a buffer of his own, and would copy from one to the other. No buffer is smaller
        // than this one.
        let room = if server.scheme() == Some(&Scheme::HTTP) { 1 } else { READ_BUFFER };
        Self(TokioIo::new(BufReader::with_capacity(room, TokioIo::new(stream))))
    }
}

impl Connection for Hop {
    fn connected(&self) -> Connected {
        self.0.inner().get_ref().inner().connected()
    }
}

impl Read for Hop {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Hop {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

/// Three records of TLS.
const READ_BUFFER: usize = 48 * 1024;
