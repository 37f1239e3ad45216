//! How a list is written.

use std::fmt;

use crate::{
    header::Header,
    read::{ReadErrorKind, line_item},
    spelling::trimmed,
};

/// How a list is written, as far as its first 64 KiB tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// One item a line: an id, a Tweet's URL, or a JSON object or text. Blank lines and lines that begin with `#` are
    /// passed over, and so is what stands behind a blank and `#`.
    ///
    /// A file with one column and its name above is such a list with a header.
    Lines,
    /// Records with a header that names an id column.
    Table {
        /// What stands between the fields: a comma, a semicolon or a tab.
        separator: char,
        /// The id column, as the header writes it.
        column: String,
    },
    /// One JSON array.
    Array,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines => f.write_str("one item a line"),
            Self::Table { separator: '\t', column } => write!(f, "table with tabs, column \"{column}\""),
            Self::Table { separator, column } => write!(f, "table with \"{separator}\", column \"{column}\""),
            Self::Array => f.write_str("JSON array"),
        }
    }
}

/// What the beginning of a text tells about all of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Lines,
    /// A header, and how many blank lines and comments stand before it.
    Headed {
        header: Header,
        before: usize,
    },
    Array,
}

impl Look {
    /// Looks at the beginning of a text; `column` is the one that the user names.
    pub(crate) fn at(head: &[u8], column: Option<&str>) -> Result<Self, ReadErrorKind> {
        let Some(First { before, line, text }) = First::of(head) else { return Ok(Self::Lines) };
        if line.starts_with(b"[") {
            let (array, rest) = text.split_at(line.len());
            return Ok(if closes(array) && First::of(rest).is_some() { Self::Lines } else { Self::Array });
        }
        if line.starts_with(b"{") {
            // A line of JSON that was cut may end so by chance, and is then refused with its whole file: the remedy
            // that the message names does not hurt.
            return match line.last() {
                Some(b'{' | b'[' | b',') => Err(ReadErrorKind::SpreadObject),
                _ => Ok(Self::Lines),
            };
        }
        if line_item(line, column).is_ok() {
            return Ok(Self::Lines);
        }
        Ok(Header::find(text, column)?.map_or(Self::Lines, |header| Self::Headed { header, before }))
    }
}

/// The first line that is neither blank nor a comment.
struct First<'a> {
    /// How many lines stand before it.
    before: usize,
    /// The line, trimmed.
    line: &'a [u8],
    /// All that begins with it.
    text: &'a [u8],
}

impl<'a> First<'a> {
    fn of(mut text: &'a [u8]) -> Option<Self> {
        for before in 0.. {
            let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (whole, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
            let line = trimmed(whole);
            if !line.is_empty() && !line.starts_with(b"#") {
                let blanks = whole.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                return Some(Self { before, line, text: text.get(blanks..)? });
            }
            text = rest.strip_prefix(b"\r\n").or(rest.get(1..))?;
        }
        None
    }
}

/// Whether this begins with a JSON array and ends with its end.
fn closes(array: &[u8]) -> bool {
    serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(array).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, wanted: &Look) {
        assert_eq!(Look::at(head.as_bytes(), None).unwrap(), *wanted, "{head:?}");
    }

    fn headed(before: usize, separator: Option<u8>) -> Look {
        let header = Header {
            separator,
            column: 0,
            name: "id".to_owned(),
            columns: if separator.is_some() { 2 } else { 1 },
        };
        Look::Headed { header, before }
    }

    #[test]
    fn looks_at_the_first_line_that_says_something() {
        for head in
            ["", "\n \n", "# id,text\n", "15", "\"15\"\n", "15,\n16,", "x.com/u/status/15\n", "nonsense\n"]
        {
            check(head, &Look::Lines);
        }
        check("{\"id\":15}\n", &Look::Lines);
        check("id\n15\n", &headed(0, None));
        check("# made today\r\n\r\n id;text\r\n15;a\r\n", &headed(2, Some(b';')));
        check("#\r#\rid\ttext\r", &headed(2, Some(b'\t')));
    }

    #[test]
    fn tells_an_array_from_a_line_that_is_one() {
        for head in ["[15,16]", "[15]\n\n", "[\n15\n]", " \n [15,", "[]", "[15", "[\n15\n]\n16\n"] {
            check(head, &Look::Array);
        }
        check("[15]\n[16]\n", &Look::Lines);
        check("[15]\n{\"id\":16}\n", &Look::Lines);
    }

    #[test]
    fn names_an_object_over_several_lines() {
        for head in ["{\n\"id\":15\n}\n", "{\"a\":1,\r\n\"id\":15}", "{\"a\":[\n15\n]}"] {
            assert!(matches!(Look::at(head.as_bytes(), None), Err(ReadErrorKind::SpreadObject)), "{head:?}");
        }
    }
}
