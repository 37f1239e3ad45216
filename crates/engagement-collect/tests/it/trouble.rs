use std::collections::BTreeMap;

use engagement::{Account, ProblemKind};
use engagement_collect::{Ended, List, Making, Question, Standing, find, model::plan::Target};
use engagement_emulator::{Class, Faults};
use engagement_store::job::{JobId, Progress};
use jiff::SignedDuration;

use crate::stage::Stage;

fn faults(json: &str) -> Faults {
    Faults::from_json(json).unwrap()
}

#[tokio::test]
async fn a_poison_batch_is_set_aside_and_the_others_go_on() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 2_500);
    ids.sort();
    let poison = format!(r#"[{{"endpoint":"totals","ids":["{}"],"status":500}}]"#, ids[600]);
    stage.emulator.set_faults(faults(&poison));
    let question = Question::new(Target::Totals);
    let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 2_250), ("failed", 250)]));
    assert_eq!((outcome.report.set_aside, outcome.report.waiting), (1, 0));
    assert!(outcome.ended.is_none());
    // Two times it might still have come right.
    assert_eq!(outcome.kinds(), [ProblemKind::Server]);
    assert_eq!(outcome.warnings.len(), 2);
    // Nine whole ones, and three turns of five attempts.
    assert_eq!(stage.requests(), 9 + 15);
    let reader = stage.store().reader().unwrap();
    let [aside] = &reader.batches(JobId(1), &[Progress::SetAside]).unwrap()[..] else { panic!() };
    assert!(aside.reason.as_deref().unwrap().contains("500"), "{aside:?}");
    drop(reader);

    // It is not tried again by itself; told to, it is.
    stage.emulator.set_faults(faults("[]"));
    let sent = stage.requests();
    stage.collect(stage.client(&[]), &question, &ids).await;
    assert_eq!(stage.requests(), sent);
    assert_eq!(stage.collector().retry(JobId(1)).unwrap(), 1);
    let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 2_500)]));
}

#[tokio::test]
async fn a_poison_batch_that_is_alone_is_set_aside_in_the_third_run() {
    let cases = [(ERROR, true), (ODD, true), (HTML, false), (DOWN, false), (r#""drop":true"#, false)];
    for (fault, is_poison) in cases {
        let stage = Stage::set().await;
        let ids = stage.emulator.tweets(Class::Unowned, None, 200);
        let fault = format!(r#"[{{"endpoint":"totals","ids":["{}"],{fault}}}]"#, ids[7]);
        stage.emulator.set_faults(faults(&fault));
        let question = Question::new(Target::Totals);
        let mut set_aside = Vec::new();
        for _ in 0..3 {
            let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
            assert_eq!(
                matches!(outcome.ended, Some(Ended::Outage)),
                outcome.report.set_aside == 0,
                "{fault}"
            );
            set_aside.push(outcome.report.set_aside);
        }
        assert_eq!(set_aside, [0, 0, u64::from(is_poison)], "{fault}");
        let failures = stage.count("select failures from batches where batch = 0");
        assert_eq!(failures, 3 * u64::from(is_poison), "{fault}");
        assert!(stage.requests() <= 3 * 15, "{}", stage.requests());
    }
}

#[tokio::test]
async fn poisoned_batches_among_others_are_set_aside_in_one_run() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 10_000);
    ids.sort();
    let poison = format!(
        r#"[{{"endpoint":"totals","ids":["{}","{}"],{ODD}}},{{"endpoint":"totals","every":1,"delay_ms":20}}]"#,
        ids[0], ids[2_000]
    );
    stage.emulator.set_faults(faults(&poison));
    let outcome = stage.collect(stage.client(&[]), &Question::new(Target::Totals), &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 9_500), ("failed", 500)]));
    assert!(outcome.ended.is_none(), "{outcome:?}");
}

#[tokio::test]
async fn one_of_two_is_set_aside_in_one_run() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 500);
    ids.sort();
    let poison = format!(r#"[{{"endpoint":"totals","ids":["{}"],{ERROR}}}]"#, ids[400]);
    stage.emulator.set_faults(faults(&poison));
    let outcome = stage.collect(stage.client(&[]), &Question::new(Target::Totals), &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 250), ("failed", 250)]));
    assert!(outcome.ended.is_none(), "{outcome:?}");
    assert_eq!(stage.requests(), 15 + 1);
}

