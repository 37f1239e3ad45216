use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use engagement_transport::{Authorization, Clock, Event, Quota, verdict};
use oauth_core::Credentials;
use tokio::time::Instant;

use crate::server::{Reply, Server, answer, http_date, ok};

/// A wall clock that is set by hand.
#[derive(Clone)]
struct Set(Arc<Mutex<u64>>);

impl Set {
    fn to(seconds: u64) -> Self {
        Self(Arc::new(Mutex::new(seconds)))
    }
}

impl Clock for Set {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(*self.0.lock().unwrap())
    }
}

const NOW: u64 = 1_700_000_000;

/// Accepts timestamps within five minutes of its own time, which is always `NOW`.
fn strict() -> Server {
    Server::in_memory(|_, text| {
        let (_, rest) = text.split_once("oauth_timestamp=\"").unwrap();
        let timestamp: u64 = rest.split('"').next().unwrap().parse().unwrap();
        let status = if timestamp.abs_diff(NOW) <= 300 { "200 OK" } else { "401 Unauthorized" };
        Reply::Keep(answer(status, &[("date", &http_date(NOW))], b""))
    })
}

fn oauth() -> Authorization {
    Authorization::oauth1(&Credentials::consumer("key", "secret"))
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_costs_one_request() {
    for skew in [-86_400_i64, -3_600, -600, 600, 3_600, 86_400] {
        let server = strict();
        let ahead = Arc::new(Mutex::new(Vec::new()));
        let heard = ahead.clone();
        let transport = server
            .builder_in_memory()
            .clock(Set::to(NOW.checked_add_signed(skew).unwrap()))
            .on_event(move |event| {
                if let Event::ClockSkew { ahead, .. } = event {
                    heard.lock().unwrap().push(*ahead);
                }
            })
            .build()
            .unwrap();
        let call = server.call().authorization(oauth());
        let first = transport.send(&call, verdict::by_status).await.unwrap();
        assert_eq!((first.status.as_u16(), first.attempts, first.clock_ahead), (200, 2, Some(-skew)));
        let second = transport.send(&call, verdict::by_status).await.unwrap();
        assert_eq!((second.status.as_u16(), second.attempts), (200, 1), "the lesson is kept");
        assert_eq!(*ahead.lock().unwrap(), [-skew]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_later_is_followed() {
    let server = strict();
    let clock = Set::to(NOW);
    let transport = server.builder_in_memory().clock(clock.clone()).build().unwrap();
    let call = server.call().authorization(oauth());
    let mut attempts = Vec::new();
    for skew in [0_i64, 7_200, -7_200, 0] {
        *clock.0.lock().unwrap() = NOW.checked_add_signed(skew).unwrap();
        let answer = transport.send(&call, verdict::by_status).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200, "{skew}");
        attempts.push(answer.attempts);
    }
    assert_eq!(attempts, [1, 2, 1, 1], "once the server's time is used, ours may jump as it likes");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_another_reason_is_not_blamed_on_the_clock() {
    for (date, attempts) in [(NOW, 1), (NOW + 60, 1), (NOW - 60, 1), (NOW + 3_600, 2)] {
        let server = Server::in_memory(move |_, _| {
            Reply::Keep(answer("401 Unauthorized", &[("date", &http_date(date))], b"bad token"))
        });
        let transport = server.builder_in_memory().clock(Set::to(NOW)).build().unwrap();
        let call = server.call().authorization(oauth());
        let answer = transport.send(&call, verdict::by_status).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.attempts), (401, attempts), "Date {date}");
        assert_eq!(server.seen().len(), attempts as usize);
    }
    for headers in [vec![], vec![("date", "yesterday")]] {
        let server = Server::in_memory(move |_, _| Reply::Keep(answer("401 Unauthorized", &headers, b"")));
        let transport = server.builder_in_memory().clock(Set::to(NOW)).build().unwrap();
        let call = server.call().authorization(oauth());
        assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 1);
    }
}

/// A proxy from the nineties refuses once, and dates nothing that the server then says.
#[tokio::test(start_paused = true)]
async fn a_clock_that_did_not_help_is_given_up() {
    let server = Server::in_memory(|n, text| {
        let (_, rest) = text.split_once("oauth_timestamp=\"").unwrap();
        let timestamp: u64 = rest.split('"').next().unwrap().parse().unwrap();
        Reply::Keep(match n {
            0 => answer("401 Unauthorized", &[("date", &http_date(784_111_777))], b""),
            _ if timestamp.abs_diff(NOW) <= 300 => ok(b""),
            _ => answer("401 Unauthorized", &[], b""),
        })
    });
    let transport = server.builder_in_memory().clock(Set::to(NOW)).build().unwrap();
    let call = server.call().authorization(oauth());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(transport.send(&call, verdict::by_status).await.unwrap().status.as_u16());
    }
    assert_eq!(statuses, [401, 200, 200]);
}

