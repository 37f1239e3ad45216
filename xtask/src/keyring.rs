//! Credentials in a keyring: their suite needs one, and finds an empty one in a session of its own.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    provision::{self, Purpose},
    tally::{Tally, count},
    workspace::{Workspace, succeed},
};

/// Runs it, on systems whose keyring is a service of the session.
pub(crate) fn run(workspace: &Workspace) -> Result<Tally> {
    if env::consts::OS != "linux" {
        return Ok(Tally::default());
    }
    provision::run(Purpose::Keyring)?;
    // Built outside, so that the session is short.
    succeed(workspace.cargo(SUITE).arg("--no-run"))?;
    let target = workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from);
    let place = target.join(format!("keyring-{}", std::process::id()));
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    let suite = workspace.cargo(SUITE);
    let mut session = Command::new("dbus-run-session");
    session.args(["--", "sh", "-c", SESSION, "sh"]).arg(suite.get_program()).args(suite.get_args());
    session.current_dir(workspace.root()).stdin(Stdio::null());
    session.env("CARGO_TARGET_DIR", &target).env("XDG_DATA_HOME", &place).env("XDG_RUNTIME_DIR", &place);
    let counted = count(&mut session, io::stdout().lock());
    // Whatever came of it.
    fs::remove_dir_all(&place).ok();
    let counted = counted?;
    ensure!(counted.succeeded && counted.tally.passed > 0, "credentials are not kept as they should be");
    Ok(counted.tally)
}

const SUITE: &[&str] = &[
    "test",
    "--locked",
    "--package",
    "engagement-credentials",
    "--features",
    "keyring",
    "--test",
    "keyring",
];

/// Opens a new keyring with a password, and runs the rest.
const SESSION: &str = "printf password | gnome-keyring-daemon --daemonize --unlock --components=secrets >/dev/null && exec \"$@\"";
