use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use crate::connection::MAX_HEAD;
use crate::error::ErrorKind;
use crate::failure::{Failure, Reach, find};
use crate::reading::{Limits, Raw, Reading};
use crate::stream::Duplex;
use crate::watch::Watch;

/// One HTTP/2 connection, shared by all calls to a host.
#[derive(Clone)]
pub(crate) struct Multiplexed {
    sender: http2::SendRequest<Full<Bytes>>,
    /// The same in all clones, and in no other connection.
    identity: Arc<()>,
}

impl Multiplexed {
    pub(crate) async fn open(stream: Box<dyn Duplex>) -> Result<Self, Failure> {
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::of_exchange(error).before_sending())?;
        // How it ends shows in the calls that were on it, and in `is_open`.
        tokio::spawn(async move {
            let _ = driver.await;
        });
        Ok(Self { sender, identity: Arc::new(()) })
    }

    /// Whether the two are one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }

    /// Whether the server has not closed it and has not said that it will.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends `request` on a stream of its own and reads the whole answer. `reused`: whether the connection has carried
    /// calls before.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        limits: Limits,
        deadline: Instant,
        reused: bool,
    ) -> Result<Raw, Failure> {
        let mut watch = Watch::new(deadline, limits.stall);
        let mut timer = std::pin::pin!(tokio::time::sleep_until(deadline));
        let mut sender = self.sender.clone();
        let mut waiting = std::pin::pin!(sender.try_send_request(request));
        let mut reading: Option<Reading> = None;
        poll_fn(|cx| {
            loop {
                match &mut reading {
                    None => match waiting.as_mut().poll(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Ok(response)) => reading = Some(Reading::begin(response, limits)?),
                        Poll::Ready(Err(mut refused)) => {
                            let unsent = refused.take_message().is_some();
                            let failure = judge(refused.into_error(), reused);
                            return Poll::Ready(Err(if unsent { failure.before_sending() } else { failure }));
                        }
                    },
                    Some(answer) => match Pin::new(&mut answer.incoming).poll_frame(cx) {
                        Poll::Pending => break,
                        Poll::Ready(None) => {
                            let whole = reading.take().map(Reading::finish);
                            return Poll::Ready(whole.ok_or_else(|| Failure::new(ErrorKind::Protocol)));
                        }
                        Poll::Ready(Some(Err(error))) => {
                            return Poll::Ready(Err(judge(error, false)));
                        }
                        Poll::Ready(Some(Ok(frame))) => {
                            if let Ok(data) = frame.into_data() {
                                answer.push(data, limits)?;
                            }
                        }
                    },
                }
            }
            // The head counts for one byte; how long it was is not told here.
            let arrived = reading.as_ref().map_or(0, |answer| 1 + answer.len() as u64);
            watch.poll(timer.as_mut(), arrived, cx).map(Err)
        })
        .await
    }
}

/// `idle`: whether it may have been the end of a connection that was open for long.
fn judge(error: hyper::Error, idle: bool) -> Failure {
    let mut reach = if idle { Reach::Stale } else { Reach::Unknown };
    if let Some(said) = find::<h2::Error>(&error).filter(|error| error.is_remote()) {
        if said.is_reset() && said.reason() == Some(h2::Reason::REFUSED_STREAM) {
            reach = Reach::Refused;
        } else if said.reason() != Some(h2::Reason::NO_ERROR) {
            // It did not end because it was idle, and an immediate repetition is not called for.
            reach = Reach::Unknown;
        }
        if said.is_reset() || said.is_go_away() {
            let mut failure = Failure::new(ErrorKind::Closed).caused_by(error);
            failure.reach = reach;
            return failure;
        }
    }
    let mut failure = Failure::of_exchange(error);
    if failure.kind == ErrorKind::Closed {
        failure.reach = reach;
    }
    failure
}