/// A job of which every batch has one of these faults in turn, run so often, so many hours apart: how many are set aside
/// after each run.
async fn set_aside_of(batches: usize, faulty: &[&str], runs: usize, hours: i64) -> Vec<u64> {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 250 * batches);
    ids.sort();
    let fault = |(batch, fault)| format!(r#"{{"endpoint":"totals","ids":["{}"],{fault}}}"#, ids[250 * batch]);
    let all: Vec<String> = faulty.iter().copied().cycle().take(batches).enumerate().map(fault).collect();
    stage.emulator.set_faults(faults(&format!("[{}]", all.join(","))));
    let question = Question::new(Target::Totals);
    let mut set_aside = Vec::new();
    for _ in 0..runs {
        let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
        let is_over = outcome.report.waiting == 0;
        assert_eq!(outcome.ended.is_none(), is_over, "{outcome:?}");
        assert!(is_over || outcome.problems.len() <= batches, "{outcome:?}");
        set_aside.push(outcome.report.set_aside);
        stage.emulator.freeze_clock(stage.emulator.now() + SignedDuration::from_hours(hours)).unwrap();
    }
    set_aside
}

/// What looks like JSON, and is no answer.
const ODD: &str = r#""status":200,"body":"{nothing}""#;
const HTML: &str = r#""status":200,"body":"<!DOCTYPE html><h1>down for maintenance</h1>""#;
const CAPACITY: &str = r#""status":200,"body":"{\"errors\":[{\"code\":130,\"message\":\"Over capacity\"}]}""#;
const SLOW: &str = r#""status":408"#;
const ERROR: &str = r#""status":500"#;
const DOWN: &str = r#""status":503"#;

#[tokio::test]
async fn where_everything_fails_it_takes_days() {
    for fault in [ERROR, ODD, CAPACITY] {
        assert_eq!(set_aside_of(2, &[fault], 9, 1).await, [0; 9], "{fault}");
    }
    assert_eq!(set_aside_of(2, &[ERROR], 5, 23).await, [0, 0, 0, 0, 2]);
    assert_eq!(set_aside_of(3, &[ERROR], 3, 24).await, [0, 0, 3]);
    assert_eq!(set_aside_of(5, &[ODD], 3, 24).await, [0, 0, 5]);
    // Those that may be told from an outage.
    assert_eq!(set_aside_of(4, &[DOWN, ODD], 4, 24).await, [0, 0, 2, 2]);
    for fault in [DOWN, HTML, SLOW, r#""status":500,"body":"<html>""#, r#""drop":true"#] {
        assert_eq!(set_aside_of(3, &[fault], 5, 24).await, [0; 5], "{fault}");
    }
}

#[tokio::test]
async fn three_quick_runs_in_an_outage_set_nothing_aside() {
    for fault in [ERROR, HTML, SLOW, CAPACITY] {
        assert_eq!(set_aside_of(6, &[fault], 3, 0).await, [0; 3], "{fault}");
    }
}

#[tokio::test]
async fn a_day_is_counted_from_the_failure_that_counted_last() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 500);
    let question = Question::new(Target::Totals);
    stage.emulator.set_faults(faults(&format!(r#"[{{"endpoint":"totals","every":1,{DOWN}}}]"#)));
    stage.collect(stage.client(&[]), &question, &ids).await;
    stage.emulator.freeze_clock(stage.emulator.now() + SignedDuration::from_hours(72)).unwrap();
    stage.emulator.set_faults(faults(&format!(r#"[{{"endpoint":"totals","every":1,{ERROR}}}]"#)));
    for _ in 0..3 {
        let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
        assert_eq!(outcome.report.set_aside, 0);
        assert_eq!(stage.count("select sum(failures) from batches where failures = 1"), 2);
    }
}

#[tokio::test]
async fn what_was_answered_before_an_outage_is_no_word_on_the_rest() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 3_000);
    let question = Question::new(Target::Totals);
    stage.collect(stage.builder(&[]).max_requests(6).build().unwrap(), &question, &ids).await;
    stage.emulator.set_faults(faults(&format!(r#"[{{"endpoint":"totals","every":1,{ERROR}}}]"#)));
    for _ in 0..3 {
        let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
        assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 1_500), ("unaccounted", 1_500)]));
    }
}

#[tokio::test]
async fn an_outage_of_errors_that_begins_under_way_ends_the_run_and_sets_nothing_aside() {
    for concurrency in [1, 2, 4, 8] {
        let stage = Stage::set().await;
        let mut ids = stage.emulator.tweets(Class::Unowned, None, 2_000);
        ids.sort();
        let later: Vec<String> = (1..8).map(|batch| format!("{:?}", ids[250 * batch].to_string())).collect();
        let fault = format!(r#"[{{"endpoint":"totals","ids":[{}],"delay_ms":20,{ERROR}}}]"#, later.join(","));
        stage.emulator.set_faults(faults(&fault));
        let question = Question::new(Target::Totals);
        let client = || stage.builder(&[]).concurrency(concurrency).build().unwrap();
        let outcome = stage.collect(client(), &question, &ids).await;
        assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 250), ("unaccounted", 1_750)]), "{concurrency}");
        assert!(matches!(outcome.ended, Some(Ended::Outage)), "{outcome:?}");
        assert!(stage.requests() <= 1 + 5 * 3 * concurrency as u64, "{}", stage.requests());
        stage.emulator.set_faults(faults("[]"));
        let outcome = stage.collect(client(), &question, &ids).await;
        assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 2_000)]));
    }
}

