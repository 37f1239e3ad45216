//! `engagement auth check` and `auth remove --revoke`: each trouble by its own name.

use serde_json::Value;

use super::keep_demo;
use crate::{
    engagement::{Done, Folder},
    server::Server,
};

fn check(folder: &Folder, server: &Server, words: &str) -> Done {
    folder.engagement("auth check --base-url").arg(server.url()).args(words.split_whitespace()).run()
}

/// What was found of the app, and of each account.
fn found(done: &Done) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    done.lines().iter().map(|line| (text(&line["handle"]), text(&line["found"]))).collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(who, what)| ((*who).to_owned(), (*what).to_owned())).collect()
}

#[test]
fn what_is_good_is_written_down() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    check(&folder, &server, "").ends(4).says(&["no credentials"]);
    keep_demo(&folder);
    folder.engagement("auth add").stdin("3333-demo-access-token demo-sport-token-secret\n").run().ends(0);
    let done = check(&folder, &server, "").ends(0);
    assert_eq!(found(&done), pairs(&[("", "good"), ("demo_brand", "good"), ("demo_sport", "good")]));
    // The handle that was not known is, and the bearer token is kept.
    let list = folder.engagement("auth list").run().ends(0).lines();
    let shown: Vec<_> =
        list.iter().map(|line| format!("{} {} {}", line["kind"], line["handle"], line["found"])).collect();
    assert_eq!(
        shown,
        [
            "\"app\" null \"good\"",
            "\"bearer\" null null",
            "\"account\" \"demo_brand\" \"good\"",
            "\"account\" \"demo_sport\" \"good\""
        ]
    );
    assert_eq!(check(&folder, &server, "@DEMO_sport").ends(0).lines().len(), 2);
    check(&folder, &server, "nobody").ends(4).says(&["nobody", "demo_brand, demo_sport"]);
}

#[test]
fn a_wrong_consumer_key() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for app in ["wrong\ndemo-consumer-secret\n", "demo-consumer-key\nwrong\n"] {
        folder.engagement("auth app").stdin(app).run().ends(0);
        folder.engagement("auth add").stdin("1111-demo-access-token demo-token-secret\n").run().ends(0);
        let done = check(&folder, &server, "").ends(4);
        assert_eq!(found(&done), pairs(&[("", "wrong_consumer"), ("", "wrong_consumer")]));
        done.says(&["the app: the server does not accept the consumer key with its secret", "auth app"]);
        // Mended, the account is still there.
        folder.engagement("auth app").stdin("demo-consumer-key\ndemo-consumer-secret\n").run().ends(0);
        let done = check(&folder, &server, "").ends(0);
        assert_eq!(found(&done), pairs(&[("", "good"), ("demo_brand", "good")]));
        folder.engagement("auth remove --all").run().ends(0);
    }
    // It is the key, too, where the data API cannot be asked or is in trouble.
    folder.engagement("auth app").stdin("wrong\ndemo-consumer-secret\n").run().ends(0);
    let elsewhere = ["--base-url", "http://127.0.0.1:1", "--timeout", "1s", "--api-url", server.url()];
    let done = folder.engagement("auth check").args(elsewhere).run().ends(4);
    assert_eq!(found(&done), pairs(&[("", "wrong_consumer")]));
    server.post("/_emulator/faults", r#"[{"endpoint":"totals","every":1,"status":404}]"#);
    assert_eq!(found(&check(&folder, &server, "").ends(4)), pairs(&[("", "wrong_consumer")]));
}

#[test]
fn tokens_that_are_wrong_each_in_its_way() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    folder
        .engagement("auth add")
        .stdin("demo_news 2222-mistyped demo-token-secret\ndemo_sport 3333-demo-access-token mistyped\n")
        .run()
        .ends(0);
    let done = check(&folder, &server, "").ends(4);
    assert_eq!(
        found(&done),
        pairs(&[
            ("", "good"),
            ("demo_brand", "good"),
            ("demo_news", "wrong_token"),
            ("demo_sport", "wrong_token_secret")
        ])
    );
    done.says(&[
        "@demo_news: the server does not know this access token for this app",
        "auth login demo_news",
        "@demo_sport: the access token's secret does not belong to it",
    ]);
}

