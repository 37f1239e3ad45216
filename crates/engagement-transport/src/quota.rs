use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::event::Waiting;
use crate::jitter::Jitter;
use crate::poison;
use crate::quota::window::{Room, Window};
use crate::reset;

mod window;

/// A pool of calls that one or more callers share, as a server counts them: so many a minute, so many a second.
///
/// Calls that carry a clone of the same quota wait for each other before they are signed. The limits are set, or
/// learnt from the headers `x-per-minute-limit`, `-remaining` and `-reset` and their `x-per-second-` twins, each of
/// which may be missing or nonsense. What somebody else uses of the same pool shows in `-remaining` and is left to
/// them. Any 60 seconds hold no more calls than the minute's limit, wherever they begin.
///
/// Which calls share a pool on a server is for the caller to know: make one quota for each.
#[derive(Clone)]
pub struct Quota(Arc<Shared>);

impl Quota {
    /// No limit until the server tells one.
    pub fn learnt() -> Self {
        Self::new(None, Jitter::new())
    }

    /// At most `calls` a minute, and fewer if the server says so. Zero is taken for one.
    pub fn per_minute(calls: u32) -> Self {
        Self::new(Some(calls.max(1)), Jitter::new())
    }

    /// The same limits with small delays drawn from `seed`, for runs that must be repeated exactly.
    pub fn seeded(calls_per_minute: Option<u32>, seed: u64) -> Self {
        Self::new(calls_per_minute.map(|calls| calls.max(1)), Jitter::seeded(seed))
    }

    /// Another pool, which nothing was drawn from, with the limit that was set for this one.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(poison::lock(&self.0.state).ceiling, Jitter::new())
    }

    /// How the quota stands.
    pub fn snapshot(&self) -> Snapshot {
        let now = Instant::now();
        let mut state = poison::lock(&self.0.state);
        let next_free = match state.turn(now) {
            Turn::Now => Duration::ZERO,
            Turn::Wait(_, at) => at.duration_since(now),
            Turn::Unknown => Duration::ZERO,
        };
        let per_minute = state.minute_limit();
        let used = state.minute.sent() + state.pending;
        let server_left = state.minute_left.as_ref().map(|left| left.free(state.in_flight + state.pending));
        let own_left = per_minute.map(|limit| limit.saturating_sub(used));
        let remaining = match (own_left, server_left) {
            (Some(own), Some(server)) => Some(own.min(server)),
            (own, server) => own.or(server),
        };
        Snapshot {
            per_minute,
            per_second: state.second.limit(),
            remaining,
            in_flight: state.in_flight,
            next_free,
        }
    }

    fn new(ceiling: Option<u32>, jitter: Jitter) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                ceiling,
                minute: Window::new(MINUTE),
                second: Window::new(SECOND),
                pending: 0,
                in_flight: 0,
                minute_left: None,
                second_left: None,
                refused_until: None,
            }),
            queue: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            jitter,
        }))
    }

    /// A turn, if there is one now and nobody waits for it.
    pub(crate) fn turn_at_once(&self, now: Instant) -> Option<Slot> {
        let _head_of_queue = self.0.queue.try_lock().ok()?;
        let mut state = poison::lock(&self.0.state);
        if !matches!(state.turn(now), Turn::Now) {
            return None;
        }
        Some(self.give(&mut state))
    }

    fn give(&self, state: &mut State) -> Slot {
        state.pending += 1;
        Slot { quota: self.clone(), stage: Stage::Pending }
    }

    /// Waits for a turn, first come, first served.
    ///
    /// `on_wait` hears of each wait that is foreseen. If the wait would end after `patience`, it is not begun, and
    /// the error is the time of the turn that was not awaited.
    pub(crate) async fn turn(
        &self,
        patience: Duration,
        mut on_wait: impl FnMut(Waiting, Duration),
    ) -> Result<Slot, Instant> {
        let begun = Instant::now();
        let _head_of_queue = match self.0.queue.try_lock() {
            Ok(head) => head,
            Err(_) => match tokio::time::timeout(patience, self.0.queue.lock()).await {
                Ok(head) => head,
                Err(_) => return Err(self.next_free()),
            },
        };
        // Whoever stood in the queue stood there because somebody waited.
        let mut waited = begun.elapsed() >= QUEUED;
        let mut announced = None;
        loop {
            let now = Instant::now();
            let (turn, shortest_span) = {
                let mut state = poison::lock(&self.0.state);
                let turn = state.turn(now);
                if matches!(turn, Turn::Now) && !waited {
                    return Ok(self.give(&mut state));
                }
                (turn, state.spacing())
            };
            match turn {
                Turn::Now => {
                    // Those who waited together go one after the other, and not in step with other programs.
                    waited = false;
                    tokio::time::sleep(self.0.jitter.up_to(shortest_span)).await;
                }
                Turn::Unknown => self.0.changed.notified().await,
                Turn::Wait(why, at) => {
                    if at.duration_since(begun) > patience {
                        return Err(at);
                    }
                    let news = announced.is_none_or(|(known, until)| known != why || at > until + SECOND);
                    if news && at.duration_since(now) >= WORTH_TELLING {
                        announced = Some((why, at));
                        on_wait(why, at.duration_since(now));
                    }
                    // Ends early if something changed, and looks again either way.
                    let _ = tokio::time::timeout_at(at, self.0.changed.notified()).await;
                    waited = true;
                }
            }
        }
    }

    /// Takes a 429 into account, for everybody who shares the quota, and says how long it will be.
    pub(crate) fn refused(&self, wait: Option<Duration>) -> Duration {
        let now = Instant::now();
        let mut state = poison::lock(&self.0.state);
        let wait = wait.unwrap_or_else(|| {
            // A call is kept a little longer than its minute, which then is over: another has begun.
            let end = state.minute.end(now).filter(|end| *end > now).unwrap_or(now + MINUTE);
            end.duration_since(now).clamp(reset::SHORTEST, MINUTE)
        });
        let until = now + wait + self.0.jitter.up_to(SECOND.min(wait / 4));
        if state.refused_until.is_none_or(|known| known < until) {
            state.refused_until = Some(until);
        }
        drop(state);
        self.0.changed.notify_one();
        until.duration_since(now)
    }

    fn next_free(&self) -> Instant {
        let now = Instant::now();
        match poison::lock(&self.0.state).turn(now) {
            Turn::Wait(_, at) => at,
            Turn::Now | Turn::Unknown => now,
        }
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Quota").field(&self.snapshot()).finish()
    }
}

