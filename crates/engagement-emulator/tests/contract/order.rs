//! Section 5.3: the order of checks. Section 5.4: quota. Section 1: gzip.

use engagement_emulator::{Class, ErrorBody, Faults, QuotaPool, World};
use engagement_model::Endpoint;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{Answer, As, Call, ask, builder, favorites, owned, query, start, started, with};

/// Rules: 5.3 E, 5.2 E, 5.2 W
#[tokio::test]
async fn guess_each_check_comes_before_the_next() {
    let world = |text: &str| World::from_toml(text).unwrap();
    let unprovisioned = world(
        "[[app]]\napp_id = 1\nconsumer_key = \"demo-consumer-key\"\nconsumer_secret = \"demo-consumer-secret\"\n\
         bearer_token = \"AAAAdemo%3Dtoken\"\nprovisioned = false",
    );
    let closed = started(builder().world(unprovisioned).quota(0)).await;
    let empty = started(builder().quota(0)).await;
    let emulator = start().await;
    let bad = || Call::new("POST", Endpoint::Totals.path()).json("{");

    // Each request has everything wrong from its own fault on.
    let nowhere = Call::new("POST", "/insights/engagement/total").json("{").without("Accept-Encoding");
    assert_eq!(nowhere.send(&closed).await.status, 404);
    assert_eq!(bad().without("Accept-Encoding").send(&closed).await.status, 406);
    assert_eq!(bad().send(&closed).await.status, 401);
    let answer = bad().signed(&closed, As::Brand).send(&closed).await;
    assert_eq!((answer.status, answer.message().as_str()), (403, "Your application ID is not authorized."));
    assert_eq!(bad().signed(&empty, As::Brand).send(&empty).await.status, 429);
    assert_eq!(bad().signed(&emulator, As::Brand).send(&emulator).await.status, 400);

    let gone = emulator.tweets(Class::Unavailable, None, 1);
    let foreign = emulator.tweets(Class::Unowned, None, 1);
    let old = emulator.tweets(Class::Over90, None, 1);
    // Shape before metrics, metrics before availability.
    let mut body = query(&gone, &["impressions"], &["engagement.hour"]);
    assert_eq!(ask(&emulator, As::Bearer, Endpoint::Totals, &body).await.status, 400);
    body["groupings"] = json!({"g": {"group_by": ["tweet.id"]}});
    let answer = ask(&emulator, As::Bearer, Endpoint::Totals, &body).await;
    assert_eq!((answer.status, answer.message().as_str()), (403, "Forbidden to access metrics: impressions"));
    // Availability before ownership, ownership before age.
    assert_eq!(ask(&emulator, As::News, Endpoint::Totals, &body).await.status, 400);
    let body = query(&[gone, foreign].concat(), &["impressions"], &["tweet.id"]);
    assert_eq!(ask(&emulator, As::News, Endpoint::Totals, &body).await.status, 403);
    let body = query(&old, &["impressions"], &["tweet.id"]);
    assert_eq!(ask(&emulator, As::News, Endpoint::Totals, &body).await.status, 403);
    assert_eq!(ask(&emulator, As::Brand, Endpoint::Totals, &body).await.status, 400);
}

/// Rules: 1 E
#[tokio::test(start_paused = true)]
async fn section_1_guess_a_body_that_does_not_come_is_408() {
    let emulator = start().await;
    let mut stream = emulator.connect();
    let head =
        format!("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n", Endpoint::Totals.path());
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = Answer::read(&answer);
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert_eq!(begun.elapsed().as_secs(), 15);
}

/// Rules: 5.3 E
#[tokio::test]
async fn section_5_3_guess_how_a_body_is_encoded_is_judged_when_it_is_the_bodys_turn() {
    let emulator = start().await;
    let post = |path: &str| Call::new("POST", path).json("x");
    for (encoding, status) in [("gzip", 400), ("br", 415)] {
        let call = post(Endpoint::Totals.path()).header("Content-Encoding", encoding);
        let nowhere = post("/nope").header("Content-Encoding", encoding);
        assert_eq!(nowhere.send(&emulator).await.status, 404);
        assert_eq!(call.clone().without("Accept-Encoding").send(&emulator).await.status, 406);
        assert_eq!(call.send(&emulator).await.status, 401);
        let answer = call.signed(&emulator, As::Brand).send(&emulator).await;
        assert_eq!((answer.status, answer.header("x-per-minute-limit")), (status, Some("10000")));
        let form = Call::new("POST", "/oauth2/token").form("x").header("Content-Encoding", encoding);
        assert_eq!(form.send(&emulator).await.status, status);
        let clock = Call::new("POST", "/_emulator/clock").json("x").header("Content-Encoding", encoding);
        assert_eq!(clock.send(&emulator).await.status, status);
    }
}

