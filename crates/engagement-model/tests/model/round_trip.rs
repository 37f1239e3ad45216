//! What is encoded comes back, in every legal grouping; what is split comes together.

use std::collections::BTreeMap;

use engagement_model::{
    Answer, Dimension, Endpoint, Grouping, Metric, Outcome, Row, State, TweetId, UtcHour, Window,
    answer::{
        Limits, Merged,
        cells::{Bucket, Cell, Value, decode_cells},
    },
    request::split_groupings,
};
use proptest::prelude::*;

use crate::world::{HourForm, Style, World, day_and_hour, legal_groupings, styles, worlds};

fn text_of(bucket: Bucket, grouping: &Grouping) -> (Option<String>, Option<String>) {
    match bucket {
        Bucket::Whole => (None, None),
        Bucket::Day(day) => {
            assert_eq!(day.len_hours(), 24);
            (Some(day_and_hour(day.start()).0), None)
        }
        Bucket::Hour(hour) => {
            let (day, clock) = day_and_hour(hour);
            (Some(day), Some(clock))
        }
        Bucket::HourOfDay(hour) => {
            assert!(!grouping.has(Dimension::EngagementDay));
            (None, Some(format!("{hour:02}")))
        }
    }
}

/// The keys that a cell must have come from.
fn keys(cell: &Cell, grouping: &Grouping) -> Vec<String> {
    let (day, clock) = text_of(cell.bucket, grouping);
    let mut keys = Vec::new();
    for dimension in grouping.by() {
        match dimension {
            Dimension::TweetId => keys.push(cell.tweet_id.unwrap().to_string()),
            Dimension::EngagementType => keys.push(cell.metric.as_ref().unwrap().to_string()),
            Dimension::EngagementDay => keys.push(day.clone().unwrap()),
            Dimension::EngagementHour => {
                if !grouping.has(Dimension::EngagementDay) {
                    keys.extend(day.clone());
                }
                keys.push(clock.clone().unwrap());
            }
        }
    }
    keys
}

/// What the rows of a series must be: hours, days clipped to the window, or the window.
fn expected_rows(world: &World, grouping: &Grouping) -> BTreeMap<(TweetId, String, Window), u64> {
    let mut rows = BTreeMap::new();
    for id in &world.tweet_ids {
        for metric in &world.metrics {
            for hour in world.window.hours() {
                let bucket = if grouping.has(Dimension::EngagementHour) {
                    Window::hour(hour)
                } else if grouping.has(Dimension::EngagementDay) {
                    let day = Window::new(hour.midnight(), hour.midnight().plus(24)).unwrap();
                    day.intersection(world.window).unwrap()
                } else {
                    world.window
                };
                *rows.entry((*id, metric.to_string(), bucket)).or_default() += world.count(*id, metric, hour);
            }
        }
    }
    rows
}

fn found_rows(answer: &Answer) -> BTreeMap<(TweetId, String, Window), u64> {
    let mut found = BTreeMap::new();
    for row in &answer.rows {
        let key = (row.tweet_id, row.metric.to_string(), row.bucket.unwrap());
        assert!(found.insert(key, row.outcome.value().unwrap()).is_none(), "a bucket twice");
    }
    found
}

fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn by_tweet_and_metric() -> Vec<Grouping> {
    let mut groupings = legal_groupings(Endpoint::Historical);
    groupings.retain(|grouping| grouping.has(Dimension::TweetId) && grouping.has(Dimension::EngagementType));
    groupings
}

#[test]
fn there_are_as_many_groupings_as_the_contract_allows() {
    assert_eq!(legal_groupings(Endpoint::Historical).len(), 4 + 12 + 24 + 2);
    assert_eq!(legal_groupings(Endpoint::Totals).len(), 2 + 2);
    assert_eq!(by_tweet_and_metric().len(), 2 + 12 + 2);
}

#[test]
fn the_table_of_the_contract_comes_back() {
    // Contract 3.2: two Tweets, two metrics, three hours over midnight.
    let body = br#"{"a":{"impressions":{"2024-03-05":"21","2024-03-06":"5"}},
        "b":{"2024-03-05":{"22":"14","23":"9"},"2024-03-06":{"00":"5"}},
        "c":{"00":"5","22":"14","23":"9"},
        "d":{"1763000000000000001":"21"}}"#;
    let groupings =
        ["a=engagement.type,engagement.day", "b=engagement.hour", "c=engagement.hour", "d=tweet.id"]
            .map(|text| text.parse::<Grouping>().unwrap());
    let groups = decode_cells(&groupings, body, &Limits::default()).unwrap();
    assert_eq!(groups.warnings, []);
    let shown: Vec<Vec<String>> = groups
        .groups
        .iter()
        .map(|group| {
            let show = |cell: &Cell| format!("{} {:?}", keys(cell, &group.grouping).join("/"), cell.value);
            group.cells.iter().map(show).collect()
        })
        .collect();
    assert_eq!(shown[0], ["impressions/2024-03-05 Count(21)", "impressions/2024-03-06 Count(5)"]);
    assert_eq!(shown[1], ["2024-03-05/22 Count(14)", "2024-03-05/23 Count(9)", "2024-03-06/00 Count(5)"]);
    assert_eq!(shown[2], ["00 Count(5)", "22 Count(14)", "23 Count(9)"]);
    assert_eq!(shown[3], ["1763000000000000001 Count(21)"]);
}

