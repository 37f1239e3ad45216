use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::budget::Budget;
use crate::clock::ServerClock;
use crate::connection::Connection;
#[cfg(feature = "http2")]
use crate::multiplexed::Multiplexed;
use crate::poison;
use crate::url::Origin;

/// The hosts that calls go to, for as long as they do.
#[derive(Default)]
pub(crate) struct Hosts(Mutex<Known>);

impl Hosts {
    /// This one, made if it is not known.
    pub(crate) fn get(&self, origin: &Origin, make: impl FnOnce() -> Host) -> Arc<Host> {
        let mut known = poison::lock(&self.0);
        if let Some(host) = known.hosts.get(origin) {
            return host.clone();
        }
        if known.hosts.len() >= known.most {
            known.hosts.retain(|_, host| !host.is_at_rest());
            // Looking through them costs the less the rarer it is.
            known.most = FEW_HOSTS.max(2 * known.hosts.len());
        }
        let host = Arc::new(make());
        known.hosts.insert(origin.clone(), host.clone());
        host
    }
}

struct Known {
    hosts: HashMap<Origin, Arc<Host>>,
    /// At so many, those at rest are forgotten, with what is known of their clocks and their budgets.
    most: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self { hosts: HashMap::new(), most: FEW_HOSTS }
    }
}

/// What is shared by all calls to one scheme, host and port: connections, clock and retry budget.
pub(crate) struct Host {
    /// One permit for each connection that may be open and in use.
    pub(crate) permits: Semaphore,
    pub(crate) clock: ServerClock,
    pub(crate) budget: Budget,
    idle: Mutex<Idle>,
    #[cfg(feature = "http2")]
    shared: Shared,
    idle_timeout: Duration,
}

impl Host {
    pub(crate) fn new(max_connections: usize, idle_timeout: Duration) -> Self {
        Self {
            permits: Semaphore::new(max_connections),
            clock: ServerClock::default(),
            budget: Budget::full(),
            idle: Mutex::default(),
            #[cfg(feature = "http2")]
            shared: Shared::default(),
            idle_timeout,
        }
    }

    /// Whether nobody uses it, its list apart, and no connection is open that somebody could use.
    fn is_at_rest(self: &Arc<Self>) -> bool {
        #[cfg(feature = "http2")]
        if poison::lock(&self.shared.current)
            .connection
            .as_mut()
            .is_some_and(|current| self.is_usable(current))
        {
            return false;
        }
        Arc::strong_count(self) == 1 && poison::lock(&self.idle).parked.is_empty()
    }

