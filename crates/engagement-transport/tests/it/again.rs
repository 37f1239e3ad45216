//! Tests that need a process of their own, for its environment or its limits.

use std::process::Command;

/// A command that runs this one test alone in another process. `None` in that process.
pub(crate) fn again(test: &str) -> Option<Command> {
    if std::env::var_os(MARK).is_some() {
        return None;
    }
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n "${HANDLES:-1024}" && exec "$0" "$@""#]);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    command.env(MARK, "");
    Some(command)
}

/// What the other process said.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

const MARK: &str = "TEST_IN_A_PROCESS_OF_ITS_OWN";
