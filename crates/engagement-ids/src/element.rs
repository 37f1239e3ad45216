//! Elements of a JSON array that is a whole file.

use std::io::{self, Read};

use crate::{
    Reason,
    spelling::trimmed,
    text::{LIMIT, Text},
};

/// Parts an array into its elements without understanding them, so that one of any length needs little memory.
///
/// Every element must then prove to be JSON, else where the next begins is not certain: a missing quote turns text
/// into structure. The caller stops at the first that does not.
pub(crate) struct Elements {
    state: State,
    element: Vec<u8>,
}

/// One element, or the fault that ends the array.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    /// The line that it begins on.
    pub(crate) line: u64,
    /// The element; with a fault, what there is of it.
    pub(crate) json: &'a [u8],
    pub(crate) fault: Option<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// Behind `[`: an element or the end.
    Opened,
    /// Behind a comma: an element.
    Comma,
    /// Behind the array, or behind a fault.
    Done,
}

impl Elements {
    pub(crate) fn new() -> Self {
        Self { state: State::Start, element: Vec::new() }
    }

    /// The next element; `None` behind the end of the array, or behind a fault.
    pub(crate) fn next(&mut self, input: &mut Text<impl Read>) -> io::Result<Option<Element<'_>>> {
        self.element.clear();
        if self.state == State::Done {
            return Ok(None);
        }
        let mut line = input.line_number();
        let (mut depth, mut quoted, mut escaped, mut long) = (0_usize, false, false, false);
        loop {
            if self.element.is_empty() {
                line = input.line_number();
            }
            let Some(byte) = input.byte()? else {
                self.state = State::Done;
                return Ok(Some(Element { line, json: trimmed(&self.element), fault: Some(Reason::Cut) }));
            };
            if self.state == State::Start {
                // The form was told by this bracket: what stands before it is white space.
                if byte == b'[' {
                    self.state = State::Opened;
                }
                continue;
            }
            if quoted {
                (quoted, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            } else {
                match byte {
                    b' ' | b'\t' | b'\n' if self.element.is_empty() => continue,
                    b',' | b']' if depth == 0 => {
                        let first = self.state == State::Opened;
                        self.state = if byte == b',' { State::Comma } else { State::Done };
                        if self.element.is_empty() {
                            if byte == b']' && first {
                                return Ok(None);
                            }
                            self.state = State::Done;
                            let fault = Some(Reason::Json("nothing stands beside a comma".to_owned()));
                            return Ok(Some(Element { line, json: b",", fault }));
                        }
                        break;
                    }
                    b'"' => quoted = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            if self.element.len() < LIMIT {
                self.element.push(byte);
            } else {
                long = true;
            }
        }
        if long {
            self.state = State::Done;
        }
        Ok(Some(Element { line, json: trimmed(&self.element), fault: long.then_some(Reason::TooLong) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(input: &str) -> Vec<Result<(u64, String), Reason>> {
        let mut text = Text::new(input.as_bytes());
        let mut elements = Elements::new();
        let mut found = Vec::new();
        while let Some(Element { line, json, fault }) = elements.next(&mut text).unwrap() {
            found.push(match fault {
                Some(fault) => Err(fault),
                None => Ok((line, String::from_utf8(json.to_vec()).unwrap())),
            });
        }
        found
    }

    #[track_caller]
    fn check(input: &str, wanted: &[(u64, &str)], fault: Option<Reason>) {
        let wanted = wanted
            .iter()
            .map(|(line, element)| Ok((*line, (*element).to_owned())))
            .chain(fault.map(Err))
            .collect::<Vec<_>>();
        assert_eq!(elements(input), wanted, "{input:?}");
    }

    #[test]
    fn parts_at_commas_outside_of_everything() {
        check("[]", &[], None);
        check(" [ \n ] ", &[], None);
        check("[1,\"2\" ,\n 3]", &[(1, "1"), (1, "\"2\""), (2, "3")], None);
        check(
            "[\n{\"a\":[1,{}],\"b\":\"],\\\",\"},\r\n  {\n},\"\\\\\"]",
            &[(2, "{\"a\":[1,{}],\"b\":\"],\\\",\"}"), (3, "{\n}"), (4, "\"\\\\\"")],
            None,
        );
    }

    #[test]
    fn never_gives_an_element_that_is_cut() {
        check("[15,16", &[(1, "15")], Some(Reason::Cut));
        check("[15,16,", &[(1, "15"), (1, "16")], Some(Reason::Cut));
        check("[15,\"16]", &[(1, "15")], Some(Reason::Cut));
        check("[", &[], Some(Reason::Cut));
    }

    #[test]
    fn misses_what_should_stand_beside_a_comma() {
        let fault = Reason::Json("nothing stands beside a comma".into());
        check("[,1]", &[], Some(fault.clone()));
        check("[1,]", &[(1, "1")], Some(fault.clone()));
        check("[1,,2]", &[(1, "1")], Some(fault));
    }

    #[test]
    fn holds_no_more_than_the_limit() {
        let input = format!("[1,\"{}\",2]", "9".repeat(5 * LIMIT));
        check(&input, &[(1, "1")], Some(Reason::TooLong));
        check(&format!("[{}", "[".repeat(5 * LIMIT)), &[], Some(Reason::Cut));
    }
}
