//! A list's account as JSON.

use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::{Counts, IdList, Refused, Source, Verdict};

/// A list's account, as `engagement ids --output json` prints it:
///
/// ```json
/// {"read":3,"accepted":["15"],"duplicates":1,"blank":0,"comments":0,"header":0,
///  "refused":[{"line":3,"text":"x","reason":"not a Tweet id: 1 to 19 digits, or the URL of a Tweet"}],
///  "verdict":"refused"}
/// ```
///
/// Ids are text, since many readers of JSON round numbers. A list of several sources adds `file` to each refused item.
/// If more was refused than is kept, `refused_beyond` says how many more; without it, `refused` is complete.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    read: u64,
    #[serde(serialize_with = "accepted")]
    accepted: &'a IdList,
    duplicates: u64,
    blank: u64,
    comments: u64,
    header: u64,
    #[serde(serialize_with = "refused")]
    refused: Naming<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    refused_beyond: u64,
    verdict: Verdict,
}

impl<'a> Report<'a> {
    pub(crate) fn new(list: &'a IdList, naming: bool, verdict: Verdict) -> Self {
        let Counts { read, accepted: _, duplicates, blank, comments, header, refused } = list.counts();
        // Lossless: no platform has wider lengths.
        let kept = list.refused().len() as u64;
        Self {
            read,
            accepted: list,
            duplicates,
            blank,
            comments,
            header,
            refused: Naming { list, sources: naming },
            refused_beyond: refused - kept,
            verdict,
        }
    }
}

/// Refused items, with or without the names of their sources.
#[derive(Debug)]
struct Naming<'a> {
    list: &'a IdList,
    sources: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Shown<&'a Source>>,
    line: u64,
    text: &'a str,
    reason: Shown<&'a crate::Reason>,
}

/// A value by its display.
struct Shown<T>(T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

// The lists are written as they are, item by item: ten million ids would take as much again to collect.

fn accepted<S: Serializer>(list: &IdList, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.ids().iter().map(Shown))
}

fn refused<S: Serializer>(naming: &Naming<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let refused = naming.list.refused();
    let mut lines = serializer.serialize_seq(Some(refused.len()))?;
    for (source, Refused { line, text, reason }) in refused {
        let file = naming.sources.then_some(Shown(source));
        lines.serialize_element(&Line { file, line: *line, text, reason: Shown(reason) })?;
    }
    lines.end()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Item, Options, Reason};

    fn json(list: &IdList) -> String {
        serde_json::to_string(&list.report(list.verdict())).unwrap()
    }

    #[test]
    fn has_the_shape_that_readers_rely_on() {
        let mut list = IdList::new();
        let text = "id\n15\n15\n\n# old\n1.5E+18\n";
        list.read(&Source::file("ids.csv"), text.as_bytes(), &Options::default()).unwrap();
        let reason = Reason::Scientific;
        assert_eq!(
            json(&list),
            format!(
                "{{\"read\":6,\"accepted\":[\"15\"],\"duplicates\":1,\"blank\":1,\"comments\":1,\"header\":1,\
                 \"refused\":[{{\"line\":6,\"text\":\"1.5E+18\",\"reason\":\"{reason}\"}}],\"verdict\":\"refused\"}}"
            )
        );
    }

    #[test]
    fn names_the_file_only_where_there_are_several() {
        let mut list = IdList::new();
        list.read(&Source::file("a"), &b"x\n"[..], &Options::default()).unwrap();
        assert!(!json(&list).contains("\"file\""));
        list.read(&Source::file("b"), &b"15\n"[..], &Options::default()).unwrap();
        assert!(json(&list).contains("{\"file\":\"a\",\"line\":1,"));
    }

    #[test]
    fn says_when_it_is_not_complete() {
        let mut list = IdList::new();
        for line in 1..=100_002 {
            list.add(Item::Refused(Refused { line, text: String::new(), reason: Reason::Empty }));
        }
        assert!(json(&list).ends_with("}],\"refused_beyond\":2,\"verdict\":\"refused\"}"));
    }

    #[test]
    fn writes_the_verdicts_in_small_letters() {
        for (verdict, text) in
            [(Verdict::Ok, "ok"), (Verdict::Refused, "refused"), (Verdict::Rounded, "rounded")]
        {
            assert_eq!(serde_json::to_value(verdict).unwrap(), text);
        }
    }
}
