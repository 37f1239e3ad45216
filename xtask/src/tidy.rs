//! `cargo xtask tidy`: the rules of the house that no other tool knows.

mod complaint;
mod graph;
mod layers;
mod manifests;
mod names;
mod rooms;
mod source;
mod text;
mod tree;

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result, ensure};

use self::{complaint::Complaint, graph::Graph, source::Source};
use crate::workspace::Workspace;

/// Judges the whole checkout. Every complaint is printed with its remedy before this fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let complaints = complaints(workspace)?;
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    ensure!(complaints.is_empty(), "{} to mend", complaints.len());
    Ok(())
}

fn complaints(workspace: &Workspace) -> Result<Vec<Complaint>> {
    let graph = Graph::read(workspace)?;
    let mut complaints = layers::check(&graph);
    complaints.extend(tree::check(&graph, |package| tree::names(workspace, package))?);
    complaints.extend(manifests::check(&graph)?);
    let architecture = workspace.root().join("ARCHITECTURE.md");
    let architecture =
        fs::read_to_string(&architecture).with_context(|| format!("reading {}", architecture.display()))?;
    complaints.extend(layers::check_page(&graph, &architecture));
    let metrics = metric_names(workspace)?;
    for path in source::paths(workspace.root())? {
        complaints.extend(names::check(&path));
        if let Some(source) = Source::read(workspace.root(), &path)? {
            complaints.extend(text::check(&source, &metrics));
            complaints.extend(rooms::check(&source, &architecture));
        }
    }
    Ok(complaints)
}

/// The wire names that only the model may spell.
fn metric_names(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let path = workspace.root().join("crates/engagement-model/contract/metrics.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let table: toml::Table = toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let rows =
        table.get("metric").and_then(toml::Value::as_array).context("the table has [[metric]] rows")?;
    rows.iter()
        .map(|row| {
            Ok(row.get("name").and_then(toml::Value::as_str).context("a metric has a name")?.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let complaints = complaints(&Workspace::here().unwrap()).unwrap();
        let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert_eq!(complaints, [""; 0]);
    }

    #[test]
    fn the_metric_names_are_found() {
        let names = metric_names(&Workspace::here().unwrap()).unwrap();
        assert!(names.len() > 10 && names.contains("impressions"), "{names:?}");
    }
}
