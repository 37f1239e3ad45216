//! Generators, checks and the two commands of the README. Depends on none of the workspace's crates, so that it
//! still runs when they do not compile.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people, who read what it prints")]

mod bench;
mod codegen;
mod compat;
mod demo;
mod emulator;
mod exports;
mod faults;
mod figures;
mod fuzz;
mod judge;
mod keyring;
mod packages;
mod pages;
mod provision;
mod sql;
mod tally;
mod test;
mod tidy;
mod vectors;
mod workspace;

use std::{env, process::ExitCode};

use anyhow::Result;

use self::workspace::Workspace;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let workspace = Workspace::here()?;
    let done = match args.as_slice() {
        ["test"] => test::run(&workspace),
        ["demo", rest @ ..] => return demo::run(&workspace, rest),
        ["bench"] => bench::run(&workspace, None, &[]),
        ["bench", "--", args @ ..] => bench::run(&workspace, None, args),
        ["bench", "-p", package] => bench::run(&workspace, Some(package), &[]),
        ["bench", "-p", package, "--", args @ ..] => bench::run(&workspace, Some(package), args),
        ["codegen"] => codegen::run(workspace.root(), codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(workspace.root(), codegen::Mode::Check),
        ["compat"] => compat::run(&workspace, compat::Part::Whole),
        ["compat", "--fast"] => compat::run(&workspace, compat::Part::Fast),
        ["faults"] => faults::run(&workspace),
        ["figures"] => figures::run(&workspace, figures::Size::Million),
        ["figures", "--ten-million"] => figures::run(&workspace, figures::Size::TenMillion),
        ["exports"] => exports::run(&workspace).map(drop),
        ["fuzz", rest @ ..] => match fuzz::Options::parse(rest) {
            Ok(options) => fuzz::run(&workspace, &options),
            Err(error) => return Ok(usage_error(&format!("{error:#}"))),
        },
        ["judge"] => judge::run(&workspace),
        ["keyring"] => keyring::run(&workspace).map(drop),
        ["pages"] => pages::run(&workspace).map(drop),
        ["sql"] => sql::run(&workspace).map(drop),
        ["tidy"] => tidy::run(&workspace),
        ["vectors", files @ ..] if !files.is_empty() => return vectors::run(&workspace, files),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [] => return Ok(usage_error("a command is missing")),
        [command, ..] => return Ok(usage_error(&format!("no such command or arguments: {command}"))),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn usage_error(what: &str) -> ExitCode {
    eprint!("xtask: {what}\n\n{USAGE}");
    ExitCode::from(2)
}

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test                 every check and every suite, as continuous integration runs them
  demo [ARG...]        the tour of the product against its emulator; needs no credentials
  codegen [--check]    write the generated code, or say what of it is stale
  tidy                 the layers, and the rules of the house that no other tool knows
  compat [--fast]      clients that we did not write, against the emulator
  judge                collections, under kills and faults
  keyring              credentials in a keyring, GNOME's
  pages                the emulator's pages, in Chromium
  sql                  the examples of docs/sql.md, with DuckDB, Polars and pandas
  exports              exports, read by DuckDB, Polars and pandas, and out of an S3 of their own
  bench [-p CRATE] [-- ARG...]
                       measure, in one crate or in all
  figures [--ten-million]
                       what a collection of a million Tweets costs, against what is promised; it wants the machine for
                       itself
  faults               what goes wrong, for hours: what is too long for the test command
  fuzz [--seconds N] [--target T]
                       look for inputs that break the parsers, N seconds (600) for each target
  vectors FILE...      check OAuth test vectors of your own
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_a_usage_error() {
        for args in [
            &["tset"][..],
            &[],
            &["test", "--fast"],
            &["codegen", "--write"],
            &["vectors"],
            &["figures", "--all"],
            &["fuzz", "--hours", "1"],
        ] {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert_eq!(run(&args).unwrap(), ExitCode::from(2), "{args:?}");
        }
    }

    #[test]
    fn help_is_not_an_error() {
        assert_eq!(run(&["help".to_owned()]).unwrap(), ExitCode::SUCCESS);
    }
}
