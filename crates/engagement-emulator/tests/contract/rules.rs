//! Which rules the tests are of.

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_rule_has_a_test_that_carries_its_number_and_mark() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
    let sources = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let mut carried = BTreeSet::new();
    for source in sources {
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            let Some(rules) = line.strip_prefix(MARK) else { continue };
            assert!(lines.next().is_some_and(|line| line.contains("test")), "{line}: above no test");
            carried.extend(rules.split(", ").map(str::to_owned));
        }
    }
    let rules = engagement_emulator::rules().iter();
    let known: BTreeSet<_> = rules.map(|rule| format!("{} {}", rule.number, rule.evidence.mark())).collect();
    assert_eq!(known.difference(&carried).collect::<Vec<_>>(), [""; 0], "no test carries these");
    assert_eq!(carried.difference(&known).collect::<Vec<_>>(), [""; 0], "no rule is these");
}

const MARK: &str = "/// Rules: ";
