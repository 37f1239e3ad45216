//! A query on its way, until its last row is written.

use std::{
    collections::HashSet,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use engagement::{Batch, Effort, Outcomes, Problem, ProblemKind, Raw};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use crate::{
    exit::{Exit, Failure},
    place::Place,
    progress::Progress,
    rows::Rows,
    signal, summary,
    talk::Talk,
};

/// A query on its way.
pub(super) struct Run<'a> {
    talk: &'a Talk,
    account: summary::Account,
    happened: Vec<Exit>,
    /// The owners of tokens that are not accepted.
    named: HashSet<Arc<str>>,
    seen_enough: bool,
}

impl<'a> Run<'a> {
    /// Of a query for the Tweets of this account.
    pub(super) fn new(talk: &'a Talk, account: summary::Account) -> Self {
        Self { talk, account, happened: Vec::new(), named: HashSet::new(), seen_enough: false }
    }

    /// Writes what comes until all is there, or until a signal or the output's end stops it.
    pub(super) async fn follow(&mut self, mut outcomes: Outcomes, rows: Rows) -> Effort {
        let mut progress = Progress::new(self.talk, self.account.asked());
        let mut signal = Signal::new();
        let mut rows = Some(rows);
        loop {
            let batch = tokio::select! {
                biased;
                exit = signal.came(), if !signal.has_come() => {
                    self.happened.push(exit);
                    outcomes.stop(STOPPED);
                    continue;
                }
                batch = outcomes.next() => batch,
            };
            progress.clear();
            let Some(writer) = rows.take() else {
                // The rest is still accounted for, though there is nowhere to write it.
                match &batch {
                    Some(batch) => self.take(batch, true),
                    None => break,
                }
                continue;
            };
            let Some(batch) = batch else {
                if let Err(error) =
                    self.write(&mut signal, |why| outcomes.stop(why), move || writer.finish()).await
                {
                    self.output_failed(&error);
                }
                break;
            };
            self.take(&batch, signal.has_come());
            let write = move || {
                let mut writer = writer;
                writer.write(&batch).map(|()| writer)
            };
            match self.write(&mut signal, |why| outcomes.stop(why), write).await {
                Ok(writer) => rows = Some(writer),
                Err(error) => {
                    self.output_failed(&error);
                    outcomes.stop("not asked: the output cannot be written");
                }
            }
            progress.show(self.account.done(), outcomes.effort().requests);
        }
        progress.clear();
        outcomes.effort()
    }

    /// The same for the API's own shape, which is there at the end only.
    pub(super) async fn follow_raw(&mut self, mut raw: Raw, place: Place) -> Effort {
        let mut progress = Progress::new(self.talk, self.account.asked());
        let mut signal = Signal::new();
        loop {
            let accounted = tokio::select! {
                biased;
                exit = signal.came(), if !signal.has_come() => {
                    self.happened.push(exit);
                    raw.stop(STOPPED);
                    continue;
                }
                accounted = raw.next() => accounted,
            };
            progress.clear();
            let Some(accounted) = accounted else { break };
            for cell in &accounted.cells {
                self.account.count(cell.tweet_id, cell.state);
            }
            self.note(&accounted.warnings, &accounted.problems, signal.has_come());
            progress.show(self.account.done(), raw.effort().requests);
        }
        let effort = raw.effort();
        let answer = format!("{}\n", raw.into_answer());
        let write = move || {
            let mut place = place;
            place.write_all(answer.as_bytes()).and_then(|()| place.finish())
        };
        if let Err(error) = self.write(&mut signal, |_| {}, write).await {
            self.output_failed(&error);
        }
        effort
    }

