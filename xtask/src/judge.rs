//! `cargo xtask judge`: collections from outside, under kills, signals, faults and a full disk.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{
    emulator,
    workspace::{Workspace, succeed},
};

/// A size that a change can wait for.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    judge(workspace, &["--tweets", "6000", "--kills", "20"])
}

/// The size for before a release, with single calls of the system failing, which needs strace.
pub(crate) fn run_long(workspace: &Workspace) -> Result<()> {
    judge(workspace, &["--tweets", "100000", "--kills", "200"])?;
    judge(workspace, &["--tweets", "1000", "--kills", "1", "--calls", "40"])
}

fn judge(workspace: &Workspace, options: &[&str]) -> Result<()> {
    let program = emulator::build(workspace)?;
    let mut judge = Command::new("python3");
    judge.arg(workspace.root().join("tests/collect/judge.py")).arg(program).args(options);
    succeed(judge.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()))
}
