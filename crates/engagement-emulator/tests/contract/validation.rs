//! V1 to V16.

use engagement_model::{Endpoint, TweetId};
use serde_json::{Value, json};

use crate::client::{Answer, As, Call, ask, favorites, owned, query, start, with};

/// The message of a 400, after its rule was seen to be this one.
async fn refused(
    emulator: &engagement_emulator::Emulator,
    endpoint: Endpoint,
    body: &Value,
    rule: &str,
) -> String {
    let answer = ask(emulator, As::Brand, endpoint, body).await;
    assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    let message = answer.message();
    assert!(message.ends_with(&format!("({rule})")), "{rule} for {body}: {message}");
    message
}

fn changed(body: &Value, key: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[key] = value;
    body
}

fn without(body: &Value, key: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(key);
    body
}

/// Rules: V1 D
#[tokio::test]
async fn v1_documented_the_body_is_a_json_object() {
    let emulator = start().await;
    for body in
        ["", "{", "[]", "null", "\"text\"", "{\"a\":1}x", "\u{feff}{}", "{\"tweet_ids\":[\"\\ud800\"]}"]
    {
        let call = Call::new("POST", Endpoint::Totals.path()).json(body).signed(&emulator, As::Brand);
        let answer = call.send(&emulator).await;
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(answer.message().starts_with("Invalid JSON"), "{}", answer.text());
    }
    let deep = "[".repeat(100_000);
    let call = Call::new("POST", Endpoint::Totals.path()).json(deep).signed(&emulator, As::Brand);
    assert_eq!(call.send(&emulator).await.status, 400);
}

/// Rules: V1 E, V2 E
#[tokio::test]
async fn v1_v2_guess_the_last_of_a_repeated_key_counts_and_repeated_ids_count_each() {
    let emulator = start().await;
    let mut body = favorites(&[owned(&emulator)]).to_string();
    body.insert_str(1, r#""tweet_ids":["x"],"#);
    let call = Call::new("POST", Endpoint::Totals.path()).json(body).signed(&emulator, As::Brand);
    assert_eq!(call.send(&emulator).await.status, 200);

    let ids = vec![owned(&emulator); Endpoint::Totals.max_tweet_ids() + 1];
    refused(&emulator, Endpoint::Totals, &favorites(&ids), "V2").await;
}

/// Rules: V2 D
#[tokio::test]
async fn v2_documented_not_more_ids_than_the_endpoint_takes() {
    let emulator = start().await;
    for endpoint in Endpoint::ALL {
        let ids: Vec<_> =
            (1..=endpoint.max_tweet_ids() + 1).map(|n| TweetId::new(n as u64).unwrap()).collect();
        let message = refused(&emulator, endpoint, &favorites(&ids), "V2").await;
        assert!(message.contains(&ids.len().to_string()), "{message}");
        let answer = ask(&emulator, As::Brand, endpoint, &favorites(&ids[1..])).await;
        assert!(!answer.text().contains("V2"), "{}", answer.text());
    }
}

/// Rules: V3 I, V3 E, 2.1 E
#[tokio::test]
async fn v3_inferred_an_id_is_1_to_19_digits() {
    let emulator = start().await;
    let body = favorites(&[owned(&emulator)]);
    for ids in [
        json!([]),
        json!(["12a"]),
        json!(["+1"]),
        json!([" 1"]),
        json!(["1 "]),
        json!([""]),
        json!(["12345678901234567890"]),
        json!(["١"]),
        json!([null]),
        json!([-1]),
        json!([1.5]),
        json!([1e300]),
        json!("1"),
        json!({"1": 1}),
        Value::Null,
    ] {
        refused(&emulator, Endpoint::Totals, &changed(&body, "tweet_ids", ids), "V3").await;
    }
    refused(&emulator, Endpoint::Totals, &without(&body, "tweet_ids"), "V3").await;
    // Nineteen digits that no Tweet has are unavailable, not malformed.
    let answer = ask(
        &emulator,
        As::Brand,
        Endpoint::Totals,
        &changed(&body, "tweet_ids", json!(["9999999999999999999"])),
    )
    .await;
    assert_eq!(answer.json()["unavailable_tweet_ids"], json!(["9999999999999999999"]));
}

/// Rules: 2 D, 2 W
#[tokio::test]
async fn section_2_seen_numeric_ids_are_taken_and_echoed_as_strings() {
    let emulator = start().await;
    let id = owned(&emulator);
    let body = changed(&favorites(&[id]), "tweet_ids", json!([id.get()]));
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["g"][id.to_string()]["favorites"].is_string());

    let strict = with(|switches| switches.strict = true).await;
    refused(&strict, Endpoint::Totals, &body, "V3").await;
}

