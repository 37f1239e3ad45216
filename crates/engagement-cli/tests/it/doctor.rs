//! `engagement doctor`: a line for each thing, with cause and remedy.

use serde_json::Value;

use crate::{
    engagement::{Done, Folder},
    server::Server,
};

/// The line of this check.
fn line<'a>(lines: &'a Value, check: &str) -> &'a Value {
    let found = lines.as_array().unwrap().iter().find(|line| line["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {lines}"))
}

fn state(done: &Done, check: &str) -> String {
    line(&done.json(), check)["state"].as_str().unwrap().to_owned()
}

#[test]
fn everything_is_well() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder.engagement("doctor --json").brand(&server).run().ends(0);
    let lines = done.json();
    for check in [
        "API proxy",
        "API name",
        "API connection",
        "API clock",
        "origin of app",
        "credential the app",
        "credential @demo_brand",
        "provisioning",
    ] {
        assert_eq!(line(&lines, check)["state"], "ok", "{lines}");
    }
    assert!(!format!("{done:?}").contains("demo-token-secret"));
    let done = folder.engagement("doctor").brand(&server).run().ends(0);
    assert!(done.stdout.contains("ok       provisioning: the app may use"), "{}", done.stdout);
    folder.engagement("--profile emulator doctor --json").run().ends(0);
}

#[test]
fn each_value_has_its_origin() {
    let folder = Folder::new();
    folder.write(
        "config/engagement/config.toml",
        "default_profile = \"work\"\n[profiles.work]\ntimeout = \"2s\"\nquota = \"30/min\"\n",
    );
    folder.write("engagement.toml", "[profiles.work]\nquota = \"60/min\"\n");
    let run = folder
        .engagement("doctor --json --base-url http://127.0.0.1:9")
        .env("ENGAGEMENT_OUTPUT", "json")
        .env("ENGAGEMENT_CA_FILE", "");
    let done = run.run().ends(4);
    let lines = done.json();
    let message = |check: &str| line(&lines, check)["message"].as_str().unwrap().to_owned();
    let config = folder.path().join("config/engagement/config.toml");
    assert_eq!(message("setting base_url"), "http://127.0.0.1:9 (option)");
    assert_eq!(message("setting output"), "json (environment)");
    assert_eq!(message("setting quota"), "60/min (engagement.toml)");
    assert_eq!(message("setting timeout"), format!("2s ({})", config.display()));
    assert_eq!(message("setting profile"), format!("work ({})", config.display()));
    assert_eq!(message("setting ca_file"), "none (default)");
    assert_eq!(line(&lines, "API connection")["state"], "failed");
    assert!(line(&lines, "API connection")["remedy"].as_str().unwrap().contains("HTTPS_PROXY"));
}

#[test]
fn what_is_in_force_is_what_is_shown() {
    let folder = Folder::new();
    folder.write(
        "config/engagement/config.toml",
        "default_profile = \"work\"\n[profiles.work]\nquota = \"30/min\"\nconcurrency = 3\n",
    );
    let doctor = |words: &str| {
        let run = folder.engagement("doctor --json").args(words.split_whitespace());
        run.env("ENGAGEMENT_QUOTA", "7/min").run()
    };
    let shown = |done: &Done, name: &str| {
        line(&done.json(), &format!("setting {name}"))["message"].as_str().unwrap().to_owned()
    };
    let done = doctor("--base-url http://127.0.0.1:9");
    assert_eq!(shown(&done, "quota"), "7/min (environment)");
    assert!(shown(&done, "concurrency").starts_with("3 ("), "{}", done.stdout);
    let done = doctor("--profile emulator").ends(0);
    assert_eq!(shown(&done, "base_url"), "the emulator inside this program (built in)");
    let done = doctor("--base-url https://user:canary@127.0.0.1:9").ends(2);
    assert!(!format!("{done:?}").contains("canary"), "{done:?}");
    assert_eq!(shown(&done, "base_url"), "https://[hidden]@127.0.0.1:9 (option)");
    let config = folder.write("none.toml", "[profiles.none]\nconcurrency = 0\n");
    for words in ["doctor", "totals 20", "collect --endpoint totals --dry-run 20"] {
        for wrong in ["many", "0", "513"] {
            let run = folder.engagement(words).env("ENGAGEMENT_CONCURRENCY", wrong).run().ends(2);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("a number of requests from 1 to 512"), "{words} {wrong}: {said}");
        }
        let run = folder.engagement(words).args(["--profile", "none", "--config"]).arg(&config).run().ends(2);
        assert!(format!("{run:?}").contains("a number of requests from 1 to 512"), "{words}: {run:?}");
    }
}

