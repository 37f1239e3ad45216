//! Credentials that are kept: `engagement auth`, and who uses them.

use std::{fs, path::PathBuf};

use crate::{engagement::Folder, server::Server};

mod check;
mod import;
mod keeping;
mod login;

/// The file that keeps credentials.
fn kept(folder: &Folder) -> PathBuf {
    folder.path().join("config/engagement/credentials.toml")
}

/// Keeps the demo app, and the token of `demo_brand`.
fn keep_demo(folder: &Folder) {
    folder.engagement("auth app").stdin("demo-consumer-key\ndemo-consumer-secret\n").run().ends(0);
    folder
        .engagement("auth add demo_brand")
        .stdin("1111-demo-access-token\ndemo-token-secret\n")
        .run()
        .ends(0);
}

#[test]
fn kept_credentials_ask() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let id = server.tweet("owned");
    let ask = |words: &str| {
        folder.engagement(words).arg(&id).args(["--base-url", server.url()]).args(["-o", "ndjson"]).run()
    };
    let done = ask("totals --metrics impressions").ends(0);
    assert_eq!((&done.lines()[0]["state"], &done.lines()[0]["owner"]), (&"ok".into(), &"demo_brand".into()));
    // A second account makes it unknown whose the Tweet is: the app alone asks then.
    folder.engagement("auth add").stdin("demo_news 2222-demo-access-token demo-token-secret-2").run().ends(0);
    let done = ask("totals --metrics favorites").ends(0);
    assert!(done.lines()[0]["owner"].is_null());
    let done = ask("totals --metrics impressions --as 1111").ends(0);
    assert_eq!(done.lines()[0]["owner"], "demo_brand");
    ask("totals --as nobody").ends(4).says(&["nobody", "demo_brand", "demo_news"]);
}

#[test]
fn the_environment_comes_first() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let id = server.tweet("owned");
    let owner = |run: crate::engagement::Engagement| {
        run.arg(&id).args(["--base-url", server.url()]).run().ends(0).lines()[0]["owner"].clone()
    };
    // The app of the environment is the one that is kept, so its accounts are of use.
    let metric = "totals --metrics favorites";
    let app = |run: crate::engagement::Engagement| {
        run.env("ENGAGEMENT_CONSUMER_KEY", "demo-consumer-key")
            .env("ENGAGEMENT_CONSUMER_SECRET", "demo-consumer-secret")
    };
    assert_eq!(owner(app(folder.engagement(metric))), "demo_brand");
    let other = folder
        .engagement(metric)
        .env("ENGAGEMENT_ACCESS_TOKEN", "1111-demo-access-token")
        .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "demo-token-secret");
    assert_eq!(owner(other), "1111");
    // Another app's accounts are of no use to this one.
    let done = folder
        .engagement("28hr")
        .arg(&id)
        .args(["--base-url", server.url()])
        .env("ENGAGEMENT_CONSUMER_KEY", "another")
        .env("ENGAGEMENT_CONSUMER_SECRET", "s")
        .run()
        .ends(4);
    done.says(&["owner"]);
}

#[test]
fn profiles_keep_their_own() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let id = server.tweet("owned");
    folder.engagement("--profile work auth app").stdin("k\ns\n").run().ends(0);
    let ask = |profile: &str| {
        folder
            .engagement("totals --metrics favorites")
            .arg(&id)
            .args(["--base-url", server.url(), "--profile", profile])
            .run()
    };
    ask("default").ends(0);
    ask("work").ends(4);
    ask("wrok").ends(2).says(&["no profile \"wrok\""]);
    let lines = folder.engagement("auth list").run().ends(0).lines();
    let shown: Vec<_> = lines
        .iter()
        .map(|line| format!("{} {} {}", line["profile"], line["kind"], line["consumer_key"]).replace('"', ""))
        .collect();
    assert_eq!(shown, ["default app demo-consumer-key", "default account demo-consumer-key", "work app k"]);
    assert_eq!(folder.engagement("auth list --profile work").run().ends(0).lines().len(), 1);
}

