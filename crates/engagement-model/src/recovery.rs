//! What to ask next when an answer is not whole, and what is final.
//!
//! An [`Attempt`] is a request with the kind of credential that asks and with what is left of its bounds. What came of
//! it turns it into a [`Recovery`]: rows that are final, and attempts to make next. Every attempt that follows has less
//! left, so that no server can make a client ask for ever.
//!
//! That a 403 rejects the whole request for one Tweet, and may be asked again without those that it names, was seen in
//! the wild; that public totals of other people's Tweets come app-only is documented. What to do about a refusal that
//! names nothing is our own choice: half of it is asked for, as long as a budget lasts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    access::Access,
    answer::Answer,
    endpoint::Endpoint,
    metric::Metric,
    outcome::{Outcome, Reason, Row, State, Survey},
    refusal::{Refusal, RefusalKind},
    request::Request,
    tweet_id::TweetId,
};

/// A request, who asks, and how often it may still be changed and asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    request: Request,
    access: Access,
    /// How often parts of it may be left out and the rest asked again.
    rounds: u8,
    /// Whether Tweets that an answer passes over may be asked for once more.
    repeats: bool,
    /// Whether the app may be asked for public totals of Tweets that are forbidden to an owner.
    app_helps: bool,
    hunt: Option<Hunt>,
    /// The metrics of the first request: what this one does not ask for of them has been settled elsewhere.
    settled: Arc<[Metric]>,
}

impl Attempt {
    /// A request that has not been asked before.
    pub fn first(request: Request, access: Access) -> Self {
        let settled = request.shared_metrics();
        Self { request, access, rounds: MOST_ROUNDS, repeats: true, app_helps: true, hunt: None, settled }
    }

    /// The same with no other credential to turn to: what is forbidden to this one is forbidden.
    #[must_use]
    pub fn without_app(mut self) -> Self {
        self.app_helps = false;
        self
    }

    /// What to send.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The kind of credential to send it with: an owner's, which stays the same as long as it is an owner's, or the
    /// app's own.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// What follows from an answer.
    ///
    /// Its rows are final, save two kinds. Tweets that it does not mention at all are asked for once more, together.
    /// Public totals of Tweets that it calls forbidden are asked for once app-only.
    pub fn after_answer(self, answer: Answer) -> Recovery {
        let mut recovery = Recovery { rows: answer.rows, survey: answer.survey, ask_again: Vec::new() };
        if self.settled.len() != self.request.metrics().len() {
            let asked = self.request.metrics();
            recovery.rows.retain(|row| asked.contains(&row.metric) || !self.settled.contains(&row.metric));
        }
        if recovery.survey.has_only_values {
            // Then there is one of every Tweet × metric of the request, and nothing to ask again.
            self.go_on(&mut recovery, true);
            return recovery;
        }
        if self.repeats {
            let passed_over =
                self.ids_without(&recovery.rows, |row| row.outcome.state() != State::Unaccounted);
            if let Some(request) = self.request.narrowed(&passed_over, self.request.metrics()) {
                drop_rows(&mut recovery.rows, &passed_over, self.request.metrics());
                recovery.ask_again.push(Self { request, repeats: false, hunt: None, ..self.clone() });
            }
        }
        let public = self.public_metrics();
        let mut forbidden = Vec::new();
        if !public.is_empty() {
            let is_open = |row: &Row| row.outcome.state() != State::Forbidden && public.contains(&row.metric);
            forbidden = self.ids_without(&recovery.rows, is_open);
            if !forbidden.is_empty() {
                let seen: BTreeSet<TweetId> = recovery.rows.iter().map(|row| row.tweet_id).collect();
                forbidden.retain(|id| seen.contains(id));
            }
        }
        if let Some(attempt) = self.app_only(&forbidden, &public) {
            drop_rows(&mut recovery.rows, &forbidden, &public);
            recovery.ask_again.push(attempt);
        }
        self.go_on(&mut recovery, forbidden.is_empty());
        recovery
    }

