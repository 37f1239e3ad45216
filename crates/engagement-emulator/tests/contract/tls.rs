//! https, and the proxy in front of the real hosts' names.

use std::time::Duration;

use engagement_emulator::{Emulator, Tls};
use engagement_model::Endpoint;
use native_tls::{Certificate, TlsConnector};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{Answer, As, Call, builder, favorites, nonce, owned, started};

async fn https(tls: &Tls) -> Emulator {
    started(builder().tls(tls.clone())).await
}

async fn proxy(tls: &Tls) -> Emulator {
    started(builder().proxy(tls.clone())).await
}

/// A stream that is encrypted for this name, by a client that trusts the authority, or none.
async fn encrypted<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    name: &str,
    trusted: Option<&Tls>,
) -> Result<tokio_native_tls::TlsStream<S>, native_tls::Error> {
    let mut connector = TlsConnector::builder();
    if let Some(tls) = trusted {
        connector.add_root_certificate(Certificate::from_pem(tls.ca_pem().as_bytes()).unwrap());
    }
    tokio_native_tls::TlsConnector::from(connector.build().unwrap()).connect(name, stream).await
}

/// Asks for totals over a stream, signed for this origin.
async fn totals(
    emulator: &Emulator,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    origin: &str,
) -> Answer {
    let body = favorites(&[owned(emulator)]).to_string();
    let url = format!("{origin}{}", Endpoint::Totals.path());
    let timestamp = oauth_core::Timestamp::new(emulator.now().as_second().unsigned_abs()).unwrap();
    let nonce = nonce();
    let signed = oauth_core::sign(
        &oauth_core::Request::new("POST", &url),
        &As::Brand.credentials().unwrap(),
        oauth_core::Stamp { timestamp, nonce: &nonce },
    )
    .unwrap();
    let host = origin.split_once("://").unwrap().1;
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAccept-Encoding: gzip\r\nAuthorization: {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        Endpoint::Totals.path(),
        signed.authorization(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    Answer::read(&bytes)
}

/// A tunnel, with what the proxy said.
async fn connect(emulator: &Emulator, request: &str) -> (TcpStream, String) {
    connect_on(TcpStream::connect(emulator.addr()).await.unwrap(), request).await
}

async fn connect_on<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, request: &str) -> (S, String) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        said.push(byte);
    }
    (stream, String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn serves_https_to_those_who_trust_its_authority() {
    let tls = Tls::generate([]).unwrap();
    let emulator = https(&tls).await;
    assert!(emulator.url().starts_with("https://127.0.0.1:"));
    for name in ["127.0.0.1", "localhost"] {
        let stream = TcpStream::connect(emulator.addr()).await.unwrap();
        let stream = encrypted(stream, name, Some(&tls)).await.unwrap();
        let origin = format!("https://{name}:{}", emulator.addr().port());
        assert_eq!(totals(&emulator, stream, &origin).await.status, 200);
    }
    let untrusting = TcpStream::connect(emulator.addr()).await.unwrap();
    assert!(encrypted(untrusting, "localhost", None).await.is_err());
    let other = TcpStream::connect(emulator.addr()).await.unwrap();
    assert!(encrypted(other, "example.com", Some(&tls)).await.is_err());
    let stranger = TcpStream::connect(emulator.addr()).await.unwrap();
    assert!(encrypted(stranger, "localhost", Some(&Tls::generate([]).unwrap())).await.is_err());
}

#[tokio::test]
async fn the_scheme_is_part_of_what_is_signed() {
    let tls = Tls::generate([]).unwrap();
    let emulator = https(&tls).await;
    let stream = TcpStream::connect(emulator.addr()).await.unwrap();
    let stream = encrypted(stream, "127.0.0.1", Some(&tls)).await.unwrap();
    let answer = totals(&emulator, stream, &format!("http://{}", emulator.addr())).await;
    assert_eq!(answer.status, 401);
    assert!(answer.message().contains("scheme"), "{}", answer.text());
}

#[tokio::test]
async fn stands_in_for_the_real_hosts_behind_connect() {
    let tls = Tls::generate([]).unwrap();
    let emulator = proxy(&tls).await;
    for (version, host) in [
        ("1.1", "data-api.twitter.com"),
        ("1.0", "data-api.x.com"),
        ("1.1", "api.twitter.com"),
        ("1.1", "API.X.com"),
    ] {
        let request =
            format!("CONNECT {host}:443 HTTP/{version}\r\nHost: {host}:443\r\nUser-Agent: x\r\n\r\n");
        let (stream, said) = connect(&emulator, &request).await;
        assert!(said.starts_with(&format!("HTTP/{version} 200 ")), "{said}");
        let stream = encrypted(stream, &host.to_lowercase(), Some(&tls)).await.unwrap();
        let answer = totals(&emulator, stream, &format!("https://{}", host.to_lowercase())).await;
        // The insights are on the data hosts only.
        assert_eq!(answer.status, if host.starts_with("data") { 200 } else { 404 }, "{host}");
    }
}

#[tokio::test]
async fn connects_to_nobody_else() {
    let emulator = proxy(&Tls::generate([]).unwrap()).await;
    for target in ["example.com:443", "data-api.twitter.com:80", "data-api.twitter.com", "127.0.0.1:22", ""] {
        let (_, said) = connect(&emulator, &format!("CONNECT {target} HTTP/1.1\r\n\r\n")).await;
        assert!(said.starts_with("HTTP/1.1 403 "), "{target}: {said}");
    }
    for request in [
        "CONNECT data-api.x.com:443\r\n\r\n",
        "CONNECT data-api.x.com:443 HTTP/1.1 x\r\n\r\n",
        "CONNECT data-api.x.com:443 HTTP/1.1\n\n",
        "CONNECT data-api.x.com:443 HTTP/1.1\r\nHost: x\n\r\n",
    ] {
        let said =
            tokio::time::timeout(Duration::from_secs(10), connect(&emulator, request)).await.unwrap().1;
        assert!(said.starts_with("HTTP/1.1 400 "), "{request:?}: {said}");
    }
    let (_, said) = connect(&emulator, &format!("CONNECT {}", "a".repeat(100_000))).await;
    assert_eq!(said, "");
}

#[tokio::test]
async fn a_proxy_still_answers_plain_requests_under_its_own_name() {
    let emulator = proxy(&Tls::generate([]).unwrap()).await;
    assert!(emulator.url().starts_with("http://"));
    let stream = TcpStream::connect(emulator.addr()).await.unwrap();
    assert_eq!(totals(&emulator, stream, emulator.url()).await.status, 200);
    // The first letters of CONNECT, and yet something else.
    let other = crate::client::exchange(
        emulator.addr(),
        b"CONTRA / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(Answer::read(&other.await.unwrap()).status, 404);
}

#[tokio::test]
async fn proxy_and_https_on_one_port() {
    let tls = Tls::generate([]).unwrap();
    let emulator = started(builder().tls(tls.clone()).proxy(tls.clone())).await;
    let stream = TcpStream::connect(emulator.addr()).await.unwrap();
    let stream = encrypted(stream, "127.0.0.1", Some(&tls)).await.unwrap();
    assert_eq!(totals(&emulator, stream, emulator.url()).await.status, 200);
    let (stream, _) = connect(&emulator, "CONNECT api.x.com:443 HTTP/1.1\r\n\r\n").await;
    assert!(encrypted(stream, "api.x.com", Some(&tls)).await.is_ok());

    // The proxy's own address may be spoken to in TLS, too.
    let outer = TcpStream::connect(emulator.addr()).await.unwrap();
    let outer = encrypted(outer, "127.0.0.1", Some(&tls)).await.unwrap();
    let (stream, said) = connect_on(outer, "CONNECT data-api.x.com:443 HTTP/1.1\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let stream = encrypted(stream, "data-api.x.com", Some(&tls)).await.unwrap();
    assert_eq!(totals(&emulator, stream, "https://data-api.x.com").await.status, 200);
    let outer = TcpStream::connect(emulator.addr()).await.unwrap();
    let outer = encrypted(outer, "127.0.0.1", Some(&tls)).await.unwrap();
    let (_, said) = connect_on(outer, "CONNECT example.com:443 HTTP/1.1\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
}

#[tokio::test]
async fn a_proxy_answers_whole_urls_of_its_own_hosts_alone() {
    let tls = Tls::generate([]).unwrap();
    let (proxy, plain) = (proxy(&tls).await, started(builder()).await);
    let port = proxy.addr().port();
    for (host, expected) in [
        ("data-api.twitter.com".to_owned(), 401),
        ("api.x.com:80".to_owned(), 404),
        (format!("127.0.0.1:{port}"), 401),
        (format!("localhost:{port}"), 401),
        ("example.com".to_owned(), 403),
        ("localhost:1".to_owned(), 403),
        ("localhost".to_owned(), 403),
    ] {
        let target = format!("http://{host}{}", Endpoint::Totals.path());
        let call = Call::new("POST", target).host(&host);
        assert_eq!(call.send(&proxy).await.status, expected, "{host}");
        // Whoever is no proxy was called, by whatever name.
        if expected == 403 {
            assert_eq!(call.send(&plain).await.status, 401, "{host}");
        }
    }
    let world = |host: &str| Call::get(format!("http://{host}/_emulator/world")).host(host);
    assert_eq!(world("localhost:1").send(&proxy).await.status, 403);
    assert_eq!(world(&format!("localhost:{port}")).send(&proxy).await.status, 200);
}

#[test]
fn debug_shows_no_key() {
    assert!(!format!("{:?}", Tls::generate([]).unwrap()).contains("PRIVATE"));
}
