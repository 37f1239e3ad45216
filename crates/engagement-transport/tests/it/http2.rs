use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engagement_transport::{
    Authorization, Call, ErrorKind, Event, Http, Replay, Stop, Transport, Url, verdict,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use oauth_core::Credentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::certificates::Authority;
use crate::server::{gzip, quiet};

/// A server that offers HTTP/2 and ends each connection gracefully after so many requests.
struct Modern {
    url: Url,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Request<()>>>>,
    /// When a client has closed a connection.
    closed: Arc<tokio::sync::Notify>,
}

async fn serve(authority: &Authority, protocols: &[&str], per_connection: usize, pause: Duration) -> Modern {
    let mut acceptor = native_tls::TlsAcceptor::builder(authority.issue(&["localhost"], 30));
    acceptor.accept_alpn(protocols);
    let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://localhost:{}/path?query", listener.local_addr().unwrap().port()))
        .unwrap();
    let (connections, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<_>>>::default());
    let closed = Arc::<tokio::sync::Notify>::default();
    let modern = Modern { url, connections: connections.clone(), seen: seen.clone(), closed: closed.clone() };
    let two = protocols.contains(&"h2");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let (acceptor, seen, closed) = (acceptor.clone(), seen.clone(), closed.clone());
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(socket).await.unwrap());
                let served = Arc::new(AtomicUsize::new(0));
                let over = Arc::new(tokio::sync::Notify::new());
                let ending = over.clone();
                let respond = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let (parts, _) = request.into_parts();
                    let pause = if parts.uri.path() == "/silent" { Duration::from_secs(60) } else { pause };
                    seen.lock().unwrap().push(Request::from_parts(parts, ()));
                    if served.fetch_add(1, Ordering::SeqCst) + 1 == per_connection {
                        ending.notify_one();
                    }
                    async move {
                        tokio::time::sleep(pause).await;
                        let body = Full::new(Bytes::from(gzip(b"{}")));
                        Ok::<_, Infallible>(
                            Response::builder().header("content-encoding", "gzip").body(body).unwrap(),
                        )
                    }
                });
                if !two {
                    let http1 = hyper::server::conn::http1::Builder::new();
                    let _ = http1.serve_connection(stream, respond).await;
                    return;
                }
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let mut connection = std::pin::pin!(http2.serve_connection(stream, respond));
                tokio::select! {
                    _ = connection.as_mut() => return closed.notify_one(),
                    () = over.notified() => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            });
        }
    });
    modern
}

fn negotiating(authority: &Authority) -> Transport {
    quiet().http(Http::Negotiated).extra_roots(authority.pem()).max_connections(4).build().unwrap()
}

async fn many(transport: &Transport, call: &Call, count: usize) -> u32 {
    many_with(transport, call, count, "{}").await
}

/// Of a server that answers without a body.
async fn many_empty(transport: &Transport, call: &Call, count: usize) -> u32 {
    many_with(transport, call, count, "").await
}

/// The attempts that so many calls at a time take.
async fn many_with(transport: &Transport, call: &Call, count: usize, body: &'static str) -> u32 {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (transport, call) = (transport.clone(), call.clone());
            tokio::spawn(async move {
                let answer = transport.send(&call, verdict::by_status).await.unwrap();
                assert_eq!(answer.body, body);
                answer.attempts
            })
        })
        .collect();
    let mut attempts = 0;
    for task in tasks {
        attempts += task.await.unwrap();
    }
    attempts
}

#[tokio::test]
async fn calls_share_a_connection() {
    let authority = Authority::new();
    let server = serve(&authority, &["h2"], usize::MAX, Duration::from_millis(1)).await;
    let transport = negotiating(&authority);
    let credentials = Credentials::consumer("key", "secret");
    let call = Call::post(server.url.clone())
        .json_body("{}")
        .replay(Replay::Safe)
        .authorization(Authorization::oauth1(&credentials));
    assert_eq!(many(&transport, &call, 32).await, 32);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "even though they all began together");
    let seen = server.seen.lock().unwrap();
    let signatures: HashSet<_> =
        seen.iter().map(|request| request.headers()["authorization"].clone()).collect();
    assert_eq!(signatures.len(), 32);
    assert_eq!(seen[0].uri(), server.url.as_str());
    assert_eq!(seen[0].headers()["content-length"], "2");
    assert!(!seen[0].headers().contains_key("host"));
}

