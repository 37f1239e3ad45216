use std::error::Error as _;

use engagement_transport::{Authorization, Call, ErrorKind, Quota, Replay, Url, verdict};
use oauth_core::Credentials;

use crate::server::{Reply, Server, answer, quiet};

fn canaries() -> Authorization {
    let credentials =
        Credentials::consumer("key-canary", "secret-canary").with_token("token-canary", "other-canary");
    Authorization::oauth1(&credentials)
}

#[test]
fn nothing_public_prints_a_secret() {
    let url = Url::parse("https://example.com/path?query=x").unwrap();
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
    let server = Server::always(Reply::Keep(crate::server::ok(b""))).await;
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