#[test]
fn a_revoked_token_and_what_follows() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    folder
        .engagement("auth add")
        .stdin("demo_news 2222-demo-access-token demo-news-token-secret\n")
        .run()
        .ends(0);
    check(&folder, &server, "").ends(0);
    // By somebody else: the user, in the settings of the account.
    folder.engagement("request POST /1.1/oauth/invalidate_token.json").brand(&server).run().ends(0);
    let done = check(&folder, &server, "").ends(4);
    assert_eq!(found(&done), pairs(&[("", "good"), ("demo_brand", "revoked_token"), ("demo_news", "good")]));
    done.says(&[
        "@demo_brand: the server does not accept this access token any more",
        "do not expire",
        "auth login demo_brand",
    ]);
    // Asked for numbers, the others go on, and the handle is named.
    let ids = [server.tweet("owned"), server.tweets_of("demo_news", 1).remove(0)];
    folder.write("owners.csv", format!("tweet_id,handle\n{},demo_brand\n{},demo_news\n", ids[0], ids[1]));
    let done = folder
        .engagement("totals --metrics impressions --owners owners.csv --base-url")
        .arg(server.url())
        .args(&ids)
        .run()
        .ends(4);
    let mut states: Vec<_> =
        done.lines().iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    assert_eq!(states, ["failed", "ok"]);
    done.says(&["demo_brand", "revoked or reset", "auth login demo_brand"]);
}

#[test]
fn a_token_of_another_app() {
    let folder = Folder::new();
    folder.write(
        "world.toml",
        "[[app]]\napp_id = 1\nconsumer_key = \"one\"\nconsumer_secret = \"s\"\n[[app]]\napp_id = 2\nconsumer_key = \"two\"\n\
         consumer_secret = \"s\"\n[[account]]\nuser_id = 7\nscreen_name = \"seven\"\naccess_token = \"7-unused\"\n\
         access_token_secret = \"s\"\n",
    );
    let server = Server::with(&folder, "--quota 6000/min --world world.toml");
    folder.engagement("auth app").stdin("one\ns\n").run().ends(0);
    folder.engagement("--profile second auth app").stdin("two\ns\n").run().ends(0);
    // The token is taken back from the one app, and so belongs to the other.
    folder.engagement("auth add seven").stdin("7-unused\ns\n").run().ends(0);
    folder
        .engagement("auth remove seven --revoke --base-url")
        .arg(server.url())
        .run()
        .ends(0)
        .says(&["revoked"]);
    folder.engagement("auth add seven").stdin("7-unused\ns\n").run().ends(0);
    let done = check(&folder, &server, "").ends(4);
    assert_eq!(found(&done), pairs(&[("", "good"), ("seven", "other_app")]));
    done.says(&["@seven: the access token belongs to another app", "the app of the profile second"]);
    let all = check(&folder, &server, "--all").ends(4);
    assert_eq!(all.lines().len(), 3);
}