    /// What follows from a refusal.
    ///
    /// Tweets that are named as forbidden or unavailable, and metrics that are named as forbidden or too old for, are
    /// final, and the rest is asked again; public totals of forbidden Tweets are asked for once app-only. Where a
    /// refusal names nothing, halves are asked, up to a bound. After any other refusal all is failed.
    pub fn after_refusal(self, refusal: &Refusal) -> Recovery {
        let mut recovery = Recovery::default();
        let why = Reason::new(&refusal.words());
        let (mut ids, mut metrics) = (self.request.tweet_ids().to_vec(), self.request.metrics().to_vec());
        let before = ids.len() * metrics.len();

        let unavailable: BTreeSet<TweetId> = refusal.unavailable.iter().copied().collect();
        let gone = take_out(&mut ids, |id| unavailable.contains(id));
        recovery.add(&self.request, &gone, &metrics, &Outcome::Unavailable(why.clone()));

        match &refusal.kind {
            RefusalKind::ForbiddenTweets { tweet_ids, .. } => {
                let named: BTreeSet<TweetId> = tweet_ids.iter().copied().collect();
                let named = take_out(&mut ids, |id| named.contains(id));
                self.forbid(&mut recovery, &named, &metrics, &why);
            }
            RefusalKind::ForbiddenMetrics { metrics: named } => {
                let named = take_out(&mut metrics, |metric| named.contains(metric));
                recovery.add(&self.request, &ids, &named, &Outcome::Forbidden(why.clone()));
            }
            RefusalKind::TooOld if refusal.unsupported.is_empty() => {
                // Its words are only known for one pair of metrics, and it comes when all Tweets are too old for them.
                let named = take_out(&mut metrics, |metric| {
                    metric.age_limit_days(self.request.endpoint()) == Some(90)
                });
                recovery.add(&self.request, &ids, &named, &Outcome::Unsupported(why.clone()));
            }
            RefusalKind::UnavailableTweets if unavailable.is_empty() && says_all(refusal, ids.len()) => {
                let all = core::mem::take(&mut ids);
                recovery.add(&self.request, &all, &metrics, &Outcome::Unavailable(why.clone()));
            }
            _ => {}
        }
        let rest = self.without_unsupported(&mut recovery, refusal, &ids, &metrics, &why);
        let left: usize = rest.iter().map(|(ids, metrics)| ids.len() * metrics.len()).sum();
        if left < before {
            self.ask_rest(&mut recovery, &rest, refusal, &why);
            return recovery;
        }
        let outcome = match refusal.kind {
            RefusalKind::ForbiddenTweets { .. } | RefusalKind::Forbidden | RefusalKind::UnavailableTweets => {
                self.narrow_down(&mut recovery, refusal, &why);
                return recovery;
            }
            RefusalKind::ForbiddenMetrics { .. } | RefusalKind::NeedsOwner => Outcome::Forbidden(why),
            RefusalKind::TooOld => Outcome::Unsupported(why),
            _ => Outcome::Failed(why),
        };
        self.end(&mut recovery, &outcome);
        recovery
    }

    /// What follows from no answer at all: everything is failed, for the reason given.
    pub fn after_failure(self, reason: &str) -> Recovery {
        let mut recovery = Recovery::default();
        self.end(&mut recovery, &Outcome::Failed(Reason::new(reason)));
        recovery
    }

    /// Gives this outcome to all that is left, what waits in a hunt included.
    fn end(self, recovery: &mut Recovery, outcome: &Outcome) {
        recovery.add(&self.request, self.request.tweet_ids(), self.request.metrics(), outcome);
        self.end_waiting(recovery, outcome);
    }

    fn end_waiting(self, recovery: &mut Recovery, outcome: &Outcome) {
        let Some(hunt) = self.hunt else { return };
        for group in &hunt.waiting {
            recovery.add(&self.request, &group.ids, &group.metrics, outcome);
        }
    }

    /// The Tweets of the request that have no such row.
    fn ids_without(&self, rows: &[Row], such: impl Fn(&Row) -> bool) -> Vec<TweetId> {
        let mut with: Vec<TweetId> = Vec::with_capacity(self.request.tweet_ids().len());
        for row in rows.iter().filter(|row| such(row)) {
            if with.last() != Some(&row.tweet_id) {
                with.push(row.tweet_id);
            }
        }
        // Most answers have all, in the order in which they were asked for.
        if with == self.request.tweet_ids() {
            return Vec::new();
        }
        with.sort_unstable();
        self.request.tweet_ids().iter().copied().filter(|id| with.binary_search(id).is_err()).collect()
    }

    /// Whether a metric that this credential may not read can be asked for app-only.
    fn app_may_read(&self, metric: &Metric) -> bool {
        self.app_helps
            && self.access == Access::Owner
            && self.request.endpoint() == Endpoint::Totals
            && Access::AppOnly.reads(metric, Endpoint::Totals)
    }

