//! `cargo xtask sql`: the examples of `docs/sql.md`, with the libraries that users have.

use std::{
    fs, io,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    packages,
    provision::{self, Purpose},
    tally::{Tally, count},
    workspace::{Workspace, succeed},
};

/// Runs them against a small store, and says how many of their tests passed.
pub(crate) fn run(workspace: &Workspace) -> Result<Tally> {
    provision::run(Purpose::Sql)?;
    let scripts = workspace.root().join("tests/sql");
    let folder =
        workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from).join("sql");
    let python = packages::python(&folder, &scripts.join("requirements.txt"), &[])?;
    let place = folder.join(format!("store-{}", std::process::id()));
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    let store = place.join("engagement.db");
    let mut sample = workspace.cargo([
        "run",
        "--quiet",
        "--locked",
        "-p",
        "engagement-store",
        "--example",
        "sample",
        "--",
    ]);
    let made = succeed(sample.arg(&store));
    let mut tests = Command::new(python);
    tests.arg(scripts.join("test_sql.py")).stdin(Stdio::null());
    tests.env("STORE", &store).env("PYTHONDONTWRITEBYTECODE", "1");
    let counted = made.and_then(|()| count(&mut tests, io::stdout().lock()));
    // Whatever came of it.
    fs::remove_dir_all(&place).ok();
    let counted = counted?;
    ensure!(counted.succeeded && counted.tally.passed > 0, "docs/sql.md is not as it should be");
    Ok(counted.tally)
}