/// Rules: 1 D, 1 W
#[tokio::test]
async fn seen_what_is_not_there_is_404_with_code_34() {
    let emulator = start().await;
    let calls = [
        Call::get("/"),
        Call::get(Endpoint::Totals.path()),
        Call::new("PUT", Endpoint::Totals.path()),
        Call::new("POST", "/insights/engagement/totals/"),
        Call::new("POST", "/insights/engagement/totals").host("api.twitter.com"),
        Call::new("POST", "/insights/engagement/totals").host("api.x.com"),
        Call::new("POST", "/oauth2/token").host("data-api.twitter.com"),
    ];
    for call in calls {
        let answer = call.send(&emulator).await;
        assert_eq!(answer.status, 404, "{call:?}");
        assert_eq!(
            answer.json(),
            json!({"errors": [{"message": "Sorry, that page does not exist", "code": 34}]})
        );
    }
}

/// Rules: 1 W, 1 E
#[tokio::test]
async fn seen_without_gzip_it_is_406_unless_switched() {
    let emulator = start().await;
    let call = Call::post(Endpoint::Totals, &favorites(&[owned(&emulator)]));
    let answer = call.clone().without("Accept-Encoding").signed(&emulator, As::Brand).send(&emulator).await;
    assert_eq!(answer.status, 406);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(
        answer.message(),
        "This request requires gzip compression. Retry the request after setting 'Accept-Encoding' header in the \
         request to 'gzip'."
    );
    for accepted in ["gzip, deflate", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3", "br, GZIP"] {
        let answer = call
            .clone()
            .header("Accept-Encoding", accepted)
            .signed(&emulator, As::Brand)
            .send(&emulator)
            .await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")), "{accepted}");
    }
    let refused = call.clone().header("Accept-Encoding", "gzip;Q=0").signed(&emulator, As::Brand);
    assert_eq!(refused.send(&emulator).await.status, 406);
    let emulator = with(|switches| switches.require_gzip = false).await;
    let answer = call.without("Accept-Encoding").signed(&emulator, As::Brand).send(&emulator).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, None));
}

/// Rules: 1 W
#[tokio::test]
async fn seen_refusals_are_compressed_too() {
    let emulator = start().await;
    let not_found = Call::get("/").send(&emulator).await;
    let unauthorized = Call::post(Endpoint::Totals, &json!({})).send(&emulator).await;
    let malformed =
        Call::post(Endpoint::Totals, &json!({})).signed(&emulator, As::Bearer).send(&emulator).await;
    for (answer, status) in [(not_found, 404), (unauthorized, 401), (malformed, 400)] {
        assert_eq!((answer.status, answer.header("content-encoding")), (status, Some("gzip")));
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
    }
}

/// Rules: 1 E
#[tokio::test]
async fn guess_a_compressed_request_is_taken_and_its_plain_form_signed() {
    use std::io::Write as _;
    let emulator = start().await;
    let mut call = Call::post(Endpoint::Totals, &favorites(&[owned(&emulator)])).signed(&emulator, As::Brand);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&call.body).unwrap();
    call.body = gzip.finish().unwrap();
    assert_eq!(call.header("Content-Encoding", "gzip").send(&emulator).await.status, 200);
}

/// Rules: 5.1 D
#[tokio::test]
async fn section_5_1_an_error_body_takes_the_form_of_the_switch() {
    for (form, expected) in
        [(ErrorBody::Array, "[\"1 Tweet ID(s) are unavailable\"]"), (ErrorBody::Empty, "")]
    {
        let emulator = with(|switches| switches.error_body = form).await;
        let gone = emulator.tweets(Class::Unavailable, None, 1);
        let answer = ask(&emulator, As::Bearer, Endpoint::Totals, &favorites(&gone)).await;
        assert_eq!((answer.status, answer.text()), (400, expected));
    }
}