#[tokio::test]
async fn where_each_connection_has_its_fill_another_is_opened() {
    let authority = Authority::new();
    let pause = Duration::from_millis(200);
    let opened = async |most| {
        let server = serve(&authority, &["h2"], usize::MAX, pause).await;
        let transport = quiet().http(Http::Negotiated).extra_roots(authority.pem()).max_connections(most);
        let (transport, call) = (transport.build().unwrap(), Call::get(server.url.clone()));
        for _ in 0..5 {
            assert_eq!(many(&transport, &call, 64).await, 64);
        }
        let opened = transport.counters().connections;
        assert_eq!(usize::try_from(opened), Ok(server.connections.load(Ordering::SeqCst)));
        opened
    };
    assert_eq!(opened(16).await, 2, "half of the calls on each");
    assert_eq!(opened(1).await, 1);
}

/// Calls go on where they are when a server takes no more connections, and it is not asked for one again and again.
#[tokio::test]
async fn a_server_that_takes_one_connection_is_asked_on_that() {
    let authority = Authority::new();
    // Whoever comes while a connection is open waits for its end.
    let (url, _) = moody(&authority, &[]).await;
    let looks = Arc::<AtomicUsize>::default();
    let looked = looks.clone();
    let transport = quiet()
        .http(Http::Negotiated)
        .extra_roots(authority.pem())
        .connect_timeout(Duration::from_millis(500))
        .resolver(move |_| {
            looked.fetch_add(1, Ordering::SeqCst);
            async { Ok(vec![[127, 0, 0, 1].into()]) }
        })
        .build()
        .unwrap();
    let call = Call::get(url);
    for _ in 0..3 {
        assert_eq!(many_empty(&transport, &call, 64).await, 64);
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    assert_eq!(looks.load(Ordering::SeqCst), 2, "one that opened and one that did not");
    assert_eq!(transport.counters().connections, 1);
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_asked_on_another_connection() {
    let authority = Authority::new();
    let server = serve(&authority, &["h2"], 5, Duration::ZERO).await;
    let transport = negotiating(&authority);
    let call = Call::get(server.url.clone());
    for _ in 0..10 {
        many(&transport, &call, 4).await;
    }
    assert!(server.connections.load(Ordering::SeqCst) >= 4, "{:?}", server.connections);
}

#[tokio::test]
async fn a_server_without_http2_is_asked_in_http1() {
    let authority = Authority::new();
    let server = serve(&authority, &["http/1.1"], usize::MAX, Duration::from_millis(1)).await;
    many(&negotiating(&authority), &Call::get(server.url.clone()), 16).await;
    assert!((1..=4).contains(&server.connections.load(Ordering::SeqCst)));
    assert_eq!(server.seen.lock().unwrap()[0].version(), http::Version::HTTP_11);
}

#[tokio::test]
async fn http1_is_spoken_unless_told_otherwise() {
    let authority = Authority::new();
    let server = serve(&authority, &["http/1.1"], usize::MAX, Duration::ZERO).await;
    let transport = quiet().extra_roots(authority.pem()).build().unwrap();
    many(&transport, &Call::get(server.url.clone()), 2).await;
    assert_eq!(server.seen.lock().unwrap()[0].version(), http::Version::HTTP_11);
}

#[tokio::test]
async fn after_a_silent_stream_the_next_call_gets_a_new_connection() {
    let authority = Authority::new();
    let server = serve(&authority, &["h2"], usize::MAX, Duration::ZERO).await;
    let transport = quiet()
        .http(Http::Negotiated)
        .extra_roots(authority.pem())
        .attempt_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let quick = Call::get(server.url.clone());
    transport.send(&quick, verdict::by_status).await.unwrap();
    let before = server.connections.load(Ordering::SeqCst);
    let silent = Url::parse(&server.url.as_str().replace("/path", "/silent")).unwrap();
    let error = transport.send(&Call::get(silent).max_attempts(1), verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    transport.send(&quick, verdict::by_status).await.unwrap();
    assert!(server.connections.load(Ordering::SeqCst) > before);
}

#[tokio::test]
async fn what_the_server_read_is_what_was_sent() {
    let authority = Authority::new();
    let mut acceptor = native_tls::TlsAcceptor::builder(authority.issue(&["localhost"], 30));
    acceptor.accept_alpn(&["h2"]);
    let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://localhost:{}/", listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let stream = TokioIo::new(acceptor.accept(socket).await.unwrap());
        let echo = hyper::service::service_fn(|request: Request<Incoming>| async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(Full::new(body)))
        });
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(stream, echo)
            .await;
    });
    let transport = negotiating(&authority);
    // More than a stream has under way, and then more on the connection than it has, each too little for its stream.
    let sizes = [1_000_000].into_iter().chain([100_000; 30]);
    for size in sizes {
        let body: Vec<u8> = (0..size).flat_map(u32::to_le_bytes).collect();
        let call = Call::post(url.clone()).json_body(body.clone());
        let answer = transport.send(&call, verdict::by_status).await.unwrap();
        assert!(answer.body == body, "{} bytes came back", answer.body.len());
    }
}

