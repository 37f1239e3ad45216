//! Does an honest client notice that there are others?
//!
//! Beside one honest client there are thousands of slow connections, requests that cannot be read, and things never
//! seen before; and the emulator is killed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use engagement_model::Endpoint;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::served::{Client, Served, body, report};

pub(crate) async fn measure(measured: bool) {
    let scale = Scale::of(measured);
    println!("seed {SEED}");
    let mut missed = slow(&scale).await;
    missed.extend(malformed(&scale).await);
    novel(&scale).await;
    killed(&scale).await;
    assert!(missed.is_empty(), "missed: {}", missed.join("; "));
}

/// All of it at once, for minutes.
pub(crate) async fn besiege(measured: bool) {
    let scale = Scale::of(measured);
    println!("seed {SEED}");
    let served = Served::start(1);
    let owned = served.ids("owned", 25).await;
    let history = Arc::new(body(&owned, Endpoint::Historical));
    let question = body(&owned[..1], Endpoint::Totals);
    let mut idle = Duration::MAX;
    for _ in 0..scale.tries {
        let mut honest = Client::new(served.addr, Endpoint::Totals, &question).await;
        idle = idle.min(percentile_99(&honest.times(scale.paced, scale.pace).await));
    }

    let sent = Arc::new(AtomicU64::new(0));
    let mut siege = JoinSet::new();
    for kind in Slow::ALL {
        for _ in 0..scale.slow {
            siege.spawn(kind.dawdle(served.addr, Arc::clone(&history)));
        }
    }
    for _ in 0..SENDERS {
        siege.spawn(keep_sending(served.addr, Arc::clone(&sent), scale.pause));
    }
    tokio::time::sleep(scale.settle).await;

    let end = Instant::now() + scale.siege;
    let mut honest = Client::new(served.addr, Endpoint::Totals, &question).await;
    let mut least = Duration::MAX;
    let mut all = Vec::new();
    while all.is_empty() || Instant::now() < end {
        let times = honest.times(scale.paced, scale.pace).await;
        least = least.min(percentile_99(&times));
        all.extend(times);
    }
    no_complaint(&mut siege);
    drop(siege);
    all.sort_unstable();
    let whole = percentile_99(&all);
    let sent = sent.load(Ordering::Relaxed);
    println!("{:52} {sent:9}, beside {} slow connections", "malformed requests refused", 4 * scale.slow);
    println!("{:52} {:9}", "honest requests answered", all.len());
    report("their p99 over the whole siege", whole, "goal 50 ms");
    let ratio = least.as_secs_f64() / idle.as_secs_f64();
    report(
        &format!("the least of each {} requests", scale.paced),
        least,
        &format!("{ratio:.2} x idle; goal 3 x"),
    );
    nothing_smuggled(&served).await;
    judge_memory(&served).await;
    assert!(!measured || (whole <= MOST && ratio <= MOST_RATIO), "idle {idle:?}");
}

/// How much of everything.
struct Scale {
    slow: usize,
    malformed: u64,
    /// Requests by which an honest client's time is told.
    samples: usize,
    /// How often a time is taken, and how often at most until it is good enough.
    tries: usize,
    most_tries: usize,
    nonces: usize,
    strangers: usize,
    kills: usize,
    siege: Duration,
    /// Requests by which it is told during a siege, and the pause before each: without one, minutes of them would fill the
    /// memory of nonces.
    paced: usize,
    pace: Duration,
    settle: Duration,
    pause: Duration,
}

