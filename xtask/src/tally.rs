//! How many tests passed and failed.

use std::{
    fmt,
    io::{self, BufRead as _, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::workspace::shown;

/// A count of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// The numbers in a harness's closing line, Rust's or the plain one that is also ours; `None` for any other line.
    pub(crate) fn read(line: &str) -> Option<Self> {
        if let Some((passed, failed)) = line.trim_end().split_once(" passed, ") {
            let failed = failed.strip_suffix(" failed")?;
            return Some(Self { passed: passed.parse().ok()?, failed: failed.parse().ok()? });
        }
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut tally = Self::default();
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => tally.passed = number.parse().ok()?,
                Some((number, "failed")) => tally.failed = number.parse().ok()?,
                _ => {}
            }
        }
        Some(tally)
    }

    /// Takes `more` in.
    pub(crate) fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// What a command that ran tests came to.
pub(crate) struct Counted {
    pub(crate) tally: Tally,
    pub(crate) succeeded: bool,
}

/// Passes the output of `command` on as it comes and adds up what the test harnesses report in it.
pub(crate) fn count(command: &mut Command, mut to: impl io::Write) -> Result<Counted> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {}", shown(command)))?;
    let mut from = BufReader::new(child.stdout.take().context("the output is piped")?);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        if let Some(more) = Tally::read(&String::from_utf8_lossy(&line)) {
            tally.add(more);
        }
        line.clear();
    }
    Ok(Counted { tally, succeeded: child.wait()?.success() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_closing_lines_count() {
        let read = |line| Tally::read(line).map(|tally| tally.to_string());
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 1.50s\n";
        assert_eq!(read(line).as_deref(), Some("12 passed, 3 failed"));
        assert_eq!(read("12 passed, 3 failed\n").as_deref(), Some("12 passed, 3 failed"));
        assert_eq!(read("it says: 12 passed, 3 failed"), None);
        assert_eq!(read("test reads_12_passed ... ok"), None);
        assert_eq!(read("the test result: ok. 12 passed; 3 failed"), None);
        assert_eq!(read("test result: ok. many passed; 3 failed"), None);
    }

    #[test]
    fn output_is_passed_on_and_counted() {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]);
        let mut seen = Vec::new();
        let counted = count(&mut shell, &mut seen).unwrap();
        assert_eq!(counted.tally.to_string(), "5 passed, 2 failed");
        assert!(!counted.succeeded);
        assert!(seen.starts_with(b"running\n\xff\ntest result: ok."), "{}", seen.escape_ascii());
    }

    const SCRIPT: &str = r"
        printf 'running\n\377\n'
        echo 'test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'
        echo 'test result: FAILED. 2 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'
        exit 101";
}
