//! Options, environment twins and config files; and what contradicts itself.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
};

use crate::{engagement::Folder, server::Server};

#[test]
fn a_config_file_may_be_a_pipe() {
    let folder = Folder::new();
    let config = "default_profile = \"work\"\n[profiles.work]\nquota = \"1/min\"\n";
    let run = folder.engagement("--config /dev/stdin totals 20 --dry-run -o json --out plan");
    run.stdin(config).run().ends(0);
    let plan = folder.json("plan");
    assert_eq!(plan["minutes_at_quota"].as_f64(), Some(1.0), "{plan}");
}

#[test]
fn the_first_that_has_a_value_wins() {
    let folder = Folder::new();
    let home = "config/engagement/config.toml";
    folder
        .write(home, "default_profile = \"work\"\n[profiles.work]\nquota = \"10/min\"\noutput = \"json\"\n");
    let minutes = |words: &str, twin: Option<&str>| {
        let mut run = folder.engagement("totals 20 --dry-run").args(words.split_whitespace());
        if let Some(twin) = twin {
            run = run.env("ENGAGEMENT_QUOTA", twin);
        }
        run.run().ends(0).json()["minutes_at_quota"].as_f64().unwrap()
    };
    let [ten, five, two, one] = [10, 5, 2, 1].map(|rate| {
        let run = folder.engagement("totals 20 --dry-run -o json --quota").arg(format!("{rate}/min"));
        run.run().ends(0).json()["minutes_at_quota"].as_f64().unwrap()
    });
    assert_eq!(minutes("", None), ten);
    folder.write("engagement.toml", "[profiles.work]\nquota = \"5/min\"\n");
    assert_eq!(minutes("", None), five);
    assert_eq!(minutes("", Some("2/min")), two);
    assert_eq!(minutes("--quota 1/min", Some("2/min")), one);
    folder.write("other.toml", "[profiles.x]\nquota = \"1/min\"\noutput = \"json\"");
    assert_eq!(minutes("--config other.toml --profile x", None), one);
}

#[test]
fn every_option_has_a_twin() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder
        .engagement("totals")
        .arg(server.tweet("owned"))
        .brand(&server)
        .env("ENGAGEMENT_OUTPUT", "csv")
        .env("ENGAGEMENT_OUT", "rows.csv")
        .env("ENGAGEMENT_METRICS", "favorites,replies")
        .env("ENGAGEMENT_SUMMARY", "s.json")
        .env("ENGAGEMENT_APP", "true")
        .env("ENGAGEMENT_WIDE", "1")
        .env("ENGAGEMENT_QUIET", "true")
        .run()
        .ends(0)
        .prints_nothing();
    assert_eq!(done.stderr, "");
    assert_eq!(folder.read("rows.csv").lines().count(), 2);
    assert!(folder.read("rows.csv").starts_with("tweet_id,bucket_start,bucket_end,favorites,replies,state"));
    crate::accounting::adds_up(&folder.json("s.json"));
    folder.write("ids", "20\n");
    let done = folder
        .engagement("totals --dry-run -o json")
        .env("ENGAGEMENT_IDS", "ids")
        .env("ENGAGEMENT_PROFILE", "")
        .run()
        .ends(0);
    assert_eq!(done.json()["ids"], 1);
    folder.engagement("totals 20").env("ENGAGEMENT_TIMEOUT", "soon").run().ends(2).says(&["soon"]);
}

