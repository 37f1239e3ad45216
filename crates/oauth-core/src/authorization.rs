//! The `Authorization` header of RFC 5849 §3.5.1, read and written.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::percent::{self, InvalidPercent};

/// The credentials of an `Authorization: OAuth …` header: a realm, and parameters with their names and values decoded.
///
/// Reading is strict where a lenient reader would guess, so that two readers cannot understand one header in two ways:
///
/// * `OAuth` in any case, then at least one blank or tab.
/// * Elements are separated by commas, with blanks, tabs or folded lines (CR LF, then a blank or tab) around them.
///   Empty elements are ignored.
/// * A name is followed at once by `="`, and the value ends at the next `"`. Bare and single-quoted values, blanks
///   around the `=`, a missing comma, text after the closing quote, control characters, and blanks at either end of a
///   value are refused. A sign inside a value that should have been encoded but was not is tolerated.
/// * Names and values are percent-decoded, a plus sign staying one. Broken escapes and what is not UTF-8 are refused.
/// * `realm` is a quoted string with backslash escapes (RFC 9110 §5.6.4) and may stand anywhere.
/// * No name that begins with `oauth_` occurs twice (§3.2).
///
/// ```
/// use oauth_core::Authorization;
///
/// let header = Authorization::parse(r#"OAuth realm="Photos", oauth_consumer_key="a%2Bb", oauth_nonce="x""#)?;
/// assert_eq!(header.realm(), Some("Photos"));
/// assert_eq!(header.get("oauth_consumer_key"), Some("a+b"));
/// assert_eq!(header.to_header_value(), r#"OAuth realm="Photos", oauth_consumer_key="a%2Bb", oauth_nonce="x""#);
/// # Ok::<(), oauth_core::InvalidAuthorization>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Authorization {
    realm: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Authorization {
    /// Reads the value of an `Authorization` header.
    ///
    /// # Errors
    ///
    /// See the rules above; the error names the rule and the byte.
    pub fn parse(value: &str) -> Result<Self, InvalidAuthorization> {
        let rest = strip_scheme(value).ok_or(InvalidAuthorization::OtherScheme)?;
        let mut reader = Reader { text: value, at: value.len() - rest.len() };
        let mut read = Self::default();
        let mut places = Vec::new();
        reader.skip_separators()?;
        while !reader.rest().is_empty() {
            let name_at = reader.at;
            let name = reader.name()?;
            if name == "realm" {
                let realm = reader.quoted_string()?;
                if read.realm.replace(realm).is_some() {
                    return Err(InvalidAuthorization::Duplicate { name, at: name_at });
                }
            } else {
                read.parameters.push((name, reader.value()?));
                places.push(name_at);
            }
            reader.end_of_element()?;
        }
        match read.duplicate() {
            Some((index, name)) => {
                Err(InvalidAuthorization::Duplicate { name: name.into(), at: places[index] })
            }
            None => Ok(read),
        }
    }

    /// The realm, which is not signed.
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }

    /// The first parameter of this name, which is case-sensitive.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The parameters in their order, without the realm.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The header with one more parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// The header with this realm: printable ASCII, or [`Self::to_header_value`] gives a value that no header takes.
    #[must_use]
    pub fn with_realm(self, realm: impl Into<String>) -> Self {
        Self { realm: Some(realm.into()), ..self }
    }

    /// The value of the header.
    pub fn to_header_value(&self) -> String {
        let mut out = String::from("OAuth ");
        if let Some(realm) = &self.realm {
            push_realm(&mut out, realm);
            out.push_str(", ");
        }
        for (name, value) in &self.parameters {
            percent::push_encoded(&mut out, name);
            out.push_str("=\"");
            percent::push_encoded(&mut out, value);
            out.push_str("\", ");
        }
        out.truncate(out.trim_end_matches(", ").len());
        out
    }

    /// An `oauth_` parameter that was there before, and its index. Sorts, so that a long header costs little more.
    fn duplicate(&self) -> Option<(usize, &str)> {
        let mut names: Vec<(&str, usize)> = self
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| name.starts_with("oauth_"))
            .map(|(index, (name, _))| (name, index))
            .collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [(first, _), (second, index)] if first == second => Some((*index, *second)),
            _ => None,
        })
    }
}

