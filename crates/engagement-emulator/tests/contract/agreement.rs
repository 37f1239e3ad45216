//! Sums agree, whatever is asked and however it is grouped.

use engagement_emulator::Emulator;
use engagement_model::{Endpoint, Metric, TweetId, UtcHour, Window};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};

use crate::client::{As, ask, query, start};

const METRICS: [&str; 4] = ["impressions", "engagements", "favorites", "url_clicks"];

/// All counts in a value, however deep.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Object(object) => object.values().map(sum).sum(),
        leaf => leaf.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{leaf}")),
    }
}

async fn historical(emulator: &Emulator, ids: &[TweetId], window: Window, by: &[&str]) -> Value {
    let mut body = query(ids, &METRICS, by);
    body["start"] = json!(window.start().to_string());
    body["end"] = json!(window.end().to_string());
    let answer = ask(emulator, As::Brand, Endpoint::Historical, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["g"].clone()
}

fn window(start: i32, length: i32) -> Window {
    let end = UtcHour::containing("2024-03-06T00:00:00Z".parse().unwrap());
    let start = end.plus(-start);
    Window::new(start, start.plus(length).min(end)).unwrap()
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn every_grouping_and_any_cut_adds_up_to_the_same(
        count in 1..25_usize,
        start in 3..600_i32,
        length in 2..600_i32,
        order in Just(vec!["tweet.id", "engagement.type", "engagement.day", "engagement.hour"]).prop_shuffle(),
        levels in 1..4_usize,
        cut in 1..600_i32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let emulator = crate::client::start().await;
            let ids = emulator.tweets(engagement_emulator::Class::Owned, Some("demo_brand"), count);
            let window = window(start, length);
            let all = sum(&historical(&emulator, &ids, window, &["engagement.type"]).await);
            let nested = historical(&emulator, &ids, window, &order[..levels]).await;
            prop_assert_eq!(sum(&nested), all);
            // Two windows that meet are one window.
            let middle = window.start().plus(cut);
            if window.contains(middle) && middle > window.start() {
                let left = Window::new(window.start(), middle).unwrap();
                let right = Window::new(middle, window.end()).unwrap();
                let parts = [left, right].map(|part| historical(&emulator, &ids, part, &order[..1]));
                let [left, right] = parts;
                prop_assert_eq!(sum(&left.await) + sum(&right.await), all);
            }
            // And what the test interface tells is what is answered.
            let truth: u64 = ids
                .iter()
                .flat_map(|id| METRICS.map(|metric| emulator.truth(*id, &metric.parse().unwrap(), Some(window)).unwrap()))
                .sum();
            prop_assert_eq!(truth, all);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_lifetime_is_all_hours_since_creation() {
    let emulator = start().await;
    // Young enough to lie within one window whole.
    let id = crate::client::owned(&emulator);
    let metrics = ["impressions", "engagements", "favorites", "retweets", "replies", "video_views"];
    let totals = ask(&emulator, As::Brand, Endpoint::Totals, &query(&[id], &metrics, &["engagement.type"]))
        .await
        .json();
    let series =
        ask(&emulator, As::Brand, Endpoint::Historical, &query(&[id], &metrics, &["engagement.type"]))
            .await
            .json();
    for metric in &metrics[..5] {
        assert_eq!(totals["g"][metric], series["g"][metric], "{metric}");
    }
}

/// Rules: 4 D
#[tokio::test]
async fn section_4_documented_totals_count_the_video_views_of_other_tweets_too() {
    let emulator = start().await;
    let ids: Vec<_> = emulator
        .tweets(engagement_emulator::Class::Owned, Some("demo_brand"), 80)
        .into_iter()
        .step_by(4)
        .collect();
    let body = query(&ids, &["video_views"], &["tweet.id"]);
    let totals = ask(&emulator, As::Brand, Endpoint::Totals, &body).await.json();
    let series = ask(&emulator, As::Brand, Endpoint::Historical, &body).await.json();
    let mut videos = 0;
    for id in ids {
        let [all, own] = [&totals, &series].map(|answer| sum(&answer["g"][id.to_string()]));
        assert!(all > own || all == 0 && own == 0, "{id}: {all} {own}");
        videos += u32::from(all > 0);
    }
    assert!(videos > 3);
}

/// Rules: 2.3 I
#[tokio::test]
async fn the_last_28_hours_are_those_of_history() {
    let emulator = start().await;
    let id = crate::client::owned(&emulator);
    let by = ["tweet.id", "engagement.type", "engagement.day", "engagement.hour"];
    let metrics: Vec<_> = Endpoint::Last28Hours.metrics().map(|metric| metric.name().to_owned()).collect();
    let metrics: Vec<_> = metrics.iter().map(String::as_str).collect();
    let recent = ask(&emulator, As::Brand, Endpoint::Last28Hours, &query(&[id], &metrics, &by)).await.json();
    let mut body = query(&[id], &metrics, &by);
    body["start"] = recent["start"].clone();
    body["end"] = json!("2024-03-06T00:30:00Z");
    let history = ask(&emulator, As::Brand, Endpoint::Historical, &body).await.json();
    assert_eq!(recent, history);
    assert!(emulator.truth(id, &Metric::Impressions, None) > Some(0));
}
