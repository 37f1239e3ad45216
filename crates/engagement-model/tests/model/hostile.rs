//! Bodies that no honest server sends.

use std::collections::BTreeSet;

use allocation_counter::measure;
use engagement_model::{
    Answer, Endpoint, Grouping, Metric, Refusal, Request, State, TweetId, UtcHour, Window,
    answer::{DecodeError, Limits, Merged, Warning, cells::decode_cells},
};

use crate::{
    fuzz::{
        Dice,
        answer::{check, read, read_otherwise},
    },
    world::{HourForm, Style, World, legal_groupings, now},
};

fn world() -> World {
    let start = UtcHour::from_epoch(474_982).unwrap();
    World {
        tweet_ids: [7, 1_500_000_000_000_000_601, 1_763_000_000_000_000_001]
            .map(|id| TweetId::new(id).unwrap())
            .to_vec(),
        metrics: vec![Metric::Impressions, Metric::VideoViews],
        window: Window::new(start, start.plus(5)).unwrap(),
        seed: 4,
    }
}

fn hourly() -> Grouping {
    "g=tweet.id,engagement.type,engagement.day,engagement.hour".parse().unwrap()
}

fn decode(request: &Request, body: &[u8]) -> Result<Answer, DecodeError> {
    Answer::decode(request, body, &Limits::default())
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    let request = world().request([hourly()]);
    for style in [Style::PLAIN, Style { blanks: true, bare_numbers: true, escapes: true, ..Style::PLAIN }] {
        let body = world().answer(&[hourly()], style);
        assert!(decode(&request, body.as_bytes()).is_ok());
        for end in 0..body.len() {
            let cut = &body.as_bytes()[..end];
            assert!(decode(&request, cut).is_err(), "cut at {end}");
            assert!(decode_cells(&[hourly()], cut, &Limits::default()).is_err(), "cut at {end}");
            assert!(Merged::new(&[hourly()]).add(cut, &Limits::default()).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn what_does_not_show_in_the_name_of_a_new_metric_is_escaped() {
    let request = world().request(["g=tweet.id,engagement.type".parse().unwrap()]);
    let names = |keys: &str| {
        let answer = decode(&request, format!(r#"{{"g":{{"7":{{{keys}}}}}}}"#).as_bytes())?;
        let rows = answer.rows.iter().filter(|row| row.outcome.value().is_some());
        Ok::<_, DecodeError>(rows.map(|row| row.metric.name().to_owned()).collect::<Vec<_>>())
    };
    // A known name with something behind it is none.
    assert_eq!(
        names(r#""impressions\n":1,"a\u001b[31m":2,"a\u202eb":3,"\t":4"#).unwrap(),
        ["impressions\\u{a}", "a\\u{1b}[31m", "a\\u{202e}b", "\\u{9}"]
    );
    // Nor are there two of a name.
    assert!(names(r#""a\n":1,"a\\u{a}":2"#).is_err());
}

#[test]
fn a_flipped_bit_breaks_no_promise() {
    let request = world().request([hourly()]);
    let body = world().answer(&[hourly()], Style::PLAIN).into_bytes();
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut flipped = body.clone();
            flipped[at] ^= 1 << bit;
            read(&request, &flipped);
            if bit == at % 8 {
                read_otherwise(&request, &flipped, 200);
            }
        }
    }
}

#[test]
fn what_surrounds_a_body() {
    let request = world().request([hourly()]);
    let body = world().answer(&[hourly()], Style::PLAIN);
    let fine = |text: String| decode(&request, text.as_bytes()).is_ok();
    assert!(fine(format!("\u{feff}{body}")));
    assert!(fine(format!(" \r\n{body}\n")));
    assert!(!fine(format!("{body}{body}")));
    assert!(!fine(format!("{body}x")));
    assert!(!fine(format!("{body}\0")));
    assert!(!fine(format!("\u{feff}\u{feff}{body}")));
}

#[test]
fn text_that_is_no_unicode_is_refused_with_its_place() {
    let request = world().request([hourly()]);
    let error = |body: &[u8]| decode(&request, body).unwrap_err().to_string();
    assert_eq!(
        error(b"{\"g\":{\"7\":{\"im\xff\":1}}}"),
        "the body is malformed: bytes that are not UTF-8 at byte 14 in /g/7"
    );
    assert_eq!(
        error(br#"{"g":{"7":{"\ud800":1}}}"#),
        "the body is malformed: half of a surrogate pair at byte 12 in /g/7"
    );
}

#[test]
fn every_limit_has_an_error_that_names_it() {
    let request = world().request([hourly()]);
    let generous = Limits::default();
    let error = |limits: Limits, body: &str| {
        Answer::decode(&request, body.as_bytes(), &limits).unwrap_err().to_string()
    };
    let body = world().answer(&[hourly()], Style::PLAIN);
    assert_eq!(
        error(Limits { body_bytes: 10, ..generous }, &body),
        "the body has more than 10 bytes of the body"
    );
    assert_eq!(
        error(Limits { depth: 3, ..generous }, &body),
        "the body has more than 3 levels of nesting at byte 43 in /g/1500000000000000601/impressions"
    );
    assert!(
        error(Limits { width: 2, ..generous }, &body).contains("more than 2 members of one object or list")
    );
    assert!(error(Limits { string_bytes: 4, ..generous }, &body).contains("more than 4 bytes of one string"));
    assert!(error(Limits { rows: 9, ..generous }, &body).contains("more than 9 values"));
    let number = format!("{{\"x\":1{}}}", "0".repeat(64));
    assert!(error(generous, &number).contains("more than 64 bytes of one number"));
    let many: String = (0..30).map(|n| format!("\"m{n}\":\"1\",")).collect();
    let many = format!("{{\"g\":{{\"7\":{{{}}}}}}}", many.trim_end_matches(','));
    assert!(error(Limits { width: 20, ..generous }, &many).contains("more than 20"));
}

#[test]
fn a_repeated_key_is_found_at_every_level() {
    let request = world().request([hourly()]);
    for (body, key) in [
        (r#"{"g":{},"g":{}}"#, "g"),
        (r#"{"x":1,"x":1}"#, "x"),
        (r#"{"start":null,"g":{},"start":null}"#, "start"),
        (r#"{"errors":[{"a":{"b":1,"b":1}}]}"#, "b"),
        (r#"{"g":{"7":{},"7":{}}}"#, "7"),
        (r#"{"g":{"8":{},"7":{},"8":{}}}"#, "8"),
        (r#"{"g":{"no":{},"no":{}}}"#, "no"),
        (r#"{"g":{"8":{"a":[{"c":1,"c":1}]}}}"#, "c"),
        (r#"{"g":{"7":{"impressions":{},"impressions":{}}}}"#, "impressions"),
        (r#"{"g":{"7":{"impressions":{},"\u0069mpressions":{}}}}"#, "\\u0069mpressions"),
        (r#"{"g":{"7":{"new":{},"other":{},"new":{}}}}"#, "new"),
        (r#"{"g":{"7":{"impressions":{"2024-03-05":{},"2024-03-05":{}}}}}"#, "2024-03-05"),
        (r#"{"g":{"7":{"impressions":{"2024-03-05":{},"1999-01-01":{},"1999-01-01":{}}}}}"#, "1999-01-01"),
        (r#"{"g":{"7":{"impressions":{"x":{},"x":{}}}}}"#, "x"),
        (r#"{"g":{"7":{"impressions":{"2024-03-05":{"22":"1","22":"1"}}}}}"#, "22"),
        (r#"{"g":{"7":{"impressions":{"2024-03-05":{"25":"1","25":"1"}}}}}"#, "25"),
    ] {
        match decode(&request, body.as_bytes()) {
            Err(DecodeError::DuplicateKey { key: found, .. }) => assert_eq!(found, key, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
        let spaced = body.replace('"', " \"").replace(" \":", "\" :").replace(" \"}", "\"}");
        match decode(&request, spaced.as_bytes()) {
            Err(DecodeError::DuplicateKey { key: found, .. }) => assert_eq!(found.trim(), key, "{spaced}"),
            other => panic!("{spaced}: {other:?}"),
        }
        assert!(decode_cells(&[hourly()], body.as_bytes(), &Limits::default()).is_err(), "{body}");
        assert!(Merged::new(&[hourly()]).add(body.as_bytes(), &Limits::default()).is_err(), "{body}");
    }
    // The same key in two objects is none.
    let body =
        r#"{"g":{"7":{"impressions":{"2024-03-05":{"22":"1"},"2024-03-06":{"22":"1"}},"video_views":{}}}}"#;
    assert!(decode(&request, body.as_bytes()).is_ok());
}

#[test]
fn a_broken_answer_costs_no_more_than_a_sound_one() {
    // Every one of 100,000 values is bad; every one of as many ids was not asked for.
    let values: String = (0..4_000).map(|n| format!("\"m{n}\":\"{n}.5\",")).collect();
    let ids: String = (100..5_000).map(|n| format!("\"{n}\":{{\"impressions\":\"1\"}},")).collect();
    let body = format!("{{\"g\":{{{ids}\"7\":{{{}}}}}}}", values.trim_end_matches(','));
    let request = Request::totals(
        [TweetId::new(7).unwrap()],
        [Metric::Impressions],
        ["g=tweet.id,engagement.type".parse().unwrap()],
    );
    let answer = decode(&request.unwrap(), body.as_bytes()).unwrap();
    assert_eq!(answer.warnings.len(), 100);
    assert_eq!(answer.warnings_left_out, 4_900 - 100 + 4_000 + 4_000);
    assert_eq!(answer.rows.iter().filter(|row| row.outcome.state() == State::Failed).count(), 4_000);
    let reasons: BTreeSet<&str> = answer.rows.iter().filter_map(|row| row.outcome.reason()).collect();
    assert_eq!(reasons.len(), 1_000 + 1 + 1);
}

#[test]
fn memory_is_bounded_by_the_body() {
    let many =
        |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let objects = |item: &dyn Fn(usize) -> String| {
        many(250, &|tweet| format!(r#""{}":{{{}}}"#, tweet + 1, many(250, &|n| item(tweet * 250 + n))))
    };
    let bodies = [
        ("values", format!(r#"{{"g":{{"7":{{{}}}}}}}"#, many(9_999, &|n| format!(r#""m{n}":1"#)))),
        ("bad values", format!(r#"{{"g":{{"7":{{{}}}}}}}"#, many(9_999, &|n| format!(r#""m{n}":"x""#)))),
        ("new metrics", format!(r#"{{"g":{{{}}}}}"#, objects(&|n| format!(r#""{}":1"#, n % 9_999)))),
        (
            "unasked Tweets",
            format!(r#"{{"g":{{{}}}}}"#, many(9_999, &|n| format!(r#""{}":{{}}"#, n + 1_000))),
        ),
        ("keys that fit nowhere", format!(r#"{{"g":{{{}}}}}"#, many(9_999, &|n| format!(r#""k{n}":0"#)))),
        ("root keys", format!("{{{}}}", many(9_999, &|n| format!(r#""k{n}":0"#)))),
        ("errors", format!(r#"{{"errors":[{}],"g":{{}}}}"#, many(9_999, &|_| "\"\"".to_owned()))),
        ("lists", format!(r#"{{"unavailable_tweet_ids":[{}]}}"#, many(9_999, &|n| format!("{}", n + 1)))),
        ("lists within lists", format!(r#"{{"x":[{}]}}"#, many(9_999, &|_| "[[[]]]".to_owned()))),
    ];
    let ids: Vec<TweetId> = (1..=250).map(|id| TweetId::new(id).unwrap()).collect();
    let request =
        Request::totals(ids, [Metric::Impressions], ["g=tweet.id,engagement.type".parse().unwrap()]).unwrap();
    for (name, body) in &bodies {
        let bytes = body.as_bytes();
        let readers: [&dyn Fn(); 4] = [
            &|| drop(decode(&request, bytes)),
            &|| drop(Refusal::read(403, bytes)),
            &|| drop(decode_cells(request.groupings(), bytes, &Limits::default())),
            &|| drop(Merged::new(request.groupings()).add(bytes, &Limits::default())),
        ];
        for (number, reader) in readers.iter().enumerate() {
            // A row and the name of a new metric take that many times as much as `"m1":1,`.
            let (most, heap) = (32 * bytes.len() as u64 + (256 << 10), measure(reader));
            assert!(heap.bytes_max <= most, "{name}, reader {number}: {} of {most}", heap.bytes_max);
        }
    }
}

#[test]
fn values_outside_the_window_are_left_out() {
    let request = world().request([hourly()]);
    let body = r#"{"g":{"7":{"impressions":{"2024-03-08":{"22":"1"},"2024-03-11":{"01":"5"}}}}}"#;
    let answer = decode(&request, body.as_bytes()).unwrap();
    check(&request, &answer);
    assert!(answer.rows.iter().all(|row| row.outcome.value() != Some(5)));
    assert!(
        answer.warnings.contains(&Warning::OutsideWindow { path: "/g/7/impressions/2024-03-11/01".into() })
    );
}

#[test]
fn a_window_of_a_thousand_years_is_none() {
    let request = Request::last_28_hours(world().tweet_ids, world().metrics, [hourly()]).unwrap();
    let body =
        r#"{"start":"1024-03-08","end":"2024-03-09","g":{"7":{"impressions":{"2024-03-08":{"22":"1"}}}}}"#;
    let answer = decode(&request, body.as_bytes()).unwrap();
    assert_eq!((answer.window, answer.rows.len()), (None, 6));
    assert!(matches!(answer.warnings.as_slice(), [Warning::BadWindow { .. }]));
}

#[test]
fn what_a_list_takes_back_has_no_value() {
    let totals = Request::totals(
        world().tweet_ids,
        [Metric::Impressions, Metric::VideoViews, Metric::Favorites],
        ["g=tweet.id,engagement.type".parse().unwrap()],
    )
    .unwrap();
    let values = r#"{"impressions":"0","video_views":"0","favorites":"4"}"#;
    let body = format!(
        r#"{{"g":{{"7":{values},"1500000000000000601":{values},"1763000000000000001":{{"impressions":"3"}}}},
        "unavailable_tweet_ids":[7,"8"],
        "unsupported_for_video_views_tweet_ids":["1500000000000000601"],
        "unsupported_for_impressions_engagements_tweet_ids":["1763000000000000001",null]}}"#
    );
    let answer = decode(&totals, body.as_bytes()).unwrap();
    check(&totals, &answer);
    let state = |id: u64, metric: Metric| {
        let row = answer.rows.iter().find(|row| row.tweet_id.get() == id && row.metric == metric).unwrap();
        row.outcome.state()
    };
    assert_eq!(state(7, Metric::Favorites), State::Unavailable);
    assert_eq!(state(1_500_000_000_000_000_601, Metric::VideoViews), State::Unsupported);
    assert_eq!(state(1_500_000_000_000_000_601, Metric::Impressions), State::Ok);
    assert_eq!(state(1_763_000_000_000_000_001, Metric::Impressions), State::Unsupported);
    assert_eq!(state(1_763_000_000_000_000_001, Metric::Favorites), State::Unaccounted);
    // The documented "0" of an old video needs no warning; a real value does.
    let old = TweetId::new(1_763_000_000_000_000_001).unwrap();
    assert!(answer.warnings.contains(&Warning::Disowned { tweet_id: old, metric: Metric::Impressions }));
    assert!(!answer.warnings.iter().any(|warning| matches!(warning, Warning::Disowned { metric: Metric::VideoViews, tweet_id } if tweet_id.get() != 7)));
    assert!(
        answer
            .warnings
            .iter()
            .any(|warning| matches!(warning, Warning::BadListEntry { found, .. } if found == "null"))
    );
    assert!(answer.warnings.iter().any(|warning| matches!(warning, Warning::UnaskedListEntry { .. })));
}

#[test]
fn an_error_in_place_of_data_is_no_empty_success() {
    let request = world().request([hourly()]);
    for body in [
        r#"{"errors":["Your account could not be authenticated. Reason: Access token not found"]}"#,
        r#"{"errors":[{"code":89,"message":"Invalid or expired token"}],"g":{}}"#,
        r#"{"errors":{"code":135,"message":"Timestamp out of bounds."}}"#,
        r#"["Your account could not be authenticated."]"#,
        r#"{"title":"Unauthorized","detail":"Unauthorized","type":"about:blank","status":401}"#,
        r#"{"errors":"internal server error"}"#,
    ] {
        assert!(matches!(decode(&request, body.as_bytes()), Err(DecodeError::Refused(_))), "{body}");
    }
    // An empty answer is one: everything is unaccounted.
    let answer = decode(&request, b"{}").unwrap();
    check(&request, &answer);
    assert!(answer.rows.iter().all(|row| row.outcome.state() == State::Unaccounted));
    assert_eq!(answer.warnings, [Warning::NoGrouping { name: "g".into() }]);
    for body in ["[]", "3", "\"text\"", "null"] {
        assert!(matches!(decode(&request, body.as_bytes()), Err(DecodeError::Malformed { .. })), "{body}");
    }
    for body in ["", " ", "<html>", "oops", "nullx"] {
        assert!(matches!(decode(&request, body.as_bytes()), Err(DecodeError::NotJson { .. })), "{body}");
    }
}

const STATUSES: [u16; 7] = [200, 400, 401, 403, 404, 429, 500];

impl Dice {
    /// JSON, more or less, of the words that answers are made of.
    fn json(&mut self, depth: usize, body: &mut String) {
        const KEYS: [&str; 16] = [
            "g",
            "start",
            "end",
            "errors",
            "unavailable_tweet_ids",
            "unsupported_for_video_views_tweet_ids",
            "7",
            "1500000000000000601",
            "1763000000000000001",
            "impressions",
            "video_views",
            "2024-03-08",
            "2024-03-09",
            "22",
            "00",
            "new\\u0020thing",
        ];
        const VALUES: [&str; 16] = [
            "\"0\"",
            "\"17\"",
            "26",
            "null",
            "\"-1\"",
            "1e9",
            "\"1,024\"",
            "\"\"",
            "true",
            "[]",
            "{}",
            "\"2024-03-08T22:00:00Z\"",
            "\"18446744073709551616\"",
            "[\"7\"]",
            "\"Forbidden to access tweets: 7\"",
            "\"\\ud83d\"",
        ];
        match self.roll(if depth > 6 { 2 } else { 8 }) {
            0 | 1 => body.push_str(VALUES[self.roll(VALUES.len())]),
            2 => {
                body.push('[');
                for index in 0..self.roll(4) {
                    body.push_str(if index > 0 { "," } else { "" });
                    self.json(depth + 1, body);
                }
                body.push(']');
            }
            _ => {
                body.push('{');
                // Mostly keys that fit where they stand, so that values are reached.
                let first = if depth == 0 { 0 } else { (4 + depth * 2).min(KEYS.len() - 3) };
                for index in 0..self.roll(5) {
                    body.push_str(if index > 0 { "," } else { "" });
                    let key = if self.roll(5) == 0 { self.roll(KEYS.len()) } else { first + self.roll(3) };
                    body.push_str(&format!("\"{}\":", KEYS[key]));
                    self.json(depth + 1, body);
                }
                body.push('}');
            }
        }
    }
}

#[test]
fn a_hundred_thousand_bodies_break_no_promise() {
    let mut dice = Dice(5);
    let world = world();
    let groupings = legal_groupings(Endpoint::Historical);
    let sound: Vec<(Request, Vec<u8>)> = groupings
        .iter()
        .flat_map(|grouping| {
            [HourForm::Calendar, HourForm::OfDay].map(|hours| {
                let named = Grouping::new("g", grouping.by()).unwrap();
                let body = world.answer(std::slice::from_ref(&named), Style { hours, ..Style::PLAIN });
                (world.request([named]), body.into_bytes())
            })
        })
        .collect();
    for round in 0..100_000 {
        let (request, body) = &sound[dice.roll(sound.len())];
        if round % 2 == 0 {
            let mut generated = String::new();
            dice.json(0, &mut generated);
            read(request, generated.as_bytes());
            if dice.roll(4) == 0 {
                read_otherwise(request, generated.as_bytes(), STATUSES[dice.roll(STATUSES.len())]);
            }
            continue;
        }
        let mut body = body.clone();
        for _ in 0..=dice.roll(3) {
            let (at, other) = (dice.roll(body.len()), dice.roll(body.len()));
            match dice.roll(4) {
                0 => body[at] = b"{}[]\",:0-9\\ue\x00\xff"[dice.roll(15)],
                1 => body.truncate(at + 1),
                2 => body.swap(at, other),
                _ => {
                    let piece = body[at.min(other)..at.max(other)].to_vec();
                    body.splice(at..at, piece.into_iter().take(40));
                }
            }
        }
        read(request, &body);
        if dice.roll(8) == 0 {
            read_otherwise(request, &body, STATUSES[dice.roll(STATUSES.len())]);
        }
    }
    assert!(now() > world.window.end().start());
}
