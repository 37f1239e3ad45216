//! Credentials that are wrong: which part is said, and nobody else's Tweets suffer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use engagement::{
    Account, App, Client, Owners, ProblemKind,
    model::{Endpoint, State, TweetId},
    oauth_core::Secret,
};
use engagement_emulator::{Class, Faults, World};
use engagement_tests::{Asked, Haul, Stage, StoppedClock};
use jiff::SignedDuration;

#[tokio::test]
async fn a_wrong_consumer_secret() {
    let stage = Stage::set().await;
    let app = App::consumer("demo-consumer-key", "mistyped");
    let client = stage.client_of(app).account(stage.account("demo_brand")).build().unwrap();
    let said = refused(&stage, &client, 1).await;
    assert!(said.contains("oauth_signature does not belong to this request"), "{said}");
    assert!(said.contains("secret") && said.contains("demo_brand"), "{said}");
    assert!(!said.contains("mistyped") && !said.contains("demo-consumer-secret"), "{said}");
}

#[tokio::test]
async fn a_wrong_consumer_key() {
    let stage = Stage::set().await;
    let app = App::consumer("unheard-of", "demo-consumer-secret");
    let said = refused(&stage, &stage.client_of(app).build().unwrap(), 1).await;
    assert!(said.contains("oauth_consumer_key is not known"), "{said}");
}

#[tokio::test]
async fn a_wrong_bearer_token() {
    let stage = Stage::set().await;
    let said = refused(&stage, &stage.client_of(App::bearer("AAAAother")).build().unwrap(), 1).await;
    assert!(said.contains("Access token not found") && !said.contains("AAAAother"), "{said}");
}

#[tokio::test]
async fn an_unknown_token() {
    let stage = Stage::set().await;
    let account = Account::new("1111-revoked-access-token", "demo-token-secret").handle("demo_brand");
    let client = stage.client().account(account).build().unwrap();
    let said = refused(&stage, &client, 1).await;
    assert!(said.contains("Access token not found") && said.contains("demo_brand"), "{said}");
    assert!(!said.contains("revoked-access-token"), "{said}");
}

#[tokio::test]
async fn a_wrong_token_secret_costs_only_its_own_tweets() {
    let stage = Stage::set().await;
    let wrong = Account::new("2222-demo-access-token", "mistyped").handle("demo_news");
    let client = stage.client().account(stage.account("demo_brand")).account(wrong).concurrency(1);
    let client = client.account(stage.account("demo_sport")).build().unwrap();

    let owned: Vec<(TweetId, &str)> = ["demo_brand", "demo_news", "demo_sport"]
        .into_iter()
        .flat_map(|name| {
            stage.emulator.tweets(Class::Owned, Some(name), 600).into_iter().map(move |id| (id, name))
        })
        .collect();
    let ids: Vec<TweetId> = owned.iter().map(|(id, _)| *id).collect();
    let owners: Owners = owned.iter().map(|(id, name)| (*id, (*name).into())).collect();
    let haul = Haul::of(client.totals(ids.clone()).owners(owners)).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    let states = haul.states();
    for (id, name) in owned {
        assert_eq!(states[&id] == State::Ok, name != "demo_news", "{id} of {name} is {}", states[&id]);
        assert_eq!(states[&id] == State::Failed, name == "demo_news");
    }
    assert_eq!(haul.problem_kinds(), [ProblemKind::Authentication]);
    let said = &haul.problems[0].message;
    assert!(said.contains("oauth_signature does not belong") && said.contains("secret"), "{said}");
    assert!(said.contains("demo_news") && !said.contains("mistyped"), "{said}");
    // One request to learn it, and none of the other two of that account.
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 6), (401, 1)]));
}

