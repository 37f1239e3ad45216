//! Sections 3.1 to 3.3: every legal order of levels, against a nesting built another way.

use engagement_emulator::{Class, Emulator};
use engagement_model::{Endpoint, Metric, TweetId, UtcHour, Window};
use serde_json::{Map, Value, json};

use crate::client::{As, ask, query, start, texts, with};

const ALL: [&str; 4] = ["tweet.id", "engagement.type", "engagement.day", "engagement.hour"];
const METRICS: [&str; 3] = ["impressions", "favorites", "detail_expands"];

/// All orders of one to three values, and the two of four.
fn orders() -> Vec<Vec<&'static str>> {
    let mut orders: Vec<Vec<&str>> = ALL.iter().map(|one| vec![*one]).collect();
    let mut from = 0;
    for _ in 0..2 {
        let to = orders.len();
        for index in from..to {
            for next in ALL {
                if !orders[index].contains(&next) {
                    let longer = [orders[index].as_slice(), &[next]].concat();
                    orders.push(longer);
                }
            }
        }
        from = to;
    }
    assert_eq!(orders.len(), 4 + 12 + 24);
    orders.push(ALL.to_vec());
    orders.push(vec![ALL[1], ALL[0], ALL[2], ALL[3]]);
    orders
}

/// Cell by cell: each adds itself where its path leads.
fn expected(
    emulator: &Emulator,
    ids: &[TweetId],
    window: Window,
    order: &[&str],
    hour_of_day: bool,
) -> Value {
    let mut root = Value::Object(Map::new());
    for id in ids {
        for name in METRICS {
            let metric: Metric = name.parse().unwrap();
            for hour in window.hours() {
                let count = emulator.truth(*id, &metric, Some(Window::hour(hour))).unwrap();
                let text = hour.to_string();
                let (day, clock) = (text[..10].to_owned(), text[11..13].to_owned());
                let mut path = Vec::new();
                for level in order {
                    match *level {
                        "tweet.id" => path.push(id.to_string()),
                        "engagement.type" => path.push(name.to_owned()),
                        "engagement.day" => path.push(day.clone()),
                        _ => {
                            if !order.contains(&"engagement.day") && !hour_of_day {
                                path.push(day.clone());
                            }
                            path.push(clock.clone());
                        }
                    }
                }
                let mut place = &mut root;
                for step in path {
                    place = place.as_object_mut().unwrap().entry(step).or_insert_with(|| json!({}));
                }
                let before: u64 = place.as_str().map_or(0, |text| text.parse().unwrap());
                *place = json!((before + count).to_string());
            }
        }
    }
    root
}

async fn check(emulator: &Emulator, hour_of_day: bool) {
    let ids = emulator.tweets(Class::Owned, Some("demo_brand"), 6);
    let window = Window::new(
        UtcHour::containing("2024-03-03T21:00:00Z".parse().unwrap()),
        UtcHour::containing("2024-03-05T02:00:00Z".parse().unwrap()),
    )
    .unwrap();
    for order in orders() {
        let mut body = query(&ids, &METRICS, &order);
        body["start"] = json!(window.start().to_string());
        body["end"] = json!(window.end().to_string());
        let answer = ask(emulator, As::Brand, Endpoint::Historical, &body).await.json();
        assert_eq!(answer["g"], expected(emulator, &ids, window, &order, hour_of_day), "{order:?}");
    }
}

/// Rules: V14 D, 3.2 D, 3.2 E
#[tokio::test]
async fn v14_documented_every_order_nests_as_it_says() {
    check(&start().await, false).await;
}

/// Rules: 3.3 D, 3.3 E
#[tokio::test]
async fn section_3_3_seen_hours_of_day_by_switch() {
    check(&with(|switches| switches.hour_of_day = true).await, true).await;
}

/// Rules: 3.2 D
#[tokio::test]
async fn section_3_2_documented_totals_nest_too() {
    let emulator = start().await;
    let ids = emulator.tweets(Class::Unowned, None, 5);
    let metrics = ["favorites", "quote_tweets"];
    let value = |id: TweetId, metric: &str| emulator.truth(id, &metric.parse().unwrap(), None).unwrap();
    let ask = async |by: &[&str]| {
        ask(&emulator, As::Bearer, Endpoint::Totals, &query(&ids, &metrics, by)).await.json()["g"].clone()
    };
    let by_type = ask(&["engagement.type"]).await;
    let by_tweet = ask(&["tweet.id"]).await;
    let (both, reversed) =
        (ask(&["tweet.id", "engagement.type"]).await, ask(&["engagement.type", "tweet.id"]).await);
    for metric in metrics {
        let sum: u64 = ids.iter().map(|id| value(*id, metric)).sum();
        assert_eq!(by_type[metric], json!(sum.to_string()));
        for id in &ids {
            let count = json!(value(*id, metric).to_string());
            assert_eq!(both[id.to_string()][metric], count);
            assert_eq!(reversed[metric][id.to_string()], count);
        }
    }
    for id in &ids {
        let sum: u64 = metrics.iter().map(|metric| value(*id, metric)).sum();
        assert_eq!(by_tweet[id.to_string()], json!(sum.to_string()));
    }
}

/// Rules: 3.1 D
#[tokio::test]
async fn section_3_1_documented_counts_are_strings_by_default() {
    for numbers in [false, true] {
        let emulator = with(|switches| switches.numbers = numbers).await;
        let ids = emulator.tweets(Class::Unowned, None, 1);
        let answer =
            ask(&emulator, As::Bearer, Endpoint::Totals, &query(&ids, &["favorites"], &["engagement.type"]))
                .await;
        assert_eq!(answer.json()["g"]["favorites"].is_number(), numbers);
        assert_eq!(answer.json()["g"]["favorites"].is_string(), !numbers);
    }
}

/// Rules: 3.1 E
#[tokio::test]
async fn section_3_1_guess_keys_are_sorted() {
    let emulator = start().await;
    let mut ids = emulator.tweets(Class::Owned, Some("demo_brand"), 9);
    ids.reverse();
    let mut body =
        query(&ids, &["retweets", "favorites"], &["tweet.id", "engagement.type", "engagement.day"]);
    body["groupings"]["A"] = json!({"group_by": ["engagement.type"]});
    body["groupings"]["z"] = json!({"group_by": ["engagement.type"]});
    let answer = ask(&emulator, As::Brand, Endpoint::Historical, &body).await;
    let text = answer.text();
    let places = |keys: &[&str]| -> Vec<usize> {
        keys.iter().map(|key| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key}"))).collect()
    };
    assert!(places(&["A", "end", "g", "start", "z"]).is_sorted());
    let mut texts = texts(&ids);
    texts.sort();
    assert!(places(&texts.iter().map(String::as_str).collect::<Vec<_>>()).is_sorted());
}
