//! An emulator for the time of a run.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::workspace::{Workspace, output_of};

/// A running `engagement emulator`; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Emulator {
    program: PathBuf,
    child: Child,
    url: String,
}

impl Emulator {
    /// Builds it and starts it on a free port, with some options more. `folder` holds the file in which it says where.
    pub(crate) fn start(workspace: &Workspace, folder: &Path, options: &[&OsStr]) -> Result<Self> {
        let program = build(workspace)?;
        let ready = folder.join(format!("ready-{}", std::process::id()));
        // Started from the program and not through cargo: what is stopped in the end is the emulator itself.
        let child = Command::new(&program)
            // Scripts stop its clock, so a minute's quota would never come again.
            .args(["emulator", "--listen", "127.0.0.1:0", "--quota", "100000/min", "--ready-file"])
            .arg(&ready)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut emulator = Self { program, child, url: String::new() };
        let url = emulator.wait_for(&ready);
        // It is gone already if the emulator never wrote it.
        fs::remove_file(&ready).ok();
        emulator.url = url?;
        Ok(emulator)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The program that it is.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    fn wait_for(&mut self, ready: &Path) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            // The URL is complete once its line is.
            if let Ok(text) = fs::read_to_string(ready)
                && text.ends_with('\n')
            {
                return Ok(text.trim().to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the emulator ended with {status} before it was ready");
            }
            thread::sleep(PAUSE);
        }
        bail!("the emulator was not ready within {} s", PATIENCE.as_secs())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Fails only if it has ended by itself, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Builds the program and learns from cargo where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    build_with(workspace, &[])
}

/// The same of the program that users have.
pub(crate) fn build_release(workspace: &Workspace) -> Result<PathBuf> {
    build_with(workspace, &["--release"])
}

fn build_with(workspace: &Workspace, options: &[&str]) -> Result<PathBuf> {
    let args = ["build", "--locked", "--package", "engagement-cli", "--bin", "engagement"];
    let mut build = workspace.cargo(args);
    let messages = output_of(build.args(options).arg("--message-format=json-render-diagnostics"))?;
    executable(&messages).context("cargo built no engagement program")
}

fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    messages.filter_map(|message| message.executable).next_back()
}

#[derive(Debug, Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_where_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}
            {"reason":"build-script-executed"}
            not a message
            {"reason":"compiler-artifact","target":{"name":"engagement"},"executable":"/anywhere/engagement"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/anywhere/engagement")));
        assert_eq!(executable(""), None);
    }
}
