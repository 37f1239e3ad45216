//! `cargo xtask bench [-p CRATE]`: the benches, in earnest or once through.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::workspace::{Workspace, output_of, succeed};

/// Measures the benches of `package`, or of every crate that has some; `args` go to the benches.
pub(crate) fn run(workspace: &Workspace, package: Option<&str>, args: &[&str]) -> Result<()> {
    let mut packages = packages_with_benches(&metadata(workspace)?)?;
    if let Some(package) = package {
        let known = packages.iter().cloned().collect::<Vec<_>>().join(", ");
        packages.retain(|name| name == package);
        ensure!(!packages.is_empty(), "{package} has no benches; these have: {known}");
    }
    succeed(each(workspace, "bench", &packages).arg("--").args(args))
}

/// Keeps the benches alive: each runs as a test, which by cargo's custom means once and without measuring.
pub(crate) fn run_once(workspace: &Workspace) -> Result<()> {
    let packages = packages_with_benches(&metadata(workspace)?)?;
    // Cargo takes it for a mistake when a pattern fits nothing.
    if packages.is_empty() { Ok(()) } else { succeed(&mut each(workspace, "test", &packages)) }
}

/// By pattern, because `--benches` would also take the unit tests of every library.
fn each(workspace: &Workspace, command: &str, packages: &BTreeSet<String>) -> Command {
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    workspace.cargo([command, "--locked", "--bench", "*"].into_iter().chain(packages))
}

fn metadata(workspace: &Workspace) -> Result<String> {
    output_of(&mut workspace.cargo(["metadata", "--format-version", "1", "--locked", "--no-deps"]))
}

fn packages_with_benches(metadata: &str) -> Result<BTreeSet<String>> {
    let metadata: Metadata =
        serde_json::from_str(metadata).context("reading the output of cargo metadata")?;
    let has_benches = |package: &Package| package.targets.iter().any(|target| target.kind.contains("bench"));
    Ok(metadata.packages.into_iter().filter(has_benches).map(|package| package.name).collect())
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crates_with_benches_are_taken() {
        let metadata = r#"{"packages": [
            {"name": "a", "targets": [{"kind": ["lib"]}, {"kind": ["bench"]}, {"kind": ["bench"]}]},
            {"name": "b", "targets": [{"kind": ["lib"]}, {"kind": ["test"]}]}]}"#;
        assert_eq!(packages_with_benches(metadata).unwrap(), BTreeSet::from(["a".to_owned()]));
    }
}
