//! A stream that is read with suspicion, that can be cut short, and that ends when nobody reads it.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::framing::Framing;

/// What a connection's two ends tell each other: the stream, and what answers.
#[derive(Debug)]
pub(crate) struct Fate {
    /// How many bytes may still be written before the connection is reset.
    left: AtomicU64,
    is_doubtful: AtomicBool,
    is_head_too_large: AtomicBool,
    /// Whether closing it is to be a reset.
    is_reset: AtomicBool,
    /// How much of the last answer the other end may not have read yet.
    unread: AtomicUsize,
}

impl Fate {
    /// The answer that is about to be written is cut after this many bytes.
    pub(crate) fn reset_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::Relaxed);
    }

    /// An answer of this size is about to be written.
    pub(crate) fn is_to_read(&self, bytes: usize) {
        self.unread.store(bytes, Ordering::Relaxed);
    }

    /// The size of the answer that is being written.
    pub(crate) fn unread(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    /// Whether closing the connection is to be a reset.
    pub(crate) fn is_reset(&self) -> bool {
        self.is_reset.load(Ordering::Relaxed)
    }

    /// Whether it is in doubt where a request ended that came so far.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Relaxed)
    }

    /// Whether a head came that is larger than any request needs.
    pub(crate) fn is_head_too_large(&self) -> bool {
        self.is_head_too_large.load(Ordering::Relaxed)
    }
}

impl Default for Fate {
    fn default() -> Self {
        Self {
            left: AtomicU64::new(u64::MAX),
            is_doubtful: AtomicBool::new(false),
            is_head_too_large: AtomicBool::new(false),
            is_reset: AtomicBool::new(false),
            unread: AtomicUsize::new(0),
        }
    }
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    framing: Framing,
    fate: Arc<Fate>,
    stall: Duration,
    /// When a write that cannot go on is given up.
    deadline: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S, fate: Arc<Fate>, stall: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(stall));
        Self { stream, framing: Framing::new(), fate, stall, deadline, is_waiting: false }
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
        self.fate.is_reset.store(true, Ordering::Relaxed);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if !self.framing.read(buffer.filled().get(before..).unwrap_or_default()) {
            self.fate.is_doubtful.store(true, Ordering::Relaxed);
        }
        if self.framing.is_head_too_large() {
            self.fate.is_head_too_large.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.fate.left.load(Ordering::Relaxed);
        if left == 0 {
            self.fate.is_reset.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes.get(..most).unwrap_or(bytes));
        let poll = self.patient(context, poll);
        if let Poll::Ready(Ok(written)) = &poll
            && left != u64::MAX
        {
            let written = u64::try_from(*written).unwrap_or(u64::MAX);
            self.fate.left.store(left.saturating_sub(written), Ordering::Relaxed);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.left.load(Ordering::Relaxed) == 0 {
            self.fate.is_reset.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(poll, Poll::Ready(Ok(()))) {
            self.fate.is_to_read(0);
        }
        self.patient(context, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
