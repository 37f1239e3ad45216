use std::{collections::BTreeMap, io::Read as _, net::TcpListener};

use engagement_collect::{Ended, List, Making, Question, Run, Standing, find, make, model::plan::Target};
use engagement_emulator::{Class, Faults};

use crate::stage::Stage;

#[tokio::test]
async fn a_run_that_is_dropped_asks_no_more_than_its_flight_again() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 10_000);
    let client = stage.builder(&[]).concurrency(4).build().unwrap();
    let question = Question::new(Target::Totals);
    let mut collector = stage.collector();
    let list = List::new(ids.iter().copied());
    let job = make(&mut collector, &client, &question, list, Making::default()).unwrap();
    assert_eq!((job.requests(), job.lower_bound()), (40, 40));
    drop(collector);
    let mut interrupted = 0;
    for steps in [0, 1, 7, 3, 12] {
        let mut run = Run::new(client.clone(), stage.collector(), job.id(), &question).unwrap();
        for _ in 0..steps {
            run.next().await.unwrap();
        }
        // What the thread still has to write is written; nothing else is done about it.
        drop(run);
        stage.until_free().await;
        interrupted += 1;
    }
    let outcome = stage.collect(client, &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 10_000)]));
    assert!(stage.requests() <= 40 + interrupted * 4, "{}", stage.requests());
    assert_eq!(stage.count("select count(*) from batches where metrics <> '' and state = 'done'"), 40);
    // A quarter of them is too old for video views.
    assert_eq!(stage.count("select count(*) from totals"), 4 * 10_000 + 7_500);
    // Every request that came was written down before.
    assert!(stage.count("select count(*) from requests") >= stage.requests());
}

#[tokio::test]
async fn stopping_lets_nothing_more_out_and_gives_everything_back() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 5_000);
    let client = stage.builder(&[]).concurrency(2).build().unwrap();
    let question = Question::new(Target::Totals);
    let mut collector = stage.collector();
    let list = List::new(ids.iter().copied());
    let job = make(&mut collector, &client, &question, list, Making::default()).unwrap();
    let mut run = Run::new(client.clone(), collector, job.id(), &question).unwrap();
    run.next().await.unwrap();
    run.stop();
    while run.next().await.is_some() {}
    let (report, ended) = run.finish().await.unwrap();
    assert!(matches!(ended, Some(Ended::Stopped)));
    let sent = stage.requests();
    assert!(sent <= 3, "{sent}");
    assert_eq!(report.waiting + report.tweets.of(engagement_collect::model::State::Ok) / 250, 20);
    assert_eq!(stage.count("select count(*) from batches where state = 'in_flight'"), 0);
    assert_eq!(report.tweets.total(), 5_000);

    let outcome = stage.collect(client, &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 5_000)]));
}

#[tokio::test]
async fn what_is_in_flight_at_the_end_is_counted_and_settled() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 2_000);
    let (url, reached) = silence(4);
    let client = stage.builder(&[]).base_url(url).concurrency(4).build().unwrap();
    let question = Question::new(Target::Totals);
    let mut collector = stage.collector();
    let list = List::new(ids.iter().copied());
    let job = make(&mut collector, &client, &question, list, Making::default()).unwrap();
    let mut run = Run::new(client, collector, job.id(), &question).unwrap();
    tokio::select! {
        step = run.next() => panic!("{step:?}"),
        reached = reached => reached.unwrap(),
    }
    run.stop();
    let (report, _) = run.finish().await.unwrap();
    assert_eq!((report.effort.requests, report.effort.retries), (4, 0));
    assert_eq!(stage.count("select count(*) from requests where state = 'broken'"), 4);
    assert_eq!(stage.count("select count(*) from requests"), 4);
    assert_eq!(report.waiting, 8);
}

