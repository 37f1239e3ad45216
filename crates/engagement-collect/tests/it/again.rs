use std::collections::BTreeMap;

use engagement::{Metrics, ProblemKind};
use engagement_collect::{
    List, Making, Quarantine, Question, Stale, Standing, find,
    model::{Metric, plan::Target},
    outlook, stale,
};
use engagement_emulator::{Class, Faults, Switches};
use engagement_store::job::JobId;
use jiff::SignedDuration;

use crate::stage::Stage;

#[tokio::test]
async fn totals_become_snapshots_and_strangers_are_known() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 20);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 10));
    let question = Question::new(Target::Totals);
    stage.collect(stage.client(&["demo_brand"]), &question, &ids).await;
    // Refused for the strangers, asked without them, and the strangers app-only.
    assert_eq!(stage.requests(), 3);
    let rows = stage.count("select count(*) from totals");

    stage.emulator.freeze_clock(stage.emulator.now() + SignedDuration::from_hours(1)).unwrap();
    let outcome = stage.again(stage.client(&["demo_brand"]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 30)]));
    assert_eq!(stage.requests(), 3 + 2);
    assert_eq!(stage.count("select count(*) from totals"), 2 * rows);
    assert_eq!(stage.count("select max(observation) from jobs"), 2);
    assert!(stage.count("select count(*) from v_gains where gain > 0") > 0);
}

#[tokio::test]
async fn hours_of_several_runs_are_one_series_and_forbidden_tweets_are_left_out() {
    let mut switches = Switches::default();
    switches.old_forbidden_text = true;
    let stage = Stage::with(|builder| builder.switches(switches)).await;
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 10);
    let news = stage.emulator.tweets(Class::Owned, Some("demo_news"), 5);
    ids.extend(&news);
    let question = Question::new(Target::Last28Hours);
    let outcome = stage.collect(stage.client(&["demo_brand"]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 10), ("forbidden", 5)]));
    assert_eq!(stage.requests(), 2);

    // 29 hours at 10:34; five hours later 24 of them are known.
    stage.emulator.freeze_clock(stage.emulator.now() + SignedDuration::from_hours(5)).unwrap();
    let outcome = stage.again(stage.client(&["demo_brand"]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 10), ("forbidden", 5)]));
    assert_eq!(stage.requests(), 3);
    let hours = "select count(distinct bucket_start) from series";
    assert_eq!(stage.count(hours), 29 + 5);

    // Whose they are is known from the refusal: with that token they are asked for again.
    let outcome = stage.again(stage.client(&["demo_brand", "demo_news"]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 15)]));
    assert_eq!(stage.requests(), 3 + 2);
}

#[tokio::test]
async fn what_was_forbidden_is_left_out_of_other_lists_too() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 10);
    let news = stage.emulator.tweets(Class::Owned, Some("demo_news"), 5);
    let question = Question::new(Target::Last28Hours);
    let first: Vec<_> = ids[..5].iter().chain(&news).copied().collect();
    stage.collect(stage.client(&["demo_brand"]), &question, &first).await;
    let sent = stage.requests();

    // One request for both: nobody tries the strangers first.
    let outcome = stage.again(stage.client(&["demo_brand"]), &question, &[&ids[..], &news].concat()).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 10), ("forbidden", 5)]));
    assert_eq!(stage.requests(), sent + 1);
    // The server's words go with it, however often it is said.
    let reason = "(select reason from gaps where state = 'forbidden' limit 1)";
    let reasons = format!(
        "select count(*) from tweets where reason = 'forbidden in job 1; not asked again: ' || {reason}"
    );
    assert_eq!(stage.count(&reasons), 5);
    stage.again(stage.client(&["demo_brand"]), &question, &first).await;
    assert_eq!((stage.count(&reasons), stage.count("select count(distinct job) from tweets")), (5, 2));

    // Another question is another matter; and so it is when they are asked for on purpose.
    let mut other = question.clone();
    other.metrics = Metrics::Named(vec![Metric::Impressions]);
    let sent = stage.requests();
    stage.again(stage.client(&["demo_brand"]), &other, &news).await;
    assert_eq!(stage.requests(), sent + 1);
    let mut making = Making::default();
    making.quarantine = Quarantine::Lifted;
    let list = List::new(news.iter().copied());
    let outcome = stage.begin(stage.client(&["demo_brand"]), &question, list, making).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("forbidden", 5)]));
    assert_eq!(stage.requests(), sent + 2);
}

