//! Who asks: credentials from the environment, `--as`, `--app`, `--owners`.

use crate::{
    accounting::adds_up,
    engagement::{Engagement, Folder},
    server::Server,
};

#[test]
fn secrets_come_from_files_too() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    folder.write("key", "demo-consumer-key\n");
    folder.write("secret", "demo-consumer-secret\r\n");
    folder.write("token", "1111-demo-access-token");
    folder.write("token-secret", "demo-token-secret\n");
    let done = folder
        .engagement("totals --metrics impressions")
        .arg(&id)
        .env("ENGAGEMENT_BASE_URL", server.url())
        .env("ENGAGEMENT_CONSUMER_KEY_FILE", "key")
        .env("ENGAGEMENT_CONSUMER_SECRET_FILE", "secret")
        .env("ENGAGEMENT_ACCESS_TOKEN_FILE", "token")
        .env("ENGAGEMENT_ACCESS_TOKEN_SECRET_FILE", "token-secret")
        .run()
        .ends(0);
    assert_eq!(done.lines()[0]["state"], "ok");
    folder.write("bearer", "AAAAdemo%3Dtoken\n");
    folder
        .engagement("totals --metrics favorites")
        .arg(&id)
        .env("ENGAGEMENT_BASE_URL", server.url())
        .env("ENGAGEMENT_BEARER_TOKEN_FILE", "bearer")
        .run()
        .ends(0);
    folder
        .engagement("totals 20")
        .env("ENGAGEMENT_BEARER_TOKEN_FILE", "missing")
        .run()
        .ends(4)
        .says(&["missing", "ENGAGEMENT_BEARER_TOKEN_FILE"]);
}

#[test]
fn the_token_of_the_environment_answers_to_its_handle() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    folder.write("owners.csv", format!("tweet_id,handle\n{id},Demo_Brand\n"));
    let run = |words: &str| folder.engagement(words).arg(&id).brand(&server).run();
    for words in ["totals --metrics impressions --owners owners.csv", "28hr --by total --as demo_brand"] {
        let rows = run(words).ends(0).lines();
        assert!(rows.iter().all(|row| row["owner"] == "demo_brand"), "{words}: {rows:?}");
    }
    let oauth = || server.get("/_emulator/requests")["by_endpoint"]["oauth"]["200"].as_u64();
    assert_eq!(oauth(), Some(2));
    // Its user id is known without a question, and so it is when nobody is named.
    run("totals --as 1111").ends(0);
    run("totals --app --owners owners.csv").ends(0);
    run("totals --as demo_brand --dry-run").ends(0);
    assert_eq!(oauth(), Some(2));
    server.post("/_emulator/faults", r#"[{"endpoint":"oauth","every":1,"status":403}]"#);
    run("totals --as demo_brand").ends(4).prints_nothing().says(&["cannot be learnt", "1111"]);
}

#[test]
fn one_tweet_without_a_token_keeps_the_others_from_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let (mine, other) = (server.tweet("owned"), server.tweets_of("demo_news", 1).remove(0));
    folder.write("owners.csv", format!("tweet_id,handle\n{mine},demo_brand\n{other},demo_news\n"));
    let done = folder
        .engagement("28hr --by total --owners owners.csv --summary s.json")
        .args([&mine, &other])
        .brand(&server)
        .run()
        .ends(3);
    let (found, left): (Vec<_>, Vec<_>) =
        done.lines().into_iter().partition(|row| row["tweet_id"] == mine.as_str());
    assert!(found.iter().all(|row| row["state"] == "ok"), "{found:?}");
    assert!(left.iter().all(|row| row["state"] == "forbidden" && row["reason"].is_string()), "{left:?}");
    assert_eq!((found.len(), left.len()), (17, 17));
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!(
        (&summary["ok"], &summary["forbidden"], &summary["requests"]),
        (&1.into(), &1.into(), &1.into())
    );
    // Where nobody's is there, nothing is sent.
    folder
        .engagement("28hr")
        .arg(&other)
        .app(&server)
        .run()
        .ends(4)
        .prints_nothing()
        .says(&["--owners FILE"]);
}

#[test]
fn a_secret_given_twice_is_refused() {
    let folder = Folder::new();
    folder.write("bearer", "b");
    folder
        .engagement("totals 20")
        .env("ENGAGEMENT_BEARER_TOKEN", "a")
        .env("ENGAGEMENT_BEARER_TOKEN_FILE", "bearer")
        .run()
        .ends(2)
        .prints_nothing()
        .says(&["ENGAGEMENT_BEARER_TOKEN", "ENGAGEMENT_BEARER_TOKEN_FILE"]);
}

