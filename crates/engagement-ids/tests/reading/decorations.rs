//! What stands around ids never changes the list.

use proptest::prelude::*;

use crate::{ids, list, places};

/// One line of a list: what may stand on it, and how it ends.
#[derive(Clone, Debug)]
struct Line {
    item: Option<u64>,
    before: &'static str,
    around: (&'static str, &'static str),
    after: &'static str,
    end: &'static str,
}

fn line() -> impl Strategy<Value = Line> {
    let item = prop_oneof![3 => (1..=i64::MAX).prop_map(|id| Some(id.unsigned_abs())), 1 => Just(None)];
    let before = prop::sample::select(vec!["", "", " ", "\t", "  \t "]);
    let around = prop::sample::select(vec![
        ("", ""),
        ("", ","),
        ("", " ;"),
        ("\"", "\""),
        ("\"", "\","),
        ("'", ""),
        ("'", "'"),
        ("=\"", "\""),
        ("https://x.com/u/status/", ""),
        ("https://mobile.twitter.com/u15/statuses/", "/photo/1?s=20,"),
    ]);
    let after = prop::sample::select(vec!["", " ", "\t", " # 15", "\t#"]);
    let end = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    (item, before, around, after, end).prop_map(|(item, before, around, after, end)| Line {
        item,
        before,
        around,
        after,
        end,
    })
}

fn write(lines: &[Line], last_end: bool) -> String {
    let mut text = String::new();
    for Line { item, before, around, after, end } in lines {
        let item = item.map(|id| format!("{}{id}{}", around.0, around.1)).unwrap_or_default();
        text.push_str(&format!("{before}{item}{after}{end}"));
    }
    if !last_end {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    text
}

proptest! {
    #[test]
    fn never_change_the_list(lines in prop::collection::vec(line(), 1..30), last_end: bool, mark: bool, wide in 0..3) {
        // A lone `\r` and a `\n` after it are one line end: not what is meant here.
        prop_assume!(!lines.windows(2).any(|pair| pair[0].end == "\r" && write(&pair[1..], true).starts_with('\n')));
        let mut text = write(&lines, last_end);
        if mark || wide > 0 {
            text.insert(0, '\u{feff}');
        }
        let bytes: Vec<u8> = match wide {
            0 => text.into_bytes(),
            1 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            _ => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        };
        let found = list(&bytes);
        let wanted = lines.iter().filter_map(|line| line.item).collect::<Vec<_>>();
        prop_assert_eq!(found.counts().refused, 0, "{:?}", found.refused().next());
        prop_assert_eq!(found.counts().accepted + found.counts().duplicates, u64::try_from(wanted.len()).unwrap());
        let mut once = wanted;
        let mut seen = std::collections::HashSet::new();
        once.retain(|id| seen.insert(*id));
        prop_assert_eq!(ids(&found), once);

        let wanted = (1..).zip(&lines).filter_map(|(number, line)| Some((number, line.item?))).collect::<Vec<_>>();
        prop_assert_eq!(places(&bytes), wanted);
    }
}

#[test]
fn only_what_surrounds_an_id_is_taken_off() {
    for text in [
        "15,,", "15,;", "\"15", "15\"", "'\"15\"'", "\"15\"16", "(15)", "<15>", "15#16", "15.", "id: 15",
        "\"'15\"'",
    ] {
        let found = list(text.as_bytes());
        assert_eq!(found.counts().refused, 1, "{text}");
        assert!(found.ids().is_empty(), "{text}");
    }
}