#[tokio::test]
async fn what_is_asked_again_by_hand_has_its_days_again() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 500);
    stage.emulator.set_faults(faults(r#"[{"endpoint":"totals","every":1,"status":500}]"#));
    let question = Question::new(Target::Totals);
    let next_day =
        || stage.emulator.freeze_clock(stage.emulator.now() + SignedDuration::from_hours(24)).unwrap();
    for _ in 0..3 {
        stage.collect(stage.client(&[]), &question, &ids).await;
        next_day();
    }
    assert_eq!(stage.collector().retry(JobId(1)).unwrap(), 2);
    for _ in 0..4 {
        let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
        assert_eq!(outcome.report.set_aside, 0);
    }
}

#[tokio::test]
async fn those_that_fail_first_keep_no_others_from_their_turn() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 2_500);
    ids.sort();
    let poison: Vec<String> = (0..4).map(|batch| format!("{:?}", ids[250 * batch].to_string())).collect();
    let poison = format!(r#"[{{"endpoint":"totals","ids":[{}],"status":500}}]"#, poison.join(","));
    stage.emulator.set_faults(faults(&poison));
    let question = Question::new(Target::Totals);
    let mut outcomes = Vec::new();
    // Two failures in a row are an outage for somebody who asks for one at a time.
    for run in 0..9 {
        let client = stage.builder(&[]).concurrency(1).build().unwrap();
        outcomes.push(stage.collect(client, &question, &ids).await.tweets());
        if run >= 6 {
            stage.emulator.freeze_clock(stage.emulator.now() + SignedDuration::from_hours(24)).unwrap();
        }
    }
    assert_eq!(outcomes[0], BTreeMap::from([("unaccounted", 2_500)]));
    assert_eq!(outcomes[8].get("ok"), Some(&1_500), "{outcomes:?}");
}

#[tokio::test]
async fn an_outage_that_begins_under_way_sets_nothing_aside() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 500);
    ids.sort();
    // The other one gets through while this one is under way, and nothing does after that.
    let fault = format!(r#"[{{"endpoint":"totals","ids":["{}"],"delay_ms":50,"status":503}}]"#, ids[400]);
    stage.emulator.set_faults(faults(&fault));
    let question = Question::new(Target::Totals);
    let outcome = stage.collect(stage.client(&[]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 250), ("unaccounted", 250)]));
    assert!(matches!(outcome.ended, Some(Ended::Outage)), "{outcome:?}");
}

#[tokio::test]
async fn where_there_is_no_such_page_the_rest_is_neither_asked_nor_failed() {
    let faulty = [
        r#""status":404,"body":"no such page""#,
        r#""status":302,"body":"over there""#,
        r#""status":403,"body":"<!DOCTYPE html><html><h1>Access denied</h1>""#,
        r#""status":403,"body":"error code: 1020""#,
        r#""status":405,"body":"no""#,
        r#""status":407,"body":"no""#,
        r#""status":410,"body":"no""#,
        r#""status":421,"body":"no""#,
        r#""status":451,"body":"no""#,
        r#""status":400,"body":"<html><h1>Bad Request</h1>""#,
        r#""status":418,"body":"<!-- x --><html>""#,
    ];
    for fault in faulty {
        let stage = Stage::set().await;
        let ids = stage.emulator.tweets(Class::Unowned, None, 10_000);
        stage.emulator.set_faults(faults(&format!(r#"[{{"endpoint":"totals","every":1,{fault}}}]"#)));
        let question = Question::new(Target::Totals);
        let client = || stage.builder(&[]).concurrency(2).build().unwrap();
        for run in 1..=3 {
            let outcome = stage.collect(client(), &question, &ids).await;
            assert!(matches!(outcome.ended, Some(Ended::Outage)), "{outcome:?}");
            assert_eq!(outcome.tweets(), BTreeMap::from([("unaccounted", 10_000)]));
            assert!(stage.requests() <= run * 5, "{}", stage.requests());
        }
        stage.emulator.set_faults(faults("[]"));
        let outcome = stage.collect(client(), &question, &ids).await;
        assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 10_000)]));
    }
}

