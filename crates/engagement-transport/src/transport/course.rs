use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING,
    USER_AGENT,
};
use http::{HeaderMap, Request, StatusCode};
use oauth_core::{Stamp, Timestamp};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::answer::{Answer, Head};
use crate::authorization::Authorization;
use crate::call::{Brings, Call, Replay};
use crate::clock::{CLOCK_TOLERANCE, seconds_ahead};
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Stop};
use crate::event::{Event, Waiting};
use crate::failure::Failure;
use crate::gzip::{self, InflateError};
use crate::host::Host;
use crate::lease::{Form, Lease};
#[cfg(feature = "http2")]
use crate::multiplexed::Multiplexed;
use crate::quota::{self, Slot};
use crate::reading::{Coding, Raw};
use crate::reset;
use crate::transport::{Backoff, Inner};
use crate::url::Url;
use crate::verdict::Verdict;

/// One call on its way.
pub(super) struct Course<'a> {
    inner: &'a Arc<Inner>,
    host: &'a Arc<Host>,
    call: &'a Call,
    begun: Instant,
    /// Time spent waiting for quota, which no timeout counts.
    waited: Duration,
    /// Time spent before the call's gate, which no timeout counts either.
    held: Duration,
    attempts: u32,
    /// Attempts that got as far as sending.
    sent: u32,
    /// Attempts that a backoff followed.
    failures: u32,
    /// Whether the next attempt needs a new connection.
    fresh: bool,
    /// Whether an attempt was already repeated at once, because its failure was nobody's.
    pardoned: bool,
    /// The time that the last attempt was signed with, if it was.
    stamped: SystemTime,
    /// Whether a signature was already made again because of the clock.
    resigned: bool,
    /// How often secrets had been forgotten when the call's own were learnt.
    times_forgotten: u64,
}

impl<'a> Course<'a> {
    pub(super) fn begin(inner: &'a Arc<Inner>, host: &'a Arc<Host>, call: &'a Call) -> Self {
        Self {
            inner,
            host,
            call,
            begun: Instant::now(),
            waited: Duration::ZERO,
            held: Duration::ZERO,
            attempts: 0,
            sent: 0,
            failures: 0,
            fresh: false,
            pardoned: false,
            stamped: SystemTime::UNIX_EPOCH,
            resigned: false,
            times_forgotten: 0,
        }
    }

