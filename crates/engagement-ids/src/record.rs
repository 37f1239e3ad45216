//! Records of a table.

use std::io::{self, Read};

use crate::text::{LIMIT, Text};

/// One record of a table: RFC 4180, with any separator and any line end.
///
/// A quote means something only where a field begins, and text behind a closing quote belongs to the field, as in
/// Python's `csv`. What differs from it are the [`Fault`]s: there the record would swallow others in silence.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// All fields, one behind the other, without their quotes.
    text: Vec<u8>,
    /// Where in `text` each ends.
    ends: Vec<usize>,
    /// The line that the record begins on.
    pub(crate) line: u64,
    pub(crate) fault: Option<Fault>,
}

/// Why the fields of a record cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// More than the limit. The fields are those before it.
    TooLong,
    /// The input ends inside quotes that were opened on line `opened`, `lines` lines before the end.
    Unclosed { opened: u64, lines: u64 },
    /// Text behind the closing quote, on `line`, of a field that spans lines.
    TextAfterQuote { line: u64 },
}

impl Record {
    /// Reads the next record into this one; false at the end of the input.
    pub(crate) fn read(&mut self, input: &mut Text<impl Read>, separator: u8) -> io::Result<bool> {
        self.text.clear();
        self.ends.clear();
        self.fault = None;
        self.line = input.line_number();
        let mut state = State::Start;
        let mut opened = self.line;
        let mut begun = false;
        while let Some(byte) = input.byte()? {
            begun = true;
            state = match (state, byte) {
                (State::Start, b'"') => {
                    opened = input.line_number();
                    State::Quoted
                }
                (State::Start | State::Bare | State::Closed, b'\n') => {
                    self.end_field();
                    return Ok(true);
                }
                (State::Start | State::Bare | State::Closed, byte) if byte == separator => {
                    self.end_field();
                    State::Start
                }
                (State::Start | State::Bare, byte) => self.push(byte, State::Bare),
                (State::Quoted, b'"') => State::Closed,
                (State::Quoted, byte) => self.push(byte, State::Quoted),
                (State::Closed, b'"') => self.push(b'"', State::Quoted),
                (State::Closed, byte) => {
                    if input.line_number() > opened {
                        self.fault.get_or_insert(Fault::TextAfterQuote { line: input.line_number() });
                    }
                    self.push(byte, State::Bare)
                }
            };
        }
        if !begun {
            return Ok(false);
        }
        if state == State::Quoted {
            // The line that the input ends on counts only if something stands on it.
            let lines = input.line_number() - opened - u64::from(self.text.last() == Some(&b'\n'));
            self.fault = Some(Fault::Unclosed { opened, lines });
        }
        self.end_field();
        Ok(true)
    }

    /// How many fields there are: at least one.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn field(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end)
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.field(index))
    }

    /// The fields with the separator between them, for messages: enough of them.
    pub(crate) fn shown(&self, separator: u8) -> Vec<u8> {
        self.fields().take(SHOWN_FIELDS).collect::<Vec<_>>().join(&separator)
    }

    fn push(&mut self, byte: u8, next: State) -> State {
        if self.text.len() + self.ends.len() < LIMIT {
            self.text.push(byte);
        } else {
            self.fault = Some(Fault::TooLong);
        }
        next
    }

    fn end_field(&mut self) {
        if self.text.len() + self.ends.len() < LIMIT || self.ends.is_empty() {
            self.ends.push(self.text.len());
        } else {
            self.fault = Some(Fault::TooLong);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte of a field.
    Start,
    /// Outside of quotes.
    Bare,
    /// Inside of quotes.
    Quoted,
    /// Behind a quote that closes the field, unless a second one follows.
    Closed,
}

/// More would not be shown: the excerpt is shorter.
const SHOWN_FIELDS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn records(input: &[u8], separator: u8) -> Vec<(u64, Vec<String>, Option<Fault>)> {
        let mut text = Text::new(input);
        let mut record = Record::default();
        let mut found = Vec::new();
        while record.read(&mut text, separator).unwrap() {
            let fields = record.fields().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
            found.push((record.line, fields, record.fault));
        }
        found
    }

    #[track_caller]
    fn check(input: &str, wanted: &[(u64, &[&str], Option<Fault>)]) {
        let found = records(input.as_bytes(), b',');
        let wanted = wanted
            .iter()
            .map(|(line, fields, fault)| (*line, fields.iter().map(ToString::to_string).collect(), *fault))
            .collect::<Vec<_>>();
        assert_eq!(found, wanted, "{input:?}");
    }

    #[test]
    fn reads_records() {
        check("", &[]);
        check("\n", &[(1, &[""], None)]);
        check("a,b\nc,d", &[(1, &["a", "b"], None), (2, &["c", "d"], None)]);
        check(",\n", &[(1, &["", ""], None)]);
        check(
            "\"a,\"\"b\"\"\",c\r\nd\r\r\n",
            &[(1, &["a,\"b\"", "c"], None), (2, &["d"], None), (3, &[""], None)],
        );
        check("\"a\r\nb\",c\nd", &[(1, &["a\nb", "c"], None), (3, &["d"], None)]);
        check("\"\"", &[(1, &[""], None)]);
        check("a\"b\",c", &[(1, &["a\"b\"", "c"], None)]);
        check(" \"a,b\"", &[(1, &[" \"a", "b\""], None)]);
    }

    #[test]
    fn takes_text_behind_a_quote_only_on_one_line() {
        check("\"say \"hi\" there\",1\n", &[(1, &["say hi\" there\"", "1"], None)]);
        check(
            "1,\"oops\n2,\"text\"\n3,c\n",
            &[(1, &["1", "oops\n2,text\""], Some(Fault::TextAfterQuote { line: 2 })), (3, &["3", "c"], None)],
        );
    }

    #[test]
    fn says_where_an_unclosed_quote_was_opened() {
        check("1,\"a\n2\n3", &[(1, &["1", "a\n2\n3"], Some(Fault::Unclosed { opened: 1, lines: 2 }))]);
        check("1,\"a\n2\n", &[(1, &["1", "a\n2\n"], Some(Fault::Unclosed { opened: 1, lines: 1 }))]);
        check("\"", &[(1, &[""], Some(Fault::Unclosed { opened: 1, lines: 0 }))]);
        check("\"a\nb\",\"c", &[(1, &["a\nb", "c"], Some(Fault::Unclosed { opened: 2, lines: 0 }))]);
    }

    #[test]
    fn holds_no_more_than_the_limit() {
        for long in [vec![b'a'; 5 * LIMIT], vec![b','; 5 * LIMIT]] {
            let input = [&b"1,2\n"[..], &long, b"\n3,4\n"].concat();
            let mut text = Text::new(&input[..]);
            let mut record = Record::default();
            let mut faults = Vec::new();
            while record.read(&mut text, b',').unwrap() {
                faults.push(record.fault);
                assert!(record.text.len() + record.ends.len() <= LIMIT + 1);
            }
            assert_eq!(faults, [None, Some(Fault::TooLong), None]);
        }
    }

    #[test]
    fn separates_at_what_it_is_told() {
        let found = records(b"a;b,c\td\n", b';');
        assert_eq!(found[0].1, ["a", "b,c\td"]);
        let found = records(b"a;b,c\td\n", b'\t');
        assert_eq!(found[0].1, ["a;b,c", "d"]);
    }
}
