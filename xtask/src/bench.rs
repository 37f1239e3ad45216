//! `cargo xtask bench [-p CRATE]`: the benches, in earnest or once through.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::workspace::{Workspace, output_of, succeed};

/// Measures the benches of `package`, or of every crate that has some; `args` go to the benches.
pub(crate) fn run(workspace: &Workspace, package: Option<&str>, args: &[&str]) -> Result<()> {
    let mut packages = benched_packages(&metadata(workspace)?)?;
    if let Some(package) = package {
        let known = packages.keys().cloned().collect::<Vec<_>>().join(", ");
        packages.retain(|name, _| name == package);
        ensure!(!packages.is_empty(), "{package} has no benches; these have: {known}");
    }
    succeed(each(workspace, "bench", &packages).arg("--").args(args))
}

/// Keeps the benches alive: each runs as a test, which by cargo's custom means once and without measuring.
pub(crate) fn run_once(workspace: &Workspace) -> Result<()> {
    let packages = benched_packages(&metadata(workspace)?)?;
    // Cargo takes it for a mistake when a pattern fits nothing.
    if packages.is_empty() { Ok(()) } else { succeed(&mut each(workspace, "test", &packages)) }
}

/// By pattern, because `--benches` would also take the unit tests of every library.
fn each(workspace: &Workspace, command: &str, packages: &BTreeMap<String, BTreeSet<String>>) -> Command {
    let mut cargo = workspace.cargo([command, "--locked", "--bench", "*"]);
    for (package, features) in packages {
        cargo.args(["--package", package]);
        for feature in features {
            cargo.arg("--features").arg(format!("{package}/{feature}"));
        }
    }
    cargo
}

fn metadata(workspace: &Workspace) -> Result<String> {
    output_of(&mut workspace.cargo(["metadata", "--format-version", "1", "--locked", "--no-deps"]))
}

/// The packages that have benches, each with the features that these require.
fn benched_packages(metadata: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let metadata: Metadata =
        serde_json::from_str(metadata).context("reading the output of cargo metadata")?;
    let mut benched = BTreeMap::<_, BTreeSet<String>>::new();
    for Package { name, targets } in metadata.packages {
        for target in targets.into_iter().filter(|target| target.kind.contains("bench")) {
            benched.entry(name.clone()).or_default().extend(target.required_features);
        }
    }
    Ok(benched)
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
    #[serde(default, rename = "required-features")]
    required_features: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crates_with_benches_are_taken_with_what_these_require() {
        let metadata = r#"{"packages": [
            {"name": "a", "targets": [{"kind": ["lib"]}, {"kind": ["bench"]},
                {"kind": ["bench"], "required-features": ["f"]}]},
            {"name": "b", "targets": [{"kind": ["lib"]}, {"kind": ["test"], "required-features": ["g"]}]}]}"#;
        let expected = BTreeMap::from([("a".to_owned(), BTreeSet::from(["f".to_owned()]))]);
        assert_eq!(benched_packages(metadata).unwrap(), expected);
    }
}
