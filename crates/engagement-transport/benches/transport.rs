//! What do signing, limits, retries and pacing cost beside a bare pooled client?
//!
//! The rival is hyper-util's legacy client with the same connector, posting the same bodies and inflating with the same
//! flate2. Both ask a server in another process; runs are interleaved and medians compared. Client CPU is read from the
//! scheduler, so that the server's does not count. `cold` runs count from the building of the client on, so they
//! contain the loading of certificates and the opening of connections; the others begin when all is warm. A ratio is
//! the median of those of the pairs of runs, because what else the machine does changes from one pair to the next.
//! Over HTTP/2 (feature `http2`) the server sends the frames that are ready together, as servers do.
//!
//! `cargo bench -p engagement-transport` measures and prints; words after `--` choose the titles that hold one of them.
//! The bounds that the crate promises are checked: a missed one is marked, and the exit code is 1. Anything else, `cargo test --benches` for instance, makes a few calls of each kind to keep it alive.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reports to the terminal and may fail loudly"
)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engagement_transport::{Authorization, Call, Proxy, Quota, Replay, Transport, Url, verdict};
use flate2::bufread::MultiGzDecoder;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_tls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use oauth_core::Credentials;

#[path = "../tests/it/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "its tests are not run here")]
#[path = "../src/gathered.rs"]
mod gathered;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "serve") {
        serve();
        return ExitCode::SUCCESS;
    }
    let mut all_kept = true;
    let measuring = arguments.iter().any(|argument| argument == "--bench");
    let (runs, warm, cold) = if measuring {
        (5, Stint::Time(Duration::from_millis(1_500)), Stint::Calls(2_000))
    } else {
        (1, Stint::Calls(20), Stint::Calls(20))
    };
    let chosen: Vec<_> = arguments.iter().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!("client                 requests/s   CPU µs/request    p50 µs    p99 µs   connections");
    for (title, scheme, in_flight, stint, bounds) in [
        ("http, 1 in flight", "http", 1, warm, NO_DEARER),
        ("http, 8 in flight", "http", 8, warm, NO_DEARER),
        ("https, 8 in flight", "https", 8, warm, Bounds::NONE),
        ("https, 64 in flight", "https", 64, warm, Bounds::NONE),
        ("https, 64 in flight, cold", "https", 64, cold, QUICKER),
        #[cfg(feature = "http2")]
        ("https, 64 in flight, transport over HTTP/2", "https", 64, warm, QUICKER),
    ] {
        if !chosen.is_empty() && !chosen.iter().any(|word| title.contains(*word)) {
            continue;
        }
        let mut ours = Vec::new();
        let mut rivals = Vec::new();
        let contender = if title.ends_with("HTTP/2") { Contender::OverTwo } else { Contender::Transport };
        for _ in 0..runs {
            ours.push(run(contender, scheme, in_flight, stint));
            rivals.push(run(Contender::Legacy, scheme, in_flight, stint));
        }
        let ratios: Vec<_> = ours.iter().zip(&rivals).map(|(ours, rival)| ours.over(rival)).collect();
        let ratio = Figures::median(&ratios);
        println!("{title}");
        println!("  transport          {}", Figures::median(&ours));
        println!("  legacy client      {}", Figures::median(&rivals));
        let kept = bounds.hold(&ratio);
        println!(
            "  ratio                  {:8.2} {:16.2} {:9.2} {:9.2}{}",
            ratio.rate,
            ratio.cpu,
            ratio.p50,
            ratio.p99,
            if kept || !measuring { "" } else { "   missed" }
        );
        all_kept &= kept;
    }
    // A few calls are enough to see that it runs, and not to judge.
    if all_kept || !measuring { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is promised of the ratios.
#[derive(Clone, Copy)]
struct Bounds {
    least_rate: f64,
    most_cpu: f64,
    most_p99: f64,
}

impl Bounds {
    const NONE: Self = Self { least_rate: 0.0, most_cpu: f64::INFINITY, most_p99: f64::INFINITY };

    fn hold(&self, ratio: &Figures) -> bool {
        ratio.rate >= self.least_rate && ratio.cpu <= self.most_cpu && ratio.p99 <= self.most_p99
    }
}

/// With signing, limits and pacing it costs hardly more than the rival without them.
const NO_DEARER: Bounds = Bounds { least_rate: 0.92, most_cpu: 1.10, ..Bounds::NONE };
/// It bounds its connections, so that opening them does not stop the calls.
const QUICKER: Bounds = Bounds { least_rate: 1.3, most_p99: 0.5, ..Bounds::NONE };

/// How much one run does.
#[derive(Clone, Copy)]
enum Stint {
    /// As many calls as fit, after warming up.
    Time(Duration),
    /// So many calls, the first ones included.
    Calls(usize),
}

#[derive(Clone, Copy)]
enum Contender {
    Transport,
    /// The same, over HTTP/2 if it is built with that.
    OverTwo,
    Legacy,
}

#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    cpu: f64,
    p50: f64,
    p99: f64,
    connections: f64,
}

