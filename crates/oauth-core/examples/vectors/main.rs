//! Runs files of test vectors, in the forms that `vectors/README.md` describes:
//!
//! ```sh
//! cargo run -p oauth-core --example vectors -- crates/oauth-core/vectors/*.json
//! ```
//!
//! Prints a line for each failure and then `N passed, M failed`; exits 1 on any failure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod report;
mod signing;
mod verification;

use std::{env, fs, process::ExitCode};

use report::Report;

fn main() -> ExitCode {
    let files: Vec<String> = env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: vectors FILE…");
        return ExitCode::from(2);
    }
    let mut report = Report::default();
    for file in &files {
        match fs::read_to_string(file) {
            Ok(text) => report.run_file(file, &text),
            Err(error) => report.check(file, || Err(format!("cannot be read: {error}"))),
        }
    }
    for failure in &report.failures {
        println!("{failure}");
    }
    println!("{} passed, {} failed", report.passed, report.failures.len());
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
