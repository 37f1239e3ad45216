//! A server that repeats whatever it is told, and all that it knows besides, wherever words of a server can stand.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
};

use serde_json::{Value, json};

use super::canary::{Canary, Scanner, base64, percent};
use crate::engagement::Folder;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// This status, with objects of code and message.
    Coded(u16, u32),
    /// This status, with a list of texts.
    Listed(u16),
    /// The same, every sign that can be escaped in JSON escaped.
    Escaped(u16),
    /// This status, with a page.
    Page(u16),
    /// This status and a place elsewhere.
    Redirect,
    /// Rows, metrics that nobody asked for, and errors beside them; whoever is asked for has a secret for a name.
    Partial,
    /// A success that is none.
    NotJson,
}

const MANNERS: [Manner; 11] = [
    Manner::Coded(401, 89),
    Manner::Coded(401, 32),
    Manner::Coded(403, 99),
    Manner::Coded(403, 415),
    Manner::Listed(400),
    Manner::Listed(403),
    Manner::Escaped(400),
    Manner::Page(404),
    Manner::Redirect,
    Manner::Partial,
    Manner::NotJson,
];

/// What is run, without the ids.
const COMMANDS: [&str; 15] = [
    "totals IDS --metrics favorites --app --log-format json -o json --summary summary.json",
    "totals IDS --as one --out rows.csv -o csv",
    "totals IDS --as one --wide",
    "totals IDS --app --metrics favorites -o raw",
    "28hr IDS --as one",
    "historical IDS --as one --start 3d",
    "collect IDS --endpoint totals --store engagement.db --again",
    "jobs list --store engagement.db",
    "export --store engagement.db --table tweets --format csv --out tweets.csv",
    "auth check --all -o json",
    "doctor --json",
    "request GET /1.1/account/verify_credentials.json --as one",
    "request POST /oauth2/invalidate_token --app",
    "auth login --pin --no-browser",
    "auth remove --all --revoke",
];

#[test]
fn what_a_server_repeats_is_hidden_everywhere() {
    thread::scope(|scope| {
        for manner in MANNERS {
            scope.spawn(move || repeat(manner));
        }
    });
}

fn repeat(manner: Manner) {
    let folder = Folder::new();
    let canaries = [
        Canary::new("consumer key", 11, "+/=~"),
        Canary::new("consumer secret", 12, "/+%é"),
        Canary::new("bearer token", 13, "%+/="),
        Canary::new("token", 14, ""),
        Canary::new("token's secret", 15, "=+ /"),
    ];
    let [key, secret, bearer, token, token_secret] = canaries.each_ref().map(|canary| canary.text.as_str());
    let scanners = [Scanner::new(&canaries), Scanner::new(&canaries[1..])];
    let address = parrot(manner, canaries.to_vec());
    let run = |words: &str| folder.engagement(words).env("ENGAGEMENT_BASE_URL", format!("http://{address}"));
    let app = json!({"consumer_key": key, "consumer_secret": secret, "bearer_token": bearer}).to_string();
    let account =
        json!([{"handle": "one", "access_token": format!("1-{token}"), "access_token_secret": token_secret}])
            .to_string();
    run("auth app").stdin(app).run().ends(0);
    run("auth add").stdin(account).run().ends(0);
    let mut repeated = 0;
    for command in COMMANDS {
        // Nobody waits five attempts for each of them.
        if manner == Manner::NotJson && !command.starts_with("totals IDS --metrics") {
            continue;
        }
        let words = command.replace("IDS", "1700000000000000001 1700000000000000002");
        let done = run(&format!("-vvv --timeout 5s {words}")).run();
        let shown = format!("{}{}", done.stdout, done.stderr);
        assert!(!shown.contains("panicked"), "{manner:?}, {command}: {shown}");
        repeated += shown.matches("[hidden]").count();
        let may_show = ["auth check", "doctor"].iter().any(|words| command.contains(words));
        if let Some(found) = scanners[usize::from(may_show)].find(shown.as_bytes()) {
            panic!("{manner:?}, {command}: {found}");
        }
    }
    assert!(repeated > 0, "{manner:?}: nothing was repeated");
    scan_files(folder.path(), &scanners[0], manner);
}

