//! Credentials that are wrong: which part is said, and nobody else's Tweets suffer.

use std::collections::BTreeMap;

use engagement::{
    Account, App, Client, Owners, ProblemKind,
    model::{Endpoint, State, TweetId},
};
use engagement_emulator::{Class, World};
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
    for (minutes, seconds_ahead, word) in [(-10, 600, "behind"), (10, -600, "ahead")] {
        let stage = Stage::set().await;
        // One request in all: none is left to sign again.
        let client = client_with_clock_off_by(&stage, minutes).max_requests(1).build().unwrap();
        let said = refused(&stage, &client, 1).await;
        assert!(said.contains("oauth_timestamp") && said.contains(word), "{said}");
        assert!(said.contains(&format!("{seconds_ahead} s ahead of this machine's")), "{said}");
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