impl fmt::Debug for Authorization {
    /// Shows the names alone: whoever has the values can send the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
        f.debug_struct("Authorization").field("realm", &self.realm).field("parameters", &names).finish()
    }
}

/// Why a header cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidAuthorization {
    /// The scheme is not `OAuth`.
    OtherScheme,
    /// A name is empty, or has a blank, a control character or a quote.
    Name {
        /// Offset in the header's value.
        at: usize,
    },
    /// A name is not followed at once by `="`.
    Quote {
        /// Offset in the header's value.
        at: usize,
    },
    /// The closing quote of a value is missing.
    Unterminated {
        /// Offset of the value in the header's.
        at: usize,
    },
    /// A value has a control character, or a blank at one of its ends.
    Value {
        /// Offset in the header's value.
        at: usize,
    },
    /// After a closing quote there is something else than a comma.
    Comma {
        /// Offset in the header's value.
        at: usize,
    },
    /// A line break that does not fold the line.
    LineBreak {
        /// Offset in the header's value.
        at: usize,
    },
    /// A name or value is badly percent-encoded.
    Percent {
        /// Offset of the name or value in the header's.
        at: usize,
        /// What is wrong with it.
        fault: InvalidPercent,
    },
    /// An `oauth_` parameter or the realm occurs twice.
    Duplicate {
        /// Its name.
        name: String,
        /// Offset in the header's value.
        at: usize,
    },
}

impl fmt::Display for InvalidAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherScheme => f.write_str("authorization scheme must be OAuth, followed by a blank"),
            Self::Name { at } => write!(f, "parameter name expected at byte {at}"),
            Self::Quote { at } => write!(f, "=\" expected at byte {at}, right after the parameter name"),
            Self::Unterminated { at } => write!(f, "value at byte {at} has no closing quote"),
            Self::Value { at } => {
                write!(
                    f,
                    "value must have no control characters and no blanks at its ends, and has one at byte {at}"
                )
            }
            Self::Comma { at } => write!(f, "comma expected at byte {at}"),
            Self::LineBreak { at } => {
                write!(f, "line break at byte {at} must be a carriage return, a line feed and a blank or tab")
            }
            Self::Percent { at, .. } => write!(f, "name or value at byte {at} is badly percent-encoded"),
            Self::Duplicate { name, at } => write!(f, "{name} occurs a second time at byte {at}"),
        }
    }
}

impl core::error::Error for InvalidAuthorization {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Percent { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// Writes `realm="…"`, with quotes and backslashes escaped.
pub(crate) fn push_realm(out: &mut String, realm: &str) {
    out.push_str("realm=\"");
    for character in realm.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// What follows the scheme, blank included.
fn strip_scheme(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    let ends = rest.is_empty() || rest.starts_with([' ', '\t']);
    (scheme.eq_ignore_ascii_case(SCHEME) && ends).then_some(rest)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// A name, with the `="` after it.
    fn name(&mut self) -> Result<String, InvalidAuthorization> {
        let at = self.at;
        let rest = self.rest();
        let is_end = |byte: u8| matches!(byte, b'=' | b'"' | b',' | 0..=b' ' | 0x7F);
        let length = rest.bytes().position(is_end).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        if name.is_empty() {
            return Err(InvalidAuthorization::Name { at });
        }
        if !after.starts_with("=\"") {
            return Err(InvalidAuthorization::Quote { at: at + length });
        }
        self.at += length + 2;
        decode(name, at)
    }

    /// An ordinary value, with its closing quote.
    fn value(&mut self) -> Result<String, InvalidAuthorization> {
        let at = self.at;
        let (value, _) = self.rest().split_once('"').ok_or(InvalidAuthorization::Unterminated { at })?;
        if let Some(offset) = value.bytes().position(|byte| byte.is_ascii_control()) {
            return Err(InvalidAuthorization::Value { at: at + offset });
        }
        if value.starts_with(' ') {
            return Err(InvalidAuthorization::Value { at });
        }
        if value.ends_with(' ') {
            return Err(InvalidAuthorization::Value { at: at + value.len() - 1 });
        }
        self.at += value.len() + 1;
        decode(value, at)
    }

    /// A quoted string with backslash escapes, with its closing quote.
    fn quoted_string(&mut self) -> Result<String, InvalidAuthorization> {
        let at = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, character)) = characters.next() {
            let kept = match character {
                '"' => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                '\\' => characters.next().ok_or(InvalidAuthorization::Unterminated { at })?.1,
                other => other,
            };
            if kept.is_ascii_control() && kept != '\t' {
                return Err(InvalidAuthorization::Value { at: at + offset });
            }
            text.push(kept);
        }
        Err(InvalidAuthorization::Unterminated { at })
    }

