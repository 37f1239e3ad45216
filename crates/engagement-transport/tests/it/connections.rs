use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engagement_transport::{Call, ErrorKind, Replay, Url, verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{Reply, Server, answer, ok, quiet};

#[tokio::test]
async fn connections_are_reused_and_never_more_than_calls_in_flight() {
    let server = Server::always(Reply::Late(Duration::from_millis(1), ok(b"{}"))).await;
    let transport = quiet().build().unwrap();
    for _ in 0..5 {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (transport, call) = (transport.clone(), server.call());
                tokio::spawn(async move {
                    for _ in 0..5 {
                        transport.send(&call, verdict::by_status).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    assert_eq!(server.seen().len(), 400);
    assert!(server.connections() <= 16, "{}", server.connections());
    assert_eq!(transport.counters().connections, server.connections() as u64);
}

#[tokio::test]
async fn connections_are_bounded() {
    let server = Server::always(Reply::Late(Duration::from_millis(1), ok(b"{}"))).await;
    let transport = quiet().max_connections(3).build().unwrap();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (transport, call) = (transport.clone(), server.call());
            tokio::spawn(async move { transport.send(&call, verdict::by_status).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_idle_connections_is_invisible() {
    // Answers and closes a moment later: before, while or after the next request is written, which of these is chance.
    // From time to time certainly after: as soon as it has read it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let turn = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let turn = turn.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                loop {
                    match socket.read(&mut request).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) => {}
                    }
                    let _ = socket.write_all(&ok(b"{}")).await;
                    let turn = turn.fetch_add(1, Ordering::Relaxed);
                    if turn % 30 == 1 {
                        let _ = socket.read(&mut request).await;
                        return;
                    }
                    if turn.is_multiple_of(3) {
                        tokio::time::sleep(Duration::from_micros((turn as u64 * 37) % 300)).await;
                        return;
                    }
                }
            });
        }
    });
    let transport = quiet().build().unwrap();
    let call = Call::post(Url::parse(&format!("http://{address}/")).unwrap()).replay(Replay::Safe);
    let mut repeated = 0;
    // `IDLE_CALLS=100000` in the environment makes it a long one.
    let calls = std::env::var("IDLE_CALLS").map_or(3_000, |calls| calls.parse().unwrap());
    for n in 0..calls {
        let answer = transport
            .send(&call, verdict::by_status)
            .await
            .unwrap_or_else(|error| panic!("call {n}: {error:?}"));
        repeated += answer.attempts - 1;
        assert!(answer.attempts <= 2, "a new connection cannot be stale");
    }
    let counters = transport.counters();
    // One call in thirty comes to a connection that is certain to end like that.
    assert!(u64::from(repeated) >= calls / 30, "{repeated}");
    assert_eq!(counters.retries, u64::from(repeated));
    assert_eq!(counters.attempts, calls + counters.retries);
    println!("{calls} calls, {repeated} repeated");
}

#[tokio::test]
async fn a_connection_is_closed_when_the_answer_says_so() {
    let server = Server::always(Reply::Keep(answer("200 OK", &[("connection", "close")], b"{}"))).await;
    let transport = quiet().build().unwrap();
    for _ in 0..3 {
        assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().attempts, 1);
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_grow_old() {
    let server = Server::in_memory(|n, _| {
        Reply::Keep(if n < 3 { ok(b"") } else { answer("200 OK", &[("keep-alive", "timeout=5")], b"") })
    });
    let transport = server.builder_in_memory().idle_timeout(Duration::from_secs(30)).build().unwrap();
    let mut connections = Vec::new();
    for pause in [0, 29, 31, 0, 3, 5] {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        transport.send(&server.call(), verdict::by_status).await.unwrap();
        connections.push(server.connections());
    }
    assert_eq!(connections, [1, 1, 2, 2, 2, 3]);
}

#[tokio::test]
async fn a_host_is_not_forgotten_while_it_has_a_connection() {
    let server = Server::in_memory(|n, _| if n == 0 { Reply::Keep(ok(b"")) } else { Reply::Close(ok(b"")) });
    let transport = server.builder_in_memory().build().unwrap();
    let call = |port: u16| Call::get(Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap());
    for port in (1..=300).chain([1]) {
        assert_eq!(transport.send(&call(port), verdict::by_status).await.unwrap().attempts, 1);
    }
    assert_eq!(server.connections(), 300, "one for each host, the first of which was asked again");
}

#[tokio::test]
async fn idle_connections_are_closed_without_another_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closed = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        socket.write_all(&ok(b"")).await.unwrap();
        socket.read(&mut request).await.unwrap()
    });
    let transport = quiet().idle_timeout(Duration::from_millis(20)).build().unwrap();
    let call = Call::get(Url::parse(&format!("http://{address}/")).unwrap());
    transport.send(&call, verdict::by_status).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(5), closed).await.unwrap().unwrap();
    assert_eq!(read, 0, "the server saw the end of the connection");
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_and_harms_no_other() {
    let server = Server::listed(vec![Reply::Hang(vec![]), Reply::Keep(ok(b"second"))]).await;
    let transport = quiet().max_connections(1).build().unwrap();
    let call = server.call();
    let was_asked = async {
        while server.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        answered = transport.send(&call, verdict::by_status) => panic!("{answered:?}"),
        () = was_asked => {}
    }
    assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "second");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_name_with_two_addresses_is_reached_by_the_one_that_works() {
    // Listens on IPv4 only; `localhost` also stands for [::1] where the machine has it.
    let server = Server::always(Reply::Keep(ok(b"here"))).await;
    let url = Url::parse(&format!("http://localhost:{}/", server.address().port())).unwrap();
    let transport = quiet().max_attempts(1).build().unwrap();
    let answer = transport.send(&Call::get(url), verdict::by_status).await.unwrap();
    assert_eq!(answer.body, "here");
    assert!(answer.elapsed < Duration::from_secs(5), "not by way of a timeout: {:?}", answer.elapsed);
}

#[tokio::test]
async fn names_that_are_not_found_fail_to_connect() {
    let url = Url::parse("https://no-such-host.invalid/").unwrap();
    let transport = quiet().max_attempts(1).build().unwrap();
    let error = transport.send(&Call::get(url), verdict::by_status).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.host(), "no-such-host.invalid");
}