impl Figures {
    /// Of each figure by itself.
    fn median(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| {
            let mut sorted: Vec<_> = runs.iter().map(figure).collect();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        };
        Self {
            rate: of(|run| run.rate),
            cpu: of(|run| run.cpu),
            p50: of(|run| run.p50),
            p99: of(|run| run.p99),
            connections: of(|run| run.connections),
        }
    }

    fn over(&self, rival: &Self) -> Self {
        Self {
            rate: self.rate / rival.rate,
            cpu: self.cpu / rival.cpu,
            p50: self.p50 / rival.p50,
            p99: self.p99 / rival.p99,
            connections: self.connections / rival.connections,
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:14.0} {:16.1} {:9.0} {:9.0} {:13.0}",
            self.rate, self.cpu, self.p50, self.p99, self.connections
        )
    }
}

fn run(contender: Contender, scheme: &str, in_flight: usize, stint: Stint) -> Figures {
    let server = Server::start(scheme);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (rate, cpu, mut latencies) = runtime.block_on(async {
        match contender {
            Contender::Transport | Contender::OverTwo => {
                let builder = Transport::builder().proxy(Proxy::none()).extra_roots(server.roots.clone());
                #[cfg(feature = "http2")]
                let builder = match contender {
                    Contender::OverTwo => builder.http(engagement_transport::Http::Negotiated),
                    _ => builder,
                };
                let credentials =
                    Credentials::consumer("consumer-key", "consumer-secret").with_token("token", "secret");
                let call = Call::post(Url::parse(&server.url).unwrap())
                    .json_body(question())
                    .authorization(Authorization::oauth1(&credentials))
                    .brings_data()
                    .replay(Replay::Safe)
                    .quota(&Quota::learnt());
                load(in_flight, stint, async || {
                    let transport = builder.build().unwrap();
                    // The rival's certificates are loaded when it is built.
                    transport.warm_up().await.unwrap();
                    move || {
                        let (transport, call) = (transport.clone(), call.clone());
                        async move { transport.send(&call, verdict::by_status).await.unwrap().body.len() }
                    }
                })
                .await
            }
            Contender::Legacy => {
                let url: http::Uri = server.url.parse().unwrap();
                let question = Bytes::from(question());
                load(in_flight, stint, async || {
                    let client = legacy(&server.roots);
                    move || {
                        let request = Request::post(url.clone())
                            .header("content-type", "application/json")
                            .header("accept-encoding", "gzip")
                            .header("authorization", "Bearer token")
                            .header("user-agent", "bench")
                            .body(Full::new(question.clone()))
                            .unwrap();
                        let client = client.clone();
                        async move {
                            let body = client.request(request).await.unwrap().into_body();
                            let packed = body.collect().await.unwrap().to_bytes();
                            let mut inflated = Vec::new();
                            MultiGzDecoder::new(&packed[..]).read_to_end(&mut inflated).unwrap();
                            inflated.len()
                        }
                    }
                })
                .await
            }
        }
    });
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    Figures { rate, cpu, p50: at(50), p99: at(99), connections: server.connections() as f64 }
}

fn legacy(roots: &[u8]) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let mut tls = native_tls::TlsConnector::builder();
    for root in native_tls::Certificate::stack_from_pem(roots).unwrap_or_default() {
        tls.add_root_certificate(root);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = HttpsConnector::from((tcp, tls.build().unwrap().into()));
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

/// Keeps `in_flight` calls of a new client going. Returns calls a second, CPU microseconds a call, and how long each
/// took.
async fn load<F, C>(
    in_flight: usize,
    stint: Stint,
    client: impl AsyncFnOnce() -> F,
) -> (f64, f64, Vec<Duration>)
where
    F: Fn() -> C + Send + Sync + 'static,
    C: Future<Output = usize> + Send,
{
    let (mut begun, mut cpu) = (Instant::now(), cpu_time());
    let call = Arc::new(client().await);
    let work = |time: Duration, calls: usize| {
        let call = call.clone();
        async move {
            let end = Instant::now() + time;
            let left = Arc::new(AtomicUsize::new(calls));
            let tasks: Vec<_> = (0..in_flight)
                .map(|_| {
                    let (call, left) = (call.clone(), left.clone());
                    tokio::spawn(async move {
                        let mut latencies = Vec::with_capacity(100_000);
                        loop {
                            let begun = Instant::now();
                            let taken =
                                left.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                            if begun >= end || taken.is_err() {
                                return latencies;
                            }
                            assert_eq!(call().await, answer().len());
                            latencies.push(begun.elapsed());
                        }
                    })
                })
                .collect();
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.unwrap());
            }
            all
        }
    };
    let (time, calls) = match stint {
        Stint::Time(time) => {
            work(time / 5, usize::MAX).await;
            (begun, cpu) = (Instant::now(), cpu_time());
            (time, usize::MAX)
        }
        Stint::Calls(calls) => (Duration::from_secs(60), calls),
    };
    let latencies = work(time, calls).await;
    let (elapsed, cpu) = (begun.elapsed(), cpu_time() - cpu);
    let count = latencies.len() as f64;
    (count / elapsed.as_secs_f64(), cpu.as_secs_f64() * 1e6 / count, latencies)
}