#[test]
fn whoever_has_an_app_alone_is_told_how_to_get_more() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let run = |words: &str| folder.engagement(words).arg(server.tweet("owned")).app(&server).run();
    run("totals --metrics impressions").ends(3).says(&["auth login HANDLE", "--as HANDLE"]);
    run("historical --start 2d").ends(4).says(&["auth login HANDLE", "--as HANDLE"]);
}

#[test]
fn half_a_credential_is_named() {
    let folder = Folder::new();
    folder.engagement("totals 20").run().ends(4).prints_nothing().says(&["no credentials", "emulator"]);
    folder
        .engagement("totals 20")
        .env("ENGAGEMENT_CONSUMER_KEY", "k")
        .run()
        .ends(4)
        .says(&["ENGAGEMENT_CONSUMER_SECRET"]);
    folder
        .engagement("totals 20")
        .env("ENGAGEMENT_ACCESS_TOKEN", "t")
        .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "s")
        .run()
        .ends(4)
        .says(&["ENGAGEMENT_CONSUMER_KEY"]);
}

#[test]
fn a_line_end_in_a_variable_is_left_out_with_a_warning() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder
        .engagement("totals --metrics favorites")
        .arg(server.tweet("unowned"))
        .app(&server)
        .env("ENGAGEMENT_CONSUMER_SECRET", "demo-consumer-secret\n")
        .run()
        .ends(0)
        .says(&["warning", "ENGAGEMENT_CONSUMER_SECRET", "line end"]);
}

#[test]
fn a_wrong_secret_is_told_with_the_part_that_differs() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let wrong = |run: Engagement| run.env("ENGAGEMENT_CONSUMER_SECRET", "wrong");
    let done = wrong(folder.engagement("totals --summary s.json").arg(&id).brand(&server)).run().ends(4);
    done.says(&["signature", "secret"]);
    adds_up(&folder.json("s.json"));
    folder
        .engagement("totals")
        .arg(&id)
        .brand(&server)
        .env("ENGAGEMENT_ACCESS_TOKEN", "1111-unknown")
        .run()
        .ends(4);
    folder
        .engagement("totals")
        .arg(&id)
        .env("ENGAGEMENT_BASE_URL", server.url())
        .env("ENGAGEMENT_BEARER_TOKEN", "nobody")
        .run()
        .ends(4);
}

#[test]
fn a_success_that_refuses_the_credential_is_none() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let body =
        r#"{\"errors\":[\"Your account could not be authenticated. Reason: Access token not found\"]}"#;
    server.post(
        "/_emulator/faults",
        &format!(r#"[{{"endpoint":"totals","every":1,"status":200,"body":"{body}"}}]"#),
    );
    let done = folder.engagement("totals").arg(server.tweet("owned")).brand(&server).run().ends(4);
    assert!(done.lines().iter().all(|row| row["state"] == "failed"), "{}", done.stdout);
    done.says(&["does not accept the credential", "Access token not found"]);
}

#[test]
fn who_asks_can_be_forced() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let stranger = server.tweet("unowned");
    let run = |words: &str, id: &str| {
        let done = folder.engagement(words).arg(id).brand(&server).run();
        let owner = done.lines().first().map(|row| row["owner"].clone());
        (done.code.unwrap(), owner)
    };
    let metric = "--metrics favorites";
    assert_eq!(run(&format!("totals {metric}"), &id), (0, Some("1111".into())));
    assert_eq!(run(&format!("totals {metric} --as 1111"), &id), (0, Some("1111".into())));
    assert_eq!(run(&format!("totals {metric} --app"), &id), (0, Some(serde_json::Value::Null)));
    assert_eq!(run(&format!("totals {metric} --as nobody"), &id), (4, None));
    assert_eq!(run(&format!("totals {metric} --as 1111 --app"), &id), (2, None));
    // Forced, nobody else is asked when the server says no.
    assert_eq!(run(&format!("totals {metric}"), &stranger).0, 0);
    assert_eq!(run(&format!("totals {metric} --as 1111"), &stranger).0, 3);
    assert_eq!(run("28hr --app", &id).0, 4);
}

#[test]
fn owners_choose_the_token() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("owned", 2);
    folder.write("owners.csv", format!("tweet_id,handle\n{},1111\n{},somebody_else\n", ids[0], ids[1]));
    let done = folder
        .engagement("totals --metrics favorites --owners owners.csv")
        .args(&ids)
        .brand(&server)
        .run()
        .ends(0);
    let mut owners: Vec<_> = done
        .lines()
        .iter()
        .map(|row| (row["tweet_id"].as_str().unwrap().to_owned(), row["owner"].as_str().map(str::to_owned)))
        .collect();
    owners.sort();
    let mut wanted = vec![(ids[0].clone(), Some("demo_brand".to_owned())), (ids[1].clone(), None)];
    wanted.sort();
    assert_eq!(owners, wanted);
}
