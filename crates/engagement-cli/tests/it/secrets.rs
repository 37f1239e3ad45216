//! No secret is ever shown.

mod canary;
mod echo;
mod faults;

use crate::{engagement::Folder, server::Server};

#[test]
fn canaries_stay_inside() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let secrets = [
        ("ENGAGEMENT_CONSUMER_KEY", "canary01 consumer+key/%"),
        ("ENGAGEMENT_CONSUMER_SECRET", "canary02-consumer-secret"),
        ("ENGAGEMENT_ACCESS_TOKEN", "1111-canary03-access/token"),
        ("ENGAGEMENT_ACCESS_TOKEN_SECRET", "canary04-token-secret"),
        ("ENGAGEMENT_BEARER_TOKEN", "canary05-bearer-token"),
    ];
    let mut texts = Vec::new();
    for (url, words) in [
        (server.url(), "totals -vv -o json"),
        (server.url(), "totals -vv -o json --app"),
        (server.url(), "totals -vv --log-format json"),
        (server.url(), "28hr -vv"),
        (server.url(), "totals -vv --as canary-nobody"),
        ("http://127.0.0.1:9", "totals -vv --timeout 1s"),
        ("http://127.0.0.1:9", "totals -vv --dry-run"),
        (server.url(), "request -vv POST /insights/engagement/totals -d"),
        (server.url(), "request -vv --print POST /insights/engagement/totals -d"),
    ] {
        let mut run =
            folder.engagement(words).arg(&id).env("ENGAGEMENT_BASE_URL", url).env("RUST_LOG", "trace");
        for (name, secret) in secrets {
            run = run.env(name, secret);
        }
        let done = run.run();
        texts.push((words, done.stdout + &done.stderr));
    }
    // Half a credential, and one that is no header value.
    for (name, secret) in secrets {
        let done = folder.engagement("totals -vv").arg(&id).env(name, secret).app(&server).run();
        texts.push((name, done.stdout + &done.stderr));
        let done =
            folder.engagement("totals -vv").arg(&id).app(&server).env(name, format!("{secret}\u{1}")).run();
        texts.push((name, done.stdout + &done.stderr));
    }
    for (what, text) in &texts {
        for (name, secret) in secrets {
            // The consumer key is shown where a request is printed, and nowhere else.
            if name == "ENGAGEMENT_CONSUMER_KEY" && what.contains("--print") {
                continue;
            }
            for form in forms(secret) {
                assert!(!text.contains(&form), "{what}: {name} as {form:?} in {text}");
            }
        }
    }
}

#[test]
fn a_config_file_that_carries_secrets_shows_none() {
    let folder = Folder::new();
    let secret = "canary06-in-a-config";
    for text in [
        format!("consumer_secret = \"{secret}\""),
        format!("access_token_secret = \"{secret}"),
        format!("credential_command = \"get --token {secret}"),
        format!("credential_command = [\"get\", \"{secret}]"),
        format!("quota = \"1/min\"\nquota = \"{secret}\""),
        format!("handle_limit = \"{secret}\""),
        secret.to_owned(),
    ] {
        for (file, words) in [
            ("config/engagement/config.toml", ""),
            ("engagement.toml", ""),
            ("elsewhere.toml", " --config elsewhere.toml"),
        ] {
            let path = folder.write(file, format!("[profiles.work]\n{text}\n"));
            for command in ["totals 20 -vvv", "doctor --json", "auth list", "jobs list --store x -o json"] {
                let done = folder.engagement(command).args(words.split_whitespace()).run().ends(2);
                let all = done.stdout + &done.stderr;
                assert!(all.contains("line ") && all.contains("is no config file"), "{command}: {all}");
                for form in forms(secret) {
                    assert!(!all.contains(&form), "{command}, {text}: {all}");
                }
            }
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Raw, encoded once and twice, in hex, reversed, and its telling eight letters.
fn forms(secret: &str) -> Vec<String> {
    let encode = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect::<String>()
    };
    let once = encode(secret);
    let at = secret.find("canary").unwrap();
    vec![
        secret.to_owned(),
        encode(&once),
        once,
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.chars().rev().collect(),
        secret[at..at + 8].to_owned(),
    ]
}

#[test]
fn the_words_of_a_server_cannot_play_with_a_terminal() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let body = r#"{\"errors\":[\"no \\u001b[31mred\\nerror: forged\\u202e\"]}"#;
    server.post(
        "/_emulator/faults",
        &format!(r#"[{{"endpoint":"totals","every":1,"status":400,"body":"{body}"}}]"#),
    );
    for form in ["table", "csv", "tsv", "ndjson", "json"] {
        let done = folder
            .engagement("totals --metrics favorites -o")
            .args([form, &server.tweet("unowned")])
            .app(&server)
            .run()
            .ends(3);
        let all = format!("{}{}", done.stdout, done.stderr);
        assert!(!all.contains(['\u{1b}', '\u{202e}']), "{all:?}");
        assert!(!all.contains("\nerror: forged"), "{all}");
    }
    let id = server.tweet("unowned");
    folder.write("ids", format!("{id}\n\u{1b}[31m7\u{202e}\n"));
    let done = folder.engagement("ids ids").run().ends(7);
    assert!(!done.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", done.stderr);
    let done = folder.engagement("totals --metrics fav\u{1b}[31m 20").app(&server).run().ends(2);
    assert!(!done.stderr.contains('\u{1b}'), "{:?}", done.stderr);
}

#[test]
fn a_redirect_leads_nobody_to_another_host() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let id = server.tweet("owned");
    for status in [301, 302, 303, 307, 308] {
        server.post(
            "/_emulator/faults",
            &format!(
                r#"[{{"endpoint":"any","every":1,"status":{status},"header":"location: http://{}/x"}}]"#,
                elsewhere.local_addr().unwrap()
            ),
        );
        folder.engagement("totals").arg(&id).brand(&server).run().ends(3);
        folder.engagement("auth check").brand(&server).run().ends(6);
        folder.engagement("request GET /1.1/account/verify_credentials.json").brand(&server).run().ends(0);
        folder.engagement("auth login --pin --no-browser").app(&server).run().ends(6);
    }
    let came = elsewhere.accept();
    assert!(came.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "somebody came");
}
