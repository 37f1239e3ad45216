//! Every order of dimensions that the API takes, on every endpoint: what the emulator nests is what the truth sums up
//! to, and the decoder reads it back.

use std::collections::{BTreeMap, BTreeSet};

use engagement::{
    model::{
        Answer, Dimension, Endpoint, Grouping, Metric, Request, TweetId, UtcHour, Window,
        answer::{
            Limits, Warning,
            cells::{Bucket, Cell, Group, Value, decode_cells},
        },
    },
    oauth_core::Credentials,
    transport::{Authorization, Call, Transport, Url, verdict},
};
use engagement_emulator::{Class, Switches};
use engagement_tests::{Stage, hour};
use serde_json::json;

#[tokio::test]
async fn historical() {
    let stage = Stage::set().await;
    // Three days, the first and the last in part, the last hour the running one.
    let window = Window::new(hour("2026-11-23T21"), hour("2026-11-25T11")).unwrap();
    check(&stage, &Scene::of(&stage, Endpoint::Historical, Some(window)), Hours::OfCalendar, 42).await;
}

#[tokio::test]
async fn the_last_28_hours() {
    let stage = Stage::set().await;
    let window = Window::new(hour("2026-11-24T06"), hour("2026-11-25T11")).unwrap();
    check(&stage, &Scene::of(&stage, Endpoint::Last28Hours, Some(window)), Hours::OfCalendar, 42).await;
}

#[tokio::test]
async fn totals() {
    let stage = Stage::set().await;
    // Each of the two dimensions alone, and both in both orders.
    check(&stage, &Scene::of(&stage, Endpoint::Totals, None), Hours::OfCalendar, 4).await;
}

#[tokio::test]
async fn hours_of_the_day() {
    let mut switches = Switches::default();
    switches.set("hour-of-day", "true").unwrap();
    let stage = Stage::with(|builder| builder.switches(switches)).await;
    let window = Window::new(hour("2026-11-23T21"), hour("2026-11-25T11")).unwrap();
    check(&stage, &Scene::of(&stage, Endpoint::Historical, Some(window)), Hours::OfDay, 42).await;
}

#[tokio::test]
async fn counts_as_numbers() {
    let mut switches = Switches::default();
    switches.set("numbers", "true").unwrap();
    let stage = Stage::with(|builder| builder.switches(switches)).await;
    check(&stage, &Scene::of(&stage, Endpoint::Totals, None), Hours::OfCalendar, 4).await;
}

/// What the documentation's example shows in numbers (contract 3.2): three groupings in one request, one of them of
/// four levels.
#[tokio::test]
async fn three_at_once_agree() {
    let stage = Stage::set().await;
    let window = Window::new(hour("2026-11-24T22"), hour("2026-11-25T01")).unwrap();
    let scene = Scene::of(&stage, Endpoint::Historical, Some(window));
    let by = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Dimension>>();
    let groupings = [
        by(&["engagement.type", "tweet.id", "engagement.day", "engagement.hour"]),
        by(&["engagement.type"]),
        by(&["tweet.id", "engagement.type", "engagement.day"]),
    ];
    let body = scene.body(&groupings);
    let answer: serde_json::Value = serde_json::from_slice(&scene.ask(&stage, &body).await).unwrap();
    for (index, by) in groupings.iter().enumerate() {
        assert_eq!(leaves(&answer[format!("g{index}")]), scene.truth(by, Hours::OfCalendar), "{by:?}");
    }
}

async fn check(stage: &Stage, scene: &Scene, hours: Hours, orders: usize) {
    let mut checked = 0;
    for by in legal_orders(scene.endpoint) {
        let body = scene.body(core::slice::from_ref(&by));
        let answer = scene.ask(stage, &body).await;
        let expected = scene.truth(&by, hours);
        assert!(!expected.is_empty());

        let json: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(leaves(&json["g0"]), expected, "{by:?} as sent");

        let grouping = Grouping::new("g0", by.clone()).unwrap();
        let read = decode_cells(core::slice::from_ref(&grouping), &answer, &Limits::default()).unwrap();
        assert_eq!((read.window, read.warnings), (scene.window, vec![]), "{by:?}");
        let [Group { cells, .. }] = read.groups.as_slice() else {
            unreachable!("one grouping was asked for")
        };
        let paths: BTreeMap<_, _> = cells.iter().map(|cell| path_of(cell, &by)).collect();
        assert_eq!((paths.len(), paths), (cells.len(), expected), "{by:?} as decoded");

        scene.check_rows(stage, &grouping, &body, &answer, hours);
        checked += 1;
    }
    assert_eq!(checked, orders);
    assert_eq!(stage.answered(scene.endpoint), BTreeMap::from([("200".to_owned(), orders as u64)]));
}

