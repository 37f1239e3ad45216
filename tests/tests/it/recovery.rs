//! What becomes of Tweets of all kinds in one list (contract 3.4, 5.2, 6.1), and what it costs.

use std::collections::BTreeMap;

use engagement::{
    Metrics, Owners, Resolution, Who,
    model::{Endpoint, Metric, State, TweetId, Window},
};
use engagement_emulator::{Class, Switches};
use engagement_tests::{Asked, Haul, Stage, hour};

#[tokio::test]
async fn every_kind_on_totals() {
    let stage = Stage::set().await;
    let mix = Mix::of(&stage, 8);
    let haul = Haul::of(stage.owner().totals(mix.all())).await;
    Asked::totals(&mix.all(), Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    for (id, metric, state) in cells(&haul) {
        let private = !metric.is_public();
        let expected = match mix.class(id) {
            Class::Unavailable | Class::Protected => State::Unavailable,
            Class::Unowned if private => State::Forbidden,
            _ if metric == Metric::VideoViews && mix.age(id) == 3 => State::Unsupported,
            _ if private && mix.age(id) >= 2 => State::Unsupported,
            _ => State::Ok,
        };
        assert_eq!(state, expected, "{metric} of one that is {}, age {}", mix.class(id), mix.age(id));
    }
    // Refused for the strangers, asked again without them, and the strangers once app-only.
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 2), (403, 1)]));
    assert_eq!(haul.effort.requests, 3);
    assert!(haul.problems.is_empty(), "{:?}", haul.problems);
}

#[tokio::test]
async fn every_kind_on_a_series() {
    let window = Window::new(hour("2026-11-20T00"), hour("2026-11-25T00")).unwrap();
    for endpoint in [Endpoint::Last28Hours, Endpoint::Historical] {
        let stage = Stage::set().await;
        let mix = Mix::of(&stage, 4);
        let (client, ids) = (stage.owner(), mix.all());
        let (query, window) = match endpoint {
            Endpoint::Historical => (client.historical(ids.clone(), window), window),
            _ => (
                client.last_28_hours(ids.clone()),
                Window::new(hour("2026-11-24T06"), hour("2026-11-25T11")).unwrap(),
            ),
        };
        let haul = Haul::of(query.resolution(Resolution::Day)).await;
        let asked = Asked::series(&ids, endpoint.metrics(), window, Resolution::Day);
        assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "{endpoint}");
        for (id, metric, state) in cells(&haul) {
            let expected = match mix.class(id) {
                Class::Unavailable | Class::Protected => State::Unavailable,
                // There are no public series.
                Class::Unowned => State::Forbidden,
                _ if metric == Metric::VideoViews && mix.age(id) == 3 => State::Unsupported,
                _ => State::Ok,
            };
            assert_eq!(state, expected, "{metric} of one that is {} on {endpoint}", mix.class(id));
        }
        assert_eq!(stage.answered(endpoint), statuses([(200, 1), (403, 1)]));
        assert_eq!(stage.requests(), 2, "nothing was asked for elsewhere");
    }
}

#[tokio::test]
async fn a_forced_account_is_the_only_one_to_ask() {
    let stage = Stage::set().await;
    let mix = Mix::of(&stage, 8);
    let who = Who::Account("demo_brand".to_owned());
    let haul = Haul::of(stage.owners().totals(mix.all()).who(who)).await;
    Asked::totals(&mix.all(), Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    for (id, metric, state) in cells(&haul) {
        assert_eq!(state == State::Forbidden, mix.class(id) == Class::Unowned, "{metric} is {state}");
    }
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 1), (403, 1)]));
}

#[tokio::test]
async fn the_app_reads_what_is_public_and_nothing_else() {
    let stage = Stage::set().await;
    let mix = Mix::of(&stage, 4);
    let all: Vec<Metric> = Endpoint::Totals.metrics().collect();
    let query = stage.owners().totals(mix.all()).who(Who::App).metrics(Metrics::Named(all.clone()));
    let haul = Haul::of(query).await;
    Asked::totals(&mix.all(), all).check(&haul, &stage.emulator).unwrap();
    for (id, metric, state) in cells(&haul) {
        let gone = matches!(mix.class(id), Class::Unavailable | Class::Protected);
        let expected = match (metric.is_public(), gone) {
            (false, _) => State::Forbidden,
            (true, true) => State::Unavailable,
            (true, false) if metric == Metric::VideoViews && mix.age(id) == 3 => State::Unsupported,
            (true, false) => State::Ok,
        };
        assert_eq!(state, expected, "{metric} of one that is {}", mix.class(id));
    }
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 1)]));
    assert!(stage.emulator.counters().owners.is_empty());
}

#[tokio::test]
async fn every_owner_asks_for_their_own() {
    let stage = Stage::set().await;
    let names = ["demo_brand", "demo_news", "demo_sport"];
    let owned: Vec<(TweetId, &str)> = names
        .into_iter()
        .flat_map(|name| {
            stage.emulator.tweets(Class::Owned, Some(name), 8).into_iter().map(move |id| (id, name))
        })
        .collect();
    let ids: Vec<TweetId> = owned.iter().map(|(id, _)| *id).collect();
    let owners: Owners = owned.iter().map(|(id, name)| (*id, (*name).into())).collect();
    let haul = Haul::of(stage.owners().totals(ids.clone()).owners(owners)).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert_eq!(haul.tally().keys().copied().collect::<Vec<_>>(), [State::Ok, State::Unsupported]);
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 3)]));
    assert_eq!(stage.emulator.counters().owners.into_iter().collect::<Vec<_>>(), names);
}

