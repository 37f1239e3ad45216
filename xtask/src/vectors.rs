//! `cargo xtask vectors FILE…`: anybody's OAuth test vectors against oauth-core.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;

/// Checks the vectors in `files`; the exit code is the checker's.
pub(crate) fn run(workspace: &Workspace, files: &[&str]) -> Result<ExitCode> {
    workspace.program(&["--quiet", "--package", "oauth-core", "--example", "vectors"], files)
}
