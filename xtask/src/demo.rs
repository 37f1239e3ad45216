//! `cargo xtask demo`: from a fresh checkout to the tour, building nothing that the tour does not use.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    provision::{self, Purpose},
    workspace::Workspace,
};

/// Builds the `engagement` program and runs its `demo`; what follows the command is handed to it.
pub(crate) fn run(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    provision::run(Purpose::Demo)?;
    let cargo_args = ["--package", "engagement-cli", "--bin", "engagement", "--no-default-features"];
    workspace.program(&cargo_args, std::iter::once(&"demo").chain(args))
}
