//! A connection before anything is spoken on it.

use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::{io, sync::Arc};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::wire::Fate;

/// A TCP connection, from which some bytes may have been read that are still to be read by somebody else.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    unread: Bytes,
    fate: Arc<Fate>,
}

impl Line {
    pub(crate) fn new(stream: TcpStream, fate: Arc<Fate>) -> Self {
        Self { stream, unread: Bytes::new(), fate }
    }

    /// Puts bytes back, to be read next.
    #[cfg(feature = "tls")]
    pub(crate) fn unread(&mut self, bytes: impl Into<Bytes>) {
        self.unread = bytes.into();
    }

    /// The other end's first byte, without reading it.
    #[cfg(feature = "tls")]
    pub(crate) async fn first(&self) -> Option<u8> {
        if let Some(first) = self.unread.first() {
            return Some(*first);
        }
        let mut first = [0];
        let read = self.stream.peek(&mut first).await.ok()?;
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
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.unread.len().min(buffer.remaining());
        buffer.put_slice(self.unread.get(..count).unwrap_or_default());
        self.unread.advance(count);
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