#[tokio::test]
async fn headers_about_a_connection_are_left_out() {
    let authority = Authority::new();
    let server = serve(&authority, &["h2"], usize::MAX, Duration::ZERO).await;
    let mut call = Call::get(server.url.clone());
    for name in ["keep-alive", "proxy-connection", "te", "upgrade"] {
        call = call.header(name.parse().unwrap(), "x".parse().unwrap());
    }
    many(&negotiating(&authority), &call, 1).await;
    let seen = server.seen.lock().unwrap();
    let names: Vec<_> = seen[0].headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["user-agent", "accept-encoding"]);
}

#[tokio::test]
async fn a_transport_that_is_dropped_closes_its_connection() {
    let authority = Authority::new();
    let server = serve(&authority, &["h2"], usize::MAX, Duration::ZERO).await;
    many(&negotiating(&authority), &Call::get(server.url.clone()), 2).await;
    let closed = tokio::time::timeout(Duration::from_secs(10), server.closed.notified()).await;
    assert!(closed.is_ok(), "the server saw no end of the connection");
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let authority = Authority::new();
    let server = serve(&authority, &["h2"], usize::MAX, Duration::ZERO).await;
    let transport = quiet()
        .http(Http::Negotiated)
        .extra_roots(authority.pem())
        .idle_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    many(&transport, &Call::get(server.url.clone()), 2).await;
    server.closed.notified().await;
    many(&transport, &Call::get(server.url.clone()), 2).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

/// Connections open, and none of them brings an answer: what shared one has no more right to repeat than who opened it.
#[tokio::test]
async fn an_outage_is_not_multiplied() {
    let authority = Authority::new();
    let (url, _) = moody(&authority, &[Turn::Leave; 10_000]).await;
    let moment = Duration::from_millis(1);
    let delayed = Arc::<AtomicUsize>::default();
    let heard = delayed.clone();
    let transport = quiet()
        .http(Http::Negotiated)
        .extra_roots(authority.pem())
        .backoff(moment, moment)
        .on_event(move |event| {
            heard.fetch_add(usize::from(matches!(event, Event::Retrying { .. })), Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let call = Call::get(url);
    let send = |_| {
        let (transport, call) = (transport.clone(), call.clone());
        tokio::spawn(async move { transport.send(&call, verdict::by_status).await.unwrap_err().attempts() })
    };
    let calls: Vec<_> = (0..400).map(send).collect();
    let mut repeats = 0;
    for call in calls {
        repeats += call.await.unwrap() as usize - 1;
    }
    assert_eq!(repeats, delayed.load(Ordering::SeqCst), "each repetition is put off");
    assert!(repeats <= 140, "{repeats} repetitions");
}

/// What a server does about a stream.
#[derive(Clone, Copy)]
enum Turn {
    Reset(h2::Reason),
    /// Ends the connection, whatever is on it.
    Leave,
    Answer,
}

/// A server that does one thing after the other, and then answers. Also says how many connections were opened.
async fn moody(authority: &Authority, turns: &'static [Turn]) -> (Url, Arc<AtomicUsize>) {
    let mut acceptor = native_tls::TlsAcceptor::builder(authority.issue(&["localhost"], 30));
    acceptor.accept_alpn(&["h2"]);
    let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://localhost:{}/", listener.local_addr().unwrap().port())).unwrap();
    let opened = Arc::<AtomicUsize>::default();
    let connections = opened.clone();
    tokio::spawn(async move {
        let mut turns = turns.iter();
        while let Ok((socket, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let mut connection = h2::server::handshake(acceptor.accept(socket).await.unwrap()).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                match turns.next().unwrap_or(&Turn::Answer) {
                    Turn::Reset(reason) => respond.send_reset(*reason),
                    Turn::Leave => connection.abrupt_shutdown(h2::Reason::NO_ERROR),
                    Turn::Answer => _ = respond.send_response(Response::new(()), true).unwrap(),
                }
            }
        }
    });
    (url, opened)
}

#[tokio::test]
async fn a_stream_that_was_refused_unread_is_asked_for_again_whatever_it_does() {
    let authority = Authority::new();
    let turns = &[Turn::Answer, REFUSED, REFUSED];
    let (url, connections) = moody(&authority, turns).await;
    let transport = negotiating(&authority);
    let call = Call::post(url).replay(Replay::Never);
    assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 1);
    assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 3);
    assert_eq!(connections.load(Ordering::SeqCst), 1, "nothing is wrong with the connection");
}

#[tokio::test]
async fn a_stream_that_was_reset_is_asked_for_again_if_it_may_be() {
    let authority = Authority::new();
    let turns = &[Turn::Answer, FAILED, FAILED];
    let (url, connections) = moody(&authority, turns).await;
    let transport = negotiating(&authority);
    let call = Call::post(url);
    transport.send(&call, verdict::by_status).await.unwrap();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop()), (ErrorKind::Closed, Stop::NotReplayable));
    let call = call.replay(Replay::Safe);
    assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 2);
    assert_eq!(connections.load(Ordering::SeqCst), 3, "what has failed is not used again");
}