    /// The connection used last, because it is the likeliest to live; the rest then grow old and go.
    pub(crate) async fn take_idle(&self) -> Option<Box<Connection>> {
        loop {
            let parked = poison::lock(&self.idle).parked.pop_back()?;
            let mut connection = parked.connection;
            if Instant::now() < parked.expires && connection.is_ready().await {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next call, unless it is spent.
    pub(crate) async fn park(self: &Arc<Self>, mut connection: Box<Connection>, answer: &HeaderMap) {
        if !connection.is_reusable().await {
            return;
        }
        let lifetime = server_keeps(answer).map_or(self.idle_timeout, |kept| kept.min(self.idle_timeout));
        let reap = {
            let mut idle = poison::lock(&self.idle);
            idle.parked.push_back(Parked { connection, expires: Instant::now() + lifetime });
            !std::mem::replace(&mut idle.reaping, true)
        };
        if reap {
            self.spawn_reaper();
        }
    }

    /// The connection that calls share, if there is one and it is not too old.
    #[cfg(feature = "http2")]
    pub(crate) fn share(&self) -> Option<Multiplexed> {
        let mut current = poison::lock(&self.shared.current);
        let shared = current.connection.as_mut()?;
        if self.is_usable(shared) {
            shared.1 = Instant::now();
            return Some(shared.0.clone());
        }
        current.connection = None;
        None
    }

    #[cfg(feature = "http2")]
    fn is_usable(&self, (connection, used): &mut (Multiplexed, Instant)) -> bool {
        connection.is_open() && Instant::now() < *used + self.idle_timeout
    }

    /// Shares this connection no longer, if it is still the one.
    #[cfg(feature = "http2")]
    pub(crate) fn forget(&self, failed: &Multiplexed) {
        let mut current = poison::lock(&self.shared.current);
        if current.connection.as_ref().is_some_and(|(connection, _)| connection.is(failed)) {
            current.connection = None;
        }
    }

    /// From now on calls share this connection.
    #[cfg(feature = "http2")]
    pub(crate) fn set_shared(self: &Arc<Self>, connection: Multiplexed) {
        let mut current = poison::lock(&self.shared.current);
        current.connection = Some((connection, Instant::now()));
        if !std::mem::replace(&mut current.is_watched, true) {
            self.spawn_watch();
        }
    }

    /// Closes the shared connection when its time is over. Calls that are still under way on it keep it until they end.
    #[cfg(feature = "http2")]
    fn spawn_watch(self: &Arc<Self>) {
        let (host, idle_timeout) = (Arc::downgrade(self), self.idle_timeout);
        tokio::spawn(async move {
            let mut next = Instant::now() + idle_timeout;
            loop {
                tokio::time::sleep_until(next).await;
                let Some(host) = host.upgrade() else { return };
                let mut current = poison::lock(&host.shared.current);
                match &current.connection {
                    Some((_, used)) if *used + idle_timeout > Instant::now() => next = *used + idle_timeout,
                    _ => {
                        *current = Current::default();
                        return;
                    }
                }
            }
        });
    }

    /// Held while a connection is opened that others may share, so that they wait for it and open none of their own.
    #[cfg(feature = "http2")]
    pub(crate) async fn opening(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.opening.lock().await
    }

    /// Closes connections when their time is over, and ends with the last of them or with the transport.
    fn spawn_reaper(self: &Arc<Self>) {
        let host = Arc::downgrade(self);
        let first = self.idle_timeout;
        tokio::spawn(async move {
            let mut next = Instant::now() + first;
            loop {
                tokio::time::sleep_until(next).await;
                let Some(host) = host.upgrade() else { return };
                let now = Instant::now();
                let mut spent = Vec::new();
                {
                    let mut idle = poison::lock(&host.idle);
                    while idle.parked.front().is_some_and(|parked| parked.expires <= now) {
                        spent.extend(idle.parked.pop_front());
                    }
                    match idle.parked.front() {
                        Some(oldest) => next = oldest.expires,
                        None => {
                            idle.reaping = false;
                            return;
                        }
                    }
                }
                drop(spent);
            }
        });
    }
}

#[derive(Default)]
struct Idle {
    /// Oldest first.
    parked: VecDeque<Parked>,
    reaping: bool,
}

#[cfg(feature = "http2")]
#[derive(Default)]
struct Shared {
    current: Mutex<Current>,
    opening: tokio::sync::Mutex<()>,
}

#[cfg(feature = "http2")]
#[derive(Default)]
struct Current {
    /// With the time of its last use.
    connection: Option<(Multiplexed, Instant)>,
    /// Whether somebody sees to its end.
    is_watched: bool,
}

struct Parked {
    connection: Box<Connection>,
    expires: Instant,
}

/// How long the server says that it keeps an idle connection, less a second for the way.
fn server_keeps(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    Some(Duration::from_secs(seconds.trim().parse::<u64>().ok()?.saturating_sub(1)))
}

/// More than a program talks to that talks to one API.
const FEW_HOSTS: usize = 64;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::url::Url;

    #[test]
    fn hosts_at_rest_are_forgotten() {
        let hosts = Hosts::default();
        let get = |port: u16| {
            let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
            hosts.get(url.origin(), || Host::new(1, Duration::ZERO))
        };
        let in_use: Vec<_> = (1..=100).map(get).collect();
        for port in 1..=5_000 {
            get(port);
            assert!(poison::lock(&hosts.0).hosts.len() <= 200, "{port}");
        }
        for (port, host) in (1..=100).zip(in_use) {
            assert!(Arc::ptr_eq(&get(port), &host), "{port}");
        }
    }

    #[test]
    fn reads_how_long_the_server_keeps_a_connection() {
        let keeps = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("keep-alive", HeaderValue::from_static(value));
            server_keeps(&headers)
        };
        assert_eq!(keeps("timeout=5, max=100"), Some(Duration::from_secs(4)));
        assert_eq!(keeps("max=100, timeout=0"), Some(Duration::ZERO));
        assert_eq!(keeps("timeout=soon"), None);
        assert_eq!(server_keeps(&HeaderMap::new()), None);
    }
}
