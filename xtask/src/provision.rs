//! What the machine must have before a command can work, and how it comes by it.
//!
//! A C linker is on the list although this tool could not have been built without one: the crates may be told to use
//! another than this tool was.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// What the needs are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `cargo xtask compat`.
    Compat,
    /// `cargo xtask demo`.
    Demo,
    /// `cargo xtask fuzz`.
    Fuzz,
    /// `cargo xtask keyring`.
    Keyring,
    /// `cargo xtask pages`.
    Pages,
    /// `cargo xtask sql`.
    Sql,
    /// `cargo xtask test`.
    Test,
}

/// Sees to it that this machine has what `purpose` needs: installs it where that is allowed, or fails with the one
/// line to run.
pub(crate) fn run(purpose: Purpose) -> Result<()> {
    let has_apt = runs(&["apt-get", "--version"]);
    let is_root =
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let privilege = match (has_apt, is_root) {
        (true, true) => Privilege::Install,
        (true, false) => Privilege::Ask,
        (false, _) => Privilege::None,
    };
    provide(&needs_of(purpose), privilege, present, install)
}

/// Something that has to be on the machine.
#[derive(Clone, Copy, Debug)]
struct Need {
    what: &'static str,
    /// Any of these is proof that it is there.
    signs: &'static [Sign],
    remedy: Remedy,
    purposes: &'static [Purpose],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// This command succeeds.
    Runs(&'static [&'static str]),
    /// This variable is set: the caller keeps it in a place of their own.
    Set(&'static str),
    /// On systems other than this one nobody asks for it.
    NotOn(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// A Debian package.
    Apt(&'static str),
    /// A command that whoever runs this may run.
    Run(&'static str),
}

/// How far this process may go on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privilege {
    /// Root where there is apt-get.
    Install,
    /// There is apt-get, for somebody else to run.
    Ask,
    /// No apt-get.
    None,
}

fn needs_of(purpose: Purpose) -> Vec<Need> {
    NEEDS.iter().copied().filter(|need| need.purposes.contains(&purpose)).collect()
}

/// The decisions, apart from the machine: `present` looks for a sign, `install` runs a command that changes the
/// machine and says whether it worked.
fn provide(
    needs: &[Need],
    privilege: Privilege,
    present: impl Fn(Sign) -> bool,
    mut install: impl FnMut(&[&str]) -> Result<bool>,
) -> Result<()> {
    let lacking = |needs: &[Need]| -> Vec<Need> {
        needs.iter().copied().filter(|need| !need.signs.iter().any(|sign| present(*sign))).collect()
    };
    let missing = lacking(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().filter_map(|need| need.remedy.package()).collect();
    if privilege == Privilege::Install && !packages.is_empty() {
        let command = [APT_GET_INSTALL, &packages].concat();
        // The lists may be missing or older than the archive, which only a failure shows.
        if !install(&command)? && install(APT_GET_UPDATE)? {
            install(&command)?;
        }
    }
    for command in missing.iter().filter_map(|need| need.remedy.command()) {
        install(&command.split(' ').collect::<Vec<_>>())?;
    }
    let still = lacking(&missing);
    if still.is_empty() { Ok(()) } else { Err(lack(&still, privilege)) }
}

/// Names what is missing and the line that brings it.
fn lack(missing: &[Need], privilege: Privilege) -> anyhow::Error {
    let names: Vec<&str> = missing.iter().map(|need| need.what).collect();
    let packages: Vec<&str> = missing.iter().filter_map(|need| need.remedy.package()).collect();
    let mut lines = Vec::new();
    if !packages.is_empty() {
        lines.push(match privilege {
            Privilege::Install => format!("apt-get install -y {}", packages.join(" ")),
            Privilege::Ask => format!("sudo apt-get install -y {}", packages.join(" ")),
            Privilege::None => format!("install what Debian calls {}", packages.join(" ")),
        });
    }
    lines.extend(missing.iter().filter_map(|need| need.remedy.command()).map(str::to_owned));
    anyhow::anyhow!("this machine lacks {}; to mend it: {}", names.join(", "), lines.join(" && "))
}

impl Remedy {
    fn package(self) -> Option<&'static str> {
        match self {
            Self::Apt(package) => Some(package),
            Self::Run(_) => None,
        }
    }

    fn command(self) -> Option<&'static str> {
        match self {
            Self::Apt(_) => None,
            Self::Run(command) => Some(command),
        }
    }
}

fn present(sign: Sign) -> bool {
    match sign {
        Sign::Runs(command) => runs(command),
        Sign::Set(name) => env::var_os(name).is_some_and(|value| !value.is_empty()),
        Sign::NotOn(system) => env::consts::OS != system,
    }
}

fn runs(command: &[&str]) -> bool {
    let Some((program, args)) = command.split_first() else { return false };
    let quiet = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

fn install(command: &[&str]) -> Result<bool> {
    let Some((program, args)) = command.split_first() else { bail!("an empty command") };
    eprintln!("xtask: {}", command.join(" "));
    let status = Command::new(program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .current_dir(Path::new("/"))
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting {program}"))?;
    Ok(status.success())
}

/// Another apt-get may be at work; the answer to that is patience, not failure.
const APT_GET_INSTALL: &[&str] =
    &["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"];

const APT_GET_UPDATE: &[&str] = &["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"];

/// Every need of every command.
const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        signs: &[Sign::Runs(&["cc", "--version"])],
        remedy: Remedy::Apt("build-essential"),
        purposes: &[Purpose::Compat, Purpose::Demo, Purpose::Pages, Purpose::Test],
    },
    Need {
        what: "pkg-config",
        signs: &[Sign::Runs(&["pkg-config", "--version"]), Sign::Set("OPENSSL_DIR"), Sign::NotOn("linux")],
        remedy: Remedy::Apt("pkg-config"),
        purposes: &[Purpose::Compat, Purpose::Demo, Purpose::Pages, Purpose::Test],
    },
    Need {
        what: "the OpenSSL headers",
        signs: &[
            Sign::Runs(&["pkg-config", "--exists", "openssl"]),
            Sign::Set("OPENSSL_DIR"),
            Sign::NotOn("linux"),
        ],
        remedy: Remedy::Apt("libssl-dev"),
        purposes: &[Purpose::Compat, Purpose::Demo, Purpose::Pages, Purpose::Test],
    },
    Need {
        what: "rustfmt",
        signs: &[Sign::Runs(&["rustfmt", "--version"])],
        remedy: Remedy::Run("rustup component add rustfmt"),
        purposes: &[Purpose::Test],
    },
    Need {
        what: "clippy",
        signs: &[Sign::Runs(&["cargo-clippy", "--version"])],
        remedy: Remedy::Run("rustup component add clippy"),
        purposes: &[Purpose::Test],
    },
    Need {
        what: "Rust's core library without std",
        signs: &[Sign::Runs(&[
            "sh",
            "-c",
            "test -d \"$(rustc --target x86_64-unknown-none --print target-libdir)\"",
        ])],
        remedy: Remedy::Run("rustup target add x86_64-unknown-none"),
        purposes: &[Purpose::Test],
    },
    Need {
        what: "Python with venv",
        signs: &[Sign::Runs(&["python3", "-c", "import ensurepip, venv"])],
        remedy: Remedy::Apt("python3-venv"),
        purposes: &[Purpose::Compat, Purpose::Pages, Purpose::Sql, Purpose::Test],
    },
    Need {
        what: "curl",
        signs: &[Sign::Runs(&["curl", "--version"])],
        remedy: Remedy::Apt("curl"),
        purposes: &[Purpose::Compat, Purpose::Test],
    },
    Need {
        what: "Ruby's oauth gem",
        signs: &[Sign::Runs(&["ruby", "-e", "require 'oauth'"])],
        remedy: Remedy::Apt("ruby-oauth"),
        purposes: &[Purpose::Compat],
    },
    Need {
        what: "Node",
        signs: &[Sign::Runs(&["node", "--version"])],
        remedy: Remedy::Apt("nodejs"),
        purposes: &[Purpose::Compat],
    },
    Need {
        what: "npm",
        signs: &[Sign::Runs(&["npm", "--version"])],
        remedy: Remedy::Apt("npm"),
        purposes: &[Purpose::Compat],
    },
    Need {
        what: "Chromium's driver",
        signs: &[Sign::Runs(&["chromedriver", "--version"]), Sign::Set("CHROMEDRIVER")],
        // It depends on the browser.
        remedy: Remedy::Apt("chromium-driver"),
        purposes: &[Purpose::Pages, Purpose::Test],
    },
    Need {
        what: "strace",
        signs: &[Sign::Runs(&["strace", "-V"]), Sign::NotOn("linux")],
        remedy: Remedy::Apt("strace"),
        purposes: &[Purpose::Test],
    },
    Need {
        what: "a session's message bus",
        signs: &[Sign::Runs(&["dbus-run-session", "--version"]), Sign::NotOn("linux")],
        remedy: Remedy::Apt("dbus-daemon"),
        purposes: &[Purpose::Keyring, Purpose::Test],
    },
    Need {
        what: "GNOME's keyring",
        signs: &[Sign::Runs(&["gnome-keyring-daemon", "--version"]), Sign::NotOn("linux")],
        remedy: Remedy::Apt("gnome-keyring"),
        purposes: &[Purpose::Keyring, Purpose::Test],
    },
    Need {
        what: "a C++ compiler",
        signs: &[Sign::Runs(&["c++", "--version"])],
        remedy: Remedy::Apt("build-essential"),
        purposes: &[Purpose::Fuzz],
    },
    Need {
        what: "a nightly toolchain",
        signs: &[Sign::Runs(&["rustup", "run", "nightly", "rustc", "--version"])],
        remedy: Remedy::Run("rustup toolchain install nightly --profile minimal"),
        purposes: &[Purpose::Fuzz],
    },
    Need {
        what: "cargo-fuzz",
        signs: &[Sign::Runs(&["cargo-fuzz", "fuzz", "--version"])],
        remedy: Remedy::Run("cargo install cargo-fuzz --locked"),
        purposes: &[Purpose::Fuzz],
    },
];

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A machine: what can be found on it, which installs work, and what was run.
    struct Machine {
        found: RefCell<Vec<&'static str>>,
        /// What each install run brings, `None` for one that fails.
        installs: RefCell<Vec<Option<&'static [&'static str]>>>,
        ran: RefCell<Vec<String>>,
    }

    impl Machine {
        fn with(found: &[&'static str], installs: &[Option<&'static [&'static str]>]) -> Self {
            Self {
                found: RefCell::new(found.to_vec()),
                installs: RefCell::new(installs.to_vec()),
                ran: RefCell::default(),
            }
        }

        fn provide(&self, purpose: Purpose, privilege: Privilege) -> Result<()> {
            let present = |sign| match sign {
                Sign::Runs(command) => {
                    self.found.borrow().contains(&command.last().copied().unwrap_or_default())
                        || command.first().is_some_and(|program| self.found.borrow().contains(program))
                }
                Sign::Set(name) => self.found.borrow().contains(&name),
                Sign::NotOn(_) => false,
            };
            provide(&needs_of(purpose), privilege, present, |command| {
                self.ran.borrow_mut().push(command.join(" "));
                match self.installs.borrow_mut().remove(0) {
                    Some(brought) => {
                        self.found.borrow_mut().extend(brought);
                        Ok(true)
                    }
                    None => Ok(false),
                }
            })
        }
    }

    const TESTS_BUT_CLIPPY: [&str; 11] = [
        "cc",
        "pkg-config",
        "openssl",
        "rustfmt",
        "sh",
        "python3",
        "curl",
        "chromedriver",
        "dbus-run-session",
        "gnome-keyring-daemon",
        "strace",
    ];
    const INSTALL: &str = "apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends";
    const UPDATE: &str = "apt-get -o DPkg::Lock::Timeout=300 update";

    #[test]
    fn a_complete_machine_is_left_alone() {
        let machine = Machine::with(&["cc", "pkg-config", "openssl"], &[]);
        machine.provide(Purpose::Demo, Privilege::Install).unwrap();
        assert!(machine.ran.borrow().is_empty());
    }

    #[test]
    fn root_installs_only_what_is_missing() {
        let machine = Machine::with(&["cc", "OPENSSL_DIR"], &[]);
        machine.provide(Purpose::Demo, Privilege::Install).unwrap();
        let machine = Machine::with(&["pkg-config", "openssl"], &[Some(&["cc"])]);
        machine.provide(Purpose::Demo, Privilege::Install).unwrap();
        assert_eq!(*machine.ran.borrow(), [format!("{INSTALL} build-essential")]);
    }

    #[test]
    fn stale_lists_are_renewed_once() {
        let machine = Machine::with(&["cc"], &[None, Some(&[]), Some(&["pkg-config", "openssl"])]);
        machine.provide(Purpose::Demo, Privilege::Install).unwrap();
        let install = format!("{INSTALL} pkg-config libssl-dev");
        assert_eq!(*machine.ran.borrow(), [install.clone(), UPDATE.to_owned(), install]);
    }

    #[test]
    fn an_install_that_brings_nothing_is_an_error() {
        let machine = Machine::with(&["pkg-config", "openssl"], &[Some(&[])]);
        let complaint = machine.provide(Purpose::Demo, Privilege::Install).unwrap_err().to_string();
        assert_eq!(
            complaint,
            "this machine lacks a C compiler; to mend it: apt-get install -y build-essential"
        );
        let machine = Machine::with(&["pkg-config", "openssl"], &[None, None]);
        assert!(machine.provide(Purpose::Demo, Privilege::Install).is_err());
    }

    #[test]
    fn who_may_not_install_is_told_the_line() {
        let machine = Machine::with(&["cc"], &[]);
        let complaint = machine.provide(Purpose::Demo, Privilege::Ask).unwrap_err().to_string();
        assert!(
            complaint.ends_with("to mend it: sudo apt-get install -y pkg-config libssl-dev"),
            "{complaint}"
        );
        let complaint = machine.provide(Purpose::Demo, Privilege::None).unwrap_err().to_string();
        assert!(complaint.ends_with("install what Debian calls pkg-config libssl-dev"), "{complaint}");
        assert!(machine.ran.borrow().is_empty());
    }

    #[test]
    fn the_tests_need_more_than_the_demo() {
        let machine = Machine::with(&TESTS_BUT_CLIPPY, &[None]);
        machine.provide(Purpose::Demo, Privilege::Ask).unwrap();
        let complaint = machine.provide(Purpose::Test, Privilege::Ask).unwrap_err().to_string();
        assert_eq!(complaint, "this machine lacks clippy; to mend it: rustup component add clippy");
        assert_eq!(*machine.ran.borrow(), ["rustup component add clippy"]);
    }
}
