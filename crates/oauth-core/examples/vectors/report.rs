//! What passed and what failed, and how to reach into a file of vectors.

use std::{fmt::Debug, panic};

use serde_json::Value;

use super::{signing, verification};

/// The outcome of all vectors so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// A line for each vector that failed.
    pub(crate) failures: Vec<String>,
}

impl Report {
    /// Runs all vectors of a file.
    pub(crate) fn run_file(&mut self, name: &str, text: &str) {
        let file: Value = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(error) => return self.check(name, || Err(format!("is no JSON: {error}"))),
        };
        match file["schema"].as_str() {
            Some("oauth1-signing/1") => signing::run(self, &file),
            Some("oauth1-verify/1") => verification::run(self, &file),
            other => self.check(name, || Err(format!("has the unknown schema {other:?}"))),
        }
    }

    /// Runs one vector. A panic is a failure like any other.
    pub(crate) fn check(&mut self, name: &str, vector: impl FnOnce() -> Result<(), String>) {
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(vector));
        match outcome.unwrap_or_else(|_| Err("panicked".into())) {
            Ok(()) => self.passed += 1,
            Err(failure) => self.failures.push(format!("{name}: {failure}")),
        }
    }
}

/// Compares one field.
#[expect(clippy::needless_pass_by_value, reason = "most of what is compared is made for it")]
pub(crate) fn same<T: PartialEq + Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?} and should be {wanted:?}")) }
}

/// The text of a field that has to be there.
pub(crate) fn text<'a>(row: &'a Value, field: &str) -> Result<&'a str, String> {
    row[field].as_str().ok_or_else(|| format!("{field} is not a text in the file"))
}

/// The text of a field that may be null or absent.
pub(crate) fn optional_text<'a>(row: &'a Value, field: &str) -> Result<Option<&'a str>, String> {
    if row[field].is_null() { Ok(None) } else { text(row, field).map(Some) }
}

/// The elements of a list that has to be there.
pub(crate) fn list<'a>(row: &'a Value, field: &str) -> Result<&'a [Value], String> {
    row[field].as_array().map(Vec::as_slice).ok_or_else(|| format!("{field} is not a list in the file"))
}

/// A list's element that is a list of two texts.
pub(crate) fn pair(value: &Value) -> Result<(&str, &str), String> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(name), Value::String(value)]) => Ok((name, value)),
        _ => Err(format!("{value} is not a pair of texts in the file")),
    }
}
