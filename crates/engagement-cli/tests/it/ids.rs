//! Ids in: arguments, files, standard input, and `engagement ids`.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use serde_json::json;

use crate::{engagement::Folder, server::Server};

#[test]
fn ids_come_from_arguments_files_and_standard_input() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("unowned", 6);
    folder.write("plain.txt", format!("# mine\n{}\n\n{}\n", ids[1], ids[2]));
    folder.write("table.csv", format!("name,tweet_id\na,{}\n", ids[3]));
    folder.write("lines.jsonl", format!("{{\"id_str\":\"{}\"}}\n", ids[4]));
    let url = format!("https://x.com/somebody/status/{}", ids[0]);
    let done = folder
        .engagement("totals --metrics favorites --ids plain.txt --ids table.csv --ids lines.jsonl --ids -")
        .arg(&url)
        .stdin(format!("{}\n{}\n", ids[5], ids[0]))
        .app(&server)
        .run()
        .ends(0);
    let mut found: Vec<_> =
        done.lines().iter().map(|row| row["tweet_id"].as_str().unwrap().to_owned()).collect();
    found.sort();
    let mut wanted = ids;
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn a_bad_id_refuses_the_list_and_names_the_place() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let good = server.tweet("unowned");
    folder.write("ids", format!("{good}\n1.07E+18\n"));
    folder.engagement("totals --ids ids").app(&server).run().ends(7).prints_nothing().says(&[
        "ids",
        "ids:2",
        "1.07E+18",
        "1 of 2 items",
    ]);
    assert_eq!(server.requests(), 0);
    let done = folder
        .engagement("totals --metrics favorites --bad-ids skip --ids ids")
        .app(&server)
        .run()
        .ends(0)
        .says(&["warning: ids:2", "1 of 2 items are skipped", "asked 1: ", "; skipped 1; 1 requests"]);
    assert!(!done.stderr.contains("error"), "{}", done.stderr);
    assert_eq!(done.lines().len(), 1);
    assert_eq!(server.requests(), 1);
}

#[test]
fn what_is_skipped_is_listed_in_the_summary() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let good = server.tweet("unowned");
    folder.write("ids", format!("{good}\n1.07E+18\n"));
    folder.write("many", format!("{good}\n{}", "x\n".repeat(1_500)));
    let run = |words: &str| folder.engagement(words).arg("--bad-ids=skip").app(&server).run().ends(0);
    for words in [
        "totals x --metrics favorites --ids ids --summary s.json",
        "collect x --endpoint totals --metrics favorites --ids ids --store s.db --summary s.json",
    ] {
        run(words).says(&["skipped 2"]);
        let summary = folder.json("s.json");
        assert_eq!((&summary["asked"], &summary["skipped_count"]), (&json!(1), &json!(2)), "{summary}");
        let reasons = [0, 1].map(|at| summary["skipped"][at]["reason"].clone());
        assert!(reasons.iter().all(|reason| reason.is_string()), "{summary}");
        let [one, other] = reasons;
        let wanted = json!([
            {"file": "argument", "line": 1, "text": "x", "reason": one},
            {"file": "ids", "line": 2, "text": "1.07E+18", "reason": other},
        ]);
        assert_eq!(summary["skipped"], wanted);
    }
    run("totals --metrics favorites --ids many --summary s.json");
    let summary = folder.json("s.json");
    assert_eq!(summary["skipped_count"], 1_500);
    assert_eq!(summary["skipped"].as_array().unwrap().len(), 1_000);
    run("totals --metrics favorites --summary s.json --ids ids --ids ids").says(&["skipped 2"]);
    let whole =
        folder.engagement("totals --metrics favorites --summary s.json").arg(&good).app(&server).run();
    assert!(!whole.ends(0).stderr.contains("skipped"));
    assert!(!folder.read("s.json").contains("skipped"));
}

#[test]
fn a_rounded_list_is_refused_whole() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let rounded: String = (1..=9).map(|n| format!("10700592762137{n}0000\n")).collect();
    folder.write("ids", rounded);
    let run = |words: &str| folder.engagement(words).app(&server).run();
    run("totals --ids ids").ends(7).prints_nothing().says(&["spreadsheet", "9 of 9", "--allow-rounded-ids"]);
    assert_eq!(server.requests(), 0);
    run("ids ids").ends(7).says(&["spreadsheet"]).prints_nothing();
    run("ids ids --bad-ids skip").ends(7).prints_nothing();
    let done = run("ids ids -o json").ends(7);
    assert_eq!(done.json()["verdict"], "rounded");
    assert_eq!(done.error()["error"]["code"], "rounded_ids");
    run("ids ids --allow-rounded-ids").ends(0);
    run("totals --ids ids --allow-rounded-ids").ends(0);
    assert_eq!(server.requests(), 1);
}

