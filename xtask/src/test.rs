//! `cargo xtask test`: every check and every suite, in the order in which they are cheap to fail.

use std::{io, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{
    bench, codegen, compat, demo, exports, judge, keyring, pages,
    provision::{self, Purpose},
    sql,
    tally::{Tally, count},
    tidy,
    workspace::{Workspace, succeed},
};

/// Runs the steps up to the first that fails. The last line says how many tests passed and failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    run_all(workspace, STEPS)
}

/// The same with other steps.
pub(crate) fn run_all(workspace: &Workspace, steps: &[Step]) -> Result<()> {
    let mut tally = Tally::default();
    let outcome = run_steps(workspace, steps, &mut tally);
    if let Err(error) = &outcome {
        println!("{error:#}");
    }
    println!("{tally}");
    outcome
}

/// A named part of the test command.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
}

pub(crate) enum Work {
    /// Cargo with these arguments.
    Cargo(&'static [&'static str]),
    /// Cargo with these arguments, and rustdoc's warnings denied.
    Rustdoc(&'static [&'static str]),
    /// Cargo with these arguments, whose tests are counted.
    Suites(&'static [&'static str]),
    /// The same, with these settings in the environment.
    Long { args: &'static [&'static str], settings: &'static [(&'static str, &'static str)] },
    /// A suite in another language, which counts its tests itself.
    Foreign(fn(&Workspace) -> Result<Tally>),
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
        // On a target that has none: elsewhere `extern crate std`, or a dependency's, would pass.
        work: Work::Cargo(&[
            "check",
            "--locked",
            "--package",
            "oauth-core",
            "--no-default-features",
            "--target",
            "x86_64-unknown-none",
        ]),
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
    Step {
        name: "HTTP/2 in the program",
        work: Work::Cargo(&["check", "--locked", "--package", "engagement-cli", "--features", "http2"]),
    },
    Step { name: "credentials in a keyring", work: Work::Foreign(keyring::run) },
    Step { name: "benches, once through", work: Work::Own(bench::run_once) },
    Step {
        name: "strangers' clients, the quick ones",
        work: Work::Own(|workspace| compat::run(workspace, compat::Part::Fast)),
    },
    Step { name: "exports, in the tools that read them", work: Work::Foreign(exports::run) },
    Step { name: "pages, in a browser", work: Work::Foreign(pages::run) },
    Step { name: "SQL, with the libraries that users have", work: Work::Foreign(sql::run) },
    Step { name: "collections, under kills and faults", work: Work::Own(judge::run) },
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
            Self::Suites(args) => run_suites(workspace, args, &[], tally),
            Self::Long { args, settings } => run_suites(workspace, args, settings, tally),
            Self::Foreign(suite) => {
                tally.add(suite(workspace)?);
                Ok(())
            }
            Self::Own(check) => check(workspace),
        }
    }
}

fn run_suites(
    workspace: &Workspace,
    args: &[&str],
    settings: &[(&str, &str)],
    tally: &mut Tally,
) -> Result<()> {
    let mut command = workspace.cargo(args);
    let counted = count(command.envs(settings.iter().copied()), io::stdout().lock())?;
    tally.add(counted.tally);
    ensure!(counted.succeeded, "`cargo {}` failed", args.join(" "));
    ensure!(counted.tally.passed > 0, "no test ran");
    Ok(())
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
}
