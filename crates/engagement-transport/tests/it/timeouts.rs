use std::time::{Duration, Instant};

use engagement_transport::{Builder, ErrorKind, Proxy, Stop, verdict};
use tokio::net::TcpListener;

use crate::server::{Reply, Server, answer, ok, quiet};

const SHORT: Duration = Duration::from_millis(40);

#[tokio::test]
async fn silence_ends_with_the_attempt_timeout() {
    let server = Server::always(Reply::Hang(vec![])).await;
    let transport = quiet().attempt_timeout(SHORT).max_attempts(1).build().unwrap();
    let begun = Instant::now();
    let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.is_timeout()), (ErrorKind::Timeout, true));
    assert!(begun.elapsed() >= SHORT);
    assert!(
        error.to_string().starts_with("timed out: POST 127.0.0.1/insights/engagement/totals, 1 attempt in"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_within_four_timeouts_and_fifteen_seconds() {
    let server = Server::in_memory(|_, _| Reply::Hang(vec![]));
    let transport = server.builder_in_memory().attempt_timeout(Duration::from_secs(30)).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
    assert!(begun.elapsed() <= Duration::from_millis(135_010), "{:?}", begun.elapsed());
    assert!(error.elapsed() > Duration::from_secs(120), "{:?}", error.elapsed());
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 5));
}

#[tokio::test(start_paused = true)]
async fn time_for_the_whole_call_is_bounded_by_itself() {
    let server = Server::in_memory(|_, _| {
        Reply::Keep(answer("503 Service Unavailable", &[("retry-after", "20")], b""))
    });
    let transport = server.builder_in_memory().total_timeout(Duration::from_secs(30)).build().unwrap();
    let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Answered, Stop::Time, 2));
    assert_eq!(error.answer().unwrap().status.as_u16(), 503);
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_a_stall() {
    let body = ok(&[b'x'; 1_000]);
    let head_only = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nx-long: ".to_vec();
    for reply in [
        Reply::Slowly(body.clone(), 1, Duration::from_secs(1)),
        Reply::Slowly([head_only, vec![b'y'; 1_000]].concat(), 1, Duration::from_secs(1)),
        Reply::Hang(body[..200].to_vec()),
    ] {
        let server = Server::in_memory(move |_, _| reply.clone());
        let transport = server
            .builder_in_memory()
            .stall_timeout(Duration::from_secs(5))
            .attempt_timeout(Duration::from_secs(3_600))
            .max_attempts(1)
            .build()
            .unwrap();
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.is_timeout()), (ErrorKind::Stalled, true));
        assert!(error.elapsed() < Duration::from_millis(5_100), "{:?}", error.elapsed());
    }
}

/// A server that says at once that it is at work has not begun its answer.
#[tokio::test(start_paused = true)]
async fn a_pause_after_an_interim_answer_is_no_stall() {
    let interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let pieces = [interim.to_vec(), ok(b"at last")].concat();
    let piece = interim.len();
    let server = Server::in_memory(move |_, _| Reply::Slowly(pieces.clone(), piece, Duration::from_secs(8)));
    let transport = server.builder_in_memory().stall_timeout(Duration::from_secs(5)).build().unwrap();
    for _ in 0..2 {
        let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
        assert_eq!((&answer.body[..], answer.attempts), (&b"at last"[..], 1));
    }
    assert_eq!(transport.counters().connections, 1);
}

/// Whoever gives an attempt more time means the answer, too.
#[tokio::test(start_paused = true)]
async fn what_counts_as_a_stall_goes_by_the_timeout() {
    let hanging = Reply::Hang(ok(&[b'x'; 1_000])[..200].to_vec());
    for timeout in [Duration::from_secs(30), Duration::from_secs(300)] {
        let hanging = hanging.clone();
        let server = Server::in_memory(move |_, _| hanging.clone());
        let transport = server.builder_in_memory().attempt_timeout(timeout).max_attempts(1).build().unwrap();
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stalled);
        assert!((timeout / 3..timeout / 2).contains(&error.elapsed()), "{:?}", error.elapsed());
    }
    // Who gives it little means all of that.
    let server = Server::in_memory(move |_, _| hanging.clone());
    let timeout = Duration::from_secs(6);
    let transport = server.builder_in_memory().attempt_timeout(timeout).max_attempts(1).build().unwrap();
    let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.elapsed().as_secs()), (ErrorKind::Timeout, 6));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_that_goes_on_is_no_stall() {
    let server = Server::in_memory(|_, _| Reply::Slowly(ok(&[b'x'; 60_000]), 2_000, Duration::from_secs(1)));
    let transport = server
        .builder_in_memory()
        .stall_timeout(Duration::from_secs(5))
        .attempt_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
    assert_eq!((answer.body.len(), answer.attempts), (60_000, 1));
    assert!(answer.elapsed > Duration::from_secs(25));
}

#[tokio::test]
async fn connecting_has_its_own_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // A listener that never accepts does finish TCP handshakes: with TLS, the silence that follows is still connecting.
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}/x");
    let call = engagement_transport::Call::get(engagement_transport::Url::parse(&url).unwrap());
    let look_up = |_: &str| std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()]));
    let transport = quiet().resolver(look_up).connect_timeout(SHORT).max_attempts(1).build().unwrap();
    // Certificates are loaded in that time, too.
    transport.warm_up().await.unwrap();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let place = format!("while connecting to localhost:{port} at 127.0.0.1");
    assert!(error.to_string().contains(&place), "{error}");
    assert!(error.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://user:canary@{}", listener.local_addr().unwrap());
    let call =
        engagement_transport::Call::get(engagement_transport::Url::parse("https://api.test/x").unwrap());
    let transport =
        quiet().proxy(Proxy::new(&proxy, "")).connect_timeout(SHORT).max_attempts(1).build().unwrap();
    transport.warm_up().await.unwrap();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let place =
        format!("while connecting to api.test:443 through http://{}/", listener.local_addr().unwrap());
    assert!(error.to_string().contains(&place), "{error}");
}

#[tokio::test(start_paused = true)]
async fn queueing_for_a_connection_counts_towards_the_call() {
    let server = Server::in_memory(|_, _| Reply::Hang(vec![]));
    let transport = server
        .builder_in_memory()
        .max_connections(1)
        .max_attempts(1)
        .attempt_timeout(Duration::from_secs(60))
        .total_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let (call, other) = (server.call(), transport.clone());
    let (first, second) =
        tokio::join!(transport.send(&call, verdict::by_status), other.send(&call, verdict::by_status));
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.elapsed() <= Duration::from_millis(20_010), "{:?}", error.elapsed());
    }
}

#[test]
fn times_that_no_clock_can_count_are_refused() {
    let settings: [fn(Builder) -> Builder; 7] = [
        |builder| builder.connect_timeout(Duration::MAX),
        |builder| builder.attempt_timeout(Duration::MAX),
        |builder| builder.total_timeout(Duration::MAX),
        |builder| builder.stall_timeout(Duration::MAX),
        |builder| builder.idle_timeout(Duration::MAX),
        |builder| builder.backoff(Duration::MAX, SHORT),
        |builder| builder.backoff(SHORT, Duration::MAX),
    ];
    for (number, set) in settings.into_iter().enumerate() {
        let error = set(quiet()).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "setting {number}");
    }
}
