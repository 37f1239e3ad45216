//! One unit of work, from its request to a row for everything in it.

use std::collections::VecDeque;

use engagement_model::{
    Access, Metric, Outcome, Reason, Request, Row, TweetId,
    answer::{Answer, DecodeError, Limits},
    refusal::{Refusal, RefusalKind},
};
use engagement_transport::{Advice, Call, ErrorKind as Broken, Head, Replay, Verdict, verdict};
use jiff::Timestamp;

use crate::{
    batch::{Problem, ProblemKind},
    client::{Client, Inner},
    unit::{Unit, rows},
};

/// What became of a unit.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) rows: Vec<Row>,
    /// Rows of Tweets that turned out to be somebody else's.
    pub(crate) strangers: Vec<Row>,
    pub(crate) warnings: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) observed_at: Timestamp,
    /// A credential that the server does not accept, and its words.
    pub(crate) refused: Option<(usize, Reason)>,
    pub(crate) effort: Effort,
}

/// What a query has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Effort {
    /// Requests sent, first ones and repetitions.
    pub requests: u64,
    /// Requests after a call's first.
    pub retries: u64,
    /// Time that calls waited for quota, added up.
    pub waited: std::time::Duration,
}

impl Effort {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.waited += other.waited;
    }

    fn of(attempts: u32, waited: std::time::Duration) -> Self {
        Self { requests: attempts.into(), retries: attempts.saturating_sub(1).into(), waited }
    }
}

/// Asks for everything in the unit, and again for what a refusal leaves over, until each Tweet × metric has a row.
pub(crate) async fn settle(client: Client, unit: Unit) -> Settled {
    let mut exchange = Exchange {
        client: client.inner(),
        unit: &unit,
        asks: VecDeque::new(),
        settled: Settled {
            rows: Vec::new(),
            strangers: Vec::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
            observed_at: client.now(),
            refused: None,
            effort: Effort::default(),
        },
    };
    exchange.asks.push_back(Ask {
        caller: unit.caller,
        tweet_ids: unit.tweet_ids.to_vec(),
        metrics: unit.metrics.to_vec(),
        last: false,
    });
    let mut rounds = 0;
    while let Some(ask) = exchange.asks.pop_front() {
        rounds += 1;
        if rounds > MOST_ROUNDS {
            let given_up = Outcome::Failed(Reason::new("refused again and again; given up"));
            exchange.end(&ask.tweet_ids, &ask.metrics, &given_up);
        } else {
            exchange.put(ask).await;
        }
    }
    exchange.settled
}

/// Part of a unit that is still to be asked for.
struct Ask {
    caller: usize,
    tweet_ids: Vec<TweetId>,
    metrics: Vec<Metric>,
    /// Asked for a last time: another refusal is final.
    last: bool,
}

struct Exchange<'a> {
    client: &'a Inner,
    unit: &'a Unit,
    asks: VecDeque<Ask>,
    settled: Settled,
}