/// What is asked for.
struct Scene {
    endpoint: Endpoint,
    tweet_ids: Vec<TweetId>,
    metrics: Vec<Metric>,
    window: Option<Window>,
    /// Everything that is true of them, by hour where there are hours.
    truths: Vec<(TweetId, Metric, Option<UtcHour>, u64)>,
}

impl Scene {
    /// Tweets of all four ages.
    fn of(stage: &Stage, endpoint: Endpoint, window: Option<Window>) -> Self {
        let tweet_ids = stage.emulator.tweets(Class::Owned, None, 4);
        let metrics = vec![Metric::Impressions, Metric::Favorites, Metric::Replies, Metric::Engagements];
        let hours: Vec<Option<UtcHour>> = match window {
            None => vec![None],
            Some(window) => window.hours().map(Some).collect(),
        };
        let mut truths = Vec::new();
        for id in &tweet_ids {
            for metric in &metrics {
                for hour in &hours {
                    let truth = stage.emulator.truth(*id, metric, hour.map(Window::hour));
                    truths.extend(truth.map(|value| (*id, metric.clone(), *hour, value)));
                }
            }
        }
        Self { endpoint, tweet_ids, metrics, window, truths }
    }

    /// The request, written by hand.
    fn body(&self, groupings: &[Vec<Dimension>]) -> serde_json::Value {
        let group = |(index, by): (usize, &Vec<Dimension>)| {
            let names: Vec<&str> = by.iter().map(|dimension| dimension.name()).collect();
            (format!("g{index}"), json!({ "group_by": names }))
        };
        let mut body = json!({
            "tweet_ids": self.tweet_ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "engagement_types": self.metrics.iter().map(Metric::name).collect::<Vec<_>>(),
            "groupings": groupings.iter().enumerate().map(group).collect::<serde_json::Map<_, _>>(),
        });
        if self.endpoint == Endpoint::Historical
            && let Some(window) = self.window
        {
            body["start"] = json!(window.start().to_string());
            // The running hour: its end is ahead, and what is sent is rounded up.
            body["end"] = json!(window.end().start().min(Stage::NOW.parse().unwrap()).to_string());
        }
        body
    }

    /// Sends it with the owner's signature.
    async fn ask(&self, stage: &Stage, body: &serde_json::Value) -> Vec<u8> {
        let transport = Transport::builder().clock(stage.clock()).build().unwrap();
        let account = &stage.emulator.world().accounts()[0];
        let credentials = Credentials::consumer("demo-consumer-key", "demo-consumer-secret")
            .with_token(account.access_token.clone(), account.access_token_secret.clone());
        let call = Call::post(Url::parse(&stage.emulator.endpoint(self.endpoint)).unwrap())
            .json_body(body.to_string())
            .authorization(Authorization::oauth1(&credentials));
        let answer = transport.send(&call, verdict::by_status).await.unwrap();
        assert_eq!(answer.status, 200, "{body}: {}", answer.words());
        answer.body.to_vec()
    }

    /// The sums that are true, under the keys that lead to them.
    fn truth(&self, by: &[Dimension], hours: Hours) -> BTreeMap<Vec<String>, u64> {
        let mut sums = BTreeMap::new();
        for (id, metric, hour, value) in &self.truths {
            *sums.entry(path(by, *id, metric, *hour, hours)).or_insert(0) += value;
        }
        sums
    }

    /// Holds the rows that the decoder makes of the answer against the truth.
    fn check_rows(
        &self,
        stage: &Stage,
        grouping: &Grouping,
        body: &serde_json::Value,
        answer: &[u8],
        hours: Hours,
    ) {
        let (ids, metrics, groupings) =
            (self.tweet_ids.iter().copied(), self.metrics.iter().cloned(), [grouping.clone()]);
        let request = match (self.endpoint, self.window) {
            (Endpoint::Totals, _) => Request::totals(ids, metrics, groupings),
            (Endpoint::Last28Hours, _) => Request::last_28_hours(ids, metrics, groupings),
            (Endpoint::Historical, window) => {
                Request::historical(ids, metrics, groupings, window.unwrap(), Stage::NOW.parse().unwrap())
            }
        };
        let request = request.unwrap();
        let mut as_the_model_writes_it: serde_json::Value = serde_json::from_str(&request.to_json()).unwrap();
        if body.get("end").is_some() {
            // Any time within the running hour will do.
            as_the_model_writes_it["end"] = body["end"].clone();
        }
        assert_eq!(as_the_model_writes_it, *body);

        let rows = Answer::decode(&request, answer, &Limits::default()).unwrap();
        let values = rows.rows.iter().filter_map(|row| Some((row, row.outcome.value()?)));
        for (row, value) in values.clone() {
            let truth = stage.emulator.truth(row.tweet_id, &row.metric, row.bucket);
            assert_eq!(Some(value), truth, "{row:?} of {grouping}");
        }
        let can_be_told = grouping.has(Dimension::TweetId) && grouping.has(Dimension::EngagementType);
        let is_hour_of_day = hours == Hours::OfDay
            && grouping.has(Dimension::EngagementHour)
            && !grouping.has(Dimension::EngagementDay);
        let told = if can_be_told && !is_hour_of_day { self.truth(grouping.by(), hours).len() } else { 0 };
        assert_eq!(values.count(), told, "{grouping}");
        // What cannot be told is no value, and the one case in which something came is told of.
        let sums =
            rows.warnings.iter().filter(|warning| matches!(warning, Warning::HoursOfDay { .. })).count();
        assert_eq!(sums, usize::from(can_be_told && is_hour_of_day), "{grouping}");
        let cells: BTreeSet<_> = rows.rows.iter().map(|row| (row.tweet_id, row.metric.name())).collect();
        assert_eq!(cells.len(), self.tweet_ids.len() * self.metrics.len());
    }
}

