//! What no honest client sends.

use std::{io::Write as _, time::Duration};

use engagement_emulator::{Class, Emulator};
use engagement_model::Endpoint;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{As, Call, ask, builder, exchange, favorites, nonce, owned, query, start, started};

/// The statuses of all answers in what came back.
fn statuses(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.match_indices("HTTP/1.").map(|(at, _)| text[at + 9..].chars().take(3).collect()).collect()
}

const POST: &str = "POST /insights/engagement/totals HTTP/1.1\r\nHost: localhost\r\n";
/// What somebody hopes to have answered as a request of its own.
const SECOND: &str = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// What comes back until the connection closes, which it has to.
async fn answer(emulator: &Emulator, bytes: &[u8]) -> Vec<u8> {
    let answer = tokio::time::timeout(Duration::from_secs(10), exchange(emulator.addr(), bytes)).await;
    answer.expect("the connection was left open").unwrap_or_default()
}

async fn refused(name: &str, status: &str, bytes: impl AsRef<[u8]>) {
    let emulator = start().await;
    let answer = answer(&emulator, bytes.as_ref()).await;
    assert_eq!(statuses(&answer), [status], "{name}: {:?}", String::from_utf8_lossy(&answer));
    assert!(!emulator.counters().by_endpoint.contains_key("unknown"), "{name}: the second request was read");
}

