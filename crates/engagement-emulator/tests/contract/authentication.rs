//! Section 6.1 and 6.2, and the refusals of section 5.2.

use engagement_emulator::{Class, Emulator};
use engagement_model::Endpoint;
use oauth_core::{BodyHash, Credentials, Version};
use serde_json::json;

use crate::client::{Answer, As, Call, ask, favorites, nonce, owned, query, start, texts, with};

fn reason(answer: &Answer) -> String {
    assert_eq!(answer.status, 401, "{}", answer.text());
    let message = answer.message();
    message.strip_prefix("Your account could not be authenticated. Reason: ").expect(&message).to_owned()
}

fn call(emulator: &Emulator) -> Call {
    Call::post(Endpoint::Totals, &favorites(&[owned(emulator)]))
}

/// Rules: 6.1 D
#[tokio::test]
async fn documented_public_metrics_of_any_tweet_for_the_app_alone() {
    let emulator = start().await;
    let ids = [emulator.tweets(Class::Unowned, None, 3), emulator.tweets(Class::Owned, None, 3)].concat();
    let metrics = ["favorites", "retweets", "replies", "quote_tweets", "video_views"];
    let body = query(&ids, &metrics, &["tweet.id", "engagement.type"]);
    let [bearer, app] = [
        ask(&emulator, As::Bearer, Endpoint::Totals, &body).await,
        ask(&emulator, As::App, Endpoint::Totals, &body).await,
    ];
    assert_eq!(bearer.status, 200);
    assert_eq!(bearer.json(), app.json());
}

/// Rules: 6.1 W
#[tokio::test]
async fn seen_private_metrics_are_forbidden_to_the_app_alone() {
    let emulator = start().await;
    let body = query(&[owned(&emulator)], &["favorites", "impressions", "engagements"], &["tweet.id"]);
    for asker in [As::Bearer, As::App] {
        let answer = ask(&emulator, asker, Endpoint::Totals, &body).await;
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.json(),
            json!({"errors": ["Forbidden to access metrics: impressions, engagements"]})
        );
    }
}

/// Rules: 6.1 E
#[tokio::test]
async fn guess_series_are_forbidden_to_the_app_alone_naming_the_tweets() {
    let emulator = start().await;
    let ids = emulator.tweets(Class::Owned, None, 2);
    for endpoint in [Endpoint::Last28Hours, Endpoint::Historical] {
        let answer = ask(&emulator, As::Bearer, endpoint, &favorites(&ids)).await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.message(), format!("Forbidden to access tweets: {}", texts(&ids).join(", ")));
    }
}

/// Rules: 6.1 D, 6.1 W, 5.2 D
#[tokio::test]
async fn documented_somebody_elses_tweet_forbids_the_whole_request() {
    let emulator = start().await;
    let foreign =
        [emulator.tweets(Class::Unowned, None, 1), emulator.tweets(Class::Owned, Some("demo_news"), 1)]
            .concat();
    let ids = [vec![owned(&emulator)], foreign.clone()].concat();
    for (endpoint, metric) in [
        (Endpoint::Totals, "favorites"),
        (Endpoint::Totals, "impressions"),
        (Endpoint::Historical, "url_clicks"),
    ] {
        let answer = ask(&emulator, As::Brand, endpoint, &query(&ids, &[metric], &["tweet.id"])).await;
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.json(),
            json!({"errors": [format!("Forbidden to access tweets: {}", texts(&foreign).join(", "))]})
        );
    }
}

/// Rules: 5.2 D
#[tokio::test]
async fn seen_older_answers_named_the_author() {
    let emulator = with(|switches| switches.old_forbidden_text = true).await;
    let news = emulator.tweets(Class::Owned, Some("demo_news"), 2);
    let sport = emulator.tweets(Class::Owned, Some("demo_sport"), 1);
    let ids = [news.clone(), sport.clone()].concat();
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &favorites(&ids)).await;
    assert_eq!(
        answer.json()["errors"],
        json!([
            format!("Forbidden to access tweets for author id 2222: {}", texts(&news).join(", ")),
            format!("Forbidden to access tweets for author id 3333: {}", sport[0]),
        ])
    );
}