#[tokio::test]
async fn what_a_step_has_told_is_written_though_nobody_asks_for_the_next() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 250);
    let client = stage.client(&[]);
    let question = Question::new(Target::Totals);
    stage
        .emulator
        .set_faults(Faults::from_json(r#"[{"endpoint":"totals","every":1,"status":503}]"#).unwrap());
    let mut collector = stage.collector();
    let list = List::new(ids.iter().copied());
    let job = make(&mut collector, &client, &question, list, Making::default()).unwrap();
    let mut run = Run::new(client, collector, job.id(), &question).unwrap();
    let step = run.next().await.unwrap();
    assert_eq!(step.warnings.len(), 1, "{step:?}");
    run.stop();
    run.finish().await.unwrap();
    assert_eq!(stage.count("select count(*) from requests where state = 'answered' and status = 503"), 5);
    assert_eq!(stage.count("select count(*) from requests"), 5);
}

/// A server that listens and says nothing, and tells when it has so many requests.
fn silence(requests: usize) -> (String, tokio::sync::oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (reached, heard) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut callers: Vec<_> = (0..requests).map(|_| listener.accept().unwrap().0).collect();
        for caller in &mut callers {
            caller.read_exact(&mut [0]).unwrap();
        }
        reached.send(()).unwrap();
        // Until they hang up.
        callers.iter_mut().for_each(|caller| drop(caller.read_to_end(&mut Vec::new())));
    });
    (url, heard)
}

#[tokio::test]
async fn progress_counts_tweets_and_not_batches() {
    let stage = Stage::set().await;
    // Not one of these has a number that the app may not read: they are too old, and take requests all the same.
    let mut ids = stage.emulator.tweets(Class::Over90, None, 600);
    ids.sort();
    let question = Question::new(Target::Totals);
    let mut named = question.clone();
    named.metrics =
        engagement::Metrics::Named(engagement_collect::model::Endpoint::Totals.metrics().collect());
    let mut collector = stage.collector();
    let client = stage.builder(&[]).max_requests(1).build().unwrap();
    let list = List::new(ids.iter().copied());
    let job = make(&mut collector, &client, &named, list, Making::default()).unwrap();
    assert!(stage.count("select count(*) from batches") > 3);
    assert_eq!(stage.count("select tweets from jobs"), 600);
    let mut run = Run::new(client, collector, job.id(), &named).unwrap();
    assert_eq!((run.progress().done, run.progress().tweets), (0, 600));
    while run.next().await.is_some() {}
    let progress = run.progress();
    assert_eq!((progress.done, progress.tweets, progress.requests_left), (250, 600, 2));
    run.finish().await.unwrap();
}

#[tokio::test]
async fn a_limit_of_requests_is_used_up_and_the_rest_waits() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 5_000);
    let question = Question::new(Target::Totals);
    for total in [7, 14, 20] {
        let client = stage.builder(&[]).max_requests(7).build().unwrap();
        let outcome = stage.collect(client, &question, &ids).await;
        assert_eq!(stage.requests(), total);
        assert_eq!(outcome.tweets().get("ok"), Some(&(total * 250)));
        assert_eq!(matches!(outcome.ended, Some(Ended::Quota)), total < 20);
        assert_eq!(outcome.report.effort.requests, if total < 20 { 7 } else { 6 });
    }
}

#[tokio::test]
async fn a_list_that_has_changed_is_told_apart() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 1_000);
    let client = stage.builder(&[]).max_requests(1).build().unwrap();
    let question = Question::new(Target::Totals);
    stage.collect(client, &question, &ids).await;

    let reader = stage.store().reader().unwrap();
    let changed: Vec<_> = stage.emulator.tweets(Class::Unowned, None, 1_010).split_off(5);
    let list = List::new(changed.iter().copied());
    let error = find(&reader, &question, &list).unwrap_err().to_string();
    for part in ["job 1", "10 Tweets were added", "5 removed", "995", "3 batches"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // In any order it is the same list; another question is another job; and a list with nothing in common another list.
    let shuffled = List::new(ids.iter().rev().copied());
    assert!(matches!(find(&reader, &question, &shuffled).unwrap(), Standing::Unfinished(_)));
    let mut named = question.clone();
    named.metrics = engagement::Metrics::Named(vec![engagement_collect::model::Metric::Favorites]);
    assert!(matches!(find(&reader, &named, &list).unwrap(), Standing::New { before: None }));
    let other = List::new(stage.emulator.tweets(Class::Owned, None, 1_000));
    assert!(matches!(find(&reader, &question, &other).unwrap(), Standing::New { before: None }));
    drop(reader);

    stage.collect(stage.client(&[]), &question, &ids).await;
    let reader = stage.store().reader().unwrap();
    let Standing::New { before: Some(before) } = find(&reader, &question, &list).unwrap() else { panic!() };
    assert_eq!((before.added, before.removed, before.kept), (10, 5, 995));
}
