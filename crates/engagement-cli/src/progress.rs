//! How far the work is: a line that changes on a terminal, elsewhere one line every half minute.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use crate::{cli::When, talk::Talk};

/// Shows progress.
pub(crate) struct Progress<'a> {
    talk: &'a Talk,
    live: bool,
    silent: bool,
    last: Instant,
}

impl<'a> Progress<'a> {
    /// Nothing is shown yet.
    pub(crate) fn new(talk: &'a Talk) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            talk,
            live: terminal && talk.progress != When::Never,
            silent: talk.progress == When::Never,
            last: Instant::now(),
        }
    }

    /// How often there is something to see.
    pub(crate) fn pause(&self) -> Duration {
        if self.live { LIVE } else { LINES }
    }

    /// Shows this, unless it is too early for another line.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        let pause = self.pause();
        if self.silent || self.last.elapsed() < pause {
            return;
        }
        self.last = Instant::now();
        let line = line();
        if self.live {
            // Back to the beginning of the line, and whatever stood there is wiped out.
            let _ = write!(io::stderr(), "\r\x1b[2K{line}");
        } else {
            self.talk.say(&line);
        }
    }

    /// Leaves the line for what comes next.
    pub(crate) fn clear(&self) {
        if self.live {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

const LIVE: Duration = Duration::from_millis(100);
const LINES: Duration = Duration::from_secs(30);
