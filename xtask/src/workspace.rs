//! Where the project is, and how to start cargo on it.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// The checkout that this tool belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    cargo: OsString,
    target: Option<PathBuf>,
}

impl Workspace {
    /// The workspace whose cargo started this process; failing that, the one it was compiled in.
    pub(crate) fn here() -> Result<Self> {
        let xtask = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = xtask.parent().context("xtask is a folder of the workspace")?.to_path_buf();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
        // Steps run in the root, so a relative folder is pinned to where the caller meant it.
        let target = env::var_os("CARGO_TARGET_DIR").map(std::path::absolute).transpose()?;
        Ok(Self { root, cargo, target })
    }

    /// The folder that holds the lock file.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the caller wants cargo to build, if not in the workspace.
    pub(crate) fn target(&self) -> Option<&Path> {
        self.target.as_deref()
    }

    /// Cargo on this workspace, started in its root, with nothing to read.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(args).current_dir(&self.root).stdin(Stdio::null());
        if let Some(target) = &self.target {
            command.env("CARGO_TARGET_DIR", target);
        }
        command
    }

    /// Builds and runs one program of the workspace in the caller's folder, terminal included; its exit code is ours.
    pub(crate) fn program<S: AsRef<OsStr>>(
        &self,
        cargo_args: &[&str],
        args: impl IntoIterator<Item = S>,
    ) -> Result<ExitCode> {
        let mut command = Command::new(&self.cargo);
        command.args(["run", "--locked", "--manifest-path"]).arg(self.root.join("Cargo.toml"));
        command.args(cargo_args).arg("--").args(args);
        let status = command.status().with_context(|| format!("starting {}", self.cargo.display()))?;
        Ok(exit_code(status))
    }
}

/// Runs `command` to its end; anything but success is an error that shows the command.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {}", shown(command)))?;
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(())
}

/// The standard output of `command`, which must succeed; its complaints go to our standard error.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("starting {}", shown(command)))?;
    ensure!(output.status.success(), "`{}` ended with {}", shown(command), output.status);
    String::from_utf8(output.stdout).with_context(|| format!("output of `{}`", shown(command)))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

/// What the child ended with; 1 when a signal ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_lock_file() {
        assert!(Workspace::here().unwrap().root().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_failure_shows_its_command() {
        let workspace = Workspace::here().unwrap();
        let mut command = workspace.cargo(["no-such-command"]);
        command.stderr(Stdio::null());
        let complaint = succeed(&mut command).unwrap_err().to_string();
        assert!(complaint.starts_with("`cargo no-such-command` ended with exit status: 101"), "{complaint}");
    }
}
