//! A query on its way, until its last row is written.

use std::{io, time::Duration};

use engagement::{Batch, Effort, Outcomes, ProblemKind};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use crate::{exit::Exit, progress::Progress, rows::Rows, signal, summary, talk::Talk};

/// A query on its way.
pub(super) struct Run<'a> {
    talk: &'a Talk,
    account: summary::Account,
    happened: Vec<Exit>,
}

impl<'a> Run<'a> {
    /// Of a query for the Tweets of this account.
    pub(super) fn new(talk: &'a Talk, account: summary::Account) -> Self {
        Self { talk, account, happened: Vec::new() }
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
                    Some(batch) => self.note(batch, true),
                    None => break,
                }
                continue;
            };
            let Some(batch) = batch else {
                if let Err(error) = self.write(&mut outcomes, &mut signal, move || writer.finish()).await {
                    self.output_failed(&error);
                }
                break;
            };
            self.note(&batch, signal.has_come());
            let write = move || {
                let mut writer = writer;
                writer.write(&batch).map(|()| writer)
            };
            match self.write(&mut outcomes, &mut signal, write).await {
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

    /// Writes on a thread of its own: a reader that takes nothing must not keep a signal from being heard.
    async fn write<T: Send + 'static>(
        &mut self,
        outcomes: &mut Outcomes,
        signal: &mut Signal,
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
                    outcomes.stop(STOPPED);
                }
            }
        }
    }

    /// What became of the Tweets, and what went wrong.
    pub(super) fn end(self) -> (summary::Account, Vec<Exit>) {
        (self.account, self.happened)
    }

    fn note(&mut self, batch: &Batch, stopping: bool) {
        for row in &batch.rows {
            self.account.add(row);
        }
        for warning in &batch.warnings {
            self.talk.warn(warning);
        }
        for problem in &batch.problems {
            let exit = match problem.kind {
                ProblemKind::Authentication => Exit::Authentication,
                ProblemKind::Quota => Exit::Quota,
                ProblemKind::Network | ProblemKind::Server | ProblemKind::Malformed => Exit::Network,
                ProblemKind::Stopped if stopping => continue,
                _ => Exit::Incomplete,
            };
            // The same words for each of a thousand batches help nobody.
            if !self.happened.contains(&exit) || self.talk.is_verbose() {
                self.talk.problem(&problem.message);
            }
            self.happened.push(exit);
        }
    }

    fn output_failed(&mut self, error: &io::Error) {
        // Who closes the pipe has seen enough.
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.talk.problem(&format!("the output cannot be written: {error}"));
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
