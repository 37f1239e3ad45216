//! The vector files, each of whose expectations must hold, through the program that runs any such file.

#[path = "../../examples/vectors/report.rs"]
mod report;
#[path = "../../examples/vectors/signing.rs"]
mod signing;
#[path = "../../examples/vectors/verification.rs"]
mod verification;

use report::Report;

fn run(text: &str) -> Report {
    let mut report = Report::default();
    report.run_file("file", text);
    report
}

fn check(text: &str, vectors: usize) {
    let report = run(text);
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert_eq!(report.passed, vectors);
}

#[test]
fn signing_vectors_hold() {
    // 153 vectors, one redirect chain, 126 rows of tables.
    check(include_str!("../../vectors/oauth1.json"), 280);
}

#[test]
fn verification_vectors_hold() {
    check(include_str!("../../vectors/oauth1_verify.json"), 161);
}

#[test]
fn wrong_vectors_fail() {
    let text = include_str!("../../vectors/oauth1.json");
    let wrong = |text: &str| run(text).failures.len();
    assert_eq!(wrong(&text.replacen("74KNZJeDHnMBp0EMJ9ZHt/XKycU=", "74KNZJeDHnMBp0EMJ9ZHt/XKycV=", 1)), 1);
    assert_eq!(wrong(&text.replacen("\"realm\": \"Photos\"", "\"realm\": \"Photo\"", 1)), 1);
    assert_eq!(wrong(&text.replacen("\"signing_key\": ", "\"signing_kez\": ", 1)), 1);
    let text = include_str!("../../vectors/oauth1_verify.json");
    assert_eq!(wrong(&text.replacen("\"accept\": true", "\"accept\": false", 1)), 1);
    assert_eq!(wrong("{\"schema\": \"other\"}"), 1);
    assert_eq!(wrong("nothing"), 1);
}
