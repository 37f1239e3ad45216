//! What a rule found, and how to mend it.

use std::fmt;

/// One breach of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    path: String,
    line: usize,
    what: String,
    remedy: &'static str,
}

impl Complaint {
    /// A breach on a line, counted from 1, of a file below the root.
    pub(crate) fn at(path: &str, line: usize, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), remedy }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.path, self.line, self.what, self.remedy)
    }
}

/// Checks what a rule says of an input: where it complains and in which words.
#[cfg(test)]
#[track_caller]
pub(crate) fn expect(complaints: &[Complaint], wanted: &[&str]) {
    let found: Vec<String> = complaints
        .iter()
        .map(|complaint| format!("{}:{}: {}", complaint.path, complaint.line, complaint.what))
        .collect();
    assert_eq!(found, wanted);
}
