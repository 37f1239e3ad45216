//! Just enough JSON to read the answers of the app-only flow: the text members of one object.

use alloc::{string::String, vec::Vec};
use core::str::Chars;

/// The text members of the object that the text is, in their order; members of other kinds are passed over. If it is no
/// object, or no JSON (RFC 8259) as far as it has to be read, the offset at which that shows.
pub(crate) fn text_members(text: &str) -> Result<Vec<TextMember>, usize> {
    let mut reader = Reader { text, rest: text.chars() };
    reader.members().ok_or(reader.at())
}

/// A name with its text.
pub(crate) struct TextMember {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Where the value begins, with its quotation mark.
    pub(crate) at: usize,
}

struct Reader<'a> {
    text: &'a str,
    rest: Chars<'a>,
}

impl Reader<'_> {
    fn members(&mut self) -> Option<Vec<TextMember>> {
        let mut members = Vec::new();
        self.expect('{')?;
        if self.peek() == Some('}') {
            self.expect('}')?;
            return self.end().then_some(members);
        }
        loop {
            let name = self.text()?;
            self.expect(':')?;
            if self.peek() == Some('"') {
                let at = self.at();
                members.push(TextMember { name, value: self.text()?, at });
            } else {
                self.skip_value()?;
            }
            if self.peek() == Some('}') {
                self.expect('}')?;
                return self.end().then_some(members);
            }
            self.expect(',')?;
        }
    }

    /// Where it is in the text.
    fn at(&self) -> usize {
        self.text.len() - self.rest.as_str().len()
    }

    /// The next character that is no white space, which stays.
    fn peek(&mut self) -> Option<char> {
        loop {
            let mut ahead = self.rest.clone();
            match ahead.next()? {
                ' ' | '\t' | '\n' | '\r' => self.rest = ahead,
                other => return Some(other),
            }
        }
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        (self.peek()? == wanted).then(|| self.rest.next()).map(drop)
    }

    fn end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn text(&mut self) -> Option<String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                control if control < ' ' => return None,
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.rest.next()? {
            same @ ('"' | '\\' | '/') => same,
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.hex()?;
                // A high surrogate needs its low one.
                if (0xD800..0xDC00).contains(&unit) {
                    if (self.rest.next()?, self.rest.next()?) != ('\\', 'u') {
                        return None;
                    }
                    let low = self.hex()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                    return char::from_u32(0x10000 + ((unit - 0xD800) << 10) + low);
                }
                return char::from_u32(unit);
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| Some(number << 4 | self.rest.next()?.to_digit(16)?))
    }

    /// Passes over a value without judging it further than to find its end.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                '"' => drop(self.text()?),
                '{' | '[' => {
                    depth += 1;
                    self.rest.next()?;
                }
                '}' | ']' | ',' if depth == 0 => return None,
                '}' | ']' => {
                    depth -= 1;
                    self.rest.next()?;
                }
                ',' | ':' => drop(self.rest.next()?),
                _ => self.skip_word()?,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Passes over a number, `true`, `false` or `null`.
    fn skip_word(&mut self) -> Option<()> {
        let mut length = 0;
        loop {
            let mut ahead = self.rest.clone();
            match ahead.next() {
                Some(character) if character.is_ascii_alphanumeric() || "+-.".contains(character) => {
                    self.rest = ahead;
                    length += 1;
                }
                _ => return (length > 0).then_some(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn check(text: &str, wanted: Option<&[(&str, &str)]>) {
        let read = text_members(text);
        let read = read.as_ref().ok().map(|members| {
            members.iter().map(|member| (member.name.as_str(), member.value.as_str())).collect::<Vec<_>>()
        });
        assert_eq!(read.as_deref(), wanted, "{text}");
    }

    #[test]
    fn reads_texts_and_passes_over_the_rest() {
        check("{}", Some(&[]));
        check(" {\n\"a\" : \"b\"\t}\r\n", Some(&[("a", "b")]));
        check(r#"{"n":-1.5e+3,"t":true,"l":[1,{"a":"x"},"]"],"a":"b","o":{}}"#, Some(&[("a", "b")]));
        check(r#"{"a":"\"\\\/\n\u00e9\ud83e\udd80"}"#, Some(&[("a", "\"\\/\né🦀")]));
    }

    #[test]
    fn refuses_what_is_no_object() {
        for text in [
            "",
            "{",
            "[]",
            "\"a\"",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":\"b\"",
            "{\"a\":\"b\"}x",
            "{\"a\":\"b\",}",
        ] {
            check(text, None);
        }
        for text in [
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud83e"}"#,
            r#"{"a":"\ud83ex"}"#,
            r#"{"a":"\udd80"}"#,
            "{\"a\":\"\n\"}",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn says_where_it_is_none() {
        for (text, at) in
            [("", 0), (" <html>", 1), ("{\"a\":}", 5), ("{\"a\":\"b\"", 8), ("{\"a\":\"b\"} x", 10)]
        {
            assert_eq!(text_members(text).err(), Some(at), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(members in proptest::collection::btree_map(".*", ".*", 0..5)) {
            let text = serde_json::to_string(&members).unwrap();
            let read = text_members(&text).unwrap();
            let read = read.into_iter().map(|member| (member.name, member.value)).collect::<Vec<_>>();
            prop_assert_eq!(read, members.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn never_panics_and_takes_all_valid_objects(text in "\\{([{}\\[\\],:\"\\\\u0-9a ]|\"a\":|\"b\"|,)*\\}") {
            let read = text_members(&text);
            if let Ok(Value::Object(_)) = serde_json::from_str(&text) {
                prop_assert!(read.is_ok());
            }
        }
    }
}