    /// Makes attempts until one of them, or what keeps the next from being made, is the end.
    pub(super) async fn see_through(
        mut self,
        verdict: &impl Fn(&Head<'_>, &[u8]) -> Verdict,
    ) -> Result<Answer, Error> {
        loop {
            let slot = self.await_quota().await?;
            let attempt = self.attempt(slot).await;
            if let Some(ended) = self.conclude(attempt, verdict).await {
                return ended;
            }
        }
    }

    /// Waits until the call may be sent.
    async fn await_quota(&mut self) -> Result<Option<Slot>, Error> {
        let Some(quota) = &self.call.quota else { return Ok(None) };
        let begun = Instant::now();
        if let Some(slot) = quota.turn_at_once(begun) {
            return Ok(Some(slot));
        }
        let patience = self.inner.policy.max_quota_wait.saturating_sub(self.waited);
        let turn = quota.turn(patience, |why, delay| self.tell_waiting(why, delay)).await;
        self.waited += begun.elapsed();
        match turn {
            Ok(slot) => Ok(Some(slot)),
            Err(free) => {
                let error = Error::new(ErrorKind::Quota).come_back(self.wall(free)).stopped(Stop::Patience);
                Err(self.sign_off(error))
            }
        }
    }

    /// Asks the call's gate to let this attempt out, and tells how long that took.
    async fn pass_gate(&mut self) -> Result<Duration, Failure> {
        let Some(gate) = &self.call.gate else { return Ok(Duration::ZERO) };
        let (passed, held) = gate.pass(self.attempts).await;
        self.held += held;
        match passed {
            Ok(()) => Ok(held),
            Err(why) => Err(Failure::new(ErrorKind::Held).before_sending().caused_by(why)),
        }
    }

    fn stamp(&self) -> SystemTime {
        match self.call.authorization {
            Authorization::OAuth1(_) => self.host.clock.stamp(&*self.inner.clock),
            _ => SystemTime::UNIX_EPOCH,
        }
    }

    /// Sends the call once.
    async fn attempt(&mut self, mut slot: Option<Slot>) -> Result<Raw, Failure> {
        let (mut lease, deadline) = self.lease().await?;
        let deadline = deadline + self.pass_gate().await?;
        self.stamped = self.stamp();
        self.times_forgotten = self.inner.secrets.times_forgotten();
        self.learn_secrets();
        let request = self.request(lease.form())?;
        if let Some(slot) = &mut slot {
            slot.sent();
        }
        self.sent += 1;
        self.inner.tally.attempts.up();
        if self.sent > 1 {
            self.inner.tally.retries.up();
        }
        let (host, path) = (self.call.url.host(), self.call.url.path());
        self.inner.tell(&Event::Sending { host, path, attempt: self.attempts });
        let raw = match lease.exchange(request, self.inner.policy.limits, deadline).await {
            Ok(raw) => raw,
            Err(failure) => {
                lease.abandon(self.host, &failure);
                return Err(failure);
            }
        };
        if let Some(date) = reset::date(&raw.headers) {
            self.host.clock.saw(date, raw.at);
        }
        if let Some(slot) = slot {
            self.learn(slot, &raw);
        }
        lease.end(self.host, &raw.headers);
        Ok(self.without_secrets(self.inflate(raw)?))
    }

    /// A connection, and the time by which the attempt on it must be over.
    async fn lease(&mut self) -> Result<(Lease<'a>, Instant), Failure> {
        let host = self.host;
        let end = self.end();
        let fresh = std::mem::take(&mut self.fresh);
        #[cfg(feature = "http2")]
        if let Some(shared) = self.share() {
            self.attempts += 1;
            return Ok((Lease::Shared(shared), self.deadline(end)));
        }
        let late = || Failure::new(ErrorKind::Timeout).before_sending();
        let permit = match host.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout_at(end, host.permits.acquire())
                .await
                .map_err(|_| late().because("no connection became free"))?
                // The semaphore is never closed.
                .map_err(|error| late().caused_by(error))?,
        };
        self.attempts += 1;
        let deadline = self.deadline(end);
        if !fresh && let Some(connection) = host.take_idle() {
            return Ok((Lease::Own { connection, _permit: permit }, deadline));
        }
        let limit = deadline.min(Instant::now() + self.inner.policy.connect_timeout);
        // Boxed, since few attempts need one, and all of them would have room for it.
        let lease = tokio::time::timeout_at(limit, Box::pin(self.connect(permit, limit)))
            .await
            .map_err(|_| late().because("while connecting"))??;
        Ok((lease, deadline))
    }

    /// A connection that is open and that other calls may be under way on.
    #[cfg(feature = "http2")]
    fn share(&self) -> Option<Multiplexed> {
        let (connection, opens_another) = self.host.share()?;
        if opens_another {
            self.open_another();
        }
        Some(connection)
    }

    /// Opens a connection for calls to come. Those that have come go on with what there is, whether it opens or not.
    #[cfg(feature = "http2")]
    fn open_another(&self) {
        let (inner, host, origin) = (self.inner.clone(), self.host.clone(), self.call.url.origin().clone());
        tokio::spawn(async move {
            let limit = Instant::now() + inner.policy.connect_timeout;
            let opening = async {
                let opened = inner.connector.connect(&origin, limit).await.ok()?;
                if opened.multiplexed { Multiplexed::open(opened.stream).await.ok() } else { None }
            };
            let opened = tokio::time::timeout_at(limit, opening).await.ok().flatten();
            if opened.is_some() {
                inner.tally.connections.up();
            }
            host.grow(opened);
        });
    }

    /// The end of an attempt that begins now in a call that ends then.
    fn deadline(&self, end: Instant) -> Instant {
        end.min(Instant::now() + self.inner.policy.attempt_timeout)
    }

