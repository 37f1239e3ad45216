//! How few requests it takes, and how little room.

use std::collections::BTreeMap;

use engagement::{
    Metrics, Resolution, Unit,
    model::{Endpoint, Metric, Window},
};
use engagement_emulator::Class;
use engagement_tests::{Asked, Haul, Stage, hour};

#[tokio::test]
async fn a_thousand_ids_are_four_requests_for_the_app() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Owned, None, 500);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 500));
    let haul = Haul::of(stage.app_only().totals(ids.clone())).await;
    Asked::totals(&ids, Endpoint::Totals.metrics().filter(Metric::is_public))
        .check(&haul, &stage.emulator)
        .unwrap();
    assert_eq!(stage.answered(Endpoint::Totals), answers(4));
    assert_eq!((stage.requests(), haul.effort.requests), (4, 4));
}

#[tokio::test]
async fn a_thousand_ids_are_four_requests_for_their_owner() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 1_000);
    let haul = Haul::of(stage.owner().totals(ids.clone())).await;
    Asked::totals(&ids, Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    assert_eq!(stage.answered(Endpoint::Totals), answers(4));
    assert_eq!((stage.requests(), haul.effort.requests), (4, 4));
}

/// As many as the concurrency says are made and moved at a time, and each is read and written in turn.
#[tokio::test]
async fn a_unit_takes_few_kilobytes_while_it_waits() {
    let stage = Stage::set().await;
    let client = stage.app_only();
    let metrics: Vec<Metric> = Endpoint::Totals.metrics().filter(Metric::is_public).collect();
    let ids = stage.emulator.tweets(Class::Owned, None, 250);
    let unit = Unit::new(Endpoint::Totals, client.app().unwrap(), ids, metrics, Resolution::Hour);
    let settling = client.settle(unit);
    assert!(size_of_val(&settling) <= 5_000, "{} bytes", size_of_val(&settling));
    assert_eq!(settling.await.problems.len(), 0);
}

#[tokio::test]
async fn an_id_given_twice_costs_nothing() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Unowned, None, 250);
    let twice: Vec<_> = ids.iter().chain(&ids).copied().collect();
    let haul = Haul::of(stage.app_only().totals(twice)).await;
    Asked::totals(&ids, Endpoint::Totals.metrics().filter(Metric::is_public))
        .check(&haul, &stage.emulator)
        .unwrap();
    assert_eq!(stage.requests(), 1);
}

#[tokio::test]
async fn sixty_days_of_thirty_ids_are_six_requests() {
    let window = Window::new(hour("2026-09-26T11"), hour("2026-11-25T11")).unwrap();
    assert_eq!(window.len_hours(), 60 * 24);
    let all: Vec<Metric> = Endpoint::Historical.metrics().collect();
    let hourly = (Resolution::Hour, vec![Metric::Impressions, Metric::UrlClicks]);
    for (resolution, metrics) in [hourly, (Resolution::Day, all.clone()), (Resolution::Total, all)] {
        let stage = Stage::set().await;
        let ids = stage.emulator.tweets(Class::Over90, None, 30);
        let query = stage.owner().historical(ids.clone(), window).resolution(resolution);
        let haul = Haul::of(query.metrics(Metrics::Named(metrics.clone()))).await;
        Asked::series(&ids, metrics, window, resolution).check(&haul, &stage.emulator).unwrap();
        assert_eq!(stage.answered(Endpoint::Historical), answers(6), "{resolution:?}");
        assert_eq!((stage.requests(), haul.effort.requests), (6, 6));
        assert_eq!(stage.emulator.counters().owners.into_iter().collect::<Vec<_>>(), ["demo_brand"]);
    }
}

#[tokio::test]
async fn a_forecast_is_what_then_happens() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 130);
    let window = Window::new(hour("2026-09-01T00"), hour("2026-11-25T11")).unwrap();
    let query = stage.owner().historical(ids, window).resolution(Resolution::Total);
    let forecast = query.clone().forecast(Some(60)).unwrap();
    assert_eq!(stage.requests(), 0);
    Haul::of(query).await;
    assert_eq!(stage.requests(), forecast.requests);
    assert!(forecast.lower_bound <= forecast.requests);
}

/// So many answers, all good.
fn answers(count: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([("200".to_owned(), count)])
}