/// Rules: V4 E
#[tokio::test]
async fn v4_guess_repeated_ids_are_answered_once() {
    let emulator = start().await;
    let id = owned(&emulator);
    let one =
        ask(&emulator, As::Brand, Endpoint::Totals, &query(&[id], &["favorites"], &["engagement.type"]))
            .await;
    let three =
        ask(&emulator, As::Brand, Endpoint::Totals, &query(&[id; 3], &["favorites"], &["engagement.type"]))
            .await;
    assert_eq!(one.json(), three.json());
}

/// Rules: V5 I
#[tokio::test]
async fn v5_inferred_metric_names_are_exact() {
    let emulator = start().await;
    let body = favorites(&[owned(&emulator)]);
    for metrics in [
        json!([]),
        json!(["likes"]),
        json!(["Favorites"]),
        json!([" engagements"]),
        json!(["favorites", ""]),
        json!([1]),
        json!("favorites"),
    ] {
        refused(&emulator, Endpoint::Totals, &changed(&body, "engagement_types", metrics), "V5").await;
    }
    refused(&emulator, Endpoint::Totals, &without(&body, "engagement_types"), "V5").await;
}

/// Rules: V6 D
#[tokio::test]
async fn v6_documented_a_metric_belongs_to_its_endpoints() {
    let emulator = start().await;
    let id = owned(&emulator);
    for endpoint in Endpoint::ALL {
        let mut served = 0;
        for metric in engagement_model::Metric::ALL {
            let body = query(&[id], &[metric.name()], &["tweet.id", "engagement.type"]);
            let answer = ask(&emulator, As::Brand, endpoint, &body).await;
            if answer.status == 200 {
                served += 1;
            } else {
                refused(&emulator, endpoint, &body, "V6").await;
            }
        }
        assert_eq!(served, if endpoint == Endpoint::Totals { 7 } else { 17 });
    }
}

/// Rules: V7 W
#[tokio::test]
async fn v7_seen_repeated_metrics_are_answered_once() {
    let emulator = start().await;
    let id = owned(&emulator);
    // By Tweet alone, metrics are added up: a metric that counted twice would show.
    let body = |metrics: &[&str]| query(&[id], metrics, &["tweet.id"]);
    let once =
        ask(&emulator, As::Brand, Endpoint::Historical, &body(&["permalink_clicks", "favorites"])).await;
    let twice = ask(
        &emulator,
        As::Brand,
        Endpoint::Historical,
        &body(&["permalink_clicks", "favorites", "permalink_clicks"]),
    )
    .await;
    assert_eq!(once.json(), twice.json());
}

/// Rules: V8 D
#[tokio::test]
async fn v8_documented_one_to_three_groupings() {
    let emulator = start().await;
    let body = favorites(&[owned(&emulator)]);
    let groupings = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("g{n}"), json!({"group_by": ["tweet.id"]})))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    for groupings in [groupings(0), groupings(4), json!([]), json!(null)] {
        refused(&emulator, Endpoint::Totals, &changed(&body, "groupings", groupings), "V8").await;
    }
    refused(&emulator, Endpoint::Totals, &without(&body, "groupings"), "V8").await;
    let answer =
        ask(&emulator, As::Brand, Endpoint::Totals, &changed(&body, "groupings", groupings(3))).await;
    assert_eq!(answer.json().as_object().unwrap().len(), 3);
}

/// Rules: V9 I
#[tokio::test]
async fn v9_inferred_group_by_is_an_array_without_repetition() {
    let emulator = start().await;
    let body = favorites(&[owned(&emulator)]);
    for grouping in [
        json!({"group_by": []}),
        json!({"group_by": "tweet.id"}),
        json!({}),
        json!([]),
        json!({"group_by": ["tweet.id", "tweet.id"]}),
        json!({"group_by": ["tweet.id", "Tweet.ID"]}),
        json!({"group_by": [1]}),
    ] {
        refused(&emulator, Endpoint::Totals, &changed(&body, "groupings", json!({"g": grouping})), "V9")
            .await;
    }
}