/// How a quota stood at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Calls in a minute, as set or learnt, the lower of the two.
    pub per_minute: Option<u32>,
    /// Calls in a second, as learnt.
    pub per_second: Option<u32>,
    /// Calls left just now, as far as is known.
    pub remaining: Option<u32>,
    /// Calls sent and not answered.
    pub in_flight: u32,
    /// How long the next call would wait.
    pub next_free: Duration,
}

/// Leave for one call to be sent. It counts from the moment that it is sent.
pub(crate) struct Slot {
    quota: Quota,
    stage: Stage,
}

impl Slot {
    /// The call goes out now.
    pub(crate) fn sent(&mut self) {
        if self.stage == Stage::Pending {
            self.stage = Stage::Sent;
            let mut state = poison::lock(&self.quota.0.state);
            let now = Instant::now();
            state.pending -= 1;
            state.in_flight += 1;
            state.minute.record(now);
            state.second.record(now);
            drop(state);
            self.quota.0.changed.notify_one();
        }
    }

    /// The call was answered at that moment, and this is what the headers teach. Returns limits that are news: a
    /// minute's, a second's.
    pub(crate) fn answered(
        mut self,
        headers: &HeaderMap,
        server_time: SystemTime,
        now: Instant,
    ) -> (Option<u32>, Option<u32>) {
        let mut news = (None, None);
        if self.stage == Stage::Sent {
            self.stage = Stage::Over;
            let mut state = poison::lock(&self.quota.0.state);
            state.in_flight -= 1;
            let others = state.in_flight + state.pending;
            let state = &mut *state;
            news.0 = learn(
                &mut state.minute,
                &mut state.minute_left,
                &PER_MINUTE,
                headers,
                server_time,
                now,
                others,
            );
            news.1 = learn(
                &mut state.second,
                &mut state.second_left,
                &PER_SECOND,
                headers,
                server_time,
                now,
                others,
            );
            self.quota.0.changed.notify_one();
        }
        news
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.stage == Stage::Over {
            return;
        }
        let mut state = poison::lock(&self.quota.0.state);
        if self.stage == Stage::Pending {
            state.pending -= 1;
        } else {
            // Sent and never answered: the server may have counted it.
            state.in_flight -= 1;
            let state = &mut *state;
            for left in [&mut state.minute_left, &mut state.second_left].into_iter().flatten() {
                left.lowest = left.lowest.saturating_sub(1);
            }
        }
        drop(state);
        self.quota.0.changed.notify_one();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pending,
    Sent,
    Over,
}

struct Shared {
    state: Mutex<State>,
    /// Held by the one caller who waits for the next turn; the others queue for it.
    queue: tokio::sync::Mutex<()>,
    changed: Notify,
    jitter: Jitter,
}

struct State {
    ceiling: Option<u32>,
    minute: Window,
    second: Window,
    /// Turns given and not yet used.
    pending: u32,
    /// Calls sent and not yet answered.
    in_flight: u32,
    minute_left: Option<Left>,
    second_left: Option<Left>,
    refused_until: Option<Instant>,
}

/// What the server says is left of its own window.
struct Left {
    /// The lowest number reported in this window.
    lowest: u32,
    /// The window's end as the server names it, if it does.
    reset: Option<SystemTime>,
    expires: Instant,
}

impl Left {
    /// Calls that surely fit: those under way may or may not be in the server's number.
    fn free(&self, under_way: u32) -> u32 {
        self.lowest.saturating_sub(under_way)
    }
}

enum Turn {
    Now,
    Wait(Waiting, Instant),
    Unknown,
}

impl State {
    fn turn(&mut self, now: Instant) -> Turn {
        let mut latest: Option<(Waiting, Instant)> = None;
        let mut unknown = false;
        let mut hold = |why, at: Instant| {
            if at > now && latest.is_none_or(|(_, known)| at > known) {
                latest = Some((why, at));
            }
        };
        match self.refused_until {
            Some(until) if until > now => hold(Waiting::Refused, until),
            _ => self.refused_until = None,
        }
        let windows =
            [(&mut self.minute, self.ceiling, Waiting::Minute), (&mut self.second, None, Waiting::Second)];
        for (window, ceiling, why) in windows {
            match window.room(now, self.pending, ceiling) {
                Room::Now => {}
                Room::At(at) => hold(why, at),
                Room::Unknown => unknown = true,
            }
        }
        for left in [&mut self.minute_left, &mut self.second_left] {
            let under_way = self.in_flight + self.pending;
            match left {
                Some(report) if report.expires <= now => *left = None,
                Some(report) if report.free(under_way) == 0 => hold(Waiting::ServerWindow, report.expires),
                _ => {}
            }
        }
        match latest {
            Some((why, at)) => Turn::Wait(why, at),
            None if unknown => Turn::Unknown,
            None => Turn::Now,
        }
    }

