//! The line that names the columns of a table.

use crate::{
    excerpt::excerpt,
    read::ReadErrorKind,
    record::Record,
    spelling::{self, trimmed},
    text::Text,
};

/// Where the ids of a table are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// `None` if there is but one column: then the rest is a list with one item a line.
    pub(crate) separator: Option<u8>,
    /// The id column, from 0.
    pub(crate) column: usize,
    /// Its name, as messages show it.
    pub(crate) name: String,
    /// How many columns there are.
    pub(crate) columns: usize,
}

impl Header {
    /// The header that `text` begins with, if it does: a record with the column `wanted`, or else with one of
    /// [`NAMES`], at one of [`SEPARATORS`].
    ///
    /// `text` must not begin with an item of a list. A table without the column is an error, since a reader who took
    /// it for a list would name every line of it as bad, and the remedy with none.
    pub(crate) fn find(text: &[u8], wanted: Option<&str>) -> Result<Option<Self>, ReadErrorKind> {
        let records = SEPARATORS.map(|separator| (separator, first_two(text, separator)));
        // The separator that gives most columns is the one; of several, the first.
        let Some((separator, [Some(header), second])) =
            records.iter().rev().max_by_key(|(_, [header, _])| header.as_ref().map(Record::len))
        else {
            return Ok(None);
        };
        if header.fault.is_some() {
            return Ok(None);
        }
        let names: &[&str] = match &wanted {
            Some(name) => &[name],
            None => &NAMES,
        };
        for name in names {
            let found = columns_named(header, name);
            match found.as_slice() {
                [] => {}
                &[column] => {
                    return Ok(Some(Self {
                        separator: (header.len() > 1).then_some(*separator),
                        column,
                        name: excerpt(header.field(column).map(trimmed).unwrap_or_default()),
                        columns: header.len(),
                    }));
                }
                _ => return Err(ReadErrorKind::ColumnTwice { column: excerpt(name.as_bytes()) }),
            }
        }
        let is_table = header.len() > 1
            && second.as_ref().is_some_and(|second| second.len() == header.len())
            && header
                .fields()
                .all(|field| !field.is_empty() && spelling::read_id_bytes(trimmed(field)).is_err());
        if wanted.is_none() && !is_table {
            return Ok(None);
        }
        Err(ReadErrorKind::NoColumn {
            wanted: wanted.map(|name| excerpt(name.as_bytes())),
            found: header.fields().take(SHOWN_COLUMNS).map(|field| excerpt(trimmed(field))).collect(),
        })
    }
}

/// The columns called `name`: exactly so if there are any, or else but for case, blanks and hyphens, since the site's
/// own exports write `Tweet id`.
fn columns_named(header: &Record, name: &str) -> Vec<usize> {
    let columns = |same: &dyn Fn(&[u8]) -> bool| {
        header
            .fields()
            .enumerate()
            .filter(|(_, field)| same(trimmed(field)))
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
    };
    let exact = columns(&|field| field == name.as_bytes());
    if exact.is_empty() { columns(&|field| plain(field) == plain(name.as_bytes())) } else { exact }
}

fn plain(name: &[u8]) -> Vec<u8> {
    name.iter()
        .map(|byte| match byte {
            b' ' | b'-' => b'_',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// The first two records of `text`, as far as there are any.
fn first_two(text: &[u8], separator: u8) -> [Option<Record>; 2] {
    let mut text = Text::with_buffer(text, text.len());
    [(); 2].map(|()| {
        let mut record = Record::default();
        // A slice cannot fail to be read.
        record.read(&mut text, separator).unwrap_or(false).then_some(record)
    })
}

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
/// Columns that hold ids, the best first.
const NAMES: [&str; 3] = ["tweet_id", "id_str", "id"];
/// As many as a message can bear.
const SHOWN_COLUMNS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        text: &str,
        wanted: Option<&str>,
        separator: Option<char>,
        column: usize,
        name: &str,
        columns: usize,
    ) {
        let separator = separator.map(|separator| u8::try_from(separator).unwrap());
        let header = Header::find(text.as_bytes(), wanted).unwrap();
        assert_eq!(header, Some(Header { separator, column, name: name.to_owned(), columns }), "{text:?}");
    }

    #[test]
    fn tells_separator_and_column() {
        check("created,tweet_id,text\n", None, Some(','), 1, "tweet_id", 3);
        check("id;text", None, Some(';'), 0, "id", 2);
        check("text\tid_str\tid", None, Some('\t'), 1, "id_str", 3);
        check("id\n15\n", None, None, 0, "id", 1);
        check("\"id\"\n", None, None, 0, "id", 1);
        check("\"a,b\",\" tweet_id \"\n", None, Some(','), 1, "tweet_id", 2);
        check("\"two\nlines\",id\n", None, Some(','), 1, "id", 2);
        check("\"Tweet id\",\"Tweet permalink\"", None, Some(','), 0, "Tweet id", 2);
        check("ID,Id_Str", None, Some(','), 1, "Id_Str", 2);
        check("id,post;tweet\n", Some("post;tweet"), Some(','), 1, "post;tweet", 2);
        check("id,Post", Some("post"), Some(','), 1, "Post", 2);
        check("id,POST,post", Some("post"), Some(','), 2, "post", 3);
        check("id,", None, Some(','), 0, "id", 2);
        check("caf\u{e9},id", None, Some(','), 1, "id", 2);
    }

    #[test]
    fn takes_a_text_for_no_header() {
        for text in
            ["", "hello", "hello\n15\n", "hello, world\n15\n", "15,text\n16,text\n", "a,15\nb,16\n", "\"id"]
        {
            assert_eq!(Header::find(text.as_bytes(), None).unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn misses_the_id_column_of_a_table() {
        let found = |text: &str, wanted| match Header::find(text.as_bytes(), wanted) {
            Err(ReadErrorKind::NoColumn { found, .. }) => found,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(found("created;text\n2022;a\n", None), ["created", "text"]);
        assert_eq!(found("created,id\n", Some("post")), ["created", "id"]);
        assert_eq!(found("created\n", Some("post")), ["created"]);
    }

    #[test]
    fn does_not_choose_between_two_columns_of_a_name() {
        for (text, wanted) in [("id,id", None), ("ID,Id", None), ("post,post", Some("post"))] {
            let error = Header::find(text.as_bytes(), wanted);
            assert!(matches!(error, Err(ReadErrorKind::ColumnTwice { .. })), "{text:?}");
        }
    }
}