#[tokio::test]
async fn section_5_1_whatever_refuses_takes_that_form() {
    let emulator = with(|switches| switches.error_body = ErrorBody::Array).await;
    let post = || Call::new("POST", Endpoint::Totals.path());
    for (call, status) in [
        (post().json(vec![b' '; 300_000]), 413),
        (post().header("Transfer-Encoding", "gzip, chunked"), 400),
        (post().header("Content-Encoding", "br").signed(&emulator, As::Brand), 415),
        (post().header("X-A", "b".repeat(33_000)), 431),
        (Call::get("/x").host("a@b"), 400),
    ] {
        let answer = call.send(&emulator).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.json()[0].is_string(), "{}", answer.text());
    }
    for status in [429, 500] {
        emulator.set_faults(Faults::from_json(&format!(r#"[{{"status":{status}}}]"#)).unwrap());
        let answer = post().send(&emulator).await;
        assert_eq!(answer.status, status);
        assert!(answer.json()[0].is_string(), "{}", answer.text());
        assert_eq!(answer.text().contains("rate limit"), status == 429);
    }
}

/// Rules: 5.4 D, 5.4 W, 5.4 E, 5.2 W
#[tokio::test]
async fn section_5_4_documented_the_quota_is_by_the_minute_and_told() {
    let emulator = started(builder().now("2024-03-06T00:30:10Z".parse().unwrap()).quota(2)).await;
    let body = favorites(&[owned(&emulator)]);
    let mut told = Vec::new();
    for _ in 0..3 {
        let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
        let header = |name| answer.header(name).map(str::to_owned);
        assert_eq!(header("x-per-minute-limit").as_deref(), Some("2"));
        assert_eq!(header("x-per-minute-reset").as_deref(), Some("1709685060"));
        assert_eq!(header("x-per-second-limit"), None);
        told.push((answer.status, header("x-per-minute-remaining").unwrap()));
        assert_eq!(header("retry-after"), None);
        if answer.status == 429 {
            assert!(answer.message().contains("rate limit"), "{}", answer.text());
        }
    }
    assert_eq!(told, [(200, "1".to_owned()), (200, "0".to_owned()), (429, "0".to_owned())]);
    emulator.freeze_clock("2024-03-06T00:31:00Z".parse().unwrap()).unwrap();
    assert_eq!(ask(&emulator, As::Brand, Endpoint::Totals, &body).await.status, 200);
}

/// Rules: 5.4 E
#[tokio::test]
async fn section_5_4_guess_malformed_requests_cost_quota_and_unauthorized_ones_do_not() {
    let emulator = started(builder().quota(2)).await;
    let call = Call::post(Endpoint::Totals, &json!({}));
    let left =
        async |call: Call| call.send(&emulator).await.header("x-per-minute-remaining").map(str::to_owned);
    assert_eq!(left(call.clone()).await, None);
    assert_eq!(left(call.clone().signed(&emulator, As::Bearer)).await.as_deref(), Some("1"));
}

/// Rules: 5.4 E
#[tokio::test]
async fn section_5_4_guess_one_pool_for_an_app_unless_switched() {
    for (pool, expected) in [(QuotaPool::App, 429), (QuotaPool::Token, 200)] {
        let switches = {
            let mut switches = engagement_emulator::Switches::default();
            switches.quota_pool = pool;
            switches.per_second_headers = true;
            switches
        };
        let emulator = started(builder().quota(1).switches(switches)).await;
        let body = favorites(&[owned(&emulator)]);
        let first = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
        assert_eq!((first.status, first.header("x-per-second-limit")), (200, Some("1")));
        assert_eq!(ask(&emulator, As::Bearer, Endpoint::Totals, &body).await.status, expected, "{pool:?}");
    }
}

#[tokio::test]
async fn the_date_is_the_emulators() {
    let emulator = start().await;
    assert_eq!(Call::get("/").send(&emulator).await.header("date"), Some("Wed, 06 Mar 2024 00:30:00 GMT"));
}
