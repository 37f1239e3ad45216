//! `--dry-run`.

use serde_json::{Value, json};

use crate::{
    engagement::{Folder, days_ago},
    server::Server,
};

#[test]
fn a_plan_has_its_exact_shape_and_needs_no_credentials() {
    let folder = Folder::new();
    let ids: String = (0..600).map(|n| format!("{}\n", 1_070_059_276_213_702_656_u64 + n)).collect();
    folder.write("ids", ids);
    let done = folder
        .engagement("totals --metrics favorites --ids ids --dry-run -o json --quota 60/min")
        .run()
        .ends(0);
    assert_eq!(
        done.json(),
        json!({
            "requests": 3,
            "lower_bound": 3,
            "by_endpoint": {"totals": 3},
            "by_owner": {"": 3},
            "ids": 600,
            "skipped": {"unsupported": 0},
            "minutes_at_quota": done.json()["minutes_at_quota"],
        })
    );
    assert!(done.json()["minutes_at_quota"].is_number());
    let done = folder.engagement("totals --metrics favorites --ids ids --dry-run -o json").run().ends(0);
    assert_eq!(done.json()["minutes_at_quota"], Value::Null);
    let done = folder.engagement("totals --metrics favorites --ids ids --dry-run").run().ends(0);
    assert!(done.stdout.starts_with("3 requests for 600 Tweets"), "{}", done.stdout);
}

#[test]
fn series_are_planned_before_anybody_has_logged_in() {
    let folder = Folder::new();
    let ids: String = (0..30).map(|n| format!("{}\n", 1_070_059_276_213_702_656_u64 + n)).collect();
    folder.write("ids", ids);
    let run = |words: &str| folder.engagement(words).args(["--ids", "ids", "--dry-run"]).run();
    let plan = run("historical --start 2026-03-01 --end 2026-04-30 -o json").ends(0).json();
    assert_eq!((&plan["requests"], &plan["by_owner"]), (&6.into(), &json!({"": 6})));
    let text = run("28hr").ends(0).stdout;
    assert!(text.ends_with("2 whoever owns them\n"), "{text}");
    run("28hr --app").ends(4).says(&["--owners FILE"]);
    // Where some owners are known, the others' Tweets are left out, as they are by a run.
    folder.write("owners.csv", "tweet_id,handle\n1070059276213702656,demo_brand\n");
    let plan = run("28hr --owners owners.csv -o json").ends(0).json();
    assert_eq!((&plan["requests"], &plan["by_owner"]), (&1.into(), &json!({"demo_brand": 1})));
}

#[test]
fn owners_are_planned_for_as_if_their_token_were_held() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("owned", 30);
    let table: String = ids
        .iter()
        .enumerate()
        .map(|(index, id)| format!("{id},{}\n", if index < 10 { "@alpha" } else { "beta" }))
        .collect();
    folder.write("owners.csv", format!("tweet_id,handle\n{table}"));
    let (start, end) = (days_ago(120), days_ago(101));
    let done = folder
        .engagement("historical --metrics impressions --dry-run -o json")
        .args(["--start", &start, "--end", &end, "--owners", "owners.csv", "--ask-anyway"])
        .args(&ids)
        .run()
        .ends(0);
    let plan = done.json();
    let owners: Vec<_> = plan["by_owner"].as_object().unwrap().keys().collect();
    assert_eq!(owners, ["alpha", "beta"]);
    assert_eq!(plan["ids"], 30);
}

#[test]
fn sixty_days_of_thirty_tweets_are_six_requests() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("over1800", 30);
    let (start, end) = (days_ago(260), days_ago(200));
    let words = &format!("historical --metrics impressions --start {start} --end {end}");
    let done =
        folder.engagement(words).arg("--summary").arg("s.json").args(&ids).brand(&server).run().ends(0);
    drop(done);
    assert_eq!((&folder.json("s.json")["requests"], server.requests()), (&6.into(), 6));
    let done =
        folder.engagement(words).args(["--dry-run", "-o", "json"]).args(&ids).brand(&server).run().ends(0);
    assert_eq!((&done.json()["requests"], &done.json()["by_owner"]), (&6.into(), &json!({"1111": 6})));
    assert!(done.json()["lower_bound"].as_u64().unwrap() <= 6);
    assert_eq!(server.requests(), 6);
}

#[test]
fn owners_are_read_as_lists_are() {
    let folder = Folder::new();
    let table = "tweet_id,handle\n1070059276213702656,demo_brand\n";
    folder.write("owners.csv", table);
    let gzip = std::process::Command::new("gzip").arg("owners.csv").current_dir(folder.path()).status();
    assert!(gzip.unwrap().success());
    let utf16: Vec<u8> = format!("\u{feff}{table}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("utf16.csv", utf16);
    for owners in ["owners.csv.gz", "utf16.csv"] {
        let words = format!("totals 1070059276213702656 --dry-run -o json --owners {owners}");
        let plan = folder.engagement(&words).run().ends(0).json();
        assert_eq!(plan["by_owner"], json!({"demo_brand": 1}), "{owners}");
    }
    folder
        .engagement("totals 20 --dry-run --owners missing")
        .run()
        .ends(7)
        .says(&["missing", "no such file"]);
}

#[test]
fn owners_tables_that_are_none() {
    let folder = Folder::new();
    let run = |table: &str| {
        folder.write("owners.csv", table);
        folder.engagement("totals 20 --dry-run --owners owners.csv").run()
    };
    run("tweet_id,handle\n20,@a\n").ends(0);
    run("handle;tweet_id\na;20\n").ends(0);
    run("handle\ttweet_id\na\t20\n").ends(0);
    run("id,handle\n20,a\n").ends(7).prints_nothing().says(&["owners.csv", "tweet_id"]);
    run("tweet_id,handle\nx,a\n").ends(7).prints_nothing().says(&["owners.csv", "line 2"]);
    run("tweet_id,handle\n20,a\n20,b\n").ends(7).prints_nothing().says(&["line 3", "20"]);
    run("tweet_id,handle\n20,a\n20,A\n").ends(0);
    run("tweet_id,handle\n20,\n").ends(0);
    for bad in ["a b", "@@a", "a.b", "h\u{e4}", "https://x.com/a"] {
        let table = format!("tweet_id,handle\n21,fine\n20,{bad}\n");
        run(&table).ends(7).prints_nothing().says(&["owners.csv, line 3", "is no handle"]);
    }
    let rounded: String = (1..=9).map(|n| format!("10700592762137{n}0000,a\n")).collect();
    let rounded = format!("tweet_id,handle\n{rounded}");
    run(&rounded).ends(7).prints_nothing().says(&["owners.csv", "9 of 9", "--allow-rounded-ids"]);
    folder.engagement("totals 20 --dry-run --owners owners.csv --allow-rounded-ids").run().ends(0);
    folder.engagement("totals 20 --dry-run --owners nope").run().ends(7).says(&["nope"]);
}