    /// Writes on a thread of its own: a reader that takes nothing must not keep a signal from being heard.
    async fn write<T: Send + 'static>(
        &mut self,
        signal: &mut Signal,
        mut stop: impl FnMut(&str),
        write: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let mut writing = tokio::task::spawn_blocking(write);
        loop {
            tokio::select! {
                biased;
                written = &mut writing => return written.map_err(io::Error::other)?,
                () = patience_ends(signal.came_at) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "its reader takes nothing"));
                }
                exit = signal.came(), if !signal.has_come() => {
                    self.happened.push(exit);
                    stop(STOPPED);
                }
            }
        }
    }

    /// Whether the reader of the output has gone away: then it is not wrong that something is missing.
    pub(super) fn seen_enough(&self) -> bool {
        self.seen_enough
    }

    /// What became of the Tweets, and what went wrong.
    pub(super) fn end(self) -> (summary::Account, Vec<Exit>) {
        (self.account, self.happened)
    }

    fn take(&mut self, batch: &Batch, stopping: bool) {
        for row in &batch.rows {
            self.account.add(row);
        }
        self.note(&batch.warnings, &batch.problems, stopping);
    }

    fn note(&mut self, warnings: &[String], problems: &[Problem], stopping: bool) {
        for warning in warnings {
            self.talk.warn(warning);
        }
        for problem in problems {
            let authorise;
            let (exit, code, hint) = match problem.kind {
                ProblemKind::Authentication => {
                    authorise = match &problem.owner {
                        Some(owner) => format!(
                            "see what is wrong with `engagement auth check {owner}`, and authorise it again with \
                             `engagement auth login {owner}`"
                        ),
                        None => {
                            "check the consumer key, the token and their secrets with `engagement auth check`"
                                .to_owned()
                        }
                    };
                    (Exit::Authentication, "authentication", authorise.as_str())
                }
                ProblemKind::Quota => {
                    (Exit::Quota, "quota", "ask for the rest later, or allow more requests")
                }
                ProblemKind::Network => (Exit::Network, "network", "check the network, and ask again"),
                ProblemKind::Server => (Exit::Network, "server", "ask again later"),
                ProblemKind::Malformed => {
                    (Exit::Network, "malformed_answer", "ask again; look for a proxy that changes answers")
                }
                ProblemKind::Stopped if stopping => continue,
                _ => (Exit::Incomplete, "refused", "ask for something else"),
            };
            // The same words for each of a thousand batches help nobody; but each handle is named once.
            let is_new = match &problem.owner {
                Some(owner) => self.named.insert(owner.clone()),
                None => !self.happened.contains(&exit),
            };
            if is_new || self.talk.is_verbose() {
                let failure = Failure::new(exit, code, &problem.message);
                self.talk.failure(&failure.hint(hint).retryable(problem.retryable));
            }
            self.happened.push(exit);
        }
    }

    fn output_failed(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.seen_enough = true;
        } else {
            self.talk.failure(&Failure::new(
                Exit::Storage,
                "output",
                format!("the output cannot be written: {error}"),
            ));
            self.happened.push(Exit::Storage);
        }
    }
}

/// The signal to stop, and how long what is under way may take after it.
struct Signal {
    waiting: std::pin::Pin<Box<dyn Future<Output = Exit>>>,
    came_at: Option<Instant>,
}

impl Signal {
    fn new() -> Self {
        Self { waiting: Box::pin(signal::stopped()), came_at: None }
    }

    fn has_come(&self) -> bool {
        self.came_at.is_some()
    }

    /// Ends when it comes, once.
    async fn came(&mut self) -> Exit {
        let exit = self.waiting.as_mut().await;
        self.came_at = Some(Instant::now());
        exit
    }
}

/// Never ends before the signal has come.
async fn patience_ends(came_at: Option<Instant>) {
    match came_at {
        Some(came_at) => sleep_until(came_at + PATIENCE).await,
        None => std::future::pending().await,
    }
}

const STOPPED: &str = "not asked: stopped by a signal";
/// After a signal, what is left of the output has this long to be written.
const PATIENCE: Duration = Duration::from_secs(1);
