//! `-o raw` and `--group-by`: the API's own shape.

use serde_json::{Value, json};

use crate::{
    accounting::adds_up,
    engagement::{Folder, days_ago},
    server::Server,
};

#[test]
fn the_default_grouping_over_several_requests() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("unowned", 300);
    folder.write("ids", ids.join("\n"));
    let done = folder
        .engagement("totals -o raw --metrics favorites --summary s.json --ids ids")
        .app(&server)
        .run()
        .ends(0);
    assert_eq!(server.requests(), 2);
    assert_eq!(done.stdout.lines().count(), 1);
    let answer = done.json();
    let tweets = answer["engagement"].as_object().unwrap();
    assert_eq!(tweets.len(), 300);
    let row = json!({"tweet_id": ids[0], "metric": "favorites"});
    assert_eq!(tweets[&ids[0]]["favorites"], server.truth(&row).to_string());
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["ok"], &summary["cells"]["ok"]), (&300.into(), &300.into()));
}

#[test]
fn any_number_of_groupings_as_if_the_api_allowed_it() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("over1800", 2);
    let (start, end) = (days_ago(260), days_ago(200));
    let done = folder
        .engagement("historical -o raw --metrics impressions,engagements --summary s.json")
        .args(["--start", &start, "--end", &end])
        .args(["--group-by", "a=tweet.id,engagement.type,engagement.day,engagement.hour"])
        .args(["--group-by", "b=engagement.type,tweet.id,engagement.day,engagement.hour"])
        .args(["--group-by", "c=engagement.type", "--group-by", "d=tweet.id"])
        .args(["--group-by", "e=engagement.day,engagement.type"])
        .args(&ids)
        .brand(&server)
        .run()
        .ends(0);
    // Three windows, each asked for with two sets of groupings.
    assert_eq!(server.requests(), 6);
    let answer = done.json();
    let midnight = |date: &str| format!("{date}T00:00:00Z");
    let truth = |metric: &str| -> u64 {
        ids.iter()
            .map(|id| {
                let row = json!({
                    "tweet_id": id, "metric": metric,
                    "bucket_start": midnight(&start), "bucket_end": midnight(&end),
                });
                server.truth(&row).as_u64().unwrap()
            })
            .sum()
    };
    assert_eq!(answer["c"]["impressions"], truth("impressions").to_string());
    assert_eq!(sum(&answer["e"]), truth("impressions") + truth("engagements"));
    assert_eq!(sum(&answer["d"]), truth("impressions") + truth("engagements"));
    assert_eq!(sum(&answer["a"]), sum(&answer["e"]));
    assert_eq!(sum(&answer["b"]), sum(&answer["e"]));
    assert_eq!(answer["e"].as_object().unwrap().len(), 60);
    assert_eq!((&answer["start"], &answer["end"]), (&json!(midnight(&start)), &json!(midnight(&end))));
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["asked"], &summary["ok"]), (&2.into(), &2.into()));
}

#[test]
fn refusals_are_accounted_for_and_the_rest_is_there() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let (mine, deleted, stranger) =
        (server.tweet("owned"), server.tweet("unavailable"), server.tweet("unowned"));
    let done = folder
        .engagement(
            "totals -o raw --metrics impressions,favorites --summary s.json --group-by all=engagement.type",
        )
        .args(["--out", "raw.json"])
        .args([&mine, &deleted, &stranger])
        .brand(&server)
        .run()
        .ends(3)
        .prints_nothing();
    drop(done);
    let value =
        |id: &str, metric: &str| server.truth(&json!({"tweet_id": id, "metric": metric})).as_u64().unwrap();
    let answer = folder.json("raw.json");
    assert_eq!(answer["all"]["impressions"], value(&mine, "impressions").to_string());
    assert_eq!(
        answer["all"]["favorites"],
        (value(&mine, "favorites") + value(&stranger, "favorites")).to_string()
    );
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["ok"], &summary["unavailable"]), (&2.into(), &1.into()));
    assert_eq!(summary["cells"]["forbidden"], 1);
}

#[test]
fn what_a_refusal_names_is_named_in_the_answer() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let deleted = server.tweets("unavailable", 2);
    let run = |words: &str, ids: &[String]| {
        folder.engagement(words).args(["-o", "raw"]).args(ids).brand(&server).run()
    };
    let answer = run("totals", &deleted).ends(0).json();
    let mut listed = deleted;
    listed.sort_by_key(|id| id.parse::<u64>().unwrap());
    assert_eq!(answer, json!({"errors": ["2 Tweet ID(s) are unavailable"], "unavailable_tweet_ids": listed}));
    let stranger = server.tweet("unowned");
    let done = run("28hr --by total --metrics favorites", &[server.tweet("owned"), stranger.clone()]).ends(3);
    assert_eq!(done.json()["errors"], json!([format!("Forbidden to access tweets: {stranger}")]));
    assert_eq!(done.json()["engagement"].as_object().unwrap().len(), 1);
    assert!(!done.stderr.contains("each row"), "{}", done.stderr);
}

#[test]
fn groupings_that_nothing_makes_legal_are_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for (command, groupings) in [
        ("totals", vec!["g=tweet.id,engagement.day"]),
        ("totals", vec!["errors=tweet.id"]),
        ("totals", vec!["g=tweet.id", "g=engagement.type"]),
        ("totals", vec!["g"]),
        ("totals", vec!["g="]),
        ("totals", vec!["=tweet.id"]),
        ("totals", vec!["g=tweet.id,tweet.id"]),
        ("totals", vec!["g=tweet.name"]),
        ("28hr", vec!["g=engagement.hour,engagement.day,tweet.id,engagement.type"]),
    ] {
        let mut run = folder.engagement(command).args(["-o", "raw", "20"]);
        for grouping in &groupings {
            run = run.args(["--group-by", grouping]);
        }
        let done = run.brand(&server).run();
        assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{groupings:?}: {}", done.stderr);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_plan_counts_every_part() {
    let folder = Folder::new();
    let plan = |groupings: usize| {
        let mut run = folder.engagement("totals 20 --metrics favorites --dry-run -o json");
        for n in 0..groupings {
            run = run.args(["--group-by".to_owned(), format!("g{n}=tweet.id")]);
        }
        run.run().ends(0).json()["requests"].clone()
    };
    assert_eq!((plan(0), plan(3), plan(4)), (1.into(), 1.into(), 2.into()));
}

/// Of all counts below.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Object(members) => members.values().map(sum).sum(),
        Value::String(count) => count.parse().unwrap(),
        _ => 0,
    }
}
