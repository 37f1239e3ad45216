//! From connections to answers.

mod aside;
mod crowd;
mod framing;
mod intake;
mod line;
#[cfg(feature = "tls")]
mod tunnel;
mod wire;

use std::{
    net::{Ipv4Addr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
    task::JoinSet,
};
#[cfg(feature = "tls")]
use tokio_native_tls::{TlsAcceptor, TlsStream};

#[cfg(feature = "tls")]
use self::{line::Unread, tunnel::Tunnel};
#[cfg(feature = "tls")]
use crate::{authority::Authority, route::HOSTS};

use self::{
    aside::Aside,
    crowd::{Crowd, Place},
    framing::LARGEST_HEAD,
    intake::head,
    line::Line,
    wire::{Fate, Wire},
};
use crate::{
    emulation::Emulation,
    faults::Effect,
    refusal::Refusal,
    reply::{Payload, Reply, accepted},
    respond::{self, Answered, Content, Head},
    route::Route,
    rules::body::mentioned_ids,
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    emulation: Arc<Emulation>,
    aside: Aside,
    crowd: Crowd,
    #[cfg(feature = "tls")]
    security: Security,
}

impl Server {
    pub(crate) fn new(emulation: Arc<Emulation>, #[cfg(feature = "tls")] security: Security) -> Self {
        Self {
            emulation,
            aside: Aside::new(),
            crowd: Crowd::new(CONNECTIONS, UNREAD),
            #[cfg(feature = "tls")]
            security,
        }
    }

    /// Serves connections until it is dropped: those that come to the address, and those from within the process.
    pub(crate) async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        mut within: UnboundedReceiver<DuplexStream>,
    ) {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let local = listener.local_addr().unwrap_or(here);
        // Dropped with this future, and with it every connection.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(&mut connections, move |server, place, fate| {
                        server.serve(stream, peer, place, fate)
                    }),
                    // No file handles, most likely: wait for some to be given back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                },
                Some(stream) = within.recv() => self.admit(&mut connections, move |server, place, fate| {
                    let visit = Visit { peer: here, local, scheme: "http", place: Arc::new(place), fate };
                    server.speak(stream, visit)
                }),
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Serves a connection, if there is a place for it.
    fn admit<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        connections: &mut JoinSet<()>,
        serve: impl FnOnce(Arc<Self>, Place, Arc<Fate>) -> F,
    ) {
        let fate = Arc::new(Fate::default());
        let Some(place) = self.crowd.enter(Arc::clone(&fate)) else { return };
        let id = place.id();
        let task = connections.spawn(serve(Arc::clone(self), place, fate));
        self.crowd.known_as(id, task);
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place, fate: Arc<Fate>) {
        // Answers are written at once, and waiting for more to send would cost the client 40 ms.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(peer);
        let line = Line::new(stream, Arc::clone(&fate));
        let visit = Visit { peer, local, scheme: "http", place: Arc::new(place), fate };
        #[cfg(feature = "tls")]
        let Some(line) = self.secure(Unread::new(line), &visit).await else { return };
        self.speak(line, visit).await;
    }

    /// Speaks TLS on the connection if the other end does. What is left over wants plain HTTP.
    #[cfg(feature = "tls")]
    async fn secure(self: &Arc<Self>, mut line: Unread<Line>, visit: &Visit) -> Option<Unread<Line>> {
        let Some(acceptor) = &self.security.acceptor else { return Some(line) };
        if self.security.is_proxy {
            line = self.tunnelled(acceptor, line, visit).await?;
        }
        let first = tokio::time::timeout(HEAD, line.first()).await.ok()??;
        if !self.security.is_https || first != HANDSHAKE {
            return Some(line);
        }
        let mut stream = Unread::new(encrypted(acceptor, line).await?);
        let visit = Visit { scheme: "https", ..visit.clone() };
        if self.security.is_proxy {
            // The proxy's own address may be an https one.
            stream = self.tunnelled(acceptor, stream, &visit).await?;
        }
        Arc::clone(self).speak(stream, visit).await;
        None
    }

    /// Serves who asks for a tunnel. What is left over did not.
    #[cfg(feature = "tls")]
    async fn tunnelled<S>(
        self: &Arc<Self>,
        acceptor: &TlsAcceptor,
        line: Unread<S>,
        visit: &Visit,
    ) -> Option<Unread<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match tokio::time::timeout(HEAD, tunnel::open(line)).await.ok()? {
            Tunnel::None(line) => Some(line),
            Tunnel::Refused => None,
            Tunnel::Open(line) => {
                let stream = encrypted(acceptor, line).await?;
                let visit = Visit { scheme: "https", ..visit.clone() };
                Arc::clone(self).speak(stream, visit).await;
                None
            }
        }
    }

    /// Whether a client took the emulator for a proxy to somebody else.
    #[cfg(feature = "tls")]
    fn is_for_somebody_else(&self, head: &Head, visit: &Visit) -> bool {
        if !self.security.is_proxy || head.uri.authority().is_none() {
            return false;
        }
        let Some(host) = Authority::parse(&head.host) else { return true };
        let is_here = host.is_loopback() || host.name.parse() == Ok(visit.local.ip());
        let default = if visit.scheme == "https" { 443 } else { 80 };
        let is_own = is_here && host.port.unwrap_or(default) == visit.local.port();
        !is_own && !HOSTS.into_iter().any(|name| host.is_named(name))
    }

    /// HTTP over a stream.
    async fn speak<S>(self: Arc<Self>, stream: S, visit: Visit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let wire = Wire::new(stream, Arc::clone(&visit.fate), STALL);
        let visit = Arc::new(visit);
        let service = service_fn(move |request| {
            let (server, visit) = (Arc::clone(&self), Arc::clone(&visit));
            async move {
                // Its body may take its time.
                visit.place.waiting();
                let answer = server.answer(request, &visit).await?;
                let bytes = answer.body().size_hint().lower();
                visit.place.answered(&visit.fate, usize::try_from(bytes).unwrap_or(usize::MAX));
                Ok::<_, Dropped>(answer)
            }
        });
        // An error ends the connection, which is all that there is to do about it.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LARGEST_HEAD)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(wire), service)
            .await;
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        visit: &Visit,
    ) -> Result<Response<Payload>, Dropped> {
        let (emulation, fate) = (&self.emulation, &visit.fate);
        let (parts, body) = request.into_parts();
        let encoding = accepted(&parts.headers);
        let plain = Effect::default();
        let finish = |reply: Reply| Ok(reply.finish(encoding, &plain, emulation.clock.now()));
        let form = emulation.switches.error_body;
        let give_up = |refusal: &Refusal| finish(Reply::refusal(refusal, form).close());

        if fate.is_head_too_large() {
            let message = format!("the head is larger than {LARGEST_HEAD} bytes");
            return give_up(&Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message));
        }
        if fate.is_doubtful() {
            return give_up(&Refusal::new(StatusCode::BAD_REQUEST, DOUBTFUL));
        }
        let head = match head(parts, visit) {
            Ok(head) => head,
            Err(message) => return give_up(&Refusal::new(StatusCode::BAD_REQUEST, message)),
        };
        #[cfg(feature = "tls")]
        if self.is_for_somebody_else(&head, visit) {
            let message = format!("this proxy leads to {} and to the emulator itself", HOSTS.join(", "));
            return give_up(&Refusal::new(StatusCode::FORBIDDEN, message));
        }
        let path = head.uri.path().to_owned();
        let is_admin = respond::is_admin(&path);
        let route = Route::of(&head.host, &head.method, &path);
        if let Route::Engagement(_) = route {
            emulation.tally.arrived(emulation.clock.now());
        }
        let ended = |status: Option<u16>| {
            if !is_admin {
                emulation.tally.ended(route.name(), status);
            }
        };
        let body = match tokio::time::timeout(BODY, intake::body(body, BODY_BYTES)).await {
            Ok(body) => body.and_then(|body| intake::content(&head, body, BODY_BYTES)),
            Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
        };
        visit.place.busy();
        // Chunks are only now read to their end.
        let body =
            if fate.is_doubtful() { Err(Refusal::new(StatusCode::BAD_REQUEST, DOUBTFUL)) } else { body };
        let content = match body {
            Ok(content) => content,
            Err(refusal) => {
                ended(Some(refusal.status.as_u16()));
                return give_up(&refusal);
            }
        };
        if is_admin {
            let reply = guarded(|| match &content {
                Ok(body) => respond::admin(emulation, &head, body),
                Err(refusal) => Reply::refusal(refusal, form),
            });
            return finish(reply.unwrap_or_else(|| self.broken()));
        }

        let effect = emulation
            .trouble
            .strike(route.target(), || mentioned_ids(content.as_deref().unwrap_or_default()));
        if !effect.delay.is_zero() {
            tokio::time::sleep(effect.delay).await;
        }
        if effect.drop {
            ended(None);
            return Err(Dropped);
        }
        let reply = match Reply::forced(&effect, form) {
            Some(reply) => reply,
            None => self.work(route, &head, content, effect.panic, &visit.place).await,
        };
        ended(Some(reply.status.as_u16()));
        if let Some(bytes) = effect.reset_after_bytes {
            fate.reset_after(bytes);
        }
        Ok(reply.finish(encoding, &effect, emulation.clock.now()))
    }

    /// The answer itself, panic or not.
    async fn work(&self, route: Route, head: &Head, content: Content, panic: bool, place: &Place) -> Reply {
        let answered = guarded(|| {
            #[expect(clippy::panic, reason = "asked for, to show that one request's panic is one request's")]
            if panic {
                panic!("a fault asked for this");
            }
            respond::respond(&self.emulation, route, head, content)
        });
        let reply = match answered {
            Some(Answered::Now(reply)) => Some(reply),
            Some(Answered::Later(write)) => {
                // Who only waits for a turn does not keep others out.
                place.waiting();
                let turn = self.aside.turn().await;
                place.busy();
                match turn {
                    Some(turn) => turn.run(write).await,
                    None => None,
                }
            }
            None => None,
        };
        reply.unwrap_or_else(|| {
            self.emulation.tally.panicked();
            self.broken()
        })
    }

    fn broken(&self) -> Reply {
        let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal server error");
        Reply::refusal(&refusal, self.emulation.switches.error_body)
    }
}

