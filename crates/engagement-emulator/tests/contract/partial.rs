//! Section 3.4 and the ages of section 4.

use engagement_emulator::{Class, Emulator, NinetyDayRule, World};
use engagement_model::{Endpoint, TweetId};
use serde_json::{Value, json};

use crate::client::{As, ask, builder, query, start, started, texts, with};

const BY_TWEET: [&str; 2] = ["tweet.id", "engagement.type"];

fn some(emulator: &Emulator, class: Class, count: usize) -> Vec<TweetId> {
    emulator.tweets(class, Some("demo_brand"), count)
}

/// Of the four ages that come in turn, the youngest.
fn young(emulator: &Emulator, count: usize) -> Vec<TweetId> {
    some(emulator, Class::Owned, count * 4).into_iter().step_by(4).collect()
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

/// Rules: 3.4 D, 5.2 D
#[tokio::test]
async fn documented_unavailable_ids_are_listed_and_left_out() {
    let emulator = start().await;
    for (asker, endpoint) in
        [(As::Brand, Endpoint::Totals), (As::Bearer, Endpoint::Totals), (As::Brand, Endpoint::Last28Hours)]
    {
        let (good, gone) = (young(&emulator, 2), some(&emulator, Class::Unavailable, 2));
        let protected = some(&emulator, Class::Protected, 1);
        let lost = [gone, protected].concat();
        let body = query(&[lost.clone(), good.clone()].concat(), &["favorites"], &BY_TWEET);
        let answer = ask(&emulator, asker, endpoint, &body).await;
        assert_eq!(answer.status, 200);
        let answer = answer.json();
        assert_eq!(answer["unavailable_tweet_ids"], json!(texts(&lost)));
        assert_eq!(keys(&answer["g"]).len(), 2);
        assert!(answer.get("errors").is_none());
    }
}

/// Rules: 3.4 E, 6.1 D
#[tokio::test]
async fn documented_all_unavailable_is_400_also_for_protected_tweets_of_the_asker() {
    let emulator = start().await;
    for class in [Class::Unavailable, Class::Protected] {
        for asker in [As::Brand, As::Bearer] {
            let ids = some(&emulator, class, 2);
            let answer =
                ask(&emulator, asker, Endpoint::Totals, &query(&ids, &["favorites"], &BY_TWEET)).await;
            assert_eq!(answer.status, 400);
            assert_eq!(
                answer.json(),
                json!({"errors": ["2 Tweet ID(s) are unavailable"], "unavailable_tweet_ids": texts(&ids)})
            );
        }
    }
}

/// Rules: 3.4 E
#[tokio::test]
async fn guess_a_tweet_that_is_not_made_yet_is_unavailable() {
    let emulator = start().await;
    let id = TweetId::first_at("2024-03-06T00:30:01Z".parse().unwrap()).unwrap();
    let answer = ask(&emulator, As::Bearer, Endpoint::Totals, &query(&[id], &["favorites"], &BY_TWEET)).await;
    assert_eq!(answer.json()["unavailable_tweet_ids"], json!(texts(&[id])));
}

/// Rules: 3.4 D, 3.4 E
#[tokio::test]
async fn documented_more_than_90_days_leaves_two_metrics_out_on_totals() {
    let emulator = start().await;
    let (new, old) = (young(&emulator, 1), some(&emulator, Class::Over90, 1));
    let ids = [new.clone(), old.clone()].concat();
    let body = query(&ids, &["impressions", "engagements", "favorites"], &BY_TWEET);
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert_eq!(
        json["errors"],
        json!([
            "Impressions & engagements for tweets older than 90 days (2023-12-07T00:30:00Z - 2024-03-06T00:30:00Z) are \
             not supported"
        ])
    );
    assert_eq!(json["unsupported_for_impressions_engagements_tweet_ids"], json!(texts(&old)));
    assert_eq!(keys(&json["g"][new[0].to_string()]), ["engagements", "favorites", "impressions"]);
    // A guess: left out, not 0.
    assert_eq!(keys(&json["g"][old[0].to_string()]), ["favorites"]);

    // The other way round, and summed up: the old one has no part in it.
    let turned = query(&ids, &["impressions", "favorites"], &["engagement.type", "tweet.id"]);
    let turned = ask(&emulator, As::Brand, Endpoint::Totals, &turned).await.json();
    assert_eq!(keys(&turned["g"]["impressions"]), [&new[0].to_string()]);
    let sum = query(&ids, &["impressions", "favorites"], &["engagement.type"]);
    let sum = ask(&emulator, As::Brand, Endpoint::Totals, &sum).await.json();
    assert_eq!(sum["g"]["impressions"], turned["g"]["impressions"][new[0].to_string()]);
}

/// Rules: 3.4 E
#[tokio::test]
async fn guess_a_tweet_with_nothing_left_is_left_out() {
    let emulator = start().await;
    let (new, old) = (young(&emulator, 1), some(&emulator, Class::Over90, 1));
    let body = query(&[new.clone(), old].concat(), &["impressions"], &BY_TWEET);
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await.json();
    assert_eq!(keys(&answer["g"]), [&new[0].to_string()]);
}

/// Rules: 3.4 E
#[tokio::test]
async fn guess_nothing_but_old_impressions_is_400() {
    let emulator = start().await;
    let (old, gone) = (some(&emulator, Class::Over90, 2), some(&emulator, Class::Unavailable, 1));
    let body = query(&old, &["impressions", "engagements"], &BY_TWEET);
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("older than 90 days"));
    assert_eq!(answer.json()["unsupported_for_impressions_engagements_tweet_ids"], json!(texts(&old)));

    let body = query(&[old, gone].concat(), &["impressions"], &BY_TWEET);
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await;
    assert_eq!((answer.status, answer.json()["errors"].as_array().unwrap().len()), (400, 2));
    assert_eq!(answer.json()["unavailable_tweet_ids"].as_array().unwrap().len(), 1);
}

