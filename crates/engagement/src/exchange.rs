//! One unit of work, from its request to a row for everything in it.

use std::{borrow::Cow, collections::VecDeque, fmt, sync::Arc};

use engagement_model::{
    Dimension, Endpoint, Grouping, InvalidRequest, Metric, Outcome, Reason, Request, Row, Survey,
    answer::{Answer, DecodeError, Limits},
    outcome::clean_words,
    plan::{self, Asker, clip},
    recovery::{Attempt, Recovery},
    refusal::{Refusal, RefusalKind, code},
};
use engagement_transport::{
    self as transport, Advice, CLOCK_TOLERANCE, Call, ErrorKind as Broken, Gate, Head, Replay, Stop, Verdict,
    clocks_apart, verdict,
};

use jiff::Timestamp;

use crate::{
    batch::{Problem, ProblemKind},
    client::{Allowance, Client, Inner},
    credential::Caller,
    error::describe,
    meter::Meter,
    settled::{Effort, Sent, Settled},
    unit::{Departure, Unit},
};

/// Whether answers are kept as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bodies {
    Kept,
    Dropped,
}

/// Asks for everything in the unit, and again for what a refusal leaves over, until each Tweet × metric has a row.
/// What became of it is in `meter`, as far as this has come when it is dropped.
pub(crate) async fn settle(client: &Client, unit: &Unit, bodies: Bodies, meter: &Arc<Meter>) {
    let inner = client.inner();
    meter.change(|settled| settled.observed_at = client.now());
    let fail = |problem: Problem| {
        meter.change(|settled| {
            settled.rows.extend(unit.rows(&Outcome::Failed(Reason::new(&problem.message))));
            settled.problems.push(problem);
        });
    };
    let Some(caller) = inner.caller(unit.asker) else {
        return fail(Problem::new(ProblemKind::Authentication, "there is no such credential"));
    };
    let fallback = inner.app().filter(|_| unit.falls_back).and_then(|app| inner.caller(app));
    let mut exchange =
        Exchange { client, unit, caller, fallback, bodies, meter: meter.clone(), attempts: VecDeque::new() };
    match exchange.request() {
        Ok(request) => {
            let attempt = Attempt::first(request, caller.access);
            let attempt = if fallback.is_some() { attempt } else { attempt.without_app() };
            exchange.attempts.push_back(attempt);
        }
        Err(invalid) => fail(Problem::new(ProblemKind::Refused, invalid.to_string())),
    }
    // The model bounds what follows from an attempt, so this ends whatever the server says.
    while let Some(attempt) = exchange.attempts.pop_front() {
        exchange.put(attempt).await;
    }
}

struct Exchange<'a> {
    client: &'a Client,
    unit: &'a Unit,
    /// Whose credential the unit takes.
    caller: &'a Caller,
    /// The app, where it may be asked about strangers.
    fallback: Option<&'a Caller>,
    bodies: Bodies,
    meter: Arc<Meter>,
    attempts: VecDeque<Attempt>,
}