    fn public_metrics(&self) -> Vec<Metric> {
        self.request.metrics().iter().filter(|metric| self.app_may_read(metric)).cloned().collect()
    }

    /// The same for these only, app-only and without another way after it.
    fn app_only(&self, ids: &[TweetId], metrics: &[Metric]) -> Option<Self> {
        let request = self.request.narrowed(ids, metrics)?;
        Some(Self { request, access: Access::AppOnly, hunt: None, ..self.clone() })
    }

    /// Settles Tweets that this credential may not read.
    fn forbid(&self, recovery: &mut Recovery, ids: &[TweetId], metrics: &[Metric], why: &Reason) {
        let (public, private): (Vec<Metric>, Vec<Metric>) =
            metrics.iter().cloned().partition(|metric| self.app_may_read(metric));
        recovery.add(&self.request, ids, &private, &Outcome::Forbidden(why.clone()));
        recovery.ask_again.extend(self.app_only(ids, &public));
    }

    /// What is left when listed Tweets × metrics are left out: Tweets with the metrics that each of them is left.
    fn without_unsupported(
        &self,
        recovery: &mut Recovery,
        refusal: &Refusal,
        ids: &[TweetId],
        metrics: &[Metric],
        why: &Reason,
    ) -> Vec<(Vec<TweetId>, Vec<Metric>)> {
        let listed: BTreeSet<(TweetId, &Metric)> =
            refusal.unsupported.iter().map(|(id, metric)| (*id, metric)).collect();
        let mut rest: BTreeMap<Vec<Metric>, Vec<TweetId>> = BTreeMap::new();
        for id in ids {
            let (too_old, served): (Vec<Metric>, Vec<Metric>) =
                metrics.iter().cloned().partition(|metric| listed.contains(&(*id, metric)));
            recovery.add(&self.request, &[*id], &too_old, &Outcome::Unsupported(why.clone()));
            if !served.is_empty() {
                rest.entry(served).or_default().push(*id);
            }
        }
        rest.into_iter().map(|(metrics, ids)| (ids, metrics)).collect()
    }

    /// Asks again for what is left of a request that has become narrower, as long as it may.
    fn ask_rest(
        mut self,
        recovery: &mut Recovery,
        rest: &[(Vec<TweetId>, Vec<Metric>)],
        refusal: &Refusal,
        why: &Reason,
    ) {
        let Some(rounds) = self.rounds.checked_sub(1) else {
            // What no refusal has named may be as good as any: nothing is known of it.
            let outcome = match refusal.kind {
                RefusalKind::NeedsOwner => Outcome::Forbidden(why.clone()),
                _ => Outcome::Failed(Reason::new(&format!(
                    "refused {} times for what was asked beside it, the last time: {}",
                    MOST_ROUNDS + 1,
                    refusal.words()
                ))),
            };
            for (ids, metrics) in rest {
                recovery.add(&self.request, ids, metrics, &outcome);
            }
            return self.end_waiting(recovery, &outcome);
        };
        self.rounds = rounds;
        // A hunt goes on behind the first of them, or at once if nothing is left here.
        let mut hunt = self.hunt.take().map(Hunt::found_one);
        for (ids, metrics) in rest {
            if let Some(request) = self.request.narrowed(ids, metrics) {
                recovery.ask_again.push(Self { request, hunt: hunt.take(), ..self.clone() });
            }
        }
        self.hunt = hunt;
        self.go_on(recovery, false);
    }

    /// Looks for the Tweets that a refusal means and does not name.
    fn narrow_down(mut self, recovery: &mut Recovery, refusal: &Refusal, why: &Reason) {
        let hunt = self.hunt.take().unwrap_or_default();
        let mut hunt = hunt.found_one();
        let ids = self.request.tweet_ids();
        if ids.len() > 1 && hunt.budget > 0 {
            hunt.split(ids, self.request.metrics());
            self.hunt = Some(hunt);
            return self.go_on(recovery, false);
        }
        let mut groups = vec![(ids.to_vec(), self.request.metrics().to_vec())];
        if ids.len() > 1 {
            // Too many requests for too little: what is left shares one fate.
            groups.extend(hunt.waiting.drain(..).map(|group| (group.ids, group.metrics)));
        }
        for (ids, metrics) in groups {
            if refusal.kind == RefusalKind::UnavailableTweets {
                recovery.add(&self.request, &ids, &metrics, &Outcome::Unavailable(why.clone()));
            } else {
                self.forbid(recovery, &ids, &metrics, why);
            }
        }
        self.hunt = Some(hunt);
        self.go_on(recovery, false);
    }

