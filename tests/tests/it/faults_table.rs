//! `FAULTS.md` is true of the sources beside it.

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn every_row_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("tests/FAULTS.md")).unwrap();
    assert_eq!(complaints(&page, |path| fs::read_to_string(root.join(path)).ok()), [""; 0]);
}

/// What is wrong with the page: rows that are missing, and rows that name no test, or one that is not there.
fn complaints(page: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let rows: BTreeMap<&str, &str> = page.lines().filter_map(row).collect();
    let mut complaints = Vec::new();
    for (group, count) in GROUPS {
        let missing = (1..=count).map(|n| format!("{group}{n}")).filter(|name| !rows.contains_key(&**name));
        complaints.extend(missing.map(|name| format!("{name} is missing")));
    }
    for (name, kept_by) in rows {
        let (mut source, mut tests) = (None, 0);
        // Every second part stands between backticks.
        for code in kept_by.split('`').skip(1).step_by(2) {
            if code.contains('/') {
                source = read(code);
                if source.is_none() {
                    complaints.push(format!("{name}: there is no {code}"));
                }
            } else if source.as_ref().is_none_or(|text| !has_test(text, code)) {
                complaints.push(format!("{name}: there is no test {code}"));
            } else {
                tests += 1;
            }
        }
        if tests == 0 && !kept_by.starts_with("no test: ") {
            complaints.push(format!("{name}: neither a test nor a reason why there is none"));
        }
    }
    complaints
}

/// A row's name, and what it says of its tests.
fn row(line: &str) -> Option<(&str, &str)> {
    let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [name, _, _, kept_by] = cells[..] else { return None };
    let number = name.strip_prefix(|group: char| group.is_ascii_uppercase())?;
    number.parse::<u32>().ok().map(|_| (name, kept_by))
}

/// Whether a function of this name stands below an attribute, or among the properties of proptest.
fn has_test(source: &str, name: &str) -> bool {
    let mut attribute = false;
    for line in source.lines().map(str::trim_start) {
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if attribute
            && rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
        {
            return true;
        }
        attribute = line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    }
    false
}

/// How many rows a group has.
const GROUPS: [(char, u32); 8] =
    [('N', 13), ('H', 8), ('R', 7), ('T', 5), ('I', 13), ('S', 10), ('A', 12), ('K', 8)];

#[test]
fn a_page_that_is_wrong_is_complained_of() {
    let page = "| # | fault | promise | kept by |\n| --- | --- | --- | --- |\n\
        | N1 | a | b | `x/a.rs` `good` |\n| N2 | a | b | `x/a.rs` `helper` |\n| N3 | a | b | `x/b.rs` `good` |\n\
        | N4 | a | b | later |\n| N5 | a | b | no test: it cannot be made to happen |\n";
    let source = "#[test]\nfn good() {}\nfn helper() {}\n";
    let complaints = complaints(page, |path| (path == "x/a.rs").then(|| source.to_owned()));
    let told = |words: &str| complaints.iter().any(|complaint| complaint == words);
    assert!(told("N6 is missing") && told("T5 is missing") && !told("N1 is missing"), "{complaints:?}");
    assert!(told("N2: there is no test helper") && told("N3: there is no x/b.rs"), "{complaints:?}");
    assert!(told("N4: neither a test nor a reason why there is none"), "{complaints:?}");
    assert!(!complaints.iter().any(|complaint| complaint.starts_with("N1:") || complaint.starts_with("N5:")));
}
