//! What people are told, on standard error. Standard output carries data only.

use std::io::Write as _;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use engagement::model::outcome::clean_words;
use serde::Serialize;

use crate::{
    cli::{Format, Global, LogFormat, When},
    exit::Failure,
};

/// How to tell it.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    quiet: bool,
    verbose: u8,
    json_lines: bool,
    json_errors: bool,
    color: ColorChoice,
    pub(crate) progress: When,
}

impl Talk {
    /// As the options say. `NO_COLOR` is respected unless colour is asked for.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            quiet: global.quiet,
            verbose: global.verbose,
            json_lines: global.log_format == LogFormat::Json,
            json_errors: global.output == Some(Format::Json),
            color: match global.color {
                When::Auto => ColorChoice::Auto,
                When::Always => ColorChoice::Always,
                When::Never => ColorChoice::Never,
            },
            progress: if global.quiet { When::Never } else { global.progress },
        }
    }

    /// Errors are objects for programs too where the output is.
    pub(crate) fn output(&mut self, format: Option<Format>) {
        self.json_errors = format == Some(Format::Json);
    }

    /// Whether the curious are listening.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Something to know.
    pub(crate) fn say(&self, message: &str) {
        if !self.quiet {
            self.line("info", Style::new(), message);
        }
    }

    /// Something that somebody has to do, or the work stands still.
    pub(crate) fn request(&self, message: &str) {
        self.line("info", Style::new().bold(), message);
    }

    /// Something that only the curious want to know.
    pub(crate) fn detail(&self, message: &str) {
        if self.verbose > 0 {
            self.line("debug", Style::new().dimmed(), message);
        }
    }

    /// Each request and the like.
    pub(crate) fn trace(&self, message: &str) {
        if self.verbose > 1 {
            self.line("trace", Style::new().dimmed(), message);
        }
    }

    /// Whether even the layers below are to be heard.
    pub(crate) fn traces_all(&self) -> bool {
        self.verbose > 2
    }

    /// Something odd that does not stop the work.
    pub(crate) fn warn(&self, message: &str) {
        if !self.quiet {
            let message = if self.json_lines { message.to_owned() } else { format!("warning: {message}") };
            self.line("warn", AnsiColor::Yellow.on_default(), &message);
        }
    }

    /// Something that went wrong beside single Tweets.
    pub(crate) fn problem(&self, message: &str) {
        let message = if self.json_lines { message.to_owned() } else { format!("error: {message}") };
        self.line("error", AnsiColor::Red.on_default().bold(), &message);
    }

    /// Why the command ends.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.problem(&failure.to_string());
        self.failure_for_programs(failure);
    }

    /// The same as an object, where that is wanted.
    fn failure_for_programs(&self, failure: &Failure) {
        if self.json_errors {
            self.raw(&failure.to_json());
        }
    }

    fn line(&self, level: &str, style: Style, message: &str) {
        // Whoever wrote the words in it, they must not play with the terminal or look like lines of ours.
        let message = &clean_words(message, usize::MAX);
        #[derive(Serialize)]
        struct Line<'a> {
            level: &'a str,
            message: &'a str,
        }
        if self.json_lines {
            self.raw(&serde_json::to_string(&Line { level, message }).unwrap_or_default());
        } else {
            self.raw(&format!("{style}{message}{style:#}"));
        }
    }

    fn raw(&self, line: &str) {
        // Nobody is left to be told that standard error is closed.
        let _ = writeln!(AutoStream::new(std::io::stderr(), self.color).lock(), "{line}");
    }
}