#[test]
fn a_typing_error_in_a_config_file_is_named() {
    let folder = Folder::new();
    let run = |text: &str| {
        folder.write("engagement.toml", text);
        folder.engagement("totals 20 --profile work --dry-run").run().ends(2).prints_nothing()
    };
    run("[profiles.work]\nquotta = \"1/min\"\n").says(&["engagement.toml", "line 2", "quotta"]);
    run("default_profil = \"work\"\n").says(&["engagement.toml", "line 1", "default_profil"]);
    run("[profiles.work\n").says(&["engagement.toml", "line 1"]);
    run("[profiles.work]\nquota = \"fast\"\n").says(&["quota", "fast", "60/min"]);
    run("[profiles.work]\noutput = \"xml\"\n").says(&["output", "xml"]);
    run("[profiles.home]\n").says(&["work", "home"]);
    run("[profiles.work]\nbearer_token = \"b\"\n").says(&["bearer_token"]);
    folder.engagement("totals 20 --config nope.toml --dry-run").run().ends(2).says(&["nope.toml"]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let folder = Folder::new();
    for words in [
        "totals 20 --as a --app",
        "totals 20 -o table --group-by g=tweet.id",
        "totals 20 -o raw --wide",
        "totals 20 --frobnicate",
        "totals 20 --by hour",
        "totals 20 --start 7d",
        "historical 20",
        "28hr 20 --by week",
        "totals 20 --max-requests many",
        "totals 20 --concurrency 0",
        "totals 20 --quota 0/min",
        "totals 20 --timeout 0s",
        "totals 20 -o yaml",
        "totals 20 --fail-on",
        "--profile emulator --base-url http://127.0.0.1:9 totals 20",
        "--profile nowhere totals 20",
        "--base-url http://example.com totals 20",
        "--base-url ftp://127.0.0.1 totals 20",
        "totals --ids - --ids -",
        "nonsense",
        "",
    ] {
        let done = folder
            .engagement(words)
            .env("ENGAGEMENT_CONSUMER_KEY", "k")
            .env("ENGAGEMENT_CONSUMER_SECRET", "s")
            .run();
        assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{words}: {}", done.stderr);
    }
}

#[test]
fn errors_are_objects_for_programs() {
    let folder = Folder::new();
    let shape = |words: &str, code: i32| {
        let error = folder.engagement(words).run().ends(code).prints_nothing().error();
        let object = error["error"].as_object().unwrap().clone();
        assert_eq!(error.as_object().unwrap().len(), 1);
        assert_eq!(
            object.keys().map(String::as_str).collect::<Vec<_>>(),
            ["code", "hint", "message", "retryable"]
        );
        assert!(
            object["code"].is_string() && object["message"].is_string() && object["retryable"].is_boolean()
        );
    };
    shape("totals -o json 20", 4);
    shape("totals -o json --metrics nope 20", 2);
    shape("totals -o json x", 7);
    shape("totals -o json --as a --app 20", 2);
    shape("totals --output=json --frobnicate", 2);
    shape("ids nope -o json", 7);
    folder.write("engagement.toml", "default_profile = \"work\"\n[profiles.work]\noutput = \"json\"\n");
    shape("totals x", 7);
}

#[test]
fn what_goes_wrong_on_the_way_is_an_object_too() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let stranger = server.tweet("unowned");
    let run = |words: &str| folder.engagement(words).arg(&stranger).brand(&server);
    let code = |error: serde_json::Value| error["error"]["code"].as_str().unwrap().to_owned();
    let words = "totals -o json --metrics favorites";
    let done = run(words).env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "wrong").run().ends(4);
    assert_eq!(code(done.error()), "authentication");
    assert_eq!(code(run(&format!("{words} --as 1111")).run().ends(3).error()), "incomplete");
    assert_eq!(code(run(&format!("{words} --max-requests 0")).run().ends(5).error()), "quota");
    let unreachable = run(&format!("{words} --timeout 1s")).env("ENGAGEMENT_BASE_URL", "http://127.0.0.1:9");
    let error = unreachable.run().ends(6).error();
    assert_eq!(error["error"]["retryable"], true);
    assert_eq!(code(error), "network");
    server.post("/_emulator/faults", r#"[{"status":429,"header":{"retry-after":"1"}}]"#);
    let error = run(words).run().ends(5).error();
    let back: jiff::Timestamp = error["error"]["retry_at"].as_str().unwrap().parse().unwrap();
    assert!(back <= jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3), "{back}");
    assert_eq!((&error["error"]["retryable"], code(error.clone()).as_str()), (&true.into(), "quota"));
    assert!(error["error"]["hint"].as_str().unwrap().contains("after "), "{error}");
}

/// Asking again brings neither a certificate nor a password: nobody is told to.
#[test]
fn what_asking_again_does_not_mend_is_not_called_passing() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = proxy.accept().unwrap();
        let _ = socket.read(&mut [0; 1024]).unwrap();
        socket.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").unwrap();
    });
    let done = folder
        .engagement("totals 20 -o json --metrics favorites")
        .brand(&server)
        .env("ENGAGEMENT_BASE_URL", "https://data-api.invalid")
        .env("HTTPS_PROXY", format!("http://{address}"))
        .run()
        .ends(6);
    let error = &done.error()["error"];
    assert_eq!(error["retryable"], false);
    assert!(error["message"].as_str().unwrap().contains("wants a user name and password"), "{error}");
    assert!(error["hint"].as_str().unwrap().starts_with("check the proxy's URL"), "{error}");
}

