//! `engagement export`: a store as text and as a data set, and places that take none.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
};

use ::engagement::model::{Endpoint, Metric, Outcome, Reason, Row, TweetId, UtcHour, Window};
use engagement_store::{
    Store,
    job::{NewBatch, NewJob},
    record::{Observation, Settlement},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engagement::Folder;

const OBSERVED: &str = "2024-03-06T12:00:00Z";
const ONE: u64 = 1_763_000_000_000_000_001;
const TWO: u64 = 1_763_000_000_000_000_002;

/// A store `s.db` with three totals, one of them missing, and three hours of two days.
fn collect(folder: &Folder) {
    let total = |tweet, metric, outcome| Row { tweet_id: id(tweet), metric, bucket: None, outcome };
    let hour = |tweet, time: &str, value| Row {
        tweet_id: id(tweet),
        metric: Metric::Impressions,
        bucket: Some(Window::hour(UtcHour::containing(time.parse().unwrap()))),
        outcome: Outcome::Ok(value),
    };
    let gone = Outcome::Unavailable(Reason::new("gone"));
    settle(
        folder,
        Endpoint::Totals,
        &[
            total(ONE, Metric::Favorites, Outcome::Ok(5)),
            total(ONE, Metric::Replies, Outcome::Ok(0)),
            total(TWO, Metric::Favorites, gone),
        ],
    );
    settle(
        folder,
        Endpoint::Historical,
        &[
            hour(ONE, "2024-03-01T23:00:00Z", 7),
            hour(ONE, "2024-03-02T00:00:00Z", 8),
            hour(TWO, "2024-03-01T00:00:00Z", 9),
        ],
    );
}

/// A store `s.db` whose hours make as many files of a data set as there are days.
pub(crate) fn collect_days(folder: &Folder, days: i32) {
    let first = UtcHour::containing("2024-03-01T00:00:00Z".parse().unwrap());
    let hours =
        (0..24 * days).map(|hour| Window::hour(UtcHour::from_epoch(first.since_epoch() + hour).unwrap()));
    let rows: Vec<Row> = hours
        .map(|hour| Row {
            tweet_id: id(ONE),
            metric: Metric::Impressions,
            bucket: Some(hour),
            outcome: Outcome::Ok(7),
        })
        .collect();
    settle(folder, Endpoint::Historical, &rows);
}

fn settle(folder: &Folder, endpoint: Endpoint, rows: &[Row]) {
    let now: Timestamp = OBSERVED.parse().unwrap();
    let store = Store::create(folder.path().join("s.db"), now).unwrap();
    let mut collector = store.collector(now).unwrap();
    let mut draft = collector.draft(&NewJob::new(endpoint.name(), "ids", endpoint, now)).unwrap();
    let tweet_ids = [id(ONE), id(TWO)];
    let mut batch = NewBatch::new(endpoint, &tweet_ids, &[Metric::Favorites]);
    batch.owner = Some("demo_brand");
    draft.add(&batch).unwrap();
    let job = draft.commit().unwrap();
    let mut transaction = collector.transaction().unwrap();
    let batch = transaction.take(job, 1).unwrap().remove(0);
    let mut settlement = Settlement::new(now);
    settlement.observations.push(Observation::new(endpoint, now, rows).by(Some("demo_brand")));
    transaction.settle(batch.id, &settlement).unwrap();
    transaction.commit().unwrap();
}

fn id(number: u64) -> TweetId {
    TweetId::new(number).unwrap()
}

#[test]
fn another_store_does_not_take_the_place_of_a_data_set() {
    let (folder, other) = (Folder::new(), Folder::new());
    collect(&folder);
    let other_path = other.path().join("s.db");
    Store::create(&other_path, "2024-03-07T12:00:00Z".parse().unwrap()).unwrap();
    let export = |store: &std::path::Path| {
        folder.engagement("export --format parquet --out lake --store").arg(store).run()
    };
    export(&folder.path().join("s.db")).ends(0).says(&["commit 1"]);
    let lake = || fs::read(folder.path().join("lake/series/dt=2024-03-01/part-0.parquet")).unwrap();
    let before = lake();
    export(&other_path).ends(8).says(&[
        "lake holds the rows of the store made at 2024-03-06T12:00:00Z, and these are of the store made at 2024-03-07",
        "choose another place",
    ]);
    assert_eq!(lake(), before);
    // A copy is the same store.
    fs::copy(folder.path().join("s.db"), &other_path).unwrap();
    export(&other_path).ends(0).says(&["commit 2"]);
}

#[test]
fn text_is_the_long_form() {
    let folder = Folder::new();
    collect(&folder);
    let run = |words: &str| folder.engagement("export --store s.db").args(words.split(' ')).run().ends(0);
    let csv = run("--format csv").says(&["6 rows"]).stdout;
    let header = "tweet_id,metric,bucket_start,bucket_end,value,state,reason,endpoint,observed_at,owner";
    let totals = format!(
        "{ONE},favorites,,,5,ok,,totals,{OBSERVED},demo_brand\n\
         {ONE},replies,,,0,ok,,totals,{OBSERVED},demo_brand\n\
         {TWO},favorites,,,,unavailable,gone,totals,{OBSERVED},demo_brand\n"
    );
    let hour = |id, from, to, value| {
        let bucket = format!("2024-03-{from}:00:00Z,2024-03-{to}:00:00Z");
        format!("{id},impressions,{bucket},{value},ok,,historical,{OBSERVED},demo_brand\n")
    };
    let series =
        [hour(ONE, "01T23", "02T00", 7), hour(ONE, "02T00", "02T01", 8), hour(TWO, "01T00", "01T01", 9)]
            .concat();
    assert_eq!(csv, format!("{header}\n{totals}{series}"));
    assert_eq!(run("--format csv --table series").stdout.lines().count(), 4);
    assert_eq!(run("--format tsv --table totals").stdout.lines().count(), 4);

    let lines = run("--table series").lines();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["tweet_id"], &lines[0]["value"]), (&json!(ONE.to_string()), &json!(7)));
    assert_eq!(run("-o json --table totals").json().as_array().unwrap().len(), 3);

    let tweets = run("--format csv --table tweets").stdout;
    assert_eq!(tweets.lines().next().unwrap(), "tweet_id,owner,created_at,state,reason,checked_at");
    assert_eq!(tweets.lines().count(), 3);

    run("--format csv --out rows.csv").prints_nothing();
    assert_eq!(folder.read("rows.csv"), csv);
}