    async fn connect(&self, permit: SemaphorePermit<'a>, limit: Instant) -> Result<Lease<'a>, Failure> {
        let origin = self.call.url.origin();
        let connector = &self.inner.connector;
        #[cfg(feature = "http2")]
        let mut _opening = None;
        #[cfg(feature = "http2")]
        if connector.may_multiplex(origin) {
            _opening = Some(self.host.opening().await);
            if let Some(connection) = self.share() {
                return Ok(Lease::Shared(connection));
            }
        }
        let opened = connector.connect(origin, limit).await?;
        #[cfg(feature = "http2")]
        if opened.multiplexed {
            let connection = Multiplexed::open(opened.stream).await?;
            self.inner.tally.connections.up();
            self.host.set_shared(connection.clone());
            return Ok(Lease::Shared(connection));
        }
        let connection = Box::new(Connection::open(opened.stream).await?);
        self.inner.tally.connections.up();
        Ok(Lease::Own { connection, _permit: permit })
    }

    /// The request, signed now.
    fn request(&self, form: Form) -> Result<Request<Bytes>, Failure> {
        let call = self.call;
        let mut headers = HeaderMap::with_capacity(call.headers.len() + 5);
        headers.insert(USER_AGENT, self.inner.user_agent.clone());
        for (name, value) in &call.headers {
            headers.insert(name, value.clone());
        }
        match form {
            Form::Origin => _ = headers.insert(HOST, call.url.authority().clone()),
            #[cfg(feature = "http2")]
            Form::Absolute => {
                // The host stands in `:authority`, and headers about the connection have no place: RFC 9113 section 8.2.2.
                for name in ["host", "keep-alive", "proxy-connection", "te", "upgrade"] {
                    headers.remove(name);
                }
            }
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        for framing in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
            headers.remove(framing);
        }
        let nonce;
        let seconds = self.stamped.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = Stamp {
            timestamp: Timestamp::new(seconds.max(1))
                .map_err(|error| Failure::new(ErrorKind::Sign).caused_by(error))?,
            nonce: match call.authorization {
                Authorization::OAuth1(_) => {
                    nonce = self.inner.nonces.next();
                    nonce.as_str()
                }
                _ => "",
            },
        };
        if let Some(value) = call.authorization.header(call, stamp)? {
            headers.insert(AUTHORIZATION, value);
        }
        let mut request = Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = match form {
            Form::Origin => call.url.target().clone(),
            #[cfg(feature = "http2")]
            Form::Absolute => call.url.absolute().clone(),
        };
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn learn(&self, slot: Slot, raw: &Raw) {
        let server_time = self.host.clock.server_time(&*self.inner.clock);
        let (per_minute, per_second) = slot.answered(&raw.headers, server_time, raw.at);
        if per_minute.is_some() || per_second.is_some() {
            self.inner.tell(&Event::QuotaLearnt { per_minute, per_second });
        }
    }

    fn inflate(&self, mut raw: Raw) -> Result<Raw, Failure> {
        // Servers label the missing body of a refusal, too; the status is worth more than the complaint.
        let bodiless =
            raw.body.is_empty() && (!raw.status.is_success() || raw.status == StatusCode::NO_CONTENT);
        if raw.coding == Coding::Gzip && !bodiless && self.call.method != http::Method::HEAD {
            let inflated = gzip::inflate(&raw.body, self.inner.policy.limits.body).map_err(|error| {
                let kind = match error {
                    InflateError::Corrupt(_) => ErrorKind::Corrupt,
                    InflateError::TooLarge { .. } => ErrorKind::TooLarge,
                };
                Failure::new(kind).because(format!("status {}", raw.status.as_u16())).caused_by(error)
            })?;
            raw.body = inflated.into();
        }
        Ok(raw)
    }

    fn learn_secrets(&self) {
        for secret in self.call.authorization.secrets() {
            self.inner.secrets.learn(secret);
        }
    }

    /// Nobody above sees what the server repeats of them.
    fn without_secrets(&self, mut raw: Raw) -> Raw {
        if self.inner.secrets.times_forgotten() != self.times_forgotten {
            self.learn_secrets();
        }
        raw.concealed = self.inner.secrets.conceal_headers(&mut raw.headers);
        if self.call.brings == Brings::Words || !raw.status.is_success() {
            self.hide_in_body(&mut raw);
        }
        raw
    }

    fn hide_in_body(&self, raw: &mut Raw) {
        if let Some(body) = self.inner.secrets.conceal(&raw.body) {
            raw.body = body.into();
            raw.concealed = true;
        }
    }

    /// Ends the call, or waits until its next attempt.
    async fn conclude(
        &mut self,
        attempt: Result<Raw, Failure>,
        verdict: &impl Fn(&Head<'_>, &[u8]) -> Verdict,
    ) -> Option<Result<Answer, Error>> {
        let mut raw = match attempt {
            Ok(raw) => raw,
            Err(failure) => return self.after_failure(failure).await.map(Err),
        };
        // Asked first: it is asked about every complete answer.
        let verdict = verdict(&Head { status: raw.status, headers: &raw.headers }, &raw.body);
        if self.clock_was_refused(&raw) {
            return None;
        }
        if !matches!(verdict, Verdict::Done) && self.call.brings == Brings::Data {
            // These are none, but the words of an error.
            self.hide_in_body(&mut raw);
        }
        match verdict {
            Verdict::Done => {
                self.host.budget.call_ended_well();
                Some(Ok(self.answer(raw)))
            }
            Verdict::Wait { after } => {
                self.after_refusal(raw, after.map(|wait| wait.min(LONGEST_WAIT))).await.map(Err)
            }
            Verdict::Retry { reason } => {
                let asked = reset::retry_after(&raw.headers, self.host.clock.server_time(&*self.inner.clock));
                let error =
                    Error::new(ErrorKind::Answered).because(reason.clone()).answered(self.answer(raw));
                let stop = match self.call.replay {
                    Replay::Safe => self.back_off(&reason, asked).await,
                    Replay::Never => Some(Stop::NotReplayable),
                };
                stop.map(|stop| {
                    let error = match asked {
                        Some(wait) => error.come_back(self.wall(Instant::now() + wait)),
                        None => error,
                    };
                    Err(self.sign_off(error.stopped(stop)))
                })
            }
        }
    }

    async fn after_failure(&mut self, failure: Failure) -> Option<Error> {
        let may_repeat = self.call.replay == Replay::Safe || failure.is_harmless();
        let stop = if !failure.passing {
            Some(Stop::Final)
        } else if !may_repeat {
            Some(Stop::NotReplayable)
        } else if failure.is_pardonable() && !self.pardoned && self.attempts < self.max_attempts() {
            // An idle connection's end crossed our request. A new one cannot meet the same.
            self.fresh = true;
            self.pardoned = true;
            None
        } else {
            let reason = describe(&failure);
            self.back_off(&reason, None).await
        };
        stop.map(|stop| self.sign_off(failure.into_error().stopped(stop)))
    }

    /// A 429, or what the caller takes for one.
    async fn after_refusal(&mut self, raw: Raw, after: Option<Duration>) -> Option<Error> {
        self.inner.tally.refusals.up();
        let server_time = self.host.clock.server_time(&*self.inner.clock);
        let asked = after.or_else(|| quota::asked_wait(&raw.headers, server_time));
        let wait = match &self.call.quota {
            Some(quota) => quota.refused(asked),
            None => asked.unwrap_or(UNTOLD_WAIT) + self.inner.jitter.up_to(JITTER),
        };
        let stop = if self.attempts >= self.max_attempts() {
            Some(Stop::Attempts)
        } else if self.waited + wait > self.inner.policy.max_quota_wait {
            Some(Stop::Patience)
        } else {
            None
        };
        if let Some(stop) = stop {
            let back = self.wall(Instant::now() + wait);
            let error = Error::new(ErrorKind::Quota).answered(self.answer(raw)).come_back(back).stopped(stop);
            return Some(self.sign_off(error));
        }
        if self.call.quota.is_none() {
            self.tell_waiting(Waiting::Refused, wait);
            tokio::time::sleep(wait).await;
            self.waited += wait;
        }
        // With a quota, the wait is for everybody who shares it and happens where they all wait for their turn.
        None
    }

    /// Whether the answer refuses a signature whose time was far from the server's. Then the server's time is adopted,
    /// and the call is to be signed and sent again, once.
    fn clock_was_refused(&mut self, raw: &Raw) -> bool {
        let signed = matches!(self.call.authorization, Authorization::OAuth1(_));
        let refused = raw.status == StatusCode::UNAUTHORIZED;
        if self.resigned && (refused || raw.status.is_success()) {
            self.host.clock.tried(!refused);
        }
        if !refused || !signed || self.resigned {
            return false;
        }
        let Some(date) = reset::date(&raw.headers) else { return false };
        if seconds_ahead(date, self.stamped).unsigned_abs() <= CLOCK_TOLERANCE
            || self.attempts >= self.max_attempts()
        {
            return false;
        }
        self.resigned = true;
        let ahead = seconds_ahead(date, self.inner.clock.now());
        if self.host.clock.adopt(ahead) {
            self.inner.tell(&Event::ClockSkew { host: self.call.url.host(), ahead });
        }
        true
    }

    /// Puts the next attempt off, with full jitter, or says why there is none.
    async fn back_off(&mut self, reason: &str, asked: Option<Duration>) -> Option<Stop> {
        if self.attempts >= self.max_attempts() {
            return Some(Stop::Attempts);
        }
        let Backoff { first, longest } = self.inner.policy.backoff;
        let most = first.saturating_mul(1 << self.failures.min(20)).min(longest);
        let delay = self.inner.jitter.up_to(most) + asked.unwrap_or(Duration::ZERO);
        if Instant::now() + delay >= self.end() {
            return Some(Stop::Time);
        }
        if !self.host.budget.withdraw() {
            return Some(Stop::Budget);
        }
        self.failures += 1;
        let (host, path) = (self.call.url.host(), self.call.url.path());
        self.inner.tell(&Event::Retrying { host, path, attempt: self.attempts, reason, delay });
        tokio::time::sleep(delay).await;
        None
    }

    /// How many requests this call may send.
    fn max_attempts(&self) -> u32 {
        let most = self.inner.policy.max_attempts;
        self.call.max_attempts.map_or(most, |own| own.min(most))
    }

    /// When the call must be over, as things stand.
    fn end(&self) -> Instant {
        self.begun + self.inner.policy.total_timeout + self.waited + self.held
    }

    fn answer(&self, raw: Raw) -> Answer {
        let clock_ahead = reset::date(&raw.headers).map(|date| seconds_ahead(date, self.inner.clock.now()));
        Answer {
            status: raw.status,
            headers: raw.headers,
            body: raw.body,
            concealed: raw.concealed,
            attempts: self.attempts,
            sent: self.sent,
            elapsed: raw.at.duration_since(self.begun),
            waited: self.waited,
            clock_ahead,
        }
    }

    fn sign_off(&self, error: Error) -> Error {
        let url: &Url = &self.call.url;
        error.of(&self.call.method, url.host(), url.path()).after(
            self.attempts,
            self.sent,
            self.begun.elapsed(),
            self.waited,
        )
    }

    fn tell_waiting(&self, why: Waiting, delay: Duration) {
        let (host, path) = (self.call.url.host(), self.call.url.path());
        let until = self.wall(Instant::now() + delay);
        self.inner.tell(&Event::Waiting { host, path, why, delay, until });
    }

    /// A monotonic instant as a time of day.
    fn wall(&self, at: Instant) -> SystemTime {
        let now = self.inner.clock.now();
        now.checked_add(at.duration_since(Instant::now())).unwrap_or(now)
    }
}

fn describe(failure: &Failure) -> String {
    match &failure.reason {
        Some(reason) => format!("{} ({reason})", failure.kind.describe()),
        None => failure.kind.describe().to_owned(),
    }
}

/// What a verdict's wait is cut to: beyond it sums of times could overflow.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// For a 429 that names no time and belongs to no quota: the length of a whole window.
const UNTOLD_WAIT: Duration = Duration::from_secs(60);
const JITTER: Duration = Duration::from_secs(1);