#[test]
fn a_command_gives_credentials() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let config = |command: &str| {
        folder.write(
            "config/engagement/config.toml",
            format!("default_profile = \"work\"\n[profiles.work]\ncredential_command = {command}\n"),
        )
    };
    let ask = || {
        folder
            .engagement("totals --metrics impressions")
            .arg(server.tweet("owned"))
            .args(["--base-url", server.url()])
            .run()
    };
    let all = r#"{"consumer_key":"demo-consumer-key","consumer_secret":"demo-consumer-secret","accounts":[
        {"handle":"demo_brand","access_token":"1111-demo-access-token","access_token_secret":"demo-token-secret"}]}"#;
    folder.write("all.json", all);
    config("\"cat all.json\"");
    assert_eq!(ask().ends(0).lines()[0]["owner"], "demo_brand");
    config("[\"cat\", \"all.json\"]");
    ask().ends(0);
    folder.write("more.json", all.replacen('{', r#"{"app_id":12345,"#, 1));
    config("\"cat more.json\"");
    let done = ask().ends(0).says(&["warning", "\"app_id\" has no meaning here"]);
    assert!(!done.stderr.contains("12345"), "{}", done.stderr);
    config("\"echo canary-secret; echo canary-secret >&2; exit 9\"");
    let done = ask().ends(4).says(&["credential_command failed", "9", "by hand"]);
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    config("\"echo canary-secret\"");
    let done = ask().ends(4).says(&["NAME=VALUE"]);
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    config("[]");
    ask().ends(2).says(&["credential_command is empty"]);
}

#[test]
fn requests_use_them_too() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    folder.engagement("auth add demo_news").stdin("2222-demo-access-token demo-token-secret").run().ends(0);
    let who = |words: &str| {
        let done = folder
            .engagement("request GET /1.1/account/verify_credentials.json")
            .args(words.split_whitespace())
            .args(["--base-url", server.url()])
            .run();
        (done.code.unwrap(), done.stderr, done.stdout)
    };
    let (code, said, answer) = who("");
    assert!(code == 0 && said.contains("asking with the token of demo_brand"), "{said}");
    assert!(answer.contains("demo_brand"), "{answer}");
    let (code, said, answer) = who("--as demo_brand");
    assert!(code == 0 && answer.contains("demo_brand") && !said.contains("asking"), "{said}");
    let (code, said, _) = who("--as nobody");
    assert!(code == 4 && said.contains("demo_news"), "{said}");
    assert_eq!(who("--as demo_brand --app").0, 2);
    // An app alone is no user.
    assert_eq!(who("--app").0, 4);
}

#[test]
fn a_bearer_token_goes_to_the_apis_hosts_alone() {
    let folder = Folder::new();
    folder.engagement("auth app").stdin("bearer_token=canary-bearer\n").run().ends(0);
    let ask = |url: &str| folder.engagement("request --print --app GET").arg(url).run();
    for url in ["https://api.twitter.com/2/x", "https://data-api.x.com/x", "http://127.0.0.1:9/x"] {
        let done = ask(url).ends(0);
        assert!(
            done.stdout.contains("Bearer [hidden]") && !done.stdout.contains("canary"),
            "{}",
            done.stdout
        );
    }
    for url in ["https://example.com/", "https://nottwitter.com/", "https://twitter.com.example/"] {
        let done = ask(url).ends(4).says(&["none of the API's hosts"]);
        assert!(!done.stdout.contains("Bearer"), "{}", done.stdout);
    }
    let done = folder
        .engagement("request --print --app GET https://my.example/ --base-url https://my.example")
        .run();
    assert!(done.ends(0).stdout.contains("Bearer [hidden]"));
    // With a key and a secret, a signature goes there instead.
    folder.engagement("auth app").stdin("consumer_key=k\nconsumer_secret=s\nbearer_token=b\n").run().ends(0);
    assert!(ask("https://example.com/").ends(0).stdout.contains("OAuth "));
}

#[test]
fn the_emulators_profile_keeps_nothing() {
    let folder = Folder::new();
    folder.engagement("--profile emulator auth list").run().ends(2).says(&["built in"]);
    assert!(!fs::exists(kept(&folder)).unwrap());
}