/// One of several tokens may be refused by its own fault: what helps the others is kept.
#[tokio::test(start_paused = true)]
async fn a_clock_that_helped_is_kept_and_told_once() {
    let server = Server::in_memory(|_, text| {
        let (_, rest) = text.split_once("oauth_timestamp=\"").unwrap();
        let timestamp: u64 = rest.split('"').next().unwrap().parse().unwrap();
        let good = timestamp.abs_diff(NOW) <= 300 && !text.contains("revoked");
        let status = if good { "200 OK" } else { "401 Unauthorized" };
        Reply::Late(Duration::from_millis(1), answer(status, &[("date", &http_date(NOW))], b""))
    });
    let told = Arc::new(Mutex::new(0));
    let heard = told.clone();
    let transport = server
        .builder_in_memory()
        .clock(Set::to(NOW + 3_600))
        .on_event(move |event| *heard.lock().unwrap() += u32::from(matches!(event, Event::ClockSkew { .. })))
        .build()
        .unwrap();
    let revoked = Credentials::consumer("key", "secret").with_token("revoked", "token-secret");
    let revoked = server.call().authorization(Authorization::oauth1(&revoked));
    let call = server.call().authorization(oauth());
    let send = |_| {
        let (transport, call) = (transport.clone(), call.clone());
        tokio::spawn(async move { transport.send(&call, verdict::by_status).await.unwrap().status })
    };
    let together: Vec<_> = (0..8).map(send).collect();
    for sent in together {
        assert_eq!(sent.await.unwrap(), 200);
    }
    assert_eq!(transport.send(&revoked, verdict::by_status).await.unwrap().status, 401);
    assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 1);
    assert_eq!(*told.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bearer_token_has_no_clock() {
    let server = Server::in_memory(|_, _| {
        Reply::Keep(answer("401 Unauthorized", &[("date", &http_date(NOW + 9_999))], b""))
    });
    let transport = server.builder_in_memory().clock(Set::to(NOW)).build().unwrap();
    let call = server.call().authorization(Authorization::Bearer("token".into()));
    assert_eq!(transport.send(&call, verdict::by_status).await.unwrap().attempts, 1);
}

/// Back an hour, ahead a day, while a call waits for what a 429 asks.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_moves_no_wait() {
    for jump in [-3_600_i64, 86_400] {
        for header in ["retry-after", "x-per-minute-reset"] {
            let clock = Set::to(NOW);
            let moved = clock.clone();
            let server = Server::in_memory(move |n, _| {
                if n > 0 {
                    return Reply::Keep(ok(b""));
                }
                *moved.0.lock().unwrap() = NOW.checked_add_signed(jump).unwrap();
                let until = if header == "retry-after" { "40".to_owned() } else { (NOW + 40).to_string() };
                let told = [(header, until.as_str()), ("date", &http_date(NOW))];
                Reply::Keep(answer("429 Too Many Requests", &told, b""))
            });
            let transport = server.builder_in_memory().clock(clock).build().unwrap();
            let call = server.call().authorization(oauth()).quota(&Quota::seeded(None, 1));
            let answer = transport.send(&call, verdict::by_status).await.unwrap();
            assert!((40..=42).contains(&answer.waited.as_secs()), "{jump} s, {header}: {:?}", answer.waited);
        }
    }
}

/// A process that was stopped for an hour finds all of its times over at once.
#[tokio::test(start_paused = true)]
async fn an_hour_that_was_slept_through_is_over() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"")));
    let transport = server.builder_in_memory().clock(Set::to(NOW)).build().unwrap();
    let call = server.call().authorization(oauth()).quota(&Quota::seeded(Some(1), 1));
    let send = || transport.send(&call, verdict::by_status);
    send().await.unwrap();
    let mut waiting = std::pin::pin!(send());
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting.as_mut()).await.is_err(), "it has to wait");
    tokio::time::advance(Duration::from_secs(3_600)).await;
    let woken = Instant::now();
    let answer = waiting.await.unwrap();
    assert!(woken.elapsed() < Duration::from_secs(2), "{:?}", woken.elapsed());
    assert_eq!((answer.attempts, server.connections()), (1, 2), "the old connection is too old");
}