#[test]
fn no_ids_is_an_error_of_the_input() {
    let folder = Folder::new();
    folder.write("empty", "");
    folder.write("comments", "# nothing\n\n");
    let run = |words: &str| {
        folder
            .engagement(words)
            .env("ENGAGEMENT_BEARER_TOKEN", "b")
            .env("ENGAGEMENT_BASE_URL", "http://127.0.0.1:9")
            .run()
            .ends(7)
            .prints_nothing()
    };
    run("totals").says(&["no Tweet ids", "--ids"]);
    run("totals --ids empty").says(&["no Tweet ids"]);
    let said = run("ids empty").says(&["error: there are no Tweet ids", "standard input"]).stderr;
    assert!(!said.contains("--ids"), "{said}");
    run("28hr --ids comments").says(&["no Tweet ids"]);
    run("totals --ids -").says(&["no Tweet ids"]);
    run("totals --ids missing").says(&["missing"]);
    run("totals --ids .").says(&["."]);
    let error = run("totals -o json").error();
    assert_eq!(error["error"]["code"], "no_ids");
}

#[test]
fn the_report_on_a_list_has_its_exact_shape() {
    let folder = Folder::new();
    folder.write("ids", "# c\n20\n\n20\n21\nx\n");
    let done = folder.engagement("ids ids --output json").run().ends(7);
    assert_eq!(
        done.json(),
        json!({
            "read": 6,
            "accepted": ["20", "21"],
            "duplicates": 1,
            "blank": 1,
            "comments": 1,
            "header": 0,
            "refused": [{"line": 6, "text": "x", "reason": done.json()["refused"][0]["reason"]}],
            "verdict": "refused",
        })
    );
    assert!(done.json()["refused"][0]["reason"].is_string());
    assert_eq!(done.error()["error"]["code"], "bad_ids");
    let keys = ["read", "accepted", "duplicates", "blank", "comments", "header", "refused", "verdict"];
    let places = keys.map(|key| done.stdout.find(&format!("\"{key}\":")).unwrap());
    assert!(places.is_sorted(), "{}", done.stdout);
}

#[test]
fn a_cleaned_list_is_a_list() {
    let folder = Folder::new();
    folder.write("ids", "20\nhttps://twitter.com/a/status/21\n20\n");
    let done = folder.engagement("ids ids").run().ends(0);
    assert_eq!(done.stdout, "20\n21\n");
    let done = folder.engagement("ids").stdin("22\n").run().ends(0);
    assert_eq!(done.stdout, "22\n");
    folder.write("bad", "20\nx\n");
    // Whoever reads it must not take a part for the whole.
    for form in ["", "-o csv", "-o ndjson", "--out kept"] {
        let run = folder.engagement(&format!("ids bad {form}")).run();
        run.ends(7).says(&["error: bad:2"]).prints_nothing();
    }
    assert!(!folder.names().contains(&"kept".to_owned()));
    let skipped = folder.engagement("ids bad --bad-ids skip").run().ends(0).says(&["warning: bad:2"]);
    assert_eq!(skipped.stdout, "20\n");
    folder.engagement("ids ids --out clean").run().ends(0).prints_nothing();
    assert_eq!(folder.read("clean"), "20\n21\n");
    let run = |words: &str| folder.engagement(words).run().ends(0).stdout;
    assert_eq!(run("ids ids -o csv"), "tweet_id\n20\n21\n");
    assert_eq!(run("ids ids -o ndjson"), "\"20\"\n\"21\"\n");
    for form in ["csv", "tsv", "ndjson", "table"] {
        folder.write("again", run(&format!("ids ids -o {form}")));
        assert_eq!(run("ids again"), "20\n21\n", "{form}");
    }
}

#[test]
fn a_column_is_chosen_by_name() {
    let folder = Folder::new();
    folder.write("t.csv", "id,post\n20,30\n");
    assert_eq!(folder.engagement("ids t.csv").run().ends(0).stdout, "20\n");
    assert_eq!(folder.engagement("ids t.csv --column post").run().ends(0).stdout, "30\n");
    folder.engagement("ids t.csv --column nope").run().ends(7).says(&["nope"]);
}

#[test]
fn file_names_need_not_be_text() {
    let folder = Folder::new();
    let name = OsStr::from_bytes(b"ids-\xff");
    std::fs::write(folder.path().join(name), "20\n").unwrap();
    let done = folder.engagement("ids").arg(name).env("LC_ALL", "C").run().ends(0);
    assert_eq!(done.stdout, "20\n");
    let mut out = folder.engagement("ids --out").arg(OsStr::from_bytes(b"out-\xff"));
    out = out.arg(name);
    out.run().ends(0);
    assert_eq!(std::fs::read(folder.path().join(OsStr::from_bytes(b"out-\xff"))).unwrap(), b"20\n");
}

#[test]
fn a_named_pipe_is_read_with_a_word() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = folder.engagement("ids pipe").spawn();
    std::fs::write(&pipe, "20\n").unwrap();
    let output = reader.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"20\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("waiting for"));
}
