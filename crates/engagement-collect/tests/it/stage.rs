//! An emulator, a store and what goes on between them.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use engagement::{Account, App, Client, Problem, ProblemKind, transport::Clock};
use engagement_collect::{
    Ended, Job, List, Making, Question, Report, Run, Standing, find, make,
    model::{State, TweetId},
};
use engagement_emulator::Emulator;
use engagement_store::{Collector, Store};

/// An emulator whose clock stands still, and a folder with a store in it.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(
        change: impl FnOnce(engagement_emulator::Builder) -> engagement_emulator::Builder,
    ) -> Self {
        let now = "2026-11-25T10:34:56Z".parse().unwrap();
        let builder = Emulator::builder().now(now).frozen(true).quota(1_000_000);
        Self { emulator: change(builder).start().await.unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("engagement.db")
    }

    /// The app, with the accounts of these names.
    pub(crate) fn client(&self, accounts: &[&str]) -> Client {
        self.builder(accounts).build().unwrap()
    }

    pub(crate) fn builder(&self, accounts: &[&str]) -> engagement::Builder {
        let moment = Duration::from_millis(1);
        let app = App::consumer("demo-consumer-key", "demo-consumer-secret").with_bearer("AAAAdemo%3Dtoken");
        let known = self.emulator.world().accounts();
        let mut builder = Client::builder()
            .base_url(self.emulator.url())
            .clock(self.clock(0))
            .transport(|transport| transport.backoff(moment, moment * 4))
            .app(app);
        for name in accounts {
            let account = known.iter().find(|account| account.screen_name == *name).unwrap();
            let token = Account::new(account.access_token.clone(), account.access_token_secret.clone());
            builder = builder.account(token.handle(*name));
        }
        builder
    }

    /// A clock that stands still, so many seconds after the emulator's.
    pub(crate) fn clock(&self, ahead: i64) -> impl Clock + Clone + use<> {
        let now = self.emulator.now().as_second() + ahead;
        Stopped(SystemTime::UNIX_EPOCH + Duration::from_secs(now.cast_unsigned()))
    }

    pub(crate) fn store(&self) -> Store {
        Store::create(self.path(), self.emulator.now()).unwrap()
    }

    pub(crate) fn collector(&self) -> Collector {
        self.store().collector(self.emulator.now()).unwrap()
    }

    /// Goes on with the job, or makes it, and runs it to its end.
    pub(crate) async fn collect(&self, client: Client, question: &Question, ids: &[TweetId]) -> Outcome {
        let list = List::new(ids.iter().copied());
        match find(&self.store().reader().unwrap(), question, &list).unwrap() {
            Standing::Unfinished(job) | Standing::Over(job) => {
                run(client, self.collector(), &job, question).await
            }
            _ => self.begin(client, question, list, Making::default()).await,
        }
    }

    /// The same where it is known whose the Tweets are.
    pub(crate) async fn collect_owned(
        &self,
        client: Client,
        question: &Question,
        owners: &[(&str, &[TweetId])],
    ) -> Outcome {
        let mut making = Making::default();
        for (owner, ids) in owners {
            ids.iter().for_each(|id| making.owners.add(*id, owner));
        }
        let list = List::new(owners.iter().flat_map(|(_, ids)| ids.iter().copied()));
        self.begin(client, question, list, making).await
    }

    /// Another observation.
    pub(crate) async fn again(&self, client: Client, question: &Question, ids: &[TweetId]) -> Outcome {
        self.begin(client, question, List::new(ids.iter().copied()), Making::default()).await
    }

    pub(crate) async fn begin(
        &self,
        client: Client,
        question: &Question,
        list: List,
        making: Making,
    ) -> Outcome {
        let mut collector = self.collector();
        let job = make(&mut collector, &client, question, list, making).unwrap();
        run(client, collector, &job, question).await
    }

    /// Waits until nobody collects into the store.
    pub(crate) async fn until_free(&self) {
        while self.store().collector(self.emulator.now()).is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// The number that a query gives.
    pub(crate) fn count(&self, sql: &str) -> u64 {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.emulator.counters().total
    }
}

pub(crate) async fn run(client: Client, collector: Collector, job: &Job, question: &Question) -> Outcome {
    let mut run = Run::new(client, collector, job.id(), question).unwrap();
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    while let Some(step) = run.next().await {
        problems.extend(step.problems);
        warnings.extend(step.warnings);
    }
    let (report, ended) = run.finish().await.unwrap();
    Outcome { report, ended, problems, warnings }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) ended: Option<Ended>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

impl Outcome {
    /// Tweets by state, those that there are.
    pub(crate) fn tweets(&self) -> BTreeMap<&'static str, u64> {
        assert_eq!(self.report.tweets.total(), self.report.asked);
        let states = State::ALL.into_iter().map(|state| (state.name(), self.report.tweets.of(state)));
        states.filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn kinds(&self) -> Vec<ProblemKind> {
        self.problems.iter().map(|problem| problem.kind).collect()
    }
}

#[derive(Clone, Copy)]
struct Stopped(SystemTime);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }
}
