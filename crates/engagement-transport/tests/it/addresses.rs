use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engagement_transport::{Call, ErrorKind, Url, verdict};
use tokio::net::{TcpSocket, TcpStream};

use crate::server::{Reply, Server, ok, quiet};

const FOUR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SIX: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Asks for what is at `port` of this machine, by name.
fn call(port: u16) -> Call {
    Call::get(Url::parse(&format!("http://localhost:{port}/")).unwrap())
}

/// An address that takes no connection and refuses none: its queue is full. None on machines without IPv6.
async fn silent(port: u16) -> Option<impl Sized> {
    let address = SocketAddr::from((SIX, port));
    let socket = TcpSocket::new_v6().and_then(|socket| socket.bind(address).map(|()| socket)).ok()?;
    let listener = socket.listen(1).unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
    {
        queued.push(stream.unwrap());
    }
    Some((listener, queued))
}

#[tokio::test]
async fn a_silent_address_is_overtaken_by_one_of_the_other_family() {
    let server = Server::always(Reply::Keep(ok(b"here"))).await;
    let port = server.address().port();
    let Some(_silent) = silent(port).await else {
        assert!(std::env::var_os("CI").is_none(), "this needs IPv6, which continuous integration must have");
        return println!("NOT TESTED: no IPv6 on this machine");
    };
    let transport = quiet().resolver(|_| async { Ok(vec![SIX, FOUR]) }).max_attempts(1).build().unwrap();
    let answer = transport.send(&call(port), verdict::by_status).await.unwrap();
    assert_eq!(answer.body, "here");
    assert!(
        answer.elapsed >= Duration::from_millis(200),
        "the silent one was not asked: {:?}",
        answer.elapsed
    );
    assert!(answer.elapsed < Duration::from_secs(1), "{:?}", answer.elapsed);
}

#[tokio::test]
async fn an_address_that_refuses_is_passed_over() {
    let server = Server::always(Reply::Keep(ok(b"here"))).await;
    // Nothing listens at the first two.
    let others = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)].map(IpAddr::V4);
    let addresses = [&others[..], &[FOUR]].concat();
    let look_up = move |_: &str| std::future::ready(Ok(addresses.clone()));
    let transport = quiet().resolver(look_up).max_attempts(1).build().unwrap();
    let answer = transport.send(&call(server.address().port()), verdict::by_status).await.unwrap();
    assert_eq!(answer.body, "here");
}

#[tokio::test]
async fn addresses_that_all_refuse_are_named() {
    let others = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)].map(IpAddr::V4);
    let look_up = move |_: &str| std::future::ready(Ok(others.to_vec()));
    let transport = quiet().resolver(look_up).max_attempts(1).build().unwrap();
    let error = transport.send(&call(9), verdict::by_status).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("no connection (localhost:9 at 127.0.0.2, 127.0.0.3): GET localhost/"),
        "{said}"
    );
}

#[tokio::test]
async fn a_name_that_is_found_at_the_second_look_is_used() {
    let server = Server::always(Reply::Keep(ok(b"found"))).await;
    let looked = Arc::new(AtomicUsize::new(0));
    let looks = looked.clone();
    let look_up = move |host: &str| {
        assert_eq!(host, "localhost");
        let first = looks.fetch_add(1, Ordering::SeqCst) == 0;
        std::future::ready(if first { Err(io::ErrorKind::NotFound.into()) } else { Ok(vec![FOUR]) })
    };
    let moment = Duration::from_micros(10);
    let transport = quiet().resolver(look_up).backoff(moment, moment).build().unwrap();
    let call = call(server.address().port());
    let answer = transport.send(&call, verdict::by_status).await.unwrap();
    assert_eq!((answer.attempts, answer.sent, &answer.body[..]), (2, 1, &b"found"[..]));
    transport.send(&call, verdict::by_status).await.unwrap();
    assert_eq!(looked.load(Ordering::SeqCst), 2, "a connection that is open needs no name");
}

#[tokio::test]
async fn this_machine_is_nowhere_else() {
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let transport =
        quiet().resolver(move |_| std::future::ready(Ok(vec![elsewhere]))).max_attempts(1).build().unwrap();
    let error = transport.send(&call(9), verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let source = std::iter::successors(std::error::Error::source(&error), |error| error.source()).last();
    assert_eq!(source.unwrap().to_string(), "the host has no address");
}
