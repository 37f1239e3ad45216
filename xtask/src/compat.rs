//! `cargo xtask compat`: clients that we did not write, against the emulator.
//!
//! The clients come from the package registries of their languages and are installed beside the build. Each is driven
//! by a script in `tests/compat/`; the README there says what is checked.

mod report;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use self::report::Report;
use crate::{
    emulator::Emulator,
    packages,
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
    for language in [Language::Python, Language::Node, Language::Rust] {
        if clients.iter().any(|client| client.language == language) {
            place.install(workspace, language)?;
        }
    }
    let authority = place.authority();
    let options = ["--proxy".as_ref(), "--write-ca".as_ref(), authority.as_os_str()];
    let emulator = Emulator::start(workspace, &place.folder, &options)?;
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
    road: Road,
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

/// How a client comes to the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    /// By its URL.
    Url,
    /// By the API's own URLs, through the emulator as a proxy.
    Proxy,
}

const CLIENTS: &[Client] = &[
    Client {
        name: "requests-oauthlib",
        language: Language::Python,
        script: "requests_oauthlib_client.py",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        road: Road::Url,
        days: "7",
        is_fast: true,
    },
    Client {
        name: "curl",
        language: Language::Python,
        script: "curl_client.py",
        calls: &["totals bearer"],
        road: Road::Url,
        days: "7",
        is_fast: true,
    },
    Client {
        name: "curl, proxied",
        language: Language::Python,
        script: "curl_client.py",
        calls: &["totals bearer"],
        road: Road::Proxy,
        days: "7",
        is_fast: true,
    },
    Client {
        name: "tweepy, proxied",
        language: Language::Python,
        script: "tweepy_sign_in_client.py",
        calls: &["totals signing in"],
        road: Road::Proxy,
        days: "7",
        is_fast: false,
    },
    Client {
        name: "tweepy",
        language: Language::Python,
        script: "tweepy_client.py",
        calls: &["totals", "28hr", "historical"],
        road: Road::Url,
        days: "7",
        is_fast: false,
    },
    Client {
        name: "gnip_insights, proxied",
        language: Language::Python,
        script: "gnip_client.py",
        calls: &["totals", "28hr", "historical"],
        road: Road::Proxy,
        days: "60",
        is_fast: false,
    },
    Client {
        name: "oauth (Ruby)",
        language: Language::Ruby,
        script: "ruby_oauth_client.rb",
        calls: &["totals", "28hr", "historical"],
        road: Road::Url,
        days: "7",
        is_fast: false,
    },
    Client {
        name: "oauth-1.0a (Node)",
        language: Language::Node,
        script: "oauth_1_0a_client.cjs",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        road: Road::Url,
        days: "7",
        is_fast: false,
    },
    Client {
        name: "oauth1-request",
        language: Language::Rust,
        script: "oauth1-request",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        road: Road::Url,
        days: "7",
        is_fast: false,
    },
    Client {
        name: "reqwest-oauth1",
        language: Language::Rust,
        script: "reqwest-oauth1",
        calls: &["totals", "28hr", "historical", "totals consumer"],
        road: Road::Url,
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

    /// The file of the certificate authority that the emulator, as a proxy, has its certificates from.
    fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    fn install(&self, workspace: &Workspace, language: Language) -> Result<()> {
        match language {
            Language::Python => {
                packages::python(&self.folder, &self.scripts.join("requirements.txt"), &[]).map(drop)
            }
            Language::Node => packages::node(&self.folder, &self.scripts.join("package.json")),
            // Or a client's time would go into building it.
            Language::Rust => succeed(&mut self.rust(workspace, "build")),
            // The machine has the gem.
            Language::Ruby => Ok(()),
        }
    }

    /// Cargo on the clients in Rust, which are no members of the workspace.
    fn rust(&self, workspace: &Workspace, command: &str) -> Command {
        let mut cargo = workspace.cargo([command, "--locked", "--quiet", "--target-dir"]);
        cargo.arg(self.folder.join("rust"));
        cargo.arg("--manifest-path").arg(self.scripts.join("rust/Cargo.toml"));
        cargo
    }

    /// The judge on one client.
    fn judge(&self, workspace: &Workspace, client: &Client, emulator: &Emulator) -> Command {
        let mut judge = quiet("python3");
        judge.arg(self.scripts.join("judge.py"));
        judge.args(["--days", client.days, "--calls", &client.calls.join(",")]);
        if client.road == Road::Proxy {
            judge.arg("--proxy").arg(self.authority());
        }
        let driver = match client.language {
            Language::Python => quiet(packages::interpreter(&self.folder)),
            Language::Node => quiet("node"),
            Language::Ruby => quiet("ruby"),
            Language::Rust => {
                let mut cargo = self.rust(workspace, "run");
                cargo.arg("--");
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
        let mut generator = quiet(packages::interpreter(&self.folder));
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
}
