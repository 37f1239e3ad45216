use std::collections::VecDeque;
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
        let (connection, used) = current.as_mut()?;
        let now = Instant::now();
        if connection.is_open() && now < *used + self.idle_timeout {
            *used = now;
            return Some(connection.clone());
        }
        *current = None;
        None
    }

    /// Shares this connection no longer, if it is still the one.
    #[cfg(feature = "http2")]
    pub(crate) fn forget(&self, failed: &Multiplexed) {
        let mut current = poison::lock(&self.shared.current);
        if current.as_ref().is_some_and(|(connection, _)| connection.is(failed)) {
            *current = None;
        }
    }

    /// From now on calls share this connection.
    #[cfg(feature = "http2")]
    pub(crate) fn set_shared(&self, connection: Multiplexed) {
        *poison::lock(&self.shared.current) = Some((connection, Instant::now()));
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
    /// With the time of its last use.
    current: Mutex<Option<(Multiplexed, Instant)>>,
    opening: tokio::sync::Mutex<()>,
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

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
