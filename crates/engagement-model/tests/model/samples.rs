//! The bodies of `samples/`, each with its right outcome.

use std::{fs, io::Read, path::Path};

use engagement_model::{
    Answer, Metric, Outcome, Refusal, RefusalKind, Request, Row, State, TweetId,
    answer::{DecodeError, Limits, Warning},
};
use serde_json::json;

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).unwrap()
}

fn id(last: u64) -> TweetId {
    TweetId::new(1_500_000_000_000_000_000 + last).unwrap()
}

fn totals(ids: &[u64], metrics: &[&str], grouping: &str) -> Request {
    let metrics = metrics.iter().map(|name| Metric::named(name));
    let grouping = format!("{grouping}=tweet.id,engagement.type").parse().unwrap();
    Request::totals(ids.iter().map(|last| id(*last)), metrics, [grouping]).unwrap()
}

fn decode(request: &Request, body: &[u8]) -> Result<Answer, DecodeError> {
    Answer::decode(request, body, &Limits::default())
}

fn outcome<'a>(rows: &'a [Row], tweet_id: TweetId, metric: &str) -> &'a Outcome {
    let mut found = rows.iter().filter(|row| row.tweet_id == tweet_id && row.metric.name() == metric);
    let row = found.next().unwrap();
    assert!(found.next().is_none(), "{tweet_id} {metric} has two rows");
    &row.outcome
}

#[test]
fn body_01_accounts_for_every_tweet() {
    let request = totals(&[601, 602, 603, 604], &["impressions", "favorites"], "by_tweet");
    let answer = decode(&request, &sample("body-01-partial-200.json")).unwrap();
    let outcome = |last, metric| outcome(&answer.rows, id(last), metric);
    assert_eq!(answer.rows.len(), 8);
    assert_eq!(outcome(601, "impressions"), &Outcome::Ok(120));
    assert_eq!(outcome(601, "favorites"), &Outcome::Ok(3));
    for metric in ["impressions", "favorites"] {
        assert_eq!(outcome(602, metric).state(), State::Unavailable);
        assert_eq!(outcome(602, metric).reason(), Some("1 Tweet ID(s) are unavailable"));
        assert_eq!(outcome(604, metric).state(), State::Unaccounted);
        // What the server says is about the Tweet that it lists.
        assert_eq!(outcome(604, metric).reason(), Some("the answer does not mention it"));
    }
    assert_eq!(outcome(603, "impressions"), &Outcome::Ok(0));
    assert_eq!(outcome(603, "favorites").state(), State::Unaccounted);
    assert_eq!(outcome(603, "favorites").value(), None);
    assert_eq!(answer.warnings, [Warning::UnaskedTweet { tweet_id: id(699) }]);
    assert_eq!(answer.errors, ["1 Tweet ID(s) are unavailable"]);
    assert_eq!(answer.unavailable, [id(602)]);
    assert_eq!(answer.window.unwrap().to_string(), "2022-03-01T00:00:00Z to 2022-03-08T00:00:00Z");
    assert!(answer.rows.iter().all(|row| row.bucket.is_none()));
}

