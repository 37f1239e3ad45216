//! Credentials from a command that prints them: a password manager, a cloud's secret store.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    process::{Child, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::entry::{self, Bare, Entry, EntryError};

/// A command line: one text, which the shell reads, or a list of words, which no shell sees.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Command {
    words: Vec<OsString>,
}

impl Command {
    /// A text for the shell.
    pub fn shell(text: &str) -> Self {
        let shell = if cfg!(windows) { ["cmd", "/C"] } else { ["sh", "-c"] };
        Self { words: shell.into_iter().chain([text]).map(OsString::from).collect() }
    }

    /// Runs it, and reads what it prints as [`entry::read`] does: an object of JSON, or lines of `NAME=VALUE`.
    ///
    /// What it writes to standard error is not shown, since nobody knows what is in it.
    ///
    /// # Errors
    ///
    /// It cannot be started, fails, takes longer than half a minute, is stopped, or prints something else.
    pub fn run(&self, stop: &Stop) -> Result<Entry, CommandError> {
        self.run_within(PATIENCE, stop)
    }

    fn run_within(&self, patience: Duration, stop: &Stop) -> Result<Entry, CommandError> {
        let Some((program, arguments)) = self.words.split_first() else { return Err(CommandError::Empty) };
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        if !has_terminal() {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let mut child = command.spawn().map_err(|source| CommandError::Start { source })?;
        let stdout = child.stdout.take();
        let (done, reading) = mpsc::channel();
        thread::spawn(move || {
            let mut text = Zeroizing::new(String::new());
            let read = match stdout {
                Some(stdout) => stdout.take(LONGEST).read_to_string(&mut text),
                None => Ok(0),
            };
            // Nobody listens any more once the command is too slow.
            let _ = done.send(read.map(|_| text));
        });
        let limit = Limit { end: Instant::now() + patience, patience, stop };
        let status = wait(&mut child, &limit)?;
        if !status.success() {
            return Err(CommandError::Failed { status });
        }
        // A service that the command left behind may keep its output open for ever.
        let text = loop {
            match reading.recv_timeout(BREATH) {
                Ok(text) => break text,
                Err(_) => limit.holds()?,
            }
        };
        let text = text.map_err(|_| CommandError::Print)?;
        entry::read(&text, Bare::Refused).map_err(|source| CommandError::Entry { source })
    }
}

/// Ends a command that runs on another thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends it now, and whatever begins later.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Limit<'a> {
    end: Instant,
    patience: Duration,
    stop: &'a Stop,
}

impl Limit<'_> {
    fn holds(&self) -> Result<(), CommandError> {
        if self.stop.0.load(Ordering::Relaxed) {
            Err(CommandError::Stopped)
        } else if Instant::now() >= self.end {
            Err(CommandError::Slow { patience: self.patience })
        } else {
            Ok(())
        }
    }
}

fn wait(child: &mut Child, limit: &Limit<'_>) -> Result<ExitStatus, CommandError> {
    loop {
        if let Some(status) = child.try_wait().map_err(|source| CommandError::Start { source })? {
            return Ok(status);
        }
        if let Err(error) = limit.holds() {
            end(child);
            return Err(error);
        }
        thread::sleep(BREATH);
    }
}

/// Whether the command may ask somebody on a terminal, which is for the group of this process alone. There Ctrl-C reaches
/// all that the command has begun; elsewhere it needs a group of its own, to be ended with it.
#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Ends it, and what it has begun if they are a group: a shell that is killed leaves its commands behind.
fn end(child: &mut Child) {
    // Each may have ended by itself in this moment. The group's name is the child's until it is waited for.
    #[cfg(unix)]
    let _ = rustix::process::kill_process_group(
        rustix::process::Pid::from_child(child),
        rustix::process::Signal::KILL,
    );
    let _ = child.kill();
    let _ = child.wait();
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a command line, or a list of its words")]
enum Written {
    Text(String),
    Words(Vec<String>),
}

impl TryFrom<Written> for Command {
    type Error = CommandError;

    fn try_from(written: Written) -> Result<Self, CommandError> {
        match written {
            Written::Text(text) if !text.trim().is_empty() => Ok(Self::shell(&text)),
            Written::Words(words) if words.first().is_some_and(|word| !word.is_empty()) => {
                Ok(Self { words: words.into_iter().map(OsString::from).collect() })
            }
            _ => Err(CommandError::Empty),
        }
    }
}

/// Why a command gave no credentials. What it printed is not in here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is nothing to run.
    #[error("credential_command is empty")]
    Empty,
    /// It cannot be run.
    #[error("credential_command cannot be run")]
    Start {
        /// Why not.
        source: io::Error,
    },
    /// It says itself that it failed: run it by hand to see why.
    #[error("credential_command failed ({status})")]
    Failed {
        /// How it ended.
        status: ExitStatus,
    },
    /// It waits for something, perhaps for an answer that nobody can give.
    #[error("credential_command took longer than {} s", patience.as_secs())]
    Slow {
        /// How long it had.
        patience: Duration,
    },
    /// Whoever waits for it does so no longer.
    #[error("credential_command was stopped")]
    Stopped,
    /// What it prints is not UTF-8.
    #[error("what credential_command printed is not UTF-8")]
    Print,
    /// What it prints are no credentials.
    #[error("what credential_command printed cannot be used")]
    Entry {
        /// Why not.
        source: EntryError,
    },
}