impl Exchange<'_> {
    async fn put(&mut self, ask: Ask) {
        let request = match self.request(&ask) {
            Ok(request) => request,
            Err(problem) => return self.fail(&ask, problem),
        };
        let caller = self.client.caller(ask.caller);
        let allowed = match &self.client.allowance {
            None => None,
            Some(allowance) => match allowance.take(MOST_ATTEMPTS) {
                0 => return self.out_of_requests(&ask, allowance.limit()),
                allowed => Some((allowance, allowed)),
            },
        };
        let mut call = Call::post(self.client.url(self.unit.endpoint).clone())
            .json_body(request.to_json())
            .authorization(caller.authorization.clone())
            .replay(Replay::Safe)
            .quota(&self.client.quota);
        if let Some((_, allowed)) = allowed {
            call = call.max_attempts(allowed);
        }
        let sent = self.client.transport.send(&call, judge).await;
        self.settled.observed_at = self.client.now();
        let (attempts, waited) = match &sent {
            Ok(answer) => (answer.attempts, answer.waited),
            Err(error) => (error.attempts(), error.waited()),
        };
        self.settled.effort.add(Effort::of(attempts, waited));
        if let Some((allowance, allowed)) = allowed {
            allowance.give_back(allowed.saturating_sub(attempts));
        }
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                // Fewer attempts than usual were allowed, and they were not enough.
                if let Some((allowance, allowed)) = allowed
                    && allowed < MOST_ATTEMPTS
                    && attempts >= allowed
                {
                    return self.out_of_requests(&ask, allowance.limit());
                }
                return self.broken(&ask, &error);
            }
        };
        if !answer.status.is_success() {
            let refusal = Refusal::read(answer.status.as_u16(), &answer.body);
            return self.refused(&ask, &refusal, answer.clock_ahead);
        }
        match Answer::decode(&request, &answer.body, &Limits::default()) {
            Ok(decoded) => self.answered(&ask, decoded),
            Err(DecodeError::Refused(refusal)) => self.refused(&ask, &refusal, answer.clock_ahead),
            Err(error) => self.fail(&ask, Problem::new(ProblemKind::Malformed, error.to_string())),
        }
    }

    fn request(&self, ask: &Ask) -> Result<Request, Problem> {
        let tweet_ids = ask.tweet_ids.iter().copied();
        let metrics = ask.metrics.iter().cloned();
        let groupings = [self.unit.grouping.clone()];
        match self.unit.window {
            Some(window) => Request::historical(tweet_ids, metrics, groupings, window, self.client.now()),
            None if self.unit.endpoint.is_series() => Request::last_28_hours(tweet_ids, metrics, groupings),
            None => Request::totals(tweet_ids, metrics, groupings),
        }
        .map_err(|invalid| Problem::new(ProblemKind::Refused, invalid.to_string()))
    }

    fn answered(&mut self, ask: &Ask, answer: Answer) {
        self.rows_of(ask.last).extend(answer.rows);
        self.settled.warnings.extend(answer.warnings.iter().map(ToString::to_string));
        if answer.warnings_left_out > 0 {
            self.settled.warnings.push(format!("{} more warnings", answer.warnings_left_out));
        }
    }

    /// The server refused the request as a whole. What it names is taken out, and the rest is asked for again.
    fn refused(&mut self, ask: &Ask, refusal: &Refusal, clock_ahead: Option<i64>) {
        let reason = Reason::new(&refusal.words());
        match &refusal.kind {
            RefusalKind::ForbiddenTweets { tweet_ids, .. } if !tweet_ids.is_empty() => {
                let (named, rest) = split(&ask.tweet_ids, tweet_ids);
                if named.is_empty() {
                    return self.halve(ask, &reason);
                }
                self.ask_rest(ask, rest, ask.metrics.clone());
                self.forbidden(ask, named, &reason);
            }
            RefusalKind::ForbiddenTweets { .. } | RefusalKind::Forbidden => self.halve(ask, &reason),
            RefusalKind::ForbiddenMetrics { metrics } => {
                let (named, rest) = split(&ask.metrics, metrics);
                let named = if named.is_empty() { ask.metrics.clone() } else { named };
                let rest = if named.len() == ask.metrics.len() { Vec::new() } else { rest };
                self.end(&ask.tweet_ids, &named, &Outcome::Forbidden(reason));
                self.ask_rest(ask, ask.tweet_ids.clone(), rest);
            }
            RefusalKind::UnavailableTweets => {
                let (named, rest) = split(&ask.tweet_ids, &refusal.unavailable);
                // None listed: it speaks of all of them.
                let (named, rest) =
                    if named.is_empty() { (ask.tweet_ids.clone(), Vec::new()) } else { (named, rest) };
                self.end(&named, &ask.metrics, &Outcome::Unavailable(reason));
                self.ask_rest(ask, rest, ask.metrics.clone());
            }
            RefusalKind::TooOld => self.too_old(ask, refusal, &reason),
            RefusalKind::Authentication | RefusalKind::NotProvisioned | RefusalKind::ClockOff => {
                let mut problem = Problem::new(ProblemKind::Authentication, refusal.to_string());
                if let Some(ahead) = clock_ahead.filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE) {
                    problem
                        .message
                        .push_str(&format!("; the server's clock is {ahead} s ahead of this machine's"));
                }
                if let Some(owner) = &self.client.caller(ask.caller).owner {
                    problem.message.push_str(&format!("; asked with the token of {owner}"));
                }
                self.settled.refused = Some((ask.caller, Reason::new(&problem.message)));
                self.fail(ask, problem);
            }
            kind => {
                let class = match kind {
                    RefusalKind::RateLimited => ProblemKind::Quota,
                    RefusalKind::Server => ProblemKind::Server,
                    _ => ProblemKind::Refused,
                };
                self.fail(ask, Problem::new(class, refusal.to_string()));
            }
        }
    }

    /// These Tweets are somebody else's. Their public metrics may be asked for once, app-only; the others may not.
    fn forbidden(&mut self, ask: &Ask, tweet_ids: Vec<TweetId>, reason: &Reason) {
        let fallback = self.unit.fallback.filter(|fallback| *fallback != ask.caller && !ask.last);
        let (public, private): (Vec<_>, Vec<_>) = match fallback {
            Some(_) => ask
                .metrics
                .iter()
                .cloned()
                .partition(|metric| Access::AppOnly.reads(metric, self.unit.endpoint)),
            None => (Vec::new(), ask.metrics.clone()),
        };
        let forbidden = Outcome::Forbidden(reason.clone());
        self.settled.strangers.extend(rows(&tweet_ids, &private, self.unit.window, &forbidden));
        if let (Some(caller), false) = (fallback, public.is_empty()) {
            self.asks.push_back(Ask { caller, tweet_ids, metrics: public, last: true });
        }
    }

    /// A refusal that names none of the Tweets: halves are asked for, down to single ones.
    fn halve(&mut self, ask: &Ask, reason: &Reason) {
        if ask.tweet_ids.len() < 2 {
            let tweet_ids = ask.tweet_ids.clone();
            return self.forbidden(ask, tweet_ids, reason);
        }
        let (first, second) = ask.tweet_ids.split_at(ask.tweet_ids.len() / 2);
        self.ask_rest(ask, first.to_vec(), ask.metrics.clone());
        self.ask_rest(ask, second.to_vec(), ask.metrics.clone());
    }

    fn too_old(&mut self, ask: &Ask, refusal: &Refusal, reason: &Reason) {
        let unsupported = Outcome::Unsupported(reason.clone());
        let too_old = |tweet_id: TweetId, metric: &Metric| {
            refusal.unsupported.iter().any(|(id, listed)| *id == tweet_id && listed == metric)
        };
        let mut again: Vec<(TweetId, Vec<Metric>)> = Vec::new();
        for &tweet_id in &ask.tweet_ids {
            let (listed, rest): (Vec<_>, Vec<_>) =
                ask.metrics.iter().cloned().partition(|metric| too_old(tweet_id, metric));
            if listed.is_empty() && refusal.unsupported.is_empty() {
                self.end(&[tweet_id], &ask.metrics, &unsupported);
                continue;
            }
            self.end(&[tweet_id], &listed, &unsupported);
            if !rest.is_empty() {
                again.push((tweet_id, rest));
            }
        }
        // Those with the same metrics left go together.
        while let Some((_, metrics)) = again.first().cloned() {
            let (same, others): (Vec<_>, Vec<_>) = again.into_iter().partition(|(_, left)| *left == metrics);
            again = others;
            self.ask_rest(ask, same.into_iter().map(|(tweet_id, _)| tweet_id).collect(), metrics);
        }
    }

    /// Asks again for a part of what was asked for; never for all of it, so that this ends.
    fn ask_rest(&mut self, ask: &Ask, tweet_ids: Vec<TweetId>, metrics: Vec<Metric>) {
        if tweet_ids.is_empty() || metrics.is_empty() {
            return;
        }
        if tweet_ids.len() == ask.tweet_ids.len() && metrics.len() == ask.metrics.len() {
            let reason = Reason::new("refused without saying which part");
            return self.end(&tweet_ids, &metrics, &Outcome::Failed(reason));
        }
        self.asks.push_back(Ask { caller: ask.caller, tweet_ids, metrics, last: ask.last });
    }

    /// No complete answer came, or none that can be used.
    fn broken(&mut self, ask: &Ask, error: &engagement_transport::Error) {
        let kind = match error.kind() {
            Broken::Quota => ProblemKind::Quota,
            Broken::Sign => ProblemKind::Authentication,
            Broken::Answered => match error.answer().map(|answer| answer.status.as_u16()) {
                Some(429) => ProblemKind::Quota,
                Some(200..=299) => ProblemKind::Malformed,
                _ => ProblemKind::Server,
            },
            Broken::Corrupt | Broken::TooLarge | Broken::HeadTooLarge | Broken::Protocol => {
                ProblemKind::Malformed
            }
            _ => ProblemKind::Network,
        };
        let mut problem = Problem::new(kind, describe(error));
        problem.retryable = error.advice() != Advice::Never;
        if let Some(answer) = error.answer() {
            let words = answer.words();
            if !words.is_empty() {
                problem.message.push_str(&format!("; the last answer began: {words}"));
            }
        }
        self.fail(ask, problem);
    }

    fn out_of_requests(&mut self, ask: &Ask, limit: u64) {
        let words = format!("not asked: the limit of {limit} requests is reached");
        self.end(&ask.tweet_ids, &ask.metrics, &Outcome::Unaccounted(Reason::new(&words)));
        self.settled.problems.push(Problem::new(ProblemKind::Quota, words));
    }

    fn fail(&mut self, ask: &Ask, problem: Problem) {
        let outcome = Outcome::Failed(Reason::new(&problem.message));
        self.end(&ask.tweet_ids, &ask.metrics, &outcome);
        self.settled.problems.push(problem);
    }

    /// Where rows go: a last asking is for strangers' Tweets only.
    fn rows_of(&mut self, last: bool) -> &mut Vec<Row> {
        if last { &mut self.settled.strangers } else { &mut self.settled.rows }
    }

    fn end(&mut self, tweet_ids: &[TweetId], metrics: &[Metric], outcome: &Outcome) {
        self.settled.rows.extend(rows(tweet_ids, metrics, self.unit.window, outcome));
    }
}

/// What an answer means for repeating: a success that is no JSON object was made by something between the server and
/// us, and passes.
fn judge(head: &Head<'_>, body: &[u8]) -> Verdict {
    let trimmed = body.trim_ascii().strip_prefix(b"\xef\xbb\xbf").unwrap_or(body.trim_ascii());
    if head.status.is_success() && !(trimmed.starts_with(b"{") && trimmed.ends_with(b"}")) {
        return Verdict::retry("the answer is not JSON");
    }
    verdict::by_status(head, body)
}

/// The error and what caused it, in one line.
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        next = cause.source();
    }
    words
}

/// Those of `all` that are in `named`, and the others.
fn split<T: Clone + PartialEq>(all: &[T], named: &[T]) -> (Vec<T>, Vec<T>) {
    all.iter().cloned().partition(|item| named.contains(item))
}

/// Enough to halve the largest request down to single Tweets, and to ask for each once more.
const MOST_ROUNDS: u32 = 1_000;
/// What the transport sends for one call, at most.
const MOST_ATTEMPTS: u32 = 5;
/// Seconds by which clocks may differ before it is worth a word.
const CLOCK_TOLERANCE: u64 = 60;
