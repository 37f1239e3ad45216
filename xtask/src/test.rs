//! `cargo xtask test`: every check and every suite, in the order in which they are cheap to fail.

mod tally;

use std::{
    io::{self, BufRead as _, BufReader},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

use self::tally::Tally;
use crate::{
    bench, codegen, compat, demo,
    provision::{self, Purpose},
    tidy,
    workspace::{Workspace, shown, succeed},
};

/// Runs the steps up to the first that fails. The last line says how many tests passed and failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut tally = Tally::default();
    let outcome = run_steps(workspace, STEPS, &mut tally);
    if let Err(error) = &outcome {
        println!("{error:#}");
    }
    println!("{tally}");
    outcome
}

/// A named part of the test command.
struct Step {
    name: &'static str,
    work: Work,
}

enum Work {
    /// Cargo with these arguments.
    Cargo(&'static [&'static str]),
    /// Cargo with these arguments, and rustdoc's warnings denied.
    Rustdoc(&'static [&'static str]),
    /// Cargo with these arguments, whose tests are counted.
    Suites(&'static [&'static str]),
    /// A check of this tool.
    Own(fn(&Workspace) -> Result<()>),
}

/// All that the test command does.
const STEPS: &[Step] = &[
    Step { name: "machine", work: Work::Own(|_| provision::run(Purpose::Test)) },
    Step { name: "format", work: Work::Cargo(&["fmt", "--all", "--check"]) },
    Step {
        name: "generated code",
        work: Work::Own(|workspace| codegen::run(workspace.root(), codegen::Mode::Check)),
    },
    Step { name: "tidy", work: Work::Own(tidy::run) },
    Step {
        name: "lints",
        work: Work::Cargo(&[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]),
    },
    Step {
        name: "oauth-core without std",
        work: Work::Cargo(&["check", "--locked", "--package", "oauth-core", "--no-default-features"]),
    },
    Step { name: "documentation", work: Work::Rustdoc(&["doc", "--locked", "--workspace", "--no-deps"]) },
    Step { name: "suites", work: Work::Suites(&["test", "--locked", "--workspace", "--no-fail-fast"]) },
    Step {
        name: "suites of features that are off by default",
        work: Work::Suites(&[
            "test",
            "--locked",
            "--package",
            "engagement-transport",
            "--features",
            "http2",
            "http2",
        ]),
    },
    Step { name: "benches, once through", work: Work::Own(bench::run_once) },
    Step {
        name: "strangers' clients, the quick ones",
        work: Work::Own(|workspace| compat::run(workspace, compat::Part::Fast)),
    },
    Step { name: "demo", work: Work::Own(demo) },
];

fn run_steps(workspace: &Workspace, steps: &[Step], tally: &mut Tally) -> Result<()> {
    for step in steps {
        println!("==> {}", step.name);
        let began = Instant::now();
        step.work.run(workspace, tally).with_context(|| format!("step failed: {}", step.name))?;
        println!("==> {}: {:.1} s", step.name, began.elapsed().as_secs_f64());
    }
    Ok(())
}

fn demo(workspace: &Workspace) -> Result<()> {
    let code = demo::run(workspace, &[])?;
    ensure!(code == ExitCode::SUCCESS, "the demo does not end well");
    Ok(())
}

impl Work {
    fn run(&self, workspace: &Workspace, tally: &mut Tally) -> Result<()> {
        match self {
            Self::Cargo(args) => succeed(&mut workspace.cargo(*args)),
            Self::Rustdoc(args) => succeed(workspace.cargo(*args).env("RUSTDOCFLAGS", "--deny warnings")),
            Self::Suites(args) => {
                let counted = count(&mut workspace.cargo(*args), io::stdout().lock())?;
                tally.add(counted.tally);
                ensure!(counted.succeeded, "`cargo {}` failed", args.join(" "));
                ensure!(counted.tally.passed > 0, "no test ran");
                Ok(())
            }
            Self::Own(check) => check(workspace),
        }
    }
}

struct Counted {
    tally: Tally,
    succeeded: bool,
}

/// Passes the output of `command` on as it comes and adds up what the test harnesses report in it.
fn count(command: &mut Command, mut to: impl io::Write) -> Result<Counted> {
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
    use anyhow::bail;

    use super::*;

    #[test]
    fn the_first_failure_stops_and_is_named() {
        let steps = [
            Step { name: "good", work: Work::Own(|_| Ok(())) },
            Step { name: "bad", work: Work::Own(|_| bail!("no good")) },
            Step { name: "never", work: Work::Own(|_| panic!("goes on after a failure")) },
        ];
        let workspace = Workspace::here().unwrap();
        let error = run_steps(&workspace, &steps, &mut Tally::default()).unwrap_err();
        assert_eq!(format!("{error:#}"), "step failed: bad: no good");
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