#[tokio::test]
async fn a_server_that_leaves_in_the_middle_is_asked_on_another_connection() {
    let authority = Authority::new();
    let (url, connections) = moody(&authority, &[Turn::Answer, Turn::Leave]).await;
    let transport = negotiating(&authority);
    let call = Call::get(url);
    for attempts in [1, 2, 1] {
        assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, attempts);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// A server that says goodbye before it reads what is on the way tells so, and then even what must not be repeated is.
#[tokio::test]
async fn what_came_after_a_goodbye_is_asked_for_again_whatever_it_does() {
    let authority = Authority::new();
    let mut acceptor = native_tls::TlsAcceptor::builder(authority.issue(&["localhost"], 30));
    acceptor.accept_alpn(&["h2"]);
    let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://localhost:{}/", listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(socket).await.unwrap();
        // Empty settings; then, to the first request, a GOAWAY that has read no stream.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        stream.read_exact(&mut [0; 24]).await.unwrap();
        let mut kind = 0;
        while kind != 1 {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            kind = head[3];
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            stream.read_exact(&mut vec![0; length]).await.unwrap();
        }
        stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
        stream.flush().await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(acceptor.accept(socket).await.unwrap()).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_response(Response::new(()), true).unwrap();
        }
    });
    let call = Call::post(url).replay(Replay::Never);
    let answer = negotiating(&authority).send(&call, verdict::by_status).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.attempts), (200, 2));
}

const REFUSED: Turn = Turn::Reset(h2::Reason::REFUSED_STREAM);
const FAILED: Turn = Turn::Reset(h2::Reason::INTERNAL_ERROR);