    fn minute_limit(&self) -> Option<u32> {
        match (self.minute.limit(), self.ceiling) {
            (Some(limit), Some(ceiling)) => Some(limit.min(ceiling)),
            (limit, ceiling) => limit.or(ceiling),
        }
    }

    /// The most by which calls that waited are spread: a quarter of their even distance.
    fn spacing(&self) -> Duration {
        let even = self.minute_limit().map_or(SECOND, |limit| MINUTE / limit.max(1));
        (even / 4).min(Duration::from_millis(250))
    }
}

/// Takes what one answer says of one window. Returns the limit if it is another than before.
fn learn(
    window: &mut Window,
    left: &mut Option<Left>,
    names: &Names,
    headers: &HeaderMap,
    server_time: SystemTime,
    now: Instant,
    under_way: u32,
) -> Option<u32> {
    let number = |name: &HeaderName| reset::number(headers, name).and_then(|n| u32::try_from(n).ok());
    // A limit of nothing would stop everything for ever; such a server says so with 429.
    let limit = number(&names.limit).filter(|limit| (1..=LARGEST_LIMIT).contains(limit));
    let news = limit.filter(|limit| window.set_limit(*limit));
    if let Some(remaining) = number(&names.remaining) {
        let remaining = limit.map_or(remaining, |limit| remaining.min(limit));
        let ends = reset::epoch(headers, &names.reset)
            .filter(|ends| ends.duration_since(server_time).is_ok_and(|ahead| ahead <= names.longest));
        match left {
            // An answer overtaken by one from a later window.
            Some(known) if known.reset.is_some() && ends.is_some() && ends < known.reset => {}
            Some(known) if known.expires > now && ends == known.reset && remaining <= known.lowest => {
                known.lowest = remaining;
            }
            // A higher number in the same window: answers in another order than the requests, unless it is higher
            // than these could make it, which without a named end is how a new window shows.
            Some(known)
                if known.expires > now
                    && ends == known.reset
                    && (ends.is_some() || remaining <= known.lowest.saturating_add(under_way + 1)) => {}
            _ => {
                let ahead = ends.and_then(|ends| ends.duration_since(server_time).ok());
                // `Date` and reset are whole seconds: a window that ends within this one ends by its end.
                let expires = now + ahead.map_or(names.span, |ahead| ahead.max(SECOND));
                *left = Some(Left { lowest: remaining, reset: ends, expires });
            }
        }
    }
    news
}

struct Names {
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
    span: Duration,
    longest: Duration,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const QUEUED: Duration = Duration::from_millis(5);
const WORTH_TELLING: Duration = Duration::from_millis(500);
const LARGEST_LIMIT: u32 = 10_000_000;

static PER_MINUTE: Names = Names {
    limit: HeaderName::from_static("x-per-minute-limit"),
    remaining: HeaderName::from_static("x-per-minute-remaining"),
    reset: HeaderName::from_static("x-per-minute-reset"),
    span: MINUTE,
    longest: Duration::from_secs(15 * 60),
};

static PER_SECOND: Names = Names {
    limit: HeaderName::from_static("x-per-second-limit"),
    remaining: HeaderName::from_static("x-per-second-remaining"),
    reset: HeaderName::from_static("x-per-second-reset"),
    span: SECOND,
    longest: MINUTE,
};

/// Of Twitter's other APIs.
static RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

/// How long a 429 asks to wait, by its headers alone.
pub(crate) fn asked_wait(headers: &HeaderMap, server_time: SystemTime) -> Option<Duration> {
    let spent = |name: &HeaderName| reset::number(headers, name) == Some(0);
    let until = |name: &HeaderName| reset::until(headers, name, server_time);
    reset::retry_after(headers, server_time)
        .or_else(|| spent(&PER_MINUTE.remaining).then(|| until(&PER_MINUTE.reset)).flatten())
        .or_else(|| spent(&PER_SECOND.remaining).then(|| until(&PER_SECOND.reset)).flatten())
        .or_else(|| until(&PER_MINUTE.reset))
        .or_else(|| until(&PER_SECOND.reset))
        .or_else(|| until(&RATE_LIMIT_RESET))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn epoch(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const NOW: u64 = 1_700_000_000;

    fn headers(listed: &[(&'static str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        listed.iter().map(header).collect()
    }

    async fn send(quota: &Quota) -> Slot {
        let mut slot = quota.turn(MINUTE, |_, _| {}).await.map_err(|_| "no turn").unwrap();
        slot.sent();
        slot
    }

    fn remaining(n: u32) -> HeaderMap {
        headers(&[("x-per-minute-limit", "10"), ("x-per-minute-remaining", &n.to_string())])
    }

    #[tokio::test(start_paused = true)]
    async fn counts_what_is_under_way_as_not_yet_counted() {
        let quota = Quota::seeded(None, 1);
        let slots = [send(&quota).await, send(&quota).await, send(&quota).await];
        let [first, _second, _third] = slots;
        first.answered(&remaining(5), epoch(NOW), Instant::now());
        assert_eq!(quota.snapshot().remaining, Some(3), "two of the five may already be taken");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_late_raises_nothing() {
        let quota = Quota::seeded(None, 1);
        let [first, second, third] = [send(&quota).await, send(&quota).await, send(&quota).await];
        third.answered(&remaining(3), epoch(NOW), Instant::now());
        first.answered(&remaining(5), epoch(NOW), Instant::now());
        second.answered(&remaining(4), epoch(NOW), Instant::now());
        assert_eq!(quota.snapshot().remaining, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_higher_number_than_answers_in_disorder_could_bring_is_a_new_window() {
        let quota = Quota::seeded(None, 1);
        send(&quota).await.answered(&remaining(1), epoch(NOW), Instant::now());
        assert_eq!(quota.snapshot().remaining, Some(1));
        send(&quota).await.answered(&remaining(9), epoch(NOW), Instant::now());
        assert_eq!(quota.snapshot().remaining, Some(8), "our own two calls of this minute, out of ten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_the_server_names_ends_when_it_says() {
        let quota = Quota::seeded(None, 1);
        let spent = |reset: u64| {
            headers(&[("x-per-minute-remaining", "0"), ("x-per-minute-reset", &reset.to_string())])
        };
        send(&quota).await.answered(&spent(NOW + 20), epoch(NOW), Instant::now());
        assert_eq!(quota.snapshot().next_free, Duration::from_secs(20));
        tokio::time::advance(Duration::from_secs(21)).await;
        assert_eq!(quota.snapshot().next_free, Duration::ZERO);
        send(&quota).await.answered(&spent(NOW + 80), epoch(NOW + 21), Instant::now());
        assert_eq!(quota.snapshot().next_free, Duration::from_secs(59));
        // Absurd, past and missing ends count as the length of a window.
        for reset in ["99999999999", "5", "-1", ""] {
            let quota = Quota::seeded(None, 1);
            let told = headers(&[("x-per-minute-remaining", "0"), ("x-per-minute-reset", reset)]);
            send(&quota).await.answered(&told, epoch(NOW), Instant::now());
            assert_eq!(quota.snapshot().next_free, MINUTE, "{reset:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_may_have_been_counted() {
        let quota = Quota::seeded(None, 1);
        send(&quota).await.answered(&remaining(5), epoch(NOW), Instant::now());
        drop(send(&quota).await);
        assert_eq!(quota.snapshot().remaining, Some(4));
        drop(quota.turn(MINUTE, |_, _| {}).await);
        assert_eq!(quota.snapshot().remaining, Some(4), "a turn that was not used gives itself back");
    }

    #[tokio::test(start_paused = true)]
    async fn the_lower_of_given_and_learnt_counts() {
        let quota = Quota::seeded(Some(7), 1);
        assert_eq!(quota.snapshot().per_minute, Some(7));
        send(&quota).await.answered(&remaining(9), epoch(NOW), Instant::now());
        assert_eq!(quota.snapshot().per_minute, Some(7));
        let lower = headers(&[("x-per-minute-limit", "3")]);
        assert_eq!(send(&quota).await.answered(&lower, epoch(NOW), Instant::now()), (Some(3), None));
        assert_eq!(quota.snapshot().per_minute, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn refused_without_a_word_each_time_waits_a_minute_each_time() {
        for seed in 0..20 {
            let quota = Quota::seeded(None, seed);
            for _ in 0..5 {
                let slot = send(&quota).await;
                let wait = quota.refused(None);
                slot.answered(&HeaderMap::new(), epoch(NOW), Instant::now());
                assert!((MINUTE..=MINUTE + SECOND).contains(&wait), "{wait:?}");
                tokio::time::advance(wait).await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn turns_go_in_order() {
        let quota = Quota::seeded(Some(2), 1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let (quota, order) = (quota.clone(), order.clone());
                tokio::spawn(async move {
                    let slot = send_patiently(&quota).await;
                    poison::lock(&order).push(n);
                    drop(slot);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*poison::lock(&order), [0, 1, 2, 3, 4, 5]);
    }

    async fn send_patiently(quota: &Quota) -> Slot {
        let mut slot = quota.turn(MINUTE * 10, |_, _| {}).await.map_err(|_| "no turn").unwrap();
        slot.sent();
        slot
    }

    proptest! {
        #[test]
        fn no_header_stops_a_quota_for_more_than_a_quarter_of_an_hour(
            values in proptest::collection::vec("[0-9]{0,12}|-[0-9]|[a-z]{0,4}|\u{b2}", 6),
            refused in any::<bool>(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let quota = Quota::seeded(None, 1);
                let names = [
                    &PER_MINUTE.limit, &PER_MINUTE.remaining, &PER_MINUTE.reset,
                    &PER_SECOND.limit, &PER_SECOND.remaining, &PER_SECOND.reset,
                ];
                let told: Vec<_> = names.map(HeaderName::as_str).into_iter().zip(values.iter().map(String::as_str)).collect();
                let told = headers(&told);
                send(&quota).await.answered(&told, epoch(NOW), Instant::now());
                if refused {
                    let wait = quota.refused(asked_wait(&told, epoch(NOW)));
                    prop_assert!(wait >= SECOND);
                }
                let longest = Duration::from_secs(15 * 60 + 2);
                prop_assert!(quota.snapshot().next_free <= longest, "{:?}", quota.snapshot());
                let begun = Instant::now();
                drop(quota.turn(longest, |_, _| {}).await);
                prop_assert!(begun.elapsed() <= longest);
                Ok(())
            })?;
        }
    }
}
