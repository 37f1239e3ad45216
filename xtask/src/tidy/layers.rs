//! The layer table of ARCHITECTURE.md: which crate may know which.

use super::{
    complaint::Complaint,
    graph::{Arrow, Graph, Kind, Member},
};

/// Every arrow between our crates must be in the table, and every crate have its row.
pub(crate) fn check(graph: &Graph) -> Vec<Complaint> {
    graph.members.iter().flat_map(check_member).collect()
}

/// ARCHITECTURE.md must name every crate.
pub(crate) fn check_page(graph: &Graph, page: &str) -> Vec<Complaint> {
    let is_word = |c: char| c.is_alphanumeric() || "-_".contains(c);
    let absent = |member: &&Member| !page.split(|c| !is_word(c)).any(|word| word == member.name);
    let complain = |member: &Member| {
        let what = format!("the crate {} is on no floor", member.name);
        Complaint::at(
            "ARCHITECTURE.md",
            1,
            what,
            "say which floor it is on and what it must stay ignorant of",
        )
    };
    graph.members.iter().filter(absent).map(complain).collect()
}

fn check_member(member: &Member) -> Vec<Complaint> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == member.name) else {
        let what = format!("the crate {} is not in the layer table", member.name);
        let remedy = "give it a row in ARCHITECTURE.md and in xtask/src/tidy/layers.rs, or another home";
        return vec![Complaint::at(&member.manifest, member.line("name"), what, remedy)];
    };
    let allowed = |arrow: &&Arrow| {
        let to = arrow.to.as_str();
        layer.may.contains(&to) || (arrow.kind == Kind::Tests && layer.tests_may.contains(&to))
    };
    let forbidden = member.arrows.iter().filter(|arrow| !allowed(arrow));
    forbidden
        .map(|arrow| {
            let what = match arrow.kind {
                Kind::Product => format!("{} may not depend on {}", member.name, arrow.to),
                Kind::Tests => format!("the tests of {} may not depend on {}", member.name, arrow.to),
            };
            let remedy =
                "hand down a value, or move the code to the floor that may know both (ARCHITECTURE.md)";
            Complaint::at(&member.manifest, member.line(&arrow.to), what, remedy)
        })
        .collect()
}

struct Layer {
    name: &'static str,
    /// Crates of ours that it may depend on directly.
    may: &'static [&'static str],
    /// Crates of ours that its tests, examples and benches may use besides.
    tests_may: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { name: "oauth-core", may: &[], tests_may: &[] },
    Layer { name: "engagement-model", may: &[], tests_may: &[] },
    Layer { name: "engagement-transport", may: &["oauth-core"], tests_may: &[] },
    Layer { name: "engagement-ids", may: &["engagement-model"], tests_may: &[] },
    // No secret reaches the disk: not even by way of a type.
    Layer { name: "engagement-store", may: &["engagement-model"], tests_may: &[] },
    Layer {
        name: "engagement-export",
        may: &["engagement-model"],
        // Its bench writes what the emulator makes up.
        tests_may: &["engagement-emulator"],
    },
    // A judge does not share the defendant's code, not even in its tests.
    Layer { name: "engagement-emulator", may: &["oauth-core", "engagement-model"], tests_may: &[] },
    Layer {
        name: "engagement",
        may: &["engagement-transport", "engagement-model", "oauth-core"],
        tests_may: &["engagement-emulator"],
    },
    // Login sends through the CLI, so that this crate needs neither transport nor facade.
    Layer { name: "engagement-credentials", may: &["engagement-model", "oauth-core"], tests_may: &[] },
    // The only room where network and disk meet.
    Layer {
        name: "engagement-collect",
        may: &["engagement", "engagement-model", "engagement-store"],
        tests_may: &["engagement-emulator"],
    },
    Layer {
        name: "engagement-cli",
        may: &[
            "engagement",
            "engagement-collect",
            "engagement-credentials",
            "engagement-emulator",
            "engagement-export",
            "engagement-ids",
            "engagement-model",
            "engagement-store",
            "engagement-transport",
            "oauth-core",
        ],
        tests_may: &[],
    },
    Layer {
        name: "engagement-tests",
        may: &[
            "engagement",
            "engagement-cli",
            "engagement-collect",
            "engagement-credentials",
            "engagement-emulator",
            "engagement-export",
            "engagement-ids",
            "engagement-model",
            "engagement-store",
            "engagement-transport",
            "oauth-core",
        ],
        tests_may: &[],
    },
    Layer { name: "xtask", may: &[], tests_may: &[] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{complaint::expect, graph::graph};

    #[test]
    fn an_arrow_outside_the_table_is_named() {
        let complaints = check(&graph(&[
            ("engagement-emulator", &["oauth-core", "engagement-transport"]),
            ("engagement-model", &["dev:engagement-emulator"]),
            ("engagement", &["engagement-model", "dev:engagement-emulator"]),
            ("xtask", &["engagement-model"]),
        ]));
        expect(
            &complaints,
            &[
                "crates/engagement-emulator/Cargo.toml:1: engagement-emulator may not depend on engagement-transport",
                "crates/engagement-model/Cargo.toml:1: the tests of engagement-model may not depend on engagement-emulator",
                "crates/xtask/Cargo.toml:1: xtask may not depend on engagement-model",
            ],
        );
    }

    #[test]
    fn what_tests_may_use_the_product_may_not() {
        let complaints = check(&graph(&[("engagement", &["engagement-emulator"])]));
        expect(
            &complaints,
            &["crates/engagement/Cargo.toml:1: engagement may not depend on engagement-emulator"],
        );
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        let complaints = check(&graph(&[("engagement-extras", &[])]));
        let wanted =
            "crates/engagement-extras/Cargo.toml:1: the crate engagement-extras is not in the layer table";
        expect(&complaints, &[wanted]);
    }

    #[test]
    fn a_crate_that_the_page_omits_is_named() {
        let graph = graph(&[("engagement", &[]), ("xtask", &[])]);
        let complaints = check_page(&graph, "floor 2 engagement-transport; beside: xtask");
        expect(&complaints, &["ARCHITECTURE.md:1: the crate engagement is on no floor"]);
        expect(&check_page(&graph, "`engagement` and `xtask`."), &[]);
    }
}