impl<'a> Exchange<'a> {
    fn inner(&self) -> &'a Inner {
        self.client.inner()
    }

    fn request(&self) -> Result<Request, InvalidRequest> {
        let unit = self.unit;
        let (tweet_ids, metrics, groupings) =
            (unit.tweet_ids.clone(), unit.metrics.clone(), unit.groupings.clone());
        plan::request(unit.endpoint, tweet_ids, metrics, groupings, unit.window, self.client.now())
    }

    /// Whether an attempt asks with another credential than the unit's own.
    fn is_by_stranger(&self, attempt: &Attempt) -> bool {
        attempt.access() != self.caller.access && self.fallback.is_some()
    }

    /// Whose credential an attempt takes.
    fn caller_of(&self, attempt: &Attempt) -> (Asker, &'a Caller) {
        match self.fallback {
            Some(app) if attempt.access() != self.caller.access => (Asker::AppOnly, app),
            _ => (self.unit.asker, self.caller),
        }
    }

    async fn put(&mut self, attempt: Attempt) {
        let inner = self.inner();
        let meter = self.meter.clone();
        // Taken before the wait for quota: who waits is certain to be sent, once.
        if let Some(allowance) = &inner.allowance
            && !allowance.take()
        {
            return meter.change(|settled| self.out_of_requests(settled, attempt, allowance.limit()));
        }
        let (asker, caller) = self.caller_of(&attempt);
        let tweets = attempt.request().tweet_ids().len();
        meter.begin_call();
        let mut taken =
            inner.allowance.as_ref().map(|allowance| Taken { allowance, meter: &meter, sent: None });
        let endpoint = attempt.request().endpoint();
        let departure = Departure { endpoint, asker, tweets };
        let bearer = inner.bearer.as_ref().filter(|_| asker == Asker::AppOnly);
        let (authorization, proof) = match bearer {
            Some(bearer) => bearer.proof(&inner.transport).await,
            None => (caller.authorization.clone(), 0),
        };
        let mut call = Call::post(inner.url(endpoint).clone())
            .json_body(attempt.request().to_json())
            .authorization(authorization)
            .brings_data()
            .replay(Replay::Safe)
            .quota(&inner.quotas.of(asker, endpoint))
            .gate(self.gate(departure));
        if let Some(allowance) = &inner.allowance {
            // No wait is worth its while before a repetition that would be held back.
            call = call.max_attempts(allowance.left().saturating_add(1));
        }
        let judge = |head: &Head<'_>, body: &[u8]| {
            meter.answered(head.status.as_u16());
            judge(attempt.request(), head, body)
        };
        let answered = inner.transport.send(&call, judge).await;
        let (requests, waited) = match &answered {
            Ok(answer) => (answer.sent, answer.waited),
            Err(error) => (error.sent(), error.waited()),
        };
        let (effort, now) = (Effort::of(requests, waited), self.client.now());
        let refused = bearer.filter(|_| answered.as_ref().is_ok_and(is_of_credential));
        if let Some(taken) = &mut taken {
            taken.sent = Some(requests);
        }
        match refused {
            // What was received is accounted for before anybody can say that it was not.
            None => meter.end_call(effort, now, |settled| self.land(settled, attempt, answered)),
            Some(bearer) => {
                meter.end_call(effort, now, |_| {});
                if bearer.renew(&inner.transport, proof).await {
                    self.attempts.push_front(attempt);
                } else {
                    meter.change(|settled| self.land(settled, attempt, answered));
                }
            }
        }
    }

    /// What a call that is over means for what it asked for.
    fn land(
        &mut self,
        to: &mut Settled,
        attempt: Attempt,
        answered: Result<transport::Answer, transport::Error>,
    ) {
        let answer = match answered {
            Ok(answer) => answer,
            Err(error) if error.kind() == Broken::Held => match held(&error) {
                Some(OutOfRequests { limit }) => return self.out_of_requests(to, attempt, *limit),
                None => return self.fail(to, attempt, Problem::new(ProblemKind::Held, describe(&error))),
            },
            Err(error) => {
                let at_limit =
                    |allowance: &&Allowance| error.stop() == Stop::Attempts && allowance.left() == 0;
                return match self.inner().allowance.as_ref().filter(at_limit) {
                    Some(allowance) => self.out_of_requests(to, attempt, allowance.limit()),
                    None => self.fail(to, attempt, broken(&error)),
                };
            }
        };
        if !answer.status.is_success() {
            let refusal = Refusal::read(answer.status.as_u16(), &answer.body);
            let clock_ahead = answer.clock_ahead;
            if self.bodies == Bodies::Kept && refusal.names_cells() {
                to.refusals.push(answer);
            }
            return self.refused(to, attempt, &refusal, clock_ahead);
        }
        let (answer, decoded) = self.decode(&attempt, answer);
        match decoded {
            Ok(decoded) => {
                if self.bodies == Bodies::Kept {
                    to.answers.push(answer);
                }
                self.answered(to, attempt, decoded);
            }
            Err(DecodeError::Refused(refusal)) => self.refused(to, attempt, &refusal, answer.clock_ahead),
            Err(error) => {
                let mut problem = Problem::new(ProblemKind::Malformed, error.to_string());
                problem.status = Some(answer.status.as_u16());
                problem.is_page = is_page(&answer);
                self.fail(to, attempt, problem);
            }
        }
    }

    /// What a success says, without a secret that the server repeats.
    fn decode(
        &self,
        attempt: &Attempt,
        mut answer: transport::Answer,
    ) -> (transport::Answer, Result<Answer, DecodeError>) {
        let transport = &self.client.inner().transport;
        let decode = |body: &[u8]| Answer::decode(attempt.request(), body, &Limits::default());
        let decoded = decode(&answer.body);
        let is_shown = match &decoded {
            Ok(decoded) => {
                self.bodies == Bodies::Kept
                    || words(decoded).any(|words| transport.hide(words.as_bytes()).is_some())
            }
            Err(_) => true,
        };
        match is_shown.then(|| transport.hide(&answer.body)).flatten() {
            Some(body) => {
                answer.body = body.into();
                answer.concealed = true;
                let decoded = decode(&answer.body);
                (answer, decoded)
            }
            None => (answer, decoded),
        }
    }

    /// What every request of a call passes: the client's limit, then the unit's own hook.
    fn gate(&self, departure: Departure) -> Gate {
        let Departure { endpoint, asker, tweets } = departure;
        let sent = Sent { endpoint, asker, tweets, status: None };
        let (client, meter) = (self.client.clone(), self.meter.clone());
        match self.unit.hook.clone() {
            None => Gate::at_once(move |_| {
                take_another(&client, &meter)?;
                Ok(meter.leave(sent)?)
            }),
            Some(hook) => Gate::new(move |_| {
                let (client, meter) = (client.clone(), meter.clone());
                let (hook, departure) = (hook.clone(), departure.clone());
                async move {
                    take_another(&client, &meter)?;
                    hook(departure).await?;
                    Ok(meter.leave(sent)?)
                }
            }),
        }
    }

    fn answered(&mut self, to: &mut Settled, attempt: Attempt, mut answer: Answer) {
        let warnings = core::mem::take(&mut answer.warnings);
        to.warnings.extend(warnings.iter().map(ToString::to_string));
        if answer.warnings_left_out > 0 {
            to.warnings.push(format!("{} more warnings", answer.warnings_left_out));
        }
        if !attempt.request().groupings().iter().any(tells_cells_apart) {
            // What the answer has is of all the Tweets that it does not except.
            for row in &mut answer.rows {
                if matches!(row.outcome, Outcome::Unaccounted(_)) {
                    row.outcome = Outcome::Ok(0);
                }
            }
        }
        let by_stranger = self.is_by_stranger(&attempt);
        self.recover(to, attempt.after_answer(answer), by_stranger);
    }

    /// The server refused the request as a whole. What it names is final, and the rest is asked for again.
    fn refused(&mut self, to: &mut Settled, attempt: Attempt, refusal: &Refusal, clock_ahead: Option<i64>) {
        if let RefusalKind::ForbiddenTweets { authors, .. } = &refusal.kind {
            to.authors.extend(authors);
        }
        let kind = match &refusal.kind {
            RefusalKind::ForbiddenTweets { .. }
            | RefusalKind::Forbidden
            | RefusalKind::ForbiddenMetrics { .. }
            | RefusalKind::NeedsOwner
            | RefusalKind::UnavailableTweets
            | RefusalKind::TooOld => {
                let by_stranger = self.is_by_stranger(&attempt);
                return self.recover(to, attempt.after_refusal(refusal), by_stranger);
            }
            RefusalKind::Authentication | RefusalKind::NotProvisioned => ProblemKind::Authentication,
            RefusalKind::ClockOff => ProblemKind::Clock,
            RefusalKind::RateLimited => ProblemKind::Quota,
            RefusalKind::Server => ProblemKind::Server,
            _ => ProblemKind::Refused,
        };
        let mut problem = Problem::new(kind, refusal.to_string());
        problem.status = Some(refusal.status);
        problem.is_page = refusal.is_page;
        if matches!(kind, ProblemKind::Authentication | ProblemKind::Clock) {
            if let Some(ahead) = clock_ahead.filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE) {
                problem.message.push_str(&format!("; {}", clocks_apart(ahead)));
            }
            let (asker, caller) = self.caller_of(&attempt);
            if let Some(owner) = &caller.owner {
                problem.message.push_str(&format!("; asked with the token of {owner}"));
                if is_unknown_token(refusal) {
                    problem.message.push_str(REVOKED);
                }
                problem.owner = Some(owner.clone());
            }
            to.refused = Some((asker, Reason::new(&problem.message)));
        }
        self.fail(to, attempt, problem);
    }

    fn recover(&mut self, to: &mut Settled, recovery: Recovery, by_stranger: bool) {
        let part = self.unit.window.filter(|_| self.unit.endpoint == Endpoint::Last28Hours);
        let (mut rows, survey) = match part {
            Some(part) => (clip(recovery.rows, part), Survey::default()),
            None => (recovery.rows, recovery.survey),
        };
        if by_stranger {
            append(&mut to.strangers, rows);
        } else {
            if !survey.has_only_values {
                // What is forbidden to its asker is not the asker's.
                let forbidden = rows.extract_if(.., |row| matches!(row.outcome, Outcome::Forbidden(_)));
                to.strangers.extend(forbidden);
            }
            if to.rows.is_empty() && survey.is_sorted {
                to.sorted_rows = rows.len();
            }
            append(&mut to.rows, rows);
        }
        self.attempts.extend(recovery.ask_again);
    }

    fn out_of_requests(&mut self, to: &mut Settled, attempt: Attempt, limit: u64) {
        let words = format!("not asked: the limit of {limit} requests is reached");
        let by_stranger = self.is_by_stranger(&attempt);
        let mut recovery = attempt.after_failure(&words);
        for row in &mut recovery.rows {
            row.outcome = Outcome::Unaccounted(Reason::new(&words));
        }
        self.recover(to, recovery, by_stranger);
        to.problems.push(Problem::new(ProblemKind::Quota, words));
    }

    fn fail(&mut self, to: &mut Settled, attempt: Attempt, problem: Problem) {
        let by_stranger = self.is_by_stranger(&attempt);
        self.recover(to, attempt.after_failure(&problem.message), by_stranger);
        to.problems.push(problem);
    }
}