/// Rules: 6.1 I
#[tokio::test]
async fn inferred_an_unknown_scheme_or_none_is_told() {
    let emulator = start().await;
    let headers = [None, Some("Basic ZGVtbzpkZW1v"), Some("Digest x"), Some("OAuthX y"), Some("")];
    for header in headers {
        let call = match header {
            Some(header) => call(&emulator).header("Authorization", header),
            None => call(&emulator),
        };
        assert_eq!(reason(&call.send(&emulator).await), "Unknown Authorization Type", "{header:?}");
    }
}

/// Rules: 6.1 D
#[tokio::test]
async fn documented_an_unknown_token_is_told() {
    let emulator = start().await;
    let unknown =
        Credentials::consumer("demo-consumer-key", "demo-consumer-secret").with_token("9-no", "secret");
    let signed = call(&emulator).signed_with(&emulator, &unknown, |request| request);
    assert_eq!(reason(&signed.send(&emulator).await), "Access token not found");
    for token in ["AAAAdemo=token", "AAAAdemo%3dtoken", "", "AAAA"] {
        let bearer = call(&emulator).header("Authorization", format!("Bearer {token}"));
        assert_eq!(reason(&bearer.send(&emulator).await), "Access token not found", "{token}");
    }
}

/// Rules: 6.2 E
#[tokio::test]
async fn guess_a_timestamp_may_be_300_seconds_off() {
    let emulator = start().await;
    let now = emulator.now().as_second().unsigned_abs();
    for (seconds, expected) in [(now - 300, 200), (now + 300, 200), (now - 301, 401), (now + 301, 401)] {
        let call = call(&emulator);
        let credentials = As::Brand.credentials().unwrap();
        let header = call.authorization(&emulator, &credentials, seconds, &nonce(), |request| request);
        let answer = call.header("Authorization", header).send(&emulator).await;
        assert_eq!(answer.status, expected);
        if expected == 401 {
            assert!(reason(&answer).contains("301 seconds"), "{}", answer.text());
        }
    }
}

