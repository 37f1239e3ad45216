//! How a run ends: exit codes, and the one paragraph that explains a failure.

use std::{fmt, io};

use jiff::Timestamp;
use serde::Serialize;

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, also when some Tweets are unavailable or unsupported: that is the API's answer.
    Done,
    /// Our own fault, or unexpected.
    Bug,
    /// The command line or the settings are wrong.
    Usage,
    /// Some cell is forbidden, failed or unaccounted.
    Incomplete,
    /// No credential, or one that the server refuses.
    Authentication,
    /// Gave up waiting for quota, or the limit of requests was reached.
    Quota,
    /// Network or server.
    Network,
    /// The input was refused.
    Input,
    /// A file cannot be read or written.
    Storage,
    /// Stopped by SIGINT.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

impl Exit {
    /// The number for the system.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Authentication => 4,
            Self::Quota => 5,
            Self::Network => 6,
            Self::Input => 7,
            Self::Storage => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The code of a run in which all of these happened: a signal, then storage, input, usage, authentication, quota;
    /// then incomplete if any cell came, else network or incomplete by what went wrong; a bug only when nothing else.
    pub(crate) fn of_all(happened: &[Self], any_cell_came: bool) -> Self {
        let order = [
            Self::Interrupted,
            Self::Terminated,
            Self::Storage,
            Self::Input,
            Self::Usage,
            Self::Authentication,
            Self::Quota,
        ];
        let lesser: &[Self] = if any_cell_came {
            // A network error that left a hole in an answer makes the answer incomplete.
            &[Self::Incomplete, Self::Network]
        } else {
            &[Self::Network, Self::Incomplete]
        };
        let first = order.iter().chain(lesser).chain(&[Self::Bug]).find(|exit| happened.contains(exit));
        match first {
            Some(Self::Network) if any_cell_came => Self::Incomplete,
            Some(exit) => *exit,
            None => Self::Done,
        }
    }
}

/// Why a command ends without its work done: what, where, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    code: &'static str,
    message: String,
    hint: Option<String>,
    retryable: bool,
    /// When, where it is known.
    retry_at: Option<Timestamp>,
}

impl Failure {
    /// A failure with a short stable code for programs, and a sentence for people.
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl fmt::Display) -> Self {
        Self { exit, code, message: message.to_string(), hint: None, retryable: false, retry_at: None }
    }

    /// The arguments or settings are wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// What happened, and what to do about it.
    pub(crate) fn parts(&self) -> (&str, Option<&str>) {
        (&self.message, self.hint.as_deref())
    }

    /// Whether it has this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The same, with the name of whom or what it is about before it.
    pub(crate) fn about(&self, name: &str) -> Self {
        let message = format!("{name}: {}", self.message);
        Self { message, hint: self.hint.clone(), ..*self }
    }

    /// The output does not take what is written to it.
    pub(crate) fn output(error: &io::Error) -> Self {
        Self::new(Exit::Storage, "output", format!("the output cannot be written: {error}"))
    }

    /// This program was built without Parquet.
    pub(crate) fn without_parquet() -> Self {
        Self::usage("this program was built without Parquet")
            .hint("choose another form, or build it with --features parquet")
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same command may succeed later.
    pub(crate) fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// It may succeed from then on.
    pub(crate) fn retry_at(mut self, at: Option<Timestamp>) -> Self {
        self.retry_at = at;
        self
    }

    /// For programs: one JSON object.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            error: Body<'a>,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            message: &'a str,
            hint: Option<&'a str>,
            retryable: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_at: Option<String>,
        }
        let error = Body {
            code: self.code,
            message: &self.message,
            hint: self.hint.as_deref(),
            retryable: self.retryable,
            retry_at: self.retry_at.map(|at| format!("{at:.0}")),
        };
        // Texts and a truth value: nothing that JSON cannot hold.
        serde_json::to_string(&Envelope { error }).unwrap_or_default()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_cause_gives_the_code() {
        let check =
            |happened: &[Exit], any, wanted| assert_eq!(Exit::of_all(happened, any), wanted, "{happened:?}");
        check(&[], true, Exit::Done);
        check(&[Exit::Incomplete], true, Exit::Incomplete);
        check(&[Exit::Incomplete, Exit::Network], true, Exit::Incomplete);
        check(&[Exit::Network], true, Exit::Incomplete);
        check(&[Exit::Incomplete, Exit::Network], false, Exit::Network);
        check(&[Exit::Incomplete], false, Exit::Incomplete);
        check(&[Exit::Incomplete, Exit::Quota], true, Exit::Quota);
        check(&[Exit::Quota, Exit::Authentication], true, Exit::Authentication);
        check(&[Exit::Authentication, Exit::Usage, Exit::Input], false, Exit::Input);
        check(&[Exit::Storage, Exit::Input, Exit::Interrupted], false, Exit::Interrupted);
        check(&[Exit::Bug, Exit::Incomplete], true, Exit::Incomplete);
        check(&[Exit::Bug], true, Exit::Bug);
    }

    #[test]
    fn programs_get_the_documented_object() {
        let failure = Failure::usage("no ids").hint("give some");
        assert_eq!(
            failure.to_json(),
            r#"{"error":{"code":"usage","message":"no ids","hint":"give some","retryable":false}}"#
        );
        assert_eq!(failure.to_string(), "no ids; give some");
        let failure = Failure::new(Exit::Quota, "quota", "none left")
            .retryable(true)
            .retry_at(Some(Timestamp::UNIX_EPOCH));
        assert_eq!(
            failure.to_json(),
            r#"{"error":{"code":"quota","message":"none left","hint":null,"retryable":true,"retry_at":"1970-01-01T00:00:00Z"}}"#
        );
    }
}
