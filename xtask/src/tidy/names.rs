//! What a file may be called.

use std::path::Path;

use super::complaint::Complaint;

/// A file or folder says which noun lives in it, and a module lies beside its folder.
pub(crate) fn check(path: &str) -> Option<Complaint> {
    let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
    if !is_rust {
        return None;
    }
    let folders: Vec<&str> = path.split('/').collect();
    // Beside a folder of examples, tests or benches cargo would take NAME.rs for one of them.
    let is_target = folders.iter().any(|folder| matches!(*folder, "examples" | "tests" | "benches"));
    if folders.last() == Some(&"mod.rs") && !is_target {
        return Some(Complaint::at(
            path,
            1,
            "a mod.rs",
            "call it NAME.rs and put it beside the folder NAME/",
        ));
    }
    let drawer = path
        .split('/')
        .map(|part| part.strip_suffix(".rs").unwrap_or(part))
        .find(|part| DRAWERS.contains(part))?;
    let what = format!("the name {drawer} says nothing of what is inside");
    Some(Complaint::at(path, 1, what, "name it for the one noun it holds; if it holds several, divide it"))
}

/// Names under which anything can be put away.
const DRAWERS: &[&str] =
    &["common", "helper", "helpers", "misc", "prelude", "shared", "types", "util", "utils"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::complaint::expect;

    #[test]
    fn drawers_and_inner_parents_are_named() {
        let names =
            ["crates/a/src/utils.rs", "tests/common/server.rs", "crates/a/src/b/mod.rs", "xtask/src/help.rs"];
        let complaints: Vec<Complaint> = names.into_iter().filter_map(check).collect();
        expect(
            &complaints,
            &[
                "crates/a/src/utils.rs:1: the name utils says nothing of what is inside",
                "tests/common/server.rs:1: the name common says nothing of what is inside",
                "crates/a/src/b/mod.rs:1: a mod.rs",
            ],
        );
        assert_eq!(check("docs/types.md"), None);
        assert_eq!(check("crates/a/examples/server/mod.rs"), None);
    }
}
