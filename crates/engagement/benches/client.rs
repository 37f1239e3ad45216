//! What does accounting for every Tweet cost beside asking and decoding?
//!
//! The client asks for totals, full requests one at a time or eight, and every row of the answers is taken. What it is
//! held against is the sum of two: hyper-util's legacy client posting the same bodies and inflating with the same
//! flate2, and the model decoding the same answers, which are in the CPU's cache as they are when they have just been
//! inflated. The rival decoding each answer as it comes is measured beside it: two measured apart have the caches to
//! themselves, and two in one do not.
//!
//! The server is another process on the same CPU: on two, what the kernel takes for waking it, and what the CPUs take
//! from each other where they are threads of one core, changes the sum by a third from one run to the next. Runs are
//! interleaved, and a ratio is the median of those of each round. Time is what this process's threads spent on the CPU.
//!
//! `cargo bench -p engagement --bench client` measures and prints, and fails where a ratio is missed that is promised;
//! anything else makes a few requests of each kind.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reports to the terminal and may fail loudly"
)]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, SystemTime},
};

use cpu_time::ProcessTime;
use engagement::{
    App, Client,
    model::{
        Dimension, Endpoint, Grouping, Metric, Request, Row, TweetId,
        answer::{Answer, Limits},
    },
    transport::Proxy,
};
use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "serve") {
        serve();
        return ExitCode::SUCCESS;
    }
    let measuring = arguments.iter().any(|argument| argument == "--bench");
    let (rounds, requests) = if measuring { (31, 400) } else { (1, 8) };
    let mut all_kept = true;
    keep_to_one_cpu();
    let server = Server::start();
    println!("in flight   client   legacy client   decoding   ratio   in one   ratio   (CPU µs a request)");
    for in_flight in [1, 8] {
        // The server then has all its answers.
        post(&server, in_flight, requests, false);
        let mut runs: Vec<[f64; 6]> = (0..rounds)
            .map(|_| {
                let client = ask(&server, in_flight, requests);
                let rival = post(&server, in_flight, requests, false);
                let decoding = decode(requests);
                let in_one = post(&server, in_flight, requests, true);
                [client, rival, decoding, client / (rival + decoding), in_one, client / in_one]
            })
            .collect();
        let mut median = |figure: usize| {
            runs.sort_by(|a, b| a[figure].total_cmp(&b[figure]));
            runs[runs.len() / 2][figure]
        };
        let [client, rival, decoding, ratio, in_one, to_one] = [0, 1, 2, 3, 4, 5].map(&mut median);
        let kept = ratio <= MOST;
        let verdict = if kept || !measuring { "" } else { "   missed" };
        println!(
            "{in_flight:9} {client:8.1} {rival:15.1} {decoding:10.1} {ratio:7.2} {in_one:8.1} {to_one:7.2}{verdict}"
        );
        all_kept &= kept;
    }
    // A few requests are enough to see that it runs, and not to judge.
    if all_kept || !measuring { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// This process, and those that it starts from now on.
fn keep_to_one_cpu() {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let allowed = sched_getaffinity(None).unwrap();
        let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).unwrap();
    }
}

/// What the client may cost, of what the two cost together.
const MOST: f64 = 1.1;

/// The client, from ids to rows.
fn ask(server: &Server, in_flight: usize, requests: usize) -> f64 {
    runtime().block_on(async {
        let client = Client::builder()
            .base_url(&server.url)
            .app(App::consumer("key", "secret"))
            .concurrency(in_flight)
            .transport(|transport| transport.proxy(Proxy::none()))
            .build()
            .unwrap();
        let ask = async |ids: Vec<TweetId>| {
            let requests = ids.len() / FULL;
            let mut outcomes = client.totals(ids).send().unwrap();
            let mut values = 0;
            while let Some(batch) = outcomes.next().await {
                values += count_values(&batch.rows);
            }
            assert_eq!(values, requests * FULL * metrics().count());
            assert_eq!(outcomes.effort().requests, requests as u64);
        };
        // Connections are open then.
        ask(ids(in_flight)).await;
        let ids = ids(requests);
        let before = cpu_time();
        ask(ids).await;
        micros(cpu_time() - before, requests)
    })
}