#[tokio::test]
async fn an_observation_that_is_not_over_is_found_whatever_came_after() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 600);
    let question = Question::new(Target::Totals);
    let standing =
        || find(&stage.store().reader().unwrap(), &question, &List::new(ids.iter().copied())).unwrap();
    stage.collect(stage.client(&[]), &question, &ids).await;
    let one = || stage.builder(&[]).max_requests(1).build().unwrap();
    stage.again(one(), &question, &ids).await;
    let Standing::Unfinished(job) = standing() else { panic!() };
    assert_eq!(job.inner().observation, 2);
    assert_eq!(stale(&stage.store().reader().unwrap(), &one(), &question, &job).unwrap(), None);

    // Another one takes its place, of which nothing is lost; and it can be gone on with all the same.
    stage.again(stage.client(&[]), &question, &ids).await;
    let Standing::Over(job) = standing() else { panic!() };
    assert_eq!(job.inner().observation, 3);
    assert_eq!(stage.store().reader().unwrap().job(JobId(2)).unwrap().batches, [0, 0, 1, 2]);
    assert_eq!(stage.collector().retry(JobId(2)).unwrap(), 2);
    let Standing::Unfinished(job) = standing() else { panic!() };
    assert_eq!(job.id(), JobId(2));
    let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
    assert_eq!((outcome.report.job, outcome.tweets()), (JobId(2), BTreeMap::from([("ok", 600)])));
    assert_eq!(stage.requests(), 3 * 3);
}

#[tokio::test]
async fn an_observation_that_would_cost_hours_or_waits_for_a_credential_is_stale() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 60);
    let question = Question::new(Target::Last28Hours);
    let one = || stage.builder(&["demo_brand"]).max_requests(1).build().unwrap();
    let outcome = stage.collect(one(), &question, &ids).await;
    assert_eq!(outcome.report.waiting, 2);
    let job = || {
        let list = List::new(ids.iter().copied());
        let found = find(&stage.store().reader().unwrap(), &question, &list).unwrap();
        let Standing::Unfinished(job) = found else { panic!("{found:?}") };
        job
    };
    let made = stage.emulator.now();
    for (hours, missed, wanted) in [(1, None, None), (5, Some(5), None), (15, Some(15), Some(Stale::Hours))] {
        stage.emulator.freeze_clock(made + SignedDuration::from_hours(hours)).unwrap();
        let client = one();
        let out_of_reach = job().missed(&question, client.now()).map(|hours| hours.len_hours());
        assert_eq!(out_of_reach, missed, "after {hours} h");
        let found = stale(&stage.store().reader().unwrap(), &client, &question, &job()).unwrap();
        assert_eq!(found, wanted, "after {hours} h");
    }
    stage.emulator.freeze_clock(made).unwrap();
    // Who could ask is not there; and then it is, and is not accepted.
    let check = |client| stale(&stage.store().reader().unwrap(), &client, &question, &job()).unwrap();
    assert_eq!(check(stage.client(&["demo_news"])), Some(Stale::Credentials));
    let bad = || {
        let bad = engagement::Account::new("1111-demo-wrong-token", "wrong").handle("demo_brand");
        stage.builder(&[]).account(bad).build().unwrap()
    };
    assert_eq!(check(bad()), None);
    let outcome = stage.collect(bad(), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 25), ("failed", 35)]));
    assert_eq!(check(bad()), Some(Stale::Credentials));
}

