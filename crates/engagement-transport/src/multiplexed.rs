use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::SendRequest;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request};
use tokio::io::BufReader;
use tokio::time::Instant;

use crate::connection::MAX_HEAD;
use crate::error::ErrorKind;
use crate::failure::{Failure, Reach};
use crate::gathered::{Gathered, drive};
use crate::reading::{Limits, Raw, Reading};
use crate::stream::Duplex;
use crate::watch::Watch;

/// An HTTP/2 connection, shared by calls to a host.
///
/// Each call puts its stream on the connection and takes its answer from it by itself. The client of hyper has a task
/// for each request in between, and all of them would queue for one more.
#[derive(Clone)]
pub(crate) struct Multiplexed {
    sender: SendRequest<Bytes>,
    /// Whether an answer has come on it. The same in all clones, and in no other connection.
    has_answered: Arc<AtomicBool>,
}

impl Multiplexed {
    pub(crate) async fn open(stream: Box<dyn Duplex>) -> Result<Self, Failure> {
        let stream = Gathered::new(BufReader::with_capacity(TLS_RECORD, stream));
        let line = stream.line();
        let (sender, connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(STREAMS_BEFORE_TOLD)
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .handshake(stream)
            .await
            .map_err(|error| judge(error, false).before_sending())?;
        // How it ends shows in the calls that were on it, and in `is_open`.
        tokio::spawn(drive(connection, line));
        Ok(Self { sender, has_answered: Arc::default() })
    }

    /// Whether the two are one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.has_answered, &other.has_answered)
    }

    /// How many others than the host have it: the calls under way on it.
    pub(crate) fn calls(&self) -> usize {
        Arc::strong_count(&self.has_answered).saturating_sub(1)
    }

    /// Whether the server has not closed it and has not said that it will.
    pub(crate) fn is_open(&mut self) -> bool {
        matches!(self.sender.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
    }

    /// Sends `request` on a stream of its own and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Bytes>,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Raw, Failure> {
        // Calls that share a connection which never answered meet an outage, and not the end of an idle connection.
        let reused = self.has_answered.load(Ordering::Relaxed);
        let unsent = |error| judge(error, reused).before_sending();
        let (mut head, body) = request.into_parts();
        if !body.is_empty() || !head.method.is_safe() {
            head.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        let (waiting, mut stream) =
            self.sender.send_request(Request::from_parts(head, ()), body.is_empty()).map_err(unsent)?;
        if !body.is_empty() {
            stream.send_data(body, true).map_err(|error| judge(error, reused))?;
        }
        let mut watch = Watch::new(deadline, limits.stall);
        let mut timer = pin!(tokio::time::sleep_until(deadline));
        let mut waiting = pin!(waiting);
        let mut answer = None;
        let mut unreleased = 0;
        poll_fn(|cx| {
            loop {
                match &mut answer {
                    None => match waiting.as_mut().poll(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(judge(error, reused))),
                        Poll::Ready(Ok(response)) => {
                            let (head, incoming) = response.into_parts();
                            let expected = content_length(&head.headers);
                            answer = Some((Reading::begin(head, expected, limits)?, incoming));
                        }
                    },
                    Some((reading, incoming)) => match incoming.poll_data(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(judge(error, false))),
                        Poll::Ready(Some(Ok(data))) => {
                            // What was taken makes room for as much again, and the last of it does so by itself.
                            unreleased += data.len();
                            if unreleased >= STREAM_WINDOW as usize / 4 {
                                let _ = incoming.flow_control().release_capacity(unreleased);
                                unreleased = 0;
                            }
                            reading.push(data, limits)?;
                        }
                        Poll::Ready(None) => {
                            let whole = answer.take().map(|(reading, _)| reading.finish());
                            self.has_answered.store(true, Ordering::Relaxed);
                            return Poll::Ready(whole.ok_or_else(|| Failure::new(ErrorKind::Protocol)));
                        }
                    },
                }
            }
            // The head counts for one byte; how long it was is not told here.
            let arrived = answer.as_ref().map_or(0, |(reading, _)| 1 + reading.len() as u64);
            watch.poll(timer.as_mut(), arrived, cx).map(Err)
        })
        .await
    }
}

/// `idle`: whether it may have been the end of a connection that was open for long.
fn judge(error: h2::Error, idle: bool) -> Failure {
    let mut reach = if idle { Reach::Stale } else { Reach::Unknown };
    let kind = if error.is_remote() {
        if error.is_go_away() {
            // Told to none but the streams above the last one that it has read.
            reach = if idle { Reach::Unread } else { Reach::Nothing };
        } else if error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM) {
            reach = Reach::Refused;
        } else if error.reason() != Some(h2::Reason::NO_ERROR) {
            // It did not end because it was idle, and an immediate repetition is not called for.
            reach = Reach::Unknown;
        }
        ErrorKind::Closed
    } else {
        match error.get_io().map(io::Error::kind) {
            Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) | None => ErrorKind::Protocol,
            Some(_) => ErrorKind::Closed,
        }
    };
    let mut failure = Failure::new(kind).caused_by(error);
    if kind == ErrorKind::Closed {
        failure.reach = reach;
    }
    failure
}

/// What the server says that is to come; h2 holds it to its word.
fn content_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

/// What may be under way to us on one stream, and on all of them, before more is asked for.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// The most that TLS hands over at a time.
const TLS_RECORD: usize = 16 * 1024;

/// Until the server has said how many it takes. RFC 9113 section 6.5.2 advises servers to take this many at least.
const STREAMS_BEFORE_TOLD: usize = 100;
