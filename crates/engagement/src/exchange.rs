//! One unit of work, from its request to a row for everything in it.

use std::collections::VecDeque;

use engagement_model::{
    Dimension, Grouping, InvalidRequest, Outcome, Reason, Request, Row,
    answer::{Answer, DecodeError, Limits},
    recovery::{Attempt, Recovery},
    refusal::{Refusal, RefusalKind},
};
use engagement_transport::{Advice, Call, ErrorKind as Broken, Head, Replay, Verdict, verdict};
use jiff::Timestamp;

use crate::{
    batch::{Problem, ProblemKind},
    client::{Client, Inner},
    error::describe,
    unit::Unit,
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
    /// The answers as they came, where they are asked for.
    pub(crate) answers: Vec<engagement_transport::Answer>,
}

/// Whether answers are kept as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bodies {
    Kept,
    Dropped,
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

    fn of(sent: u32, waited: std::time::Duration) -> Self {
        Self { requests: sent.into(), retries: sent.saturating_sub(1).into(), waited }
    }
}

/// Asks for everything in the unit, and again for what a refusal leaves over, until each Tweet × metric has a row.
pub(crate) async fn settle(client: Client, unit: Unit, bodies: Bodies) -> Settled {
    let mut exchange = Exchange {
        client: client.inner(),
        unit: &unit,
        bodies,
        attempts: VecDeque::new(),
        settled: Settled {
            rows: Vec::new(),
            strangers: Vec::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
            observed_at: client.now(),
            refused: None,
            effort: Effort::default(),
            answers: Vec::new(),
        },
    };
    match exchange.request() {
        Ok(request) => {
            let attempt = Attempt::first(request, client.inner().caller(unit.caller).access);
            let attempt = if unit.fallback.is_some() { attempt } else { attempt.without_app() };
            exchange.attempts.push_back(attempt);
        }
        Err(invalid) => {
            let problem = Problem::new(ProblemKind::Refused, invalid.to_string());
            let failed = Outcome::Failed(Reason::new(&problem.message));
            exchange.settled.rows.extend(unit.rows(&failed));
            exchange.settled.problems.push(problem);
        }
    }
    // The model bounds what follows from an attempt, so this ends whatever the server says.
    while let Some(attempt) = exchange.attempts.pop_front() {
        exchange.put(attempt).await;
    }
    exchange.settled
}

struct Exchange<'a> {
    client: &'a Inner,
    unit: &'a Unit,
    bodies: Bodies,
    attempts: VecDeque<Attempt>,
    settled: Settled,
}