impl Scale {
    fn of(measured: bool) -> Self {
        if measured {
            Self {
                slow: 1_000,
                malformed: 10_000,
                samples: 3_000,
                tries: 3,
                most_tries: 10,
                nonces: 410_000,
                strangers: 1_000_000,
                kills: 20,
                siege: Duration::from_secs(300),
                paced: 1_000,
                pace: Duration::from_millis(10),
                settle: Duration::from_secs(3),
                pause: Duration::from_millis(8),
            }
        } else {
            Self {
                slow: 10,
                malformed: 200,
                samples: 10,
                tries: 1,
                most_tries: 1,
                nonces: 400,
                strangers: 400,
                kills: 1,
                siege: Duration::ZERO,
                paced: 10,
                pace: Duration::ZERO,
                settle: Duration::ZERO,
                pause: Duration::ZERO,
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.tries > 1
    }
}

/// E1: a thousand connections of each slow kind.
async fn slow(scale: &Scale) -> Vec<String> {
    let served = Served::start(1);
    let owned = served.ids("owned", 25).await;
    let history = Arc::new(body(&owned, Endpoint::Historical));
    let mut missed = Vec::new();
    for kind in Slow::ALL {
        missed.extend(
            beside(scale, &served, &format!("{} {kind:?} clients", scale.slow), || {
                let mut siege = JoinSet::new();
                for _ in 0..scale.slow {
                    siege.spawn(kind.dawdle(served.addr, Arc::clone(&history)));
                }
                siege
            })
            .await,
        );
    }
    judge_memory(&served).await;
    missed
}

/// E2, E3: requests that cannot be read, or that mean to make work; nothing hidden in one is ever answered.
async fn malformed(scale: &Scale) -> Option<String> {
    let served = Served::start(1);
    let sent = Arc::new(AtomicU64::new(0));
    let (addr, pause, most) = (served.addr, scale.pause, scale.malformed);
    let label = format!(
        "malformed requests, {} each second at most",
        u128::from(SENDERS) * 1_000 / pause.as_millis().max(1)
    );
    let siege = || {
        let mut siege = JoinSet::new();
        for _ in 0..SENDERS {
            siege.spawn(keep_sending(addr, Arc::clone(&sent), pause));
        }
        siege
    };
    let missed = beside(scale, &served, &label, siege).await;
    let mut rest = JoinSet::new();
    for _ in 0..SENDERS {
        let sent = Arc::clone(&sent);
        rest.spawn(async move {
            while sent.load(Ordering::Relaxed) < most {
                send_malformed(addr, sent.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
    }
    while let Some(sender) = rest.join_next().await {
        sender.unwrap();
    }
    println!("{:52} {:9}", "malformed requests refused", sent.load(Ordering::Relaxed));
    nothing_smuggled(&served).await;
    judge_memory(&served).await;
    missed
}

/// E4: nonces and tokens that were never seen before; ids are among the figures.
async fn novel(scale: &Scale) {
    let served = Served::start(1);
    let owned = served.ids("owned", 1).await;
    let mut client = Client::new(served.addr, Endpoint::Totals, &body(&owned, Endpoint::Totals)).await;
    let (mut good, mut full) = (0, 0);
    while good + full < scale.nonces {
        let statuses = client.ask_at_once(AT_ONCE).await;
        good += statuses.get(&200).copied().unwrap_or(0);
        full += statuses.get(&503).copied().unwrap_or(0);
        assert!(statuses.keys().all(|status| [200, 503].contains(status)), "{statuses:?}");
    }
    println!("{:52} {good:9}, then {full} times 503", "new nonces");
    assert_eq!(full > 0, scale.is_whole(), "the memory of nonces has no end, or hardly a beginning");

    let served_tokens = Served::start(1);
    let mut client = Client::for_request_tokens(served_tokens.addr).await;
    let (mut good, mut full) = (0, 0);
    while good + full < scale.nonces / 30 {
        let statuses = client.ask_at_once(AT_ONCE / 4).await;
        good += statuses.get(&200).copied().unwrap_or(0);
        full += statuses.get(&503).copied().unwrap_or(0);
    }
    println!("{:52} {good:9}, then {full} times 503", "new request tokens");
    assert_eq!(full > 0, scale.is_whole(), "request tokens have no end, or hardly a beginning");
    judge_memory(&served).await;
    judge_memory(&served_tokens).await;

    let served = Served::start(1);
    let mut client = Client::of_strangers(served.addr).await;
    for _ in 0..scale.strangers / AT_ONCE {
        let statuses = client.ask_at_once(AT_ONCE).await;
        assert_eq!(statuses.get(&401), Some(&AT_ONCE), "{statuses:?}");
    }
    let peak = served.peak_mib();
    println!("{:52} {:9}, in {peak} MiB; goal 64 MiB", "requests of strangers refused", scale.strangers);
    assert!(peak <= 64);
}

/// E8: killed while it is asked, and started again: the same answers.
async fn killed(scale: &Scale) {
    let mut first = None;
    for _ in 0..=scale.kills {
        let served = Served::start(SEED);
        let ids = served.ids("unowned", 20).await;
        let metric = Endpoint::Totals.metrics().next().unwrap();
        let truth = served
            .get(&format!("/_emulator/truth?tweet_id={}&metric={}&end=2024-03-01", ids[0], metric.name()))
            .await;
        let seen = (served.get("/_emulator/world").await["apps"].clone(), truth);
        let busy = tokio::spawn(Slow::Head.dawdle(served.addr, Arc::new(String::new())));
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen);
        served.kill();
        busy.abort();
    }
    println!("{:52} {:9}", "kills after which the same seed gave the same", scale.kills);
}

/// Measures an honest client alone and beside others, in turn. Of several tries the best of each counts: what is more
/// than that, the machine's other users have taken. Returns what was missed.
async fn beside(
    scale: &Scale,
    served: &Served,
    what: &str,
    mut siege: impl FnMut() -> JoinSet<()>,
) -> Option<String> {
    let owned = served.ids("owned", 1).await;
    let question = body(&owned, Endpoint::Totals);
    let (mut idle, mut loaded) = (Duration::MAX, Duration::MAX);
    let mut ratio = f64::INFINITY;
    for tried in 1..=scale.most_tries {
        let mut honest = Client::new(served.addr, Endpoint::Totals, &question).await;
        idle = idle.min(percentile_99(&honest.times(scale.samples, Duration::ZERO).await));
        let mut siege = siege();
        tokio::time::sleep(scale.settle).await;
        let mut honest = Client::new(served.addr, Endpoint::Totals, &question).await;
        loaded = loaded.min(percentile_99(&honest.times(scale.samples, Duration::ZERO).await));
        no_complaint(&mut siege);
        drop(siege);
        ratio = loaded.as_secs_f64() / idle.as_secs_f64();
        if tried >= scale.tries && ratio <= MOST_RATIO && loaded <= MOST {
            break;
        }
    }
    report(&format!("honest p99 beside {what}"), loaded, &format!("{ratio:.2} x idle; goal 3 x and 50 ms"));
    let reached = !scale.is_whole() || (ratio <= MOST_RATIO && loaded <= MOST);
    (!reached).then(|| format!("beside {what}: idle {idle:?}, loaded {loaded:?}"))
}

/// None of those who besiege ever ends by itself, unless it found something to complain about.
fn no_complaint(siege: &mut JoinSet<()>) {
    while let Some(ended) = siege.try_join_next() {
        ended.unwrap();
    }
}

async fn nothing_smuggled(served: &Served) {
    let requests = served.get("/_emulator/requests").await;
    assert!(requests["by_endpoint"]["unknown"].is_null(), "a request was read out of another: {requests}");
}

/// Of times that are sorted.
fn percentile_99(times: &[Duration]) -> Duration {
    times[times.len() * 99 / 100]
}

async fn judge_memory(served: &Served) {
    let peak = served.peak_mib();
    println!("{:52} {peak:9} MiB  goal 128 MiB", "most memory");
    assert!(peak <= 128);
    assert_eq!(served.panics().await, 0);
}

/// A client that means to hold on to its connection.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// Says nothing.
    Silent,
    /// A byte of the head each second.
    Head,
    /// A byte of the body each second.
    Body,
    /// Reads a byte of a large answer each second.
    Reader,
}

impl Slow {
    const ALL: [Self; 4] = [Self::Silent, Self::Head, Self::Body, Self::Reader];

    /// Until it is ended; a connection that is taken away is opened again.
    async fn dawdle(self, addr: SocketAddr, history: Arc<String>) {
        let head = format!("POST {} HTTP/1.1\r\nHost: {addr}\r\n", Endpoint::Totals.path());
        loop {
            match self {
                Self::Silent => silence(addr).await,
                Self::Head => drip(addr, "", &head).await,
                Self::Body => drip(addr, &format!("{head}Content-Length: 99\r\n\r\n"), &" ".repeat(99)).await,
                Self::Reader => {
                    sip(addr, &history).await;
                    // What it asks for is work. It is slowness that is measured.
                    std::future::pending::<()>().await;
                }
            }
            tokio::time::sleep(A_WHILE).await;
        }
    }
}

async fn silence(addr: SocketAddr) {
    if let Ok(mut stream) = TcpStream::connect(addr).await {
        let _ = stream.read_u8().await;
    }
}

async fn drip(addr: SocketAddr, first: &str, slowly: &str) {
    let Ok(mut stream) = TcpStream::connect(addr).await else { return };
    if stream.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    for byte in slowly.bytes() {
        tokio::time::sleep(A_WHILE).await;
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
    }
}

async fn sip(addr: SocketAddr, history: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut client = Client::over(socket.connect(addr).await.unwrap(), addr, Endpoint::Historical, history);
    client.sip(A_WHILE).await;
}

/// Malformed requests without end.
async fn keep_sending(addr: SocketAddr, sent: Arc<AtomicU64>, pause: Duration) {
    loop {
        send_malformed(addr, sent.fetch_add(1, Ordering::Relaxed)).await;
        tokio::time::sleep(pause).await;
    }
}

/// One of the kinds of request that cannot be read, with something of its own in it.
async fn send_malformed(addr: SocketAddr, number: u64) {
    let mut dice = SEED ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(dice >> 33).unwrap() % sides
    };
    let filler = "x".repeat(roll(200));
    let path = Endpoint::ALL[roll(3)].path();
    let post = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Filler: {filler}\r\n");
    let bearer = format!("{post}Accept-Encoding: gzip\r\nAuthorization: Bearer AAAAdemo%3Dtoken\r\n");
    let deep = "[".repeat(1 + roll(50_000));
    let request = match roll(22) {
        0 => format!("{post}Content-Length: 4\r\nContent-Length: {}\r\n\r\nabcd", 5 + roll(90)),
        1 => format!("{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        2 => format!("{post}Transfer-Encoding: chunked\r\n\r\n{}z\r\n{filler}\r\n0\r\n\r\n", roll(9)),
        3 => {
            format!("{post}Transfer-Encoding: {filler}chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        }
        4 => format!("{post}X-Folded: a\r\n {filler}\r\nContent-Length: 0\r\n\r\n"),
        5 => format!("{post}Content-Length : {}\r\n\r\n", roll(9)),
        6 => format!("{post}X-A: {filler}\nContent-Length: 0\r\n\r\n"),
        7 => format!("{post}X-A: {filler}\0\r\nContent-Length: 0\r\n\r\n"),
        8 => format!("{post}Content-Length: -{}\r\n\r\n", roll(99)),
        9 => format!("{post}Content-Length: {}\r\n\r\n{filler}", 1_usize << 30),
        10 => format!("{post}Transfer-Encoding: chunked\r\n\r\n{:x}0\r\n", u64::MAX - roll(99) as u64),
        11 => format!("{post}Host: {filler}.example\r\nContent-Length: 0\r\n\r\n"),
        12 => format!("GET {path}\t HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        13 => format!("POST {path} HTTP/{}.{}\r\nHost: localhost\r\n\r\n", 2 + roll(7), roll(9)),
        14 => format!("{post}{}\r\n", format!("X-Many: {filler}\r\n").repeat(500)),
        15 => format!("\x16\x03\x01{filler}\r\n\r\n"),
        16 => format!("{bearer}Connection: close\r\nContent-Length: {}\r\n\r\n{deep}", deep.len()),
        17 => format!("{bearer}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}"),
        18 => format!(
            "{bearer}Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{filler}",
            filler.len()
        ),
        19 => {
            let form = format!("{filler}=1&{}", "a&".repeat(roll(130_000) >> roll(8)));
            format!(
                "{post}{}Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{form}",
                forged(number),
                form.len()
            )
        }
        20 => format!(
            "POST {path}?{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}Content-Length: 0\r\n\r\n",
            "a&".repeat(roll(15_000)),
            forged(number)
        ),
        _ => format!(
            "{post}Authorization: OAuth {filler}=\"%{filler}\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ),
    };
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // A refusal may come, and the connection close, before all is written.
    let _ = stream
        .write_all(format!("{request}GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
        .await;
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection is left open after {request:?}");
    let text = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> =
        text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)).collect();
    // None where the connection was reset before the refusal was read.
    assert!(
        statuses.len() <= 1 && statuses.iter().all(|status| status.starts_with('4')),
        "{request:?}: {statuses:?}"
    );
}

/// A signature that is wrong, of an app that is known and at a time that is good.
fn forged(number: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    format!(
        "Accept-Encoding: gzip\r\nAuthorization: OAuth oauth_consumer_key=\"demo-consumer-key\", \
         oauth_nonce=\"forged{number}\", oauth_timestamp=\"{now}\", oauth_signature_method=\"HMAC-SHA1\", \
         oauth_signature=\"{}%3D\"\r\n",
        "A".repeat(27)
    )
}

const SEED: u64 = 20_240_306;
const SENDERS: u8 = 4;
const AT_ONCE: usize = 100;
const A_WHILE: Duration = Duration::from_secs(1);
const MOST_RATIO: f64 = 3.0;
const MOST: Duration = Duration::from_millis(50);
