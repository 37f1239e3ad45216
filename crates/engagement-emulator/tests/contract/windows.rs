//! Section 2.3.

use engagement_emulator::Emulator;
use engagement_model::Endpoint;
use serde_json::{Value, json};

use crate::client::{Answer, As, ask, builder, owned, query, start, started, with};

async fn historical(emulator: &Emulator, start: Option<&str>, end: Option<&str>) -> Answer {
    let mut body = query(&[owned(emulator)], &["impressions"], &["engagement.day", "engagement.hour"]);
    for (key, value) in [("start", start), ("end", end)] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    ask(emulator, As::Brand, Endpoint::Historical, &body).await
}

/// Start, end and number of buckets.
fn window(answer: &Answer) -> (String, String, usize) {
    let json = answer.json();
    let text = |key: &str| json[key].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
    let days = json["g"].as_object().unwrap();
    (text("start"), text("end"), days.values().map(|day| day.as_object().unwrap().len()).sum())
}

async fn answered(emulator: &Emulator, start: Option<&str>, end: Option<&str>) -> (String, String, usize) {
    let answer = historical(emulator, start, end).await;
    assert_eq!(answer.status, 200, "{start:?} {end:?}: {}", answer.text());
    window(&answer)
}

async fn refused(emulator: &Emulator, start: Option<&str>, end: Option<&str>, rule: &str) {
    let answer = historical(emulator, start, end).await;
    assert_eq!(answer.status, 400, "{start:?} {end:?}: {}", answer.text());
    assert!(answer.message().ends_with(&format!("(2.3 {rule})")), "{rule}: {}", answer.text());
}

fn hours(start: &str, end: &str, count: usize) -> (String, String, usize) {
    (start.to_owned(), end.to_owned(), count)
}

