//! `/_emulator`.

use engagement_emulator::{Class, Emulator};
use engagement_model::{Endpoint, Metric};
use serde_json::{Value, json};

use crate::client::{As, Call, ask, builder, favorites, owned, query, start, started};

async fn get(emulator: &Emulator, path: &str) -> Value {
    let answer = Call::get(format!("/_emulator/{path}")).send(emulator).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn post(emulator: &Emulator, path: &str, body: &Value) -> (u16, Value) {
    let answer = Call::new("POST", format!("/_emulator/{path}")).json(body.to_string()).send(emulator).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn shows_the_world_secrets_included() {
    let emulator = started(builder().seed(7)).await;
    let world = get(&emulator, "world").await;
    assert_eq!(
        world["apps"],
        json!([{
            "app_id": 1,
            "consumer_key": "demo-consumer-key",
            "consumer_secret": "demo-consumer-secret",
            "bearer_token": "AAAAdemo%3Dtoken",
            "provisioned": true,
        }])
    );
    let names: Vec<_> =
        world["accounts"].as_array().unwrap().iter().map(|account| &account["screen_name"]).collect();
    assert_eq!(names, ["demo_brand", "demo_news", "demo_sport"]);
    assert_eq!(
        world["accounts"][0],
        json!({
            "user_id": 1111,
            "screen_name": "demo_brand",
            "access_token": "1111-demo-access-token",
            "access_token_secret": "demo-token-secret",
        })
    );
    assert_eq!((&world["now"], &world["seed"]), (&json!("2024-03-06T00:30:00Z"), &json!(7)));
}

#[tokio::test]
async fn gives_tweets_of_every_class_without_end() {
    let emulator = start().await;
    for class in Class::ALL {
        let ids = get(&emulator, &format!("tweets?class={class}&screen_name=demo_news&count=300")).await;
        let ids = ids["tweet_ids"].as_array().unwrap().clone();
        assert_eq!(ids.len(), 300);
        let expected = emulator.tweets(class, Some("demo_news"), 300);
        assert_eq!(ids, crate::client::texts(&expected));
    }
    // At the earliest clock nothing is 1,800 days old, and `owned` takes that age, too.
    emulator.freeze_clock("2010-11-05T00:00:00Z".parse().unwrap()).unwrap();
    for (class, status) in [(Class::Owned, 400), (Class::Over1800, 400), (Class::Over90, 200)] {
        let answer = Call::get(format!("/_emulator/tweets?class={class}&count=8")).send(&emulator).await;
        assert_eq!(answer.status, status, "{class}: {}", answer.text());
        let ids = answer.json()["tweet_ids"].as_array().map_or(0, Vec::len);
        assert_eq!(ids, if status == 200 { 8 } else { 0 });
    }
    for bad in
        ["class=nice", "screen_name=nobody", "count=-1", "count=1000001", "clas=owned", "count=1&count=2"]
    {
        let answer = Call::get(format!("/_emulator/tweets?{bad}")).send(&emulator).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.json()["error"].is_string());
    }
}

#[tokio::test]
async fn tells_what_the_endpoints_answer() {
    let emulator = start().await;
    let id = owned(&emulator);
    let truth =
        async |rest: &str| get(&emulator, &format!("truth?tweet_id={id}&{rest}")).await["value"].clone();
    let answer = ask(
        &emulator,
        As::Brand,
        Endpoint::Totals,
        &query(&[id], &["impressions", "video_views"], &["engagement.type"]),
    )
    .await
    .json();
    for metric in ["impressions", "video_views"] {
        assert_eq!(answer["g"][metric], json!(truth(&format!("metric={metric}")).await.to_string()));
    }
    let mut body = query(&[id], &["impressions"], &["engagement.type"]);
    body["start"] = json!("2024-03-02T11:30:00Z");
    body["end"] = json!("2024-03-05T17:10:00Z");
    let answer = ask(&emulator, As::Brand, Endpoint::Historical, &body).await.json();
    let window = "metric=impressions&start=2024-03-02T11:30:00Z&end=2024-03-05T17:10:00Z";
    assert_eq!(answer["g"]["impressions"], json!(truth(window).await.to_string()));

    let old = emulator.tweets(Class::Over90, None, 1)[0];
    assert_eq!(
        get(&emulator, &format!("truth?tweet_id={old}&metric=impressions")).await["value"],
        Value::Null
    );
    let gone = emulator.tweets(Class::Unavailable, None, 1)[0];
    assert_eq!(
        get(&emulator, &format!("truth?tweet_id={gone}&metric=favorites")).await["value"],
        Value::Null
    );
    // The hour that runs is answered, and none after it.
    let running = "metric=impressions&start=2024-03-05&end=2024-03-06T01:00:00Z";
    let value = truth(running).await;
    assert!(value.is_u64());
    assert_eq!(truth("metric=impressions&start=2024-03-05&end=2024-03-07").await, value);
    let all = truth("metric=impressions&end=2024-03-06").await;
    assert_eq!(truth("metric=impressions&start=2010-01-01&end=2024-03-06").await, all);
    for bad in [
        "metric=impressions",
        "tweet_id=1",
        "tweet_id=1&metric=likes",
        "tweet_id=1&metric=favorites&start=x",
        "tweet_id=1&metric=favorites&start=2030-01-01&end=2030-01-02",
        "tweet_id=1&metric=favorites&start=2014-08-01&end=2014-08-31",
        "tweet_id=x&metric=favorites",
        "tweet_id=&metric=favorites",
        "tweet_id=12345678901234567890&metric=favorites",
    ] {
        assert_eq!(Call::get(format!("/_emulator/truth?{bad}")).send(&emulator).await.status, 400, "{bad}");
    }
}

/// Rules: 7.1 E
#[tokio::test]
async fn counts_requests_but_not_its_own() {
    let emulator = start().await;
    assert_eq!(get(&emulator, "requests").await["total"], 0);
    let body = favorites(&[owned(&emulator)]);
    ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    ask(&emulator, As::Nobody, Endpoint::Historical, &body).await;
    ask(&emulator, As::Bearer, Endpoint::Totals, &json!({})).await;
    Call::new("POST", "/oauth2/token").send(&emulator).await;
    let too_large = Call::new("POST", "/_emulator/faults").json("x".repeat(300_000)).send(&emulator).await;
    assert_eq!(too_large.status, 413);
    let requests = get(&emulator, "requests").await;
    assert_eq!(
        requests,
        json!({
            "total": 5,
            "by_endpoint": {
                "totals": {"200": 2, "400": 1},
                "historical": {"401": 1},
                "oauth": {"403": 1},
            },
            "owners": ["demo_brand"],
            "max_per_minute": 4,
            "panics": 0,
        })
    );
}

#[tokio::test]
async fn sets_and_stops_the_clock() {
    let emulator = start().await;
    let (status, answer) =
        post(&emulator, "clock", &json!({"now": "2025-01-01T00:00:00Z", "frozen": true})).await;
    assert_eq!((status, answer), (200, json!({"now": "2025-01-01T00:00:00Z", "frozen": true})));
    assert_eq!(Call::get("/").send(&emulator).await.header("date"), Some("Wed, 01 Jan 2025 00:00:00 GMT"));
    let (_, answer) = post(&emulator, "clock", &json!({"now": "2025-06-01T00:00:00Z"})).await;
    assert_eq!(answer["frozen"], false);
    let (_, answer) = post(&emulator, "clock", &json!({"frozen": true})).await;
    assert!(answer["now"].as_str().unwrap().starts_with("2025-06-01T00:00:0"));
    for bad in
        [json!({}), json!({"now": "soon"}), json!({"now": "1999-01-01"}), json!({"noon": 1}), json!([])]
    {
        assert_eq!(post(&emulator, "clock", &bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn an_hour_is_counted_from_its_first_second_and_never_changes() {
    let emulator = start().await;
    let id = owned(&emulator);
    let count = |emulator: &Emulator| emulator.truth(id, &Metric::Impressions, None).unwrap();
    emulator.freeze_clock("2024-03-05T07:00:00Z".parse().unwrap()).unwrap();
    let first_second = count(&emulator);
    emulator.freeze_clock("2024-03-05T07:59:59Z".parse().unwrap()).unwrap();
    assert_eq!(count(&emulator), first_second);
    emulator.freeze_clock("2024-03-05T09:00:00Z".parse().unwrap()).unwrap();
    assert!(count(&emulator) > first_second);
}

#[tokio::test]
async fn e7_is_not_for_other_names_nor_for_pages_of_other_sites() {
    let emulator = start().await;
    for host in ["evil.example", "data-api.twitter.com", "localhost.evil.example"] {
        assert_eq!(Call::get("/_emulator/world").host(host).send(&emulator).await.status, 403, "{host}");
    }
    for origin in ["http://evil.example", "null"] {
        let call = Call::new("POST", "/_emulator/faults").header("Origin", origin).json("[]");
        let answer = call.send(&emulator).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!(Call::get("/_emulator/worlds").send(&emulator).await.status, 404);
    assert_eq!(Call::new("DELETE", "/_emulator/world").send(&emulator).await.status, 404);
}

#[tokio::test]
async fn e6_does_not_listen_to_other_machines_unasked() {
    let error = Emulator::builder().listen("0.0.0.0:0".parse().unwrap()).start().await.unwrap_err();
    assert!(error.to_string().contains("0.0.0.0:0"), "{error}");
    let open = Emulator::builder().listen("0.0.0.0:0".parse().unwrap()).allow_remote(true).start().await;
    assert!(open.is_ok());
}

#[tokio::test]
async fn e8_the_same_seed_gives_the_same_answers_after_a_restart() {
    let (one, two, other) = (start().await, start().await, started(builder().seed(2)).await);
    let ids = one.tweets(Class::Unowned, None, 20);
    let mut answers = Vec::new();
    for emulator in [&one, &two, &other] {
        answers.push(ask(emulator, As::Bearer, Endpoint::Totals, &favorites(&ids)).await.body);
    }
    assert_eq!(answers[0], answers[1]);
    assert_ne!(answers[0], answers[2]);
}

#[tokio::test]
async fn stops_when_dropped() {
    let emulator = start().await;
    let addr = emulator.addr();
    let idle = tokio::net::TcpStream::connect(addr).await.unwrap();
    drop(emulator);
    let mut byte = [0];
    let mut idle = idle;
    let ended = tokio::io::AsyncReadExt::read(&mut idle, &mut byte).await;
    assert!(matches!(ended, Ok(0) | Err(_)));
}
