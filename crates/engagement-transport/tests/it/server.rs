//! A server that answers byte for byte as it is told.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engagement_transport::{Builder, Call, Proxy, Replay, Transport, Url};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// What a server does about one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes this and waits for the next request.
    Keep(Vec<u8>),
    /// Writes this and closes.
    Close(Vec<u8>),
    /// Writes this and resets the connection (closes it, in memory).
    Reset(Vec<u8>),
    /// Writes this and then keeps silent.
    Hang(Vec<u8>),
    /// Writes it piece by piece with a pause after each.
    Slowly(Vec<u8>, usize, Duration),
    /// Waits, then writes.
    Late(Duration, Vec<u8>),
}

/// One request as received, head and body.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) at: Instant,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.text.lines().skip(1).take_while(|line| !line.is_empty()).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// A parameter of the OAuth header.
    pub(crate) fn oauth(&self, name: &str) -> String {
        let header = self.header("authorization").expect("an Authorization header");
        let (_, rest) = header.split_once(&format!("{name}=\"")).expect("the parameter");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Decides by the request's number, from zero, and its text.
type Script = dyn Fn(usize, &str) -> Reply + Send + Sync;

#[derive(Clone)]
pub(crate) struct Server {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    address: SocketAddr,
}

impl Server {
    /// Listens on a free port of this machine.
    pub(crate) async fn listen(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::new(script, listener.local_addr().unwrap());
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(socket, reset).await });
            }
        });
        server
    }

    /// Lives in memory, for a clock that does not wait for sockets. Give its connector to the transport.
    pub(crate) fn in_memory(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::new(script, "127.0.0.1:1".parse().unwrap())
    }

    /// Answers every request the same way.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::listen(move |_, _| reply.clone()).await
    }

    /// Answers one request after the other as listed, the last one again and again.
    pub(crate) async fn listed(replies: Vec<Reply>) -> Self {
        Self::listen(move |n, _| replies.get(n).or(replies.last()).unwrap().clone()).await
    }

    fn new(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static, address: SocketAddr) -> Self {
        Self {
            script: Arc::new(script),
            seen: Arc::default(),
            requests: Arc::default(),
            connections: Arc::default(),
            address,
        }
    }

    /// Makes connections to it in memory.
    pub(crate) fn connect(&self) -> impl Fn() -> DuplexStream + Send + Sync + 'static {
        let server = self.clone();
        move || {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let server = server.clone();
            tokio::spawn(async move { server.serve(theirs, drop).await });
            ours
        }
    }

    pub(crate) fn builder_in_memory(&self) -> Builder {
        let connect = self.connect();
        quiet().connector(move |_| {
            let connected = connect();
            async move { Ok(connected) }
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/insights/engagement/totals", self.address)).unwrap()
    }

    /// A POST that only reads.
    pub(crate) fn call(&self) -> Call {
        Call::post(self.url()).json_body("{}").replay(Replay::Safe)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, mut socket: S, reset: fn(S)) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let mut buffer = Vec::new();
        while let Some(text) = read_request(&mut socket, &mut buffer).await {
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            self.seen.lock().unwrap().push(Seen { text: text.clone(), at: Instant::now() });
            // Whether the client is still there is not the server's business.
            match (self.script)(number, &text) {
                Reply::Keep(bytes) => {
                    let _ = socket.write_all(&bytes).await;
                }
                Reply::Close(bytes) => {
                    let _ = socket.write_all(&bytes).await;
                    let _ = socket.shutdown().await;
                    return;
                }
                Reply::Reset(bytes) => {
                    let _ = socket.write_all(&bytes).await;
                    let _ = socket.flush().await;
                    reset(socket);
                    return;
                }
                Reply::Hang(bytes) => {
                    let _ = socket.write_all(&bytes).await;
                    let _ = socket.read(&mut [0]).await;
                    return;
                }
                Reply::Slowly(bytes, piece, pause) => {
                    for piece in bytes.chunks(piece) {
                        if socket.write_all(piece).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(pause).await;
                    }
                }
                Reply::Late(pause, bytes) => {
                    tokio::time::sleep(pause).await;
                    let _ = socket.write_all(&bytes).await;
                }
            }
        }
    }
}

/// A transport that asks no proxy and is quick to give up, for servers on this machine.
pub(crate) fn quiet() -> Builder {
    Transport::builder().proxy(Proxy::none()).seed(7)
}

/// A complete answer.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write!(bytes, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len()).unwrap();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    answer("200 OK", &[], body)
}

pub(crate) fn gzipped(body: &[u8]) -> Vec<u8> {
    answer("200 OK", &[("content-encoding", "gzip")], &gzip(body))
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn http_date(seconds: u64) -> String {
    httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn reset(socket: TcpStream) {
    socket.set_zero_linger().unwrap();
    drop(socket);
}

async fn read_request<S: AsyncRead + Unpin>(socket: &mut S, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end + 4]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if buffer.len() >= end + 4 + length {
                let rest = buffer.split_off(end + 4 + length);
                let request = std::mem::replace(buffer, rest);
                return Some(String::from_utf8_lossy(&request).into_owned());
            }
        }
        let mut piece = [0; 4096];
        match socket.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => buffer.extend_from_slice(&piece[..n]),
        }
    }
}