#[test]
fn a_token_of_the_environment_hides_none_that_is_kept() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let id = server.tweet("owned");
    let ask = |words: &str| {
        let run = folder.engagement(words).arg(&id).args(["--base-url", server.url()]);
        run.env("ENGAGEMENT_ACCESS_TOKEN", "2222-demo-access-token")
            .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "demo-news-token-secret")
            .run()
    };
    let done = ask("totals --metrics impressions --as demo_brand").ends(0);
    assert_eq!(done.lines()[0]["owner"], "demo_brand");
    ask("totals --metrics favorites --as demo_news").ends(3);
    let list = folder.engagement("auth list").env("ENGAGEMENT_ACCESS_TOKEN", "2222-t");
    let list = list.env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "s").run().ends(0).lines();
    let origins: Vec<_> = list[1..].iter().map(|line| line["kept_in"].as_str().unwrap().to_owned()).collect();
    assert_eq!(origins, ["environment".to_owned(), kept(&folder).display().to_string()]);
    // Nobody is named: the environment's token asks, however many are kept.
    folder
        .engagement("auth add")
        .stdin("demo_sport 3333-demo-access-token demo-sport-token-secret\n")
        .run()
        .ends(0);
    let done = folder.engagement("28hr --by total").arg(&id).brand(&server).run().ends(0);
    assert!(done.lines().iter().all(|row| row["owner"] == "1111"), "{}", done.stdout);
    // Where the environment has all that is needed, a store that gives nothing is no obstacle.
    fs::set_permissions(kept(&folder), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let done = folder.engagement("totals --metrics impressions").arg(&id).brand(&server).run().ends(0);
    let chmod = format!("chmod 600 {}", kept(&folder).display());
    done.says(&["accounts that are kept are left out", "read by others", &chmod]);
    let lines = folder.engagement("doctor --json").brand(&server).run().ends(0).json();
    let line = lines.as_array().unwrap().iter().find(|line| line["check"] == "kept credentials").unwrap();
    assert_eq!(line["state"], "warning");
    assert!(line["remedy"].as_str().unwrap().contains(&chmod), "{line}");
}

#[test]
fn auto_is_the_default_by_its_name() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let id = server.tweet("owned");
    let ask = |words: &str, twin: &str| {
        let run = folder.engagement(words).arg(&id).args(["--base-url", server.url()]);
        run.env("ENGAGEMENT_AS", twin).run().ends(0).lines()[0]["owner"].clone()
    };
    for (words, twin) in [("--as auto", ""), ("", "auto"), ("--as auto", "nobody")] {
        assert_eq!(ask(&format!("totals --metrics favorites {words}"), twin), "demo_brand", "{words} {twin}");
    }
    let request = folder.engagement("request GET /1.1/account/verify_credentials.json --as auto --base-url");
    request.arg(server.url()).run().ends(0);
    assert!(folder.engagement("totals --help").run().ends(0).stdout.contains("default: auto"));
}

#[test]
fn a_request_renews_a_bearer_token_that_is_good_no_longer() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let app =
        "consumer_key=demo-consumer-key\nconsumer_secret=demo-consumer-secret\nbearer_token=AAAAstale\n";
    folder.engagement("auth app").stdin(app).run().ends(0);
    let body = r#"{"tweet_ids":["20"],"engagement_types":["favorites"],"groupings":{"g":{"group_by":["tweet.id","engagement.type"]}}}"#;
    let ask = || {
        let run = folder.engagement("request POST /insights/engagement/totals --app -d @- --base-url");
        run.arg(server.url()).args(["-H", "Content-Type: application/json"]).stdin(body).run()
    };
    let done = ask();
    assert!(!done.stderr.contains("401"), "{}", done.stderr);
    assert!(fs::read_to_string(kept(&folder)).unwrap().contains("AAAAdemo%3Dtoken"));
    let before = server.requests();
    assert_eq!(ask().code, done.code);
    assert_eq!(server.requests(), before + 1);
}

#[test]
fn a_credential_that_no_header_can_carry_is_no_trouble_of_the_network() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.engagement("auth app").stdin("bearer_token=AAAA\n").run().ends(0);
    let text = fs::read_to_string(kept(&folder)).unwrap().replace("AAAA", "AAAA\\n");
    fs::write(kept(&folder), text).unwrap();
    for words in ["auth check", "totals 20", "request GET /insights/x"] {
        let done = folder.engagement(words).args(["--base-url", server.url()]).run().ends(4);
        done.says(&["characters that a header cannot carry"]);
    }
}
