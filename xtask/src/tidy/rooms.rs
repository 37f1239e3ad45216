//! The rooms inside the crates, which ARCHITECTURE.md lists.

use super::{complaint::Complaint, source::Source};

/// Every module that a crate's root declares must be named in the crate's paragraph of the page.
pub(crate) fn check(source: &Source, page: &str) -> Vec<Complaint> {
    let Some((name, "src/lib.rs" | "src/main.rs")) =
        source.path.strip_prefix("crates/").and_then(|path| path.split_once('/'))
    else {
        return Vec::new();
    };
    let start = format!("{name}: ");
    let paragraph = page.split("\n\n").find(|paragraph| paragraph.starts_with(&start)).unwrap_or_default();
    let complain = |(line, text): (usize, &str)| {
        let declared = text.strip_prefix("pub ").unwrap_or(text).strip_prefix("mod ")?.strip_suffix(';')?;
        let what = format!("ARCHITECTURE.md does not say what `{declared}` of {name} is for");
        let remedy = "name it in the crate's paragraph there, with a word or two";
        (!paragraph.contains(&format!("`{declared}`")))
            .then(|| Complaint::at(&source.path, line, what, remedy))
    };
    source.product_lines().filter_map(complain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::complaint::expect;

    #[test]
    fn a_module_that_the_page_omits_is_named() {
        let text = "//! Prose.\nmod a;\npub mod b;\n#[cfg(feature = \"c\")]\nmod c;\n";
        let page = "## Rooms\n\none: `a` · `c`.\n\ntwo: `b`.\n";
        let root = |path: &str| Source { path: path.to_owned(), text: text.to_owned() };
        for (path, wanted) in [
            (
                "crates/one/src/lib.rs",
                &["crates/one/src/lib.rs:3: ARCHITECTURE.md does not say what `b` of one is for"][..],
            ),
            ("crates/one/src/a.rs", &[]),
        ] {
            expect(&check(&root(path), page), wanted);
        }
        assert_eq!(check(&root("crates/two/src/main.rs"), page).len(), 2);
        assert_eq!(check(&root("crates/three/src/lib.rs"), page).len(), 3);
    }
}
