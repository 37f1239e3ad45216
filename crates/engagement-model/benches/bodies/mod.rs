//! The two largest answers that the API gives.

use std::{fmt::Write as _, io::Write as _};

use engagement_model::{Endpoint, Grouping, Metric, Request, TweetId, UtcHour, Window};
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;

/// A request and the body of its answer.
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) body: Vec<u8>,
    pub(crate) rows: usize,
}

/// 25 Tweets × 17 metrics × 672 hours.
pub(crate) fn historical() -> Case {
    let end = UtcHour::from_epoch(490_000).unwrap();
    let window = Window::new(end.plus(-672), end).unwrap();
    let grouping: Grouping = "g=tweet.id,engagement.type,engagement.day,engagement.hour".parse().unwrap();
    let (ids, metrics) = (ids(25), Endpoint::Historical.metrics().collect::<Vec<_>>());
    let mut body = String::from("{\"end\":\"");
    write!(body, "{end}\",\"g\":").unwrap();
    let mut dice = 1;
    write_level(&mut body, &ids, |body, _| {
        write_level(body, &metrics, |body, _| {
            let days: Vec<Window> = days(window).collect();
            let names: Vec<String> =
                days.iter().map(|day| day.start().to_string()[..10].to_owned()).collect();
            write_level(body, &names, |body, at| {
                let hours: Vec<String> =
                    days[at].hours().map(|hour| format!("{:02}", hour.hour_of_day())).collect();
                write_level(body, &hours, |body, _| write!(body, "\"{}\"", count(&mut dice)).unwrap());
            });
        });
    });
    write!(body, ",\"start\":\"{}\"}}", window.start()).unwrap();
    let rows = ids.len() * metrics.len() * 672;
    let request = Request::historical(ids, metrics, [grouping], window, Timestamp::MAX).unwrap();
    Case { request, body: body.into_bytes(), rows }
}

/// 250 Tweets × 7 metrics.
pub(crate) fn totals() -> Case {
    let grouping: Grouping = "g=tweet.id,engagement.type".parse().unwrap();
    let (ids, metrics) = (ids(250), Endpoint::Totals.metrics().collect::<Vec<Metric>>());
    let mut body = String::from("{\"g\":");
    let mut dice = 1;
    write_level(&mut body, &ids, |body, _| {
        write_level(body, &metrics, |body, _| write!(body, "\"{}\"", count(&mut dice) * 37).unwrap());
    });
    body.push('}');
    let rows = ids.len() * metrics.len();
    Case { request: Request::totals(ids, metrics, [grouping]).unwrap(), body: body.into_bytes(), rows }
}

#[allow(dead_code, reason = "one of the benches inflates nothing")]
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn ids(count: u64) -> Vec<TweetId> {
    (0..count).map(|n| TweetId::new(1_763_000_000_000_000_001 + n * 1_234_567_890_123).unwrap()).collect()
}

/// Hours are quiet as a rule: one or two digits, sometimes more.
fn count(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    let high = *dice >> 33;
    match high % 8 {
        0..=2 => 0,
        3..=6 => high >> 3 & 63,
        _ => high >> 3 & 1023,
    }
}

fn days(window: Window) -> impl Iterator<Item = Window> {
    let first = window.start().midnight();
    (0..)
        .map(move |day| Window::new(first.plus(day * 24), first.plus(day * 24 + 24)).unwrap())
        .map_while(move |day| day.intersection(window))
}

fn write_level<K: ToString>(body: &mut String, keys: &[K], mut value: impl FnMut(&mut String, usize)) {
    body.push('{');
    for (at, key) in keys.iter().enumerate() {
        body.push_str(if at > 0 { "," } else { "" });
        write!(body, "\"{}\":", key.to_string()).unwrap();
        value(body, at);
    }
    body.push('}');
}