/// Adds rows to others. The first answer's are the last one's too, nearly always, and stay where they are.
fn append(all: &mut Vec<Row>, rows: Vec<Row>) {
    if all.is_empty() {
        *all = rows;
    } else {
        all.extend(rows);
    }
}

/// Whether the server refuses the token itself, and not a signature made with it (contract 5.2, 6.5).
fn is_unknown_token(refusal: &Refusal) -> bool {
    refusal.kind == RefusalKind::Authentication
        && (refusal.codes.contains(&code::INVALID_TOKEN)
            || refusal.messages.iter().any(|words| words.to_ascii_lowercase().contains("token not found")))
}

/// The client may send no more.
#[derive(Debug)]
struct OutOfRequests {
    limit: u64,
}

impl fmt::Display for OutOfRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the limit of {} requests is reached", self.limit)
    }
}

impl std::error::Error for OutOfRequests {}

/// Whether it was the client's limit that held a request back.
fn held(error: &engagement_transport::Error) -> Option<&OutOfRequests> {
    std::error::Error::source(error)?.downcast_ref()
}

/// What a call has taken from the client's limit. In the end it gives back what it did not use, also where it is
/// dropped while it waits.
struct Taken<'a> {
    allowance: &'a Allowance,
    meter: &'a Meter,
    /// How many requests it sent, once it is over.
    sent: Option<u32>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let sent = self.sent.unwrap_or_else(|| self.meter.sent_for_call());
        self.allowance.give_back(self.meter.taken().saturating_sub(sent));
    }
}

