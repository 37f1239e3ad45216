//! `cargo xtask fuzz`: cargo-fuzz on the nightly toolchain, every target for as long as one likes.
//!
//! The targets live in `fuzz/`, outside the workspace, because only that toolchain can build them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    provision::{self, Purpose},
    workspace::{Workspace, output_of, succeed},
};

/// What to fuzz, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    seconds_per_target: u32,
    /// Only this target.
    target: Option<String>,
}

impl Options {
    /// Reads `--seconds N` and `--target T`.
    pub(crate) fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self { seconds_per_target: 600, target: None };
        let mut args = args.iter();
        while let Some(option) = args.next() {
            let mut value = || args.next().with_context(|| format!("{option} takes a value"));
            match *option {
                "--seconds" => {
                    let seconds = value()?;
                    options.seconds_per_target = seconds
                        .parse()
                        .ok()
                        // libFuzzer takes 0 for "no limit".
                        .filter(|seconds| *seconds > 0)
                        .with_context(|| {
                            format!("--seconds takes a whole number above 0, not {seconds:?}")
                        })?;
                }
                "--target" => options.target = Some((*value()?).to_owned()),
                _ => bail!("fuzz knows --seconds and --target, not {option:?}"),
            }
        }
        Ok(options)
    }
}

/// Fuzzes every target in turn and names all in which something was found.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let manifest = workspace.root().join("fuzz/Cargo.toml");
    ensure!(manifest.is_file(), "there is no {}", manifest.display());
    provision::run(Purpose::Fuzz)?;
    let known = output_of(cargo_fuzz(workspace).arg("list")).context("listing the fuzz targets")?;
    let targets = chosen(&known, options)?;
    let mut found_in = Vec::new();
    for target in targets {
        println!("==> {target}: {} s", options.seconds_per_target);
        // New inputs go to the first folder: the corpus that is kept is only read.
        let scratch = target_folder(workspace).join("corpus").join(target);
        let kept = workspace.root().join("fuzz/corpus").join(target);
        for folder in [&scratch, &kept] {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let mut fuzzer = cargo_fuzz(workspace);
        fuzzer.args(["run", target]).args([&scratch, &kept]).arg("--").args(LIMITS);
        fuzzer.arg(format!("-max_total_time={}", options.seconds_per_target));
        if let Err(error) = succeed(&mut fuzzer) {
            println!("==> {target}: {error:#}");
            found_in.push(target);
        }
    }
    ensure!(
        found_in.is_empty(),
        "something was found in {}; the inputs are in fuzz/artifacts",
        found_in.join(", ")
    );
    Ok(())
}

/// The targets to run out of the `known` ones, one on a line.
fn chosen<'a>(known: &'a str, options: &Options) -> Result<Vec<&'a str>> {
    let is_wanted = |target: &&str| options.target.as_ref().is_none_or(|wanted| wanted == target);
    let targets: Vec<&str> =
        known.lines().map(str::trim).filter(|line| !line.is_empty()).filter(is_wanted).collect();
    ensure!(
        !targets.is_empty(),
        "no such target; there are {}",
        known.lines().collect::<Vec<_>>().join(", ")
    );
    Ok(targets)
}

/// cargo-fuzz on the nightly toolchain, and none of what the stable cargo that started us has put into our environment.
fn cargo_fuzz(workspace: &Workspace) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz"]).current_dir(workspace.root()).stdin(Stdio::null());
    for name in ["CARGO", "LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command.env("CARGO_TARGET_DIR", target_folder(workspace));
    command
}

/// Built by another compiler with other flags: beside the product, not among it.
fn target_folder(workspace: &Workspace) -> PathBuf {
    workspace.target().map_or_else(|| workspace.root().join("fuzz/target"), |target| target.join("fuzz"))
}

/// An input that takes ten seconds, or half a gigabyte, is a finding too. The seconds are those of the wall: a fuzzer
/// that others keep from the processor for one would call an innocent input slow.
const LIMITS: [&str; 2] = ["-rss_limit_mb=512", "-timeout=10"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse(&["--target", "header", "--seconds", "5"]).unwrap();
        assert_eq!(options, Options { seconds_per_target: 5, target: Some("header".to_owned()) });
        assert_eq!(Options::parse(&[]).unwrap().seconds_per_target, 600);
    }

    #[test]
    fn bad_options_are_refused() {
        let refused = |args: &[&str]| Options::parse(args).unwrap_err().to_string();
        assert_eq!(refused(&["--seconds", "0"]), "--seconds takes a whole number above 0, not \"0\"");
        assert_eq!(refused(&["--seconds", "1m"]), "--seconds takes a whole number above 0, not \"1m\"");
        assert_eq!(refused(&["--target"]), "--target takes a value");
        assert_eq!(refused(&["now"]), "fuzz knows --seconds and --target, not \"now\"");
    }

    #[test]
    fn one_target_or_all() {
        let options =
            |target: Option<&str>| Options { seconds_per_target: 1, target: target.map(str::to_owned) };
        assert_eq!(chosen("header\nurl\n", &options(None)).unwrap(), ["header", "url"]);
        assert_eq!(chosen("header\nurl\n", &options(Some("url"))).unwrap(), ["url"]);
        let complaint = chosen("header\nurl\n", &options(Some("uri"))).unwrap_err().to_string();
        assert_eq!(complaint, "no such target; there are header, url");
    }
}
