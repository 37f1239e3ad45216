//! The forms of a list agree with each other, and each says what is wrong in it.

use engagement_ids::{Form, IdList, Options, ReadErrorKind, Reason, Source, Verdict};
use proptest::prelude::*;

use crate::{ids, list, list_with, places, refused};

fn form(text: &str) -> Form {
    IdList::new().read(&Source::stdin(), text.as_bytes(), &Options::default()).unwrap()
}

fn reasons(text: &str) -> Vec<(u64, Reason)> {
    list(text.as_bytes()).refused().map(|(_, refused)| (refused.line, refused.reason.clone())).collect()
}

/// All the ways in which we know to write a list.
fn written(ids: &[u64]) -> Vec<(String, Form)> {
    let lines = |write: &dyn Fn(u64) -> String| ids.iter().map(|id| write(*id) + "\n").collect::<String>();
    let joined = |between: &str, write: &dyn Fn(u64) -> String| {
        ids.iter().map(|id| write(*id)).collect::<Vec<_>>().join(between)
    };
    let table = |separator: char, column: &str| Form::Table { separator, column: column.to_owned() };
    vec![
        (lines(&|id| id.to_string()), Form::Lines),
        (lines(&|id| format!("\"{id}\"")), Form::Lines),
        (lines(&|id| format!("https://x.com/i/web/status/{id}")), Form::Lines),
        ("id\n".to_owned() + &lines(&|id| id.to_string()), Form::Lines),
        (
            "text,tweet_id\n".to_owned() + &lines(&|id| format!("\"a\n1, \"\"2\"\"\",{id}")),
            table(',', "tweet_id"),
        ),
        ("id_str;id\n".to_owned() + &lines(&|id| format!("{id};1")), table(';', "id_str")),
        ("n\tid\n".to_owned() + &lines(&|id| format!("1\t\"{id}\"")), table('\t', "id")),
        (lines(&|id| format!("{{\"id_str\":\"{id}\",\"id\":{id}}}")), Form::Lines),
        (lines(&|id| format!("{{\"text\":\"\\\"}}\",\"tweet_id\":\"{id}\"}}")), Form::Lines),
        (lines(&|id| format!("{{\"id\": {id} }}")), Form::Lines),
        (lines(&|id| format!("{{\"data\":{{\"id\":\"{id}\"}},\"includes\":{{\"id\":1}}}}")), Form::Lines),
        (format!("[{}]", joined(",", &|id| id.to_string())), Form::Array),
        (format!("[\n  {}\n]\n", joined(",\n  ", &|id| format!("\"{id}\""))), Form::Array),
        (format!("[{}]", joined(" , ", &|id| format!("{{\n\"a\":[\"]\"],\"id\":\"{id}\"}}"))), Form::Array),
    ]
}

proptest! {
    #[test]
    fn agree_with_each_other(numbers in prop::collection::vec(1..=i64::MAX, 1..20)) {
        let numbers = numbers.into_iter().map(i64::unsigned_abs).collect::<Vec<_>>();
        let wanted = ids(&list(written(&numbers)[0].0.as_bytes()));
        for (text, wanted_form) in written(&numbers) {
            let found = list(text.as_bytes());
            prop_assert_eq!(ids(&found), &wanted[..], "{}", &text);
            prop_assert_eq!(found.counts().refused, 0, "{}", &text);
            prop_assert_eq!(found.counts().duplicates, u64::try_from(numbers.len() - wanted.len()).unwrap());
            prop_assert_eq!(form(&text), wanted_form, "{}", &text);
        }
    }

    /// A list that was cut gives the ids before the cut, or a part of a number where lines are all that can tell: what
    /// it never gives is an id that a closed form shows to be cut.
    #[test]
    fn never_give_half_an_id(cut in 0_usize..70) {
        let whole = "[1500000000000000001,{\"id\":1500000000000000002},\"1500000000000000003\"]";
        prop_assume!(cut < whole.len());
        let known = [1_500_000_000_000_000_001, 1_500_000_000_000_000_002, 1_500_000_000_000_000_003];
        let found = list(&whole.as_bytes()[..cut]);
        prop_assert!(ids(&found).iter().all(|id| known.contains(id)));
        prop_assert_eq!(found.counts().refused, u64::from(cut > 0));
        prop_assert_eq!(found.verdict(), Verdict::Refused);
    }
}

#[test]
fn json_lines_may_be_mixed_with_ids() {
    let text = "{\"id\":15}\n\n16\n# remark\n\"17\"\nhttps://x.com/u/status/18\n";
    let found = list(text.as_bytes());
    assert_eq!(ids(&found), [15, 16, 17, 18]);
    assert_eq!((found.counts().blank, found.counts().comments), (1, 1));
}

#[test]
fn an_array_inside_json_lines_is_a_bad_item() {
    assert_eq!(reasons("{\"id\":15}\n[16]\n17\n"), [(2, Reason::Array)]);
    assert_eq!(reasons("[15]\n[16]\n"), [(1, Reason::Array), (2, Reason::Array)]);
    assert_eq!(reasons("[15,[16],17]"), [(1, Reason::Array)]);
    assert_eq!(places(b"[15,\n[16],\n17]"), [(1, 15), (3, 17)]);
}