/// Takes a request from the client's limit for a repetition: that for a call's first is taken.
fn take_another(client: &Client, meter: &Meter) -> Result<(), OutOfRequests> {
    if let Some(allowance) = &client.inner().allowance
        && !meter.first_is_to_come()
    {
        if !allowance.take() {
            return Err(OutOfRequests { limit: allowance.limit() });
        }
        meter.took_one();
    }
    Ok(())
}

/// Whether the server refuses whoever asked.
fn is_of_credential(answer: &transport::Answer) -> bool {
    !answer.status.is_success()
        && Refusal::read(answer.status.as_u16(), &answer.body).kind == RefusalKind::Authentication
}

/// Whether the last answer speaks of trouble on the server, whatever its status.
fn is_of_server(error: &transport::Error) -> bool {
    error
        .answer()
        .is_some_and(|answer| Refusal::read(answer.status.as_u16(), &answer.body).kind == RefusalKind::Server)
}

/// Whether an answer is made for people and not by the API, all of whose answers are JSON: a page for a browser, or a
/// success in other words.
fn is_page(answer: &transport::Answer) -> bool {
    let body = answer.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer.body);
    match body.trim_ascii_start().first() {
        Some(b'<') => true,
        first => answer.status.is_success() && !matches!(first, Some(b'{' | b'[')),
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
            Some(200..=299) if !is_of_server(error) => ProblemKind::Malformed,
            _ => ProblemKind::Server,
        },
        Broken::Corrupt | Broken::TooLarge | Broken::HeadTooLarge | Broken::Protocol => {
            ProblemKind::Malformed
        }
        _ => ProblemKind::Network,
    };
    let mut problem = Problem::new(kind, describe(error));
    problem.retryable = error.advice() != Advice::Never;
    if let Advice::At(at) = error.advice() {
        problem.come_back = Timestamp::try_from(at).ok();
    }
    if let Some(answer) = error.answer() {
        problem.status = Some(answer.status.as_u16());
        problem.is_page = is_page(answer);
        let words = answer.words();
        if !words.is_empty() {
            problem.message.push_str(&format!("; the last answer began: {words}"));
        }
    }
    problem
}

