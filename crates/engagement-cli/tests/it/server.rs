//! The emulator as a process of its own, with a clock that stands still.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::engagement::Folder;

/// Runs until it is dropped.
pub(crate) struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// With enough quota for everything.
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::with(folder, "--quota 6000/min")
    }

    /// With these options.
    pub(crate) fn with(folder: &Folder, options: &str) -> Self {
        let ready = folder.path().join("ready");
        let _ = fs::remove_file(&ready);
        let words = format!("emulator --ready-file ready {options}");
        let process = folder.engagement(&words).spawn();
        let begun = Instant::now();
        let url = loop {
            match fs::read_to_string(&ready) {
                Ok(url) => break url.trim_end().to_owned(),
                Err(_) => assert!(begun.elapsed() < Duration::from_secs(20), "the emulator does not start"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        fs::remove_file(&ready).unwrap();
        let server = Self { process, url };
        server.post("/_emulator/clock", r#"{"frozen":true}"#);
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.call(&format!("GET {path} HTTP/1.0\r\n"), "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Value {
        self.call(&format!("POST {path} HTTP/1.0\r\ncontent-length: {}\r\n", body.len()), body)
    }

    /// As a client of HTTP/1.0, whose answers come in one piece.
    fn call(&self, head: &str, body: &str) -> Value {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(host).unwrap();
        write!(connection, "{head}host: {host}\r\nconnection: close\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(head.split(' ').nth(1), Some("200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Tweets of a class, those with an owner by `demo_brand`.
    pub(crate) fn tweets(&self, class: &str, count: usize) -> Vec<String> {
        let owner = if class == "unowned" { "" } else { "&screen_name=demo_brand" };
        self.list(&format!("class={class}{owner}&count={count}"))
    }

    /// Tweets by this account.
    pub(crate) fn tweets_of(&self, screen_name: &str, count: usize) -> Vec<String> {
        self.list(&format!("class=owned&screen_name={screen_name}&count={count}"))
    }

    fn list(&self, query: &str) -> Vec<String> {
        let found = self.get(&format!("/_emulator/tweets?{query}"));
        let ids = found["tweet_ids"].as_array().unwrap();
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn tweet(&self, class: &str) -> String {
        self.tweets(class, 1).remove(0)
    }

    /// What a row must say.
    pub(crate) fn truth(&self, row: &Value) -> Value {
        let text = |column: &str| row[column].as_str().map(str::to_owned);
        let mut path = format!(
            "/_emulator/truth?tweet_id={}&metric={}",
            text("tweet_id").unwrap(),
            text("metric").unwrap()
        );
        if let (Some(start), Some(end)) = (text("bucket_start"), text("bucket_end")) {
            path.push_str(&format!("&start={start}&end={end}"));
        }
        self.get(&path)["value"].clone()
    }

    /// The requests that it has got so far.
    pub(crate) fn requests(&self) -> u64 {
        self.get("/_emulator/requests")["total"].as_u64().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
