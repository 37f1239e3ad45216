//! An emulator in a process of its own, so that its memory and time are nobody else's, and a client for it.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use engagement_emulator::Emulator;
use engagement_model::Endpoint;
use oauth_core::{Credentials, Request, Signer, Stamp, Timestamp};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};

/// What a bench's `main` does first: in the process that is to be the emulator it serves, as `engagement emulator` does
/// on one thread, and does not return before the bench ends.
pub(crate) fn serve_if_told() -> bool {
    if std::env::args().nth(1).as_deref() != Some(SERVE) {
        return false;
    }
    let seed = std::env::args().nth(2).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let emulator = Emulator::builder().seed(seed).quota(u32::MAX).start().await.unwrap();
        println!("{}", emulator.addr());
        // Nothing is ever written there: it ends with the bench, however that ends.
        let _ = tokio::io::stdin().read_u8().await;
    });
    true
}

/// The process.
pub(crate) struct Served {
    process: Child,
    pub(crate) addr: SocketAddr,
}

impl Served {
    pub(crate) fn start(seed: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, addr: line.trim().parse().unwrap() }
    }

    /// Ends it as the machine's failure would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ids of a class, by the test interface.
    pub(crate) async fn ids(&self, class: &str, count: usize) -> Vec<String> {
        let list = self.get(&format!("/_emulator/tweets?class={class}&count={count}")).await;
        list["tweet_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// What the test interface answers.
    pub(crate) async fn get(&self, target: &str) -> Value {
        let head = format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// How many requests of its own fault it has seen.
    pub(crate) async fn panics(&self) -> u64 {
        self.get("/_emulator/requests").await["panics"].as_u64().unwrap()
    }

    /// Processor time that it has used, in user and system; zero where the system does not tell.
    pub(crate) fn cpu(&self) -> Duration {
        cpu(&self.process.id().to_string())
    }

    /// The most memory that was resident, in MiB; zero where the system does not tell.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Fails if it has ended, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Processor time of a process; this one is called `self`.
pub(crate) fn cpu(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the program's name, which is in brackets and may hold anything.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux counts in hundredths of a second for every program.
    Duration::from_millis(ticks * 10)
}

/// All metrics of an endpoint in one grouping of all its levels.
pub(crate) fn body(ids: &[String], endpoint: Endpoint) -> String {
    let metrics: Vec<_> = endpoint.metrics().map(|metric| metric.name().to_owned()).collect();
    let levels: Vec<_> = endpoint.dimensions().iter().map(|dimension| dimension.name()).collect();
    json!({"tweet_ids": ids, "engagement_types": metrics, "groupings": {"g": {"group_by": levels}}})
        .to_string()
}

/// One kept connection that asks the same thing, signed anew each time.
pub(crate) struct Client {
    stream: BufStream<TcpStream>,
    credential: Credential,
    head: String,
    body: String,
}

impl Client {
    /// Asks an endpoint in the context of `demo_brand`.
    pub(crate) async fn new(addr: SocketAddr, endpoint: Endpoint, body: &str) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        Self::over(stream, addr, endpoint, body)
    }

    /// The same over a connection of one's own.
    pub(crate) fn over(stream: TcpStream, addr: SocketAddr, endpoint: Endpoint, body: &str) -> Self {
        let credentials = app().with_token("1111-demo-access-token", "demo-token-secret");
        Self::posting(stream, addr, endpoint.path(), body, |request| request, &credentials)
    }

    /// Asks for totals, each time as somebody whom nobody knows.
    pub(crate) async fn of_strangers(addr: SocketAddr) -> Self {
        let client = Self::new(addr, Endpoint::Totals, "{}").await;
        Self { credential: Credential::Unknown, ..client }
    }

    /// Asks for request tokens.
    pub(crate) async fn for_request_tokens(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        Self::posting(stream, addr, "/oauth/request_token", "", |request| request.callback("oob"), &app())
    }

    fn posting(
        stream: TcpStream,
        addr: SocketAddr,
        path: &str,
        body: &str,
        more: impl for<'a> FnOnce(Request<'a>) -> Request<'a>,
        credentials: &Credentials,
    ) -> Self {
        let url = format!("http://{addr}{path}");
        let signer = Signer::new(&more(Request::new("POST", &url)), credentials).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nAuthorization: ",
            body.len()
        );
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufStream::new(stream),
            credential: Credential::Signed(Box::new(signer)),
            head,
            body: body.to_owned(),
        }
    }

    /// Asks, and returns status and size of the answer's body.
    pub(crate) async fn ask(&mut self) -> (u16, usize) {
        self.send().await;
        self.stream.flush().await.unwrap();
        self.receive().await
    }

    /// Asks so many times without waiting for each answer, and returns how often each status came.
    pub(crate) async fn ask_at_once(&mut self, count: usize) -> BTreeMap<u16, usize> {
        for _ in 0..count {
            self.send().await;
        }
        self.stream.flush().await.unwrap();
        let mut statuses = BTreeMap::new();
        for _ in 0..count {
            *statuses.entry(self.receive().await.0).or_default() += 1;
        }
        statuses
    }

    /// Asks, and reads a byte of the answer each `pause` until the connection ends.
    pub(crate) async fn sip(&mut self, pause: Duration) {
        self.send().await;
        self.stream.flush().await.unwrap();
        let stream = self.stream.get_mut();
        while matches!(stream.read(&mut [0]).await, Ok(1)) {
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(&mut self) {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        let authorization = self.credential.authorization(ASKED.fetch_add(1, Ordering::Relaxed));
        for part in [self.head.as_str(), &authorization, "\r\n\r\n", &self.body] {
            self.stream.write_all(part.as_bytes()).await.unwrap();
        }
    }

    async fn receive(&mut self) -> (u16, usize) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length = length.split('\r').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        (status, length)
    }

    /// How long each of `count` answers took, the quickest first. There is a pause after each.
    pub(crate) async fn times(&mut self, count: usize, pause: Duration) -> Vec<Duration> {
        let mut times = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            assert_eq!(self.ask().await.0, 200);
            times.push(begun.elapsed());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        times.sort_unstable();
        times
    }
}

/// By what a client is known.
enum Credential {
    Signed(Box<Signer>),
    /// A bearer token, consumer key or access token that there is not, or a signature of nobody's, in turn.
    Unknown,
}

impl Credential {
    /// The header of the n-th request.
    fn authorization(&self, n: u64) -> String {
        let nonce = n.to_string();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let timestamp = Timestamp::new(now.as_secs()).unwrap();
        let (key, token) = match (self, n % 4) {
            (Self::Signed(signer), _) => {
                return signer.authorization(Stamp { timestamp, nonce: &nonce }).unwrap();
            }
            (Self::Unknown, 0) => return format!("Bearer {n}"),
            (Self::Unknown, 1) => (nonce.as_str(), "1111-demo-access-token"),
            (Self::Unknown, 2) => ("demo-consumer-key", nonce.as_str()),
            (Self::Unknown, _) => ("demo-consumer-key", "1111-demo-access-token"),
        };
        format!(
            "OAuth oauth_consumer_key=\"{key}\", oauth_token=\"{token}\", oauth_nonce=\"{n}\", \
             oauth_timestamp=\"{}\", oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"AAAA\"",
            now.as_secs()
        )
    }
}

fn app() -> Credentials {
    Credentials::consumer("demo-consumer-key", "demo-consumer-secret")
}

/// Prints a figure.
pub(crate) fn report(what: &str, time: Duration, goal: &str) {
    println!("{what:52} {:9.3} ms  {goal}", time.as_secs_f64() * 1_000.0);
}

const SERVE: &str = "--serve";