#[test]
fn hours_of_the_day_over_several_days_are_no_buckets() {
    let start = UtcHour::from_epoch(470_000).unwrap();
    let world = World {
        tweet_ids: vec![TweetId::new(7).unwrap()],
        metrics: vec![Metric::Replies],
        window: Window::new(start, start.plus(48)).unwrap(),
        seed: 1,
    };
    let grouping: Grouping = "g=tweet.id,engagement.type,engagement.hour".parse().unwrap();
    let body =
        world.answer(std::slice::from_ref(&grouping), Style { hours: HourForm::OfDay, ..Style::PLAIN });
    let answer = Answer::decode(&world.request([grouping]), body.as_bytes(), &Limits::default()).unwrap();
    let [row] = answer.rows.as_slice() else { panic!("one row for all hours") };
    assert_eq!((row.bucket, row.outcome.state()), (Some(world.window), State::Failed));
    assert!(row.outcome.reason().unwrap().contains("added up over several days"));
}

#[test]
fn groupings_share_requests_where_they_can() {
    let four =
        |name| format!("{name}=tweet.id,engagement.type,engagement.day,engagement.hour").parse().unwrap();
    let one = |name| format!("{name}=tweet.id").parse().unwrap();
    let names = |groupings: Vec<Grouping>| -> Vec<String> {
        let parts = split_groupings(Endpoint::Historical, groupings).unwrap();
        parts.iter().map(|part| part.iter().map(Grouping::name).collect()).collect()
    };
    assert_eq!(names(vec![one("a"), one("b"), one("c")]), ["abc"]);
    assert_eq!(names(vec![one("a"), one("b"), one("c"), one("d")]), ["abc", "d"]);
    assert_eq!(names(vec![one("a"), one("b"), one("c"), four("X"), four("Y")]), ["Xab", "Yc"]);
    assert_eq!(names(vec![four("X"), four("Y"), four("Z")]), ["X", "Y", "Z"]);
    let refuse = |groupings| split_groupings(Endpoint::Totals, groupings).unwrap_err().rule();
    assert_eq!(refuse(vec![]), "V8");
    assert_eq!(refuse(vec![one("a"), one("a")]), "V16");
    assert_eq!(refuse(vec![four("a")]), "V10");
}

