//! Is the emulator fast and small enough not to be what a test waits for?
//!
//! Client and emulator share the process and the machine, over real sockets. Run alone: `cargo bench -p
//! engagement-emulator`. Without `--bench`, which that gives it and `cargo test --benches` does not, everything is asked
//! once.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has failed, and prints"
)]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use engagement_emulator::{Class, Emulator};
use engagement_model::{Endpoint, TweetId};
use oauth_core::{Credentials, Request, Signer, Stamp, Timestamp};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

#[tokio::main]
async fn main() {
    let once = !std::env::args().any(|argument| argument == "--bench");
    let begun = Instant::now();
    let emulator = Emulator::builder().quota(u32::MAX).start().await.unwrap();
    let owned: Vec<TweetId> = emulator.tweets(Class::Owned, None, 250);
    let mut honest = Client::new(&emulator, Endpoint::Totals, &body(&owned[..1], Endpoint::Totals)).await;
    honest.ask().await;
    report("start to first answer", begun.elapsed(), "goal 100 ms");

    let history = body(&owned[..25], Endpoint::Historical);
    let mut client = Client::new(&emulator, Endpoint::Historical, &history).await;
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..if once { 1 } else { 40 } {
        let begun = Instant::now();
        bytes = client.ask().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    report("25 ids x 17 metrics x 672 hours, median", times[times.len() / 2], "goal 60 ms");
    println!("{:46} {bytes}", "its bytes, compressed");

    let requests = if once { 8 } else { 20_000 };
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::new(&emulator, Endpoint::Totals, &body(&owned, Endpoint::Totals)).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..requests / CONNECTIONS {
                client.ask().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    report("20,000 totals of 250 ids", begun.elapsed(), "goal 60 s");

    let mut honest = Client::new(&emulator, Endpoint::Totals, &body(&owned[..1], Endpoint::Totals)).await;
    let idle = percentile_99(&mut honest, once).await;
    let slow = besieged(&emulator, if once { 10 } else { 1_000 }).await;
    let mut honest = Client::new(&emulator, Endpoint::Totals, &body(&owned[..1], Endpoint::Totals)).await;
    let loaded = percentile_99(&mut honest, once).await;
    report("honest client's p99, idle", idle, "");
    report("the same beside 4,000 slow connections", loaded, "goal 3 x idle");
    drop(slow);
    let after = percentile_99(&mut honest, once).await;
    report("idle again", after, "what the machine is good for");
    println!("{:46} {} MiB (client included)", "most memory", peak_mib());
    assert_eq!(emulator.counters().panics, 0);
}

/// All metrics of an endpoint in one grouping of all its levels.
fn body(ids: &[TweetId], endpoint: Endpoint) -> String {
    let metrics: Vec<_> = endpoint.metrics().map(|metric| metric.name().to_owned()).collect();
    let levels: Vec<_> = endpoint.dimensions().iter().map(|dimension| dimension.name()).collect();
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    json!({"tweet_ids": ids, "engagement_types": metrics, "groupings": {"g": {"group_by": levels}}})
        .to_string()
}

/// One kept connection that asks the same thing, signed anew each time.
struct Client {
    stream: BufReader<TcpStream>,
    signer: Signer,
    head: String,
    body: String,
}

impl Client {
    async fn new(emulator: &Emulator, endpoint: Endpoint, body: &str) -> Self {
        let url = emulator.endpoint(endpoint);
        let credentials = Credentials::consumer("demo-consumer-key", "demo-consumer-secret")
            .with_token("1111-demo-access-token", "demo-token-secret");
        let signer = Signer::new(&Request::new("POST", &url), &credentials).unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nAuthorization: ",
            endpoint.path(),
            emulator.addr(),
            body.len()
        );
        let stream = TcpStream::connect(emulator.addr()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), signer, head, body: body.to_owned() }
    }

    /// Asks, and returns the size of the answer's body.
    async fn ask(&mut self) -> usize {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        let nonce = ASKED.fetch_add(1, Ordering::Relaxed).to_string();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let timestamp = Timestamp::new(now.as_secs()).unwrap();
        let authorization = self.signer.authorization(Stamp { timestamp, nonce: &nonce }).unwrap();
        let request = format!("{}{authorization}\r\n\r\n{}", self.head, self.body);
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length = length.split('\r').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        length
    }
}

/// Clients of four kinds that never finish what they begin.
async fn besieged(emulator: &Emulator, of_each: usize) -> Vec<TcpStream> {
    let beginnings: [&[u8]; 4] = [
        b"",
        b"POST /insights/engagement/totals HTTP/1.1\r\nHost: loc",
        b"POST /insights/engagement/totals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        b"GET /_emulator/tweets?class=owned&count=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    let mut slow = Vec::new();
    for n in 0..of_each * beginnings.len() {
        let mut stream = TcpStream::connect(emulator.addr()).await.unwrap();
        let _ = stream.write_all(beginnings[n % beginnings.len()]).await;
        slow.push(stream);
    }
    // What they ask for is worked off first: it is slowness that is measured, not work.
    tokio::time::sleep(Duration::from_secs(if of_each > 10 { 6 } else { 0 })).await;
    slow
}

async fn percentile_99(client: &mut Client, once: bool) -> Duration {
    let mut times = Vec::new();
    for _ in 0..if once { 2 } else { 2_000 } {
        let begun = Instant::now();
        client.ask().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn report(what: &str, time: Duration, goal: &str) {
    println!("{what:46} {:9.3} ms  {goal}", time.as_secs_f64() * 1_000.0);
}

/// The most that was resident, where the system tells.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// As many as the client keeps at once by default.
const CONNECTIONS: usize = 8;