    /// What may stand between one element and the next, of which a comma must be part.
    fn end_of_element(&mut self) -> Result<(), InvalidAuthorization> {
        self.skip_white_space()?;
        if self.rest().is_empty() || self.rest().starts_with(',') {
            self.skip_separators()
        } else {
            Err(InvalidAuthorization::Comma { at: self.at })
        }
    }

    fn skip_separators(&mut self) -> Result<(), InvalidAuthorization> {
        self.skip_white_space()?;
        while self.rest().starts_with(',') {
            self.at += 1;
            self.skip_white_space()?;
        }
        Ok(())
    }

    fn skip_white_space(&mut self) -> Result<(), InvalidAuthorization> {
        loop {
            match self.rest().as_bytes() {
                [b' ' | b'\t', ..] => self.at += 1,
                [b'\r', b'\n', b' ' | b'\t', ..] => self.at += 3,
                [b'\r' | b'\n', ..] => return Err(InvalidAuthorization::LineBreak { at: self.at }),
                _ => return Ok(()),
            }
        }
    }
}

fn decode(text: &str, at: usize) -> Result<String, InvalidAuthorization> {
    percent::decode(text)
        .map(|decoded| decoded.into_owned())
        .map_err(|fault| InvalidAuthorization::Percent { at, fault })
}

const SCHEME: &str = "OAuth";

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use proptest::prelude::*;

    use super::*;

