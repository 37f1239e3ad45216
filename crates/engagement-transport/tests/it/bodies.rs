use engagement_transport::{ErrorKind, Stop, verdict};

use crate::server::{Reply, Server, answer, gzip, gzipped, ok, quiet};

#[tokio::test]
async fn asks_for_gzip_and_inflates_it() {
    let server = Server::always(Reply::Keep(gzipped(b"{\"a\":1}"))).await;
    let transport = quiet().build().unwrap();
    let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
    assert_eq!(&answer.body[..], b"{\"a\":1}");
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip"));
    assert_eq!(server.seen()[0].header("content-type"), Some("application/json"));
    assert!(server.seen()[0].text.starts_with("POST /insights/engagement/totals HTTP/1.1\r\n"));
    assert!(server.seen()[0].text.ends_with("\r\n\r\n{}"));
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_put_together() {
    let plain: Vec<u8> = (0..750_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let server = Server::listed(vec![Reply::Keep(gzipped(&plain)), Reply::Keep(ok(&plain))]).await;
    let transport = quiet().build().unwrap();
    for _ in 0..2 {
        let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
        assert!(answer.body == plain, "{} bytes", answer.body.len());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn truncated_gzip_is_refused_at_every_cut() {
    let packed = gzip(b"{\"totals\":{\"1\":{\"favorites\":\"3\"}}}");
    let length = packed.len();
    let server = Server::listen(move |n, _| {
        Reply::Keep(answer("200 OK", &[("content-encoding", "gzip")], &packed[..n.min(length)]))
    })
    .await;
    let transport = quiet().max_attempts(1).build().unwrap();
    for cut in 0..length {
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.stop()), (ErrorKind::Corrupt, Stop::Attempts), "cut at {cut}");
    }
    assert!(transport.send(&server.call(), verdict::by_status).await.is_ok(), "and the whole is not");
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_body_is_asked_for_again() {
    let mut damaged = gzip(b"whole");
    let end = damaged.len();
    damaged[end - 8] ^= 1;
    let damaged = answer("200 OK", &[("content-encoding", "gzip")], &damaged);
    let server =
        Server::in_memory(move |n, _| Reply::Keep(if n == 0 { damaged.clone() } else { gzipped(b"whole") }));
    let transport = server.builder_in_memory().build().unwrap();
    let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
    assert_eq!((&answer.body[..], answer.attempts), (&b"whole"[..], 2));
}

#[tokio::test]
async fn bombs_are_refused_and_not_asked_for_again() {
    let bomb = gzipped(&vec![0; 2_000_000]);
    let mut members = gzip(&vec![0; 600_000]);
    members.extend(gzip(&vec![0; 600_000]));
    let members = answer("200 OK", &[("content-encoding", "gzip")], &members);
    let plain = ok(&vec![b'x'; 1_000_001]);
    let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let endless = [endless, format!("{:x}\r\n", 1_000_001).into_bytes(), vec![b'x'; 1_000_001]].concat();
    for bytes in [bomb, members, plain, endless] {
        let server = Server::always(Reply::Hang(bytes)).await;
        let transport = quiet().max_body(1_000_000).build().unwrap();
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::TooLarge, Stop::Final, 1));
    }
    let server = Server::always(Reply::Keep(gzipped(&vec![0; 1_000_000]))).await;
    let transport = quiet().max_body(1_000_000).build().unwrap();
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body.len(), 1_000_000);
}

#[tokio::test]
async fn other_and_nested_codings_are_refused() {
    for coding in ["br", "gzip, gzip", "deflate", "gzip\r\ncontent-encoding: gzip"] {
        let server =
            Server::always(Reply::Keep(answer("200 OK", &[("content-encoding", coding)], b"x"))).await;
        let transport = quiet().build().unwrap();
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 1), "{coding}");
    }
    for coding in ["identity", "GZIP", "x-gzip"] {
        let body = if coding == "identity" { b"plain".to_vec() } else { gzip(b"plain") };
        let server =
            Server::always(Reply::Keep(answer("200 OK", &[("content-encoding", coding)], &body))).await;
        let transport = quiet().build().unwrap();
        assert_eq!(
            transport.send(&server.call(), verdict::by_status).await.unwrap().body,
            "plain",
            "{coding}"
        );
    }
}

#[tokio::test]
async fn a_refusal_without_a_body_may_be_labelled_gzip() {
    let server =
        Server::always(Reply::Keep(answer("401 Unauthorized", &[("content-encoding", "gzip")], b""))).await;
    let transport = quiet().build().unwrap();
    let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.len()), (401, 0));
}
