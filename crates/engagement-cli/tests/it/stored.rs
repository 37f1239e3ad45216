//! What is in a store: jobs, the top, and what the contract counts.

use std::path::PathBuf;

use engagement::model::{Endpoint, Metric, Outcome, Reason, Row, TweetId};
use engagement_store::{
    Collector, Store,
    job::{JobId, NewBatch, NewJob},
    record::{Observation, Sent, Settlement},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engagement::Folder;

fn now() -> Timestamp {
    "2024-03-08T12:30:00Z".parse().unwrap()
}

fn id(number: u64) -> TweetId {
    TweetId::new(1_763_000_000_000_000_000 + number).unwrap()
}

fn create(folder: &Folder) -> (PathBuf, Collector) {
    let path = folder.path().join("engagement.db");
    let collector = Store::create(&path, now()).unwrap().collector(now()).unwrap();
    (path, collector)
}

/// A job of three batches: one answered, one set aside, one that waits.
fn filled(folder: &Folder) -> PathBuf {
    let (path, mut collector) = create(folder);
    let metrics = [Metric::Engagements, Metric::Favorites, Metric::Impressions];
    let mut new = NewJob::new("totals", "0123abcd", Endpoint::Totals, now());
    new.tweets = 5;
    let mut draft = collector.draft(&new).unwrap();
    for tweets in [vec![id(1), id(2), id(3)], vec![id(4)], vec![id(5)]] {
        let mut batch = NewBatch::new(Endpoint::Totals, &tweets, &metrics);
        batch.owner = Some("demo_brand");
        draft.add(&batch).unwrap();
    }
    let job = draft.commit().unwrap();
    let mut transaction = collector.transaction().unwrap();
    let batches = transaction.take(job, 2).unwrap();
    let request =
        transaction.sent(&Sent::new(batches[0].id, Endpoint::Totals, now()).by("demo_brand", Some(1_111)));
    transaction.sent(&Sent::new(batches[1].id, Endpoint::Totals, now())).unwrap();
    let count = |tweet, metric: &Metric, value| Row {
        tweet_id: id(tweet),
        metric: metric.clone(),
        bucket: None,
        outcome: Outcome::Ok(value),
    };
    let [engagements, likes, impressions] = &metrics;
    let rows = [
        count(1, likes, 7),
        count(1, engagements, 30),
        count(1, impressions, 100),
        count(2, likes, 7),
        count(2, engagements, 30),
        count(2, impressions, 60),
        Row { outcome: Outcome::Unavailable(Reason::new("gone")), ..count(3, likes, 0) },
    ];
    let mut settlement = Settlement::new(now());
    settlement.observations.push(Observation::new(Endpoint::Totals, now(), &rows).by(Some("demo_brand")));
    settlement.answer(request.unwrap(), 200);
    transaction.settle(batches[0].id, &settlement).unwrap();
    transaction.give_back(batches[1].id, "the server broke off", now(), 1).unwrap();
    transaction.commit().unwrap();
    path
}

#[test]
fn jobs_are_listed_and_shown_batch_by_batch() {
    let folder = Folder::new();
    filled(&folder);
    let listed = folder.engagement("jobs list --store engagement.db").run().ends(0);
    assert_eq!(
        listed.lines(),
        [json!({
            "job": 1, "endpoint": "totals", "observation": 1, "made_at": "2024-03-08T12:30:00Z",
            "state": "unfinished", "tweets": 5, "batches": 3, "pending": 1, "in_flight": 0, "done": 1,
            "set_aside": 1, "ids_hash": "0123abcd",
        })]
    );
    let shown = folder.engagement("jobs show 1 --store engagement.db").run().ends(0).says(&[
        "job 1: totals, observation 1, made 2024-03-08T12:30:00Z: 5 Tweets: ok 2, unavailable 1, ",
        "unaccounted 0, waiting 2",
    ]);
    let states: Vec<Value> = shown.lines().iter().map(|batch| batch["state"].clone()).collect();
    assert_eq!(states, ["done", "set_aside", "pending"]);
    let one = folder
        .engagement("jobs show 1 --state set_aside -o csv")
        .env("ENGAGEMENT_STORE", "engagement.db")
        .run()
        .ends(0);
    assert_eq!(
        one.stdout,
        "job,batch,endpoint,owner,window_start,window_end,tweets,state,attempts,failures,reason,settled_at,ok,\
         unavailable,unsupported,forbidden,failed,unaccounted\n\
         1,1,totals,demo_brand,,,1,set_aside,1,1,the server broke off,,0,0,0,0,0,0\n"
    );
}

#[test]
fn batches_are_retried_and_jobs_deleted() {
    let folder = Folder::new();
    filled(&folder);
    let retried = folder.engagement("jobs retry 1 --store engagement.db").run().ends(0);
    assert_eq!(retried.lines(), [json!({"job": 1, "batches": 1})]);
    let listed = folder.engagement("jobs list --store engagement.db").run().ends(0).lines();
    assert_eq!((&listed[0]["pending"], &listed[0]["set_aside"]), (&json!(2), &json!(0)));
    folder
        .engagement("jobs delete 1 --store engagement.db")
        .run()
        .ends(0)
        .prints_nothing()
        .says(&["job 1 is deleted"]);
    folder
        .engagement("jobs list --store engagement.db")
        .run()
        .ends(0)
        .prints_nothing()
        .says(&["there are no jobs"]);
    let gone = folder.engagement("jobs retry 1 --store engagement.db -o json").run().ends(2);
    assert_eq!(gone.error()["error"]["code"], "no_such_job");
    assert_eq!(folder.engagement("top --by favorites --store engagement.db").run().ends(0).lines().len(), 2);
}

#[test]
fn a_store_in_use_names_who_has_it() {
    let folder = Folder::new();
    let (_, mut collector) = create(&folder);
    collector.draft(&NewJob::new("", "", Endpoint::Totals, now())).unwrap().commit().unwrap();
    let refused = folder.engagement("jobs delete 1 --store engagement.db -o json").run().ends(8);
    let error = refused.says(&["in use by process ", &std::process::id().to_string(), "stop it"]).error();
    assert_eq!((&error["error"]["code"], &error["error"]["retryable"]), (&json!("storage"), &json!(true)));
    drop(collector);
    folder.engagement("jobs delete 1 --store engagement.db").run().ends(0);
}

#[test]
fn what_is_no_store_is_refused_with_the_way_out() {
    let folder = Folder::new();
    folder.write("ids.txt", "1763000000000000001\n".repeat(50));
    for command in ["jobs list", "top --by rate", "usage"] {
        folder
            .engagement(command)
            .args(["--store", "ids.txt"])
            .run()
            .ends(8)
            .prints_nothing()
            .says(&["ids.txt is no store of engagement data", "choose another path"]);
        folder.engagement(command).args(["--store", "none.db"]).run().ends(8).says(&["there is no store"]);
    }
    assert_eq!(folder.names(), ["ids.txt"]);
}

#[test]
fn the_top_is_ranked_by_count_or_rate() {
    let folder = Folder::new();
    filled(&folder);
    let likes = folder.engagement("top --store engagement.db --by favorites -n 1").run().ends(0);
    assert_eq!(
        likes.lines(),
        [json!({
            "rank": 1, "tweet_id": "1763000000000000001", "owner": "demo_brand", "by": "favorites", "value": 7,
            "source": "totals", "link": "https://twitter.com/i/web/status/1763000000000000001",
        })]
    );
    let rate = folder.engagement("top --store engagement.db --by rate --per-owner -o tsv").run().ends(0);
    assert_eq!(
        rate.stdout,
        "rank\ttweet_id\towner\tby\tvalue\tengagements\timpressions\tsource\tlink\n\
         1\t1763000000000000002\tdemo_brand\trate\t0.5\t30\t60\ttotals\t\
         https://twitter.com/i/web/status/1763000000000000002\n\
         2\t1763000000000000001\tdemo_brand\trate\t0.3\t30\t100\ttotals\t\
         https://twitter.com/i/web/status/1763000000000000001\n"
    );
    folder
        .engagement("top --store engagement.db --by impresions")
        .run()
        .ends(2)
        .says(&["there is no metric \"impresions\"; the nearest is impressions"]);
    folder
        .engagement("top --store engagement.db --by url_clicks")
        .run()
        .ends(0)
        .prints_nothing()
        .says(&["no Tweet in the store has a url_clicks"]);
}

#[test]
fn usage_counts_handles_in_months_of_the_contract() {
    let folder = Folder::new();
    let (_, mut collector) = create(&folder);
    let mut draft = collector.draft(&NewJob::new("", "", Endpoint::Totals, now())).unwrap();
    let batch = draft.add(&NewBatch::new(Endpoint::Totals, &[id(1)], &[Metric::Favorites])).unwrap();
    assert_eq!(draft.commit().unwrap(), JobId(1));
    let mut transaction = collector.transaction().unwrap();
    for (at, handle) in [
        ("2024-03-14T23:59:59Z", "demo_sport"),
        ("2024-03-15T00:00:00Z", "demo_brand"),
        ("2024-04-14T23:59:59Z", "demo_news"),
        ("2024-04-14T23:59:59Z", "demo_news"),
    ] {
        let sent = Sent::new(batch, Endpoint::Totals, at.parse().unwrap());
        transaction.sent(&sent.by(handle, None)).unwrap();
    }
    transaction.sent(&Sent::new(batch, Endpoint::Totals, "2024-03-20T00:00:00Z".parse().unwrap())).unwrap();
    transaction.commit().unwrap();
    folder.write("engagement.toml", "[profiles.work]\nhandle_limit = 2\nmonth_start_day = 15\n");
    let usage = folder
        .engagement("--profile work usage --store engagement.db --month 2024-03 -o json")
        .run()
        .ends(0)
        .says(&[
            "2 of 2 handles, 3 requests with their tokens, 1 without any",
            "warning: 2 of the contract's 2",
        ]);
    assert_eq!(
        usage.json(),
        json!({
            "month": "2024-03", "start": "2024-03-15T00:00:00Z", "end": "2024-04-15T00:00:00Z", "handles": 2,
            "handle_limit": 2, "requests": 3, "app_only_requests": 1,
            "owners": [
                {"owner": "demo_brand", "user_id": null, "first_sent_at": "2024-03-15T00:00:00Z", "requests": 1},
                {"owner": "demo_news", "user_id": null, "first_sent_at": "2024-04-14T23:59:59Z", "requests": 2},
            ],
        })
    );
    let calendar =
        folder.engagement("usage --store engagement.db --month 2024-03 -o csv").run().ends(0).stdout;
    assert_eq!(
        calendar,
        "month,owner,user_id,first_sent_at,requests\n2024-03,demo_brand,,2024-03-15T00:00:00Z,1\n\
         2024-03,demo_sport,,2024-03-14T23:59:59Z,1\n"
    );
    folder.engagement("usage --store engagement.db --month 2024-3").run().ends(2).says(&["a month, such as"]);
}
