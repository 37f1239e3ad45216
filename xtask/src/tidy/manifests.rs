//! What every crate's manifest must say.

use anyhow::{Context as _, Result};

use super::{
    complaint::Complaint,
    graph::{Graph, Member},
};

/// Every crate takes the lints of the workspace.
pub(crate) fn check(graph: &Graph) -> Result<Vec<Complaint>> {
    let complaints: Result<Vec<_>> = graph.members.iter().map(check_lints).collect();
    Ok(complaints?.into_iter().flatten().collect())
}

fn check_lints(member: &Member) -> Result<Option<Complaint>> {
    let manifest: toml::Table =
        toml::from_str(&member.text).with_context(|| format!("reading {}", member.manifest))?;
    let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    if inherited == Some(true) {
        return Ok(None);
    }
    let what = format!("{} does not take the lints of the workspace", member.name);
    let remedy = "add `[lints]` with `workspace = true`";
    Ok(Some(Complaint::at(&member.manifest, member.line("[lints"), what, remedy)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{complaint::expect, graph::graph};

    #[test]
    fn a_crate_with_lints_of_its_own_is_named() {
        let mut graph = graph(&[("good", &[]), ("bare", &[]), ("own", &[])]);
        graph.members[0].text = "[lints]\nworkspace = true\n".to_owned();
        graph.members[2].text =
            "[package]\nname = \"own\"\n[lints.rust]\nunsafe_code = \"allow\"\n".to_owned();
        let complaints = check(&graph).unwrap();
        expect(
            &complaints,
            &[
                "crates/bare/Cargo.toml:1: bare does not take the lints of the workspace",
                "crates/own/Cargo.toml:3: own does not take the lints of the workspace",
            ],
        );
    }
}