/// TLS over a stream, if the other end gets that far.
#[cfg(feature = "tls")]
async fn encrypted<S>(acceptor: &TlsAcceptor, stream: S) -> Option<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tokio::time::timeout(HEAD, acceptor.accept(stream)).await.ok()?.ok()
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    peer: SocketAddr,
    local: SocketAddr,
    scheme: &'static str,
    place: Arc<Place>,
    fate: Arc<Fate>,
}

/// Whether TLS is spoken, and to whom.
#[cfg(feature = "tls")]
#[derive(Clone, Default)]
pub(crate) struct Security {
    pub(crate) acceptor: Option<TlsAcceptor>,
    /// Straight away.
    pub(crate) is_https: bool,
    /// After CONNECT.
    pub(crate) is_proxy: bool,
}

#[cfg(feature = "tls")]
impl core::fmt::Debug for Security {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Security")
            .field("is_https", &self.is_https)
            .field("is_proxy", &self.is_proxy)
            .finish_non_exhaustive()
    }
}

/// A fault wants no answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a fault closed the connection")]
struct Dropped;

/// What it gives, unless it panics.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

const DOUBTFUL: &str = "it is not clear where this request ends";
/// Time for a request's head, and for which a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// Time for a request's body.
const BODY: Duration = Duration::from_secs(15);
const BODY_BYTES: usize = 256 * 1024;
/// How long a client may leave an answer unread.
const STALL: Duration = Duration::from_secs(15);
/// The first byte of a TLS connection.
#[cfg(feature = "tls")]
const HANDSHAKE: u8 = 0x16;
const CONNECTIONS: usize = 512;
/// Bytes of answers that clients may leave unread in all.
const UNREAD: usize = 24 << 20;
