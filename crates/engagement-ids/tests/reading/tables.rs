//! Tables against a writer that shares nothing with the reader.

use engagement_ids::{Item, Options, read};
use engagement_ids::{Reason, Source};
use proptest::prelude::*;

use crate::{ids, list, places, refused};

/// How a field is quoted when it need not be.
#[derive(Clone, Copy, Debug)]
enum Quoting {
    Always,
    Never,
}

fn write_field(field: &str, separator: char, quoting: Quoting) -> String {
    let needs = field.contains([separator, '"', '\r', '\n']);
    match quoting {
        Quoting::Never if !needs => field.to_owned(),
        Quoting::Always | Quoting::Never => format!("\"{}\"", field.replace('"', "\"\"")),
    }
}

fn write_record(fields: &[(String, Quoting)], separator: char, end: &str) -> String {
    let fields =
        fields.iter().map(|(field, quoting)| write_field(field, separator, *quoting)).collect::<Vec<_>>();
    fields.join(&separator.to_string()) + end
}

fn line_ends(text: &str) -> u64 {
    u64::try_from(text.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count()).unwrap()
}

fn quoting() -> impl Strategy<Value = Quoting> {
    prop::sample::select(vec![Quoting::Always, Quoting::Never])
}

/// An id, or something that is none.
fn id_cell() -> impl Strategy<Value = (String, Option<u64>)> {
    prop_oneof![
        6 => (1..=i64::MAX).prop_map(|id| (id.to_string(), Some(id.unsigned_abs()))),
        1 => (1..=i64::MAX).prop_map(|id| (format!("'{id}"), Some(id.unsigned_abs()))),
        1 => (1..=i64::MAX).prop_map(|id| (format!("https://x.com/a/status/{id}"), Some(id.unsigned_abs()))),
        1 => prop::sample::select(vec!["1.5E+18", "1,508,123", "0", "-15", "x", "15 16", "#15", "15\n16"])
            .prop_map(|bad| (bad.to_owned(), None)),
        1 => Just((String::new(), None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn are_read_as_they_were_written(
        separator in prop::sample::select(vec![',', ';', '\t']),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        columns in 2_usize..6,
        at in 0_usize..6,
        rows in prop::collection::vec((id_cell(), prop::collection::vec(("[a0-9,;\t\"\n\r #é{\\[]{0,8}", quoting()), 6), quoting()), 0..8),
        last_end: bool,
    ) {
        let at = at % columns;
        let header: Vec<_> = (0..columns)
            .map(|column| (if column == at { "tweet_id".to_owned() } else { format!("column {column}") }, Quoting::Never))
            .collect();
        let mut text = write_record(&header, separator, end);
        let (mut wanted, mut bad, mut blank) = (Vec::new(), Vec::new(), 0);
        for ((cell, id), others, quoting) in rows {
            let line = line_ends(&text) + 1;
            let mut fields = others[..columns].to_vec();
            fields[at] = (cell, quoting);
            let is_blank = fields.iter().all(|(field, _)| field.chars().all(|c| c == ' ' || c == '\t'));
            text += &write_record(&fields, separator, end);
            match id {
                Some(id) => wanted.push((line, id)),
                None if is_blank => blank += 1,
                None => bad.push(line),
            }
        }
        if !last_end {
            text.truncate(text.len() - end.len());
        }
        let found = list(text.as_bytes());
        prop_assert_eq!(places(text.as_bytes()), wanted, "{:?}", &text);
        prop_assert_eq!(refused(&found), bad, "{:?}", &text);
        prop_assert_eq!((found.counts().header, found.counts().blank), (1, blank), "{:?}", &text);
    }
}

fn reasons(text: &str) -> Vec<(u64, Reason)> {
    list(text.as_bytes()).refused().map(|(_, refused)| (refused.line, refused.reason.clone())).collect()
}

#[test]
fn ragged_records_are_read_where_no_other_field_can_be_the_id() {
    // Too short behind the id column, or too long with text: the id is where it belongs.
    let text = "created,tweet_id,text\n2022,15\n2022,16,a,b\n2022,17,a,,,\n";
    assert_eq!(ids(&list(text.as_bytes())), [15, 16, 17]);
    assert_eq!(reasons("created,tweet_id,text\n2022\n"), [(2, Reason::Short { fields: 1, column: 2 })]);
    // A comma without quotes has moved the id, or may have.
    let moved = |fields, header| [(2, Reason::Moved { fields, header })];
    assert_eq!(reasons("text,id\na,b,15\n"), moved(3, 2));
    for id in ["15", "'15", "=\"15\"", "1.5E+18", "https://x.com/u/status/15"] {
        assert_eq!(reasons(&format!("text,id\n7,8,{id}\n")), moved(3, 2), "{id}");
    }
    assert_eq!(reasons("text,id\n7,8,15,a\n"), moved(4, 2));
    assert_eq!(reasons("id,text\n1,508,123,456\n"), moved(4, 2));
    assert_eq!(reasons("id,text\n1,000,000\n"), moved(3, 2));
}

#[test]
fn a_quote_that_is_never_closed_is_named_with_what_it_swallows() {
    let text = "id,text\n15,a\n16,\"b\n17,c\n18,d\n";
    assert_eq!(ids(&list(text.as_bytes())), [15]);
    assert_eq!(reasons(text), [(3, Reason::UnclosedQuote { line: 3, lines: 2 })]);
    let said = reasons(text)[0].1.to_string();
    assert_eq!(said, "a quote opened on line 3 is never closed: 2 lines after it were not read as records");
}

#[test]
fn stray_quotes_do_not_swallow_records_in_silence() {
    let text = "id,text\n15,\"oops\n16,\"text\"\n17,c\n";
    assert_eq!(reasons(text), [(2, Reason::TextAfterQuote { line: 3 })]);
    assert_eq!(ids(&list(text.as_bytes())), [17]);
    // On one line they do no harm.
    assert_eq!(ids(&list(b"id,text\n15,\"say \"hi\" there\"\n16,b\n")), [15, 16]);
}

#[test]
fn a_sign_at_the_start_of_a_record_is_no_comment() {
    let text = "text,id\n#tag,15\n";
    let found = list(text.as_bytes());
    assert_eq!(ids(&found), [15]);
    // Under a lone column it is one, as in every list.
    let found = list(b"id\n15\n# note\n");
    assert_eq!((found.counts().header, found.counts().comments), (1, 1));
    let found = list(b"# exported today\n\nid,text\n15,a\n");
    assert_eq!((ids(&found).as_slice(), found.counts().comments, found.counts().blank), (&[15][..], 1, 1));
}

#[test]
fn records_with_nothing_in_them_are_blank() {
    let found = list(b"id,text\n,\n\n15,a\n , \n,a\n");
    assert_eq!((found.counts().blank, found.counts().accepted), (3, 1));
    assert_eq!(refused(&found), [6]);
}

#[test]
fn the_text_of_a_refused_record_is_its_cell_or_else_the_record() {
    let mut texts = Vec::new();
    let table = b"n;id;text\n1;1.5E18;a\n2;;b\n3;\"x\n\";c\n4;15;\"d";
    read(&Source::stdin(), &table[..], &Options::default(), &mut |item| {
        if let Item::Refused(refused) = item {
            texts.push(refused.text);
        }
    })
    .unwrap();
    assert_eq!(texts, ["1.5E18", "2;;b", "x\\n", "4;15;d"]);
}
