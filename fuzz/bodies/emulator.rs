//! Whatever bytes come as requests, the emulator answers with a status of its contract, in well-formed messages, and
//! does not panic.
//!
//! The clock stands at [`NOW`] and no nonce is remembered from one input to the next, so that a signature in the corpus
//! stays good while the body beside it, which is not signed, is changed.

use std::{io::Read as _, time::Duration};

use engagement_emulator::{Emulator, Faults};
use flate2::read::GzDecoder;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::{Builder, Runtime},
};

const NOW: &str = "2024-03-06T00:30:00Z";

/// The statuses of the answers.
pub(crate) fn run(data: &[u8]) -> Vec<u16> {
    thread_local!(static HOUSE: House = House::new());
    HOUSE.with(|house| house.receive(data))
}

/// One emulator, for all inputs.
struct House {
    runtime: Runtime,
    emulator: Emulator,
}

impl House {
    fn new() -> Self {
        let runtime =
            Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let builder = Emulator::builder().now(now()).frozen(true).quota(u32::MAX);
        let emulator = runtime.block_on(builder.start()).expect("a free port");
        Self { runtime, emulator }
    }

    fn receive(&self, data: &[u8]) -> Vec<u16> {
        // It may be told to fail, and then says nothing of itself. To panic is too much in a fuzzer.
        let disturbed = has(data, FAULTS);
        if disturbed && (has(data, "panic") || has(data, "\\u")) {
            return Vec::new();
        }
        // Earlier inputs may have reached the test interface.
        self.emulator.set_faults(Faults::default());
        // A clock that jumps forgets the nonces.
        for time in [now() + SignedDuration::from_hours(1), now()] {
            self.emulator.freeze_clock(time).expect("a time of Tweets");
        }
        let answers = self.runtime.block_on(async {
            let (mut from, mut to) = tokio::io::split(self.emulator.connect());
            let mut answers = Vec::new();
            let send = async {
                // It may close before it has read everything.
                let _ = to.write_all(data).await;
            };
            // It closes at the latest when nothing more comes; that time passes at once.
            let receive = tokio::time::timeout(A_DAY, from.read_to_end(&mut answers));
            let (_, received) = tokio::join!(send, receive);
            assert!(received.is_ok(), "the connection is never closed");
            answers
        });
        assert_eq!(self.emulator.counters().panics, 0, "it panicked");
        if disturbed { Vec::new() } else { check(&answers) }
    }
}

fn has(data: &[u8], text: &str) -> bool {
    data.windows(text.len()).any(|some| some == text.as_bytes())
}

fn now() -> jiff::Timestamp {
    NOW.parse().expect("it is a time")
}

/// Reads answers to their end.
fn check(mut answers: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while let Some(end) = answers.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = std::str::from_utf8(&answers[..end]).expect("a head of text");
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status: u16 =
            first.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()).expect("a status");
        if status == 100 {
            // Not an answer yet: it was asked for by `Expect`, and has no body.
            answers = &answers[end + 4..];
            continue;
        }
        assert!(STATUSES.contains(&status), "{status} is no status of the contract");
        statuses.push(status);
        let headers: Vec<(String, &str)> = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| *value);

        answers = &answers[end + 4..];
        // A list of Tweets, made as it is read; and answers to HEAD, which have a length and no body.
        if header("transfer-encoding").is_some() || is_next_or_end(answers) {
            let next = answers.windows(7).position(|seven| seven == b"HTTP/1.").unwrap_or(answers.len());
            answers = &answers[next..];
            continue;
        }
        let length: usize = header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let body = answers.get(..length).expect("as much body as was announced");
        answers = &answers[length..];
        let inflated = if header("content-encoding") == Some("gzip") { inflate(body) } else { body.to_vec() };
        if header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
            && !inflated.is_empty()
        {
            let value: Value = serde_json::from_slice(&inflated).expect("JSON");
            let says_why = status < 400 || value.get("errors").or(value.get("error")).is_some();
            assert!(says_why, "{status} without a reason: {value}");
        }
    }
    assert!(answers.is_empty(), "an answer that does not end: {}", answers.escape_ascii());
    statuses
}

fn is_next_or_end(answers: &[u8]) -> bool {
    answers.is_empty() || answers.starts_with(b"HTTP/1.")
}

fn inflate(body: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    GzDecoder::new(body).read_to_end(&mut inflated).expect("a whole gzip body");
    inflated
}

/// Those of contract 5.2 and 6.3 to 6.5, and what HTTP itself has for requests that cannot be read. None of 500, 502
/// and 503: nothing has failed, and no fault outlives its input.
const STATUSES: [u16; 13] = [200, 302, 400, 401, 403, 404, 406, 408, 413, 414, 415, 429, 431];

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

const FAULTS: &str = "/_emulator/faults";