#[test]
fn an_option_wins_over_the_environment() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let owner = |words: &str, name: &str, value: &str| {
        let done = folder.engagement(words).arg(&id).brand(&server).env(name, value).run().ends(0);
        done.lines()[0]["owner"].clone()
    };
    let words = "totals --metrics favorites";
    assert_eq!(owner(&format!("{words} --as 1111"), "ENGAGEMENT_APP", "true"), "1111");
    assert_eq!(owner(&format!("{words} --app"), "ENGAGEMENT_AS", "1111"), serde_json::Value::Null);
    assert_eq!(owner(words, "ENGAGEMENT_APP", "0"), "1111");
    folder
        .engagement(words)
        .arg(&id)
        .brand(&server)
        .env("ENGAGEMENT_APP", "1")
        .env("ENGAGEMENT_AS", "1111")
        .run()
        .ends(2)
        .says(&["--as", "--app"]);
}

#[test]
fn no_home() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut run = folder.engagement("totals --metrics favorites").arg(server.tweet("unowned")).app(&server);
    run.command.env_remove("HOME").env_remove("XDG_CONFIG_HOME");
    run.env("LC_ALL", "C").run().ends(0);
}

#[test]
fn help_and_version_are_answers() {
    let folder = Folder::new();
    let version = folder.engagement("--version").run().ends(0);
    assert_eq!(version.stdout, format!("engagement {}\n", env!("CARGO_PKG_VERSION")));
    for words in ["--help", "totals --help", "help historical", "completions zsh"] {
        let done = folder.engagement(words).run().ends(0);
        assert!(!done.stdout.is_empty() && done.stderr.is_empty());
    }
    folder.engagement("man --dir pages").run().ends(0);
    assert!(folder.path().join("pages/engagement-totals.1").exists());
}

#[test]
fn a_file_that_lies_in_the_folder_sends_credentials_nowhere() {
    let folder = Folder::new();
    // Nor to whatever may listen on this machine.
    for url in [
        "https://evil.example",
        "https://api.twitter.com.example",
        "https://nottwitter.com",
        "http://127.0.0.1:9",
        "http://localhost:9",
    ] {
        for name in ["base_url", "api_url"] {
            let text = format!("[profiles.work]\n{name} = \"{url}\"\n");
            folder.write("engagement.toml", &text);
            folder
                .engagement("totals 20 --profile work --dry-run")
                .run()
                .ends(2)
                .prints_nothing()
                .says(&["would send credentials to", "--config"]);
            // Named, it is the user's own choice.
            folder.write("own.toml", &text);
            folder.engagement("totals 20 --config own.toml --profile work --dry-run").run().ends(0);
        }
    }
    // Nor does it run anything, or say whom to trust.
    for (line, said) in
        [("credential_command = \"touch ran\"", "runs no commands"), ("ca_file = \"ca.pem\"", "certificates")]
    {
        let text = format!("default_profile = \"work\"\n[profiles.work]\n{line}\n");
        folder.write("engagement.toml", &text);
        for words in ["totals 20", "auth list", "request GET https://api.twitter.com/ --print", "doctor"] {
            let done = folder.engagement(words).run().ends(2);
            let all = format!("{}{}", done.stdout, done.stderr);
            assert!(all.contains(said) && all.contains("--config"), "{words}: {all}");
        }
        assert!(!folder.path().join("ran").exists());
    }
    folder.write(
        "own.toml",
        "default_profile = \"work\"\n[profiles.work]\ncredential_command = \"touch ran\"\n",
    );
    fs::remove_file(folder.path().join("engagement.toml")).unwrap();
    folder.engagement("auth list --config own.toml").run();
    assert!(folder.path().join("ran").exists());
    for url in ["https://data-api.x.com", "https://data-api.twitter.com"] {
        folder.write("engagement.toml", format!("[profiles.work]\nbase_url = \"{url}\"\n"));
        folder.engagement("totals 20 --profile work --dry-run").run().ends(0);
    }
}

#[test]
fn a_wrong_host_is_told_as_one() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unowned");
    let run = || folder.engagement("totals").arg(&id).app(&server).run().ends(3);
    for fault in [
        r#""status":404,"body":"{\"errors\":[{\"message\":\"Sorry, that page does not exist\",\"code\":34}]}""#,
        r#""status":302,"header":{"location":"http://127.0.0.1:9/"}"#,
    ] {
        server.post("/_emulator/faults", &format!(r#"[{{"endpoint":"totals","every":1,{fault}}}]"#));
        run().says(&["--base-url"]);
    }
    server.post("/_emulator/faults", r#"[{"endpoint":"totals","every":1,"status":400}]"#);
    assert!(!run().stderr.contains("--base-url"));
}