/// All that was written, beside what keeps credentials.
fn scan_files(folder: &Path, scanner: &Scanner, manner: Manner) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan_files(&path, scanner, manner);
        } else if !path.ends_with("credentials.toml")
            && let Some(found) = scanner.find(&fs::read(&path).unwrap())
        {
            panic!("{manner:?}, {}: {found}", path.display());
        }
    }
}

/// Serves until the process ends.
fn parrot(manner: Manner, known: Vec<Canary>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let known = known.clone();
            thread::spawn(move || serve(stream, manner, &known));
        }
    });
    address
}

fn serve(mut stream: TcpStream, manner: Manner, known: &[Canary]) -> Option<()> {
    let (head, body) = receive(&mut stream)?;
    let echo = words(&head, &body, known);
    let name = &known[0].text;
    let (status, content) = match manner {
        Manner::Coded(status, code) => {
            (status, json!({"errors": [{"code": code, "message": echo}]}).to_string())
        }
        Manner::Listed(status) => (status, json!({ "errors": [echo] }).to_string()),
        Manner::Escaped(status) => (status, escaped(&json!({ "errors": [echo] }).to_string())),
        Manner::Page(status) => (status, format!("<html><body><p>{echo}</p></body></html>")),
        Manner::Redirect => (302, String::new()),
        Manner::Partial => (200, partial(&head, &body, &echo, name)),
        Manner::NotJson => (200, echo.clone()),
    };
    let header: String = echo.chars().filter(|letter| !letter.is_control()).collect();
    let answer = format!(
        "HTTP/1.1 {status} Well\r\nx-echo: {header}\r\nlocation: http://127.0.0.1:9/?{header}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{content}",
        content.len()
    );
    stream.write_all(answer.as_bytes()).ok()
}

fn receive(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 4096];
        let read = stream.read(&mut more).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.parse().unwrap());
        if body.len() >= length {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

/// The request, and every secret in every form, cut ones among them.
fn words(head: &str, body: &str, known: &[Canary]) -> String {
    let mut words = format!("{} {body}", head.replace("\r\n", " | "));
    for Canary { text, .. } in known {
        let beginning: String = text.chars().take(20).collect();
        let end: String = text.chars().skip(25).collect();
        for form in [
            text.clone(),
            format!("1-{text}"),
            percent(text),
            percent(&percent(text)),
            base64(text.as_bytes()),
            base64(format!("k:{}", percent(text)).as_bytes()),
            format!("{beginning}..."),
            format!("...{end}"),
        ] {
            words.push_str(&format!(" <{form}>"));
        }
    }
    words
}

/// Every sign that is no letter, digit or part of the notation, as its code.
fn escaped(json: &str) -> String {
    json.chars()
        .map(|letter| match letter {
            '/' => "\\/".to_owned(),
            '+' | '=' | '%' | '~' | 'é' => format!("\\u{:04x}", u32::from(letter)),
            letter => letter.to_string(),
        })
        .collect()
}

fn partial(head: &str, body: &str, echo: &str, name: &str) -> String {
    let Ok(asked) = serde_json::from_str::<Value>(body) else {
        return match head.contains("/verify_credentials") {
            true => json!({"id_str": "1", "screen_name": name}).to_string(),
            false => json!({"errors": [echo], name: name}).to_string(),
        };
    };
    let mut answer = json!({ "errors": [echo] });
    let groups = asked["groupings"].as_object().into_iter().flatten();
    for (group, _) in groups {
        for id in asked["tweet_ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            answer[group][id] = json!({"favorites": "7", name: "8", "impressions": name});
        }
    }
    answer.to_string()
}
