//! `cargo xtask exports`: exports, in the tools that people read them with.

use std::{
    io,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

use crate::{
    emulator, packages,
    provision::{self, Purpose},
    tally::{Tally, count},
    workspace::Workspace,
};

/// Runs the script of `tests/export` with the program, and says how many of its checks passed.
pub(crate) fn run(workspace: &Workspace) -> Result<Tally> {
    // Python, as for the examples in SQL.
    provision::run(Purpose::Sql)?;
    let scripts = workspace.root().join("tests/export");
    let folder =
        workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from).join("exports");
    let python = packages::python(&folder, &scripts.join("requirements.txt"), &[])?;
    let mut check = Command::new(python);
    check.arg(scripts.join("check.py")).arg(emulator::build(workspace)?).stdin(Stdio::null());
    // Whatever proxy the machine knows, none stands before the emulator and the S3 of the script.
    check.env("NO_PROXY", "*").env("no_proxy", "*").env("PYTHONDONTWRITEBYTECODE", "1");
    let counted = count(&mut check, io::stdout().lock())?;
    ensure!(counted.succeeded && counted.tally.passed > 0, "exports are not what their readers expect");
    Ok(counted.tally)
}
