//! Recovery against servers that refuse in every way that is known, and in ways that are not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engagement_model::{
    Access, Answer, Endpoint, Metric, Refusal, Request, Row, State, TweetId, Window,
    answer::{DecodeError, Limits},
    recovery::{Attempt, Recovery},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn id(number: u64) -> TweetId {
    TweetId::new(1_763_000_000_000_000_000 + number).unwrap()
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<TweetId> {
    numbers.into_iter().map(id).collect()
}

fn totals(count: u64, metrics: &[Metric]) -> Request {
    let grouping = "g=tweet.id,engagement.type".parse().unwrap();
    Request::totals((0..count).map(id), metrics.iter().cloned(), [grouping]).unwrap()
}

fn historical(count: u64) -> Request {
    let grouping = "g=tweet.id,engagement.type".parse().unwrap();
    let now = "2026-01-02T00:00:00Z".parse().unwrap();
    let window = Window::covering("2026-01-01T00:00:00Z".parse().unwrap(), now).unwrap();
    Request::historical((0..count).map(id), MIXED, [grouping], window, now).unwrap()
}

const MIXED: [Metric; 2] = [Metric::Impressions, Metric::Favorites];

/// What a body says, with its status.
type Reply = (u16, String);

fn recover(attempt: Attempt, (status, body): &Reply) -> Recovery {
    if *status != 200 {
        return attempt.after_refusal(&Refusal::read(*status, body.as_bytes()));
    }
    match Answer::decode(attempt.request(), body.as_bytes(), &Limits::default()) {
        Ok(answer) => attempt.after_answer(answer),
        Err(DecodeError::Refused(refusal)) => attempt.after_refusal(&refusal),
        Err(error) => attempt.after_failure(&error.to_string()),
    }
}

/// Asks until nothing is left to ask; the rows, and how many requests it took.
fn run(first: Attempt, mut server: impl FnMut(&Attempt) -> Reply) -> (Vec<Row>, usize) {
    let (mut open, mut rows, mut requests) = (VecDeque::from([first]), Vec::new(), 0);
    while let Some(attempt) = open.pop_front() {
        requests += 1;
        assert!(requests <= 1_000, "no end in sight");
        let reply = server(&attempt);
        let recovery = recover(attempt, &reply);
        rows.extend(recovery.rows);
        open.extend(recovery.ask_again);
    }
    (rows, requests)
}

fn states(rows: &[Row]) -> BTreeMap<(TweetId, Metric), State> {
    let mut states = BTreeMap::new();
    for row in rows {
        let before = states.insert((row.tweet_id, row.metric.clone()), row.outcome.state());
        assert!(before.is_none(), "{} {} ends twice", row.tweet_id, row.metric);
    }
    states
}

fn count(rows: &[Row], state: State) -> usize {
    rows.iter().filter(|row| row.outcome.state() == state).count()
}

/// A server by the contract's rules (3.4, 5.2, 5.3), save that it may keep names to itself.
#[derive(Clone, Debug, Default)]
struct Server {
    unowned: BTreeSet<TweetId>,
    unavailable: BTreeSet<TweetId>,
    too_old: BTreeSet<TweetId>,
    keeps_names: bool,
}

impl Server {
    fn reply(&self, attempt: &Attempt) -> Reply {
        let request = attempt.request();
        let list = |of: &BTreeSet<TweetId>| -> Vec<String> {
            request.tweet_ids().iter().filter(|id| of.contains(id)).map(ToString::to_string).collect()
        };
        let (unowned, unavailable, too_old) =
            (list(&self.unowned), list(&self.unavailable), list(&self.too_old));
        let private = |metric: &Metric| !metric.is_public();
        if attempt.access() == Access::AppOnly {
            assert!(!request.metrics().iter().any(private), "the app may not read that");
        }
        if unavailable.len() == request.tweet_ids().len() {
            let text = format!("{} Tweet ID(s) are unavailable", unavailable.len());
            return (400, json!({"errors": [text], "unavailable_tweet_ids": unavailable}).to_string());
        }
        let available: Vec<&String> = unowned.iter().filter(|id| !unavailable.contains(id)).collect();
        if attempt.access() == Access::Owner && !available.is_empty() {
            let names = available.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
            let text = if self.keeps_names {
                "Forbidden".to_owned()
            } else {
                format!("Forbidden to access tweets: {names}")
            };
            return (403, json!({"errors": [text]}).to_string());
        }
        let mut body = Map::new();
        if request.metrics().iter().any(private) && !too_old.is_empty() {
            body.insert("unsupported_for_impressions_engagements_tweet_ids".into(), json!(too_old));
            if too_old.len() + unavailable.len() == request.tweet_ids().len()
                && request.metrics().iter().all(private)
            {
                body.insert("errors".into(), json!(["Impressions & engagements … older than 90 days (…) …"]));
                return (400, Value::Object(body).to_string());
            }
        }
        if !unavailable.is_empty() {
            body.insert("unavailable_tweet_ids".into(), json!(unavailable));
        }
        let served =
            request.tweet_ids().iter().map(ToString::to_string).filter(|id| !unavailable.contains(id));
        let group: Map<String, Value> = served
            .map(|id| {
                let is_old = too_old.contains(&id);
                let metrics = request.metrics().iter().filter(|metric| !(is_old && private(metric)));
                (id, metrics.map(|metric| (metric.to_string(), json!("7"))).collect::<Map<_, _>>().into())
            })
            .collect();
        body.insert("g".into(), group.into());
        (200, Value::Object(body).to_string())
    }
}

#[test]
fn named_tweets_leave_and_their_public_totals_are_asked_app_only() {
    let server = Server { unowned: ids([3, 7]), ..Server::default() };
    let (rows, requests) =
        run(Attempt::first(totals(10, &MIXED), Access::Owner), |attempt| server.reply(attempt));
    assert_eq!(requests, 3);
    let states = states(&rows);
    assert_eq!(states.len(), 20);
    assert_eq!(states[&(id(3), Metric::Impressions)], State::Forbidden);
    assert_eq!(states[&(id(3), Metric::Favorites)], State::Ok);
    assert_eq!(count(&rows, State::Ok), 18);
    let reason = rows.iter().find_map(|row| row.outcome.reason()).unwrap();
    assert!(reason.starts_with("Forbidden to access tweets: 17630000"), "{reason}");
}

#[test]
fn the_older_form_names_each_author() {
    let body = json!({"errors": [
        format!("Forbidden to access tweets for author id 12: {}, {}", id(0), id(1)),
        format!("Forbidden to access tweets for author id 13: {}", id(2)),
    ]});
    let recovery = recover(Attempt::first(historical(4), Access::Owner), &(403, body.to_string()));
    let [again] = recovery.ask_again.as_slice() else { panic!("the rest once") };
    assert_eq!(again.request().tweet_ids(), [id(3)]);
    assert_eq!(again.access(), Access::Owner);
    // Nothing but totals is ever open to the app.
    assert_eq!(count(&recovery.rows, State::Forbidden), 6);
    assert!(recovery.rows.iter().all(|row| row.bucket == again.request().window()));
}

#[test]
fn forbidden_metrics_leave() {
    let body = json!({"errors": ["Forbidden to access metrics: impressions"]}).to_string();
    let recovery = recover(Attempt::first(totals(3, &MIXED), Access::AppOnly), &(403, body));
    assert_eq!(count(&recovery.rows, State::Forbidden), 3);
    let [again] = recovery.ask_again.as_slice() else { panic!("the rest once") };
    assert_eq!(again.request().metrics(), [Metric::Favorites]);
}

#[test]
fn lists_of_a_400_are_outcomes() {
    let server = Server { unavailable: ids(0..4), ..Server::default() };
    let (rows, requests) =
        run(Attempt::first(totals(4, &MIXED), Access::Owner), |attempt| server.reply(attempt));
    assert_eq!((requests, count(&rows, State::Unavailable)), (1, 8));

    let server = Server { too_old: ids(0..4), ..Server::default() };
    let private = [Metric::Impressions, Metric::Engagements];
    let (rows, requests) =
        run(Attempt::first(totals(4, &private), Access::Owner), |attempt| server.reply(attempt));
    assert_eq!((requests, count(&rows, State::Unsupported)), (1, 8));
}

#[test]
fn an_unlisted_400_about_all_is_about_all() {
    let reply = (400, json!({"errors": ["3 Tweet ID(s) are unavailable"]}).to_string());
    let recovery = recover(Attempt::first(totals(3, &MIXED), Access::Owner), &reply);
    assert_eq!((recovery.ask_again.len(), count(&recovery.rows, State::Unavailable)), (0, 6));
}

#[test]
fn other_refusals_leave_their_tweets_failed() {
    for (status, body) in [
        (400, r#"{"errors":["Invalid JSON"]}"#),
        (401, ""),
        (404, "<html>"),
        (503, "busy"),
        (200, r#"["no"]"#),
    ] {
        let recovery = recover(Attempt::first(totals(3, &MIXED), Access::Owner), &(status, body.to_owned()));
        assert_eq!((recovery.ask_again.len(), count(&recovery.rows, State::Failed)), (0, 6), "{status}");
    }
}

#[test]
fn no_half_is_asked_where_the_credential_is_of_the_wrong_kind() {
    let reply = (403, json!({"errors": [{"code": 220, "message": "Your credentials"}]}).to_string());
    let recovery = recover(Attempt::first(historical(25), Access::Owner), &reply);
    assert_eq!((recovery.ask_again.len(), count(&recovery.rows, State::Forbidden)), (0, 50));
}

#[test]
fn tweets_that_an_answer_passes_over_are_asked_once_more() {
    let mut bodies =
        VecDeque::from([format!(r#"{{"g":{{"{}":{{"favorites":"1"}}}}}}"#, id(0)), r#"{"g":{}}"#.to_owned()]);
    let (rows, requests) =
        run(Attempt::first(totals(3, &MIXED), Access::Owner), |_| (200, bodies.pop_front().unwrap()));
    assert_eq!(requests, 2);
    assert_eq!((count(&rows, State::Ok), count(&rows, State::Unaccounted)), (1, 5));
    assert_eq!(states(&rows).len(), 6);
}

#[test]
fn forbidden_inside_a_200_goes_app_only() {
    let partial = json!({
        "errors": [format!("Forbidden to access tweets: {}", id(1))],
        "g": {id(0).to_string(): {"impressions": "5", "favorites": "1"}},
    });
    let recovery = recover(Attempt::first(totals(2, &MIXED), Access::Owner), &(200, partial.to_string()));
    assert_eq!((count(&recovery.rows, State::Ok), count(&recovery.rows, State::Forbidden)), (2, 1));
    let [again] = recovery.ask_again.as_slice() else { panic!("once app-only") };
    assert_eq!((again.access(), again.request().tweet_ids()), (Access::AppOnly, &[id(1)][..]));
    assert_eq!(again.request().metrics(), [Metric::Favorites]);
}

#[test]
fn one_bad_tweet_among_many_is_found_by_halves() {
    for (request, most) in [(totals(250, &MIXED), 20), (historical(25), 12)] {
        for bad in [0, request.tweet_ids().len() as u64 - 1, request.tweet_ids().len() as u64 / 3] {
            let server = Server { unowned: ids([bad]), keeps_names: true, ..Server::default() };
            let is_totals = request.endpoint() == Endpoint::Totals;
            let (rows, requests) =
                run(Attempt::first(request.clone(), Access::Owner), |attempt| server.reply(attempt));
            assert!(requests <= most, "{requests}");
            assert_eq!(states(&rows).len(), request.tweet_ids().len() * 2);
            assert_eq!(count(&rows, State::Forbidden), if is_totals { 1 } else { 2 });
            assert!(rows.iter().all(|row| row.tweet_id == id(bad) || row.outcome.state() == State::Ok));
        }
    }
}

#[test]
fn a_search_that_finds_no_end_is_given_up() {
    let server = Server { unowned: ids(0..250), keeps_names: true, ..Server::default() };
    let (rows, requests) =
        run(Attempt::first(totals(250, &MIXED), Access::Owner), |attempt| server.reply(attempt));
    // The public ones come app-only.
    assert!(requests <= 50, "{requests}");
    assert_eq!((count(&rows, State::Forbidden), count(&rows, State::Ok)), (250, 250));
}

fn hostile_reply() -> impl Strategy<Value = Reply> {
    let named = proptest::collection::vec(0..30_u64, 0..6)
        .prop_map(|numbers| numbers.into_iter().map(|n| id(n).to_string()).collect::<Vec<_>>());
    let text = prop_oneof![
        named.clone().prop_map(|ids| format!("Forbidden to access tweets: {}", ids.join(", "))),
        Just("Forbidden".to_owned()),
        Just("Forbidden to access metrics: favorites".to_owned()),
        Just("Forbidden to access metrics: nothing".to_owned()),
        (0..40).prop_map(|count| format!("{count} Tweet ID(s) are unavailable")),
        Just("older than 90 days".to_owned()),
        Just("internal server error".to_owned()),
    ];
    let key = prop_oneof![
        Just("unavailable_tweet_ids"),
        Just("unsupported_for_impressions_engagements_tweet_ids"),
        Just("unsupported_for_video_views_tweet_ids"),
        Just("nonsense"),
    ];
    let group = named.clone().prop_map(|ids| {
        ids.into_iter().map(|id| (id, json!({"favorites": "1", "impressions": "2"}))).collect::<Map<_, _>>()
    });
    let status = prop_oneof![Just(403_u16), Just(400), Just(200), Just(500)];
    (status, proptest::option::of(text), key, named, proptest::option::of(group)).prop_map(
        |(status, text, key, ids, group)| {
            let mut body = Map::from_iter([(key.to_owned(), json!(ids))]);
            body.extend(text.map(|text| ("errors".to_owned(), json!([text]))));
            body.extend(group.map(|group| ("g".to_owned(), group.into())));
            (status, Value::Object(body).to_string())
        },
    )
}

proptest! {
    #[test]
    fn every_server_is_recovered_from(
        unowned in proptest::collection::btree_set(0..25_u64, 0..4),
        unavailable in proptest::collection::btree_set(0..25_u64, 0..4),
        too_old in proptest::collection::btree_set(0..25_u64, 0..25),
        keeps_names: bool,
        owner: bool,
    ) {
        let server = Server {
            unowned: ids(unowned), unavailable: ids(unavailable), too_old: ids(too_old), keeps_names,
        };
        let (access, metrics) = if owner { (Access::Owner, &MIXED[..]) } else { (Access::AppOnly, &MIXED[1..]) };
        let (rows, requests) = run(Attempt::first(totals(25, metrics), access), |attempt| server.reply(attempt));
        prop_assert!(requests <= 60, "{requests}");
        let states = states(&rows);
        prop_assert_eq!(states.len(), 25 * metrics.len());
        for ((tweet, metric), state) in states {
            let private = metric == Metric::Impressions;
            let is_unowned = server.unowned.contains(&tweet) && !server.unavailable.contains(&tweet);
            let wanted = if private && is_unowned {
                State::Forbidden
            } else if server.unavailable.contains(&tweet) {
                State::Unavailable
            } else if private && server.too_old.contains(&tweet) {
                State::Unsupported
            } else {
                State::Ok
            };
            prop_assert_eq!(state, wanted, "{} {}", tweet, metric);
        }
    }

    #[test]
    fn no_server_makes_us_ask_for_ever(replies in proptest::collection::vec(hostile_reply(), 1..40), owner: bool) {
        let mut replies = replies.iter().cycle();
        let access = if owner { Access::Owner } else { Access::AppOnly };
        let first = Attempt::first(totals(25, &MIXED), access);
        let (rows, requests) = run(first, |_| replies.next().unwrap().clone());
        prop_assert!(requests <= 300, "{requests}");
        let asked: Vec<Row> = rows.into_iter().filter(|row| MIXED.contains(&row.metric)).collect();
        prop_assert_eq!(states(&asked).len(), 50);
    }
}

/// A server that names one Tweet at a time is not asked for ever, and what it has not named is not forbidden.
#[test]
fn what_no_refusal_names_is_not_forbidden() {
    let first = Attempt::first(totals(10, &MIXED), Access::Owner).without_app();
    let (rows, requests) = run(first, |attempt| {
        let named = attempt.request().tweet_ids().first().unwrap();
        (403, json!({"errors": [format!("Forbidden to access tweets: {named}")]}).to_string())
    });
    assert_eq!(requests, 4);
    let states = states(&rows);
    assert_eq!((count(&rows, State::Forbidden), count(&rows, State::Failed)), (4 * 2, 6 * 2));
    assert!((0..4).all(|number| states[&(id(number), Metric::Favorites)] == State::Forbidden));
    let why = rows.iter().find(|row| row.tweet_id == id(9)).and_then(|row| row.outcome.reason());
    assert!(
        why.is_some_and(|why| why.starts_with("refused 4 times for what was asked beside it")),
        "{why:?}"
    );
}
