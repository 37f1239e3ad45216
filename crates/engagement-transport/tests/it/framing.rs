use engagement_transport::{ErrorKind, verdict};

use crate::server::{Reply, Server, answer, ok, quiet};

/// Sends one attempt to a server that answers `bytes` and closes, and says what became of it.
async fn outcome(bytes: impl Into<Vec<u8>>) -> Result<(u16, Vec<u8>), ErrorKind> {
    let server = Server::always(Reply::Close(bytes.into())).await;
    let transport = quiet().max_attempts(1).build().unwrap();
    match transport.send(&server.call(), verdict::by_status).await {
        Ok(answer) => Ok((answer.status.as_u16(), answer.body.to_vec())),
        Err(error) => Err(error.kind()),
    }
}

#[tokio::test]
async fn wrong_lengths_are_errors() {
    for (case, bytes, expected) in [
        ("too long", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", ErrorKind::Closed),
        (
            "twice, different",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
            ErrorKind::Protocol,
        ),
        (
            "with chunked",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ErrorKind::Protocol,
        ),
        ("negative", "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello", ErrorKind::Protocol),
        ("signed", "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello", ErrorKind::Protocol),
        (
            "absurd",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nhello",
            ErrorKind::Protocol,
        ),
        ("huge", "HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\nhello", ErrorKind::TooLarge),
        (
            "chunk size overflow",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
            ErrorKind::Protocol,
        ),
        (
            "chunk size no number",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            ErrorKind::Protocol,
        ),
        (
            "chunk longer than said",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
            ErrorKind::Protocol,
        ),
        (
            "no last chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            ErrorKind::Closed,
        ),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", ErrorKind::Protocol),
        ("no status", "HTTP/1.1 abc\r\n\r\n", ErrorKind::Protocol),
        ("nothing", "", ErrorKind::Closed),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-le", ErrorKind::Closed),
        ("another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", ErrorKind::Protocol),
    ] {
        assert_eq!(outcome(bytes).await, Err(expected), "{case}");
    }
}

#[tokio::test]
async fn lawful_oddities_are_answers() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nx-trailer: 1\r\n\r\n";
    assert_eq!(outcome(chunked).await, Ok((200, b"hello".to_vec())), "chunks and a trailer");
    let until_close = "HTTP/1.1 200 OK\r\n\r\nhello";
    assert_eq!(outcome(until_close).await, Ok((200, b"hello".to_vec())), "no length");
    assert_eq!(outcome("HTTP/1.0 200 OK\r\n\r\nhello").await, Ok((200, b"hello".to_vec())), "HTTP/1.0");
    assert_eq!(outcome("HTTP/1.1 204 No Content\r\n\r\n").await, Ok((204, vec![])), "204");
    let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(outcome(hints).await, Ok((200, b"ok".to_vec())), "1xx before the answer");
    let html = answer("200 OK", &[("content-type", "text/html")], b"<html>");
    assert_eq!(outcome(html).await, Ok((200, b"<html>".to_vec())), "what it says is for the caller to judge");
    let same = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(outcome(same).await, Ok((200, b"ok".to_vec())), "twice the same length");
}

#[tokio::test]
async fn heads_have_limits() {
    let many: String = (0..100_000).map(|n| format!("x-{n}: y\r\n")).collect();
    assert_eq!(outcome(format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await, Err(ErrorKind::HeadTooLarge));
    let large = "y".repeat(1 << 20);
    assert_eq!(outcome(format!("HTTP/1.1 200 OK\r\nx: {large}\r\n\r\n")).await, Err(ErrorKind::HeadTooLarge));
    let honest: String = (0..60).map(|n| format!("x-{n}: {}\r\n", "y".repeat(200))).collect();
    assert_eq!(
        outcome(format!("HTTP/1.1 200 OK\r\n{honest}content-length: 0\r\n\r\n")).await,
        Ok((200, vec![]))
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_is_asked_instead() {
    let other = Server::always(Reply::Keep(ok(b"never"))).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("http://{}/", other.address());
        let server = Server::always(Reply::Keep(answer(status, &[("location", &location)], b""))).await;
        let transport = quiet().build().unwrap();
        let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
        assert_eq!(answer.status.as_str(), &status[..3]);
        assert_eq!(answer.headers["location"], location);
    }
    assert_eq!((other.connections(), other.seen().len()), (0, 0));
}

#[tokio::test]
async fn an_answer_in_single_bytes_is_the_same_answer() {
    let bytes = answer("200 OK", &[("x-a", "b")], b"hello");
    let server = Server::always(Reply::Slowly(bytes, 1, std::time::Duration::ZERO)).await;
    let transport = quiet().build().unwrap();
    for _ in 0..3 {
        assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "hello");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn bytes_after_an_answer_poison_its_connection() {
    let two = [ok(b"one"), ok(b"two")].concat();
    let server = Server::listed(vec![Reply::Keep(two), Reply::Keep(ok(b"three"))]).await;
    let transport = quiet().build().unwrap();
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "one");
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "three");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_length_too_short_poisons_the_connection() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello".to_vec();
    let server = Server::listed(vec![Reply::Keep(short), Reply::Keep(ok(b"fine"))]).await;
    let transport = quiet().build().unwrap();
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "he");
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "fine");
    assert_eq!(server.connections(), 2);
}