/// Rules: V10 D, V11 W, V11 E
#[tokio::test]
async fn v10_v11_seen_an_unsupported_value_gets_the_known_text() {
    let emulator = start().await;
    let id = owned(&emulator);
    let message = |answer: Answer| (answer.status, answer.message());
    let ask = async |endpoint, by: &[&str]| {
        message(ask(&emulator, As::Brand, endpoint, &query(&[id], &["favorites"], by)).await)
    };
    let text = |values: &str| {
        format!(
            "One or more of the groupBys you have specified are not supported: ({values}). Please adjust your request \
             and try again."
        )
    };
    assert_eq!(ask(Endpoint::Totals, &["tweet.id", "engagement.hour"]).await, (400, text("engagement.hour")));
    assert_eq!(ask(Endpoint::Totals, &["engagement.day"]).await, (400, text("engagement.day")));
    assert_eq!(ask(Endpoint::Historical, &["tweet"]).await, (400, text("tweet")));
}

/// Rules: V10 W
#[tokio::test]
async fn v10_seen_group_by_values_in_any_case_unless_strict() {
    let body = |id| query(&[id], &["favorites"], &["Tweet.id", "engagement.type"]);
    let emulator = start().await;
    assert_eq!(ask(&emulator, As::Brand, Endpoint::Totals, &body(owned(&emulator))).await.status, 200);
    let strict = with(|switches| switches.strict = true).await;
    let answer = ask(&strict, As::Brand, Endpoint::Totals, &body(owned(&strict))).await;
    assert!(answer.message().contains("(Tweet.id)"), "{}", answer.text());
}

/// Rules: V12 D, V13 D
#[tokio::test]
async fn v12_v13_documented_four_levels_come_in_two_orders_and_once() {
    let emulator = start().await;
    let id = owned(&emulator);
    let all = ["tweet.id", "engagement.type", "engagement.day", "engagement.hour"];
    let mut legal = Vec::new();
    for a in all {
        for b in all {
            for c in all {
                for d in all {
                    let order = [a, b, c, d];
                    if order.iter().collect::<std::collections::HashSet<_>>().len() < 4 {
                        continue;
                    }
                    let body = query(&[id], &["favorites"], &order);
                    match ask(&emulator, As::Brand, Endpoint::Last28Hours, &body).await.status {
                        200 => legal.push(order),
                        _ => drop(refused(&emulator, Endpoint::Last28Hours, &body, "V12").await),
                    }
                }
            }
        }
    }
    assert_eq!(legal, [all, ["engagement.type", "tweet.id", "engagement.day", "engagement.hour"]]);

    let two = json!({"one": {"group_by": legal[0]}, "two": {"group_by": legal[1]}});
    let body = changed(&favorites(&[id]), "groupings", two);
    refused(&emulator, Endpoint::Last28Hours, &body, "V13").await;
}

/// Rules: V16 I
#[tokio::test]
async fn v16_inferred_a_grouping_has_not_the_name_of_a_root_key() {
    let emulator = start().await;
    let body = favorites(&[owned(&emulator)]);
    for name in [
        "start",
        "end",
        "errors",
        "unavailable_tweet_ids",
        "unsupported_for_impressions_engagements_tweet_ids",
        "unsupported_for_video_views_tweet_ids",
    ] {
        let body = changed(&body, "groupings", json!({name: {"group_by": ["tweet.id"]}}));
        refused(&emulator, Endpoint::Totals, &body, "V16").await;
    }
    let odd = "my \"grouping\" – ☃";
    let body = changed(&body, "groupings", json!({odd: {"group_by": ["tweet.id"]}}));
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert!(answer.json()[odd].is_object(), "{}", answer.text());
}

/// Rules: 4 E
#[tokio::test]
async fn section_4_guess_media_clicks_is_an_alias_by_switch() {
    let body = |id| query(&[id], &["media_clicks"], &["engagement.type"]);
    let emulator = start().await;
    refused(&emulator, Endpoint::Historical, &body(owned(&emulator)), "V5").await;
    let emulator = with(|switches| switches.media_clicks = true).await;
    let id = owned(&emulator);
    let old = ask(&emulator, As::Brand, Endpoint::Historical, &body(id)).await.json();
    let new = ask(
        &emulator,
        As::Brand,
        Endpoint::Historical,
        &query(&[id], &["media_engagements"], &["engagement.type"]),
    )
    .await
    .json();
    assert_eq!(old["g"]["media_clicks"], new["g"]["media_engagements"]);
}
