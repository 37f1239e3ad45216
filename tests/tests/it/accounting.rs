//! Whatever is asked and whatever goes wrong: asked = ok + unavailable + unsupported + forbidden + failed + unaccounted,
//! and no value that is not true.

use engagement::{
    Metrics, Owners, Query, Resolution, Who,
    model::{Endpoint, Metric, State, TweetId, Window},
};
use engagement_emulator::{Class, Fault, FaultTarget, Faults};
use engagement_tests::{Asked, Haul, Stage, hour};
use proptest::{prelude::*, sample::subsequence};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_asked_is_accounted_for(question in question(), faults in prop::collection::vec(fault(), 0..3)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::set().await;
            stage.emulator.set_faults(Faults::new(faults.clone()).unwrap());
            let (query, asked) = question.put(&stage);
            let haul = Haul::of(query).await;
            prop_assert_eq!(asked.check(&haul, &stage.emulator), Ok(()));
            prop_assert_eq!(haul.effort.requests, stage.requests());
            if faults.is_empty() && question.max_requests.is_none() {
                let lost = |state: &State| matches!(state, State::Failed | State::Unaccounted);
                prop_assert!(!haul.tally().keys().any(lost), "{:?}", haul.tally());
                prop_assert!(haul.problems.is_empty(), "{:?}", haul.problems);
            }
            Ok(())
        })?;
    }
}

/// A question, by where its Tweets stand in the emulator's endless lists.
#[derive(Clone, Debug)]
struct Question {
    endpoint: Endpoint,
    resolution: Resolution,
    metrics: Vec<Metric>,
    kinds: Vec<(Class, Option<&'static str>, usize)>,
    knows_owners: bool,
    who: Who,
    accounts: usize,
    window: Window,
    concurrency: usize,
    max_requests: Option<u64>,
}

impl Question {
    fn put(&self, stage: &Stage) -> (Query, Asked) {
        let mut ids: Vec<TweetId> = Vec::new();
        let mut owners: Vec<(TweetId, std::sync::Arc<str>)> = Vec::new();
        for (class, owner, count) in &self.kinds {
            let these = stage.emulator.tweets(*class, *owner, *count);
            if let Some(owner) = owner {
                owners.extend(these.iter().map(|id| (*id, (*owner).into())));
            }
            ids.extend(these);
        }
        ids.sort_unstable_by_key(|id| id.get() % 1_000);
        let accounts = HANDLES.into_iter().take(self.accounts).map(|name| stage.account(name));
        let client =
            accounts.fold(stage.client(), engagement::Builder::account).concurrency(self.concurrency);
        let client = match self.max_requests {
            Some(requests) => client.max_requests(requests),
            None => client,
        };
        let client = client.build().unwrap();
        let (query, asked) = match self.endpoint {
            Endpoint::Totals => {
                (client.totals(ids.clone()), Asked::totals(&ids, self.metrics.iter().cloned()))
            }
            Endpoint::Last28Hours => {
                let window = Window::new(hour("2026-11-24T06"), hour("2026-11-25T11")).unwrap();
                (client.last_28_hours(ids.clone()), self.series(&ids, window))
            }
            Endpoint::Historical => {
                (client.historical(ids.clone(), self.window), self.series(&ids, self.window))
            }
        };
        let owners: Owners = owners.into_iter().filter(|_| self.knows_owners).collect();
        let query = query.metrics(Metrics::Named(self.metrics.clone())).resolution(self.resolution);
        (query.who(self.who.clone()).owners(owners), asked)
    }

    fn series(&self, ids: &[TweetId], window: Window) -> Asked {
        Asked::series(ids, self.metrics.iter().cloned(), window, self.resolution)
    }
}

fn question() -> impl Strategy<Value = Question> {
    let endpoint = prop::sample::select(&Endpoint::ALL[..]);
    endpoint.prop_flat_map(|endpoint| {
        let all: Vec<Metric> = endpoint.metrics().collect();
        // Long lists where answers are short.
        let most = if endpoint == Endpoint::Totals { 160_usize } else { 15 };
        let class = prop::sample::select(&Class::ALL[..]);
        let owner = prop::option::of(prop::sample::select(&HANDLES[..]));
        let resolution = prop::sample::select(&[Resolution::Hour, Resolution::Day, Resolution::Total][..]);
        let who = prop_oneof![
            4 => Just(Who::Auto),
            1 => Just(Who::Account("demo_brand".to_owned())),
            1 => Just(Who::App),
        ];
        let window = (1_i32..1_500, 0_i32..4_000).prop_map(|(length, before_end)| {
            let end = hour("2026-11-25T11").plus(-before_end);
            Window::new(end.plus(-length), end).unwrap()
        });
        (
            (Just(endpoint), resolution, subsequence(all, 1..4)),
            prop::collection::vec((class, owner, 1_usize..most), 1..4),
            (any::<bool>(), who, 1_usize..=HANDLES.len(), window),
            (1_usize..5_usize, prop::option::weighted(0.2, 1_u64..5)),
        )
            .prop_map(
                |(
                    (endpoint, resolution, metrics),
                    kinds,
                    (knows_owners, who, accounts, window),
                    (concurrency, max_requests),
                )| Question {
                    endpoint,
                    resolution,
                    metrics,
                    kinds,
                    knows_owners,
                    who,
                    accounts,
                    window,
                    concurrency,
                    max_requests,
                },
            )
    })
}

/// Something that goes wrong for ever, now and then, or once. No 429: that is waited for.
fn fault() -> impl Strategy<Value = Fault> {
    let effect = prop_oneof![
        prop::sample::select(&[400_u16, 401, 403, 404, 500, 503][..])
            .prop_map(|status| Fault { status: Some(status), ..Fault::default() }),
        prop::sample::select(
            &["", "<html>", "{}", "[]", r#"{"errors":["internal server error"]}"#, "{\"engagement\":7}"][..]
        )
        .prop_map(|body| Fault { body: Some(body.to_owned()), ..Fault::default() }),
        (0_u64..2_000).prop_map(|bytes| Fault { reset_after_bytes: Some(bytes), ..Fault::default() }),
        (1_usize..300).prop_map(|bytes| Fault { truncate_gzip: bytes, ..Fault::default() }),
        Just(Fault { drop: true, ..Fault::default() }),
    ];
    let when = prop_oneof![
        Just((None, None)),
        (2_u64..4).prop_map(|n| (n.try_into().ok(), None)),
        (1_u64..4).prop_map(|n| (None, n.try_into().ok())),
    ];
    (effect, when).prop_map(|(effect, (every, nth))| Fault {
        endpoint: FaultTarget::Any,
        every,
        nth,
        ..effect
    })
}

const HANDLES: [&str; 3] = ["demo_brand", "demo_news", "demo_sport"];
