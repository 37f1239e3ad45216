use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use oauth_core::NonceCounter;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::clock::{Clock, SystemClock};
use crate::connector::{Connector, Custom, Http};
use crate::counters::Tally;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::host::Hosts;
use crate::jitter::Jitter;
use crate::proxy::Proxy;
use crate::reading::Limits;
use crate::resolver::Resolver;
use crate::secrets::Secrets;
use crate::stream::Duplex;
use crate::transport::{Backoff, Inner, Policy, Transport};

/// Settings of a [`Transport`], each with a default that suits an API far away.
#[must_use]
pub struct Builder {
    connect_timeout: Duration,
    attempt_timeout: Duration,
    total_timeout: Option<Duration>,
    stall_timeout: Option<Duration>,
    idle_timeout: Duration,
    max_body: usize,
    max_attempts: u32,
    max_connections: usize,
    max_quota_wait: Duration,
    backoff: Backoff,
    roots: Vec<u8>,
    proxy: Proxy,
    resolver: Resolver,
    connector: Option<Custom>,
    http: Http,
    clock: Arc<dyn Clock>,
    seed: Option<u64>,
    user_agent: HeaderValue,
    on_event: Option<Hook>,
}

/// What hears of events.
pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            total_timeout: None,
            stall_timeout: None,
            idle_timeout: Duration::from_secs(45),
            max_body: 32 << 20,
            max_attempts: 5,
            max_connections: 16,
            max_quota_wait: Duration::from_secs(30 * 60),
            backoff: Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(8) },
            roots: Vec::new(),
            proxy: Proxy::from_env(),
            resolver: Resolver::system(),
            connector: None,
            http: Http::One,
            clock: Arc::new(SystemClock),
            seed: None,
            user_agent: HeaderValue::from_static(concat!("engagement/", env!("CARGO_PKG_VERSION"))),
            on_event: None,
        }
    }

    /// How long opening a connection may take, name look-up and TLS included. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, from connecting to the last byte of the answer. Default 30 s.
    ///
    /// A call as a whole ends within four times this and 15 s more, waits for quota aside, unless
    /// [`Builder::total_timeout`] says otherwise.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long a call may take with all of its attempts, waits for quota aside.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = Some(timeout);
        self
    }

    /// Once an answer has begun, at least a kilobyte must arrive in each stretch of this length, or all that is left.
    /// Default: a third of the attempt's timeout, and 10 s at least.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = Some(timeout);
        self
    }

    /// How long an unused connection is kept. Should be shorter than the server keeps it; a server that says how long
    /// in a `keep-alive` header is believed. Default 45 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// The largest body in bytes, as sent and as inflated. Default 32 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How many requests one call may send. Default 5; zero is taken for one.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// How many connections may be open to one host, which is also how many calls are under way at a time; further
    /// ones queue in order. Default 16; zero is taken for one.
    ///
    /// At 300 ms a call, sixteen carry 3,000 calls a minute. More cost a TLS handshake each and do not make anything
    /// quicker where it is the server, the network or the quota that sets the pace.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// How long one call may wait for quota in all. Default 30 minutes. A wait that would take it beyond is not begun.
    pub fn max_quota_wait(mut self, wait: Duration) -> Self {
        self.max_quota_wait = wait;
        self
    }

    /// How long a repetition is put off: anything up to `first`, then up to twice that, and so on, never more than
    /// `longest`. Default 500 ms and 8 s.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { first, longest };
        self
    }

    /// Certificates in PEM to trust besides the system's.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = pem.into();
        self
    }

    /// Which proxy to use. Default [`Proxy::from_env`].
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Which versions of HTTP to speak. Default [`Http::One`].
    ///
    /// Over HTTP/2 calls to a host share connections: another is opened when 32 calls are under way on each that there
    /// is, up to [`Builder::max_connections`], which does not bound the calls then. With tens of calls under way at a
    /// time it is the quicker of the two, because they share records of TLS and calls of the system as well.
    pub fn http(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    /// Looks up hosts with this function and not with the system's resolver. It is asked at each attempt to connect. Both
    /// families of addresses are raced; those of one are tried in the order given.
    pub fn resolver<F, R>(mut self, look_up: F) -> Self
    where
        F: Fn(&str) -> R + Send + Sync + 'static,
        R: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.resolver = Resolver::Custom(Arc::new(move |host| Box::pin(look_up(host))));
        self
    }

    /// Opens connections with this function and not over the network: in memory, through a socket file, as a test
    /// likes. It is given scheme, host and port, and for `https` the TLS is its own business.
    pub fn connector<F, C, S>(mut self, connect: F) -> Self
    where
        F: Fn(Uri) -> C + Send + Sync + 'static,
        C: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.connector = Some(Arc::new(move |server| {
            let connecting = connect(server);
            Box::pin(async move { Ok(Box::new(connecting.await?) as Box<dyn Duplex>) })
        }));
        self
    }

    /// The clock that timestamps are read from. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes nonces and delays repeatable, for tests. Never for a real server: its nonces can be guessed and repeat
    /// those of any other run with the same seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The `user-agent` of every request that does not bring its own.
    pub fn user_agent(mut self, user_agent: HeaderValue) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// Hears of waits, repetitions and what is learnt of quotas. Called on the task that makes the call.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(hook));
        self
    }

    /// Checks the settings. Opens no connection, and leaves the system's certificates for the first that needs them.
    pub fn build(self) -> Result<Transport, Error> {
        let stall_timeout = self.stall_timeout.unwrap_or((self.attempt_timeout / 3).max(STALL));
        let timeouts = [self.connect_timeout, self.attempt_timeout, stall_timeout];
        if timeouts.contains(&Duration::ZERO) || self.total_timeout == Some(Duration::ZERO) {
            return Err(Error::new(ErrorKind::Config).because("a timeout must be longer than nothing"));
        }
        let others = [self.idle_timeout, self.backoff.first, self.backoff.longest];
        if timeouts.iter().chain(&self.total_timeout).chain(&others).any(|time| *time > LONGEST_TIMEOUT) {
            let reason = "a timeout or backoff must not be longer than a day";
            return Err(Error::new(ErrorKind::Config).because(reason));
        }
        let secrets = Secrets::default();
        for secret in self.proxy.secrets() {
            secrets.learn(&secret);
        }
        let connector = match self.connector {
            Some(custom) => Connector::Custom(custom),
            None => {
                Connector::network(&self.roots, self.proxy, self.resolver, self.connect_timeout, self.http)?
            }
        };
        let nonces = match self.seed {
            None => {
                NonceCounter::new().map_err(|error| Error::new(ErrorKind::Config).caused_by(error.into()))?
            }
            Some(seed) => {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&seed.to_le_bytes());
                NonceCounter::from_seed(bytes)
            }
        };
        let total_timeout = self.total_timeout.unwrap_or(self.attempt_timeout * 4 + TOTAL_ALLOWANCE);
        Ok(Transport(Arc::new(Inner {
            policy: Policy {
                connect_timeout: self.connect_timeout,
                attempt_timeout: self.attempt_timeout,
                total_timeout,
                idle_timeout: self.idle_timeout,
                limits: Limits { body: self.max_body, stall: stall_timeout },
                max_attempts: self.max_attempts,
                max_connections: self.max_connections,
                max_quota_wait: self.max_quota_wait.min(LONGEST_TIMEOUT),
                backoff: self.backoff,
            },
            connector,
            clock: self.clock,
            nonces,
            jitter: self.seed.map_or_else(Jitter::new, Jitter::seeded),
            user_agent: self.user_agent,
            on_event: self.on_event,
            hosts: Hosts::default(),
            tally: Tally::default(),
            secrets,
        })))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("connect_timeout", &self.connect_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("stall_timeout", &self.stall_timeout)
            .field("max_body", &self.max_body)
            .field("max_attempts", &self.max_attempts)
            .field("max_connections", &self.max_connections)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Beyond it sums of times could overflow, and nobody waits for an answer for a day.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// What counts as a stall where the attempt's timeout is short.
const STALL: Duration = Duration::from_secs(10);

/// Room in a call's time for the backoffs between its attempts.
const TOTAL_ALLOWANCE: Duration = Duration::from_secs(15);
