//! What a crate brings along, all the way down.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{complaint::Complaint, graph::Graph};
use crate::workspace::{Workspace, output_of};

/// No banned crate in a tree, and no tree above its size. `names` gives the tree of one of our crates.
pub(crate) fn check(
    graph: &Graph,
    names: impl Fn(&str) -> Result<BTreeSet<String>>,
) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for rule in RULES {
        let Some(member) = graph.members.iter().find(|member| member.name == rule.root) else { continue };
        let names = names(rule.root)?;
        for name in names.iter().filter(|name| rule.bans(name)) {
            let what = format!("the tree of {} holds {name}", rule.root);
            complaints.push(Complaint::at(&member.manifest, member.line("[dependencies]"), what, BANNED));
        }
        if let Some(most) = rule.most.filter(|most| names.len() > *most) {
            let what =
                format!("the tree of {} holds {} crates, at most {most} may be", rule.root, names.len());
            complaints.push(Complaint::at(&member.manifest, member.line("[dependencies]"), what, TOO_MANY));
        }
    }
    Ok(complaints)
}

/// The unique names in the normal tree of `package` with its default features on this platform, itself included.
///
/// Asked of `cargo tree` and not of `cargo metadata`, which adds up the features that the whole workspace asks for.
pub(crate) fn names(workspace: &Workspace, package: &str) -> Result<BTreeSet<String>> {
    let args = ["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"];
    Ok(parse(&output_of(&mut workspace.cargo(args))?))
}

fn parse(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

struct Rule {
    root: &'static str,
    /// Names, or with a `*` at the end their beginnings.
    banned: &'static [&'static str],
    most: Option<usize>,
}

impl Rule {
    fn bans(&self, name: &str) -> bool {
        self.banned.iter().any(|banned| match banned.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *banned,
        })
    }
}

const RULES: &[Rule] = &[
    Rule {
        root: "oauth-core",
        banned: &[
            "tokio",
            "hyper",
            "hyper-*",
            "http",
            "http-*",
            "serde",
            "serde_*",
            "rand",
            "rand_*",
            "engagement*",
        ],
        most: None,
    },
    Rule {
        root: "engagement-model",
        banned: &["tokio", "hyper", "hyper-*", "http", "http-*", "oauth-core"],
        most: None,
    },
    Rule { root: "engagement-emulator", banned: &["engagement-transport", "engagement"], most: None },
    // Without its features it is a few kilobytes of text-writing; with them, Arrow and a cloud client.
    Rule {
        root: "engagement-export",
        banned: &[
            "arrow-*",
            "parquet",
            "object_store",
            "tokio",
            "hyper",
            "oauth-core",
            "engagement-transport",
        ],
        most: None,
    },
    Rule { root: "engagement", banned: &["arrow-*", "parquet", "object_store"], most: Some(80) },
    Rule { root: "xtask", banned: &["engagement*", "oauth-core"], most: None },
];

const BANNED: &str =
    "drop the dependency that brings it, or that dependency's feature (cargo tree --invert NAME)";

const TOO_MANY: &str = "take a lighter dependency, or turn off default features (cargo tree --edges normal)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{complaint::expect, graph::graph};

    #[test]
    fn a_banned_name_is_found_however_deep() {
        let graph = graph(&[("oauth-core", &[]), ("xtask", &[])]);
        let complaints = check(&graph, |package| {
            Ok(parse(match package {
                "oauth-core" => {
                    "oauth-core v0.1.0 (/here)\nhmac v0.13.0\nserde_core v1.0.0\nhmac v0.13.0 (*)\n"
                }
                _ => "xtask v0.1.0 (/here)\nserde v1.0.0\nengagement-model v0.1.0 (/here)\n",
            }))
        });
        expect(
            &complaints.unwrap(),
            &[
                "crates/oauth-core/Cargo.toml:1: the tree of oauth-core holds serde_core",
                "crates/xtask/Cargo.toml:1: the tree of xtask holds engagement-model",
            ],
        );
    }

    #[test]
    fn a_tree_is_counted_by_unique_names() {
        let graph = graph(&[("engagement", &[])]);
        let tree = |count: usize| {
            (0..count).chain(0..count).map(|n| format!("crate-{n} v1.0.0\n")).collect::<String>()
        };
        expect(&check(&graph, |_| Ok(parse(&tree(80)))).unwrap(), &[]);
        let complaints = check(&graph, |_| Ok(parse(&tree(81)))).unwrap();
        let wanted =
            "crates/engagement/Cargo.toml:1: the tree of engagement holds 81 crates, at most 80 may be";
        expect(&complaints, &[wanted]);
    }

    #[test]
    fn the_tree_of_this_tool_is_read() {
        let names = names(&Workspace::here().unwrap(), "xtask").unwrap();
        assert!(names.contains("xtask") && names.contains("serde_json"), "{names:?}");
    }
}
