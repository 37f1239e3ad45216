use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Request};
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep};

use crate::bell::Bell;
use crate::error::ErrorKind;
use crate::failure::{Failure, Reach};
use crate::reading::{Limits, Raw, Reading};
use crate::stream::{Counted, Duplex, Received};
use crate::watch::Watch;

/// One HTTP/1.1 connection, driven by whoever uses it.
///
/// hyper's protocol state machine is polled inside the task that waits for the answer. A task of its own, which is
/// the usual way, costs two hand-overs between tasks for each request, and they show: in CPU time at one request in
/// flight, in the slowest answers at many.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Counted>, Full<Bytes>>,
    received: Received,
    /// How much had been received when the last interim answer was over, or when the exchange began.
    skipped: Received,
    /// What every request brings along: it counts what is skipped.
    extensions: Extensions,
    /// Armed once and moved only when it must ring earlier: setting a timer for each request would cost two locks.
    timer: Pin<Box<Sleep>>,
    bell: Arc<Bell>,
    /// Rings it.
    waker: Waker,
    used: bool,
    finished: bool,
}

impl Connection {
    pub(crate) async fn open(stream: Box<dyn Duplex>) -> Result<Self, Failure> {
        let (counted, received) = Counted::new(stream);
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .max_header_size(MAX_HEAD)
            .handshake(TokioIo::new(counted))
            .await
            .map_err(|error| Failure::of_exchange(error).before_sending())?;
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        let skipped = Received::default();
        let mut model = Request::new(());
        let (counts, to_skip) = (received.clone(), skipped.clone());
        hyper::ext::on_informational(&mut model, move |_| to_skip.set(&counts));
        let extensions = std::mem::take(model.extensions_mut());
        let bell = Arc::<Bell>::default();
        let waker = bell.clone().into();
        let (used, finished) = (false, false);
        Ok(Self { sender, driver, received, skipped, extensions, timer, bell, waker, used, finished })
    }

    /// Whether a request can be written now: the server has neither closed nor said anything unasked.
    pub(crate) fn is_ready(&mut self) -> bool {
        if self.finished {
            return false;
        }
        let mut cx = Context::from_waker(&self.waker);
        self.finished = Pin::new(&mut self.driver).poll(&mut cx).is_ready();
        !self.finished && matches!(self.sender.poll_ready(&mut cx), Poll::Ready(Ok(())))
    }

    /// Whether the connection may be kept for another request. Cheaper than [`Connection::is_ready`], which has the
    /// last word before it is used.
    pub(crate) fn is_reusable(&mut self) -> bool {
        !self.finished && (self.sender.is_ready() || self.is_ready())
    }

    /// Writes `request` and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Bytes>,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Raw, Failure> {
        let reused = std::mem::replace(&mut self.used, true);
        let before = self.received.bytes();
        let answer = self.drive(request, limits, deadline).await;
        answer.map_err(|mut failure| {
            if reused
                && failure.kind == ErrorKind::Closed
                && failure.reach == Reach::Unknown
                && self.received.bytes() == before
            {
                failure.reach = Reach::Stale;
            }
            failure
        })
    }

    async fn drive(
        &mut self,
        request: Request<Bytes>,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Raw, Failure> {
        let Self { sender, driver, received, skipped, extensions, timer, bell, waker, finished, .. } = self;
        let mut watch = Watch::new(deadline, limits.stall);
        let mut request = request.map(Full::new);
        skipped.set(received);
        request.extensions_mut().clone_from(extensions);
        let mut waiting = std::pin::pin!(sender.try_send_request(request));
        let mut answer = None;
        let mut go_on = |cx: &mut Context<'_>| {
            loop {
                if !*finished {
                    // An error here also reaches the answer being waited for, or concerns bytes after its end.
                    *finished = Pin::new(&mut *driver).poll(cx).is_ready();
                }
                let mut progress = false;
                loop {
                    match &mut answer {
                        None => match waiting.as_mut().poll(cx) {
                            Poll::Pending => break,
                            Poll::Ready(Ok(response)) => {
                                let (head, incoming) = response.into_parts();
                                let expected = incoming.size_hint().lower();
                                answer = Some((Reading::begin(head, expected, limits)?, incoming));
                            }
                            Poll::Ready(Err(mut refused)) => {
                                let unsent = refused.take_message().is_some();
                                let failure = Failure::of_exchange(refused.into_error());
                                return Poll::Ready(Err(if unsent {
                                    failure.before_sending()
                                } else {
                                    failure
                                }));
                            }
                        },
                        Some((reading, incoming)) => match Pin::new(incoming).poll_frame(cx) {
                            Poll::Pending => break,
                            Poll::Ready(None) => {
                                // `take` cannot miss: this arm has just matched it.
                                return Poll::Ready(
                                    answer
                                        .take()
                                        .map(|(reading, _)| reading.finish())
                                        .ok_or_else(|| Failure::new(ErrorKind::Protocol)),
                                );
                            }
                            Poll::Ready(Some(Err(error))) => {
                                return Poll::Ready(Err(Failure::of_exchange(error)));
                            }
                            Poll::Ready(Some(Ok(frame))) => {
                                if let Ok(data) = frame.into_data() {
                                    reading.push(data, limits)?;
                                }
                            }
                        },
                    }
                    progress = true;
                }
                // What was taken may have made room for the driver to go on.
                if !progress || *finished {
                    return Poll::Pending;
                }
            }
        };
        poll_fn(|cx| {
            bell.hear();
            for _ in 0..MOST_TURNS {
                let answered = go_on(&mut Context::from_waker(waker));
                if answered.is_ready() {
                    return answered;
                }
                let late = watch.poll(timer.as_mut(), received.bytes() - skipped.bytes(), cx);
                if late.is_ready() {
                    return late.map(Err);
                }
                if bell.wait(cx.waker()) {
                    return Poll::Pending;
                }
            }
            // Somebody else's turn.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

/// How often in a row a connection is looked at because it rang meanwhile. Where hyper gives way to others it rings at
/// once, and so must the task then.
const MOST_TURNS: usize = 4;

/// Enough for a body of megabytes to arrive in few pieces.
const READ_BUFFER: usize = 256 * 1024;

/// Status line and headers together. Honest ones stay below 4 KiB.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