/// Rules: 4 D
#[tokio::test]
async fn section_4_documented_90_days_is_to_the_instant() {
    let now: jiff::Timestamp = "2024-03-06T00:30:00Z".parse().unwrap();
    let day_90 = now.checked_sub(jiff::SignedDuration::from_hours(90 * 24)).unwrap();
    for (ms, expected) in [(0, 200), (-1, 400)] {
        let made = day_90.checked_add(jiff::SignedDuration::from_millis(ms)).unwrap();
        let world =
            format!("[[tweet]]\nid = 99\nstate = \"ok\"\nowner = \"demo_brand\"\ncreated_at = {made}");
        let emulator = started(builder().world(World::from_toml(&world).unwrap())).await;
        let id = TweetId::new(99).unwrap();
        let answer =
            ask(&emulator, As::Brand, Endpoint::Totals, &query(&[id], &["impressions"], &BY_TWEET)).await;
        assert_eq!(answer.status, expected, "{made}: {}", answer.text());
    }
}

/// Rules: 4 E
#[tokio::test]
async fn section_8_3_guess_the_90_day_rule_is_for_totals_unless_switched() {
    for (rule, totals, series) in
        [(NinetyDayRule::Totals, 400, 200), (NinetyDayRule::All, 400, 400), (NinetyDayRule::Off, 200, 200)]
    {
        let emulator = with(|switches| switches.ninety_day_rule = rule).await;
        let old = some(&emulator, Class::Over90, 1);
        let body = query(&old, &["impressions"], &["engagement.day", "tweet.id", "engagement.type"]);
        assert_eq!(ask(&emulator, As::Brand, Endpoint::Historical, &body).await.status, series, "{rule:?}");
        let body = query(&old, &["impressions"], &BY_TWEET);
        assert_eq!(ask(&emulator, As::Brand, Endpoint::Totals, &body).await.status, totals, "{rule:?}");
    }
    // Under a day too, what is left out is left out.
    let emulator = with(|switches| switches.ninety_day_rule = NinetyDayRule::All).await;
    let (new, old) = (young(&emulator, 1), some(&emulator, Class::Over90, 1));
    let body = query(
        &[new, old.clone()].concat(),
        &["impressions", "favorites"],
        &["engagement.day", "tweet.id", "engagement.type"],
    );
    let answer = ask(&emulator, As::Brand, Endpoint::Historical, &body).await.json();
    assert_eq!(keys(&answer["g"]["2024-03-01"][old[0].to_string()]), ["favorites"]);
}

