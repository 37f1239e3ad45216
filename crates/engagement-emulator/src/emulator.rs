//! Starting and stopping.

use std::{io, net::SocketAddr, sync::Arc};

use engagement_model::{Endpoint, Metric, TweetId, Window};
use jiff::Timestamp;
use tokio::{
    io::DuplexStream,
    net::TcpListener,
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::AbortHandle,
};

use crate::{
    answer::truth,
    clock::{InvalidClock, Motion},
    counters::Counters,
    emulation::{DEFAULT_QUOTA, Emulation},
    faults::Faults,
    server::Server,
    switches::Switches,
    world::{Class, World},
};
#[cfg(feature = "tls")]
use crate::{
    server::Security,
    tls::{Tls, TlsError},
};

/// A running emulator. It stops when dropped, and every connection with it.
///
/// ```
/// use engagement_emulator::Emulator;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let emulator = Emulator::builder().seed(1).start().await?;
/// assert!(emulator.url().starts_with("http://127.0.0.1:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Emulator {
    emulation: Arc<Emulation>,
    url: String,
    addr: SocketAddr,
    within: UnboundedSender<DuplexStream>,
    task: AbortHandle,
}

impl Emulator {
    /// An emulator to be started: the demo world with seed 1, on a free loopback port, by the machine's clock.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it is, such as `http://127.0.0.1:8080`: the base URL of data and OAuth endpoints alike.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A connection without a socket, on which plain HTTP is spoken. A test whose clock is paused needs one: the time of
    /// a real socket is the machine's.
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(IN_FLIGHT);
        // It fails when the runtime has ended, and then the other end finds the connection closed.
        let _ = self.within.send(theirs);
        ours
    }

    /// What exists.
    pub fn world(&self) -> &World {
        &self.emulation.world
    }

    /// What was asked so far.
    pub fn counters(&self) -> Counters {
        self.emulation.tally.read()
    }

    /// Puts these faults in the place of those in force; none at all ends them.
    pub fn set_faults(&self, faults: Faults) {
        self.emulation.trouble.set(faults);
    }

    /// Changes how many requests a minute are answered.
    pub fn set_quota(&self, per_minute: u32) {
        self.emulation.quota.set(per_minute);
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.emulation.clock.now()
    }

    /// Sets the clock, which runs on from there.
    ///
    /// # Errors
    ///
    /// Times in which no Tweet has a usable id.
    pub fn set_clock(&self, now: Timestamp) -> Result<(), InvalidClock> {
        self.emulation.set_clock(now, Motion::Runs)
    }

    /// Stops the clock at this time.
    ///
    /// # Errors
    ///
    /// As for [`Emulator::set_clock`].
    pub fn freeze_clock(&self, at: Timestamp) -> Result<(), InvalidClock> {
        self.emulation.set_clock(at, Motion::Stands)
    }

    /// The first `count` Tweets of a class, of this account or else of the first; none if there is no such account. There
    /// are fewer where the clock is so early that some of the class's ages had no Tweets yet.
    pub fn tweets(&self, class: Class, screen_name: Option<&str>, count: usize) -> Vec<TweetId> {
        let world = &self.emulation.world;
        let owner = match screen_name.map(|name| world.account(name)) {
            Some(None) => return Vec::new(),
            Some(Some(account)) => Some(account.user_id),
            None => None,
        };
        let ids = world.tweets(class, owner, count, self.now());
        ids.into_iter().filter_map(|id| TweetId::new(id).ok()).collect()
    }

    /// What the endpoints answer for a Tweet: the series endpoints for a window, totals without one. `None` if their
    /// answer has no count.
    pub fn truth(&self, tweet_id: TweetId, metric: &Metric, window: Option<Window>) -> Option<u64> {
        let emulation = &self.emulation;
        let hours = window.map(|window| window.start()..window.end());
        truth(&emulation.world, &tweet_id.to_string(), metric, hours, &emulation.switches, self.now())
    }

    /// The URL of an endpoint.
    pub fn endpoint(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.url, endpoint.path())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How an emulator is to be. See [`Emulator::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    seed: u64,
    listen: SocketAddr,
    allow_remote: bool,
    now: Option<Timestamp>,
    frozen: bool,
    world: World,
    quota: u32,
    strict: bool,
    switches: Option<Switches>,
    faults: Faults,
    public_url: Option<String>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    #[cfg(feature = "tls")]
    proxy: Option<Tls>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            seed: 1,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            allow_remote: false,
            now: None,
            frozen: false,
            world: World::demo(),
            quota: DEFAULT_QUOTA,
            strict: false,
            switches: None,
            faults: Faults::default(),
            public_url: None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            proxy: None,
        }
    }
}

impl Builder {
    /// What the data of all Tweets is made from; 1 unless this says otherwise.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Where to listen; port 0 is a free one.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Whether an address that other machines can reach is allowed. The test interface stays closed to them.
    #[must_use]
    pub fn allow_remote(self, allow_remote: bool) -> Self {
        Self { allow_remote, ..self }
    }

    /// What time it is at the start; the clock runs on from there.
    #[must_use]
    pub fn now(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Whether the clock stands still, quota and all.
    #[must_use]
    pub fn frozen(self, frozen: bool) -> Self {
        Self { frozen, ..self }
    }

    /// What exists; the demo world unless this says otherwise.
    #[must_use]
    pub fn world(self, world: World) -> Self {
        Self { world, ..self }
    }

    /// How many requests a minute an app may make; 60 unless this says otherwise.
    #[must_use]
    pub fn quota(self, per_minute: u32) -> Self {
        Self { quota: per_minute, ..self }
    }

    /// Refuses what the documentation does not say is allowed, as [`Switches::strict`] does.
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Choices where the documentation leaves one, in place of those of the world.
    #[must_use]
    pub fn switches(self, switches: Switches) -> Self {
        Self { switches: Some(switches), ..self }
    }

    /// What goes wrong from the start.
    #[must_use]
    pub fn faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Scheme and host for which clients sign, if a proxy stands between that changes them. Unless this says otherwise
    /// it is what the `Host` header says.
    #[must_use]
    pub fn public_url(self, url: impl Into<String>) -> Self {
        Self { public_url: Some(url.into()), ..self }
    }

    /// Serves https, with this certificate. A plain request is still answered, so that a proxy can be asked for
    /// connections in the clear.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Answers CONNECT for the hosts of the real service with this certificate, and refuses other hosts: clients that
    /// know nothing of the emulator reach it through `HTTPS_PROXY`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn proxy(self, tls: Tls) -> Self {
        Self { proxy: Some(tls), ..self }
    }

    /// Starts it on the current tokio runtime, which needs its I/O and time drivers.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(self) -> Result<Emulator, StartError> {
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            return Err(StartError::Remote { listen: self.listen });
        }
        let mut world = self.world;
        world.seed = self.seed;
        let mut emulation = Emulation::new(world);
        if let Some(switches) = self.switches {
            emulation.switches = switches;
        }
        emulation.switches.strict |= self.strict;
        emulation.public_url = self.public_url;
        emulation.quota.set(self.quota);
        emulation.trouble.set(self.faults);
        if self.now.is_some() || self.frozen {
            let motion = if self.frozen { Motion::Stands } else { Motion::Runs };
            emulation.clock.set(self.now.unwrap_or_else(|| emulation.clock.now()), motion)?;
        }
        let emulation = Arc::new(emulation);

        let listen = self.listen;
        let bound =
            TcpListener::bind(listen).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (addr, listener) = bound.map_err(|source| StartError::Listen { listen, source })?;
        #[cfg(feature = "tls")]
        let is_https = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let is_https = false;
        #[cfg(feature = "tls")]
        let security = Security {
            is_https,
            is_proxy: self.proxy.is_some(),
            acceptor: self.tls.or(self.proxy).map(|tls| tls.acceptor()).transpose()?,
        };
        let server = Server::new(
            Arc::clone(&emulation),
            #[cfg(feature = "tls")]
            security,
        );
        let (within, from_within) = unbounded_channel();
        let task = tokio::spawn(Arc::new(server).run(listener, from_within)).abort_handle();
        let scheme = if is_https { "https" } else { "http" };
        Ok(Emulator { emulation, url: format!("{scheme}://{addr}"), addr, within, task })
    }
}

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Other machines could reach it, and nobody allowed that.
    #[error(
        "{listen} can be reached from other machines; listen on a loopback address, or allow remote callers"
    )]
    Remote {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The clock cannot be set to this time.
    #[error("the clock cannot be set")]
    Clock(#[from] InvalidClock),
    /// The certificate cannot be used.
    #[cfg(feature = "tls")]
    #[error("TLS cannot be served")]
    Tls(#[from] TlsError),
}

/// What one end of a connection without a socket may write before the other reads.
const IN_FLIGHT: usize = 64 * 1024;