/// Time that this process's threads were on a CPU.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let on_cpu = threads.filter_map(|thread| {
        let schedstat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        schedstat.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(on_cpu.sum())
}

/// The body of a totals request for 250 Tweets.
fn question() -> String {
    let ids: Vec<_> =
        (0..250_u64).map(|n| format!("\"{}\"", 1_700_000_000_000_000_000 + n * 7_919)).collect();
    let ids = ids.join(",");
    format!(
        r#"{{"tweet_ids":[{ids}],"engagement_types":["favorites","replies"],"groupings":{{"by":{{"group_by":["tweet.id","engagement.type"]}}}}}}"#
    )
}

fn answer() -> &'static [u8] {
    static ANSWER: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    ANSWER.get_or_init(|| {
        let rows: Vec<_> = (0..250_u64)
            .map(|n| {
                let id = 1_700_000_000_000_000_000 + n * 7_919;
                format!(r#""{id}":{{"favorites":"{}","replies":"{}"}}"#, n * 31 % 997, n * 17 % 89)
            })
            .collect();
        format!(r#"{{"by":{{{}}}}}"#, rows.join(",")).into_bytes()
    })
}

/// A server in a process of its own.
struct Server {
    url: String,
    roots: Vec<u8>,
    process: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(scheme: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["serve", scheme])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            line.trim().to_owned()
        };
        let port = line();
        let roots = line().replace("\\n", "\n").into_bytes();
        let url = format!("{scheme}://127.0.0.1:{port}/insights/engagement/totals");
        Self { url, roots, process, input, output }
    }

    /// Connections accepted so far.
    fn connections(mut self) -> usize {
        writeln!(self.input).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        line.trim().parse().unwrap()
    }
}

/// The other process: answers every request alike, and tells the number of its connections when asked.
fn serve() {
    let tls = std::env::args().any(|argument| argument == "https").then(|| {
        let authority = certificates::Authority::new();
        (authority.pem(), authority.issue(&["127.0.0.1"], 30))
    });
    let roots = tls.as_ref().map_or_else(String::new, |(roots, _)| String::from_utf8(roots.clone()).unwrap());
    let acceptor = tls.map(|(_, identity)| {
        let mut acceptor = native_tls::TlsAcceptor::builder(identity);
        acceptor.accept_alpn(&["h2", "http/1.1"]);
        tokio_native_tls::TlsAcceptor::from(acceptor.build().unwrap())
    });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(answer()).unwrap();
    let packed = Bytes::from(packed.finish().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let counted = accepted.clone();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    println!("{}\n{}", listener.local_addr().unwrap().port(), roots.replace('\n', "\\n"));
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            socket.set_nodelay(true).unwrap();
            let (acceptor, packed) = (acceptor.clone(), packed.clone());
            tokio::spawn(async move {
                let respond = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let packed = packed.clone();
                    async move {
                        request.into_body().collect().await.unwrap();
                        let response = Response::builder()
                            .header("content-type", "application/json")
                            .header("content-encoding", "gzip")
                            .header("x-per-minute-limit", "10000000")
                            .header("x-per-minute-remaining", "9999999");
                        Ok::<_, Infallible>(response.body(Full::new(packed)).unwrap())
                    }
                });
                let one = hyper::server::conn::http1::Builder::new();
                let two = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                // A client that goes away is no event.
                let Some(acceptor) = acceptor else {
                    let _ = one.serve_connection(TokioIo::new(socket), respond).await;
                    return;
                };
                let Ok(stream) = acceptor.accept(socket).await else { return };
                if stream.get_ref().negotiated_alpn().ok().flatten().is_some_and(|chosen| chosen == b"h2") {
                    // As servers do: the frames that are ready go out together.
                    let stream = gathered::Gathered::new(stream);
                    let line = stream.line();
                    gathered::drive(two.serve_connection(TokioIo::new(stream), respond), line).await;
                } else {
                    let _ = one.serve_connection(TokioIo::new(stream), respond).await;
                }
            });
        }
    });
    for _ in std::io::stdin().lines() {
        println!("{}", accepted.load(Ordering::Relaxed));
    }
}
