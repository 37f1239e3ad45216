//! Who of ours depends on whom, as `cargo metadata` tells it.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::workspace::{Workspace, output_of};

/// The members of the workspace and the arrows between them.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) members: Vec<Member>,
}

/// One crate of ours.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The manifest's path below the root.
    pub(crate) manifest: String,
    pub(crate) arrows: Vec<Arrow>,
    /// Where in the manifest each line is, to point at one.
    pub(crate) text: String,
}

/// A direct dependency on another crate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) to: String,
    pub(crate) kind: Kind,
}

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The crate itself or its build script.
    Product,
    /// Tests, examples and benches.
    Tests,
}

impl Graph {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        // The lock file says all that is needed; without --no-deps a fresh checkout would fetch every platform's crates.
        let metadata =
            output_of(&mut workspace.cargo(["metadata", "--format-version", "1", "--locked", "--no-deps"]))?;
        Self::parse(&metadata, |path| Ok(fs::read_to_string(path)?))
    }

    fn parse(metadata: &str, manifest: impl Fn(&Path) -> Result<String>) -> Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(metadata).context("reading the output of cargo metadata")?;
        let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
        let member = |package: &Package| -> Result<Member> {
            let path = Path::new(&package.manifest_path);
            let arrows =
                package.dependencies.iter().filter(|dependency| ours.contains(dependency.name.as_str()));
            Ok(Member {
                name: package.name.clone(),
                manifest: path.strip_prefix(&metadata.workspace_root).unwrap_or(path).display().to_string(),
                arrows: arrows.map(Dependency::arrow).collect(),
                text: manifest(path)?,
            })
        };
        Ok(Self { members: metadata.packages.iter().map(member).collect::<Result<_>>()? })
    }
}

impl Member {
    /// The first line of the manifest that begins with `start`, or else line 1.
    pub(crate) fn line(&self, start: &str) -> usize {
        self.text.lines().position(|line| line.trim_start().starts_with(start)).map_or(1, |index| index + 1)
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: String,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

impl Dependency {
    fn arrow(&self) -> Arrow {
        let kind = if self.kind.as_deref() == Some("dev") { Kind::Tests } else { Kind::Product };
        Arrow { to: self.name.clone(), kind }
    }
}

/// A graph for the tests of the rules: names, and arrows as `to` or `dev:to`.
#[cfg(test)]
pub(crate) fn graph(members: &[(&str, &[&str])]) -> Graph {
    let member = |(name, arrows): &(&str, &[&str])| Member {
        name: (*name).to_owned(),
        manifest: format!("crates/{name}/Cargo.toml"),
        arrows: arrows
            .iter()
            .map(|arrow| match arrow.strip_prefix("dev:") {
                Some(to) => Arrow { to: to.to_owned(), kind: Kind::Tests },
                None => Arrow { to: (*arrow).to_owned(), kind: Kind::Product },
            })
            .collect(),
        text: String::new(),
    };
    Graph { members: members.iter().map(member).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_no_arrows_and_kinds_are_told_apart() {
        let metadata = r#"{"workspace_root": "/here", "packages": [
            {"name": "a", "manifest_path": "/here/crates/a/Cargo.toml", "dependencies": [
                {"name": "serde", "kind": null}, {"name": "b", "kind": null},
                {"name": "b", "kind": "dev"}, {"name": "b", "kind": "build"}]},
            {"name": "b", "manifest_path": "/here/crates/b/Cargo.toml", "dependencies": []}]}"#;
        let graph =
            Graph::parse(metadata, |_| Ok("[package]\n\n[dependencies]\nb = \"1\"\n".to_owned())).unwrap();
        let a = &graph.members[0];
        let kinds: Vec<Kind> = a.arrows.iter().map(|arrow| arrow.kind).collect();
        assert_eq!(kinds, [Kind::Product, Kind::Tests, Kind::Product]);
        assert_eq!((a.manifest.as_str(), a.line("b"), a.line("c")), ("crates/a/Cargo.toml", 4, 1));
        assert!(graph.members[1].arrows.is_empty());
    }
}