#[test]
fn merging_keeps_what_it_cannot_add() {
    let mut merged = Merged::new(&["g=engagement.type".parse().unwrap()]);
    for body in [
        r#"{"start":"2024-03-01T00:00:00Z","end":"2024-03-02","errors":["a",{"code":1}],"g":{"x":"1","y":null,"z":{"a":1}},"new":[1, 2]}"#,
        r#"{"end":"2024-03-02T19:43:00Z","start":"2024-03-02","errors":"b","unavailable_tweet_ids":["12",3],"g":{"x":2,"y":"4","z":"5","q":"-1"}}"#,
        r#"{"errors":["a","b"],"unavailable_tweet_ids":["3"],"g":{"x":18446744073709551615},"new":0}"#,
    ] {
        merged.add(body.as_bytes(), &Limits::default()).unwrap();
    }
    let expected = concat!(
        r#"{"end":"2024-03-02T19:43:00Z","errors":["a",{"code":1},"b"],"#,
        r#""g":{"q":"-1","x":"18446744073709551618","y":null,"z":null},"#,
        r#""new":[1, 2],"start":"2024-03-01T00:00:00Z","unavailable_tweet_ids":["3","12"]}"#
    );
    assert_eq!(merged.to_string(), expected);
    // A broken answer changes nothing.
    assert!(merged.add(br#"{"g":{"x":"1","x":"1"}}"#, &Limits::default()).is_err());
    assert!(merged.add(br#"{"g":{"x":"1""#, &Limits::default()).is_err());
    assert_eq!(merged.to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_grouping_comes_back(world in worlds(80), style in styles()) {
        for grouping in legal_groupings(Endpoint::Historical) {
            let body = world.answer(std::slice::from_ref(&grouping), style);
            let groups = decode_cells(std::slice::from_ref(&grouping), body.as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(&groups.warnings, &[]);
            prop_assert_eq!(groups.window, Some(world.window));
            let mut found = BTreeMap::new();
            for cell in &groups.groups[0].cells {
                let Value::Count(count) = cell.value else { panic!("{cell:?}") };
                prop_assert!(found.insert(keys(cell, &grouping), count).is_none());
            }
            prop_assert_eq!(found, world.sums(&grouping, style.hours));
        }
    }

    #[test]
    fn rows_come_back_from_every_grouping(world in worlds(80), style in styles()) {
        let style = Style { hours: HourForm::Calendar, ..style };
        for grouping in by_tweet_and_metric() {
            let body = world.answer(std::slice::from_ref(&grouping), style);
            let answer = Answer::decode(&world.request([grouping.clone()]), body.as_bytes(), &Limits::default());
            let answer = answer.unwrap();
            prop_assert_eq!(&answer.warnings, &[]);
            prop_assert_eq!(found_rows(&answer), expected_rows(&world, &grouping));
        }
    }

    #[test]
    fn hours_of_one_day_are_buckets(world in worlds(25), style in styles()) {
        for grouping in by_tweet_and_metric() {
            let body = world.answer(std::slice::from_ref(&grouping), style);
            let answer = Answer::decode(&world.request([grouping.clone()]), body.as_bytes(), &Limits::default());
            prop_assert_eq!(found_rows(&answer.unwrap()), expected_rows(&world, &grouping));
        }
    }

    #[test]
    fn the_last_28_hours_learn_their_window_from_the_answer(world in worlds(30), style in styles()) {
        let style = Style { hours: HourForm::Calendar, ..style };
        let (ids, metrics) = (&world.tweet_ids, &world.metrics);
        for grouping in by_tweet_and_metric() {
            let body = world.answer(std::slice::from_ref(&grouping), style);
            let request = engagement_model::Request::last_28_hours(
                ids.iter().copied(), metrics.iter().cloned(), [grouping.clone()],
            ).unwrap();
            let answer = Answer::decode(&request, body.as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(found_rows(&answer), expected_rows(&world, &grouping));
        }
    }

    #[test]
    fn a_missing_hour_is_unaccounted_and_no_zero(world in worlds(80), lost in any::<proptest::sample::Index>()) {
        let grouping: Grouping = "g=tweet.id,engagement.type,engagement.day,engagement.hour".parse().unwrap();
        let hours: Vec<UtcHour> = world.window.hours().collect();
        let lost = *lost.get(&hours);
        let (day, clock) = day_and_hour(lost);
        let mut body = parsed(&world.answer(std::slice::from_ref(&grouping), Style::PLAIN));
        let (id, metric) = (world.tweet_ids[0], world.metrics[0].clone());
        body["g"][id.to_string()][metric.name()][&day].as_object_mut().unwrap().remove(&clock).unwrap();
        let request = world.request([grouping]);
        let answer = Answer::decode(&request, body.to_string().as_bytes(), &Limits::default()).unwrap();
        let without: Vec<&Row> = answer.rows.iter().filter(|row| row.outcome.value().is_none()).collect();
        let made = id.created_at().map_or(world.window.start(), UtcHour::containing);
        if lost < made && hours.len() > 1 {
            // Nothing can have happened then.
            prop_assert!(without.is_empty());
        } else {
            prop_assert_eq!(without.len(), 1);
            prop_assert_eq!(without[0].outcome.state(), State::Unaccounted);
            let bucket = if hours.len() == 1 { world.window } else { Window::hour(lost) };
            prop_assert_eq!(without[0].bucket, Some(bucket));
            prop_assert_eq!((without[0].tweet_id, &without[0].metric), (id, &metric));
        }
        prop_assert_eq!(
            answer.rows.iter().filter(|row| matches!(row.outcome, Outcome::Ok(_))).count(),
            world.tweet_ids.len() * world.metrics.len() * hours.len() - 1
        );
    }

    #[test]
    fn split_then_merge_is_ask_once(
        world in worlds(80),
        style in styles(),
        chunk in 1..4_usize,
        step in 1..50_usize,
        picks in proptest::sample::subsequence((0..42_usize).collect::<Vec<_>>(), 1..7),
    ) {
        let all = legal_groupings(Endpoint::Historical);
        let groupings: Vec<Grouping> = picks.into_iter().map(|pick| all[pick].clone()).collect();
        let mut merged = Merged::new(&groupings);
        let hours: Vec<UtcHour> = world.window.hours().collect();
        for part in split_groupings(Endpoint::Historical, groupings.clone()).unwrap() {
            for ids in world.tweet_ids.chunks(chunk) {
                for slice in hours.chunks(step) {
                    let window = Window::new(slice[0], slice[slice.len() - 1].plus(1)).unwrap();
                    let piece = World { tweet_ids: ids.to_vec(), window, ..world.clone() };
                    // Legal as it stands.
                    piece.request(part.clone());
                    merged.add(piece.answer(&part, style).as_bytes(), &Limits::default()).unwrap();
                }
            }
        }
        let once = world.answer(&groupings, Style { bare_numbers: false, ..style });
        prop_assert_eq!(parsed(&merged.to_string()), parsed(&once));
    }
}
