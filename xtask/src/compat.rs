//! `cargo xtask compat`: clients that we did not write, against the emulator.
//!
//! The clients come from the package registries of their languages and are installed beside the build. Each is driven
//! by a script in `tests/compat/`; the README there says what is checked.

mod emulator;
mod report;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use self::{emulator::Emulator, report::Report};
use crate::{
    provision::{self, Purpose},
    workspace::{Workspace, output_of, succeed},
};

/// How much of it to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The clients that need few installs, as the test command runs them.
    Fast,
    /// Every client, and many random requests against another signer.
    Whole,
}

/// Runs the clients and prints client × call × check; anything that does not hold, or is not there, is a failure.
pub(crate) fn run(workspace: &Workspace, part: Part) -> Result<()> {
    provision::run(match part {
        Part::Fast => Purpose::Test,
        Part::Whole => Purpose::Compat,
    })?;
    let place = Place::new(workspace)?;
    let clients: Vec<&Client> =
        CLIENTS.iter().filter(|client| part == Part::Whole || client.is_fast).collect();
    for language in [Language::Python, Language::Node] {
        if clients.iter().any(|client| client.language == language) {
            place.install(language)?;
        }
    }
    let emulator = Emulator::start(workspace, &place.folder)?;
    let mut report = Report::default();
    for client in clients {
        let output = output_of(&mut place.judge(workspace, client, &emulator));
        report.add(client.name, client.calls, output);
    }
    drop(emulator);
    println!("{report}");
    ensure!(report.holds(), "a client was not served as it should be");
    if part == Part::Whole { place.compare_signatures(workspace) } else { Ok(()) }
}

/// A client, and how it is driven.
struct Client {
    name: &'static str,
    language: Language,
    /// The script; for Rust, the argument that chooses the crate.
    script: &'static str,
    /// What it can ask, in the words of the judge.
    calls: &'static [&'static str],
    /// Length of the historical window.
    days: &'static str,
    is_fast: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Node,
    Python,
    Ruby,
    Rust,
}

const CLIENTS: &[Client] = &[
    Client {
        name: "requests-oauthlib",
        language: Language::Python,
        script: "requests_oauthlib_client.py",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        days: "7",
        is_fast: true,
    },
    Client {
        name: "curl",
        language: Language::Python,
        script: "curl_client.py",
        calls: &["totals bearer"],
        days: "7",
        is_fast: true,
    },
    Client {
        name: "tweepy",
        language: Language::Python,
        script: "tweepy_client.py",
        calls: &["totals", "28hr", "historical"],
        days: "7",
        is_fast: false,
    },
    Client {
        name: "gnip_insights_interface",
        language: Language::Python,
        script: "gnip_client.py",
        calls: &["totals", "28hr", "historical"],
        days: "60",
        is_fast: false,
    },
    Client {
        name: "oauth (Ruby)",
        language: Language::Ruby,
        script: "ruby_oauth_client.rb",
        calls: &["totals", "28hr", "historical"],
        days: "7",
        is_fast: false,
    },
    Client {
        name: "oauth-1.0a (Node)",
        language: Language::Node,
        script: "oauth_1_0a_client.cjs",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        days: "7",
        is_fast: false,
    },
    Client {
        name: "oauth1-request",
        language: Language::Rust,
        script: "oauth1-request",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        days: "7",
        is_fast: false,
    },
    Client {
        name: "reqwest-oauth1",
        language: Language::Rust,
        script: "reqwest-oauth1",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        days: "7",
        is_fast: false,
    },
];

