//! A client of a few lines: one connection a request, every byte of it under a test's control.

use std::{
    fmt::Write as _,
    io::Read as _,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use engagement_emulator::{Builder, Class, Emulator, Switches};
use engagement_model::{Endpoint, TweetId};
use oauth_core::{Credentials, Request, Stamp, Timestamp, sign};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Half past midnight, so that the running hour has begun.
pub(crate) const NOW: &str = "2024-03-06T00:30:00Z";

/// An emulator at [`NOW`], where the clock stands.
pub(crate) async fn start() -> Emulator {
    started(builder()).await
}

pub(crate) async fn with(set: impl FnOnce(&mut Switches)) -> Emulator {
    let mut switches = Switches::default();
    set(&mut switches);
    started(builder().switches(switches)).await
}

pub(crate) fn builder() -> Builder {
    Emulator::builder().now(NOW.parse().unwrap()).frozen(true).quota(10_000)
}

pub(crate) async fn started(builder: Builder) -> Emulator {
    builder.start().await.unwrap()
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As {
    Bearer,
    App,
    Brand,
    News,
    Nobody,
}

impl As {
    pub(crate) fn credentials(self) -> Option<Credentials> {
        let app = Credentials::consumer("demo-consumer-key", "demo-consumer-secret");
        match self {
            Self::App => Some(app),
            Self::Brand => Some(app.with_token("1111-demo-access-token", "demo-token-secret")),
            Self::News => Some(app.with_token("2222-demo-access-token", "demo-news-token-secret")),
            Self::Bearer | Self::Nobody => None,
        }
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) host: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: &'static str, target: impl Into<String>) -> Self {
        let headers = vec![("Accept-Encoding".to_owned(), "gzip".to_owned())];
        Self { method, target: target.into(), host: None, headers, body: Vec::new() }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn post(endpoint: Endpoint, body: &Value) -> Self {
        Self::new("POST", endpoint.path()).json(body.to_string())
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }.header("Content-Type", "application/json")
    }

    pub(crate) fn form(self, body: &str) -> Self {
        Self { body: body.into(), ..self }.header("Content-Type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    /// Signed at the emulator's time.
    pub(crate) fn signed(self, emulator: &Emulator, asker: As) -> Self {
        match asker {
            As::Bearer => self.header("Authorization", "Bearer AAAAdemo%3Dtoken"),
            As::Nobody => self,
            _ => self.signed_with(emulator, &asker.credentials().unwrap(), |request| request),
        }
    }

    pub(crate) fn signed_with(
        self,
        emulator: &Emulator,
        credentials: &Credentials,
        more: impl for<'a> FnOnce(Request<'a>) -> Request<'a>,
    ) -> Self {
        let seconds = emulator.now().as_second().unsigned_abs();
        let header = self.authorization(emulator, credentials, seconds, &nonce(), more);
        self.header("Authorization", header)
    }

    pub(crate) fn authorization(
        &self,
        emulator: &Emulator,
        credentials: &Credentials,
        seconds: u64,
        nonce: &str,
        more: impl for<'a> FnOnce(Request<'a>) -> Request<'a>,
    ) -> String {
        let host = self.host.clone().unwrap_or_else(|| emulator.addr().to_string());
        let url = format!("http://{host}{}", self.target);
        let content_type = self
            .headers
            .iter()
            .find(|(name, _)| name == "Content-Type")
            .map_or("", |(_, value)| value.as_str());
        let request = more(Request::new(self.method, &url).body(content_type, &self.body));
        let stamp = Stamp { timestamp: Timestamp::new(seconds).unwrap(), nonce };
        sign(&request, credentials, stamp).unwrap().authorization().to_owned()
    }

    pub(crate) async fn send(&self, emulator: &Emulator) -> Answer {
        Answer::read(&exchange(emulator.addr(), &self.bytes(emulator)).await.unwrap())
    }

    /// As it is sent.
    pub(crate) fn bytes(&self, emulator: &Emulator) -> Vec<u8> {
        let host = self.host.clone().unwrap_or_else(|| emulator.addr().to_string());
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !self.body.is_empty() || self.method == "POST" {
            let _ = write!(text, "Content-Length: {}\r\n", self.body.len());
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends bytes and reads all that comes until the other side closes.
pub(crate) async fn exchange(addr: SocketAddr, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(addr).await?;
    // A refusal may come, and the connection close, before all is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => Ok(answer),
        Err(_) if !answer.is_empty() => Ok(answer),
        Err(error) => Err(error),
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Decompressed.
    pub(crate) body: Vec<u8>,
    /// As it came.
    pub(crate) wire: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let wire = bytes[end + 4..].to_vec();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: wire.clone(), wire };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.wire);
        }
        if answer.header("content-encoding") == Some("gzip") {
            answer.body.clear();
            let mut decoder = flate2::read::GzDecoder::new(answer.wire.as_slice());
            let _ = decoder.read_to_end(&mut answer.body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The first message of a refusal.
    pub(crate) fn message(&self) -> String {
        self.json()["errors"][0].as_str().unwrap_or_default().to_owned()
    }

    /// A value of a form-encoded body.
    pub(crate) fn form(&self, name: &str) -> String {
        let pair = self.text().split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        pair.unwrap_or_else(|| panic!("{name} in {:?}", self.text())).to_owned()
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
}

/// Sends a body to an endpoint.
pub(crate) async fn ask(emulator: &Emulator, asker: As, endpoint: Endpoint, body: &Value) -> Answer {
    Call::post(endpoint, body).signed(emulator, asker).send(emulator).await
}

/// A body that asks for `favorites` of these ids, by Tweet.
pub(crate) fn favorites(ids: &[TweetId]) -> Value {
    query(ids, &["favorites"], &["tweet.id", "engagement.type"])
}

/// A body with one grouping, `g`.
pub(crate) fn query(ids: &[TweetId], metrics: &[&str], group_by: &[&str]) -> Value {
    json!({
        "tweet_ids": texts(ids),
        "engagement_types": metrics,
        "groupings": {"g": {"group_by": group_by}},
    })
}

pub(crate) fn texts(ids: &[TweetId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// A Tweet of `demo_brand` that is a few days old.
pub(crate) fn owned(emulator: &Emulator) -> TweetId {
    emulator.tweets(Class::Owned, Some("demo_brand"), 1)[0]
}

pub(crate) fn nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("nonce{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