#[test]
fn a_clock_that_is_off_is_named_in_seconds() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let now: jiff::Timestamp = server.get("/_emulator/world")["now"].as_str().unwrap().parse().unwrap();
    let later = now + jiff::SignedDuration::from_mins(10);
    server.post("/_emulator/clock", &format!(r#"{{"now":"{later}","frozen":true}}"#));
    // Signed again by the server's clock, everything is good; and yet it is said.
    let done = check(&folder, &server, "").ends(0);
    let ahead = done.lines()[1]["clock_ahead"].as_i64().unwrap();
    assert!((590..=600).contains(&ahead), "{ahead}");
    let said = " s behind the server's; requests are signed by the server's; set this machine's clock";
    let done = done.says(&["this machine's clock is", said]);
    assert_eq!(done.stderr.matches("this machine's clock").count(), 2, "{}", done.stderr);
    // Where nothing is signed, too.
    let done = check(&folder, &server, "--profile app-alone").ends(2).says(&["no profile \"app-alone\""]);
    assert!(!done.stderr.contains("clock"), "{}", done.stderr);
    folder.engagement("--profile app-alone auth app").stdin("bearer_token=AAAAdemo%3Dtoken").run().ends(0);
    check(&folder, &server, "--profile app-alone")
        .ends(0)
        .says(&["this machine's clock is", "behind the server's"]);
}

#[test]
fn an_app_that_is_not_provisioned() {
    let folder = Folder::new();
    folder.write(
        "world.toml",
        "[[app]]\napp_id = 1\nconsumer_key = \"k\"\nconsumer_secret = \"s\"\nprovisioned = false\n[[account]]\nuser_id = 7\n\
         screen_name = \"seven\"\naccess_token = \"7-t\"\naccess_token_secret = \"s\"\n",
    );
    let server = Server::with(&folder, "--quota 6000/min --world world.toml");
    folder.engagement("auth app").stdin("k\ns\n").run().ends(0);
    folder.engagement("auth add").stdin("7-t s\n").run().ends(0);
    let done = check(&folder, &server, "").ends(4);
    assert_eq!(found(&done), pairs(&[("", "not_provisioned"), ("seven", "not_provisioned")]));
    done.says(&["the app is not provisioned for the Engagement API", "account manager"]);
}

#[test]
fn the_network_and_the_server() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let done = folder.engagement("auth check --timeout 1s --base-url http://127.0.0.1:9").run().ends(6);
    assert_eq!(found(&done), pairs(&[("", "network"), ("demo_brand", "network")]));
    server.post("/_emulator/faults", r#"[{"endpoint":"oauth","every":1,"status":404}]"#);
    let done = check(&folder, &server, "").ends(6);
    assert_eq!(found(&done)[0].1, "server");
    // A trouble of the way is not written down as one of the credential.
    assert!(folder.engagement("auth list").run().ends(0).lines()[0]["found"].is_null());
    server.post("/_emulator/faults", r#"[{"endpoint":"oauth","every":1,"status":429}]"#);
    assert_eq!(found(&check(&folder, &server, "").ends(5))[0].1, "quota_used_up");
}

#[test]
fn credentials_of_the_environment_are_checked_too() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder.engagement("auth check").brand(&server).run().ends(0);
    assert_eq!(found(&done), pairs(&[("", "good"), ("demo_brand", "good")]));
    let bearer = |token: &str| {
        folder
            .engagement("auth check --base-url")
            .arg(server.url())
            .env("ENGAGEMENT_BEARER_TOKEN", token)
            .run()
    };
    bearer("AAAAdemo%3Dtoken").ends(0);
    let done = bearer("AAAAother").ends(4).says(&["bearer token"]);
    assert_eq!(found(&done), pairs(&[("", "wrong_bearer")]));
    assert!(!super::kept(&folder).exists());
}

#[test]
fn what_is_revoked_is_gone_on_both_sides() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    check(&folder, &server, "").ends(0);
    let remove = |words: &str| {
        folder
            .engagement("auth remove --revoke --base-url")
            .arg(server.url())
            .args(words.split_whitespace())
            .run()
    };
    remove("demo_brand").ends(0).says(&["the token of demo_brand, which is revoked"]);
    folder.engagement("request GET /1.1/account/verify_credentials.json").brand(&server).run().ends(4);
    // What the server does not know was not revoked now.
    folder.engagement("auth add").stdin("1111-demo-access-token demo-token-secret\n").run().ends(0);
    remove("1111").ends(0).says(&["the token of 1111, which the server did not know"]);
    remove("--all").ends(0).says(&["the bearer token, which is revoked; the app\n"]);
    folder.engagement("auth list").run().ends(0).prints_nothing();
    // Nothing that the server did not revoke is forgotten.
    keep_demo(&folder);
    let done = folder
        .engagement("auth remove demo_brand --revoke --timeout 1s --base-url http://127.0.0.1:9")
        .run()
        .ends(6);
    done.says(&["demo_brand"]);
    assert_eq!(folder.engagement("auth list").run().ends(0).lines().len(), 2);
}

#[test]
fn a_bearer_token_is_invalidated_in_either_form() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let is_good = || {
        let run = folder.engagement("auth check --base-url").arg(server.url());
        run.env("ENGAGEMENT_BEARER_TOKEN", "AAAAdemo%3Dtoken").run().code == Some(0)
    };
    let remove = || {
        folder
            .engagement("auth remove --all --revoke --base-url")
            .arg(server.url())
            .run()
            .ends(0)
            .says(&["revoked"]);
    };
    let oauth = || {
        let requests = server.get("/_emulator/requests")["by_endpoint"]["oauth"].clone();
        ["200", "403"].map(|status| requests[status].as_u64().unwrap_or_default())
    };
    // Signed with an account's token, and then the account's own.
    keep_demo(&folder);
    folder.engagement("auth app").stdin(APP).run().ends(0);
    assert!(is_good());
    let before = oauth();
    remove();
    assert_eq!(oauth(), [before[0] + 2, before[1]]);
    assert!(!is_good());
    // An account that is not the app's owner cannot: then with the app's key and secret.
    let server = Server::start(&folder);
    let oauth = || {
        let requests = server.get("/_emulator/requests")["by_endpoint"]["oauth"].clone();
        ["200", "403"].map(|status| requests[status].as_u64().unwrap_or_default())
    };
    keep_demo(&folder);
    folder.engagement("auth app").stdin(APP).run().ends(0);
    server.post("/_emulator/faults", r#"[{"endpoint":"oauth","nth":1,"status":403}]"#);
    folder.engagement("auth remove --all --revoke --base-url").arg(server.url()).run().ends(0);
    assert_eq!(oauth(), [2, 1]);
    // And without any account.
    let server = Server::start(&folder);
    folder.engagement("auth app").stdin(APP).run().ends(0);
    folder.engagement("auth remove --all --revoke --base-url").arg(server.url()).run().ends(0);
    let requests = server.get("/_emulator/requests");
    assert_eq!(requests["by_endpoint"]["oauth"]["200"], 1, "{requests}");
}