#[tokio::test]
async fn owners_that_are_wrong_cost_values_only_where_they_must() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_news"), 8);
    let owners: Owners = ids.iter().map(|id| (*id, "demo_sport".into())).collect();
    let haul = Haul::of(stage.owners().totals(ids.clone()).owners(owners)).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert!(cells(&haul).all(|(_, metric, state)| metric.is_public() || state == State::Forbidden));
    assert!(haul.states().values().all(|state| *state == State::Ok));
    // Nothing is left for the owner after the refusal.
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 1), (403, 1)]));
}

#[tokio::test]
async fn a_list_without_a_good_one() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Unavailable, None, 5);
    ids.extend(stage.emulator.tweets(Class::Protected, None, 5));
    let haul = Haul::of(stage.owner().totals(ids.clone())).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert_eq!(haul.tally(), BTreeMap::from([(State::Unavailable, 70)]));
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(400, 1)]));

    // With strangers, who are refused before anybody says that the others are gone.
    let stage = Stage::set().await;
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 5));
    let haul = Haul::of(stage.owner().last_28_hours(ids.clone()).resolution(Resolution::Total)).await;
    assert_eq!(haul.tally(), BTreeMap::from([(State::Unavailable, 170), (State::Forbidden, 85)]));
    assert_eq!(stage.answered(Endpoint::Last28Hours), statuses([(400, 1), (403, 1)]));
}

#[tokio::test]
async fn what_is_too_old_costs_nothing_unless_asked_anyway() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Over90, None, 10);
    let metrics = [Metric::Impressions, Metric::Engagements];
    let query = stage.owner().totals(ids.clone()).metrics(Metrics::Named(metrics.to_vec()));
    let free = Haul::of(query.clone()).await;
    assert_eq!(stage.requests(), 0);
    let asked = Haul::of(query.ask_anyway()).await;
    assert_eq!(stage.answered(Endpoint::Totals), statuses([(400, 1)]));
    for haul in [free, asked] {
        Asked::totals(&ids, metrics.clone()).check(&haul, &stage.emulator).unwrap();
        assert_eq!(haul.tally(), BTreeMap::from([(State::Unsupported, 20)]));
    }
}

/// Older and odder words for the same refusals.
#[tokio::test]
async fn other_forms_of_refusal() {
    for (name, value) in [("old-forbidden-text", "true"), ("error-body", "array")] {
        let mut switches = Switches::default();
        switches.set(name, value).unwrap();
        let stage = Stage::with(|builder| builder.switches(switches)).await;
        let mut ids = stage.emulator.tweets(Class::Owned, None, 8);
        ids.extend(stage.emulator.tweets(Class::Unowned, None, 8));
        let haul = Haul::of(stage.owner().totals(ids.clone())).await;
        Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
        assert_eq!(haul.tally().get(&State::Forbidden), Some(&16), "{name}");
        assert_eq!(stage.answered(Endpoint::Totals), statuses([(200, 2), (403, 1)]), "{name}");
    }
}

#[tokio::test]
async fn a_refusal_without_a_word_is_searched_within_bounds() {
    let mut switches = Switches::default();
    switches.set("error-body", "empty").unwrap();
    let stage = Stage::with(|builder| builder.switches(switches)).await;
    let mut ids = stage.emulator.tweets(Class::Owned, None, 240);
    let stranger = stage.emulator.tweets(Class::Unowned, None, 1);
    ids.splice(100..100, stranger.iter().copied());
    let haul = Haul::of(stage.owner().totals(ids.clone())).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    let forbidden = cells(&haul).filter(|(_, _, state)| *state == State::Forbidden);
    assert_eq!(forbidden.map(|(id, ..)| id).collect::<Vec<_>>(), [stranger[0]; 2]);
    assert!(stage.requests() <= 20, "{} requests for one stranger among 241", stage.requests());

    // With as many strangers as this no search can end well, and it ends all the same.
    let stage = Stage::with(|builder| {
        let mut switches = Switches::default();
        switches.set("error-body", "empty").unwrap();
        builder.switches(switches)
    })
    .await;
    let mut ids = stage.emulator.tweets(Class::Owned, None, 125);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 125));
    ids.sort_unstable_by_key(|id| id.get() % 1_000);
    let haul = Haul::of(stage.owner().totals(ids.clone())).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert!(stage.requests() <= 60, "{} requests", stage.requests());
}

/// Tweets of every kind, in turn.
struct Mix(BTreeMap<TweetId, (Class, usize)>);

impl Mix {
    fn of(stage: &Stage, each: usize) -> Self {
        let of_class = |class| {
            let ids = stage.emulator.tweets(class, None, each).into_iter().enumerate();
            ids.map(move |(index, id)| {
                let age = match class {
                    Class::Over90 => 2,
                    Class::Over1800 => 3,
                    _ => index % 4,
                };
                (id, (class, age))
            })
        };
        Self(Class::ALL.into_iter().flat_map(of_class).collect())
    }

    fn all(&self) -> Vec<TweetId> {
        let mut ids: Vec<TweetId> = self.0.keys().copied().collect();
        ids.sort_unstable_by_key(|id| id.get() % 1_000);
        ids
    }

    fn class(&self, id: TweetId) -> Class {
        self.0[&id].0
    }

    /// Which of the four ages it has: to 26, 90 and 1,800 days, and older.
    fn age(&self, id: TweetId) -> usize {
        self.0[&id].1
    }
}

fn cells(haul: &Haul) -> impl Iterator<Item = (TweetId, Metric, State)> {
    haul.cells()
        .into_iter()
        .flat_map(|((id, metric), states)| states.into_iter().map(move |state| (id, metric.clone(), state)))
}

fn statuses<const N: usize>(counts: [(u16, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(status, count)| (status.to_string(), count)).collect()
}
