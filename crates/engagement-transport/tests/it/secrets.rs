use std::error::Error as _;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engagement_transport::{
    Authorization, Call, ErrorKind, Head, Quota, Replay, Signing, Url, Verdict, verdict,
};
use oauth_core::Credentials;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::server::{Reply, Server, answer, ok, quiet};

fn canaries() -> Authorization {
    let credentials =
        Credentials::consumer("key-canary", "secret-canary").with_token("token-canary", "other-canary");
    Authorization::oauth1(&credentials)
}

#[test]
fn nothing_public_prints_a_secret() {
    let url = Url::parse("https://example.com/path?query=canary").unwrap();
    let call =
        Call::post(url).authorization(canaries()).json_body("body-canary").quota(&Quota::per_minute(1));
    for text in [
        format!("{call:?}"),
        format!("{:?}", canaries()),
        format!("{:?}", Authorization::Bearer("bearer-canary".into())),
        format!("{:?}", Authorization::Header("Basic canary".into())),
        format!("{:?}", quiet()),
        format!("{:?}", quiet().build().unwrap()),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn errors_print_no_secret_and_no_query() {
    // A hostile server echoes the request in its status text, headers and body.
    let server = Server::listen(|_, text| {
        let echo = text.replace(['\r', '\n'], " ");
        Reply::Keep(answer("500 Oops", &[("x-echo", &echo)], echo.as_bytes()))
    })
    .await;
    let url = Url::parse(&format!("{}?secret=canary", server.url())).unwrap();
    let call = Call::post(url).authorization(canaries()).replay(Replay::Safe);
    let transport = quiet().max_attempts(1).build().unwrap();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!text.contains("canary"), "{text}");
    assert_eq!((error.path(), error.host()), ("/insights/engagement/totals", "127.0.0.1"));
}

#[tokio::test]
async fn credentials_that_no_header_can_carry_are_refused_before_sending() {
    let server = Server::always(Reply::Close(vec![])).await;
    let transport = quiet().build().unwrap();
    for bad in ["line\nbreak", "nul\0"] {
        let call = server.call().authorization(Authorization::Bearer(bad.into()));
        let error = transport.send(&call, verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Sign, 1));
        assert!(!format!("{error} {error:?}").contains("break"));
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn the_transports_own_headers_cannot_be_overruled() {
    let server = Server::always(Reply::Keep(ok(b""))).await;
    let mut call = server.call().authorization(Authorization::Bearer("token".into()));
    for name in
        ["host", "content-length", "transfer-encoding", "connection", "accept-encoding", "authorization"]
    {
        call = call.header(name.parse().unwrap(), "99".parse().unwrap());
    }
    let transport = quiet().build().unwrap();
    transport.send(&call, verdict::by_status).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("host"), Some(server.address().to_string().as_str()));
    assert_eq!(seen.header("content-length"), Some("2"));
    assert_eq!(seen.header("accept-encoding"), Some("gzip"));
    assert_eq!(seen.header("authorization"), Some("Bearer token"));
    assert_eq!((seen.header("transfer-encoding"), seen.header("connection")), (None, None));
}

/// Writes down every field of every span and event, whatever its level.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Visit for Recorder {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Recorder {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn traces_hold_no_secret_at_any_level() {
    let recorder = Recorder::default();
    // While there is only one subscriber, tracing asks the thread that comes to a span first whether anybody listens,
    // and keeps the answer for all. Tests on other threads would say no; with a second one it asks both.
    let _second = tracing::Dispatch::new(Recorder::default());
    tracing::subscriber::with_default(recorder.clone(), || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = Server::in_memory(|n, text| {
                let echo = text.replace(['\r', '\n'], " ");
                match n {
                    0 => Reply::Reset(vec![]),
                    1 => Reply::Keep(answer("429 Slow", &[("x-echo", &echo)], echo.as_bytes())),
                    2 => Reply::Keep(answer(
                        "401 No",
                        &[("date", &crate::server::http_date(1))],
                        echo.as_bytes(),
                    )),
                    _ => Reply::Keep(answer("500 Oops", &[("x-echo", &echo)], echo.as_bytes())),
                }
            });
            let url = Url::parse(&format!("{}?secret=canary", server.url())).unwrap();
            let call =
                Call::post(url).authorization(canaries()).replay(Replay::Safe).json_body("body-canary");
            let transport = server.builder_in_memory().build().unwrap();
            transport.send(&call, verdict::by_status).await.unwrap_err();
        });
    });
    let text = recorder.0.lock().unwrap().clone();
    for expected in
        ["method=POST", "message=retrying", "message=waiting for quota", "message=signing with", "failed"]
    {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
    assert!(!text.contains("canary"), "{text}");
}

