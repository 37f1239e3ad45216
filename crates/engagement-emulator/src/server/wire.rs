//! A stream that can be cut short, and that ends when nobody reads it.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

/// A stream whose connection can be reset.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes closing it a reset.
    fn reset_on_close(&self);
}

impl Socket for TcpStream {
    fn reset_on_close(&self) {
        // If it cannot be set, the connection is closed instead of reset.
        let _ = self.set_zero_linger();
    }
}

/// How many bytes may still be written before the connection is reset.
#[derive(Debug)]
pub(crate) struct Fate(AtomicU64);

impl Fate {
    /// The answer that is about to be written is cut after this many bytes.
    pub(crate) fn reset_after(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

impl Default for Fate {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    fate: Arc<Fate>,
    stall: Duration,
    /// When a write that cannot go on is given up.
    deadline: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl<S: Socket> Wire<S> {
    pub(crate) fn new(stream: S, fate: Arc<Fate>, stall: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(stall));
        Self { stream, fate, stall, deadline, is_waiting: false }
    }

    /// The result of a write or flush; an error once it has been pending for too long.
    fn patient<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.is_waiting = false;
            return poll;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.deadline.as_mut().reset(Instant::now() + self.stall);
        }
        ready!(self.deadline.as_mut().poll(context));
        self.stream.reset_on_close();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Socket> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Socket> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.fate.0.load(Ordering::Relaxed);
        if left == 0 {
            self.stream.reset_on_close();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes.get(..most).unwrap_or(bytes));
        let poll = self.patient(context, poll);
        if let Poll::Ready(Ok(written)) = &poll
            && left != u64::MAX
        {
            let written = u64::try_from(*written).unwrap_or(u64::MAX);
            self.fate.0.store(left.saturating_sub(written), Ordering::Relaxed);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.0.load(Ordering::Relaxed) == 0 {
            self.stream.reset_on_close();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.patient(context, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