#[tokio::test]
async fn an_observation_that_a_wrong_clock_kept_is_not_stale() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 60);
    let question = Question::new(Target::Last28Hours);
    let client = || stage.client(&["demo_brand"]);
    stage.collect(stage.builder(&["demo_brand"]).max_requests(1).build().unwrap(), &question, &ids).await;
    let body = r#"{\"errors\":[{\"code\":135,\"message\":\"Timestamp out of bounds.\"}]}"#;
    let fault = format!(r#"[{{"endpoint":"28hr","every":1,"status":401,"body":"{body}"}}]"#);
    stage.emulator.set_faults(Faults::from_json(&fault).unwrap());
    let one_at_a_time = stage.builder(&["demo_brand"]).concurrency(1).build().unwrap();
    let outcome = stage.collect(one_at_a_time, &question, &ids).await;
    assert_eq!(outcome.kinds(), [ProblemKind::Clock]);
    assert!(outcome.problems[0].message.contains("time of the signature"), "{outcome:?}");
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 25), ("failed", 35)]));
    let list = || List::new(ids.iter().copied());
    let reader = stage.store().reader().unwrap();
    let Standing::Unfinished(job) = find(&reader, &question, &list()).unwrap() else { panic!() };
    assert_eq!(stale(&reader, &client(), &question, &job).unwrap(), None);
    drop(reader);

    stage.emulator.set_faults(Faults::from_json("[]").unwrap());
    let outcome = stage.collect(client(), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 60)]));
}

#[tokio::test]
async fn an_observation_of_which_only_failures_are_left_is_stale() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 600);
    ids.sort();
    let question = Question::new(Target::Totals);
    let check = || {
        let reader = stage.store().reader().unwrap();
        let job = match find(&reader, &question, &List::new(ids.iter().copied())).unwrap() {
            Standing::Unfinished(job) => job,
            standing => panic!("{standing:?}"),
        };
        stale(&reader, &stage.client(&[]), &question, &job).unwrap()
    };
    let fault = format!(r#"[{{"endpoint":"totals","ids":["{}"],"status":503}}]"#, ids[300]);
    stage.emulator.set_faults(Faults::from_json(&fault).unwrap());
    stage.collect(stage.builder(&[]).max_requests(2).build().unwrap(), &question, &ids).await;
    assert_eq!(check(), None);
    for _ in 0..2 {
        stage.collect(stage.client(&[]), &question, &ids).await;
        // It was set aside if others got through after it.
        stage.collector().retry(JobId(1)).unwrap();
    }
    assert_eq!(check(), Some(Stale::Stuck));
}

#[tokio::test]
async fn a_whole_run_of_failures_is_as_long_as_the_clients_calls_are() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 600);
    ids.sort();
    let question = Question::new(Target::Totals);
    let fault = format!(r#"[{{"endpoint":"totals","ids":["{}"],"status":503}}]"#, ids[599]);
    stage.emulator.set_faults(Faults::from_json(&fault).unwrap());
    let client = |attempts| {
        let moment = std::time::Duration::from_millis(1);
        let transport =
            |it: engagement::transport::Builder| it.backoff(moment, moment).max_attempts(attempts);
        stage.builder(&[]).concurrency(1).transport(transport).build().unwrap()
    };
    // An outage, for somebody who asks for one at a time, before its third turn.
    for (run, wanted) in [(1, None), (2, Some(Stale::Stuck))] {
        stage.collect(client(2), &question, &ids).await;
        let reader = stage.store().reader().unwrap();
        let list = List::new(ids.iter().copied());
        let Standing::Unfinished(job) = find(&reader, &question, &list).unwrap() else { panic!() };
        assert_eq!(stale(&reader, &client(2), &question, &job).unwrap(), wanted, "run {run}");
        assert_eq!(stale(&reader, &client(5), &question, &job).unwrap(), None, "run {run}");
    }
}

#[tokio::test]
async fn an_outlook_knows_what_the_store_knows() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 10);
    let news = stage.emulator.tweets(Class::Owned, Some("demo_news"), 5);
    let question = Question::new(Target::Last28Hours);
    let first: Vec<_> = ids[..5].iter().chain(&news).copied().collect();
    stage.collect(stage.client(&["demo_brand"]), &question, &first).await;
    let reader = stage.store().reader().unwrap();
    let list = || List::new(ids.iter().chain(&news).copied());
    let client = stage.client(&["demo_brand"]);
    let seen = outlook(&client, Some(&reader), &question, list(), Making::default()).unwrap();
    assert_eq!((seen.quarantined, seen.foreign), (5, 0));
    assert_eq!(seen.query.unwrap().forecast(None).unwrap().ids, 10);
    let blind = outlook(&client, None, &question, list(), Making::default()).unwrap();
    assert_eq!((blind.quarantined, blind.query.unwrap().forecast(None).unwrap().ids), (0, 15));
}