/// All in it that the server put into words: every other text is one of the request or of the contract.
fn words(answer: &Answer) -> impl Iterator<Item = Cow<'_, str>> {
    let names = answer.unasked_metrics.iter().filter_map(|metric| match metric {
        Metric::Other(other) => Some(other.name()),
        _ => None,
    });
    let errors = answer.errors.iter().map(String::as_str);
    let warnings = answer.warnings.iter().map(|warning| Cow::Owned(warning.to_string()));
    errors.chain(names).map(Cow::Borrowed).chain(warnings)
}

/// What an answer means for repeating: a success that is no JSON object was made by something between the server and
/// us, and passes. One that holds an error in place of data means what the error says.
fn judge(request: &Request, head: &Head<'_>, body: &[u8]) -> Verdict {
    if !head.status.is_success() {
        return verdict::by_status(head, body);
    }
    let trimmed = body.trim_ascii().strip_prefix(b"\xef\xbb\xbf").unwrap_or(body.trim_ascii());
    if let Some(refusal) = refusal_in(request, body) {
        return match refusal.kind {
            RefusalKind::RateLimited => Verdict::Wait { after: None },
            // Its own words may repeat a secret.
            RefusalKind::Server => Verdict::retry(format!("an error with status {}", refusal.status)),
            _ => Verdict::Done,
        };
    }
    if !(trimmed.starts_with(b"{") && trimmed.ends_with(b"}")) {
        let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.map_or_else(|| "of no type".to_owned(), |text| clean_words(text, 60));
        return Verdict::retry(format!(
            "the answer is not JSON: status {}, {content_type}",
            head.status.as_u16()
        ));
    }
    Verdict::Done
}

/// The error that a success holds in place of data.
fn refusal_in(request: &Request, body: &[u8]) -> Option<Box<Refusal>> {
    // Looked at first, because nearly every answer has data: then a grouping's name is near its head.
    let has = |grouping: &Grouping| {
        let name = grouping.name().as_bytes();
        let is_name = |part: &[u8]| {
            part.strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""))
                .is_some_and(|rest| rest == name)
        };
        body.windows(name.len() + 2).any(is_name)
    };
    if body.len() > LONGEST_REFUSAL || request.groupings().iter().any(has) {
        return None;
    }
    match Answer::decode(request, body, &Limits::default()) {
        Err(DecodeError::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

/// Contract 6.1: they end by the user's hand alone.
const REVOKED: &str = "; access tokens do not expire, so it was revoked or reset, or is mistyped";
/// Bytes of a body that is an error: as many Tweets as can be asked for, named several times over.
const LONGEST_REFUSAL: usize = 64 << 10;