#[test]
fn a_whole_answer_tells_so() {
    let surveyed = |ids: &[u64], metrics: &[&str], body: &str| {
        let answer = decode(&totals(ids, metrics, "g"), body.as_bytes()).unwrap();
        (answer.survey.has_only_values, answer.survey.is_sorted)
    };
    let (first, second) = (id(1), id(2));
    let of = |first_metrics: &str, second_metrics: &str| {
        format!(r#"{{"g":{{"{first}":{{{first_metrics}}},"{second}":{{{second_metrics}}}}}}}"#)
    };
    let (both, swapped, odd) = (
        r#""favorites":"1","replies":"2""#,
        r#""replies":"2","favorites":"1""#,
        r#""favorites":"1","replies":"2","surprises":"3""#,
    );
    let metrics = ["favorites", "replies"];
    assert_eq!(surveyed(&[1, 2], &metrics, &of(both, both)), (true, true));
    // Out of the order of the request.
    assert_eq!(surveyed(&[1, 2], &metrics, &of(both, swapped)), (true, false));
    assert_eq!(surveyed(&[1, 2], &metrics, &of(both, odd)), (true, false));
    // In the order of a request that is in none.
    assert_eq!(surveyed(&[2, 1], &metrics, &of(both, both)), (true, false));
    assert_eq!(surveyed(&[1, 2], &["replies", "favorites"], &of(swapped, swapped)), (true, false));
    // Not all of it has a value.
    assert_eq!(surveyed(&[1, 2], &metrics, &of(both, r#""favorites":"1""#)), (false, false));
    let bad = r#""favorites":"1","replies":"many""#;
    assert_eq!(surveyed(&[1, 2], &metrics, &of(both, bad)), (false, true));
    let unavailable = format!(r#"{{"unavailable_tweet_ids":["{second}"],{}"#, &of(both, both)[1..]);
    assert_eq!(surveyed(&[1, 2], &metrics, &unavailable), (false, false));
}

#[test]
fn a_message_about_age_is_not_about_video_views() {
    let request = totals(&[601], &["impressions", "video_views"], "g");
    let body = json!({
        "errors": ["Impressions & engagements for tweets older than 90 days (PERIOD) are not supported"],
        "unsupported_for_impressions_engagements_tweet_ids": [id(601).to_string()],
        "unsupported_for_video_views_tweet_ids": [id(601).to_string()],
        "g": {id(601).to_string(): {"video_views": "0"}},
    });
    let answer = decode(&request, body.to_string().as_bytes()).unwrap();
    let reason = |metric| outcome(&answer.rows, id(601), metric).reason().unwrap();
    assert!(reason("impressions").contains("older than 90 days"));
    assert_eq!(reason("video_views"), "listed as too old for this metric");
}

#[test]
fn body_02_never_turns_a_bad_value_into_a_number() {
    let asked = ["impressions", "favorites", "replies", "retweets", "video_views", "quote_tweets"];
    let answer = decode(&totals(&[701], &asked, "g"), &sample("body-02-number-kinds.json")).unwrap();
    let outcome = |metric| outcome(&answer.rows, id(701), metric);
    assert_eq!(outcome("impressions"), &Outcome::Ok(9_007_199_254_740_993));
    assert_eq!(outcome("favorites"), &Outcome::Ok(26));
    assert_eq!(outcome("replies"), &Outcome::Ok(0));
    assert_eq!(outcome("retweets").state(), State::Unaccounted);
    for (metric, found) in [
        ("url_clicks", "\"-1\""),
        ("video_views", "\"12.5\""),
        ("quote_tweets", "\"1,024\""),
        ("detail_expands", "\"\""),
    ] {
        let path = format!("/g/1500000000000000701/{metric}");
        assert_eq!(outcome(metric).state(), State::Failed);
        assert_eq!(outcome(metric).reason(), Some(&*format!("{path} is {found}, which is no count")));
        let warning = Warning::BadValue { path, found: found.to_owned() };
        assert!(answer.warnings.contains(&warning), "{:?}", answer.warnings);
    }
    // Two of the eight were not asked for, and are kept.
    assert_eq!(answer.rows.len(), 8);
    assert!(answer.warnings.contains(&Warning::UnaskedMetric { metric: Metric::UrlClicks }));
}

#[test]
fn body_03_and_04_are_for_the_reader_of_gzip() {
    let mut inflated = Vec::new();
    let cut =
        flate2::read::MultiGzDecoder::new(&*sample("body-03-truncated.json.gz")).read_to_end(&mut inflated);
    assert!(cut.is_err());
    // A caller that overlooks the missing trailer holds whole JSON: nothing here could notice.
    assert!(decode(&totals(&[800], &["impressions"], "g"), &inflated).is_ok());

    let limits = Limits::default();
    let mut inflated = Vec::new();
    let bomb = sample("body-04-bomb.json.gz");
    flate2::read::MultiGzDecoder::new(&*bomb)
        .take(limits.body_bytes as u64 + 1)
        .read_to_end(&mut inflated)
        .unwrap();
    let error = decode(&totals(&[800], &["impressions"], "g"), &inflated).unwrap_err();
    assert!(matches!(error, DecodeError::BeyondLimit { limit: "bytes of the body", .. }), "{error}");
}

#[test]
fn body_05_cannot_exhaust_the_stack() {
    let error = decode(&totals(&[800], &["impressions"], "g"), &sample("body-05-deep.json")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body has more than 32 levels of nesting at byte 160 in /g/a/a/a/a/a/a/a/…"
    );
}

#[test]
fn body_06_names_the_repeated_key() {
    let body = sample("body-06-duplicate-keys.json");
    let error = decode(&totals(&[1001, 1002], &["impressions"], "g"), &body).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body is malformed: the key \"impressions\" comes twice at byte 90 in /g/1500000000000001002"
    );
    // Nobody asked for these: a key that comes twice is refused all the same.
    let error = decode(&totals(&[1], &["favorites"], "g"), &body).unwrap_err();
    assert!(matches!(error, DecodeError::DuplicateKey { ref key, .. } if key == "impressions"), "{error}");
}

#[test]
fn body_07_says_not_json() {
    let error =
        decode(&totals(&[1101], &["impressions"], "g"), &sample("body-07-not-json-200.json")).unwrap_err();
    assert!(
        error.to_string().starts_with("the body is not JSON: it begins <!DOCTYPE html>\\u{a}<html>"),
        "{error}"
    );
}

#[test]
fn body_08_tells_errors_apart() {
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&sample("body-08-error-shapes.json")).unwrap();
    let read = |case: &serde_json::Value| {
        let status = case["status"].as_u64().unwrap().try_into().unwrap();
        let body = case.get("body").map(ToString::to_string);
        let body = body.unwrap_or_else(|| case["body_text"].as_str().unwrap().to_owned());
        Refusal::read(status, body.as_bytes())
    };
    let refusals: Vec<Refusal> = cases.iter().map(read).collect();
    let [a, b, c, d, e] = refusals.as_slice() else { panic!("five cases") };
    assert_eq!(a.kind, RefusalKind::Authentication);
    assert_eq!(a.words(), "Your account could not be authenticated. Reason: Access token not found");
    assert!(a.blames_credential() && !a.is_transient());
    assert_eq!((&b.kind, b.codes.as_slice()), (&RefusalKind::ClockOff, &[135][..]));
    assert_eq!((&c.kind, c.codes.as_slice()), (&RefusalKind::RateLimited, &[88][..]));
    assert!(c.is_transient());
    assert_eq!((&d.kind, d.words()), (&RefusalKind::Server, "Over capacity".to_owned()));
    assert!(d.is_transient());
    assert_eq!((&e.kind, e.words()), (&RefusalKind::BadRequest, "Invalid JSON".to_owned()));
    assert!(!e.is_transient());
}
