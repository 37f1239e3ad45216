use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use engagement_transport::{Authorization, Clock, ErrorKind, Gate, Quota, Stop, verdict};
use oauth_core::Credentials;
use tokio::time::{Instant, sleep};

use crate::server::{Reply, Server, answer, ok};

/// The paused clock as a wall clock.
struct Wall(Instant);

impl Clock for Wall {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.0.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_passes_in_its_turn_and_is_signed_behind_the_gate() {
    let server = Server::in_memory(|n, _| {
        Reply::Keep(if n == 0 { answer("500 Internal Server Error", &[], b"") } else { ok(b"{}") })
    });
    let begun = Instant::now();
    let transport = server.builder_in_memory().clock(Wall(begun)).build().unwrap();
    let passed = Arc::new(Mutex::new(Vec::new()));
    let (log, witness) = (passed.clone(), server.clone());
    let gate = Gate::new(move |attempt| {
        let (log, sent_before) = (log.clone(), witness.seen().len());
        async move {
            log.lock().unwrap().push((attempt, sent_before, begun.elapsed().as_secs() / 60));
            sleep(Duration::from_secs(5)).await;
            Ok(())
        }
    });
    let call = server.call().authorization(Authorization::oauth1(&Credentials::consumer("key", "secret")));
    let answer =
        transport.send(&call.quota(&Quota::seeded(Some(1), 1)).gate(gate), verdict::by_status).await.unwrap();
    assert_eq!(answer.sent, 2);
    // The second in the next minute: behind the quota.
    assert_eq!(*passed.lock().unwrap(), [(1, 0, 0), (2, 1, 1)]);
    for request in server.seen() {
        let timestamp: u64 = request.oauth("oauth_timestamp").parse().unwrap();
        assert_eq!(timestamp, 1_700_000_000 + (request.at - begun).as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_gate_refuses_is_not_sent_and_costs_no_quota() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"{}")));
    let transport = server.builder_in_memory().build().unwrap();
    let quota = Quota::seeded(Some(1), 1);
    let begun = Instant::now();
    let call = server.call().quota(&quota);
    for shut in [
        Gate::new(|_| async { Err("the disk is full".into()) }),
        Gate::at_once(|_| Err("the disk is full".into())),
    ] {
        let error = transport.send(&call.clone().gate(shut), verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.stop()), (ErrorKind::Held, Stop::Final));
        assert_eq!((error.attempts(), error.sent(), transport.counters().attempts), (1, 0, 0));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is full");
        assert!(server.seen().is_empty());
    }
    // The one call of this minute is still there.
    let open =
        Gate::at_once(|attempt| if attempt == 1 { Ok(()) } else { Err("what attempt is this?".into()) });
    transport.send(&call.gate(open), verdict::by_status).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_the_gate_sends_nothing() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"{}")));
    let transport = server.builder_in_memory().build().unwrap();
    let quota = Quota::seeded(Some(1), 1);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let closed = Gate::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    });
    let call = server.call().quota(&quota);
    let patience = Duration::from_secs(3);
    let held = call.clone().gate(closed);
    assert!(tokio::time::timeout(patience, transport.send(&held, verdict::by_status)).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(server.seen().is_empty());
    assert!(tokio::time::timeout(patience, transport.send(&call, verdict::by_status)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn time_at_the_gate_is_in_no_timeout() {
    let slowly = Duration::from_secs(20);
    let server = Server::in_memory(move |n, _| match n {
        0 => Reply::Late(slowly, answer("503 Service Unavailable", &[], b"")),
        _ => Reply::Late(slowly, ok(b"{}")),
    });
    let transport = server.builder_in_memory().attempt_timeout(Duration::from_secs(30)).build().unwrap();
    let gate = Gate::new(|_| async {
        sleep(Duration::from_secs(600)).await;
        Ok(())
    });
    let answer = transport.send(&server.call().gate(gate), verdict::by_status).await.unwrap();
    assert_eq!((answer.sent, answer.elapsed.as_secs() / 60), (2, 20));
}