/// Rules: 6.2 E
#[tokio::test]
async fn guess_a_nonce_is_good_once() {
    let emulator = start().await;
    let call = call(&emulator).signed(&emulator, As::Brand);
    assert_eq!(call.send(&emulator).await.status, 200);
    assert!(reason(&call.send(&emulator).await).contains("nonce"));
    // A clock that stops or goes on forgets nothing.
    let now = emulator.now();
    emulator.set_clock(now).unwrap();
    emulator.freeze_clock(now).unwrap();
    let clock = Call::new("POST", "/_emulator/clock").json(r#"{"frozen":false}"#).send(&emulator).await;
    assert_eq!(clock.status, 200);
    assert!(reason(&call.send(&emulator).await).contains("nonce"));
    // One that jumps does, as the timestamps that nonces came with may be good again.
    emulator.freeze_clock("2024-03-06T00:31:00Z".parse().unwrap()).unwrap();
    assert_eq!(call.send(&emulator).await.status, 200);
}

/// Rules: 6.2 E
#[tokio::test]
async fn documented_a_body_hash_is_accepted_and_the_version_may_be_absent() {
    let emulator = start().await;
    let credentials = As::Brand.credentials().unwrap();
    let hashed =
        call(&emulator).signed_with(&emulator, &credentials, |request| request.body_hash(BodyHash::Include));
    assert_eq!(hashed.send(&emulator).await.status, 200);
    let bare = call(&emulator).signed_with(&emulator, &credentials, |request| request.version(Version::Omit));
    assert_eq!(bare.send(&emulator).await.status, 200);
}

/// Rules: 6.2 E
#[tokio::test]
async fn guess_the_oauth_parameters_may_stand_in_the_query() {
    let emulator = start().await;
    let header = call(&emulator).signed(&emulator, As::Brand).headers.pop().unwrap().1;
    let query = header.trim_start_matches("OAuth ").replace(", ", "&").replace('"', "");
    let mut call = call(&emulator);
    call.target = format!("{}?{query}", call.target);
    assert_eq!(call.send(&emulator).await.status, 200);
}

/// Rules: 6.2 D
#[tokio::test]
async fn documented_the_signature_covers_the_host_that_was_called() {
    let emulator = start().await;
    let elsewhere = call(&emulator).host("data-api.twitter.com").signed(&emulator, As::Brand);
    assert_eq!(elsewhere.send(&emulator).await.status, 200);
    // Signed for one host and sent to another.
    let moved = Call { host: None, ..elsewhere };
    assert_eq!(moved.send(&emulator).await.status, 401);
    assert_eq!(
        call(&emulator).host("localhost:80").signed(&emulator, As::Brand).send(&emulator).await.status,
        200
    );
}

/// Rules: 6.2 E
#[tokio::test]
async fn a_wrong_signature_is_told_which_part_of_the_base_string_differs() {
    let emulator = start().await;
    let credentials = As::Brand.credentials().unwrap();
    let app = Credentials::consumer("demo-consumer-key", "demo-consumer-secret");
    let right = call(&emulator);
    let loopback = |name: &str| {
        let other = right.clone().host(&format!("{name}:{}", emulator.addr().port()));
        let header = other.signed(&emulator, As::Brand).headers.pop().unwrap().1;
        right.clone().header("Authorization", header)
    };
    let moved = |change: fn(&mut Call)| {
        let mut other = right.clone();
        change(&mut other);
        let header = other.signed(&emulator, As::Brand).headers.pop().unwrap().1;
        right.clone().header("Authorization", header)
    };
    let signed =
        |credentials: &Credentials| right.clone().signed_with(&emulator, credentials, |request| request);
    let cases = [
        (moved(|call| call.method = "GET"), "method"),
        (moved(|call| call.host = Some("elsewhere.example".to_owned())), "no known mistake"),
        (loopback("localhost"), "host: http://localhost:"),
        (loopback("[::1]"), "host: http://[::1]:"),
        (moved(|call| call.target.push('/')), "path"),
        (
            moved(|call| call.target = "/insights/engagement/28hr".to_owned()),
            "path: /insights/engagement/28hr was signed",
        ),
        (moved(|call| call.target.push_str("?a=b")), "no known mistake"),
        (signed(&app.clone().with_token("1111-demo-access-token", "")), "token secret"),
        (signed(&app.with_token("1111-demo-access-token", "demo-consumer-secret")), "no known mistake"),
    ];
    for (call, part) in cases {
        let reason = reason(&call.send(&emulator).await);
        assert!(reason.contains(part), "{part}: {reason}");
        assert!(reason.contains("signed here: POST http://127.0.0.1:"), "{reason}");
        for secret in ["demo-consumer-secret", "demo-token-secret", "1111-demo-access-token"] {
            assert!(!reason.contains(secret), "{reason}");
        }
    }
    let real = oauth_core::Request::new("POST", "https://data-api.twitter.com/insights/engagement/totals");
    let timestamp = oauth_core::Timestamp::new(emulator.now().as_second().unsigned_abs()).unwrap();
    let header =
        oauth_core::sign(&real, &credentials, oauth_core::Stamp { timestamp, nonce: "real" }).unwrap();
    let answer = right.header("Authorization", header.authorization()).send(&emulator).await;
    assert!(reason(&answer).contains("https://data-api.twitter.com"), "{}", answer.text());
}

#[tokio::test]
async fn a_public_url_stands_for_what_the_client_signed() {
    let emulator = crate::client::started(crate::client::builder().public_url("http://api.example/")).await;
    let signed = call(&emulator).host("api.example").signed(&emulator, As::Brand);
    assert_eq!(Call { host: None, ..signed }.send(&emulator).await.status, 200);
}

#[tokio::test]
async fn malformed_headers_are_refused_with_a_reason() {
    let emulator = start().await;
    for header in [
        "OAuth",
        "OAuth oauth_consumer_key",
        "OAuth oauth_consumer_key=\"demo-consumer-key\"",
        "OAuth oauth_consumer_key=\"a\", oauth_consumer_key=\"b\"",
        "OAuth oauth_nonce=\"%zz\"",
        "OAuth \u{e9}",
    ] {
        let answer = call(&emulator).header("Authorization", header).send(&emulator).await;
        assert!(!reason(&answer).is_empty(), "{header}");
    }
    let mut twice = call(&emulator).signed(&emulator, As::Brand);
    twice.headers.push(("Authorization".to_owned(), "Bearer AAAAdemo%3Dtoken".to_owned()));
    assert!(reason(&twice.send(&emulator).await).contains("one Authorization header"));
}
