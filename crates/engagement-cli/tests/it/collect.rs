//! `collect`: what it says, what it refuses, how it ends.

use std::fs;

use crate::{
    engagement::{Done, Folder},
    server::Server,
};

const TOTALS: &str = "collect --endpoint totals --ids ids --store s.db --summary summary.json";

fn stage() -> (Folder, Server) {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.write("ids", server.tweets("unowned", 600).join("\n"));
    (folder, server)
}

/// The six states, which must be what was asked.
#[track_caller]
fn states(folder: &Folder) -> [u64; 6] {
    let summary = folder.json("summary.json");
    let states = ["ok", "unavailable", "unsupported", "forbidden", "failed", "unaccounted"]
        .map(|state| summary[state].as_u64().unwrap());
    assert_eq!(summary["asked"].as_u64().unwrap(), states.iter().sum::<u64>());
    states
}

#[test]
fn the_same_command_goes_on_to_the_end_and_then_has_nothing_to_do() {
    let (folder, server) = stage();
    let run = |more: &str| folder.engagement(&format!("{TOTALS} {more}")).app(&server).run();
    run("--max-requests 1")
        .ends(5)
        .prints_nothing()
        .says(&["job 1: 600 Tweets in 3 requests", "2 batches wait"]);
    assert_eq!((states(&folder), server.requests()), ([250, 0, 0, 0, 0, 350], 1));
    run("--concurrency 2").ends(0).prints_nothing().says(&["going on with job 1"]);
    assert_eq!((states(&folder), server.requests()), ([600, 0, 0, 0, 0, 0], 3));
    run("").ends(0).says(&["job 1 is over", "--again"]);
    assert_eq!((states(&folder), server.requests()), ([600, 0, 0, 0, 0, 0], 3));
    run("--again").ends(0).says(&["job 2: 600 Tweets"]);
    assert_eq!(server.requests(), 6);
}

#[test]
fn an_observation_that_was_interrupted_is_gone_on_with() {
    let (folder, server) = stage();
    let run = |more: &str| folder.engagement(&format!("{TOTALS} {more}")).app(&server).run();
    run("").ends(0);
    run("--again --max-requests 1").ends(5).says(&["job 2: 600 Tweets", "the same command goes on"]);
    run("--again --max-requests 1")
        .ends(5)
        .says(&["going on with job 2: 1 batches are done, 2 wait; once it is over"]);
    run("--again --retry-forbidden").ends(0).says(&["going on with job 2", "add --again, and --new-job"]);
    assert_eq!((states(&folder), server.requests()), ([600, 0, 0, 0, 0, 0], 6));
    run("--retry-forbidden").ends(0).says(&["job 2 is over", "add --again"]);

    run("--again --max-requests 1").ends(5).says(&["job 3: 600 Tweets"]);
    run("--new-job --max-requests 1 --dry-run")
        .ends(0)
        .says(&["going on with job 3", "--new-job changes nothing"]);
    let shown = run("--again --new-job --dry-run").ends(0);
    shown.says(&["job 3 of the same list is not over, and would be left for a new one; `engagement jobs retry 3` would"]);
    run("--dry-run").ends(0).says(&["going on with job 3: 1 batches are done, 2 wait"]);
    run("--again --new-job").ends(0).says(&[
        "job 3 of the same list is not over",
        "jobs retry 3",
        "job 4: 600 Tweets",
    ]);
    assert_eq!(server.requests(), 6 + 1 + 3);
    let listed = folder.engagement("jobs list --store s.db").run().ends(0).lines();
    assert_eq!(
        listed.iter().map(|job| job["state"].as_str().unwrap()).collect::<Vec<_>>(),
        ["done", "done", "incomplete", "done"]
    );
    // What was promised.
    folder.engagement("jobs retry 3 --store s.db").run().ends(0);
    run("").ends(0).says(&["going on with job 3: 1 batches are done, 2 wait"]);
    run("").ends(0).says(&["job 4 is over"]);
    assert_eq!(server.requests(), 6 + 1 + 3 + 2);
}

