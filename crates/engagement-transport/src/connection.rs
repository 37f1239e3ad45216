use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep};

use crate::error::ErrorKind;
use crate::failure::{Failure, Reach};
use crate::stream::{Counted, Duplex, Received};

/// One HTTP/1.1 connection, driven by whoever uses it.
///
/// hyper's protocol state machine is polled inside the task that waits for the answer. A task of its own, which is
/// the usual way, costs two hand-overs between tasks for each request, and they show: in CPU time at one request in
/// flight, in the slowest answers at many.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Counted>, Full<Bytes>>,
    received: Received,
    /// Armed once and moved only when it must ring earlier: setting a timer for each request would cost two locks.
    timer: Pin<Box<Sleep>>,
    used: bool,
    finished: bool,
}

/// A complete answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) coding: Coding,
    /// Just after the last byte.
    pub(crate) at: Instant,
}

/// How the body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

/// What bounds one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of body, as sent and as inflated.
    pub(crate) body: usize,
    /// Once an answer has begun, the time in which at least [`LEAST_PROGRESS`] must arrive.
    pub(crate) stall: Duration,
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
        Ok(Self { sender, driver, received, timer, used: false, finished: false })
    }

    /// Whether a request can be written now: the server has neither closed nor said anything unasked.
    pub(crate) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll_ready(cx))).await
    }

    /// Whether the connection may be kept for another request. Cheaper than [`Connection::is_ready`], which has the
    /// last word before it is used.
    pub(crate) async fn is_reusable(&mut self) -> bool {
        !self.finished && (self.sender.is_ready() || self.is_ready().await)
    }

    /// Writes `request` and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Raw, Failure> {
        let reused = std::mem::replace(&mut self.used, true);
        let before = self.received.bytes();
        let answer = self.drive(request, limits, deadline, before).await;
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
        request: Request<Full<Bytes>>,
        limits: Limits,
        deadline: Instant,
        before: u64,
    ) -> Result<Raw, Failure> {
        let Self { sender, driver, received, timer, finished, .. } = self;
        let mut watch = Watch { deadline, stall: limits.stall, window: None };
        let mut waiting = std::pin::pin!(sender.try_send_request(request));
        let mut reading: Option<Reading> = None;
        poll_fn(|cx| {
            loop {
                if !*finished {
                    // An error here also reaches the answer being waited for, or concerns bytes after its end.
                    *finished = Pin::new(&mut *driver).poll(cx).is_ready();
                }
                let mut progress = false;
                loop {
                    match &mut reading {
                        None => match waiting.as_mut().poll(cx) {
                            Poll::Pending => break,
                            Poll::Ready(Ok(response)) => reading = Some(Reading::begin(response, limits)?),
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
                        Some(answer) => match Pin::new(&mut answer.incoming).poll_frame(cx) {
                            Poll::Pending => break,
                            Poll::Ready(None) => {
                                // `take` cannot miss: this arm has just matched it.
                                return Poll::Ready(
                                    reading
                                        .take()
                                        .map(Reading::finish)
                                        .ok_or_else(|| Failure::new(ErrorKind::Protocol)),
                                );
                            }
                            Poll::Ready(Some(Err(error))) => {
                                return Poll::Ready(Err(Failure::of_exchange(error)));
                            }
                            Poll::Ready(Some(Ok(frame))) => {
                                if let Ok(data) = frame.into_data() {
                                    answer.push(data, limits)?;
                                }
                            }
                        },
                    }
                    progress = true;
                }
                // What was taken may have made room for the driver to go on.
                if !progress || *finished {
                    break;
                }
            }
            watch.poll(timer.as_mut(), received.bytes() - before, cx).map(Err)
        })
        .await
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> bool {
        if self.finished {
            return false;
        }
        self.finished = Pin::new(&mut self.driver).poll(cx).is_ready();
        !self.finished && matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(())))
    }
}

/// An answer of which the head has arrived.
struct Reading {
    status: StatusCode,
    headers: HeaderMap,
    coding: Coding,
    incoming: Incoming,
    body: Collected,
}