#[test]
fn what_is_wrong_has_a_remedy() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder
        .engagement("doctor --json")
        .app(&server)
        .env("ENGAGEMENT_CONSUMER_SECRET", "canary")
        .run()
        .ends(4);
    assert_eq!(state(&done, "credential the app"), "failed");
    assert!(done.stdout.contains("auth app") && !done.stdout.contains("canary"), "{}", done.stdout);
    let done = folder.engagement("doctor --json --base-url").arg(server.url()).run().ends(4);
    assert!(line(&done.json(), "credentials")["remedy"].as_str().unwrap().contains("auth app"));

    let now: jiff::Timestamp = server.get("/_emulator/world")["now"].as_str().unwrap().parse().unwrap();
    let later = now - jiff::SignedDuration::from_mins(10);
    server.post("/_emulator/clock", &format!(r#"{{"now":"{later}","frozen":true}}"#));
    let done = folder.engagement("doctor --json").app(&server).run().ends(0);
    let clock = line(&done.json(), "API clock").clone();
    assert_eq!(clock["state"], "warning");
    let message = clock["message"].as_str().unwrap();
    assert!(
        message.starts_with("this machine's clock is 60") && message.contains(" s ahead of the server's"),
        "{clock}"
    );
    assert!(message.contains("requests are signed by the server's"), "{clock}");
    assert_eq!(clock["remedy"], "set this machine's clock");

    folder.write("engagement.toml", "[profiles.work\n");
    let done = folder.engagement("doctor --json").run().ends(2);
    assert_eq!(state(&done, "config"), "failed");
}

#[test]
fn a_store_is_looked_at() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let run =
        |words: &str| folder.engagement("doctor --json").args(words.split_whitespace()).app(&server).run();
    assert_eq!(state(&run("").ends(0), "store"), "ok");
    folder.write("engagement.db", "this is no database, and it is long enough to be looked at".repeat(20));
    let done = run("").ends(8);
    assert_eq!(state(&done, "store"), "failed");
    assert!(line(&done.json(), "store")["remedy"].is_string(), "{}", done.stdout);
    run("--store nowhere.db").ends(8);
}

#[test]
fn a_certificate_that_nobody_knows_and_an_app_without_the_product() {
    let folder = Folder::new();
    folder.write(
        "world.toml",
        "[[app]]\napp_id = 1\nconsumer_key = \"demo-consumer-key\"\nconsumer_secret = \"demo-consumer-secret\"\nprovisioned = false\n",
    );
    let server = Server::with(&folder, "--quota 6000/min --world world.toml");
    let done = folder.engagement("doctor --json").app(&server).run().ends(4);
    assert_eq!(state(&done, "provisioning"), "failed");
    assert_eq!(state(&done, "credential the app"), "ok");
    let done = folder
        .engagement("doctor --json")
        .app(&server)
        .env("ENGAGEMENT_BASE_URL", server.url().replace("http:", "https:"))
        .env("HTTPS_PROXY", "http://user:canary-password@127.0.0.1:9")
        .run();
    assert!(!format!("{done:?}").contains("canary"), "{done:?}");
    assert_eq!(state(&done, "API connection"), "failed");
}
