//! Faults on demand.

use std::time::Instant;

use engagement_emulator::{Emulator, Fault, FaultTarget, Faults};
use engagement_model::Endpoint;
use serde_json::json;

use crate::client::{As, Call, ask, exchange, favorites, owned, start};

fn set(emulator: &Emulator, json: &str) {
    emulator.set_faults(Faults::from_json(json).unwrap());
}

async fn statuses(emulator: &Emulator, endpoint: Endpoint, count: usize) -> Vec<u16> {
    let body = favorites(&[owned(emulator)]);
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(ask(emulator, As::Brand, endpoint, &body).await.status);
    }
    statuses
}

#[tokio::test]
async fn each_nth_request_of_an_endpoint_is_refused() {
    let emulator = start().await;
    emulator.set_faults(
        Faults::new([Fault {
            endpoint: FaultTarget::Totals,
            every: 3.try_into().ok(),
            status: Some(503),
            ..Fault::default()
        }])
        .unwrap(),
    );
    assert_eq!(statuses(&emulator, Endpoint::Totals, 6).await, [200, 200, 503, 200, 200, 503]);
    assert_eq!(statuses(&emulator, Endpoint::Historical, 3).await, [200; 3]);
    emulator.set_faults(Faults::default());
    assert_eq!(statuses(&emulator, Endpoint::Totals, 3).await, [200; 3]);
}

#[tokio::test]
async fn over_http_and_with_body_and_headers() {
    let emulator = start().await;
    let faults = json!([
        {"endpoint": "any", "nth": 1, "status": 429, "body": {"errors": [{"code": 88}]}, "header": {"Retry-After": "7"}},
        {"endpoint": "totals", "nth": 2, "body": "<h1>Over capacity</h1>"},
        {"endpoint": "totals", "nth": 3, "header": {"x-per-minute-remaining": "²"}},
    ]);
    let set = Call::new("POST", "/_emulator/faults").json(faults.to_string()).send(&emulator).await;
    assert_eq!(set.status, 200);
    let body = favorites(&[owned(&emulator)]);

    let first = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!((first.status, first.header("retry-after")), (429, Some("7")));
    assert_eq!(
        (first.json(), first.header("content-encoding")),
        (json!({"errors": [{"code": 88}]}), Some("gzip"))
    );
    let second = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!((second.status, second.text()), (200, "<h1>Over capacity</h1>"));
    assert!(second.header("content-type").unwrap().starts_with("text/html"));
    let third = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!((third.status, third.header("x-per-minute-remaining")), (200, Some("²")));

    let bad = Call::new("POST", "/_emulator/faults").json(r#"[{"endpoint":"all"}]"#).send(&emulator).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn one_poisonous_id_spoils_the_requests_that_have_it() {
    let emulator = start().await;
    let ids = emulator.tweets(engagement_emulator::Class::Unowned, None, 3);
    set(&emulator, &json!([{"ids": [ids[2].to_string()], "status": 500}]).to_string());
    assert_eq!(ask(&emulator, As::Bearer, Endpoint::Totals, &favorites(&ids[..2])).await.status, 200);
    let answer = ask(&emulator, As::Bearer, Endpoint::Totals, &favorites(&ids)).await;
    assert_eq!((answer.status, answer.message().as_str()), (500, "internal server error"));
}

#[tokio::test]
async fn a_dropped_request_gets_nothing() {
    let emulator = start().await;
    set(&emulator, r#"[{"endpoint":"oauth","drop":true}]"#);
    let request = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let answer = exchange(emulator.addr(), request).await;
    assert!(answer.as_ref().map_or(true, Vec::is_empty), "{answer:?}");
    assert_eq!(emulator.counters().by_endpoint["oauth"]["dropped"], 1);
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_bytes() {
    let emulator = start().await;
    let request = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let whole = exchange(emulator.addr(), request).await.unwrap();
    for bytes in [0, 1, 17, whole.len() - 1] {
        set(&emulator, &json!([{"reset_after_bytes": bytes}]).to_string());
        let mut stream = tokio::net::TcpStream::connect(emulator.addr()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
        let mut cut = Vec::new();
        let ended = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut cut).await;
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(cut, whole[..bytes], "{bytes}");
    }
}

#[tokio::test]
async fn gzip_without_its_trailer_still_has_the_whole_content() {
    let emulator = start().await;
    let body = favorites(&[owned(&emulator)]);
    let whole = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    set(&emulator, r#"[{"truncate_gzip":true}]"#);
    let cut = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!(cut.wire.len() + 8, whole.wire.len());
    assert_eq!(cut.json(), whole.json());
    assert_eq!(cut.header("content-length"), Some(cut.wire.len().to_string().as_str()));
}

#[tokio::test]
async fn an_answer_is_held_back() {
    let emulator = start().await;
    set(&emulator, r#"[{"delay_ms":120}]"#);
    let begun = Instant::now();
    Call::get("/").send(&emulator).await;
    assert!(begun.elapsed().as_millis() >= 120);
}

#[tokio::test]
async fn e5_a_panic_is_one_requests_own() {
    let emulator = start().await;
    set(&emulator, r#"[{"nth":1,"panic":true}]"#);
    for endpoint in [Endpoint::Totals, Endpoint::Historical] {
        set(&emulator, r#"[{"nth":1,"panic":true}]"#);
        assert_eq!(statuses(&emulator, endpoint, 2).await, [500, 200]);
    }
    assert_eq!(emulator.counters().panics, 2);
}
