use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes are sent when [`drive`] has seen to the end of them.
///
/// An HTTP/2 connection flushes after each frame of a body. Over TLS that makes of each frame a record and a call of
/// the system of its own, and so of every request on the connection; sent together, they share both.
pub(crate) struct Gathered<S>(Arc<Mutex<Line<S>>>);

impl<S> Gathered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(Line { stream, unsent: Vec::with_capacity(MOST), sent: 0 })))
    }

    /// The same stream, for [`drive`].
    pub(crate) fn line(&self) -> Arc<Mutex<Line<S>>> {
        self.0.clone()
    }
}

/// Polls `connection`, which writes to `line`, to its end, and each time sends what it has written.
pub(crate) async fn drive<S>(connection: impl Future, line: Arc<Mutex<Line<S>>>)
where
    S: AsyncWrite + Unpin,
{
    let mut connection = pin!(connection);
    let mut others_went_first = false;
    poll_fn(|cx| {
        // Whoever has woken us is seldom the only one with something to write: the rest may do so before it is sent.
        others_went_first = !others_went_first;
        if others_went_first {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let ended = connection.as_mut().poll(cx).is_ready();
        let sent = lock(&line).poll_send(cx);
        // Without its end, the connection tells those who wait on it that it broke.
        if ended || matches!(sent, Poll::Ready(Err(_))) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

pub(crate) struct Line<S> {
    stream: S,
    unsent: Vec<u8>,
    /// How much of `unsent` has gone nevertheless.
    sent: usize,
}

impl<S: AsyncWrite + Unpin> Line<S> {
    /// Sends all that waits.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write(cx, 1))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Writes until fewer than `piece` bytes wait.
    fn poll_write(&mut self, cx: &mut Context<'_>, piece: usize) -> Poll<io::Result<()>> {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| rest.len() >= piece) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.unsent.drain(..self.sent);
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.0).stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut line = lock(&self.0);
        if line.unsent.len() >= MOST {
            ready!(line.poll_write(cx, RECORD))?;
        }
        line.unsent.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    /// Left to [`drive`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = lock(&self.0);
        ready!(line.poll_send(cx))?;
        Pin::new(&mut line.stream).poll_shutdown(cx)
    }
}

fn lock<S>(line: &Mutex<Line<S>>) -> MutexGuard<'_, Line<S>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What TLS sends at a time.
const RECORD: usize = 16 * 1024;

/// When so many bytes wait, whole records of them are written before more are taken.
const MOST: usize = 2 * RECORD;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Takes what a record of TLS can hold at a time, and keeps the sizes.
    #[derive(Default)]
    struct Records {
        sizes: Vec<usize>,
        bytes: Vec<u8>,
        breaks: bool,
    }

    impl AsyncWrite for Records {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.breaks {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let size = bytes.len().min(RECORD);
            self.sizes.push(size);
            self.bytes.extend_from_slice(&bytes[..size]);
            Poll::Ready(Ok(size))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// The sizes of the records after these writes, each flushed.
    async fn records(count: u8, size: usize) -> Vec<usize> {
        let mut stream = Gathered::new(Records::default());
        let line = stream.line();
        let writing = async move {
            for n in 0..count {
                stream.write_all(&vec![n; size]).await.unwrap();
                stream.flush().await.unwrap();
            }
        };
        drive(writing, line.clone()).await;
        let line = lock(&line);
        let written: Vec<u8> = (0..count).flat_map(|n| vec![n; size]).collect();
        assert!(line.stream.bytes == written, "{} bytes", line.stream.bytes.len());
        line.stream.sizes.clone()
    }

    #[tokio::test]
    async fn what_is_written_together_is_sent_together() {
        assert_eq!(records(10, 100).await, [1_000]);
        let large = records(20, 10_000).await;
        let (last, others) = large.split_last().unwrap();
        assert!(others.iter().all(|size| *size == RECORD) && *last <= RECORD, "{large:?}");
    }

    #[tokio::test]
    async fn whoever_is_ready_too_goes_first() {
        let stream = Gathered::new(Records::default());
        let line = stream.line();
        let frames = Arc::new(Mutex::new(vec![vec![0; 50]]));
        let (mut outgoing, waiting) = (stream, frames.clone());
        let sending = tokio::spawn(drive(
            async move {
                let frames = std::mem::take(&mut *waiting.lock().unwrap());
                for frame in frames {
                    outgoing.write_all(&frame).await.unwrap();
                }
            },
            line.clone(),
        ));
        let other = tokio::spawn(async move { frames.lock().unwrap().push(vec![1; 50]) });
        other.await.unwrap();
        sending.await.unwrap();
        assert_eq!(lock(&line).stream.sizes, [100]);
    }

    #[tokio::test]
    async fn a_broken_stream_ends_the_connection() {
        let mut stream = Gathered::new(Records { breaks: true, ..Records::default() });
        let line = stream.line();
        let connection = async move {
            stream.write_all(b"a").await.unwrap();
            std::future::pending::<()>().await;
        };
        let time = std::time::Duration::from_secs(10);
        let ended = tokio::time::timeout(time, drive(connection, line)).await;
        assert!(ended.is_ok(), "nobody would see the end of it");
    }

    #[tokio::test]
    async fn what_waits_is_sent_before_the_end() {
        let mut stream = Gathered::new(Records::default());
        stream.write_all(b"goodbye").await.unwrap();
        assert!(lock(&stream.0).stream.bytes.is_empty());
        stream.shutdown().await.unwrap();
        assert_eq!(lock(&stream.0).stream.bytes, b"goodbye");
    }
}
