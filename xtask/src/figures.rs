//! `cargo xtask figures`: what a collection of a million Tweets costs, held against what is promised.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::{
    emulator,
    provision::{self, Purpose},
    workspace::{Workspace, succeed},
};

/// Collects a million Tweets. With `Size::TenMillion` so many are read and planned, too.
pub(crate) fn run(workspace: &Workspace, size: Size) -> Result<()> {
    // Python, as for the examples in SQL.
    provision::run(Purpose::Sql)?;
    let engagement = emulator::build_release(workspace)?;
    let folder =
        workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from).join("figures");
    let judge = |crowd: &Path, options: &[&str]| {
        let mut judge = Command::new("python3");
        judge
            .arg(workspace.root().join("tests/collect/figures.py"))
            .arg(&engagement)
            .arg(crowd)
            .args(options);
        succeed(judge.stdin(Stdio::null()))
    };
    judge(&crowd(workspace, folder.join("million"), "1000000")?, &[])?;
    match size {
        Size::Million => Ok(()),
        Size::TenMillion => {
            judge(&crowd(workspace, folder.join("ten_million"), "10000000")?, &["--plan-only"])
        }
    }
}

/// The size for before a release.
pub(crate) fn run_long(workspace: &Workspace) -> Result<()> {
    run(workspace, Size::TenMillion)
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A million Tweets.
    Million,
    /// Ten million as well, which are not asked for.
    TenMillion,
}

/// So many Tweets of a thousand accounts, in that folder. They are of the last days, so that they are made each time.
fn crowd(workspace: &Workspace, folder: PathBuf, tweets: &str) -> Result<PathBuf> {
    let args = ["run", "--release", "--locked", "--package", "engagement-tests", "--example", "crowd", "--"];
    succeed(workspace.cargo(args).arg(&folder).args(["1000", tweets]))?;
    Ok(folder)
}
