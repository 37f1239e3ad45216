//! One direction of a connection.

use std::{
    future::pending,
    io,
    num::{NonZeroU32, NonZeroUsize},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    time::Instant,
};

use super::{End, Way};

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its source has closed, and its target has been told.
    Closed,
    /// By a reset, ordered or not.
    Reset,
}

/// Passes bytes as `way` lets it, and counts those that have passed.
pub(super) async fn pass(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    way: Way,
    passed: &AtomicU64,
) -> Fate {
    // What is under way: read and not due yet. A sender that outruns the line has to wait.
    let (send, arrivals) = mpsc::channel(UNDER_WAY);
    let take = async {
        take(from, way.latency, send).await;
        pending().await
    };
    tokio::select! {
        fate = give(arrivals, to, way, passed) => fate,
        fate = take => fate,
    }
}

/// Something that was read, and when it is due at the other end.
struct Arrival {
    due: Instant,
    what: io::Result<Vec<u8>>,
}

async fn take(mut from: impl AsyncRead + Unpin, latency: Duration, send: mpsc::Sender<Arrival>) {
    loop {
        let mut bytes = vec![0; BUFFER];
        let read = from.read(&mut bytes).await;
        let over = !matches!(read, Ok(1..));
        let what = read.map(|count| {
            bytes.truncate(count);
            bytes
        });
        if send.send(Arrival { due: Instant::now() + latency, what }).await.is_err() || over {
            return;
        }
    }
}

async fn give(
    mut arrivals: mpsc::Receiver<Arrival>,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    passed: &AtomicU64,
) -> Fate {
    let mut left = match way.end {
        Some(End::Reset(0)) => return Fate::Reset,
        Some(End::Reset(bytes) | End::Silence(bytes)) => bytes,
        None => u64::MAX,
    };
    // When the line is free for the next piece.
    let mut free = Instant::now();
    while let Some(Arrival { due, what }) = arrivals.recv().await {
        let Ok(bytes) = what else { return Fate::Reset };
        if bytes.is_empty() {
            return match way.end {
                Some(End::Silence(_)) if left == 0 => pending().await,
                _ => {
                    tokio::time::sleep_until(due.max(free)).await;
                    let _ = to.shutdown().await;
                    Fate::Closed
                }
            };
        }
        let allowed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        for piece in bytes.get(..allowed).unwrap_or(&bytes).chunks(piece(way)) {
            free = free.max(due) + way.bandwidth.map_or(Duration::ZERO, |rate| time_of(piece.len(), rate));
            if free > Instant::now() {
                tokio::time::sleep_until(free).await;
            }
            if to.write_all(piece).await.is_err() {
                return Fate::Reset;
            }
            left -= piece.len() as u64;
            passed.fetch_add(piece.len() as u64, Ordering::Relaxed);
            if way.slice.is_some() {
                // So that the other end has a chance to read it alone.
                tokio::task::yield_now().await;
            }
        }
        if left == 0 && matches!(way.end, Some(End::Reset(_))) {
            return Fate::Reset;
        }
    }
    Fate::Closed
}

/// Bytes to a piece: what was ordered, and with a bandwidth no more than pass in a hundredth of a second.
fn piece(way: Way) -> usize {
    let trickle = way.bandwidth.map_or(BUFFER, |rate| usize::try_from(rate.get() / 100).unwrap_or(BUFFER));
    way.slice.map_or(BUFFER, NonZeroUsize::get).min(trickle).max(1)
}

/// How long so many bytes take.
fn time_of(bytes: usize, rate: NonZeroU32) -> Duration {
    Duration::from_secs_f64(bytes as f64 / f64::from(rate.get()))
}

const BUFFER: usize = 16 * 1024;
const UNDER_WAY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes `sent` and tells what came, when the last of it came, and how it ended.
    async fn passed(sent: &[u8], way: Way) -> (Vec<u8>, Duration, Option<Fate>) {
        let (to, mut arrived) = tokio::io::duplex(BUFFER);
        let begun = Instant::now();
        let count = AtomicU64::new(0);
        let fate = tokio::time::timeout(LONG, pass(sent, to, way, &count)).await.ok();
        let took = begun.elapsed();
        let mut bytes = vec![0; usize::try_from(count.into_inner()).unwrap()];
        arrived.read_exact(&mut bytes).await.unwrap();
        (bytes, took, fate)
    }

    #[tokio::test(start_paused = true)]
    async fn by_default_nothing_is_wrong() {
        assert_eq!(
            passed(b"hello", Way::default()).await,
            (b"hello".to_vec(), Duration::ZERO, Some(Fate::Closed))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn latency_and_bandwidth_add_up() {
        let latency = Duration::from_millis(100);
        let late = Way { latency, ..Way::default() };
        assert!(passed(b"hello", late).await.1.abs_diff(latency) <= TICK);
        let slow = Way { latency, bandwidth: NonZeroU32::new(100), ..Way::default() };
        let (bytes, took, _) = passed(&[7; 300], slow).await;
        assert_eq!(bytes, [7; 300]);
        assert!(took.abs_diff(latency + Duration::from_secs(3)) <= TICK * 300, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn ends_after_exactly_so_many_bytes() {
        for slice in [None, NonZeroUsize::new(1), NonZeroUsize::new(2)] {
            for at in 0..=6 {
                let end = |end| Way { slice, end: Some(end), ..Way::default() };
                let kept = &b"hello"[..at.min(5)];
                let (bytes, _, fate) = passed(b"hello", end(End::Reset(at as u64))).await;
                assert_eq!((&*bytes, fate), (kept, Some(if at > 5 { Fate::Closed } else { Fate::Reset })));
                let (bytes, _, fate) = passed(b"hello", end(End::Silence(at as u64))).await;
                assert_eq!((&*bytes, fate), (kept, if at > 5 { Some(Fate::Closed) } else { None }));
            }
        }
    }

    const LONG: Duration = Duration::from_secs(3_600);
    /// What tokio's timers are true to.
    const TICK: Duration = Duration::from_millis(1);
}