const APP: &str =
    "consumer_key=demo-consumer-key\nconsumer_secret=demo-consumer-secret\nbearer_token=AAAAdemo%3Dtoken\n";

#[test]
fn bearer_tokens_are_fetched_kept_and_renewed_on_their_own() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.engagement("auth app").stdin("demo-consumer-key\ndemo-consumer-secret\n").run().ends(0);
    let id = server.tweet("unowned");
    let ask =
        || folder.engagement("totals --metrics favorites --base-url").args([server.url(), &id]).run().ends(0);
    let kept = || std::fs::read_to_string(super::kept(&folder)).unwrap();
    assert!(!kept().contains("bearer_token"));
    ask();
    assert!(kept().contains("AAAAdemo%3Dtoken"));
    // It is invalidated elsewhere, and the server gives another one from then on.
    let path = super::kept(&folder);
    std::fs::write(&path, kept().replace("AAAAdemo%3Dtoken", "AAAAinvalidated")).unwrap();
    ask();
    assert!(kept().contains("AAAAdemo%3Dtoken"));
    // The environment's app is nobody's to keep.
    std::fs::remove_file(&path).unwrap();
    folder.engagement("totals --metrics favorites").arg(&id).app(&server).run().ends(0);
    assert!(!path.exists());
}

#[test]
fn trouble_with_the_api_hides_no_token() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    folder.engagement("auth add").stdin("demo_news 2222-mistyped demo-token-secret\n").run().ends(0);
    for (status, wanted, exit) in [(429, "quota_used_up", 4), (404, "server", 4)] {
        server
            .post("/_emulator/faults", &format!(r#"[{{"endpoint":"totals","every":1,"status":{status}}}]"#));
        let done = check(&folder, &server, "").ends(exit);
        assert_eq!(
            found(&done),
            pairs(&[("", wanted), ("demo_brand", "good"), ("demo_news", "wrong_token")])
        );
    }
    let list = folder.engagement("auth list").run().ends(0).lines();
    let kept: Vec<_> = list.iter().map(|line| line["found"].clone()).collect();
    assert_eq!(kept[0], Value::Null, "the app");
    assert!(kept.contains(&"good".into()) && kept.contains(&"wrong_token".into()), "{kept:?}");
}

#[test]
fn asking_too_often_is_not_a_wrong_key() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let hasty = r#"{"endpoint":"oauth","nth":1,"status":403,"body":"{\"errors\":[{\"code\":99,\"message\":\"no\"}]}"}"#;
    server.post("/_emulator/faults", &format!("[{hasty}]"));
    let done = check(&folder, &server, "").ends(0);
    assert_eq!(found(&done), pairs(&[("", "good"), ("demo_brand", "good")]));
    // Where nothing else tells, the key is not blamed, and nothing is written down.
    folder.engagement("auth remove demo_brand").run().ends(0);
    server.post("/_emulator/faults", &format!(r#"[{hasty},{{"endpoint":"totals","every":1,"status":429}}]"#));
    let done = check(&folder, &server, "").ends(6).says(&["the server does not answer as it should"]);
    assert_eq!(found(&done), pairs(&[("", "server")]));
    assert_eq!(folder.engagement("auth list").run().ends(0).lines()[0]["found"], "good");
}

#[test]
fn what_cannot_be_written_down_is_told_all_the_same() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_demo(&folder);
    let place = super::kept(&folder).parent().unwrap().to_owned();
    let read_only = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    for command in ["auth check", "doctor --json"] {
        let run = folder.engagement(command).args(["--base-url", server.url()]).unprivileged(&folder);
        std::fs::set_permissions(&place, read_only(0o500)).unwrap();
        let done = run.run().ends(0);
        assert!(done.stdout.contains("demo_brand"), "{}", done.stdout);
        done.says(&["what was found is not kept", "credentials.toml"]);
        std::fs::set_permissions(&place, read_only(0o700)).unwrap();
    }
}

#[test]
fn an_account_answers_to_its_handle_and_its_id_everywhere() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for name in ["demo_brand", "@Demo_Brand", "1111"] {
        let done = folder.engagement("auth check").arg(name).brand(&server).run().ends(0);
        assert_eq!(found(&done), pairs(&[("", "good"), ("demo_brand", "good")]));
        let request = folder.engagement("request GET /1.1/account/verify_credentials.json --as").arg(name);
        assert!(request.brand(&server).run().ends(0).stdout.contains("demo_brand"));
    }
    folder.engagement("auth check demo_news").brand(&server).run().ends(4).says(&["demo_brand"]);
}
