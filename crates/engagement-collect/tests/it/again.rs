use std::collections::BTreeMap;

use engagement::Metrics;
use engagement_collect::{
    List, Making, Quarantine, Question,
    model::{Metric, plan::Target},
};
use engagement_emulator::{Class, Switches};
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
    let reasons =
        "select count(distinct tweet_id) from gaps where reason = 'forbidden in job 1; not asked again'";
    assert_eq!(stage.count(reasons), 5);

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
