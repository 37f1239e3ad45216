use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engagement_transport::{Call, ErrorKind, Proxy, Stop, Transport, Url, verdict};
use native_tls::Identity;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::Authority;
use crate::server::{ok, quiet};

/// A server that speaks TLS with this certificate. Counts the handshakes begun and the bytes that came through.
struct TlsServer {
    port: u16,
    handshakes: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl TlsServer {
    async fn start(identity: Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
        let (handshakes, bytes) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let server = Self { port, handshakes: handshakes.clone(), bytes: bytes.clone() };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                handshakes.fetch_add(1, Ordering::SeqCst);
                let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(socket).await else { return };
                    let mut request = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut request).await {
                        bytes.fetch_add(read, Ordering::SeqCst);
                        if stream.write_all(&ok(b"safe")).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        server
    }

    fn call(&self, host: &str) -> Call {
        Call::get(Url::parse(&format!("https://{host}:{}/", self.port)).unwrap())
    }
}

fn trusting(authority: &Authority) -> Transport {
    quiet().extra_roots(authority.pem()).build().unwrap()
}

#[tokio::test]
async fn an_extra_authority_is_trusted_when_told() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["localhost", "127.0.0.1"], 30)).await;
    let transport = trusting(&authority);
    transport.warm_up().await.unwrap();
    assert_eq!(server.handshakes.load(Ordering::SeqCst), 0);
    for host in ["localhost", "127.0.0.1"] {
        for _ in 0..2 {
            assert_eq!(transport.send(&server.call(host), verdict::by_status).await.unwrap().body, "safe");
        }
    }
    assert_eq!(server.handshakes.load(Ordering::SeqCst), 2, "one connection for each name");
}

#[tokio::test]
async fn bad_certificates_are_refused_once_and_nothing_is_sent() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (case, identity) in [
        ("unknown issuer", stranger.issue(&["localhost"], 30)),
        ("wrong name", authority.issue(&["other.test"], 30)),
        ("expired", authority.issue(&["localhost"], -1)),
        ("name in another label", authority.issue(&["*.localhost"], 30)),
    ] {
        let server = TlsServer::start(identity).await;
        let error =
            trusting(&authority).send(&server.call("localhost"), verdict::by_status).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.stop(), error.attempts()),
            (ErrorKind::Tls, Stop::Final, 1),
            "{case}"
        );
        assert_eq!(server.handshakes.load(Ordering::SeqCst), 1, "{case}");
        assert_eq!(server.bytes.load(Ordering::SeqCst), 0, "{case}");
    }
}

#[tokio::test]
async fn the_bad_certificate_of_a_proxy_is_refused_once() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let proxy = TlsServer::start(stranger.issue(&["localhost"], 30)).await;
    let through = Proxy::new(&format!("https://user:canary@localhost:{}", proxy.port), "");
    let transport = quiet().proxy(through).extra_roots(authority.pem()).build().unwrap();
    let call = Call::get(Url::parse("https://data-api.invalid/").unwrap());
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Tls, Stop::Final, 1));
    assert_eq!((proxy.handshakes.load(Ordering::SeqCst), proxy.bytes.load(Ordering::SeqCst)), (1, 0));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("localhost"), "names the proxy");
}

#[tokio::test]
async fn a_tunnel_leads_to_the_server_through_any_proxy() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["data-api.test"], 30)).await;
    for scheme in ["http", "https"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy =
            Proxy::new(&format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port()), "");
        let identity = native_tls::TlsAcceptor::new(authority.issue(&["localhost"], 30)).unwrap();
        let acceptor = (scheme == "https").then(|| tokio_native_tls::TlsAcceptor::from(identity));
        let port = server.port;
        let forwarding = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            match acceptor {
                Some(acceptor) => forward(acceptor.accept(socket).await.unwrap(), port).await,
                None => forward(socket, port).await,
            }
        });
        let transport = quiet().proxy(proxy).extra_roots(authority.pem()).build().unwrap();
        let call = Call::get(Url::parse("https://data-api.test/path?query").unwrap());
        for _ in 0..2 {
            assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().body, "safe", "{scheme}");
        }
        drop(transport);
        let asked = forwarding.await.unwrap();
        assert_eq!(asked, "CONNECT data-api.test:443 HTTP/1.1\r\nHost: data-api.test:443\r\n\r\n");
    }
    assert_eq!(server.handshakes.load(Ordering::SeqCst), 2, "the second call takes the same tunnel");
}

/// A proxy's part of one tunnel: any `CONNECT` leads to this port. Returns what was asked.
async fn forward(mut client: impl AsyncRead + AsyncWrite + Unpin, port: u16) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(client.read_u8().await.unwrap());
    }
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n").await.unwrap();
    // How it ends does not matter.
    let _ = copy_bidirectional(&mut client, &mut server).await;
    String::from_utf8(asked).unwrap()
}

#[tokio::test]
async fn a_handshake_that_the_network_breaks_off_is_repeated() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let call = Call::get(Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap());
    let identity = authority.issue(&["127.0.0.1"], 30);
    let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
    tokio::spawn(async move {
        // First a close, then a reset, then service.
        for reset in [false, true] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 16]).await.unwrap();
            if reset {
                socket.set_zero_linger().unwrap();
            } else {
                let _ = socket.read(&mut [0; 4096]).await.unwrap();
            }
        }
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(socket).await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(&ok(b"at last")).await.unwrap();
    });
    let short = std::time::Duration::from_micros(10);
    let transport = quiet().extra_roots(authority.pem()).backoff(short, short).build().unwrap();
    let answer = transport.send(&call, verdict::by_status).await.unwrap();
    assert_eq!((&answer.body[..], answer.attempts), (&b"at last"[..], 3));
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_named_tls() {
    let server = crate::server::Server::always(crate::server::Reply::Close(ok(b""))).await;
    let call = Call::get(Url::parse(&format!("https://{}/", server.address())).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = Call::get(Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
    });
    let transport = quiet().max_attempts(1).build().unwrap();
    let error = transport.send(&plain, verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    // A server that waits for a request that never comes: no TLS, and no answer either.
    let short = std::time::Duration::from_millis(100);
    let transport = quiet().connect_timeout(short).max_attempts(1).build().unwrap();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn a_file_that_holds_no_certificate_is_refused_when_building() {
    for pem in [&b"not PEM"[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = quiet().extra_roots(pem).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}
