//! The emulator and its visitors.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use engagement::{
    Account, App, Client,
    model::{Endpoint, UtcHour},
    transport::Clock,
};
use engagement_emulator::Emulator;
use jiff::Timestamp;

/// An emulator whose clock stands still at [`Stage::NOW`], with more quota than any suite can use.
#[derive(Debug)]
pub struct Stage {
    /// The emulator.
    pub emulator: Emulator,
}

impl Stage {
    /// What time it is, unless a suite says otherwise: within an hour, so that both roundings show.
    pub const NOW: &'static str = "2026-11-25T10:34:56Z";

    /// An emulator of the demo world.
    pub async fn set() -> Self {
        Self::with(|builder| builder).await
    }

    /// The same with other settings.
    pub async fn with(
        change: impl FnOnce(engagement_emulator::Builder) -> engagement_emulator::Builder,
    ) -> Self {
        let now = Self::NOW.parse().expect("the constant is a time");
        let builder = Emulator::builder().now(now).frozen(true).quota(QUOTA);
        let emulator = change(builder).start().await.expect("loopback has a free port");
        Self { emulator }
    }

    /// A client of the demo app, by consumer key and bearer token, that is yet without accounts.
    ///
    /// It repeats without waiting long. It goes by the emulator's clock, as that stands now.
    pub fn client(&self) -> engagement::Builder {
        let app = App::consumer("demo-consumer-key", "demo-consumer-secret").with_bearer("AAAAdemo%3Dtoken");
        self.client_of(app)
    }

    /// A client of this app, that is yet without accounts.
    pub fn client_of(&self, app: App) -> engagement::Builder {
        let moment = Duration::from_millis(1);
        Client::builder()
            .base_url(self.emulator.url())
            .clock(self.clock())
            .transport(|transport| transport.backoff(moment, moment * 4))
            .app(app)
    }

    /// The same without sockets: for a test whose clock is paused.
    pub fn client_in_memory(self: &Arc<Self>) -> engagement::Builder {
        let stage = self.clone();
        self.client().transport(move |transport| {
            transport.connector(move |_| {
                let connection = stage.emulator.connect();
                async move { Ok(connection) }
            })
        })
    }

    /// The emulator's clock, as it stands now.
    pub fn clock(&self) -> StoppedClock {
        StoppedClock::at(self.emulator.now())
    }

    /// The app alone.
    pub fn app_only(&self) -> Client {
        self.client().build().expect("the demo app is complete")
    }

    /// The app with the token of `demo_brand`.
    pub fn owner(&self) -> Client {
        self.client().account(self.account("demo_brand")).build().expect("the demo account is complete")
    }

    /// The app with all tokens of the demo world.
    pub fn owners(&self) -> Client {
        let accounts =
            self.emulator.world().accounts().iter().map(|account| self.account(&account.screen_name));
        let client = accounts.fold(self.client(), engagement::Builder::account);
        client.build().expect("the demo accounts are complete")
    }

    /// The token of an account.
    pub fn account(&self, screen_name: &str) -> Account {
        let accounts = self.emulator.world().accounts();
        let account = accounts.iter().find(|account| account.screen_name == screen_name);
        let account = account.expect("the demo world has the account");
        let (token, secret) = (account.access_token.clone(), account.access_token_secret.clone());
        Account::new(token, secret).handle(screen_name)
    }

    /// How often the endpoint answered with each status.
    pub fn answered(&self, endpoint: Endpoint) -> BTreeMap<String, u64> {
        self.emulator.counters().by_endpoint.remove(endpoint.name()).unwrap_or_default()
    }

    /// How many requests came to the three endpoints. Those for a bearer token cost no quota, and are none of them.
    pub fn requests(&self) -> u64 {
        Endpoint::ALL.iter().flat_map(|endpoint| self.answered(*endpoint).into_values()).sum()
    }
}

/// A clock that shows one time for ever.
#[derive(Clone, Copy, Debug)]
pub struct StoppedClock(SystemTime);

impl StoppedClock {
    /// Stopped at this time.
    pub fn at(time: Timestamp) -> Self {
        let since = u64::try_from(time.as_second()).expect("the emulator's clock begins in 2010");
        Self(SystemTime::UNIX_EPOCH + Duration::from_secs(since))
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// The hour that begins at a time written as `2026-11-25T10`.
pub fn hour(text: &str) -> UtcHour {
    let time: Timestamp = format!("{text}:00:00Z").parse().expect("a suite writes hours as they are");
    UtcHour::containing(time)
}

const QUOTA: u32 = 1_000_000;