impl Exchange<'_> {
    fn request(&self) -> Result<Request, InvalidRequest> {
        let tweet_ids = self.unit.tweet_ids.iter().copied();
        let metrics = self.unit.metrics.iter().cloned();
        let groupings = self.unit.groupings.iter().cloned();
        match self.unit.window {
            Some(window) => Request::historical(tweet_ids, metrics, groupings, window, self.client.now()),
            None if self.unit.endpoint.is_series() => Request::last_28_hours(tweet_ids, metrics, groupings),
            None => Request::totals(tweet_ids, metrics, groupings),
        }
    }

    /// Whose credential an attempt takes.
    fn caller_of(&self, attempt: &Attempt) -> usize {
        let own = self.client.caller(self.unit.caller).access;
        if attempt.access() == own {
            self.unit.caller
        } else {
            self.unit.fallback.unwrap_or(self.unit.caller)
        }
    }

    async fn put(&mut self, attempt: Attempt) {
        let number = self.caller_of(&attempt);
        let allowed = match &self.client.allowance {
            None => None,
            Some(allowance) => match allowance.take(MOST_ATTEMPTS) {
                0 => return self.out_of_requests(attempt, allowance.limit()),
                allowed => Some((allowance, allowed)),
            },
        };
        let mut call = Call::post(self.client.url(self.unit.endpoint).clone())
            .json_body(attempt.request().to_json())
            .authorization(self.client.caller(number).authorization.clone())
            .replay(Replay::Safe)
            .quota(&self.client.quota);
        if let Some((_, allowed)) = allowed {
            call = call.max_attempts(allowed);
        }
        let sent = self.client.transport.send(&call, judge).await;
        self.settled.observed_at = self.client.now();
        let (requests, waited) = match &sent {
            Ok(answer) => (answer.sent, answer.waited),
            Err(error) => (error.sent(), error.waited()),
        };
        self.settled.effort.add(Effort::of(requests, waited));
        if let Some((allowance, allowed)) = allowed {
            allowance.give_back(allowed.saturating_sub(requests));
        }
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                // Fewer attempts than usual were allowed, and they were not enough.
                if let Some((allowance, allowed)) = allowed
                    && allowed < MOST_ATTEMPTS
                    && requests >= allowed
                {
                    return self.out_of_requests(attempt, allowance.limit());
                }
                return self.fail(attempt, broken(&error));
            }
        };
        if !answer.status.is_success() {
            let refusal = Refusal::read(answer.status.as_u16(), &answer.body);
            return self.refused(attempt, &refusal, answer.clock_ahead);
        }
        match Answer::decode(attempt.request(), &answer.body, &Limits::default()) {
            Ok(decoded) => {
                if self.bodies == Bodies::Kept {
                    self.settled.answers.push(answer);
                }
                self.answered(attempt, decoded);
            }
            Err(DecodeError::Refused(refusal)) => self.refused(attempt, &refusal, answer.clock_ahead),
            Err(error) => self.fail(attempt, Problem::new(ProblemKind::Malformed, error.to_string())),
        }
    }

    fn answered(&mut self, attempt: Attempt, mut answer: Answer) {
        let warnings = core::mem::take(&mut answer.warnings);
        self.settled.warnings.extend(warnings.iter().map(ToString::to_string));
        if answer.warnings_left_out > 0 {
            self.settled.warnings.push(format!("{} more warnings", answer.warnings_left_out));
        }
        if !attempt.request().groupings().iter().any(tells_cells_apart) {
            // What the answer has is of all the Tweets that it does not except.
            for row in &mut answer.rows {
                if matches!(row.outcome, Outcome::Unaccounted(_)) {
                    row.outcome = Outcome::Ok(0);
                }
            }
        }
        let by_stranger = self.caller_of(&attempt) != self.unit.caller;
        self.recover(attempt.after_answer(answer), by_stranger);
    }

    /// The server refused the request as a whole. What it names is final, and the rest is asked for again.
    fn refused(&mut self, attempt: Attempt, refusal: &Refusal, clock_ahead: Option<i64>) {
        let number = self.caller_of(&attempt);
        let kind = match &refusal.kind {
            RefusalKind::ForbiddenTweets { .. }
            | RefusalKind::Forbidden
            | RefusalKind::ForbiddenMetrics { .. }
            | RefusalKind::UnavailableTweets
            | RefusalKind::TooOld => {
                return self.recover(attempt.after_refusal(refusal), number != self.unit.caller);
            }
            RefusalKind::Authentication | RefusalKind::NotProvisioned | RefusalKind::ClockOff => {
                ProblemKind::Authentication
            }
            RefusalKind::RateLimited => ProblemKind::Quota,
            RefusalKind::Server => ProblemKind::Server,
            _ => ProblemKind::Refused,
        };
        let mut problem = Problem::new(kind, refusal.to_string());
        if kind == ProblemKind::Authentication {
            if let Some(ahead) = clock_ahead.filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE) {
                problem
                    .message
                    .push_str(&format!("; the server's clock is {ahead} s ahead of this machine's"));
            }
            if let Some(owner) = &self.client.caller(number).owner {
                problem.message.push_str(&format!("; asked with the token of {owner}"));
            }
            self.settled.refused = Some((number, Reason::new(&problem.message)));
        }
        self.fail(attempt, problem);
    }

    fn recover(&mut self, recovery: Recovery, by_stranger: bool) {
        for row in recovery.rows {
            // What is forbidden to its asker is not the asker's.
            if by_stranger || matches!(row.outcome, Outcome::Forbidden(_)) {
                self.settled.strangers.push(row);
            } else {
                self.settled.rows.push(row);
            }
        }
        self.attempts.extend(recovery.ask_again);
    }

    fn out_of_requests(&mut self, attempt: Attempt, limit: u64) {
        let words = format!("not asked: the limit of {limit} requests is reached");
        let by_stranger = self.caller_of(&attempt) != self.unit.caller;
        let mut recovery = attempt.after_failure(&words);
        for row in &mut recovery.rows {
            row.outcome = Outcome::Unaccounted(Reason::new(&words));
        }
        self.recover(recovery, by_stranger);
        self.settled.problems.push(Problem::new(ProblemKind::Quota, words));
    }

    fn fail(&mut self, attempt: Attempt, problem: Problem) {
        let by_stranger = self.caller_of(&attempt) != self.unit.caller;
        self.recover(attempt.after_failure(&problem.message), by_stranger);
        self.settled.problems.push(problem);
    }
}

/// Whether values of the grouping belong to a Tweet and a metric each.
fn tells_cells_apart(grouping: &Grouping) -> bool {
    grouping.has(Dimension::TweetId) && grouping.has(Dimension::EngagementType)
}

/// What it means that no complete answer came, or none that can be used.
fn broken(error: &engagement_transport::Error) -> Problem {
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
    problem
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

/// What the transport sends for one call, at most.
const MOST_ATTEMPTS: u32 = 5;
/// Seconds by which clocks may differ before it is worth a word.
const CLOCK_TOLERANCE: u64 = 60;