#[tokio::test]
async fn an_app_that_is_not_provisioned() {
    let world = World::from_toml(
        r#"
        [[app]]
        app_id = 1
        consumer_key = "demo-consumer-key"
        consumer_secret = "demo-consumer-secret"
        bearer_token = "AAAAdemo%3Dtoken"
        provisioned = false
        "#,
    );
    let stage = Stage::with(|builder| builder.world(world.unwrap())).await;
    for client in [stage.owner(), stage.app_only()] {
        let ids = stage.emulator.tweets(Class::Owned, None, 4);
        let haul = Haul::of(client.totals(ids)).await;
        assert_eq!(haul.problem_kinds(), [ProblemKind::Authentication]);
        let said = &haul.problems[0].message;
        assert!(
            said.contains("not provisioned") && said.contains("application ID is not authorized"),
            "{said}"
        );
        assert!(haul.states().values().all(|state| *state == State::Failed));
    }
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(403, 2)]));
}

#[tokio::test]
async fn a_clock_that_is_off_is_put_right_by_the_servers() {
    for minutes in [-10, 10] {
        let stage = Stage::set().await;
        let client = client_with_clock_off_by(&stage, minutes).concurrency(1).build().unwrap();
        let ids = stage.emulator.tweets(Class::Owned, None, 600);
        let haul = Haul::of(client.totals(ids.clone())).await;
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        assert!(haul.states().values().all(|state| *state == State::Ok) && haul.problems.is_empty());
        // It is learnt once.
        assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 3), (401, 1)]));
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_of_where_it_cannot_be_put_right() {
    for (minutes, ours, word) in [(-10, "600 s behind", "behind"), (10, "600 s ahead of", "ahead")] {
        let stage = Stage::set().await;
        // One request in all: none is left to sign again.
        let client = client_with_clock_off_by(&stage, minutes).max_requests(1).build().unwrap();
        let said = refused(&stage, &client, 1).await;
        let clock = format!("; this machine's clock is {ours} the server's");
        let (refusal, _) = said.split_once(&clock).unwrap_or_else(|| panic!("{said}"));
        assert!(refusal.contains("oauth_timestamp") && refusal.contains(word), "{said}");
    }
}

fn client_with_clock_off_by(stage: &Stage, minutes: i64) -> engagement::Builder {
    let time = stage.emulator.now() + SignedDuration::from_mins(minutes);
    stage.client().account(stage.account("demo_brand")).clock(StoppedClock::at(time))
}

/// Asks in vain, in as many requests; gives what the one problem says.
async fn refused(stage: &Stage, client: &Client, requests: u64) -> String {
    let ids = stage.emulator.tweets(Class::Owned, None, 4);
    let haul = Haul::of(client.totals(ids.clone())).await;
    assert_eq!(haul.problem_kinds(), [ProblemKind::Authentication], "{:?}", haul.problems);
    assert!(!haul.problems[0].retryable);
    assert_eq!(haul.states(), ids.into_iter().map(|id| (id, State::Failed)).collect());
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(401, requests)]));
    haul.problems[0].message.clone()
}

