//! The right outcome of each file in `samples/`.

use std::path::Path;

use engagement_ids::{IdList, Options, Reason, Source, Verdict, WarningKind, open};
use engagement_model::TweetId;

use crate::{ids, refused};

#[track_caller]
fn sample(name: &str) -> IdList {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    let options = Options { newest: Some("2000000000000000000".parse().unwrap()), ..Options::default() };
    let mut list = IdList::new();
    list.read(&Source::file(&path), open(&path).unwrap(), &options).unwrap();
    let counts = list.counts();
    assert_eq!(
        counts.read,
        counts.accepted + counts.duplicates + counts.refused + counts.blank + counts.comments + counts.header
    );
    list
}

/// `[accepted, duplicates, refused, blank, comments, header]`
fn counted(list: &IdList) -> [u64; 6] {
    let counts = list.counts();
    [counts.accepted, counts.duplicates, counts.refused, counts.blank, counts.comments, counts.header]
}

fn reasons(list: &IdList) -> Vec<(u64, Reason)> {
    list.refused().map(|(_, refused)| (refused.line, refused.reason.clone())).collect()
}

const BASE: u64 = 1_500_000_000_000_000_000;

fn base(ends: &[u64]) -> Vec<u64> {
    ends.iter().map(|end| BASE + end).collect()
}

#[test]
fn mark_line_ends_and_duplicates() {
    let list = sample("ids-01-bom-crlf-duplicates.txt");
    assert_eq!(ids(&list), base(&[1, 2, 3]));
    assert_eq!(counted(&list), [3, 2, 0, 1, 0, 0]);
    assert_eq!(list.verdict(), Verdict::Ok);
}

#[test]
fn spreadsheet_damage() {
    let list = sample("ids-02-spreadsheet-damage.csv");
    assert_eq!(reasons(&list), [(2, Reason::Scientific), (8, Reason::Thousands)]);
    assert_eq!(counted(&list), [5, 0, 2, 0, 0, 1]);
    assert!(!ids(&list).contains(&1));
    let rounding = list.rounding().unwrap();
    assert_eq!((rounding.rounded(), rounding.long()), (4, 5));
    assert_eq!((list.verdict(), list.verdict_on_items()), (Verdict::Rounded, Verdict::Refused));
    let said = rounding.to_string();
    assert!(
        said.starts_with("4 of 5 ids") && said.contains("spreadsheet") && said.contains("cannot be restored")
    );
}

#[test]
fn urls() {
    let list = sample("ids-03-urls.txt");
    assert_eq!(ids(&list), base(&[101, 102, 103, 104, 105, 107]));
    assert_eq!(reasons(&list), [(5, Reason::UrlWithoutTweet), (7, Reason::OtherSite)]);
    assert_eq!(counted(&list), [6, 0, 2, 0, 0, 0]);
}

#[test]
fn table() {
    let list = sample("ids-04-csv-columns.csv");
    assert_eq!(ids(&list), base(&[201, 202, 203, 204, 205]));
    assert_eq!(reasons(&list), [(7, Reason::Empty)]);
    assert_eq!(list.refused().next().unwrap().1.text, "2022-03-06,,no id");
    assert_eq!(counted(&list), [5, 0, 1, 0, 0, 1]);
}

#[test]
fn range_and_digits() {
    let list = sample("ids-05-range-and-digits.txt");
    let mut wanted = vec![20, 9_007_199_254_740_993, i64::MAX.unsigned_abs()];
    wanted.extend(base(&[310, 311]));
    assert_eq!(ids(&list), wanted);
    let wanted = [
        (4, Reason::TooLarge),
        (5, Reason::TooLarge),
        (6, Reason::Zero),
        (7, Reason::Sign),
        (8, Reason::Sign),
        (9, Reason::LeadingZeros),
        (10, Reason::Thousands),
        (11, Reason::NotAnId),
        (12, Reason::OtherDigits('\u{661}')),
        (13, Reason::OtherDigits('\u{ff11}')),
        (14, Reason::SeveralValues),
    ];
    assert_eq!(reasons(&list), wanted);
    assert!(list.refused().all(|(_, refused)| refused.text.is_ascii()));
    assert_eq!(counted(&list), [5, 0, 11, 0, 1, 0]);
    let future = list.warnings().map(|(_, warning)| (warning.line, warning.kind.clone())).collect::<Vec<_>>();
    assert_eq!(future, [(3, WarningKind::Future)]);
}

#[test]
fn utf_16() {
    let list = sample("ids-06-wrong-encoding.txt");
    assert_eq!(ids(&list), base(&[401, 402]));
    assert_eq!(counted(&list), [2, 0, 0, 0, 0, 0]);
}

#[test]
fn tweets_as_json_lines() {
    let list = sample("ids-07-tweets.jsonl");
    assert_eq!(ids(&list), base(&[501, 502, 503, 505]));
    assert_eq!(refused(&list), [4, 6, 7]);
    assert_eq!(reasons(&list)[0].1, Reason::Decimal);
    assert!(matches!(&reasons(&list)[1].1, Reason::NoKey(_)));
    assert_eq!(reasons(&list)[2].1, Reason::Cut);
    let warnings = list.warnings().map(|(_, warning)| warning.clone()).collect::<Vec<_>>();
    assert_eq!(warnings.len(), 1);
    assert_eq!((warnings[0].line, warnings[0].id), (2, TweetId::new(BASE + 502).unwrap()));
    assert_eq!(warnings[0].kind, WarningKind::OtherNumber { number: "1500000000000000500".to_owned() });
}

#[test]
fn the_report_of_each_adds_up_and_holds_nothing_unseen() {
    for name in [
        "ids-01-bom-crlf-duplicates.txt",
        "ids-02-spreadsheet-damage.csv",
        "ids-03-urls.txt",
        "ids-04-csv-columns.csv",
        "ids-05-range-and-digits.txt",
        "ids-06-wrong-encoding.txt",
        "ids-07-tweets.jsonl",
    ] {
        let list = sample(name);
        let report = serde_json::to_value(list.report(list.verdict())).unwrap();
        let number = |key: &str| report[key].as_u64().unwrap();
        let length = |key: &str| u64::try_from(report[key].as_array().unwrap().len()).unwrap();
        assert_eq!(
            number("read"),
            length("accepted")
                + number("duplicates")
                + length("refused")
                + number("blank")
                + number("comments")
                + number("header"),
            "{name}"
        );
        assert!(report.to_string().is_ascii(), "{name}");
        let keys = report.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
        let mut wanted =
            ["read", "accepted", "duplicates", "blank", "comments", "header", "refused", "verdict"];
        wanted.sort_unstable();
        assert!(
            keys.iter().all(|key| wanted.contains(key)) && keys.len() == wanted.len(),
            "{name}: {keys:?}"
        );
    }
}