/// Rules: 3.4 D, 4 D
#[tokio::test]
async fn documented_more_than_1800_days_is_listed_for_video_views_and_answered_with_0() {
    let emulator = start().await;
    let (new, old) = (young(&emulator, 40), some(&emulator, Class::Over1800, 2));
    for endpoint in [Endpoint::Totals, Endpoint::Historical] {
        let ids = [new[..20].to_vec(), old.clone()].concat();
        let answer =
            ask(&emulator, As::Brand, endpoint, &query(&ids, &["video_views", "favorites"], &BY_TWEET)).await;
        let json = answer.json();
        assert_eq!(json["unsupported_for_video_views_tweet_ids"], json!(texts(&old)), "{endpoint}");
        assert!(json.get("errors").is_none());
        for id in &old {
            assert_eq!(json["g"][id.to_string()]["video_views"], "0");
        }
        assert!(new[..20].iter().any(|id| json["g"][id.to_string()]["video_views"] != "0"));
    }
    // Nothing but that is still a 200.
    let answer =
        ask(&emulator, As::Bearer, Endpoint::Totals, &query(&old, &["video_views"], &BY_TWEET)).await;
    assert_eq!(answer.status, 200);
}

/// Rules: 7.4 W
#[tokio::test]
async fn section_7_4_seen_counters_are_older_than_every_limit() {
    let emulator = start().await;
    let counters: Vec<_> = (123_456_789..123_456_889).map(|n| TweetId::new(n).unwrap()).collect();
    let body = query(&counters, &["video_views"], &["engagement.type"]);
    let answer = ask(&emulator, As::Bearer, Endpoint::Totals, &body).await.json();
    let (old, gone) = (&answer["unsupported_for_video_views_tweet_ids"], &answer["unavailable_tweet_ids"]);
    assert_eq!(old.as_array().unwrap().len() + gone.as_array().unwrap().len(), 100);
}

/// Rules: 2.3 rule 10 D, 2.3 rule 10 E
#[tokio::test]
async fn section_2_3_rule_10_documented_some_counts_are_zero_before_2015_09_15() {
    let world = "[switches]\nhistory-365-days = false\n[[tweet]]\nid = 643212564610129920\nstate = \"ok\"\n\
                 owner = \"demo_brand\"\n";
    let emulator = started(builder().world(World::from_toml(world).unwrap())).await;
    let id: TweetId = "643212564610129920".parse().unwrap();
    let metrics = ["impressions", "favorites", "replies", "retweets"];
    let mut body = query(&[id], &metrics, &["engagement.type"]);
    body["start"] = json!("2015-09-14");
    body["end"] = json!("2015-09-15");
    let before = ask(&emulator, As::Brand, Endpoint::Historical, &body).await.json()["g"].clone();
    body["start"] = json!("2015-09-15");
    body["end"] = json!("2015-10-10");
    let after = ask(&emulator, As::Brand, Endpoint::Historical, &body).await.json()["g"].clone();
    assert_ne!(before["impressions"], "0");
    for metric in &metrics[1..] {
        assert_eq!(before[metric], "0", "{metric}");
    }
    assert_ne!(after["favorites"], "0");
}