/// Where the scripts are, and where their clients are installed.
struct Place {
    scripts: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn new(workspace: &Workspace) -> Result<Self> {
        let target = workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from);
        let folder = target.join("compat");
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self { scripts: workspace.root().join("tests/compat"), folder })
    }

    fn python(&self) -> PathBuf {
        self.folder.join("venv/bin/python")
    }

    fn install(&self, language: Language) -> Result<()> {
        match language {
            Language::Python => {
                let requirements = self.scripts.join("requirements.txt");
                self.once(&requirements, || {
                    succeed(quiet("python3").args(["-m", "venv", "--clear"]).arg(self.folder.join("venv")))?;
                    let pip =
                        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
                    succeed(quiet(self.python()).args(pip).arg(&requirements))
                })
            }
            Language::Node => {
                let manifest = self.scripts.join("package.json");
                self.once(&manifest, || {
                    let folder = self.folder.join("node");
                    fs::create_dir_all(&folder)?;
                    fs::copy(&manifest, folder.join("package.json"))?;
                    let npm = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
                    succeed(quiet("npm").args(npm).current_dir(folder))
                })
            }
            // The machine has the gem, and cargo builds as it runs.
            Language::Ruby | Language::Rust => Ok(()),
        }
    }

    /// Installs what `list` lists, unless that very list was installed before.
    fn once(&self, list: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
        let wanted = fs::read(list).with_context(|| format!("reading {}", list.display()))?;
        let installed = self.folder.join(list.file_name().context("a list is a file")?);
        if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        install()?;
        fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
    }

    /// The judge on one client.
    fn judge(&self, workspace: &Workspace, client: &Client, emulator: &Emulator) -> Command {
        let mut judge = quiet("python3");
        judge.arg(self.scripts.join("judge.py"));
        judge.args(["--days", client.days, "--calls", &client.calls.join(",")]);
        let driver = match client.language {
            Language::Python => quiet(self.python()),
            Language::Node => quiet("node"),
            Language::Ruby => quiet("ruby"),
            Language::Rust => {
                let mut cargo = workspace.cargo(["run", "--locked", "--quiet", "--target-dir"]);
                cargo.arg(self.folder.join("rust"));
                cargo.arg("--manifest-path").arg(self.scripts.join("rust/Cargo.toml")).arg("--");
                cargo
            }
        };
        judge.arg(driver.get_program()).args(driver.get_args());
        match client.language {
            Language::Rust => judge.arg(client.script),
            _ => judge.arg(self.scripts.join(client.script)),
        };
        judge.env("EMULATOR", emulator.url()).env("NODE_PATH", self.folder.join("node/node_modules"));
        // Whatever proxy the machine knows, none stands before the emulator; and no bytecode is left among the scripts.
        judge.env("NO_PROXY", "*").env("no_proxy", "*").env("PYTHONDONTWRITEBYTECODE", "1");
        judge
    }

    /// Signs many random requests with oauthlib and lets oauth-core say whether it would have signed them so.
    fn compare_signatures(&self, workspace: &Workspace) -> Result<()> {
        let folder = self.folder.join("vectors");
        let mut generator = quiet(self.python());
        generator.arg(self.scripts.join("oauthlib_vectors.py")).arg(RANDOM_REQUESTS).arg(&folder);
        let files = output_of(&mut generator)?;
        let example = ["run", "--locked", "--quiet", "--package", "oauth-core", "--example", "vectors", "--"];
        succeed(workspace.cargo(example).args(files.lines()))?;
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))
    }
}

fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

const RANDOM_REQUESTS: &str = "100000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_its_script() {
        let scripts = Workspace::here().unwrap().root().join("tests/compat");
        for client in CLIENTS {
            let script = if client.language == Language::Rust { "rust/src/main.rs" } else { client.script };
            assert!(scripts.join(script).is_file(), "{script}");
        }
    }

    #[test]
    fn a_list_is_installed_once_until_it_changes() {
        let folder = std::env::temp_dir().join(format!("xtask-compat-{}", std::process::id()));
        let scripts = folder.join("scripts");
        fs::create_dir_all(&scripts).unwrap();
        let place = Place { scripts: scripts.clone(), folder: folder.clone() };
        let list = scripts.join("list.txt");
        let mut installs = 0;
        for (content, works) in [("a", false), ("a", true), ("a", true), ("b", true)] {
            fs::write(&list, content).unwrap();
            let outcome = place.once(&list, || {
                installs += 1;
                ensure!(works, "no network");
                Ok(())
            });
            assert_eq!(outcome.is_ok(), works);
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(installs, 3);
    }
}
