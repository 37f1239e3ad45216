//! What a user does on the pages of a login, form by form.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStderr},
    time::Duration,
};

use crate::engagement::{Done, Engagement};

/// A login that is under way.
pub(crate) struct Login {
    process: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Login {
    /// Starts it. Its standard input stays open.
    pub(crate) fn start(mut run: Engagement) -> Self {
        run.command.stdin(std::process::Stdio::piped());
        let mut process = run.spawn();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        Self { process, stderr, said: String::new() }
    }

    /// The page that the user is asked to open.
    pub(crate) fn page(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "no page: {}", self.said);
            self.said.push_str(&line);
            if let Some(at) = line.find("http").filter(|_| line.contains("open this page")) {
                return line[at..].trim().to_owned();
            }
        }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, text: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{text}").unwrap();
    }

    /// How it ends.
    pub(crate) fn ends(mut self, code: i32) -> Done {
        drop(self.process.stdin.take());
        self.stderr.read_to_string(&mut self.said).unwrap();
        let output = self.process.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Done { code: output.status.code(), stdout, stderr: self.said }.ends(code)
    }
}

/// Allows the app on this page, as this account: the PIN, or where the browser is sent.
pub(crate) fn allow(page: &str, account: &str) -> String {
    decide(page, "allow", account)
}

/// Refuses: where the browser is sent, or nothing.
pub(crate) fn refuse(page: &str) -> String {
    decide(page, "refuse", "demo_brand")
}

fn decide(page: &str, decision: &str, account: &str) -> String {
    let shown = get(page);
    let field = |name: &str| {
        let (_, rest) = shown.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let form = format!(
        "oauth_token={}&authenticity_token={}&screen_name={account}&decision={decision}",
        field("oauth_token"),
        field("authenticity_token")
    );
    let (authority, target) = parts(page);
    let path = target.split('?').next().unwrap();
    let answer = send(
        authority,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: {authority}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    );
    if let Some((_, rest)) = answer.split_once("id=\"pin\">") {
        return rest.split('<').next().unwrap().to_owned();
    }
    let location = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("location: "));
    location.map_or_else(String::new, |line| line[10..].trim().to_owned())
}

/// The whole answer.
pub(crate) fn get(url: &str) -> String {
    let (authority, target) = parts(url);
    send(authority, &format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"))
}

fn send(authority: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}