/// What an hour without a day is, contract 3.3.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hours {
    OfCalendar,
    OfDay,
}

/// All orders that an endpoint takes, by the contract's words: V9, V10, V12 and V14.
fn legal_orders(endpoint: Endpoint) -> Vec<Vec<Dimension>> {
    let available: &[Dimension] = match endpoint {
        Endpoint::Totals => &[Dimension::TweetId, Dimension::EngagementType],
        Endpoint::Last28Hours | Endpoint::Historical => &Dimension::ALL,
    };
    let mut orders: Vec<Vec<Dimension>> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..available.len().min(3) {
        let to = orders.len();
        for shorter in from..to {
            for dimension in available {
                if !orders[shorter].contains(dimension) {
                    let longer = orders[shorter].iter().chain([dimension]).copied().collect();
                    orders.push(longer);
                }
            }
        }
        from = to;
    }
    orders.remove(0);
    if endpoint != Endpoint::Totals {
        use Dimension::{
            EngagementDay as Day, EngagementHour as Hour, EngagementType as Type, TweetId as Id,
        };
        orders.extend([vec![Id, Type, Day, Hour], vec![Type, Id, Day, Hour]]);
    }
    orders
}

/// The keys that lead to a value, outermost first.
fn path(by: &[Dimension], id: TweetId, metric: &Metric, hour: Option<UtcHour>, hours: Hours) -> Vec<String> {
    let day = hour.map(|hour| hour.to_string()[.."2026-11-25".len()].to_owned()).unwrap_or_default();
    let clock = hour.map(|hour| format!("{:02}", hour.hour_of_day())).unwrap_or_default();
    let implies_day = hours == Hours::OfCalendar && !by.contains(&Dimension::EngagementDay);
    by.iter()
        .flat_map(|dimension| match dimension {
            Dimension::TweetId => vec![id.to_string()],
            Dimension::EngagementType => vec![metric.name().to_owned()],
            Dimension::EngagementDay => vec![day.clone()],
            Dimension::EngagementHour if implies_day => vec![day.clone(), clock.clone()],
            Dimension::EngagementHour => vec![clock.clone()],
        })
        .collect()
}

/// The keys that lead to a decoded value, and the value.
fn path_of(cell: &Cell, by: &[Dimension]) -> (Vec<String>, u64) {
    let Value::Count(value) = cell.value else { unreachable!("the emulator sends counts") };
    assert_eq!(cell.tweet_id.is_some(), by.contains(&Dimension::TweetId));
    assert_eq!(cell.metric.is_some(), by.contains(&Dimension::EngagementType));
    let id = cell.tweet_id.unwrap_or(TweetId::FIRST_SNOWFLAKE);
    let metric = cell.metric.clone().unwrap_or(Metric::Impressions);
    let path = match cell.bucket {
        Bucket::Whole => path(by, id, &metric, None, Hours::OfDay),
        Bucket::Day(day) => {
            assert_eq!((day.start().hour_of_day(), day.len_hours()), (0, 24));
            path(by, id, &metric, Some(day.start()), Hours::OfDay)
        }
        Bucket::Hour(hour) => path(by, id, &metric, Some(hour), Hours::OfCalendar),
        Bucket::HourOfDay(clock) => {
            path(by, id, &metric, UtcHour::from_epoch(i32::from(clock)), Hours::OfDay)
        }
    };
    (path, value)
}

/// All values of nested objects, numbers or texts, under the keys that lead to them.
fn leaves(nest: &serde_json::Value) -> BTreeMap<Vec<String>, u64> {
    let Some(object) = nest.as_object() else {
        let value = nest.as_u64().or_else(|| nest.as_str()?.parse().ok());
        return BTreeMap::from([(Vec::new(), value.unwrap())]);
    };
    let mut found = BTreeMap::new();
    for (key, value) in object {
        found
            .extend(leaves(value).into_iter().map(|(path, leaf)| ([vec![key.clone()], path].concat(), leaf)));
    }
    found
}
