//! What time does to a run.

use engagement::{
    Metrics,
    model::{Endpoint, Metric, State, Window},
};
use engagement_emulator::Class;
use engagement_tests::{Asked, Haul, Stage, StoppedClock, hour};
use jiff::ToSpan as _;

/// Young enough when it is asked for, and too old when the answer is made.
#[tokio::test]
async fn a_tweet_that_passes_its_90_days_on_the_way() {
    let stage = Stage::set().await;
    // The second of the ages is 26 to 90 days.
    let id = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 2)[1];
    let birthday = id.created_at().unwrap() + (90 * 24).hours();
    stage.emulator.freeze_clock(birthday + 1.minute()).unwrap();
    let client = stage.client().clock(StoppedClock::at(birthday - 1.minute()));
    let client = client.account(stage.account("demo_brand")).build().unwrap();
    let haul = Haul::of(client.totals([id])).await;
    Asked::totals(&[id], Endpoint::Totals.metrics()).check(&haul, &stage.emulator).unwrap();
    for ((_, metric), states) in haul.cells() {
        let is_limited = matches!(metric, Metric::Impressions | Metric::Engagements);
        let state = if is_limited { State::Unsupported } else { State::Ok };
        assert_eq!(states.into_iter().collect::<Vec<_>>(), [state], "{metric}");
    }
    assert_eq!((haul.effort.requests, haul.problems), (1, vec![]));
}

/// Batch by batch the day changes on the server, and what was asked for stays what it was.
#[tokio::test]
async fn a_run_that_crosses_midnight() {
    let stage = Stage::with(|builder| builder.now("2026-11-25T23:59:58Z".parse().unwrap())).await;
    let ids = stage.emulator.tweets(Class::Over90, Some("demo_brand"), 50);
    let window = Window::new(hour("2026-11-24T20"), hour("2026-11-26T00")).unwrap();
    let client = stage.client().account(stage.account("demo_brand")).concurrency(1).build().unwrap();
    let query = client.historical(ids.clone(), window).metrics(Metrics::Named(vec![Metric::UrlClicks]));
    let mut outcomes = query.send().unwrap();
    let mut haul = Haul::default();
    while let Some(batch) = futures_util::StreamExt::next(&mut outcomes).await {
        haul.rows.extend(batch.rows);
        assert_eq!(batch.problems, []);
        stage.emulator.freeze_clock("2026-11-26T00:00:03Z".parse().unwrap()).unwrap();
    }
    assert_eq!(stage.requests(), 2);
    let asked = Asked::series(&ids, [Metric::UrlClicks], window, engagement::Resolution::Hour);
    asked.check(&haul, &stage.emulator).unwrap();
    assert!(haul.states().values().all(|state| *state == State::Ok));
}
