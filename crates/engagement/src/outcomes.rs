//! The stream of outcomes.

use core::{
    cmp::Ordering,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::collections::{HashMap, VecDeque};

use engagement_model::{
    Endpoint, Grouping, Outcome, Reason, Row,
    answer::{Limits, Merged},
    plan::Asker,
};
use futures_core::Stream;

use crate::{
    batch::{Batch, Problem, ProblemKind},
    client::Client,
    crew::{Crew, RuntimeShutDown},
    exchange::Bodies,
    merge::Merger,
    query::Resolution,
    settled::{Effort, Settled},
    work::{Piece, Pieces},
};

/// What becomes of everything that a query asks for, as it comes to be known.
///
/// Nothing is sent before the stream is polled, and never more requests are in flight than the client's concurrency.
/// Tasks of the tokio runtime in which the stream is polled see them through: what is in flight goes on whatever the
/// reader does, and only then waits for the reader. So a slow reader slows the asking down and makes no request fail,
/// and memory stays bounded. Another runtime may go on where one has ended; one that lives and is not driven holds
/// connections up, and with them the stream. Dropping the stream ends the requests in flight. [`Outcomes::stop`] ends
/// them and still accounts for the rest.
#[must_use = "a stream asks nothing before it is polled"]
pub struct Outcomes {
    client: Client,
    endpoint: Endpoint,
    pieces: Pieces,
    crew: Crew,
    ready: VecDeque<Batch>,
    merger: Option<Merger>,
    /// Credentials that the server does not accept, and its words: no other request is wasted on them.
    refused: HashMap<Asker, Reason>,
    effort: Effort,
    /// The answers put together, where that is asked for.
    merged: Option<Merged>,
}

impl Outcomes {
    /// `free` are the rows that cost no request. With `resolution`, the windows of a Tweet become such buckets; with
    /// `kept`, the answers are kept as they come, put together under these groupings.
    pub(crate) fn new(
        client: Client,
        endpoint: Endpoint,
        pieces: Pieces,
        mut free: Vec<Row>,
        resolution: Option<Resolution>,
        kept: Option<&[Grouping]>,
    ) -> Self {
        let bodies = if kept.is_some() { Bodies::Kept } else { Bodies::Dropped };
        let crew = Crew::new(client.clone(), bodies);
        let mut outcomes = Self {
            client,
            endpoint,
            pieces,
            crew,
            ready: VecDeque::new(),
            merger: resolution.map(Merger::new),
            refused: HashMap::new(),
            effort: Effort::default(),
            merged: kept.map(Merged::new),
        };
        if !free.is_empty() {
            sort(&mut free);
            outcomes.give(None, free, Vec::new(), Vec::new(), None);
        }
        outcomes
    }

    /// What was kept.
    pub(crate) fn into_answer(self) -> Option<Merged> {
        self.merged
    }

    /// What it has cost so far.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// Ends the requests in flight and sends no other. The rest of the stream is what was answered before and is not
    /// read yet, and all that was not: unaccounted, because it was not asked or not answered for this reason, like
    /// `stopped by a signal`.
    pub fn stop(&mut self, reason: &str) {
        let left = |how: &str| Outcome::Unaccounted(Reason::new(&format!("{how}: {reason}")));
        let mut problem = Some(Problem::new(ProblemKind::Stopped, reason));
        for begun in self.crew.end() {
            let (piece, mut settled) = (&begun.piece, begun.meter.end());
            let how = if settled.sent.is_empty() { "not asked" } else { "not answered" };
            let rows = piece.unit.rows_left(&settled, &left(how));
            if !rows.is_empty() {
                settled.problems.extend(problem.take());
            }
            settled.rows.extend(rows);
            self.settled(piece, settled);
        }
        while let Some(piece) = self.pieces.next() {
            let rows = piece.unit.rows(&left("not asked")).collect();
            self.close(&piece, rows, 0, Vec::new(), problem.take().into_iter().collect(), None);
        }
    }

    /// Starts requests while there is room for them.
    fn start(&mut self) {
        while self.crew.at_work() < self.client.inner().concurrency {
            let Some(piece) = self.pieces.next() else { return };
            if let Some(reason) = self.refused.get(&piece.unit.asker) {
                let rows = piece.unit.rows(&Outcome::Failed(reason.clone())).collect();
                self.close(&piece, rows, 0, Vec::new(), Vec::new(), None);
                continue;
            }
            self.crew.begin(piece);
        }
    }

    fn settled(&mut self, piece: &Piece, mut settled: Settled) {
        self.effort.add(settled.effort);
        if let Some(merged) = &mut self.merged {
            for answer in &settled.answers {
                if let Err(error) = merged.add(&answer.body, &Limits::default()) {
                    settled.problems.push(Problem::new(ProblemKind::Malformed, error.to_string()));
                }
            }
            for refusal in &settled.refusals {
                // Its Tweets are accounted for. One in a form that is no object has no place in an answer.
                let _ = merged.add(&refusal.body, &Limits::default());
            }
        }
        if let Some((asker, reason)) = settled.refused {
            self.refused.insert(asker, reason);
        }
        if !settled.strangers.is_empty() {
            sort(&mut settled.strangers);
            self.give(None, settled.strangers, Vec::new(), Vec::new(), Some(settled.observed_at));
        }
        let Settled { rows, sorted_rows, warnings, problems, observed_at, .. } = settled;
        self.close(piece, rows, sorted_rows, warnings, problems, Some(observed_at));
    }

    /// A unit is done: its rows, the first of which are known to be sorted, go out or wait for the other windows of the
    /// same Tweets.
    fn close(
        &mut self,
        piece: &Piece,
        mut rows: Vec<Row>,
        mut sorted_rows: usize,
        warnings: Vec<String>,
        problems: Vec<Problem>,
        observed_at: Option<jiff::Timestamp>,
    ) {
        if let Some(merger) = &mut self.merger {
            (rows, sorted_rows) = (merger.add(piece.batch, piece.windows, rows), 0);
        }
        if sorted_rows < rows.len() {
            sort(&mut rows);
        }
        if !rows.is_empty() || !warnings.is_empty() || !problems.is_empty() {
            self.give(Some(piece.unit.asker), rows, warnings, problems, observed_at);
        }
    }

    /// Sorted rows go out.
    fn give(
        &mut self,
        asker: Option<Asker>,
        rows: Vec<Row>,
        warnings: Vec<String>,
        problems: Vec<Problem>,
        observed_at: Option<jiff::Timestamp>,
    ) {
        self.ready.push_back(Batch {
            endpoint: self.endpoint,
            owner: asker.and_then(|asker| self.client.owner(asker).cloned()),
            observed_at: observed_at.unwrap_or_else(|| self.client.now()),
            rows,
            warnings,
            problems,
        });
    }
}

fn sort(rows: &mut [Row]) {
    // Most rows come in order, and a sort takes room for as many again before it looks.
    if !rows.is_sorted_by(|a, b| in_order(a, b).is_le()) {
        rows.sort_by(in_order);
    }
}

/// By Tweet, bucket and metric.
fn in_order(a: &Row, b: &Row) -> Ordering {
    a.tweet_id.cmp(&b.tweet_id).then_with(|| a.bucket.cmp(&b.bucket)).then_with(|| a.metric.cmp(&b.metric))
}

impl Stream for Outcomes {
    type Item = Batch;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Poll::Ready(Some(batch));
            }
            self.start();
            if !self.ready.is_empty() {
                continue;
            }
            match ready!(self.crew.poll_done(context)) {
                None => return Poll::Ready(None),
                Some(Ok(begun)) => self.settled(&begun.piece, begun.meter.end()),
                Some(Err(RuntimeShutDown)) => self.stop("the runtime has shut down"),
            }
        }
    }
}

impl core::fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Outcomes")
            .field("started", &self.crew.begun())
            .field("in_flight", &self.crew.at_work())
            .field("effort", &self.effort)
            .finish_non_exhaustive()
    }
}
