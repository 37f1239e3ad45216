//! `cargo xtask judge`: collections from outside, under kills, signals, faults and a full disk.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::{
    emulator, packages,
    provision::{self, Purpose},
    workspace::{Workspace, succeed},
};

/// A size that a change can wait for.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    judge(workspace, &["--tweets", "6000", "--kills", "20", "--calls", "3"])
}

/// The size for before a release, in which every call to the disk fails once, and is once the last.
pub(crate) fn run_long(workspace: &Workspace) -> Result<()> {
    judge(workspace, &["--tweets", "100000", "--kills", "200", "--calls", "every"])
}

fn judge(workspace: &Workspace, options: &[&str]) -> Result<()> {
    // Python, as for the examples in SQL.
    provision::run(Purpose::Sql)?;
    let scripts = workspace.root().join("tests/collect");
    let folder =
        workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from).join("judge");
    let python = packages::python(&folder, &scripts.join("requirements.txt"), &[])?;
    let mut judge = Command::new(python);
    judge.arg(scripts.join("judge.py")).arg(emulator::build(workspace)?).args(options);
    succeed(judge.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()))
}
