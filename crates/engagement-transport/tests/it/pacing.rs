use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use engagement_transport::{
    Advice, Call, Clock, ErrorKind, Event, Quota, Stop, Transport, Verdict, Waiting, verdict,
};
use tokio::time::Instant;

use crate::server::{Reply, Server, answer, http_date, ok};

const EPOCH: u64 = 1_700_000_000;

/// The paused clock as a wall clock, possibly wrong.
struct Wall {
    begun: Instant,
    skew: i64,
}

impl Clock for Wall {
    fn now(&self) -> SystemTime {
        let epoch = EPOCH.checked_add_signed(self.skew).unwrap();
        SystemTime::UNIX_EPOCH + Duration::from_secs(epoch) + self.begun.elapsed()
    }
}

/// A server that allows `limit` calls in each whole minute of its clock, and tells of it as far as `telling` goes.
#[derive(Clone)]
struct Meter {
    begun: Instant,
    limit: Arc<AtomicUsize>,
    used: Arc<Mutex<(u64, usize)>>,
    /// Calls that somebody else makes in each minute, at its beginning.
    rival: usize,
    telling: Telling,
}

#[derive(Clone, Copy, PartialEq)]
enum Telling {
    Everything,
    NoReset,
    Nothing,
}

impl Meter {
    fn new(limit: usize, telling: Telling) -> Self {
        Self {
            begun: Instant::now(),
            limit: Arc::new(AtomicUsize::new(limit)),
            used: Arc::default(),
            rival: 0,
            telling,
        }
    }

    fn reply(&self) -> Reply {
        let now = self.begun.elapsed();
        let minute = now.as_secs() / 60;
        let limit = self.limit.load(Ordering::SeqCst);
        let mut used = self.used.lock().unwrap();
        if used.0 != minute {
            *used = (minute, 0);
        }
        if used.1 == 0 {
            used.1 = self.rival;
        }
        let refused = used.1 >= limit;
        used.1 += usize::from(!refused);
        let (limit_text, remaining) = (limit.to_string(), (limit - used.1.min(limit)).to_string());
        let reset = (EPOCH + (minute + 1) * 60).to_string();
        let date = http_date(EPOCH + now.as_secs());
        let mut headers = vec![("date", date.as_str())];
        if self.telling != Telling::Nothing {
            headers.extend([
                ("x-per-minute-limit", limit_text.as_str()),
                ("x-per-minute-remaining", &remaining),
            ]);
        }
        if self.telling == Telling::Everything {
            headers.push(("x-per-minute-reset", &reset));
        }
        let status = if refused { "429 Too Many Requests" } else { "200 OK" };
        Reply::Late(Duration::from_millis(80), answer(status, &headers, b""))
    }

    fn serve(&self) -> Server {
        let meter = self.clone();
        Server::in_memory(move |_, _| meter.reply())
    }

    fn transport(&self, server: &Server, skew: i64) -> Transport {
        server.builder_in_memory().clock(Wall { begun: self.begun, skew }).build().unwrap()
    }
}

