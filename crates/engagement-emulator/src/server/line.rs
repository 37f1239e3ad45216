//! A connection before anything is spoken on it.

use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::{io, sync::Arc};

#[cfg(feature = "tls")]
use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::wire::Fate;

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    fate: Arc<Fate>,
}

impl Line {
    pub(crate) fn new(stream: TcpStream, fate: Arc<Fate>) -> Self {
        Self { stream, fate }
    }
}

/// A stream from which some bytes may have been read that are still to be read by somebody else.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(crate) struct Unread<S> {
    stream: S,
    bytes: Bytes,
}

#[cfg(feature = "tls")]
impl<S> Unread<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, bytes: Bytes::new() }
    }

    /// Puts bytes back, to be read next.
    pub(crate) fn put_back(&mut self, bytes: impl Into<Bytes>) {
        self.bytes = bytes.into();
    }
}

#[cfg(feature = "tls")]
impl Unread<Line> {
    /// The other end's first byte, without reading it.
    pub(crate) async fn first(&self) -> Option<u8> {
        if let Some(first) = self.bytes.first() {
            return Some(*first);
        }
        let mut first = [0];
        let read = self.stream.stream.peek(&mut first).await.ok()?;
        (read == 1).then_some(first[0])
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.fate.is_reset() {
            // If it cannot be set, the connection is closed instead of reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(feature = "tls")]
impl<S: AsyncRead + Unpin> AsyncRead for Unread<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.bytes.len().min(buffer.remaining());
        buffer.put_slice(self.bytes.get(..count).unwrap_or_default());
        self.bytes.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(feature = "tls")]
impl<S: AsyncWrite + Unpin> AsyncWrite for Unread<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