#[tokio::test]
async fn e2_what_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (name, rest) in [
        ("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd".to_owned()),
        ("one length twice", "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd".to_owned()),
        ("a list of lengths", "Content-Length: 4, 4\r\n\r\nabcd".to_owned()),
        ("length, then chunks", format!("Content-Length: 4\r\n{chunked}\r\n0\r\n\r\n")),
        ("chunks, then length", format!("{chunked}Content-Length: 4\r\n\r\n0\r\n\r\n")),
        ("chunked twice", format!("{chunked}{chunked}\r\n0\r\n\r\n")),
        ("chunked and more", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned()),
        ("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("something else", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("tabbed", "Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n".to_owned()),
        ("no hex", format!("{chunked}\r\nzz\r\n\r\n")),
        ("negative chunk", format!("{chunked}\r\n-1\r\n\r\n")),
        ("chunk in 0x", format!("{chunked}\r\n0x1\r\na\r\n0\r\n\r\n")),
        ("chunk too long a number", format!("{chunked}\r\nfffffffffffffffff\r\n\r\n")),
        ("chunk without its end", format!("{chunked}\r\n1\r\nabc\r\n0\r\n\r\n")),
        ("chunk ended by a line feed", format!("{chunked}\r\n1\na\r\n0\r\n\r\n")),
        ("empty chunk size", format!("{chunked}\r\n\r\n\r\n")),
        ("negative length", "Content-Length: -1\r\n\r\n".to_owned()),
        ("signed length", "Content-Length: +4\r\n\r\nabcd".to_owned()),
        ("length in 0x", "Content-Length: 0x4\r\n\r\nabcd".to_owned()),
        ("length with blanks", "Content-Length: 4 4\r\n\r\nabcd".to_owned()),
        ("no length in it", "Content-Length: \r\n\r\n".to_owned()),
        ("length too long a number", "Content-Length: 99999999999999999999\r\n\r\n".to_owned()),
        ("folded", "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("folded by tab", "X-A: b\r\n\tc\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("blank before colon", "Content-Length : 0\r\n\r\n".to_owned()),
        ("tab before colon", "Content-Length\t: 0\r\n\r\n".to_owned()),
        ("line feed in the head", "X-A: b\nContent-Length: 0\r\n\r\n".to_owned()),
        ("line feeds end the head", "Content-Length: 0\n\n".to_owned()),
        ("return in a value", "X-A: b\rc\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("zero byte in a value", "X-A: b\0c\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("zero byte in a name", "X\0A: b\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("bell in a value", "X-A: \x07\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("no colon", "XA\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("no name", ": b\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("blank in a name", "X A: b\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("letters of another alphabet", "X-\u{e9}: b\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("two hosts", "Host: localhost\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("two hosts that differ", "Host: evil.example\r\nContent-Length: 0\r\n\r\n".to_owned()),
    ] {
        refused(name, "400", format!("{POST}{rest}{SECOND}")).await;
    }
}

#[tokio::test]
async fn e2_what_is_no_request_is_refused_and_the_connection_closed() {
    for (name, text) in [
        ("no host", "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
        ("empty host", "GET /x HTTP/1.1\r\nHost: \r\n\r\n"),
        ("a user in the host", "GET /x HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        ("a path in the host", "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("no port in the host", "GET /x HTTP/1.1\r\nHost: localhost:x\r\n\r\n"),
        ("two ports in the host", "GET /x HTTP/1.1\r\nHost: localhost:1:2\r\n\r\n"),
        ("a name in brackets", "GET /x HTTP/1.1\r\nHost: [localhost]\r\n\r\n"),
        (
            "a user in the target",
            "GET http://localhost:1@evil.example/_emulator/world HTTP/1.1\r\nHost: evil\r\n\r\n",
        ),
        ("a header before the first", "GET /x HTTP/1.1\r\n Host: localhost\r\n\r\n"),
        ("chunks in HTTP/1.0", "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("line feeds throughout", "GET /x HTTP/1.1\nHost: localhost\n\n"),
        ("HTTP/0.9", "GET /\r\n\r\n"),
        ("HTTP/1.2", "GET / HTTP/1.2\r\nHost: localhost\r\n\r\n"),
        ("HTTP/9", "GET / HTTP/9\r\nHost: localhost\r\n\r\n"),
        ("lower case", "GET / http/1.1\r\nHost: localhost\r\n\r\n"),
        ("a method in two words", "GE T / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a target in two words", "GET / x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("tabs between", "GET\t/\tHTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("no method", " / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a zero byte in the target", "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01\x7c\r\n\r\n"),
        ("zero bytes", "\0\0\0\0\r\n\r\n"),
        ("a mark before", "\u{feff}GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("words", "hello\r\n\r\n"),
    ] {
        refused(name, "400", text).await;
    }
}

#[tokio::test]
async fn e3_what_is_too_large_is_refused_before_it_is_read() {
    refused("many headers", "431", format!("{POST}{}\r\n", "X-A: b\r\n".repeat(1_000))).await;
    refused("a large header", "431", format!("{POST}X-A: {}\r\n\r\n", "b".repeat(1 << 20))).await;
    for bytes in [33_000, 36_000, 40_000, 66_000] {
        refused("a large header at once", "431", format!("{POST}X-A: {}\r\n\r\n", "b".repeat(bytes))).await;
    }
    let most = 32 * 1024 - "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: \r\n\r\n".len();
    for (bytes, status) in [(most, "404"), (most + 1, "431")] {
        let large =
            format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: {}\r\n\r\n", "b".repeat(bytes));
        assert_eq!(statuses(&answer(&start().await, large.as_bytes()).await), [status]);
    }
    refused("a large target", "431", format!("GET /{} HTTP/1.1\r\n\r\n", "b".repeat(1 << 20))).await;
    refused("1 GiB declared", "413", format!("{POST}Content-Length: 1073741824\r\n\r\n{SECOND}")).await;
    let chunks = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000)).repeat(4);
    refused(
        "chunks without end",
        "413",
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"),
    )
    .await;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(&vec![b' '; 8 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let head = format!("{POST}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    refused("a bomb", "413", [head.as_bytes(), &bomb].concat()).await;
}

#[tokio::test]
async fn e3_a_body_shorter_than_declared_is_given_up() {
    let emulator = start().await;
    let mut stream = TcpStream::connect(emulator.addr()).await.unwrap();
    stream.write_all(format!("{POST}Content-Length: 10\r\n\r\nabc").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(statuses(&answer).iter().all(|status| status == "400"), "{answer:?}");
}

#[tokio::test]
async fn honest_peculiarities_are_no_offence() {
    let emulator = start().await;
    for (text, count) in [
        (format!("GET /a HTTP/1.1\r\nHost: x\r\n\r\n{SECOND}"), 2),
        (format!("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab\n\n{SECOND}"), 2),
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\n\r\n2;a=b\r\na\n\r\n0\r\nT: u\r\n\r\n{SECOND}"
            ),
            2,
        ),
        (format!("\r\nGET /a HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n{SECOND}"), 2),
        ("GET http://localhost/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(), 1),
        ("GET /a HTTP/1.0\r\n\r\n".to_owned(), 1),
    ] {
        let last = text.trim_end_matches("\r\n").to_owned() + "\r\nConnection: close\r\n\r\n";
        let answer = answer(&emulator, last.as_bytes()).await;
        assert_eq!(statuses(&answer), vec!["404"; count], "{text:?}");
    }
}

#[tokio::test]
async fn e1_silent_clients_keep_nobody_out() {
    let emulator = started(builder().quota(1_000_000)).await;
    let mut silent = Vec::new();
    let beginnings: [&[u8]; 3] =
        [b"", b"POST /insights/engagement/totals HTTP/1.1\r\nHo", b"POST /x HTTP/1.1\r\n"];
    for n in 0..1_000 {
        let mut stream = TcpStream::connect(emulator.addr()).await.unwrap();
        let _ = stream.write_all(beginnings[n % 3]).await;
        silent.push(stream);
    }
    for _ in 0..20 {
        let body = favorites(&[owned(&emulator)]);
        let asked =
            tokio::time::timeout(Duration::from_secs(5), ask(&emulator, As::Bearer, Endpoint::Totals, &body));
        assert_eq!(asked.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn e1_clients_that_wait_for_large_answers_keep_nobody_out() {
    let emulator = started(builder().quota(1_000_000)).await;
    let metrics: Vec<_> = Endpoint::Historical.metrics().map(|metric| metric.name().to_owned()).collect();
    let metrics: Vec<_> = metrics.iter().map(String::as_str).collect();
    let levels = ["tweet.id", "engagement.type", "engagement.day", "engagement.hour"];
    let large = query(&emulator.tweets(Class::Owned, None, 25), &metrics, &levels);
    let mut waiting = Vec::new();
    for _ in 0..600 {
        let mut stream = TcpStream::connect(emulator.addr()).await.unwrap();
        let call = Call::post(Endpoint::Historical, &large).signed(&emulator, As::Brand);
        // A connection may be taken away from one who waits.
        let _ = stream.write_all(&call.bytes(&emulator)).await;
        waiting.push(stream);
    }
    let body = favorites(&[owned(&emulator)]);
    for _ in 0..5 {
        let asked =
            tokio::time::timeout(Duration::from_secs(5), ask(&emulator, As::Brand, Endpoint::Totals, &body));
        assert_eq!(asked.await.unwrap().status, 200);
    }
    assert_eq!(emulator.counters().panics, 0);
}

/// An OAuth header that is good but for its signature.
fn unsigned(emulator: &Emulator) -> String {
    format!(
        "OAuth oauth_consumer_key=\"demo-consumer-key\", oauth_token=\"1111-demo-access-token\", oauth_nonce=\"{}\", \
         oauth_timestamp=\"{}\", oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"{}%3D\"",
        nonce(),
        emulator.now().as_second(),
        "A".repeat(27)
    )
}

/// The most memory that this process has held so far, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn e3_a_wrong_signature_over_very_many_parameters_costs_little_and_keeps_nobody_out() {
    let emulator = started(builder().quota(1_000_000)).await;
    let path = Endpoint::Totals.path();
    let authorized = |call: Call| call.header("Authorization", unsigned(&emulator));
    let form = "a&".repeat(131_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(form.as_bytes()).unwrap();
    let bomb = Call { body: gzip.finish().unwrap(), ..Call::new("POST", path).form("") };
    let calls = [
        Call::new("POST", path).form(&form),
        bomb.header("Content-Encoding", "gzip"),
        Call::new("POST", format!("{path}?{}", "a&".repeat(15_000))),
    ];
    for call in calls.map(authorized) {
        let before = peak();
        let hostile = async {
            let answer = call.send(&emulator).await;
            assert_eq!(answer.status, 401);
            assert!(answer.message().contains("no mistake was looked for"), "{}", answer.text());
            assert!(answer.body.len() < 1_000, "{}", answer.body.len());
        };
        tokio::pin!(hostile);
        let body = favorites(&[owned(&emulator)]);
        loop {
            let begun = std::time::Instant::now();
            let honest = ask(&emulator, As::Brand, Endpoint::Totals, &body);
            tokio::select! {
                biased;
                answer = honest => assert_eq!(answer.status, 200),
                () = &mut hostile => break,
            }
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        }
        let more = peak() - before;
        assert!(more < 256, "{more} MiB");
    }
}

#[tokio::test]
async fn headers_of_the_verification_vectors_are_refused_as_the_contract_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../oauth-core/vectors/oauth1_verify.json");
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let emulator = start().await;
    let mut asked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        for step in case["steps"].as_array().unwrap() {
            let mut call = Call::post(Endpoint::Totals, &serde_json::json!({}));
            for header in step["request"]["headers"].as_array().unwrap() {
                if header[0].as_str().unwrap().eq_ignore_ascii_case("authorization") {
                    call.headers.push(("Authorization".to_owned(), header[1].as_str().unwrap().to_owned()));
                }
            }
            let answer = call.send(&emulator).await;
            let is_refused_by_http = answer.status == 400 && answer.header("connection") == Some("close");
            if !is_refused_by_http {
                assert_eq!(answer.status, 401, "{}", case["id"]);
                assert!(answer.message().starts_with("Your account could not be authenticated. Reason: "));
            }
            asked += 1;
        }
    }
    assert!(asked > 100);
}
