//! An hour in which nothing is answered, one call a second, by a clock that does not wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engagement_transport::{Stop, Transport, verdict};
use tokio::time::Instant;

use crate::server::{Reply, Server, answer, ok, quiet};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// How a call ended.
struct Ended {
    begun: Duration,
    at: Duration,
    stop: Option<Stop>,
}

/// Calls once a second until two minutes after the outage. Returns all ends and when each attempt was made.
async fn run(transport: Transport, server: &Server, begun: Instant) -> Vec<Ended> {
    let mut calls = Vec::new();
    for second in 0..(HOUR + 3 * MINUTE).as_secs() {
        tokio::time::sleep_until(begun + Duration::from_secs(second)).await;
        let (transport, call) = (transport.clone(), server.call());
        calls.push(tokio::spawn(async move {
            let from = begun.elapsed();
            let stop = transport.send(&call, verdict::by_status).await.err().map(|error| error.stop());
            Ended { begun: from, at: begun.elapsed(), stop }
        }));
    }
    let mut ended = Vec::new();
    for call in calls {
        ended.push(call.await.unwrap());
    }
    ended
}

/// Holds an outage against its bounds. `attempts`: when each was made.
fn check(outage: &str, ended: &[Ended], attempts: &[Duration]) {
    let spent = ended.iter().filter(|call| call.stop == Some(Stop::Budget)).map(|call| call.at).min();
    let spent = spent.unwrap_or(HOUR);
    assert!(spent < HOUR / 6, "{outage}: the budget lasts {spent:?}");
    let within = |at: &Duration| (spent..HOUR).contains(at);
    let calls = ended.iter().filter(|call| within(&call.begun)).count();
    let attempts = attempts.iter().filter(|at| within(at)).count();
    println!("{outage}: budget spent after {spent:?}, then {attempts} attempts for {calls} calls");
    assert!(attempts as f64 <= 1.2 * calls as f64, "{outage}: {attempts} attempts for {calls} calls");
    let late: Vec<_> = ended.iter().filter(|call| call.begun >= HOUR + 2 * MINUTE).collect();
    assert!(late.len() >= 59);
    for call in late {
        assert_eq!(call.stop, None, "{outage}: {:?} after the outage", call.begun - HOUR);
        assert!(call.at - call.begun < Duration::from_secs(1), "{outage}: at full speed again");
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_refusals_or_silence_is_not_multiplied() {
    let down = [
        ("503", Reply::Keep(answer("503 Service Unavailable", &[], b""))),
        ("resets", Reply::Reset(vec![])),
        ("silence", Reply::Hang(vec![])),
        ("half an answer", Reply::Hang(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())),
    ];
    for (outage, reply) in down {
        let begun = Instant::now();
        let server =
            Server::in_memory(
                move |_, _| {
                    if begun.elapsed() < HOUR { reply.clone() } else { Reply::Keep(ok(b"{}")) }
                },
            );
        // So many that calls need not queue: nothing but the budget holds them back.
        let transport = server.builder_in_memory().max_connections(1_000).build().unwrap();
        let ended = run(transport, &server, begun).await;
        let attempts: Vec<_> = server.seen().iter().map(|request| request.at - begun).collect();
        check(outage, &ended, &attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_connections_is_not_multiplied() {
    let begun = Instant::now();
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"{}")));
    let (connect, attempts) = (server.connect(), Arc::new(Mutex::new(Vec::new())));
    let tried = attempts.clone();
    let opened = Arc::<AtomicUsize>::default();
    let connections = opened.clone();
    let transport = quiet()
        .connector(move |_| {
            tried.lock().unwrap().push(begun.elapsed());
            let open = (begun.elapsed() >= HOUR).then(&connect);
            connections.fetch_add(usize::from(open.is_some()), Ordering::SeqCst);
            async { open.ok_or::<std::io::Error>(std::io::ErrorKind::ConnectionRefused.into()) }
        })
        .build()
        .unwrap();
    let ended = run(transport, &server, begun).await;
    check("refused connections", &ended, &attempts.lock().unwrap());
    assert_eq!(opened.load(Ordering::SeqCst), 1, "one call at a time needs one connection");
}
