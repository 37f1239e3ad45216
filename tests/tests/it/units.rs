//! Single requests of a caller that plans and keeps books by its own rules.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use engagement::{
    Builder, Departure, ProblemKind, QuotaPool, Resolution, Settled, Unit,
    model::{Endpoint, Metric, State, TweetId, Window, plan::Asker},
    transport::Quota,
};
use engagement_emulator::{Class, Switches};
use engagement_tests::{Asked, Haul, Stage, hour};

fn totals(asker: Asker, tweet_ids: Vec<TweetId>) -> Unit {
    Unit::new(
        Endpoint::Totals,
        asker,
        tweet_ids,
        Endpoint::Totals.metrics().collect::<Vec<_>>(),
        Resolution::Hour,
    )
}

fn is_failed(settled: &Settled) -> bool {
    settled.rows.iter().all(|row| row.outcome.state() == State::Failed)
}

#[tokio::test]
async fn a_unit_gives_what_a_query_gives_and_names_strangers() {
    let mut switches = Switches::default();
    switches.old_forbidden_text = true;
    let stage = Stage::with(|builder| builder.switches(switches)).await;
    let client = stage.owners();
    let own = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 3);
    let strange = stage.emulator.tweets(Class::Owned, Some("demo_news"), 2);
    let asker = client.account("@Demo_Brand").unwrap();
    let unit = totals(asker, [&own[..], &strange[..]].concat()).fall_back_to_app();
    let settled = client.settle(unit).await;

    assert!(settled.problems.is_empty(), "{:?}", settled.problems);
    assert_eq!((settled.rows.len(), settled.strangers.len()), (3 * 7, 2 * 7));
    assert!(settled.rows.iter().all(|row| own.contains(&row.tweet_id)));
    for row in settled.strangers {
        let expected = if row.metric.is_public() { State::Ok } else { State::Forbidden };
        assert!(strange.contains(&row.tweet_id));
        assert!(matches!(row.outcome.state(), state if state == expected || state == State::Unsupported));
    }
    let news = stage.account("demo_news").user_id().unwrap();
    assert_eq!(settled.authors, strange.iter().map(|id| (*id, news)).collect::<Vec<_>>());
    let sent: Vec<_> = settled.sent.iter().map(|sent| (sent.asker, sent.tweets, sent.status)).collect();
    assert_eq!(sent, [(asker, 5, Some(403)), (Asker::AppOnly, 2, Some(200)), (asker, 3, Some(200))]);
    assert_eq!((settled.effort.requests, stage.requests()), (3, 3));
}

#[tokio::test]
async fn the_hook_hears_of_every_request_before_it_leaves() {
    let stage = Arc::new(Stage::set().await);
    stage.emulator.set_faults(
        engagement_emulator::Faults::from_json(r#"[{"endpoint":"totals","nth":1,"status":503}]"#).unwrap(),
    );
    let client = stage.owner();
    let asker = client.account("demo_brand").unwrap();
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 3);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 1));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (log, witness) = (heard.clone(), stage.clone());
    let unit = totals(asker, ids).fall_back_to_app().before_each(move |departure: Departure| {
        let (log, came_before) = (log.clone(), witness.requests());
        async move {
            log.lock().unwrap().push((departure.asker, departure.tweets, came_before));
            Ok(())
        }
    });
    let settled = client.settle(unit).await;
    // A repetition, whose answer names the stranger, the stranger app-only, and the rest.
    let expected = [(asker, 4, 0), (asker, 4, 1), (Asker::AppOnly, 1, 2), (asker, 3, 3)];
    assert_eq!(*heard.lock().unwrap(), expected);
    let statuses: Vec<_> = settled.sent.iter().map(|sent| sent.status).collect();
    assert_eq!(statuses, [Some(503), Some(403), Some(200), Some(200)]);
    assert_eq!((settled.effort.requests, settled.effort.retries), (4, 1));
}

#[tokio::test]
async fn what_the_hook_refuses_is_not_sent() {
    let stage = Stage::set().await;
    let client = stage.app_only();
    let ids = stage.emulator.tweets(Class::Unowned, None, 2);
    let unit = totals(Asker::AppOnly, ids.clone()).before_each(|_| async { Err("the disk is full".into()) });
    let settled = client.settle(unit).await;
    assert_eq!(stage.requests(), 0);
    assert!(is_failed(&settled) && settled.rows.len() == 2 * 7);
    let [problem] = settled.problems.as_slice() else { panic!("{:?}", settled.problems) };
    assert_eq!(problem.kind, ProblemKind::Held);
    assert!(problem.message.contains("the disk is full") && !problem.retryable, "{problem}");
    assert!(settled.sent.is_empty());
    // Nothing was lost by it.
    assert!(client.settle(totals(Asker::AppOnly, ids)).await.problems.is_empty());
}