/// Makes `count` calls from as many tasks as `abreast`, all of which must be answered.
async fn make(transport: &Transport, call: &Call, count: usize, abreast: usize) {
    let left = Arc::new(AtomicUsize::new(count));
    let tasks: Vec<_> = (0..abreast)
        .map(|_| {
            let (transport, call, left) = (transport.clone(), call.clone(), left.clone());
            tokio::spawn(async move {
                while left.try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                    let answer = transport.send(&call, verdict::by_status).await.unwrap();
                    assert_eq!(answer.status.as_u16(), 200);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// The most requests in any 60 seconds, wherever they begin.
fn densest_minute(server: &Server) -> usize {
    let times: Vec<_> = server.seen().iter().map(|request| request.at).collect();
    let within = |from: Instant| {
        times.iter().filter(|at| **at >= from && **at < from + Duration::from_secs(60)).count()
    };
    times.iter().map(|from| within(*from)).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_given_quota_is_never_exceeded_and_hardly_wasted() {
    let server = Server::in_memory(|_, _| Reply::Late(Duration::from_millis(120), ok(b"")));
    let transport = server.builder_in_memory().build().unwrap();
    let call = server.call().quota(&Quota::seeded(Some(60), 3));
    let begun = Instant::now();
    make(&transport, &call, 600, 64).await;
    assert!(densest_minute(&server) <= 60, "{}", densest_minute(&server));
    let ideal = Duration::from_secs(9 * 60);
    assert!(begun.elapsed() < ideal.mul_f64(1.05), "{:?} for {ideal:?}", begun.elapsed());
    assert_eq!(transport.counters().refusals, 0);
}

#[tokio::test(start_paused = true)]
async fn a_learnt_quota_needs_no_more_than_the_first_answers() {
    for telling in [Telling::Everything, Telling::NoReset] {
        for skew in [0, -7_200, 86_400] {
            let meter = Meter::new(30, telling);
            let server = meter.serve();
            let transport = meter.transport(&server, skew);
            let call = server.call().quota(&Quota::seeded(None, 3));
            make(&transport, &call, 300, 8).await;
            assert!(densest_minute(&server) <= 30, "{}", densest_minute(&server));
            assert_eq!(transport.counters().refusals, 0);
            assert!(meter.begun.elapsed() < Duration::from_secs(10 * 60), "{:?}", meter.begun.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_headers_a_refusal_costs_the_rest_of_the_minute_for_everybody() {
    let meter = Meter::new(30, Telling::Nothing);
    let server = meter.serve();
    let transport = meter.transport(&server, 0);
    let call = server.call().quota(&Quota::seeded(None, 3));
    make(&transport, &call, 120, 8).await;
    assert!(transport.counters().refusals <= 4 * 8, "{}", transport.counters().refusals);
    assert!(meter.begun.elapsed() < Duration::from_secs(6 * 60), "{:?}", meter.begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_a_rival_uses_is_left_to_it() {
    let meter = Meter { rival: 40, ..Meter::new(60, Telling::Everything) };
    let server = meter.serve();
    let transport = meter.transport(&server, 0);
    let quota = Quota::seeded(None, 3);
    let call = server.call().quota(&quota);
    make(&transport, &call, 200, 8).await;
    let refusals = transport.counters().refusals;
    assert!(refusals <= 2, "{refusals} refusals");
    assert!(meter.begun.elapsed() < Duration::from_secs(11 * 60), "{:?}", meter.begun.elapsed());

    let alone = Meter { rival: 0, ..meter.clone() };
    let server = alone.serve();
    let transport = alone.transport(&server, 0);
    let begun = Instant::now();
    make(&transport, &server.call().quota(&quota), 180, 8).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5 * 60),
        "recovers within two windows: {:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_lowered_in_mid_run_is_obeyed_at_once() {
    let meter = Meter::new(60, Telling::Everything);
    let server = meter.serve();
    let transport = meter.transport(&server, 0);
    let quota = Quota::seeded(None, 3);
    let call = server.call().quota(&quota);
    make(&transport, &call, 60, 8).await;
    meter.limit.store(20, Ordering::SeqCst);
    let before = transport.counters().refusals;
    make(&transport, &call, 60, 8).await;
    assert!(transport.counters().refusals - before <= 2 * 8);
    assert_eq!(quota.snapshot().per_minute, Some(20));
    let settled = transport.counters().refusals;
    make(&transport, &call, 60, 8).await;
    assert_eq!(transport.counters().refusals, settled);
}

#[tokio::test(start_paused = true)]
async fn tasks_released_together_do_not_start_together() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"")));
    let transport = server.builder_in_memory().build().unwrap();
    let call = server.call().quota(&Quota::seeded(Some(60), 3));
    make(&transport, &call, 120, 64).await;
    let seen = server.seen();
    let second_minute: Vec<_> = seen[60..].iter().map(|request| request.at).collect();
    let busiest = second_minute
        .iter()
        .map(|from| {
            second_minute
                .iter()
                .filter(|at| **at >= *from && **at < *from + Duration::from_millis(50))
                .count()
        })
        .max();
    assert!(busiest < Some(8), "{busiest:?} of 60 within 50 ms");
}

#[tokio::test(start_paused = true)]
async fn a_429_waits_as_its_headers_say_or_a_minute() {
    let now = EPOCH;
    for (headers, least, most) in [
        (vec![("retry-after", "7".to_owned())], 7, 9),
        (vec![("retry-after", http_date(now + 30))], 29, 32),
        (vec![("x-per-minute-reset", (now + 20).to_string())], 19, 22),
        (
            vec![("x-per-second-reset", (now + 2).to_string()), ("x-per-second-remaining", "0".to_owned())],
            1,
            4,
        ),
        (vec![("retry-after", "900".to_owned())], 900, 902),
        (vec![], 58, 62),
        (vec![("retry-after", "0".to_owned())], 58, 62),
        (vec![("retry-after", "-1".to_owned())], 58, 62),
        (vec![("retry-after", "901".to_owned())], 58, 62),
        (vec![("retry-after", "\u{b2}".to_owned())], 58, 62),
        (vec![("retry-after", http_date(now - 30))], 58, 62),
        (vec![("x-per-minute-reset", (now - 5).to_string())], 58, 62),
        (vec![("x-per-minute-reset", "99999999999999999999".to_owned())], 58, 62),
        (vec![("x-per-minute-reset", "soon".to_owned())], 58, 62),
    ] {
        for quota in [None, Some(Quota::seeded(None, 1))] {
            let begun = Instant::now();
            let listed = headers.clone();
            let server = Server::in_memory(move |n, _| {
                let date = http_date(EPOCH + begun.elapsed().as_secs());
                let mut all = vec![("date", date.as_str())];
                all.extend(listed.iter().map(|(name, value)| (*name, value.as_str())));
                Reply::Keep(if n == 0 { answer("429 Slow Down", &all, b"") } else { ok(b"") })
            });
            // A wrong clock of our own must not matter.
            let transport = server.builder_in_memory().clock(Wall { begun, skew: 5_000 }).build().unwrap();
            let mut call = server.call();
            if let Some(quota) = &quota {
                call = call.quota(quota);
            }
            let answer = transport.send(&call, verdict::by_status).await.unwrap();
            let bounds = Duration::from_secs(least)..=Duration::from_secs(most);
            assert!(bounds.contains(&begun.elapsed()), "{headers:?}: {:?}", begun.elapsed());
            assert_eq!(answer.attempts, 2);
            assert!(answer.waited >= Duration::from_secs(least));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refused_for_ever_it_gives_up_and_says_when_to_come_back() {
    let begun = Instant::now();
    for quota in [None, Some(Quota::seeded(None, 1))] {
        let server =
            Server::in_memory(|_, _| Reply::Keep(answer("429 Slow Down", &[("retry-after", "60")], b"no")));
        let transport = server.builder_in_memory().clock(Wall { begun, skew: 0 }).build().unwrap();
        let mut call = server.call();
        if let Some(quota) = &quota {
            call = call.quota(quota);
        }
        let error = transport.send(&call, verdict::by_status).await.unwrap_err();
        assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Quota, Stop::Attempts, 5));
        assert!(error.is_quota());
        let Advice::At(back) = error.advice() else { panic!("{:?}", error.advice()) };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH) + begun.elapsed();
        let ahead = back.duration_since(now).unwrap();
        assert!((60..=61).contains(&ahead.as_secs()), "{ahead:?}");
        assert_eq!(error.answer().unwrap().words(), "no");
    }
}

#[tokio::test(start_paused = true)]
async fn patience_has_an_end() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"")));
    let transport = server.builder_in_memory().max_quota_wait(Duration::from_secs(10)).build().unwrap();
    let call = server.call().quota(&Quota::seeded(Some(1), 1));
    transport.send(&call, verdict::by_status).await.unwrap();
    let begun = Instant::now();
    let error = transport.send(&call, verdict::by_status).await.unwrap_err();
    assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Quota, Stop::Patience, 0));
    assert!(matches!(error.advice(), Advice::At(_)));
    assert_eq!(begun.elapsed(), Duration::ZERO, "a wait that is too long is not begun");
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_is_given_up_at_once() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"")));
    let transport = server.builder_in_memory().max_quota_wait(Duration::MAX).build().unwrap();
    for call in [server.call(), server.call().quota(&Quota::seeded(None, 1))] {
        let error =
            transport.send(&call, |_, _| Verdict::Wait { after: Some(Duration::MAX) }).await.unwrap_err();
        assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Quota, Stop::Patience, 1));
        assert!(matches!(error.advice(), Advice::At(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn one_quota_does_not_hold_up_another() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"")));
    let transport = server.builder_in_memory().max_connections(2).build().unwrap();
    let slow = server.call().quota(&Quota::seeded(Some(1), 1));
    let quick = server.call().quota(&Quota::seeded(Some(1_000), 1));
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let (transport, slow) = (transport.clone(), slow.clone());
            tokio::spawn(async move { transport.send(&slow, verdict::by_status).await.unwrap() })
        })
        .collect();
    let begun = Instant::now();
    make(&transport, &quick, 100, 4).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    for task in waiting {
        task.await.unwrap();
    }
    assert!(begun.elapsed() > Duration::from_secs(4 * 60));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_gives_its_turn_back() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"")));
    let transport = server.builder_in_memory().build().unwrap();
    let quota = Quota::seeded(Some(2), 1);
    let call = server.call().quota(&quota);
    for _ in 0..2 {
        transport.send(&call, verdict::by_status).await.unwrap();
    }
    for _ in 0..10 {
        let given_up =
            tokio::time::timeout(Duration::from_secs(1), transport.send(&call, verdict::by_status)).await;
        assert!(given_up.is_err());
    }
    let begun = Instant::now();
    make(&transport, &call, 2, 2).await;
    assert!(begun.elapsed() < Duration::from_secs(62), "{:?}", begun.elapsed());
    assert_eq!(quota.snapshot().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn per_second_limits_are_kept_too() {
    let server = Server::in_memory(|_, _| {
        Reply::Keep(answer("200 OK", &[("x-per-second-limit", "5"), ("x-per-minute-limit", "100")], b""))
    });
    let transport = server.builder_in_memory().build().unwrap();
    let quota = Quota::seeded(None, 1);
    let call = server.call().quota(&quota);
    transport.send(&call, verdict::by_status).await.unwrap();
    make(&transport, &call, 50, 16).await;
    let times: Vec<_> = server.seen().iter().map(|request| request.at).collect();
    for (first, sixth) in times.iter().zip(times.iter().skip(5)) {
        assert!(*sixth - *first > Duration::from_secs(1));
    }
    assert_eq!((quota.snapshot().per_second, quota.snapshot().per_minute), (Some(5), Some(100)));
}

#[tokio::test(start_paused = true)]
async fn nonsense_in_the_headers_teaches_nothing() {
    let nonsense = ["-1", "0", "\u{b2}", "1e3", "99999999999999999999", "", "ten", "4294967296"];
    let server = Server::in_memory(move |n, _| {
        let value = nonsense[n % nonsense.len()];
        Reply::Keep(answer("200 OK", &[("x-per-minute-limit", value), ("x-per-second-limit", value)], b""))
    });
    let transport = server.builder_in_memory().build().unwrap();
    let quota = Quota::seeded(None, 1);
    let begun = Instant::now();
    make(&transport, &server.call().quota(&quota), 100, 4).await;
    assert_eq!((quota.snapshot().per_minute, quota.snapshot().per_second), (None, None));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn waits_and_lessons_are_told() {
    let meter = Meter::new(2, Telling::Everything);
    let server = meter.serve();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let transport = server
        .builder_in_memory()
        .clock(Wall { begun: meter.begun, skew: 0 })
        .on_event(move |event| match event {
            Event::QuotaLearnt { per_minute, .. } => {
                heard.lock().unwrap().push(format!("learnt {per_minute:?}"));
            }
            Event::Waiting { why, delay, until, .. } => {
                let until = until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
                assert!(delay.as_secs() <= 61 && until - EPOCH <= 61);
                heard.lock().unwrap().push(match why {
                    Waiting::Minute | Waiting::ServerWindow => "waits for the minute".to_owned(),
                    other => format!("{other:?}"),
                });
            }
            _ => {}
        })
        .build()
        .unwrap();
    let call = server.call().quota(&Quota::seeded(None, 1));
    for _ in 0..3 {
        transport.send(&call, verdict::by_status).await.unwrap();
    }
    assert_eq!(*told.lock().unwrap(), ["learnt Some(2)", "waits for the minute"]);
}