/// Long enough for a finger on a security key.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at it.
const BREATH: Duration = Duration::from_millis(5);
/// More than a thousand accounts need.
const LONGEST: u64 = 1 << 20;

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_it_prints_is_taken() {
        let printed = Command::shell("printf 'consumer_key=k\\nconsumer_secret=s\\n'");
        let entry = printed.run(&Stop::default()).unwrap();
        assert_eq!(entry.holdings.consumer.unwrap().key.expose(), "k");
        let json = r#"{"bearer_token":"b"}"#;
        let words: Command = serde_json::from_value(serde_json::json!(["echo", json])).unwrap();
        assert_eq!(words.run(&Stop::default()).unwrap().holdings.bearer.unwrap().expose(), "b");
    }

    #[test]
    fn failures_are_told_apart_and_show_nothing_of_the_output() {
        let words = |text: &str| {
            let patience = Duration::from_millis(300);
            let error = Command::shell(text).run_within(patience, &Stop::default()).unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let shown = format!("{error} {error:?} {cause}");
            assert!(!shown.contains("canary"), "{shown}");
            shown
        };
        assert!(words("echo canary; echo canary >&2; exit 3").contains("failed (exit status: 3)"));
        assert!(words("echo canary").contains("cannot be used"));
        assert!(words("printf 'consumer_key=canary'").contains("consumer_secret"));
        assert!(words("sleep 60").contains("took longer"));
        let missing: Command = serde_json::from_value(serde_json::json!(["no-such-program-here"])).unwrap();
        assert!(missing.run(&Stop::default()).unwrap_err().to_string().contains("cannot be run"));
        for empty in [serde_json::json!(" "), serde_json::json!([]), serde_json::json!([""])] {
            assert!(serde_json::from_value::<Command>(empty).is_err());
        }
    }

    #[test]
    fn what_it_has_begun_ends_with_it() {
        if has_terminal() {
            // Ctrl-C ends it there, and a test has none.
            return;
        }
        let path = std::env::temp_dir().join(format!("engagement-command-{}", std::process::id()));
        let stop = Stop::default();
        let text = format!("sleep 60 & echo $! >'{}'; wait", path.display());
        let begun = Instant::now();
        let waits = || {
            assert!(begun.elapsed() < PATIENCE, "waited in vain");
            thread::sleep(BREATH);
        };
        let process = thread::scope(|scope| {
            scope.spawn(|| Command::shell(&text).run(&stop));
            let process = loop {
                match std::fs::read_to_string(&path) {
                    Ok(text) if text.ends_with('\n') => break text,
                    _ => waits(),
                }
            };
            stop.stop();
            process
        });
        std::fs::remove_file(path).unwrap();
        // Nobody may have asked yet how it ended.
        let stat = format!("/proc/{}/stat", process.trim());
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            waits();
        }
    }

    #[test]
    fn it_is_stopped_from_elsewhere() {
        let stop = Stop::default();
        let begun = Instant::now();
        let ended = thread::scope(|scope| {
            let running = scope.spawn(|| Command::shell("exec sleep 60").run(&stop));
            stop.stop();
            running.join().unwrap()
        });
        assert!(matches!(ended, Err(CommandError::Stopped)), "{ended:?}");
        assert!(begun.elapsed() < PATIENCE);
    }
}