#[tokio::test]
async fn a_unit_dropped_before_it_leaves_was_never_sent() {
    let stage = Stage::set().await;
    let client = stage.app_only();
    let ids = stage.emulator.tweets(Class::Unowned, None, 2);
    let reached = Arc::new(tokio::sync::Notify::new());
    let tell = reached.clone();
    let unit = totals(Asker::AppOnly, ids).before_each(move |_| {
        tell.notify_one();
        std::future::pending()
    });
    tokio::select! {
        _ = client.settle(unit) => panic!("nobody lets it pass"),
        () = reached.notified() => {}
    }
    assert_eq!(stage.requests(), 0);
}

#[tokio::test]
async fn a_limit_is_used_up_to_its_last_request() {
    let stage = Stage::set().await;
    let client = stage.client().max_requests(6).build().unwrap();
    let ids = stage.emulator.tweets(Class::Unowned, None, 8);
    let asking = ids.into_iter().map(|id| {
        let unit = Unit::new(Endpoint::Totals, Asker::AppOnly, [id], [Metric::Favorites], Resolution::Hour);
        client.settle(unit)
    });
    let settled = futures_util::future::join_all(asking).await;
    let held_back = settled
        .iter()
        .flat_map(|settled| &settled.problems)
        .filter(|problem| problem.kind == ProblemKind::Quota);
    assert_eq!((stage.requests(), held_back.count()), (6, 2));
}

/// One request a minute for each token, and two tokens.
#[tokio::test(start_paused = true)]
async fn pools_of_quota_do_not_hold_each_other_up() {
    for (pool, waits) in [(QuotaPool::App, true), (QuotaPool::Token, false), (QuotaPool::Endpoint, false)] {
        let mut switches = Switches::default();
        switches.quota_pool = engagement_emulator::QuotaPool::Token;
        let stage = Arc::new(Stage::with(|builder| builder.switches(switches).quota(1)).await);
        let client = stage.client_in_memory().quota(Quota::per_minute(1)).quota_pool(pool);
        let accounts = ["demo_brand", "demo_news"].map(|name| stage.account(name));
        let client = accounts.into_iter().fold(client, Builder::account).build().unwrap();
        let mut waited = Duration::ZERO;
        for asker in [Asker::Owner(0), Asker::Owner(1)] {
            let ids = stage.emulator.tweets(Class::Owned, client.owner(asker).map(|name| &**name), 1);
            let settled = client.settle(totals(asker, ids)).await;
            assert!(settled.problems.is_empty(), "{pool:?}: {:?}", settled.problems);
            waited += settled.effort.waited;
        }
        assert_eq!((waited > Duration::from_secs(59), stage.answered(Endpoint::Totals)["200"]), (waits, 2));
    }
}

#[tokio::test]
async fn a_number_that_names_nobody_asks_nothing() {
    let stage = Stage::set().await;
    let client = stage.client().build().unwrap();
    let ids = stage.emulator.tweets(Class::Owned, None, 1);
    let settled = client.settle(totals(Asker::Owner(7), ids)).await;
    assert!(is_failed(&settled));
    assert_eq!(settled.problems[0].kind, ProblemKind::Authentication);
    assert_eq!(stage.requests(), 0);
}

#[tokio::test]
async fn history_without_a_window_is_asked_of_nobody() {
    let stage = Stage::set().await;
    let client = stage.owner();
    let ids = stage.emulator.tweets(Class::Owned, None, 1);
    let asker = client.account("demo_brand").unwrap();
    let unit = Unit::new(Endpoint::Historical, asker, ids, [Metric::Favorites], Resolution::Hour);
    let settled = client.settle(unit).await;
    assert!(is_failed(&settled) && settled.rows.len() == 1);
    assert_eq!(settled.problems[0].kind, ProblemKind::Refused);
    assert_eq!(settled.problems[0].message, "the historical endpoint needs a start and an end (rule V15)");
    assert_eq!(stage.requests(), 0);
}

/// Planned before the hour was over and sent after it: 28hr still reaches back to the one, and not to the other.
#[tokio::test]
async fn a_part_of_the_last_28_hours_may_wait_across_an_hour() {
    for (first, endpoint) in
        [("2026-11-24T09", Endpoint::Last28Hours), ("2026-11-24T06", Endpoint::Historical)]
    {
        let stage = Stage::with(|builder| builder.now("2026-11-25T11:01:00Z".parse().unwrap())).await;
        let client = stage.owner();
        let asker = client.account("demo_brand").unwrap();
        let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 1);
        let part = Window::new(hour(first), hour("2026-11-25T11")).unwrap();
        let unit =
            Unit::new(Endpoint::Last28Hours, asker, ids.clone(), [Metric::Impressions], Resolution::Hour);
        let settled = client.settle(unit.window(part)).await;
        assert_eq!(stage.answered(endpoint)["200"], 1, "{endpoint}");
        let asked = Asked::series(&ids, [Metric::Impressions], part, Resolution::Hour);
        let haul = Haul { rows: settled.rows, ..Haul::default() };
        assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "{endpoint}");
    }
}
