//! Every value that comes is true, and every one that is true comes.

use std::collections::BTreeSet;

use engagement::{
    Resolution,
    model::{Endpoint, Metric, State, TweetId, Window},
};
use engagement_emulator::Class;
use engagement_tests::{Asked, Haul, Stage, hour};

const RESOLUTIONS: [Resolution; 3] = [Resolution::Hour, Resolution::Day, Resolution::Total];

#[tokio::test]
async fn totals() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 40);
    let haul = Haul::of(stage.owner().totals(ids.clone())).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    for (turn, metric, state) in cells(&haul, &ids) {
        let is_limited_to_90_days = matches!(metric, Metric::Impressions | Metric::Engagements);
        let too_old = is_limited_to_90_days && turn >= 2 || metric == Metric::VideoViews && turn == 3;
        assert_eq!(state, if too_old { State::Unsupported } else { State::Ok }, "{metric} at age {turn}");
    }
    assert!(haul.problems.is_empty() && haul.warnings.is_empty(), "{haul:?}");
}

#[tokio::test]
async fn public_totals_of_anybody() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_news"), 20);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 20));
    let haul = Haul::of(stage.app_only().totals(ids.clone())).await;
    let public = Endpoint::Totals.metrics().filter(Metric::is_public);
    Asked::totals(&ids, public).check(&haul, &stage.emulator).unwrap();
    for (turn, metric, state) in cells(&haul, &ids) {
        let too_old = metric == Metric::VideoViews && turn == 3;
        assert_eq!(state, if too_old { State::Unsupported } else { State::Ok }, "{metric} at age {turn}");
    }
}

#[tokio::test]
async fn the_last_28_hours() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 28);
    // 28 hours before 10:34 began within the hour from 06:00, and the running hour ends at 11:00: 29 buckets.
    let window = Window::new(hour("2026-11-24T06"), hour("2026-11-25T11")).unwrap();
    for resolution in RESOLUTIONS {
        let haul = Haul::of(stage.owner().last_28_hours(ids.clone()).resolution(resolution)).await;
        check_series(&stage, &haul, &ids, Endpoint::Last28Hours, window, resolution);
    }
}

#[tokio::test]
async fn the_last_28_hours_on_the_hour() {
    let stage = Stage::with(|builder| builder.now("2026-11-25T10:00:00Z".parse().unwrap())).await;
    let ids = stage.emulator.tweets(Class::Owned, None, 4);
    let window = Window::new(hour("2026-11-24T06"), hour("2026-11-25T10")).unwrap();
    let haul = Haul::of(stage.owner().last_28_hours(ids.clone())).await;
    check_series(&stage, &haul, &ids, Endpoint::Last28Hours, window, Resolution::Hour);
}

#[tokio::test]
async fn historical() {
    let stage = Stage::set().await;
    // Two windows that meet in the middle of a day, the second with the running hour, and Tweets that were made in both.
    let window = Window::new(hour("2026-10-27T05"), hour("2026-11-25T11")).unwrap();
    for (resolution, count) in RESOLUTIONS.into_iter().zip([8, 28, 28]) {
        let ids = stage.emulator.tweets(Class::Owned, None, count);
        let haul = Haul::of(stage.owner().historical(ids.clone(), window).resolution(resolution)).await;
        check_series(&stage, &haul, &ids, Endpoint::Historical, window, resolution);
    }
}

#[tokio::test]
async fn historical_a_year_long() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 8);
    let window = Window::new(hour("2025-11-26T00"), hour("2026-11-25T00")).unwrap();
    let haul = Haul::of(stage.owner().historical(ids.clone(), window).resolution(Resolution::Day)).await;
    check_series(&stage, &haul, &ids, Endpoint::Historical, window, Resolution::Day);
}

fn check_series(
    stage: &Stage,
    haul: &Haul,
    ids: &[TweetId],
    endpoint: Endpoint,
    window: Window,
    resolution: Resolution,
) {
    let asked = Asked::series(ids, endpoint.metrics(), window, resolution);
    assert_eq!(asked.check(haul, &stage.emulator), Ok(()), "{endpoint} by {resolution:?}");
    for (turn, metric, state) in cells(haul, ids) {
        let too_old = metric == Metric::VideoViews && turn == 3;
        let expected = if too_old { State::Unsupported } else { State::Ok };
        assert_eq!(state, expected, "{endpoint} by {resolution:?}: {metric} at age {turn}");
    }
    assert!(haul.problems.is_empty(), "{:?}", haul.problems);
}

/// The state of every cell, and which of the four ages its Tweet has.
fn cells(haul: &Haul, ids: &[TweetId]) -> Vec<(usize, Metric, State)> {
    let state = |((id, metric), states): (_, BTreeSet<State>)| {
        let turn = ids.iter().position(|one| *one == id).unwrap() % 4;
        let mut states = states.into_iter();
        let state = states.next().unwrap();
        assert_eq!(states.next(), None, "{id} {metric} is {state} only in part");
        (turn, metric, state)
    };
    haul.cells().into_iter().map(state).collect()
}

#[tokio::test]
async fn what_costs_least_is_chosen_and_true() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 8);
    let part = Window::new(hour("2026-11-25T05"), hour("2026-11-25T11")).unwrap();
    for resolution in [Resolution::Hour, Resolution::Day, Resolution::Total] {
        let query = stage.owner().auto(ids.clone(), Some(part)).resolution(resolution);
        let haul = Haul::of(query).await;
        let asked = Asked::series(&ids, Endpoint::Last28Hours.metrics(), part, resolution);
        assert_eq!(asked.check(&haul, &stage.emulator), Ok(()), "{resolution:?}");
    }
    let lifetime = Haul::of(stage.owner().auto(ids.clone(), None)).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&lifetime, &stage.emulator).unwrap();
    let requests = Endpoint::ALL.map(|endpoint| stage.answered(endpoint).values().sum::<u64>());
    // Hours are cut out of the last 28; days and sums cannot be.
    assert_eq!(requests, [1, 1, 2]);
}