impl Reading {
    fn begin(response: Response<Incoming>, limits: Limits) -> Result<Self, Failure> {
        let (parts, incoming) = response.into_parts();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::new(ErrorKind::Protocol).because("switched protocols unasked"));
        }
        if parts.headers.contains_key(TRANSFER_ENCODING) && parts.headers.contains_key(CONTENT_LENGTH) {
            // RFC 9112 section 6.3: a sign of smuggling or of a broken server, and one of the two is wrong.
            return Err(
                Failure::new(ErrorKind::Protocol).because("both content-length and transfer-encoding")
            );
        }
        let coding = coding(&parts.headers)?;
        if incoming.size_hint().lower() > limits.body as u64 {
            return Err(too_large(limits.body));
        }
        Ok(Self { status: parts.status, headers: parts.headers, coding, incoming, body: Collected::Nothing })
    }

    fn push(&mut self, data: Bytes, limits: Limits) -> Result<(), Failure> {
        if self.body.len() + data.len() > limits.body {
            return Err(too_large(limits.body));
        }
        self.body.push(data, &self.incoming);
        Ok(())
    }

    fn finish(self) -> Raw {
        let Self { status, headers, coding, body, .. } = self;
        Raw { status, headers, coding, body: body.into_bytes(), at: Instant::now() }
    }
}

/// A body as it comes in. Most come in one piece, which is then never copied.
enum Collected {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Collected {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, data: Bytes, rest: &Incoming) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(data),
            Self::One(first) => {
                // Bounded before it is believed: a length is only a claim.
                let rest = usize::try_from(rest.size_hint().lower()).unwrap_or(0).min(LARGEST_RESERVE);
                let mut all = BytesMut::with_capacity(first.len() + data.len() + rest);
                all.extend_from_slice(&first);
                all.extend_from_slice(&data);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&data);
                Self::Many(all)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}

/// Time limits of one exchange.
struct Watch {
    deadline: Instant,
    stall: Duration,
    /// End of the running stall window and the bytes that had arrived at its beginning.
    window: Option<(Instant, u64)>,
}

impl Watch {
    /// Ready with the failure when time is up. `arrived` counts this answer's bytes so far.
    fn poll(&mut self, mut timer: Pin<&mut Sleep>, arrived: u64, cx: &mut Context<'_>) -> Poll<Failure> {
        if arrived > 0 && self.window.is_none() {
            self.window = Some((Instant::now() + self.stall, arrived));
        }
        loop {
            let due = self.window.map_or(self.deadline, |(end, _)| end.min(self.deadline));
            if timer.is_elapsed() || timer.deadline() > due {
                timer.as_mut().reset(due);
            }
            std::task::ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.deadline {
                return Poll::Ready(Failure::new(ErrorKind::Timeout));
            }
            if let Some((end, had)) = &mut self.window
                && now >= *end
            {
                if arrived - *had < LEAST_PROGRESS {
                    return Poll::Ready(Failure::new(ErrorKind::Stalled));
                }
                (*end, *had) = (now + self.stall, arrived);
            }
        }
    }
}

fn coding(headers: &HeaderMap) -> Result<Coding, Failure> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (codings.next(), codings.next());
    match (first.map(|value| value.as_bytes().trim_ascii()), second) {
        (None, _) => Ok(Coding::Identity),
        (Some(name), None) if name.is_empty() || name.eq_ignore_ascii_case(b"identity") => {
            Ok(Coding::Identity)
        }
        (Some(name), None) if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => {
            Ok(Coding::Gzip)
        }
        // Nested codings end here as well. Asking again would bring the same.
        _ => Err(Failure::new(ErrorKind::Protocol).because("a content-encoding other than gzip").for_good()),
    }
}

fn too_large(cap: usize) -> Failure {
    Failure::new(ErrorKind::TooLarge).because(format!("more than {cap} bytes"))
}

/// Enough for a body of megabytes to arrive in few pieces.
const READ_BUFFER: usize = 256 * 1024;

/// Status line and headers together. Honest ones stay below 4 KiB.
const MAX_HEAD: usize = 64 * 1024;

/// Bytes that must arrive in a stall window. One byte a second is no progress.
const LEAST_PROGRESS: u64 = 1024;

const LARGEST_RESERVE: usize = 8 << 20;