#[test]
fn a_wrong_clock_is_named_and_no_credential_blamed() {
    let (folder, server) = stage();
    let body = r#"{\"errors\":[{\"code\":135,\"message\":\"Timestamp out of bounds.\"}]}"#;
    server.post(
        "/_emulator/faults",
        &format!(r#"[{{"endpoint":"any","every":1,"status":401,"body":"{body}"}}]"#),
    );
    let done = folder.engagement(TOTALS).app(&server).run();
    let done = done.ends(4).says(&["does not accept the time of the signature", "set this machine's clock"]);
    assert!(!done.stderr.contains("auth check"), "{}", done.stderr);
    server.post("/_emulator/faults", "[]");
    folder.engagement(&format!("{TOTALS} --again")).app(&server).run().ends(0).says(&["going on with job 1"]);
}

#[test]
fn what_waits_for_a_credential_keeps_the_next_observation_from_nothing() {
    let (folder, server) = stage();
    let run = |more: &str| folder.engagement(&format!("{TOTALS} {more}")).app(&server).run();
    let wrong = |more: &str| {
        let words = format!("{TOTALS} {more}");
        folder.engagement(&words).app(&server).env("ENGAGEMENT_CONSUMER_SECRET", "wrong").run()
    };
    run("--max-requests 1").ends(5);
    wrong("").ends(4).says(&["going on with job 1"]);
    run("--again").ends(0).says(&["job 1 of the same list is not over", "a credential", "job 2: 600 Tweets"]);
}

#[test]
fn a_plan_knows_what_the_store_knows() {
    let (folder, server) = stage();
    let run = |more: &str| folder.engagement(&format!("{TOTALS} {more}")).app(&server).run();
    let plan = |more: &str| {
        let plan = folder.engagement(&format!("{TOTALS} --dry-run -o json {more}")).run().ends(0).json();
        ["requests", "lower_bound", "ids"].map(|name| plan[name].as_u64().unwrap())
    };
    assert_eq!(plan(""), [3, 3, 600]);
    assert!(!folder.path().join("s.db").exists());
    run("--max-requests 1").ends(5);
    assert_eq!(plan(""), [2, 2, 350]);
    assert_eq!(plan("--again"), [2, 2, 350]);
    assert_eq!(plan("--again --new-job"), [3, 3, 600]);
    run("").ends(0);
    assert_eq!((plan(""), plan("--again")), ([0, 0, 0], [3, 3, 600]));
    // Planning has changed nothing.
    assert_eq!(folder.engagement("jobs list --store s.db").run().ends(0).lines().len(), 1);

    // Whose they are is known from another list.
    let ids = server.tweets_of("demo_brand", 3);
    folder.write("ids", ids.join("\n"));
    folder.write("owners.csv", format!("tweet_id,handle\n{},demo_brand\n", ids.join(",demo_brand\n")));
    folder.engagement(&format!("{TOTALS} --owners owners.csv")).brand(&server).run().ends(0);
    let words = format!("{TOTALS} --dry-run -o json --again");
    let plan = folder.engagement(&words).run().ends(0).json();
    assert_eq!(plan["by_owner"], serde_json::json!({"demo_brand": 1}));
    folder.write("s.db", "something else, longer than a header has to be, and of another kind entirely");
    folder.engagement(&words).run().ends(8).says(&["no store"]);
}

#[test]
fn the_token_of_the_environment_asks_for_what_its_handle_owns() {
    let (folder, server) = stage();
    let id = server.tweet("owned");
    folder.write("ids", &id);
    folder.write("owners.csv", format!("tweet_id,handle\n{id},Demo_Brand\n"));
    let run = |more: &str| folder.engagement(&format!("{TOTALS} {more}")).brand(&server).run().ends(0);
    run("--owners owners.csv");
    let known = || folder.engagement("export --store s.db --table totals -o ndjson --out rows").run().ends(0);
    known();
    let rows = folder.read("rows");
    assert!(rows.contains("\"impressions\"") && rows.contains("\"owner\":\"demo_brand\""), "{rows}");
    // The store knows it, too.
    run("--again");
    assert_eq!(states(&folder), [1, 0, 0, 0, 0, 0]);
    known();
    assert_eq!(folder.read("rows").matches("\"impressions\"").count(), 2);
}

#[test]
fn a_store_whose_making_was_cut_short_is_made() {
    let (folder, server) = stage();
    folder.write("s.db", "");
    folder.engagement(TOTALS).app(&server).run().ends(0);
    assert_eq!(states(&folder), [600, 0, 0, 0, 0, 0]);
}

#[test]
fn a_changed_list_is_refused_until_it_is_told_what_to_do() {
    let (folder, server) = stage();
    let run = |more: &str| folder.engagement(&format!("{TOTALS} {more}")).app(&server).run();
    run("--max-requests 1").ends(5);
    let ids = folder.read("ids");
    folder.write("ids", ids.lines().skip(10).collect::<Vec<_>>().join("\n"));
    run("").ends(7).says(&["job 1", "10 removed", "590 are the same", "--new-job"]);
    assert_eq!(server.requests(), 1);
    run("--new-job").ends(0).says(&["job 2: 590 Tweets"]);
    folder.write("ids", ids.lines().rev().collect::<Vec<_>>().join("\n"));
    run("").ends(0).says(&["going on with job 1"]);
}

#[test]
fn what_cannot_be_asked_or_kept_is_refused_before_a_request() {
    let (folder, server) = stage();
    let run = |words: &str| folder.engagement(words).app(&server).run();
    let usage = |words: &str, says: &[&str]| run(words).ends(2).prints_nothing().says(says);
    usage("collect --endpoint totals --ids ids", &["--store"]);
    usage("collect --endpoint totals --ids ids --store s.db --start 7d", &["range"]);
    usage("collect --endpoint historical --ids ids --store s.db", &["--start"]);
    usage("collect --endpoint auto --ids ids --store s.db --end 2026-01-01", &["--start"]);
    usage("collect --endpoint totals --ids ids --store s.db --until 2020-01-01T00:00:00Z", &["past"]);
    usage("collect --endpoint totals --ids ids --store s.db --until soon", &["06:30"]);
    usage("collect --endpoint totals --ids ids --store s.db --metrics favourites", &["favorites"]);
    usage("collect --endpoint totals --ids ids --store s.db --by day", &["no buckets", "28hr"]);
    usage("collect --endpoint auto --ids ids --store s.db --by total", &["no buckets"]);
    run("collect --endpoint 28hr --ids ids --store s.db").ends(4).says(&["--owners"]);
    run("collect --endpoint totals --ids none --store s.db").ends(7);

    let storage = |store: &str, says: &[&str]| -> Done {
        let words = format!("collect --endpoint totals --ids ids --store {store}");
        run(&words).ends(8).prints_nothing().says(says)
    };
    storage("no/s.db", &["there is no such folder; make the folder"]);
    folder.write("text.db", "something else, longer than a header has to be, and of another kind entirely");
    storage("text.db", &["no store"]);
    storage("nowhere/s.db", &["nowhere"]);
    fs::create_dir(folder.path().join("folder.db")).unwrap();
    storage("folder.db", &["folder.db"]);
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_plan_needs_neither_store_nor_credentials() {
    let (folder, server) = stage();
    let plan =
        folder.engagement("collect --endpoint totals --ids ids --dry-run -o json").run().ends(0).json();
    assert_eq!((&plan["requests"], &plan["lower_bound"], &plan["ids"]), (&3.into(), &3.into(), &600.into()));
    assert_eq!(server.requests(), 0);
    assert!(!folder.names().iter().any(|name| name.ends_with(".db")));
}

#[test]
fn hours_of_the_last_28_and_of_history_fill_one_series() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.write("ids", server.tweets("owned", 4).join("\n"));
    let run = |words: &str| {
        let words =
            format!("collect --ids ids --store s.db --metrics impressions --summary summary.json {words}");
        folder.engagement(&words).brand(&server).run().ends(0)
    };
    run("--endpoint auto --start 5h");
    run("--endpoint historical --start 3d --end 1d");
    run("--endpoint 28hr --by day").says(&["hours are asked for and stored"]);
    run("--endpoint auto");
    assert_eq!(states(&folder).iter().sum::<u64>(), 4);
    let by_endpoint = &server.get("/_emulator/requests")["by_endpoint"];
    assert_eq!(
        ["totals", "28hr", "historical"].map(|endpoint| by_endpoint[endpoint]["200"].as_u64()),
        [Some(1), Some(2), Some(1)]
    );
}

#[test]
fn a_plan_leaves_out_what_the_run_would_leave_out() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let (brand, strangers) = (server.tweets_of("demo_brand", 30), server.tweets("unowned", 5));
    folder.write("ids", [&brand[..], &strangers].concat().join("\n"));
    let owners = brand.iter().map(|id| format!("{id},1111\n")).collect::<String>();
    folder.write("owners", format!("tweet_id,handle\n{owners}"));
    let collect = |more: &str| {
        let words = format!("collect --endpoint 28hr --metrics favorites --ids ids --owners owners {more}");
        folder.engagement(&words)
    };
    let plan = collect("--dry-run -o json").run().ends(0).says(&["5 Tweets are left out"]).json();
    assert_eq!((&plan["requests"], &plan["ids"]), (&2.into(), &30.into()));
    folder.write("owners", "tweet_id,handle\n");
    // Where nothing is known at all, the plan is that of a single owner; who has an app and no owner cannot ask.
    let unknown = || folder.engagement("collect --endpoint 28hr --ids ids --owners owners --store s.db");
    let plan = unknown().arg("--dry-run").run().ends(0);
    assert!(plan.stdout.ends_with("2 whoever owns them\n"), "{}", plan.stdout);
    unknown().app(&server).run().ends(4).says(&["--owners FILE"]);

    folder.write("owners", format!("tweet_id,handle\n{owners}"));
    collect("--store s.db --summary summary.json").brand(&server).run().ends(3);
    assert_eq!(states(&folder), [30, 0, 0, 5, 0, 0]);
    let sent = server.requests();
    // They stay forbidden in whatever list they are, until they are asked for on purpose.
    folder.write("ids", strangers.join("\n"));
    let again = |more: &str| collect(&format!("--store s.db {more}")).brand(&server).run();
    again("--new-job").ends(3).says(&["5 Tweets were forbidden before", "--retry-forbidden"]);
    assert_eq!(server.requests(), sent);
    again("--again --retry-forbidden").ends(3);
    assert!(server.requests() > sent);
}

