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
    #[cfg(feature = "http2")]
    max_connections: usize,
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
            #[cfg(feature = "http2")]
            max_connections,
        }
    }

    /// Whether nobody uses it, its list apart, and no connection is open that somebody could use.
    fn is_at_rest(self: &Arc<Self>) -> bool {
        #[cfg(feature = "http2")]
        if poison::lock(&self.shared.open).connections.iter_mut().any(|open| self.is_usable(open)) {
            return false;
        }
        Arc::strong_count(self) == 1 && poison::lock(&self.idle).parked.is_empty()
    }

    /// The connection used last, because it is the likeliest to live; the rest then grow old and go.
    pub(crate) fn take_idle(&self) -> Option<Box<Connection>> {
        loop {
            let parked = poison::lock(&self.idle).parked.pop_back()?;
            let mut connection = parked.connection;
            if Instant::now() < parked.expires && connection.is_ready() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next call, unless it is spent.
    pub(crate) fn park(self: &Arc<Self>, mut connection: Box<Connection>, answer: &HeaderMap) {
        if !connection.is_reusable() {
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

    /// Of the connections that calls share the one with the fewest under way, if one is open and not too old. Also
    /// whether the caller is to open another, because each of them has its fill: one caller at a time is told so.
    #[cfg(feature = "http2")]
    pub(crate) fn share(&self) -> Option<(Multiplexed, bool)> {
        let mut open = poison::lock(&self.shared.open);
        open.connections.retain_mut(|connection| self.is_usable(connection));
        let count = open.connections.len();
        let (connection, used) = open.connections.iter_mut().min_by_key(|(open, _)| open.calls())?;
        *used = Instant::now();
        let connection = connection.clone();
        let is_full = connection.calls() > FILL && count < open.most.min(self.max_connections);
        let opens_another = is_full && !std::mem::replace(&mut open.is_growing, true);
        Some((connection, opens_another))
    }

    #[cfg(feature = "http2")]
    fn is_usable(&self, (connection, used): &mut (Multiplexed, Instant)) -> bool {
        connection.is_open() && Instant::now() < *used + self.idle_timeout
    }

    /// Shares this connection no longer, if it still does.
    #[cfg(feature = "http2")]
    pub(crate) fn forget(&self, failed: &Multiplexed) {
        poison::lock(&self.shared.open).connections.retain(|(connection, _)| !connection.is(failed));
    }

    /// From now on calls share this connection, too.
    #[cfg(feature = "http2")]
    pub(crate) fn set_shared(self: &Arc<Self>, connection: Multiplexed) {
        let mut open = poison::lock(&self.shared.open);
        if open.connections.is_empty() {
            open.most = usize::MAX;
        }
        open.connections.push((connection, Instant::now()));
        if !std::mem::replace(&mut open.is_watched, true) {
            self.spawn_watch();
        }
    }

    /// Shares what the caller of [`Host::share`] has opened, or asks for no more beside those that there are.
    #[cfg(feature = "http2")]
    pub(crate) fn grow(self: &Arc<Self>, another: Option<Multiplexed>) {
        {
            let mut open = poison::lock(&self.shared.open);
            open.is_growing = false;
            if another.is_none() {
                open.most = open.connections.len();
            }
        }
        if let Some(connection) = another {
            self.set_shared(connection);
        }
    }

    /// Closes the shared connections when their time is over. Calls that are still under way on one keep it until they
    /// end.
    #[cfg(feature = "http2")]
    fn spawn_watch(self: &Arc<Self>) {
        let (host, idle_timeout) = (Arc::downgrade(self), self.idle_timeout);
        tokio::spawn(async move {
            let mut next = Instant::now() + idle_timeout;
            loop {
                tokio::time::sleep_until(next).await;
                let Some(host) = host.upgrade() else { return };
                let mut open = poison::lock(&host.shared.open);
                let now = Instant::now();
                open.connections.retain(|(_, used)| *used + idle_timeout > now);
                match open.connections.iter().map(|(_, used)| *used).min() {
                    Some(oldest) => next = oldest + idle_timeout,
                    None => {
                        open.is_watched = false;
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
    open: Mutex<Open>,
    opening: tokio::sync::Mutex<()>,
}

#[cfg(feature = "http2")]
#[derive(Default)]
struct Open {
    /// Each with the time of its last use.
    connections: Vec<(Multiplexed, Instant)>,
    /// Whether somebody sees to their end.
    is_watched: bool,
    /// Whether somebody opens another.
    is_growing: bool,
    /// How many there are at most since the server would not take another, until the last of them is gone.
    most: usize,
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

/// How many calls are under way on each shared connection before another is opened.
///
/// What a connection writes and reads goes through one task, encryption included, so one keeps no more than one core
/// busy, and whatever holds that task up holds up all of its calls. Few calls on each, on the other hand, share less.
#[cfg(feature = "http2")]
const FILL: usize = 32;

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