#[test]
fn a_data_set_grows_by_commits() {
    let folder = Folder::new();
    collect(&folder);
    let export = |words: &str| {
        let words = format!("export --store s.db --format parquet --out lake {words}");
        folder.engagement(&words).run().ends(0).prints_nothing()
    };
    export("").says(&["commit 1 of lake: totals 3 rows, series 3 rows, tweets 2 rows"]);
    let record = |number: u32| folder.json(&format!("lake/_engagement/commits/{number:08}.json"));
    let paths = |table: &str| -> Vec<Value> {
        let files = record(1)["tables"][table]["files"].as_array().unwrap().clone();
        files.into_iter().map(|file| file["path"].clone()).collect()
    };
    assert_eq!(
        paths("series"),
        ["series/dt=2024-03-01/part-0.parquet", "series/dt=2024-03-02/part-0.parquet"]
    );
    assert_eq!(paths("totals"), ["totals/dt=2024-03-06/part-0.parquet"]);
    assert_eq!(paths("tweets"), ["tweets/part-0.parquet"]);
    for path in ["series", "totals", "tweets"].into_iter().flat_map(paths) {
        assert!(folder.path().join("lake").join(path.as_str().unwrap()).is_file(), "{path}");
    }
    export("--table totals").says(&["commit 2 of lake: totals 3 rows"]);
    assert_eq!(record(2)["tables"]["series"], record(1)["tables"]["series"]);
}

#[test]
fn a_place_that_holds_something_else_is_refused() {
    let folder = Folder::new();
    collect(&folder);
    folder.write("mine/notes.txt", "mine");
    let done = folder.engagement("export --store s.db --format parquet --out mine --log-format json").run();
    done.ends(8).says(&["mine is not empty", "choose an empty place"]).prints_nothing();
    assert_eq!(fs::read_dir(folder.path().join("mine")).unwrap().count(), 1);
    let file = "export --store s.db --format parquet --out mine/notes.txt";
    folder.engagement(file).run().ends(8).says(&["notes.txt"]);

    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Nothing is closed to the superuser.
    if File::create(closed.join("probe")).is_err() {
        folder
            .engagement("export --store s.db --format parquet --out closed")
            .run()
            .ends(8)
            .says(&["closed"]);
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_store_that_is_none_is_told() {
    let folder = Folder::new();
    folder.write("notes.txt", "mine");
    let run = |store: &str| folder.engagement("export --format csv --store").arg(store).run().ends(8);
    run("nowhere.db").says(&["there is no store"]).prints_nothing();
    run("notes.txt").says(&["no store of engagement data"]).prints_nothing();
    assert_eq!(folder.names(), ["notes.txt"]);
}

#[test]
fn a_full_disk_and_a_reader_that_goes_away() {
    let folder = Folder::new();
    collect(&folder);
    for format in ["csv", "tsv", "ndjson", "json"] {
        let mut run = folder.engagement("export --store s.db --format").arg(format);
        run.command.stdout(File::options().write(true).open("/dev/full").unwrap());
        run.run().ends(8).says(&["No space left"]);
        let mut child = folder.engagement("export --store s.db --format").arg(format).spawn();
        drop(child.stdout.take());
        let code = child.wait_with_output().unwrap().status.code();
        assert_eq!(code, Some(0), "{format}");
    }
}

#[test]
fn what_cannot_be_is_a_usage_error() {
    let folder = Folder::new();
    collect(&folder);
    for (words, said) in [
        ("--format table", "a whole store has no such form"),
        ("--format raw", "a whole store has no such form"),
        ("--format parquet", "name its folder with --out"),
        ("--format csv --out s3://bucket/rows.csv", "only a data set goes to S3"),
        ("--format parquet --out s3://", "s3://BUCKET/PREFIX"),
        ("--table nothing", "nothing"),
    ] {
        let done = folder.engagement("export --store s.db").args(words.split(' ')).run();
        done.ends(2).says(&[said]).prints_nothing();
    }
    folder.engagement("export --format csv").run().ends(2).says(&["--store"]);
}
