//! A query on its way, until its last row is written.

use std::io::{self, Write as _};

use engagement::{Batch, Effort, Outcomes, Raw};
use futures_util::StreamExt as _;

use crate::{
    commands::trouble::Troubles,
    exit::{Exit, Failure},
    place::Place,
    progress::Progress,
    rows::Rows,
    signal::Signal,
    summary,
    talk::Talk,
};

/// A query on its way.
pub(super) struct Run<'a> {
    talk: &'a Talk,
    account: summary::Account,
    troubles: Troubles<'a>,
    seen_enough: bool,
}

impl<'a> Run<'a> {
    /// Of a query for the Tweets of this account.
    pub(super) fn new(talk: &'a Talk, account: summary::Account) -> Self {
        Self { talk, account, troubles: Troubles::new(talk), seen_enough: false }
    }

    /// Writes what comes until all is there, or until a signal or the output's end stops it.
    pub(super) async fn follow(&mut self, mut outcomes: Outcomes, rows: Rows) -> Effort {
        let mut progress = Progress::new(self.talk);
        let mut signal = Signal::new();
        let mut rows = Some(rows);
        loop {
            let batch = tokio::select! {
                biased;
                exit = signal.came(), if !signal.has_come() => {
                    self.troubles.push(exit);
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
                    outcomes.stop("the output cannot be written");
                }
            }
            let (done, requests) = (self.account.done(), outcomes.effort().requests);
            progress.show(|| line(done, self.account.asked(), requests));
        }
        progress.clear();
        outcomes.effort()
    }

    /// The same for the API's own shape, which is there at the end only.
    pub(super) async fn follow_raw(&mut self, mut raw: Raw, place: Place) -> Effort {
        let mut progress = Progress::new(self.talk);
        let mut signal = Signal::new();
        loop {
            let accounted = tokio::select! {
                biased;
                exit = signal.came(), if !signal.has_come() => {
                    self.troubles.push(exit);
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
            self.troubles.note(&accounted.warnings, &accounted.problems, signal.has_come());
            let (done, requests) = (self.account.done(), raw.effort().requests);
            progress.show(|| line(done, self.account.asked(), requests));
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
                () = signal.patience_ends() => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "its reader takes nothing"));
                }
                exit = signal.came(), if !signal.has_come() => {
                    self.troubles.push(exit);
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
        (self.account, self.troubles.happened())
    }

    fn take(&mut self, batch: &Batch, stopping: bool) {
        for row in &batch.rows {
            self.account.add(row);
        }
        self.troubles.note(&batch.warnings, &batch.problems, stopping);
    }

    fn output_failed(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.seen_enough = true;
        } else {
            self.troubles.fail(&Failure::output(error));
        }
    }
}

fn line(done: usize, asked: usize, requests: u64) -> String {
    format!("{done} of {asked} Tweets, {requests} requests")
}

const STOPPED: &str = "stopped by a signal";
