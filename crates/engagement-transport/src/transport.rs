use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use oauth_core::{NonceCounter, Secret};
use tracing::Instrument;

use crate::answer::{Answer, Head};
use crate::call::Call;
use crate::clock::Clock;
use crate::connector::Connector;
use crate::counters::{Counters, Tally};
use crate::error::Error;
use crate::event::Event;
use crate::failure::Failure;
use crate::host::{Host, Hosts};
use crate::jitter::Jitter;
use crate::reading::Limits;
use crate::secrets::Secrets;
use crate::transport::builder::Hook;
use crate::transport::course::Course;
use crate::url::Origin;
use crate::verdict::Verdict;

pub use crate::transport::builder::Builder;

mod builder;
mod course;

/// Sends calls and sees each to its end.
///
/// Cheap to clone; clones share connections, clocks, budgets and counters. It must be used inside a tokio runtime
/// with time and I/O enabled, of either flavour, and always the same one: pooled connections belong to it.
#[derive(Clone)]
pub struct Transport(pub(crate) Arc<Inner>);

impl Transport {
    /// Begins with the defaults.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// How many requests one call may send: see [`Builder::max_attempts`].
    pub fn max_attempts(&self) -> u32 {
        self.0.policy.max_attempts
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.0.tally.read()
    }

    /// Hides this secret wherever an answer repeats it, in a header's value or in the body: as it is, with percent or JSON
    /// escapes or in base64, whole or cut at either end, if it has at least eight characters. What a call's
    /// [`Authorization`](crate::Authorization) holds is hidden from that call on without being asked for, and forgotten
    /// only once hundreds of others have been in use since; what no answer must ever repeat is said here.
    pub fn conceal(&self, secret: &Secret) {
        self.0.secrets.keep(secret.expose());
    }

    /// The text without the secrets that are known, if there are any in it: for what answers do not hide themselves, see
    /// [`Call::brings_data`].
    pub fn hide(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.0.secrets.conceal(text)
    }

    /// Loads the certificates to trust, which otherwise the first `https` call waits for: some tens of milliseconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if they cannot be loaded.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.0.connector.warm_up().await.map_err(Failure::into_error)
    }

    /// Sends `call` until an answer is one that `verdict` calls done, within the bounds of attempts, time and budget.
    ///
    /// Before each attempt it waits for the call's quota, then at its [`Gate`](crate::Gate) if it has one, and only then
    /// is the attempt signed. `verdict` is asked about every complete answer, its body inflated;
    /// [`verdict::by_status`](crate::verdict::by_status) is the verdict that knows no API. Attempts that bring no
    /// complete answer are judged here: what broke on the way is repeated if the call may be replayed, what would break
    /// again is not.
    ///
    /// Dropping the future ends the call at once: its connection is closed, and its turn in the quota counts as used if
    /// the request had been sent.
    ///
    /// # Errors
    ///
    /// [`Error::kind`] tells what failed last and [`Error::stop`] why that was the end. If it was an answer that the
    /// verdict wanted repeated, [`Error::answer`] has it.
    pub fn send(
        &self,
        call: &Call,
        verdict: impl Fn(&Head<'_>, &[u8]) -> Verdict,
    ) -> impl Future<Output = Result<Answer, Error>> {
        let span = tracing::debug_span!("call", method = %call.method, host = call.url.host(), path = call.url.path());
        // A future that awaited this one would have room for it twice.
        self.see_through(call, verdict).instrument(span)
    }

    async fn see_through(
        &self,
        call: &Call,
        verdict: impl Fn(&Head<'_>, &[u8]) -> Verdict,
    ) -> Result<Answer, Error> {
        let inner = &self.0;
        let host = inner.host(call.url.origin());
        inner.tally.calls.up();
        host.budget.call_began();
        let ended = Course::begin(inner, &host, call).see_through(&verdict).await;
        trace_end(&ended);
        ended
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    policy: Policy,
    connector: Connector,
    clock: Arc<dyn Clock>,
    nonces: NonceCounter,
    jitter: Jitter,
    user_agent: HeaderValue,
    on_event: Option<Hook>,
    hosts: Hosts,
    tally: Tally,
    secrets: Secrets,
}

impl Inner {
    fn host(&self, origin: &Origin) -> Arc<Host> {
        self.hosts.get(origin, || Host::new(self.policy.max_connections, self.policy.idle_timeout))
    }

    fn tell(&self, event: &Event<'_>) {
        trace(event);
        if let Some(hook) = &self.on_event {
            hook(event);
        }
    }
}

/// The settings that matter once connections can be opened.
struct Policy {
    connect_timeout: Duration,
    attempt_timeout: Duration,
    total_timeout: Duration,
    idle_timeout: Duration,
    limits: Limits,
    max_attempts: u32,
    max_connections: usize,
    max_quota_wait: Duration,
    backoff: Backoff,
}

/// Bounds of the random delay before a repetition.
#[derive(Clone, Copy)]
struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Events for `tracing`: numbers and our own words only, never a header, a query or a body.
fn trace(event: &Event<'_>) {
    match event {
        Event::Sending { attempt, .. } => tracing::trace!(attempt, "sending"),
        Event::Retrying { attempt, reason, delay, .. } => {
            tracing::debug!(attempt, reason, delay_ms = milliseconds(*delay), "retrying");
        }
        Event::Waiting { why, delay, .. } => {
            tracing::debug!(?why, delay_ms = milliseconds(*delay), "waiting for quota");
        }
        Event::QuotaLearnt { per_minute, per_second } => {
            tracing::debug!(?per_minute, ?per_second, "quota learnt");
        }
        Event::ClockSkew { ahead, .. } => tracing::warn!(ahead, "signing with the server's clock"),
    }
}

fn trace_end(ended: &Result<Answer, Error>) {
    match ended {
        Ok(answer) => tracing::debug!(
            status = answer.status.as_u16(),
            attempts = answer.attempts,
            bytes = answer.body.len(),
            elapsed_ms = milliseconds(answer.elapsed),
            "answered"
        ),
        Err(error) => tracing::debug!(
            kind = ?error.kind(),
            stop = ?error.stop(),
            attempts = error.attempts(),
            elapsed_ms = milliseconds(error.elapsed()),
            "failed"
        ),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
