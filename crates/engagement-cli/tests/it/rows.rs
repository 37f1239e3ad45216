//! Rows from the three endpoints, in every form.

use serde_json::{Value, json};

use crate::{
    engagement::{Folder, days_ago},
    server::Server,
};

#[test]
fn totals_are_the_truth() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("owned", 3);
    let done = folder.engagement("totals").args(&ids).brand(&server).run().ends(0);
    let rows = done.lines();
    assert!(rows.len() >= 3 * 6, "{}", rows.len());
    check_rows(&server, &rows, "totals");
    for row in &rows {
        assert_eq!((&row["bucket_start"], &row["bucket_end"]), (&Value::Null, &Value::Null));
        assert_eq!(row["owner"], "1111");
    }
}

#[test]
fn the_last_28_hours_are_the_truth() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for by in ["hour", "day", "total"] {
        let done = folder
            .engagement("28hr --metrics impressions,engagements --by")
            .args([by, &server.tweet("owned")])
            .brand(&server)
            .run()
            .ends(0);
        let rows = done.lines();
        let buckets = match by {
            "hour" => 28..=29,
            "day" => 2..=3,
            _ => 1..=1,
        };
        assert!(buckets.contains(&(rows.len() / 2)), "{by}: {}", rows.len());
        check_rows(&server, &rows, "28hr");
    }
}

#[test]
fn history_is_the_truth_and_windows_join() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("over1800", 2);
    for (by, buckets) in [("hour", 60 * 24), ("day", 60), ("total", 1)] {
        let before = server.requests();
        let done = folder
            .engagement("historical --metrics impressions --by")
            .args([by, "--start", &days_ago(260), "--end", &days_ago(200)])
            .args(&ids)
            .brand(&server)
            .run()
            .ends(0);
        assert_eq!(server.requests() - before, 3, "{by}");
        let rows = done.lines();
        check_rows(&server, &rows, "historical");
        assert!(rows.len() <= 2 * buckets, "{by}: {}", rows.len());
    }
}

/// Every row has the ten columns in their order, and its value is the emulator's own.
#[track_caller]
fn check_rows(server: &Server, rows: &[Value], endpoint: &str) {
    assert!(!rows.is_empty());
    // A look-up costs a connection; some hundred say as much as all.
    let step = rows.len().div_ceil(150);
    for row in rows.iter().step_by(step) {
        assert_eq!(row["endpoint"], endpoint, "{row}");
        assert!(row["tweet_id"].is_string(), "{row}");
        match row["state"].as_str().unwrap() {
            "ok" => {
                assert_eq!(row["value"], server.truth(row), "{row}");
                assert_eq!(row["reason"], Value::Null, "{row}");
            }
            _ => assert_eq!(row["value"], Value::Null, "{row}"),
        }
    }
    // Each window of a longer time is a batch of its own.
    if endpoint == "historical" {
        return;
    }
    let order = |row: &Value| {
        (
            row["tweet_id"].as_str().unwrap().parse::<u64>().unwrap(),
            row["bucket_start"].as_str().map(str::to_owned),
        )
    };
    assert!(rows.is_sorted_by_key(order));
}

#[test]
fn a_row_in_every_form() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let run = |form: &str| {
        let done = folder
            .engagement("totals --metrics favorites,impressions -o")
            .args(form.split_whitespace())
            .arg(&id)
            .brand(&server)
            .run()
            .ends(0);
        // The time of asking is the only thing that changes. A count may begin as it does.
        let mut text = done.stdout;
        let is_moment = |at: &usize| text.get(*at..at + 20).is_some_and(|it| it.ends_with('Z'));
        let moments: Vec<String> = (0..text.len())
            .filter(is_moment)
            .filter(|at| text[*at..].starts_with("20"))
            .map(|at| text[at..at + 20].to_owned())
            .collect();
        for moment in moments {
            text = text.replace(&moment, "NOW");
        }
        text
    };
    let value =
        |metric: &str| server.truth(&json!({"tweet_id": id, "metric": metric})).as_u64().unwrap().to_string();
    let (likes, views) = (value("favorites"), value("impressions"));

    let object = |metric: &str, value: &str| {
        format!(
            r#"{{"tweet_id":"{id}","metric":"{metric}","bucket_start":null,"bucket_end":null,"value":{value},"state":"ok","reason":null,"endpoint":"totals","observed_at":"NOW","owner":"1111"}}"#
        )
    };
    let (first, second) = (object("favorites", &likes), object("impressions", &views));
    assert_eq!(run("ndjson"), format!("{first}\n{second}\n"));
    assert_eq!(run("json"), format!("[{first},\n{second}]\n"));

    let header = "tweet_id,metric,bucket_start,bucket_end,value,state,reason,endpoint,observed_at,owner";
    let csv = format!(
        "{header}\n{id},favorites,,,{likes},ok,,totals,NOW,1111\n{id},impressions,,,{views},ok,,totals,NOW,1111\n"
    );
    assert_eq!(run("csv"), csv);
    assert_eq!(run("tsv"), csv.replace(',', "\t"));

    let table: Vec<Vec<String>> =
        run("table").lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    assert_eq!(table[0], header.split(',').collect::<Vec<_>>());
    assert_eq!(table[1], [&*id, "favorites", &likes, "ok", "totals", "NOW", "1111"]);
    assert_eq!(table.len(), 3);

    let wide =
        "tweet_id,bucket_start,bucket_end,favorites,impressions,state,reason,endpoint,observed_at,owner";
    assert_eq!(run("csv --wide"), format!("{wide}\n{id},,,{likes},{views},ok,,totals,NOW,1111\n"));
    let object = format!(
        r#"{{"tweet_id":"{id}","bucket_start":null,"bucket_end":null,"favorites":{likes},"impressions":{views},"state":"ok","reason":null,"endpoint":"totals","observed_at":"NOW","owner":"1111"}}"#
    );
    assert_eq!(run("ndjson --wide"), format!("{object}\n"));
    assert_eq!(run("json --wide"), format!("[{object}]\n"));
    assert_eq!(run("table --wide").lines().count(), 2);
}

#[test]
fn a_value_that_is_missing_is_empty_and_never_zero() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unavailable");
    let run = |form: &str| {
        folder.engagement("totals --metrics favorites -o").args([form, &id]).app(&server).run().ends(0)
    };
    let row = &run("ndjson").lines()[0];
    assert_eq!((&row["value"], &row["state"]), (&Value::Null, &json!("unavailable")));
    let csv = run("csv").stdout;
    assert!(csv.lines().nth(1).unwrap().starts_with(&format!("{id},favorites,,,,unavailable,")), "{csv}");
}

#[test]
fn off_a_terminal_rows_come_one_object_a_line() {
    let folder = Folder::new();
    let done = folder.engagement("--profile emulator totals 1700000000000000001").run();
    assert!(!done.lines().is_empty());
}

#[test]
fn a_wide_line_names_who_answered() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    // Some of its cells cost no request, and nobody answered those.
    let id = server.tweet("over90");
    let done = folder.engagement("totals --wide -o json").arg(&id).brand(&server).run().ends(0);
    let line = &done.json()[0];
    assert_eq!((&line["owner"], &line["impressions"]), (&"1111".into(), &Value::Null));
    assert!(line["favorites"].is_number(), "{line}");
}