/// The rival, from bodies to inflated bodies, or to rows.
fn post(server: &Server, in_flight: usize, requests: usize, decodes: bool) -> f64 {
    let asked: Vec<(Request, String)> =
        asked(requests).into_iter().map(|request| (request.clone(), request.to_json())).collect();
    let url: http::Uri = format!("{}{}", server.url, Endpoint::Totals.path()).parse().unwrap();
    runtime().block_on(async {
        let client: legacy::Client<_, Full<bytes::Bytes>> =
            legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        let post = async |asked: &[(Request, String)]| {
            let posts = asked.iter().map(|(asked, body)| {
                let request = http::Request::post(url.clone())
                    .header("content-type", "application/json")
                    .header("accept-encoding", "gzip")
                    .header("authorization", "Bearer token")
                    .body(Full::from(body.clone()))
                    .unwrap();
                let client = &client;
                async move {
                    let packed = client.request(request).await.unwrap().into_body().collect().await.unwrap();
                    let mut inflated = Vec::new();
                    MultiGzDecoder::new(&packed.to_bytes()[..]).read_to_end(&mut inflated).unwrap();
                    if decodes { take(asked, &inflated) } else { inflated.len() }
                }
            });
            let lengths: Vec<_> = stream::iter(posts).buffer_unordered(in_flight).collect().await;
            let least = if decodes { FULL * metrics().count() } else { FULL * 20 };
            assert!(lengths.iter().all(|length| *length >= least));
        };
        post(&asked[..in_flight.min(asked.len())]).await;
        let before = cpu_time();
        post(&asked).await;
        micros(cpu_time() - before, requests)
    })
}

/// The decoder alone.
fn decode(requests: usize) -> f64 {
    let asked = asked(requests);
    let bodies: Vec<_> = asked.iter().map(|request| answer(&request.to_json())).collect();
    let mut spent = Duration::ZERO;
    let mut body = Vec::new();
    for (request, inflated) in asked.iter().zip(&bodies) {
        body.clone_from(inflated);
        let before = cpu_time();
        assert_eq!(take(request, &body), FULL * metrics().count());
        spent += cpu_time() - before;
    }
    micros(spent, requests)
}

/// Decodes, and takes each row.
fn take(request: &Request, body: &[u8]) -> usize {
    count_values(&Answer::decode(request, body, &Limits::default()).unwrap().rows)
}

fn count_values(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.outcome.value().is_some()).count()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn micros(time: Duration, requests: usize) -> f64 {
    time.as_secs_f64() * 1e6 / requests as f64
}

/// Time that this process's threads were on a CPU.
fn cpu_time() -> Duration {
    ProcessTime::now().as_duration()
}

/// Ids of Tweets made ten days ago, enough to fill so many requests.
fn ids(requests: usize) -> Vec<TweetId> {
    static FIRST: LazyLock<u64> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() * 1_000;
        (now - 10 * 24 * 3_600_000 - 1_288_834_974_657) << 22
    });
    let first = *FIRST;
    (0..requests * FULL).map(|n| TweetId::new(first + n as u64 * 7_919).unwrap()).collect()
}

/// The same as the client asks.
fn asked(requests: usize) -> Vec<Request> {
    let by_tweet = Grouping::new("engagement", [Dimension::TweetId, Dimension::EngagementType]).unwrap();
    let request =
        |ids: &[TweetId]| Request::totals(ids.iter().copied(), metrics(), [by_tweet.clone()]).unwrap();
    ids(requests).chunks(FULL).map(request).collect()
}

/// What an app may read of anybody's Tweets.
fn metrics() -> impl Iterator<Item = Metric> {
    Endpoint::Totals.metrics().filter(Metric::is_public)
}

const FULL: usize = 250;

/// The server's answer to a request: every Tweet in it has every metric.
fn answer(request: &str) -> Vec<u8> {
    let ids =
        request.split('"').filter(|text| text.len() > 15 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let counts: Vec<_> = metrics()
        .enumerate()
        .map(|(n, metric)| format!("\"{metric}\":\"{}\"", (n + 3) * 1_237 % 991))
        .collect();
    let counts = counts.join(",");
    let tweets: Vec<_> = ids.map(|id| format!("\"{id}\":{{{counts}}}")).collect();
    format!("{{\"engagement\":{{{}}}}}", tweets.join(",")).into_bytes()
}

struct Server {
    url: String,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut process = Command::new(program).arg("serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { url: format!("http://127.0.0.1:{}", port.trim()), process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone then, or has been.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// The other process.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let answers = Arc::<Answers>::default();
    for stream in listener.incoming() {
        let answers = answers.clone();
        std::thread::spawn(move || converse(stream.unwrap(), &answers));
    }
}

/// What was answered before, by the body of the request: packing it again would take more than the client does, on the
/// same machine.
type Answers = Mutex<HashMap<Vec<u8>, Arc<Vec<u8>>>>;

/// Answers one request after the other. `None` when the client has gone.
fn converse(mut stream: TcpStream, answers: &Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut from = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        let known = answers.lock().ok()?.get(&body).cloned();
        let whole = match known {
            Some(whole) => whole,
            None => {
                let whole = Arc::new(response(std::str::from_utf8(&body).ok()?)?);
                answers.lock().ok()?.insert(body, whole.clone());
                whole
            }
        };
        stream.write_all(&whole).ok()?;
    }
}

/// An answer as it is sent.
fn response(request: &str) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(&answer(request)).ok()?;
    let packed = packer.finish().ok()?;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        packed.len()
    );
    Some([head.as_bytes(), &packed].concat())
}