fn statuses<const N: usize>(counts: [(u16, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(status, count)| (status.to_string(), count)).collect()
}

/// The bearer tokens that a client hands over to be kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Kept {
    fn keep(&self) -> impl Fn(&Secret) + Send + Sync + 'static {
        let kept = self.clone();
        move |token| kept.0.lock().unwrap().push(token.expose().to_owned())
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// How often the app's bearer token was asked for.
fn fetched(stage: &Stage) -> u64 {
    stage.emulator.counters().by_endpoint.remove("oauth").unwrap_or_default().values().sum()
}

#[tokio::test]
async fn a_bearer_token_that_is_refused_is_renewed_once_for_all() {
    let stage = Stage::set().await;
    let kept = Kept::default();
    let app = App::consumer("demo-consumer-key", "demo-consumer-secret").with_bearer("AAAAinvalidated");
    let client = stage.client_of(app).on_bearer(kept.keep()).build().unwrap();
    let ids = stage.emulator.tweets(Class::Unowned, None, 2_000);
    let haul = Haul::of(client.totals(ids.clone())).await;
    let metrics = engagement::model::Access::AppOnly.metrics(Endpoint::Totals);
    assert_eq!(Asked::totals(&ids, metrics).check(&haul, &stage.emulator), Ok(()));
    assert!(haul.problems.is_empty(), "{:?}", haul.problems);
    assert_eq!(kept.all(), ["AAAAdemo%3Dtoken"]);
    assert_eq!(fetched(&stage), 1);
    // Each of the eight requests was refused at most once.
    assert!((9..=16).contains(&haul.effort.requests), "{}", haul.effort.requests);
    let again = Haul::of(client.totals(ids)).await;
    assert_eq!((again.effort.requests, fetched(&stage)), (8, 1));
}

/// Who keeps it may wait for a lock, and nobody else waits for that.
#[tokio::test]
async fn a_bearer_token_is_kept_beside_the_runtime() {
    let stage = Stage::set().await;
    let (tell, told) = std::sync::mpsc::channel();
    let (keeping, begun) = tokio::sync::oneshot::channel();
    let waits = Mutex::new((Some(keeping), told));
    let app = App::consumer("demo-consumer-key", "demo-consumer-secret");
    let client = stage.client_of(app).on_bearer(move |_| {
        let mut waits = waits.lock().unwrap();
        waits.0.take().unwrap().send(()).unwrap();
        waits.1.recv_timeout(Duration::from_secs(10)).unwrap();
    });
    let lock = tokio::spawn(async move {
        begun.await.unwrap();
        tell.send(()).unwrap();
    });
    let ids = stage.emulator.tweets(Class::Unowned, None, 1);
    let haul = Haul::of(client.build().unwrap().totals(ids)).await;
    assert!(haul.problems.is_empty(), "{:?}", haul.problems);
    lock.await.unwrap();
}

#[tokio::test]
async fn without_a_bearer_token_one_is_fetched_where_somebody_keeps_it() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 300);
    let app = || App::consumer("demo-consumer-key", "demo-consumer-secret");
    let haul = Haul::of(stage.client_of(app()).build().unwrap().totals(ids.clone())).await;
    assert_eq!((haul.effort.requests, fetched(&stage)), (2, 0));
    let kept = Kept::default();
    let client = stage.client_of(app()).on_bearer(kept.keep()).build().unwrap();
    let haul = Haul::of(client.totals(ids)).await;
    assert_eq!((haul.effort.requests, fetched(&stage)), (2, 1));
    assert_eq!(kept.all(), ["AAAAdemo%3Dtoken"]);
}

#[tokio::test]
async fn where_no_bearer_token_can_be_had_a_signature_does() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 300);
    for fault in [r#""status":403"#, r#""status":503"#, r#""body":"{}""#, r#""drop":true"#] {
        let faults = format!(r#"[{{"endpoint":"oauth","every":1,{fault}}}]"#);
        stage.emulator.set_faults(Faults::from_json(&faults).unwrap());
        let app = App::consumer("demo-consumer-key", "demo-consumer-secret").with_bearer("AAAAinvalidated");
        let haul = Haul::of(stage.client_of(app).build().unwrap().totals(ids.clone())).await;
        assert!(haul.problems.is_empty(), "{fault}: {:?}", haul.problems);
        assert_eq!(haul.states().into_values().filter(|state| *state == State::Ok).count(), 300, "{fault}");
    }
}

#[tokio::test]
async fn wrong_keys_with_a_wrong_bearer_token_end_soon() {
    let stage = Stage::set().await;
    let app = App::consumer("demo-consumer-key", "mistyped").with_bearer("AAAAinvalidated");
    let client = stage.client_of(app).concurrency(1).build().unwrap();
    let ids = stage.emulator.tweets(Class::Unowned, None, 1_000);
    let haul = Haul::of(client.totals(ids)).await;
    assert_eq!(haul.problem_kinds(), [ProblemKind::Authentication]);
    assert_eq!((haul.effort.requests, fetched(&stage)), (2, 1));
}