/// Says back whatever it is told, and what it knows besides.
async fn parrot(status: &'static str, words: &'static str) -> Server {
    Server::listen(move |_, text| {
        let echo = text.replace(['\r', '\n'], " ");
        let body = format!(r#"{{"errors":["{}"],"more":"{words}"}}"#, echo.replace('"', "\\\""));
        Reply::Keep(answer(status, &[("x-echo", &echo)], body.as_bytes()))
    })
    .await
}

#[tokio::test]
async fn answers_repeat_no_secret_of_their_call_or_of_another() {
    let server = parrot("400 Bad", "known-elsewhere \\u0062earer-canary c2VjcmV0LWNhbmFyeTE=").await;
    let transport = quiet().build().unwrap();
    transport.conceal(&"known-elsewhere".into());
    let credentials =
        Credentials::consumer("key-canary", "secret-canary1").with_token("1111-token-canary", "other-canary");
    let calls = [
        Authorization::oauth1(&credentials),
        Authorization::OAuth1(Signing::with_verifier(&credentials, "verifier-canary")),
        Authorization::Bearer("bearer-canary".into()),
        Authorization::Header(oauth_core::app_only::basic(&credentials)),
        Authorization::None,
    ];
    // What is in a call is known from that call on.
    for authorization in &calls {
        transport
            .send(&server.call().authorization(authorization.clone()), verdict::by_status)
            .await
            .unwrap();
    }
    for authorization in calls {
        let call = server.call().authorization(authorization);
        let judged = Mutex::new(String::new());
        let answer = transport
            .send(&call, |head, body| {
                *judged.lock().unwrap() = format!("{:?} {}", head.headers, String::from_utf8_lossy(body));
                verdict::by_status(head, body)
            })
            .await
            .unwrap();
        assert!(answer.concealed);
        let text = format!("{} {:?} {}", judged.lock().unwrap(), answer.headers, answer.words());
        assert!(text.contains("[hidden]") && text.contains("x-echo"), "{text}");
        for known in ["canary", "known-elsewhere", "c2VjcmV0LW", "\\u0062"] {
            assert!(!text.contains(known), "{known} in {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_forgotten_by_no_number_of_others() {
    let server = Server::in_memory(|n, text| {
        let body = ok(text.as_bytes());
        if n == 0 { Reply::Late(Duration::from_secs(5), body) } else { Reply::Keep(ok(b"")) }
    });
    let transport = server.builder_in_memory().build().unwrap();
    let slow = {
        let transport = transport.clone();
        let call = server.call().authorization(Authorization::Bearer("slow-canary".into()));
        tokio::spawn(async move { transport.send(&call, verdict::by_status).await })
    };
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    for number in 0..2_000 {
        let token = format!("token-{number}-of-another");
        let call = server.call().authorization(Authorization::Bearer(token.into()));
        transport.send(&call, verdict::by_status).await.unwrap();
    }
    let answer = slow.await.unwrap().unwrap();
    let text = answer.words();
    assert!(answer.concealed && text.contains("[hidden]") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_success_that_its_caller_looks_through_comes_as_it_is() {
    let words = "bearer-canary";
    let transport = quiet().build().unwrap();
    for (status, is_hidden) in [("200 OK", false), ("201 Made", false), ("401 No", true)] {
        let server = parrot(status, words).await;
        let call = || server.call().authorization(Authorization::Bearer("bearer-canary".into()));
        for call in [call().brings_secret(), call().brings_data()] {
            let answer = transport.send(&call, verdict::by_status).await.unwrap();
            assert_eq!(answer.words().contains(words), !is_hidden, "{status}");
            assert!(!format!("{:?}", answer.headers).contains("canary"), "{status}");
            let hidden = transport.hide(&answer.body).unwrap_or_else(|| answer.body.to_vec());
            assert!(!String::from_utf8(hidden).unwrap().contains("canary"), "{status}");
        }
    }
}

#[tokio::test]
async fn an_answer_prints_neither_its_body_nor_the_values_of_its_headers() {
    let server = Server::always(Reply::Keep(answer("200 OK", &[("set-cookie", "canary")], b"canary"))).await;
    let judged = Mutex::new(String::new());
    let call = server.call().brings_secret();
    let verdict = |head: &Head<'_>, body: &[u8]| {
        *judged.lock().unwrap() = format!("{head:?}");
        verdict::by_status(head, body)
    };
    let answer = quiet().build().unwrap().send(&call, verdict).await.unwrap();
    let text = format!("{} {answer:?}", judged.lock().unwrap());
    assert!(text.contains("set-cookie") && text.contains("6 bytes") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn data_that_is_taken_for_none_is_words() {
    let server = parrot("200 OK", "bearer-canary").await;
    let call = server.call().authorization(Authorization::Bearer("bearer-canary".into())).brings_data();
    let transport = quiet().max_attempts(1).build().unwrap();
    let error = transport.send(&call, |_, _| Verdict::retry("no data")).await.unwrap_err();
    let text = format!("{error:?} {error} {}", error.answer().unwrap().words());
    assert!(text.contains("[hidden]") && !text.contains("canary"), "{text}");
}