/// Rules: 2.3 rule 1 D, 2.3 rule 1 E
#[tokio::test]
async fn rule_1_seen_three_forms_of_time() {
    let emulator = start().await;
    for start in
        ["2024-03-01", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00.000Z", "2024-03-01T00:00:00+00:00"]
    {
        let window = answered(&emulator, Some(start), Some("2024-03-02")).await;
        assert_eq!(window, hours("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z", 24), "{start}");
    }
    for start in [
        "",
        "2024",
        "2024-3-1",
        "2024-02-30",
        "2024-03-01T25:00:00Z",
        "2024-03-01T00:00:00",
        "2024-03-01T00:00Z",
        "2024-03-01 00:00:00Z",
        "20240301",
        "1709251200",
        "2024-03-01Z",
        "2024-03-01T00:00:00Zulu",
        "2024-03-01T00:00:00Z[bogus]",
        "2024-03-01T00:00:00Z[America/New_York]",
        "2024-03-01T00:00:00+05",
        "2024-03-01T00:00:00+25:59",
        "2024-03-01T00:00:00+05:60",
        "2024-03-01T23:59:60Z",
        "2024-03-01T23:59:60.000Z",
        "2024-03-01T24:00:00Z",
        "2024-03-01T00:00:00.1Z",
        "2024-03-01T00:00:00.123456Z",
        "2024-03-01T00:00:00z",
        "२०२४-03-01",
    ] {
        refused(&emulator, Some(start), Some("2024-03-02"), "rule 1").await;
    }
    let mut body = query(&[owned(&emulator)], &["impressions"], &["engagement.day"]);
    for start in [json!(1_709_251_200), Value::Null, json!(["2024-03-01"])] {
        body["start"] = start;
        assert_eq!(ask(&emulator, As::Brand, Endpoint::Historical, &body).await.status, 400);
    }
}

/// Rules: 2.3 rule 1 E
#[tokio::test]
async fn rule_1_guess_other_offsets_unless_strict() {
    let (start, end) = (Some("2024-03-01T02:00:00+02:00"), Some("2024-03-02"));
    let window = answered(&crate::client::start().await, start, end).await;
    assert_eq!(window, hours("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z", 24));
    refused(&with(|switches| switches.strict = true).await, start, end, "rule 1").await;
}

/// Rules: 2.3 rule 2 D, 2.3 W
#[tokio::test]
async fn rule_2_documented_neither_bound_is_the_last_four_weeks() {
    // Seen in the wild at 19:43: from 20:00, 28 days earlier.
    let emulator = started(builder().now("2024-03-05T19:43:00Z".parse().unwrap())).await;
    let expected = hours("2024-02-06T20:00:00Z", "2024-03-05T20:00:00Z", 672);
    assert_eq!(answered(&emulator, None, None).await, expected);
    let emulator = started(builder().now("2024-03-05T19:00:00Z".parse().unwrap())).await;
    let expected = hours("2024-02-06T19:00:00Z", "2024-03-05T19:00:00Z", 672);
    assert_eq!(answered(&emulator, None, None).await, expected);
}

/// Rules: 2.3 rule 3 D, 2.3 rule 3 I
#[tokio::test]
async fn rule_3_documented_bounds_widen_to_whole_hours() {
    let emulator = start().await;
    let window = answered(&emulator, Some("2024-03-01T12:24:00Z"), Some("2024-03-02T08:37:00Z")).await;
    assert_eq!(window, hours("2024-03-01T12:00:00Z", "2024-03-02T09:00:00Z", 21));
    // Half-open, inferred.
    let window = answered(&emulator, Some("2024-03-01T12:00:00Z"), Some("2024-03-01T13:00:00Z")).await;
    assert_eq!(window, hours("2024-03-01T12:00:00Z", "2024-03-01T13:00:00Z", 1));
}

/// Rules: 2.3 rule 4 D, 2.3 rule 4 E
#[tokio::test]
async fn rule_4_documented_four_weeks_at_most_before_rounding() {
    let emulator = start().await;
    let window = answered(&emulator, Some("2024-02-01T00:00:00Z"), Some("2024-02-29T00:00:00Z")).await;
    assert_eq!(window.2, 672);
    // A guess: the raw values count, so the widened window may have one hour more.
    let window = answered(&emulator, Some("2024-02-01T00:30:00Z"), Some("2024-02-29T00:30:00Z")).await;
    assert_eq!(window.2, 673);
    refused(&emulator, Some("2024-02-01T00:00:00Z"), Some("2024-02-29T00:00:00.001Z"), "rule 4").await;
}

/// Rules: 2.3 rule 5 D, 2.3 rule 5 I
#[tokio::test]
async fn rule_5_documented_the_end_is_not_in_the_future() {
    let emulator = start().await;
    // Inferred: the raw value is compared, so the widened end may be up to an hour ahead.
    let window = answered(&emulator, Some("2024-03-05T23:00:00Z"), Some("2024-03-06T00:30:00Z")).await;
    assert_eq!(window, hours("2024-03-05T23:00:00Z", "2024-03-06T01:00:00Z", 2));
    refused(&emulator, Some("2024-03-05T23:00:00Z"), Some("2024-03-06T00:30:00.001Z"), "rule 5").await;
}

/// Rules: V15 D, 2.3 rule 6 D, 2.3 rule 7 D, 2.3 rule 7 E
#[tokio::test]
async fn rules_6_and_7_documented_two_floors_of_which_the_later_holds() {
    let emulator = start().await;
    assert_eq!(answered(&emulator, Some("2023-03-07T00:00:00Z"), Some("2023-03-08")).await.2, 24);
    refused(&emulator, Some("2023-03-06T23:59:59Z"), Some("2023-03-08"), "rule 7").await;
    refused(&emulator, Some("2014-08-31"), Some("2014-09-02"), "rule 6").await;

    let emulator = with(|switches| switches.history_365_days = false).await;
    assert_eq!(answered(&emulator, Some("2014-09-01"), Some("2014-09-02")).await.2, 24);
    refused(&emulator, Some("2014-08-31T23:59:59Z"), Some("2014-09-02"), "rule 6").await;
}

/// Rules: 2.3 rule 8 I, 2.3 rule 8 E
#[tokio::test]
async fn rule_8_start_is_before_end_and_a_missing_bound_is_28_days_off() {
    let emulator = start().await;
    refused(&emulator, Some("2024-03-02"), Some("2024-03-02"), "rule 8").await;
    refused(&emulator, Some("2024-03-02"), Some("2024-03-01"), "rule 8").await;
    refused(&emulator, Some("2024-03-07"), None, "rule 8").await;
    // A guess, after what a sample client does itself.
    let window = answered(&emulator, Some("2024-01-01"), None).await;
    assert_eq!(window, hours("2024-01-01T00:00:00Z", "2024-01-29T00:00:00Z", 672));
    let window = answered(&emulator, Some("2024-03-05"), None).await;
    assert_eq!(window, hours("2024-03-05T00:00:00Z", "2024-03-06T01:00:00Z", 25));
    let window = answered(&emulator, None, Some("2024-01-29")).await;
    assert_eq!(window, hours("2024-01-01T00:00:00Z", "2024-01-29T00:00:00Z", 672));
    // What was filled in is judged as if it had been sent, and not made to fit.
    for (end, rule) in [("2023-03-10", "rule 7"), ("2014-09-10", "rule 6")] {
        refused(&emulator, None, Some(end), rule).await;
        let message = historical(&emulator, None, Some(end)).await.message();
        assert!(message.contains(", 4 weeks before end,"), "{message}");
    }
    let message = historical(&emulator, Some("2023-03-01"), Some("2023-03-02")).await.message();
    assert!(message.starts_with("start 2023-03-01T00:00:00Z is more than 365 days ago"), "{message}");

    let strict = with(|switches| switches.strict = true).await;
    refused(&strict, Some("2024-01-01"), None, "rule 8").await;
    refused(&strict, None, Some("2024-01-01"), "rule 8").await;
}

/// Rules: 2.3 rule 9 D, 2.3 rule 9 E
#[tokio::test]
async fn rule_9_guess_the_echoed_end_is_rounded_unless_switched() {
    let emulator = with(|switches| switches.unrounded_end = true).await;
    let window = answered(&emulator, Some("2024-03-01T12:24:00Z"), Some("2024-03-02T08:37:05Z")).await;
    assert_eq!(window, hours("2024-03-01T12:00:00Z", "2024-03-02T08:37:05Z", 21));
    let window = answered(&emulator, None, None).await;
    assert_eq!(window.1, "2024-03-06T00:30:00Z");
    emulator.freeze_clock("2024-03-06T00:30:00.123456789Z".parse().unwrap()).unwrap();
    let window = answered(&emulator, None, None).await;
    assert_eq!(window.1, "2024-03-06T00:30:00.123Z");
}

/// Rules: 2.3 I
#[tokio::test]
async fn section_2_3_inferred_28_hours_are_29_buckets_unless_on_the_hour() {
    for (now, expected) in [
        ("2024-03-06T00:30:00Z", hours("2024-03-04T20:00:00Z", "2024-03-06T01:00:00Z", 29)),
        ("2024-03-06T00:00:00Z", hours("2024-03-04T20:00:00Z", "2024-03-06T00:00:00Z", 28)),
    ] {
        let emulator = started(builder().now(now.parse().unwrap())).await;
        let body = query(&[owned(&emulator)], &["impressions"], &["engagement.day", "engagement.hour"]);
        let answer = ask(&emulator, As::Brand, Endpoint::Last28Hours, &body).await;
        assert_eq!(window(&answer), expected);
    }
}

/// Rules: 2.3 E
#[tokio::test]
async fn section_2_3_guess_bounds_elsewhere_are_ignored_unless_strict_on_28hr() {
    let bounded = |emulator: &Emulator, key: &str| {
        let mut body = query(&[owned(emulator)], &["favorites"], &["engagement.type"]);
        body[key] = json!("whatever");
        body
    };
    let (lenient, strict) = (start().await, with(|switches| switches.strict = true).await);
    for endpoint in [Endpoint::Totals, Endpoint::Last28Hours] {
        for key in ["start", "end"] {
            assert_eq!(ask(&lenient, As::Brand, endpoint, &bounded(&lenient, key)).await.status, 200);
            let status = if endpoint == Endpoint::Totals { 200 } else { 400 };
            assert_eq!(ask(&strict, As::Brand, endpoint, &bounded(&strict, key)).await.status, status);
        }
    }
}

/// Rules: 3.1 D
#[tokio::test]
async fn section_3_1_documented_totals_have_no_window() {
    let emulator = start().await;
    let body = query(&[owned(&emulator)], &["favorites"], &["engagement.type"]);
    let answer = ask(&emulator, As::Brand, Endpoint::Totals, &body).await.json();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["g"]);
}
