//! The summary, and the exit code that goes with it.

use serde_json::Value;

use crate::{engagement::Folder, server::Server};

/// `--summary` has exactly these keys, and asked is the sum of the six states.
#[track_caller]
pub(crate) fn adds_up(summary: &Value) -> Value {
    let keys: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = vec!["asked", "cells", "requests", "retries", "waited_s", "elapsed_s"];
    wanted.extend(STATES);
    wanted.sort_unstable();
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(sorted, wanted);
    let sum: u64 = STATES.iter().map(|state| summary[*state].as_u64().unwrap()).sum();
    assert_eq!(summary["asked"], sum, "{summary}");
    let mut cells: Vec<_> = summary["cells"].as_object().unwrap().keys().map(String::as_str).collect();
    cells.sort_unstable();
    let mut states = STATES;
    states.sort_unstable();
    assert_eq!(cells, states);
    summary.clone()
}

#[test]
fn a_partial_answer_adds_up() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let (mine, old) = (server.tweet("owned"), server.tweet("over90"));
    let (deleted, stranger) = (server.tweet("unavailable"), server.tweet("unowned"));
    let done = folder
        .engagement("totals --metrics impressions,favorites --summary s.json")
        .args([&mine, &old, &deleted, &stranger])
        .brand(&server)
        .run()
        .ends(3);
    let rows = done.lines();
    let state = |id: &str, metric: &str| {
        let row = rows.iter().find(|row| row["tweet_id"] == id && row["metric"] == metric).unwrap();
        row["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((&*state(&mine, "impressions"), &*state(&mine, "favorites")), ("ok", "ok"));
    assert_eq!((&*state(&old, "impressions"), &*state(&old, "favorites")), ("unsupported", "ok"));
    assert_eq!(
        (&*state(&deleted, "impressions"), &*state(&deleted, "favorites")),
        ("unavailable", "unavailable")
    );
    assert_eq!((&*state(&stranger, "impressions"), &*state(&stranger, "favorites")), ("forbidden", "ok"));
    assert_eq!(rows.len(), 8);
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!(
        (&summary["asked"], &summary["ok"], &summary["unavailable"]),
        (&4.into(), &3.into(), &1.into())
    );
    assert_eq!(summary["cells"]["ok"], 4);
    assert_eq!(summary["cells"]["forbidden"], 1);
    assert_eq!(summary["requests"], server.requests());
    done.says(&["asked 4: ok 3, unavailable 1, unsupported 0, forbidden 0, failed 0, unaccounted 0"]);
}

#[test]
fn an_unavailable_tweet_is_an_answer_unless_a_caller_is_stricter() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let deleted = server.tweet("unavailable");
    let run = |words: &str| folder.engagement(words).arg(&deleted).brand(&server).run();
    run("totals").ends(0);
    run("totals --fail-on unavailable").ends(3);
    run("totals --fail-on unsupported").ends(0);
    run("totals --fail-on unavailable,unsupported").ends(3);
    run("totals --fail-on gone").ends(2).prints_nothing();
}

#[test]
fn what_is_too_old_costs_nothing_and_can_be_asked_anyway() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let old = server.tweet("over90");
    let run = |words: &str| folder.engagement(words).arg(&old).brand(&server).run();
    let done = run("totals --metrics impressions --summary s.json").ends(0);
    assert_eq!(done.lines()[0]["state"], "unsupported");
    assert_eq!((&folder.json("s.json")["requests"], server.requests()), (&0.into(), 0));
    run("totals --metrics impressions --fail-on unsupported").ends(3);
    let done = run("totals --metrics impressions --ask-anyway").ends(0);
    assert_eq!((done.lines()[0]["state"].as_str().unwrap(), server.requests()), ("unsupported", 1));
}

#[test]
fn the_limit_of_requests_stops_cleanly() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let list = folder.write("ids", server.tweets("unowned", 1000).join("\n"));
    let done = folder
        .engagement("totals --max-requests 2 --concurrency 1 --summary s.json --metrics favorites --ids")
        .arg(&list)
        .app(&server)
        .run()
        .ends(5)
        .says(&["the limit of 2 requests is reached"]);
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["ok"], &summary["unaccounted"]), (&500.into(), &500.into()));
    assert_eq!((&summary["requests"], server.requests()), (&2.into(), 2));
    assert_eq!(done.lines().len(), 1000);
}

#[test]
fn a_thousand_ids_are_four_requests() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let list = folder.write("ids", server.tweets("unowned", 1000).join("\n"));
    folder.engagement("totals --ids").arg(&list).app(&server).run().ends(0);
    assert_eq!(server.requests(), 4);
}

#[test]
fn a_server_in_trouble() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unowned");
    let run = |words: &str| folder.engagement(words).arg(&id).app(&server).run();
    server.post("/_emulator/faults", r#"[{"endpoint":"totals","nth":1,"status":503}]"#);
    run("totals --summary s.json").ends(0);
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["requests"], &summary["retries"]), (&2.into(), &1.into()));

    server.post(
        "/_emulator/faults",
        r#"[{"endpoint":"totals","every":1,"status":400,"body":"{\"errors\":[\"no\"]}"}]"#,
    );
    let done = run("totals --summary s.json").ends(3);
    assert!(done.lines().iter().all(|row| row["state"] == "failed"), "{}", done.stdout);
    assert_eq!(adds_up(&folder.json("s.json"))["failed"], 1);
}

#[test]
fn a_hole_is_not_hidden_behind_an_answer() {
    let folder = Folder::new();
    // Too old for one metric, which costs no request; the others do not come.
    let done = folder
        .engagement("totals 20 --metrics favorites,video_views --timeout 1s --summary s.json --wide")
        .env("ENGAGEMENT_BASE_URL", "http://127.0.0.1:9")
        .env("ENGAGEMENT_BEARER_TOKEN", "b")
        .run()
        .ends(6);
    assert_eq!(done.lines()[0]["state"], "failed");
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["failed"], &summary["unsupported"]), (&1.into(), &0.into()));
    assert_eq!((&summary["cells"]["failed"], &summary["cells"]["unsupported"]), (&1.into(), &1.into()));
}

#[test]
fn no_server() {
    let folder = Folder::new();
    let done = folder
        .engagement("totals 20 --metrics favorites --timeout 1s --summary s.json")
        .env("ENGAGEMENT_BASE_URL", "http://127.0.0.1:9")
        .env("ENGAGEMENT_BEARER_TOKEN", "b")
        .run()
        .ends(6);
    assert!(done.lines().iter().all(|row| row["state"] == "failed"), "{}", done.stdout);
    assert_eq!(adds_up(&folder.json("s.json"))["failed"], 1);
}

const STATES: [&str; 6] = ["ok", "unavailable", "unsupported", "forbidden", "failed", "unaccounted"];