#[test]
fn bad_elements_are_named_and_the_others_read() {
    let text = "[\"15\",\n1.5e18,\n null,\n{\"text\":\"\"},\n0,\n16]\n";
    let found = list(text.as_bytes());
    assert_eq!(ids(&found), [15, 16]);
    assert_eq!(refused(&found), [2, 3, 4, 5]);
    assert_eq!(found.counts().read, 6);
}

#[test]
fn nothing_is_read_behind_a_broken_element() {
    // The quote that is missing turns the text "1,16,2" into elements.
    let text = "[15,{\"id\":1,\"text\":\"a},{\"id\":2,\"text\":\"}, 16, \"}]";
    let found = list(text.as_bytes());
    assert_eq!(ids(&found), [15]);
    assert_eq!(found.counts().refused, 1);
    let (_, bad) = found.refused().next().unwrap();
    assert!(matches!(bad.reason, Reason::BrokenArray(_)));
    assert!(bad.reason.to_string().ends_with("; the rest of the array was not read"));
    for text in ["[15,16", "[15,,16]", "[15,16,]", "[15 16]", "[15,\"16]", "[15,{\"id\":16]", "[15,16}]"] {
        let found = list(text.as_bytes());
        assert_eq!(found.counts().refused, 1, "{text}");
        assert!(ids(&found).iter().all(|id| [15, 16].contains(id)), "{text}");
    }
}

#[test]
fn text_behind_an_array_is_named() {
    assert_eq!(reasons("[\n15]\n\n16\n17\n"), [(4, Reason::AfterArray)]);
    assert_eq!(reasons("[15] 16"), [(1, Reason::AfterArray)]);
    assert_eq!(reasons("[]]"), [(1, Reason::AfterArray)]);
}

#[test]
fn an_object_over_several_lines_is_refused_whole() {
    let error =
        list_with(b"{\n  \"id\": 15,\n  \"x\": [\n 1,\n 2\n ]\n}\n", &Options::default()).unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::SpreadObject));
    assert!(error.to_string().starts_with("list: a JSON object that begins here"));
}

#[test]
fn the_column_is_the_one_that_is_named() {
    let options = Options { column: Some("post".to_owned()), ..Options::default() };
    let read = |text: &str| list_with(text.as_bytes(), &options).map(|list| ids(&list));
    assert_eq!(read("id,post\n1,15\n").unwrap(), [15]);
    assert_eq!(read("post\n15\n").unwrap(), [15]);
    assert_eq!(read("{\"id\":1,\"post\":\"15\"}\n").unwrap(), [15]);
    assert_eq!(read("[{\"id\":1,\"post\":\"15\"}]").unwrap(), [15]);
    // Lists without columns are read as ever.
    assert_eq!(read("15\n").unwrap(), [15]);
    assert_eq!(read("").unwrap(), [0; 0]);
    let error = read("id,text\n15,a\n").unwrap_err();
    assert_eq!(error.to_string(), "list: no column is called \"post\": there are \"id\", \"text\"");
    let error = read("post,Post,post\n15,16,17\n").unwrap_err();
    assert_eq!(error.to_string(), "list: two columns are called \"post\": give one of them another name");
}

#[test]
fn a_table_without_an_id_column_is_refused_whole() {
    let error = list_with(b"created;text\n2022;a\n", &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "list: a table without a column tweet_id, id_str or id: name the one with the ids, there are \"created\", \"text\""
    );
}

#[test]
fn other_encodings_are_decoded_or_named() {
    assert_eq!(reasons("15\n16\0\n"), [(2, Reason::Nul)]);
    let latin = list(b"15\ncaf\xe9\n# caf\xe9\n16\n");
    assert_eq!(ids(&latin), [15, 16]);
    let (_, bad) = latin.refused().next().unwrap();
    assert_eq!((bad.line, bad.text.as_str()), (2, "caf\\xe9"));
    assert!(bad.reason.to_string().contains("Latin-1"));
    // What stands in another column does not matter: the id is ASCII in every one of these encodings.
    assert_eq!(ids(&list(b"caf\xe9,id\nna\xefve,15\n")), [15]);
    assert_eq!(refused(&list(b"{\"id\":15,\"text\":\"caf\xe9\"}\n{\"id\":16}\n")), [1]);
    let error = list_with(b"\xff\xfe\0\0\x31\0\0\0", &Options::default()).unwrap_err();
    assert!(error.to_string().contains("UTF-32"));
}

#[test]
fn hidden_marks_are_named() {
    let second_mark = "15\n\u{feff}16\n17\u{200b}\n\u{202a}18\u{202c}\n19\u{a0}\n";
    let marks = ['\u{feff}', '\u{200b}', '\u{202a}', '\u{a0}'].map(Reason::Hidden);
    assert_eq!(reasons(second_mark), (2..).zip(marks).collect::<Vec<_>>());
}

#[test]
fn arguments_are_ids_or_urls() {
    let mut list = IdList::new();
    let arguments =
        ["15", " 16 ", "https://x.com/u/status/17?s=20", "#18", "", "19,20", "{\"id\":21}", "'22", "15"];
    list.read_arguments(arguments, &Options::default());
    assert_eq!(ids(&list), [15, 16, 17]);
    assert_eq!(refused(&list), [4, 5, 6, 7, 8]);
    assert_eq!(list.counts().duplicates, 1);
    assert_eq!(list.refused().next().unwrap().0, &Source::argument());
}