#[tokio::test]
async fn a_batch_that_is_not_understood_is_set_aside_at_once() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unowned, None, 1_000);
    ids.sort();
    let fault = format!(r#"[{{"endpoint":"totals","ids":["{}"],"status":400,"body":"no"}}]"#, ids[999]);
    stage.emulator.set_faults(faults(&fault));
    let outcome = stage.collect(stage.client(&[]), &Question::new(Target::Totals), &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 750), ("failed", 250)]));
    assert_eq!((outcome.report.set_aside, stage.requests()), (1, 4));
}

#[tokio::test]
async fn a_tweet_without_a_token_keeps_the_others_from_nothing() {
    let stage = Stage::set().await;
    let brand = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 30);
    let (sport, unknown) = (stage.emulator.tweets(Class::Owned, Some("demo_sport"), 2), &brand[27..]);
    let owners = [("demo_brand", &brand[..27]), ("demo_sport", &sport[..])];
    let client = stage.client(&["demo_brand", "demo_news"]);
    let question = Question::new(Target::Last28Hours);
    let mut making = Making::default();
    for (owner, ids) in owners {
        ids.iter().for_each(|id| making.owners.add(*id, owner));
    }
    let list = List::new(brand.iter().chain(&sport).copied());
    let outcome = stage.begin(client, &question, list, making).await;
    let forbidden = (sport.len() + unknown.len()) as u64;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 27), ("forbidden", forbidden)]));
    assert_eq!((stage.requests(), outcome.problems.len()), (2, 0));
    let list = List::new(brand.iter().chain(&sport).copied());
    let standing = find(&stage.store().reader().unwrap(), &question, &list).unwrap();
    let Standing::Over(job) = standing else { panic!("{standing:?}") };
    assert_eq!(job.foreign(), forbidden);
}

#[tokio::test]
async fn in_an_outage_nothing_is_set_aside() {
    for count in [1_000, 20_000] {
        let stage = Stage::set().await;
        let ids = stage.emulator.tweets(Class::Unowned, None, count);
        stage.emulator.set_faults(faults(r#"[{"endpoint":"totals","every":1,"status":503}]"#));
        let question = Question::new(Target::Totals);
        let client = stage.builder(&[]).concurrency(2).build().unwrap();
        let outcome = stage.collect(client.clone(), &question, &ids).await;
        assert!(matches!(outcome.ended, Some(Ended::Outage)), "{outcome:?}");
        assert_eq!(outcome.tweets(), BTreeMap::from([("unaccounted", count as u64)]));
        assert_eq!((outcome.report.set_aside, outcome.report.waiting), (0, count as u64 / 250));
        assert!(stage.requests() <= 8 * 5, "{}", stage.requests());

        stage.emulator.set_faults(faults("[]"));
        let outcome = stage.collect(client, &question, &ids).await;
        assert_eq!(outcome.tweets(), BTreeMap::from([("ok", count as u64)]));
    }
}

#[tokio::test]
async fn a_bad_credential_stops_only_its_own_batches() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 500);
    let news = stage.emulator.tweets(Class::Owned, Some("demo_news"), 700);
    ids.extend(&news);
    let owners = [("demo_brand", &ids[..500]), ("demo_news", &news[..])];
    let question = Question::new(Target::Totals);
    let bad = Account::new("1112-demo-wrong-token", "wrong").handle("demo_news");
    let client = stage.builder(&["demo_brand"]).account(bad).concurrency(1).build().unwrap();
    let outcome = stage.collect_owned(client, &question, &owners).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 500), ("failed", 700)]));
    assert_eq!(outcome.kinds(), [ProblemKind::Authentication]);
    // One request to find out, and no more.
    assert_eq!(stage.requests(), 2 + 1);

    let without = stage.client(&["demo_brand"]);
    let outcome = stage.collect(without, &question, &ids).await;
    assert_eq!((outcome.tweets().get("failed"), stage.requests()), (Some(&700), 3));
    assert!(outcome.problems[0].message.contains("demo_news"), "{outcome:?}");

    let outcome = stage.collect(stage.client(&["demo_brand", "demo_news"]), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 1_200)]));
    assert_eq!(stage.requests(), 3 + 3);
}

#[tokio::test]
async fn an_attempt_that_a_wrong_clock_cost_is_in_the_ledger_with_its_answer() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 10);
    let behind = stage.builder(&["demo_brand"]).clock(stage.clock(-3_600)).build().unwrap();
    let outcome = stage.collect_owned(behind, &Question::new(Target::Totals), &[("demo_brand", &ids)]).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 10)]));
    assert_eq!(stage.count("select count(*) from requests where state = 'answered' and status = 401"), 1);
    assert_eq!(stage.count("select count(*) from requests where state = 'answered' and status = 200"), 1);
    assert_eq!(stage.count("select count(*) from requests"), stage.requests());
}