#[test]
fn what_is_set_aside_says_how_it_is_asked_for_again() {
    let (folder, server) = stage();
    let run = || folder.engagement(TOTALS).app(&server).run();
    let again =
        ["the batch is set aside; `engagement jobs retry 1` asks for it again", "1 batches are set aside"];
    // Of three batches, and then of one that is alone: as later runs of it end.
    let odd = |ids: &str| format!(r#"[{{"endpoint":"totals",{ids},"body":"{{nothing}}"}}]"#);
    let mut ids = server.tweets("unowned", 600);
    ids.sort();
    server.post("/_emulator/faults", &odd(&format!(r#""ids":["{}"]"#, ids[300])));
    run().ends(3).prints_nothing().says(&again);
    assert_eq!(states(&folder), [350, 0, 0, 0, 250, 0]);
    run().ends(3).says(&["job 1 is over"]);

    let (folder, server) = stage();
    folder.write("ids", server.tweets("unowned", 200).join("\n"));
    server.post("/_emulator/faults", &odd(r#""every":1"#));
    let run = || folder.engagement(TOTALS).app(&server).run();
    run().ends(6).says(&["1 batches wait"]);
    run().ends(6).says(&["1 batches wait"]);
    run().ends(3).says(&again);
    run().ends(3).says(&["job 1 is over"]);
}
