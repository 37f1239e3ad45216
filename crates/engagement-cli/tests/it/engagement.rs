//! The command, run in a clean environment and a folder of its own.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use jiff::{Span, Timestamp, civil::Date, tz::Offset};
use serde_json::Value;

use crate::server::Server;

/// A folder for one test, which is also its home. Removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// The names of what is in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The command with these words, the way a shell would divide them.
    pub(crate) fn engagement(&self, words: &str) -> Engagement {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engagement"));
        command
            .env_clear()
            .env("HOME", &self.0)
            .env("XDG_CONFIG_HOME", self.0.join("config"))
            .current_dir(&self.0)
            .args(words.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Engagement { command, input: None }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that is being put together.
pub(crate) struct Engagement {
    pub(crate) command: Command,
    input: Option<Vec<u8>>,
}

impl Engagement {
    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this umask.
    pub(crate) fn under_umask(mut self, umask: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        command.arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.current_dir(self.command.get_current_dir().unwrap());
        self.command = command;
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self
    }

    /// As a user to whom the system refuses something, where it refuses its tester nothing: root runs it as `nobody`, if
    /// that user can reach the program.
    pub(crate) fn unprivileged(mut self, folder: &Folder) -> Self {
        use std::os::unix::{fs::chown, process::CommandExt as _};
        fn give(path: &Path) -> std::io::Result<()> {
            chown(path, Some(NOBODY), Some(NOBODY))?;
            if path.is_dir() {
                for entry in fs::read_dir(path)? {
                    give(&entry?.path())?;
                }
            }
            Ok(())
        }
        let mut probe = Command::new(env!("CARGO_BIN_EXE_engagement"));
        probe.arg("--version").current_dir(folder.path()).uid(NOBODY).gid(NOBODY).stdout(Stdio::null());
        if give(folder.path()).is_ok() && probe.status().is_ok_and(|status| status.success()) {
            self.command.uid(NOBODY).gid(NOBODY);
        }
        self
    }

    pub(crate) fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = Some(text.into());
        self.command.stdin(Stdio::piped());
        self
    }

    /// Asks this server, as its app.
    pub(crate) fn app(self, server: &Server) -> Self {
        self.env("ENGAGEMENT_BASE_URL", server.url())
            .env("ENGAGEMENT_CONSUMER_KEY", "demo-consumer-key")
            .env("ENGAGEMENT_CONSUMER_SECRET", "demo-consumer-secret")
    }

    /// Asks this server, with the token of `demo_brand`.
    pub(crate) fn brand(self, server: &Server) -> Self {
        self.app(server)
            .env("ENGAGEMENT_ACCESS_TOKEN", "1111-demo-access-token")
            .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "demo-token-secret")
    }

    pub(crate) fn spawn(mut self) -> Child {
        let mut child = self.command.spawn().unwrap();
        if let Some(input) = self.input {
            // Dropped at the end of the statement, which closes the pipe. Who does not read it to its end may.
            let _ = child.stdin.take().unwrap().write_all(&input);
        }
        child
    }

    pub(crate) fn run(self) -> Done {
        let output = self.spawn().wait_with_output().unwrap();
        Done {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// Ended with this exit code, and without a panic.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Says all of this on standard error.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not said in: {}", self.stderr);
        }
        self
    }

    /// Printed no data.
    #[track_caller]
    pub(crate) fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "");
        self
    }

    /// Standard output, one JSON object a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
            .collect()
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?}", self.stdout))
    }

    /// The error object on standard error.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let object = self.stderr.lines().find(|line| line.starts_with("{\"error\":"));
        serde_json::from_str(object.unwrap_or_else(|| panic!("no object: {}", self.stderr))).unwrap()
    }
}

const NOBODY: u32 = 65534;

/// The date of so many days ago in UTC: the API looks back for a year only.
pub(crate) fn days_ago(days: i64) -> String {
    today().checked_sub(Span::new().days(days)).unwrap().to_string()
}

pub(crate) fn today() -> Date {
    Offset::UTC.to_datetime(Timestamp::now()).date()
}