    /// Takes the next group of a hunt, if one waits. `was_good`: nothing was wrong with the Tweets of this attempt.
    fn go_on(mut self, recovery: &mut Recovery, was_good: bool) {
        let Some(mut hunt) = self.hunt.take() else { return };
        let Some(mut group) = hunt.waiting.pop() else { return };
        // One half of what was split is bad, and it is not the other.
        if was_good && group.is_second_half && group.ids.len() > 1 && hunt.budget > 0 {
            hunt.split(&group.ids, &group.metrics);
            let Some(first_half) = hunt.waiting.pop() else { return };
            group = first_half;
        }
        hunt.budget = hunt.budget.saturating_sub(1);
        if let Some(request) = self.request.narrowed(&group.ids, &group.metrics) {
            recovery.ask_again.push(Self { request, hunt: Some(hunt), ..self });
        }
    }
}

/// A search by halves for what a refusal does not name. One group is asked at a time, so that what one answer tells
/// spares others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hunt {
    /// Groups to ask, the last first.
    waiting: Vec<Group>,
    /// Requests that may still be spent on splitting.
    budget: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    ids: Vec<TweetId>,
    metrics: Vec<Metric>,
    /// Whether its first half is the attempt under way, or part of it.
    is_second_half: bool,
}

impl Hunt {
    /// The attempt under way has one of those that are looked for: nothing is known of its other half.
    fn found_one(mut self) -> Self {
        if let Some(group) = self.waiting.last_mut() {
            group.is_second_half = false;
        }
        self
    }

    fn split(&mut self, ids: &[TweetId], metrics: &[Metric]) {
        let (first, second) = ids.split_at(ids.len() / 2);
        for (ids, is_second_half) in [(second, true), (first, false)] {
            self.waiting.push(Group { ids: ids.to_vec(), metrics: metrics.to_vec(), is_second_half });
        }
    }
}

impl Default for Hunt {
    fn default() -> Self {
        Self { waiting: Vec::new(), budget: HUNT_BUDGET }
    }
}

/// What follows from an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// What is final. Where nothing came, one row stands for all buckets of a Tweet × metric; its bucket is the
    /// request's window, and none where the request has none.
    pub rows: Vec<Row>,
    /// What is known of all these rows.
    pub survey: Survey,
    /// What to ask next. Rows and attempts together are about everything that the attempt before was about, once.
    pub ask_again: Vec<Attempt>,
}

impl Recovery {
    fn add(&mut self, request: &Request, ids: &[TweetId], metrics: &[Metric], outcome: &Outcome) {
        self.rows.extend(ids.iter().flat_map(|id| {
            metrics.iter().map(|metric| Row {
                tweet_id: *id,
                metric: metric.clone(),
                bucket: request.window(),
                outcome: outcome.clone(),
            })
        }));
    }
}

/// Takes those out of a list, and returns them.
fn take_out<T>(items: &mut Vec<T>, wanted: impl Fn(&T) -> bool) -> Vec<T> {
    let (out, rest) = core::mem::take(items).into_iter().partition(wanted);
    *items = rest;
    out
}

fn drop_rows(rows: &mut Vec<Row>, ids: &[TweetId], metrics: &[Metric]) {
    let ids: BTreeSet<&TweetId> = ids.iter().collect();
    rows.retain(|row| !(ids.contains(&row.tweet_id) && metrics.contains(&row.metric)));
}

/// Whether `3 Tweet ID(s) are unavailable` speaks of all of them.
fn says_all(refusal: &Refusal, asked: usize) -> bool {
    refusal.messages.iter().any(|message| {
        let number = message.split(' ').next().and_then(|word| word.parse::<usize>().ok());
        number.is_some_and(|number| number >= asked)
    })
}

/// How often a request may be asked again without what was wrong with it. A server that names what is wrong names all
/// of it at once, so one suffices where documents are right (contract 5.2).
const MOST_ROUNDS: u8 = 3;
/// Enough to find one bad Tweet among 250, or a few among 25.
const HUNT_BUDGET: u8 = 24;
