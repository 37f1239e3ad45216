use std::error::Error as _;

use engagement_transport::{Advice, Call, ErrorKind, Proxy, Stop, Transport, Url, verdict};

use crate::again::{again, run};
use crate::server::{Reply, Server, ok};

fn through(proxy: &Server, userinfo: &str) -> Transport {
    let proxy = Proxy::new(&format!("http://{userinfo}{}", proxy.address()), "direct.invalid");
    Transport::builder().proxy(proxy).max_attempts(2).seed(1).build().unwrap()
}

fn call() -> Call {
    Call::get(Url::parse("https://data-api.invalid/path?query").unwrap())
}

#[tokio::test]
async fn asks_for_a_tunnel_and_tells_nothing_else() {
    let proxy = Server::always(Reply::Close(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec())).await;
    let transport = through(&proxy, "user:canary@");
    // What stands behind the tunnel here speaks no TLS.
    transport.send(&call(), verdict::by_status).await.unwrap_err();
    let seen = &proxy.seen()[0].text;
    assert!(seen.starts_with("CONNECT data-api.invalid:443 HTTP/1.1\r\n"), "{seen}");
    assert_eq!(proxy.seen()[0].header("proxy-authorization"), Some("Basic dXNlcjpjYW5hcnk="));
    assert!(!seen.contains("path"));
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_asked_once() {
    let proxy =
        Server::always(Reply::Close(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".to_vec())).await;
    let error = through(&proxy, "user:canary@").send(&call(), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Proxy, Stop::Final, 1));
    assert_eq!(error.advice(), Advice::Never);
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
    assert!(text.contains(&proxy.address().to_string()), "names the proxy: {text}");
}

#[tokio::test]
async fn no_answer_repeats_the_password_of_a_proxy() {
    let server = Server::always(Reply::Keep(ok(b"canary-password Basic dXNlcjpjYW5hcnktcGFzc3dvcmQ="))).await;
    let transport = through(&server, "user:canary%2Dpassword@");
    let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
    let said = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(answer.concealed && !said.contains("canary") && !said.contains("dXNlcjpj"), "{said}");
}

#[tokio::test]
async fn a_proxy_is_asked_again_as_a_server_is() {
    for (status, attempts) in [
        ("204 No Content", 1),
        ("302 Found", 1),
        ("403 Forbidden", 1),
        ("404 Not Found", 1),
        ("501 Not Implemented", 1),
        ("408 Request Timeout", 2),
        ("429 Too Many Requests", 2),
        ("500 Internal Server Error", 2),
        ("502 Bad Gateway", 2),
        ("503 Service Unavailable", 2),
        ("504 Gateway Timeout", 2),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nwords");
        let proxy = Server::always(Reply::Close(answer.into_bytes())).await;
        let error = through(&proxy, "").send(&call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Proxy, attempts), "{status}");
        assert!(error.to_string().contains(status), "{error}");
        let source = error.source().expect("the proxy");
        assert_eq!(
            (source.to_string(), source.source().is_none()),
            (format!("through http://{}/", proxy.address()), true)
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_of_a_proxy_is_no_tunnel() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    for answer in ["", "HTTP/1.1 200", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\n\r\nearly", &long] {
        let proxy = Server::always(Reply::Close(answer.as_bytes().to_vec())).await;
        let error = through(&proxy, "").send(&call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Proxy, 2), "{answer:.20}: {error}");
        assert_eq!(proxy.connections(), 2);
        assert!(error.source().expect("the proxy").source().is_some(), "tells what came instead: {error:?}");
    }
}

#[tokio::test]
async fn this_machine_and_exceptions_are_reached_directly() {
    let proxy = Server::always(Reply::Close(vec![])).await;
    let server = Server::always(Reply::Keep(ok(b"direct"))).await;
    let transport = through(&proxy, "");
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "direct");
    let excepted = Call::get(Url::parse("https://direct.invalid/").unwrap());
    assert_eq!(transport.send(&excepted, verdict::by_status).await.unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn socks_is_refused_by_name() {
    let transport = Transport::builder().proxy(Proxy::new("socks5://127.0.0.1:1080", "")).build().unwrap();
    let error = transport.send(&call(), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Proxy, 1));
    assert!(error.to_string().contains("only http and https proxies"), "{error}");
}

#[tokio::test]
async fn nothing_goes_around_a_proxy_that_cannot_be_read() {
    for malformed in ["http://user:canary@proxy .test:3128", "http://", "://canary"] {
        let transport = Transport::builder().proxy(Proxy::new(malformed, "direct.invalid")).build().unwrap();
        let error = transport.send(&call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.stop()), (ErrorKind::Proxy, Stop::Final), "{malformed}");
        assert!(error.to_string().contains("HTTPS_PROXY"), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
        let excepted = Call::get(Url::parse("https://direct.invalid/").unwrap()).max_attempts(1);
        let error = transport.send(&excepted, verdict::by_status).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
    }
}

#[test]
fn the_environment_is_read_as_by_everybody_else() {
    const URLS: [&str; 6] = [
        "https://api.test/",
        "https://internal.test/",
        "https://deep.internal.test/",
        "https://10.1.2.3/",
        "https://localhost/",
        "http://127.0.0.1/",
    ];
    let Some(mut again) = again("proxies::the_environment_is_read_as_by_everybody_else") else {
        let proxy = Proxy::from_env();
        println!("{proxy:?} {:?}", Transport::builder());
        for url in URLS {
            let through = proxy.for_url(&Url::parse(url).unwrap());
            println!("{url} {}", through.as_deref().unwrap_or("directly"));
        }
        return;
    };
    let one = "http://user:canary@one.test:3128";
    for (variables, through) in [
        (&[][..], ["directly"; 4]),
        (&[("HTTPS_PROXY", one)], ["http://one.test:3128/"; 4]),
        (&[("https_proxy", one)], ["http://one.test:3128/"; 4]),
        (&[("ALL_PROXY", "two.test:8080")], ["http://two.test:8080/"; 4]),
        (&[("all_proxy", "two.test:8080"), ("HTTPS_PROXY", one)], ["http://one.test:3128/"; 4]),
        // Not for https.
        (&[("HTTP_PROXY", one), ("http_proxy", one)], ["directly"; 4]),
        (&[("HTTPS_PROXY", "")], ["directly"; 4]),
        (&[("HTTPS_PROXY", ""), ("ALL_PROXY", "two.test:8080")], ["http://two.test:8080/"; 4]),
        (&[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://two .test:1")], ["http://malformed.invalid/"; 4]),
        (&[("HTTPS_PROXY", "http://user:canary@127.0.0.1:99999")], ["http://malformed.invalid/"; 4]),
        (&[("HTTPS_PROXY", "one.test:0")], ["http://malformed.invalid/"; 4]),
        // A sign of a CGI program, where HTTP_PROXY is not to be trusted. This is another variable.
        (&[("HTTPS_PROXY", one), ("REQUEST_METHOD", "GET")], ["http://one.test:3128/"; 4]),
        (&[("HTTPS_PROXY", one), ("NO_PROXY", ""), ("no_proxy", "*")], ["directly"; 4]),
        (&[("HTTPS_PROXY", "http://user:canary@one .test")], ["http://malformed.invalid/"; 4]),
        (
            &[("HTTPS_PROXY", one), ("NO_PROXY", "internal.test, 10.0.0.0/8")],
            ["http://one.test:3128/", "directly", "directly", "directly"],
        ),
        (
            &[("HTTPS_PROXY", one), ("no_proxy", ".internal.test")],
            ["http://one.test:3128/", "directly", "directly", "http://one.test:3128/"],
        ),
        (&[("HTTPS_PROXY", one), ("NO_PROXY", "*")], ["directly"; 4]),
    ] {
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
            again.env_remove(name).env_remove(name.to_lowercase());
        }
        let said = run(again.envs(variables.iter().copied()));
        for (url, through) in URLS.iter().zip(through.iter().chain(&["directly"; 2])) {
            assert!(said.contains(&format!("{url} {through}\n")), "{variables:?}: {url} {through}\n{said}");
        }
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_transport_goes_by_the_environment_unless_told_otherwise() {
    let Some(mut again) = again("proxies::a_transport_goes_by_the_environment_unless_told_otherwise") else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let server = Server::always(Reply::Keep(ok(b"direct"))).await;
            let transport = Transport::builder().max_attempts(1).build().unwrap();
            assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "direct");
            let error = transport.send(&call(), verdict::by_status).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proxy);
            let direct = Transport::builder().proxy(Proxy::none()).max_attempts(1).build().unwrap();
            assert_eq!(
                direct.send(&call(), verdict::by_status).await.unwrap_err().kind(),
                ErrorKind::Connect
            );
        });
    };
    // Nobody listens there.
    run(again.env("HTTPS_PROXY", "http://127.0.0.1:9").env_remove("NO_PROXY").env_remove("no_proxy"));
}
