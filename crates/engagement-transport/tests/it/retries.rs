use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engagement_transport::{
    Advice, Authorization, Call, Clock, ErrorKind, Event, Head, Quota, Replay, Stop, Verdict, verdict,
};
use oauth_core::Credentials;
use tokio::net::TcpListener;

use crate::server::{Reply, Server, answer, gzipped, ok, quiet};

#[tokio::test(start_paused = true)]
async fn passing_statuses_are_repeated_and_others_are_not() {
    for (status, attempts) in [
        ("408 Request Timeout", 3),
        ("500 Internal Server Error", 3),
        ("502 Bad Gateway", 3),
        ("503 Service Unavailable", 3),
        ("504 Gateway Timeout", 3),
        ("400 Bad Request", 1),
        ("401 Unauthorized", 1),
        ("403 Forbidden", 1),
        ("404 Not Found", 1),
        ("413 Payload Too Large", 1),
        ("501 Not Implemented", 1),
    ] {
        let server = Server::in_memory(move |n, _| {
            Reply::Keep(if n < 2 { answer(status, &[], b"why") } else { ok(b"fine") })
        });
        let transport = server.builder_in_memory().build().unwrap();
        let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
        assert_eq!(answer.attempts, attempts, "{status}");
        assert_eq!(answer.body, if attempts == 1 { "why" } else { "fine" }, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_comes_with_the_error() {
    let server =
        Server::in_memory(|_, _| Reply::Keep(answer("500 Internal Server Error", &[], b"try\x1b[2J later")));
    let transport = server.builder_in_memory().build().unwrap();
    let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Answered, Stop::Attempts, 5));
    assert_eq!(error.advice(), Advice::Later);
    let answer = error.answer().unwrap();
    assert_eq!((answer.status.as_u16(), answer.words()), (500, "try\\u{1b}[2J later".to_owned()));
    assert!(error.to_string().starts_with("no usable answer (status 500): POST 127.0.0.1/"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_caller_judges_bodies() {
    let server = Server::in_memory(|n, _| Reply::Keep(if n == 0 { ok(b"<html>") } else { gzipped(b"{}") }));
    let transport = server.builder_in_memory().build().unwrap();
    let json = |head: &Head<'_>, body: &[u8]| match head.status.as_u16() {
        200 if !body.starts_with(b"{") => Verdict::retry("no JSON"),
        _ => verdict::by_status(head, body),
    };
    assert_eq!(transport.send(&server.call(), json).await.unwrap().attempts, 2);
}

/// Our tokio clock as a wall clock that begins at a given time.
struct From(u64, tokio::time::Instant);

impl Clock for From {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(self.0) + self.1.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_signed_anew_and_late() {
    let server = Server::in_memory(|n, _| match n {
        0 => Reply::Reset(vec![]),
        1 => Reply::Late(Duration::from_secs(10), answer("503 Service Unavailable", &[], b"")),
        2 => Reply::Hang(vec![]),
        _ => Reply::Keep(ok(b"{}")),
    });
    let transport =
        server.builder_in_memory().clock(From(1_700_000_000, tokio::time::Instant::now())).build().unwrap();
    let credentials = Credentials::consumer("key", "secret").with_token("token", "token-secret");
    let call = server.call().authorization(Authorization::oauth1(&credentials));
    assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 4);
    let seen = server.seen();
    let nonces: HashSet<_> = seen.iter().map(|request| request.oauth("oauth_nonce")).collect();
    let signatures: HashSet<_> = seen.iter().map(|request| request.oauth("oauth_signature")).collect();
    assert_eq!((seen.len(), nonces.len(), signatures.len()), (4, 4, 4));
    let begun = seen[0].at;
    for request in &seen {
        let timestamp: u64 = request.oauth("oauth_timestamp").parse().unwrap();
        let sent = 1_700_000_000 + (request.at - begun).as_secs();
        assert!(timestamp.abs_diff(sent) <= 1, "signed at {timestamp}, sent at {sent}");
    }
    assert!(seen[3].at - begun > Duration::from_secs(40), "the attempts were far apart");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_had_to_wait_is_signed_when_it_goes() {
    let server = Server::in_memory(|_, _| Reply::Late(Duration::from_secs(20), ok(b"{}")));
    let begun = tokio::time::Instant::now();
    let transport =
        server.builder_in_memory().clock(From(1_700_000_000, begun)).max_connections(1).build().unwrap();
    let credentials = Credentials::consumer("key", "secret");
    // The first two queue for the one connection, the third for the quota.
    let call =
        server.call().authorization(Authorization::oauth1(&credentials)).quota(&Quota::seeded(Some(2), 1));
    let send = || transport.send(&call, verdict::by_status);
    let (first, second, third) = tokio::join!(send(), send(), send());
    for answer in [first, second, third] {
        assert_eq!(answer.unwrap().attempts, 1);
    }
    let seen = server.seen();
    assert!(seen[2].at - begun > Duration::from_secs(60));
    for request in seen {
        let timestamp: u64 = request.oauth("oauth_timestamp").parse().unwrap();
        assert_eq!(timestamp, 1_700_000_000 + (request.at - begun).as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_replayed_is_sent_once() {
    for reply in [Reply::Reset(vec![]), Reply::Close(b"HTTP/1.1 200".to_vec()), Reply::Hang(vec![])] {
        let server = Server::in_memory(move |_, _| reply.clone());
        let transport = server.builder_in_memory().build().unwrap();
        let error =
            transport.send(&server.call().replay(Replay::Never), verdict::by_status).await.unwrap_err();
        assert_eq!((error.stop(), error.attempts()), (Stop::NotReplayable, 1));
        assert_eq!(server.seen().len(), 1);
    }
    let server = Server::in_memory(|_, _| Reply::Keep(answer("500 Oops", &[], b"")));
    let transport = server.builder_in_memory().build().unwrap();
    let error = transport.send(&Call::post(server.url()), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop()), (ErrorKind::Answered, Stop::NotReplayable));
    let refusing =
        Server::in_memory(|n, _| Reply::Keep(if n == 0 { answer("429 Slow", &[], b"") } else { ok(b"") }));
    let transport = refusing.builder_in_memory().build().unwrap();
    let answer = transport.send(&Call::post(refusing.url()), verdict::by_status).await.unwrap();
    assert_eq!(answer.attempts, 2, "a refused call was not carried out");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_tried_five_times() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let refuse =
        |_| async { Err::<tokio::io::DuplexStream, _>(std::io::ErrorKind::ConnectionRefused.into()) };
    let transport = quiet()
        .connector(refuse)
        .on_event(move |event| {
            if let Event::Retrying { attempt, delay, reason, .. } = event {
                heard.lock().unwrap().push((*attempt, *delay, (*reason).to_owned()));
            }
        })
        .build()
        .unwrap();
    let server = Server::in_memory(|_, _| Reply::Keep(vec![]));
    let error = transport.send(&server.call().replay(Replay::Never), verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Connect, Stop::Attempts, 5));
    assert_eq!((error.sent(), transport.counters().attempts), (0, 0));
    let events = events.lock().unwrap();
    assert_eq!(events.iter().map(|event| event.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (n, (_, delay, reason)) in events.iter().enumerate() {
        assert!(*delay <= Duration::from_millis(500 << n), "{delay:?}");
        assert_eq!(reason, "no connection");
    }
}

#[tokio::test]
async fn a_refused_connection_names_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let call = Call::get(engagement_transport::Url::parse(&format!("http://{address}/")).unwrap());
    let transport = quiet().max_attempts(1).build().unwrap();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.is_connect()), (ErrorKind::Connect, true));
    assert!(error.to_string().starts_with(&format!("no connection ({address}): ")), "{error}");
    let mut chain = std::iter::successors(std::error::Error::source(&error), |error| error.source());
    assert!(chain.any(|cause| cause.to_string().contains("refused")));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_multiplied_by_retries() {
    let server = Server::in_memory(|n, _| {
        Reply::Keep(if n < 8_000 { answer("503 Service Unavailable", &[], b"") } else { ok(b"") })
    });
    let transport = server.builder_in_memory().build().unwrap();
    let mut budget_spent = 0;
    for _ in 0..1_000 {
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        budget_spent += usize::from(error.stop() == Stop::Budget);
    }
    let warm_up = server.seen().len();
    for _ in 0..2_000 {
        transport.send(&server.call(), verdict::by_status).await.unwrap_err();
    }
    let steady = server.seen().len() - warm_up;
    assert!(budget_spent > 800, "{budget_spent}");
    assert!(steady <= 2_400, "{steady} requests for 2,000 calls");
}

#[tokio::test]
async fn a_reset_at_any_byte_of_an_answer_goes_unnoticed() {
    let whole = gzipped(b"{\"totals\":{\"1\":{\"favorites\":\"3\"}}}");
    let length = whole.len();
    let server = Server::listen(move |n, _| {
        if n % 2 == 0 { Reply::Reset(whole[..n / 2].to_vec()) } else { Reply::Keep(whole.clone()) }
    })
    .await;
    let transport = quiet().backoff(Duration::from_micros(10), Duration::from_micros(100)).build().unwrap();
    for at in 0..length {
        let call = server.call();
        let answer = transport.send(&call, verdict::by_status).await;
        let answer = answer.unwrap_or_else(|error| panic!("reset at byte {at}: {error:?}"));
        assert_eq!(&answer.body[..], b"{\"totals\":{\"1\":{\"favorites\":\"3\"}}}", "reset at byte {at}");
        assert_eq!(answer.attempts, 2, "reset at byte {at}");
    }
}