    fn pairs(value: &str) -> Result<Vec<(String, String)>, InvalidAuthorization> {
        Authorization::parse(value).map(|header| header.parameters)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    fn refuse(value: &str, fault: InvalidAuthorization) {
        assert_eq!(Authorization::parse(value), Err(fault), "{value:?}");
    }

    #[test]
    fn reads_the_separators_that_are_allowed() {
        let two = [pair("a", "1"), pair("b", "2")];
        for value in [
            "OAuth a=\"1\", b=\"2\"",
            "oauth a=\"1\",b=\"2\"",
            "OAUTH \t a=\"1\" \t,\t b=\"2\" ",
            "OAuth , ,a=\"1\",,b=\"2\",",
            "OAuth a=\"1\",\r\n b=\"2\"",
            "OAuth a=\"1\"\r\n\t,b=\"2\"",
        ] {
            assert_eq!(pairs(value).unwrap(), two, "{value:?}");
        }
        assert_eq!(pairs("OAuth").unwrap(), []);
        assert_eq!(pairs("OAuth ,,,").unwrap(), []);
    }

    #[test]
    fn decodes_once_and_leaves_plus_signs_alone() {
        assert_eq!(
            pairs("OAuth a%5Fb=\"c+d%2b%2541\", e=\"f g=h'\"").unwrap(),
            [pair("a_b", "c+d+%41"), pair("e", "f g=h'")]
        );
    }

    #[test]
    fn realm_is_a_quoted_string_anywhere() {
        let header = Authorization::parse(r#"OAuth a="1", realm="x=1, \"y\" \\ %41+""#).unwrap();
        assert_eq!(header.realm(), Some(r#"x=1, "y" \ %41+"#));
        assert_eq!(header.to_header_value(), r#"OAuth realm="x=1, \"y\" \\ %41+", a="1""#);
        refuse(
            r#"OAuth realm="a", realm="b""#,
            InvalidAuthorization::Duplicate { name: "realm".into(), at: 17 },
        );
        refuse("OAuth realm=\"a\nb\"", InvalidAuthorization::Value { at: 14 });
        refuse("OAuth realm=\"a\\\"", InvalidAuthorization::Unterminated { at: 13 });
        refuse("OAuth realm=\"a\\", InvalidAuthorization::Unterminated { at: 13 });
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        refuse("", InvalidAuthorization::OtherScheme);
        refuse("Bearer abc", InvalidAuthorization::OtherScheme);
        refuse("OAuth2 a=\"1\"", InvalidAuthorization::OtherScheme);
        refuse(" OAuth a=\"1\"", InvalidAuthorization::OtherScheme);
        refuse("OAuth =\"1\"", InvalidAuthorization::Name { at: 6 });
        refuse("OAuth \"", InvalidAuthorization::Name { at: 6 });
        refuse("OAuth a", InvalidAuthorization::Quote { at: 7 });
        refuse("OAuth a=1", InvalidAuthorization::Quote { at: 7 });
        refuse("OAuth a='1'", InvalidAuthorization::Quote { at: 7 });
        refuse("OAuth a = \"1\"", InvalidAuthorization::Quote { at: 7 });
        refuse("OAuth a= \"1\"", InvalidAuthorization::Quote { at: 7 });
        refuse("OAuth a=\"1", InvalidAuthorization::Unterminated { at: 9 });
        refuse("OAuth a=\"1\"x", InvalidAuthorization::Comma { at: 11 });
        refuse("OAuth a=\"1\" b=\"2\"", InvalidAuthorization::Comma { at: 12 });
        refuse("OAuth a=\"1\";b=\"2\"", InvalidAuthorization::Comma { at: 11 });
        refuse("OAuth a=\"\n1\"", InvalidAuthorization::Value { at: 9 });
        refuse("OAuth a=\" 1\"", InvalidAuthorization::Value { at: 9 });
        refuse("OAuth a=\"1 \"", InvalidAuthorization::Value { at: 10 });
        refuse("OAuth a=\"1\",\nb=\"2\"", InvalidAuthorization::LineBreak { at: 12 });
        refuse("OAuth a=\"1\",\r\nb=\"2\"", InvalidAuthorization::LineBreak { at: 12 });
        refuse(
            "OAuth a=\"%zz\"",
            InvalidAuthorization::Percent { at: 9, fault: InvalidPercent::Escape { at: 0 } },
        );
        refuse(
            "OAuth a=\"x%ff\"",
            InvalidAuthorization::Percent { at: 9, fault: InvalidPercent::Utf8 { at: 1 } },
        );
        refuse(
            "OAuth oauth_a=\"1\", oauth%5Fa=\"1\"",
            InvalidAuthorization::Duplicate { name: "oauth_a".into(), at: 19 },
        );
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(
            InvalidAuthorization::Quote { at: 7 }.to_string(),
            "=\" expected at byte 7, right after the parameter name"
        );
        assert_eq!(
            InvalidAuthorization::Duplicate { name: "oauth_nonce".into(), at: 19 }.to_string(),
            "oauth_nonce occurs a second time at byte 19"
        );
    }

    #[test]
    fn debug_shows_no_values() {
        let header = Authorization::parse("OAuth oauth_signature=\"s3cr3t\"").unwrap();
        assert_eq!(format!("{header:?}"), "Authorization { realm: None, parameters: [\"oauth_signature\"] }");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            realm in proptest::option::of("[ -~]*"),
            parameters in proptest::collection::btree_map("[^r].*", ".*", 0..6),
        ) {
            let mut header = parameters
                .into_iter()
                .fold(Authorization::default(), |header, (name, value)| header.with(name, value));
            header.realm = realm;
            let value = header.to_header_value();
            prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(Authorization::parse(&value), Ok(header));
        }

        #[test]
        fn reading_never_panics(value in "([oO][aA]uth[ \t]*)?.*") {
            let _ = Authorization::parse(&value);
        }

        #[test]
        fn reading_near_misses_never_panics(value in "OAuth ([a-c\"=,%\\\\ \t\r\n']|realm=\"|oauth_|é)*") {
            let _ = Authorization::parse(&value);
        }
    }
}
