//! How an id is spelled, and what a text that is none suffers from.

use engagement_model::{InvalidTweetId, TweetId};

use crate::{Reason, url};

/// The id that `text` spells, or the Tweet that its URL names. `text` has been trimmed.
pub(crate) fn read_id(text: &str) -> Result<TweetId, Reason> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(InvalidTweetId::Empty) => Err(Reason::Empty),
        Err(InvalidTweetId::Zero) => Err(Reason::Zero),
        Err(InvalidTweetId::LeadingZero) => Err(Reason::LeadingZeros),
        Err(InvalidTweetId::OutOfRange) => Err(Reason::TooLarge),
        Err(_) => match url::Url::find(text) {
            Some(url) if !text.contains(is_hidden) => url.tweet(),
            _ => Err(ailment(text)),
        },
    }
}

/// Like [`read_id`], for bytes as they stand in a file.
pub(crate) fn read_id_bytes(bytes: &[u8]) -> Result<TweetId, Reason> {
    if bytes.contains(&0) {
        return Err(Reason::Nul);
    }
    read_id(utf8(bytes)?)
}

/// The text in `bytes`, or the first byte that is none.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Reason::NotUtf8 { byte: bytes.get(at).copied().unwrap_or_default(), at }
    })
}

/// `bytes` without blanks and tabs at either end. No other white space is taken off: what does not show is named.
pub(crate) fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// `cell` without what keeps a spreadsheet from taking an id for a number: `'15…`, `'15…'` and `="15…"`.
pub(crate) fn unmarked(cell: &[u8]) -> &[u8] {
    if let Some(quoted) = cell.strip_prefix(b"=\"").and_then(|rest| rest.strip_suffix(b"\"")) {
        return quoted;
    }
    match cell.strip_prefix(b"'") {
        Some(rest) => rest.strip_suffix(b"'").unwrap_or(rest),
        None => cell,
    }
}

/// What is wrong with a text that has something else than digits and is no URL.
fn ailment(text: &str) -> Reason {
    if text.contains('\0') {
        return Reason::Nul;
    }
    if let Some(hidden) = text.chars().find(|&character| is_hidden(character)) {
        return Reason::Hidden(hidden);
    }
    if let Some(digit) = text.chars().find(|character| !character.is_ascii() && character.is_numeric()) {
        return Reason::OtherDigits(digit);
    }
    if let Some(rest) = text.strip_prefix(['+', '-', '\u{2212}']) {
        return if rest.starts_with(|first: char| first.is_ascii_digit()) {
            Reason::Sign
        } else {
            Reason::NotAnId
        };
    }
    if is_scientific(text) {
        return Reason::Scientific;
    }
    if THOUSANDS_MARKS.into_iter().any(|mark| is_grouped(text, mark)) {
        return Reason::Thousands;
    }
    if let Some((whole, fraction)) = text.split_once(['.', ','])
        && is_digits(whole)
        && is_digits(fraction)
        && (text.contains('.') || fraction.bytes().all(|byte| byte == b'0'))
    {
        return Reason::Decimal;
    }
    let pieces = || text.split([' ', '\t', ',', ';', '|']).filter(|piece| !piece.is_empty());
    if pieces().filter(|piece| is_digits(piece)).count() > 1 {
        return Reason::SeveralValues;
    }
    Reason::NotAnId
}

/// Characters that a reader of the list does not see, or sees as a blank: controls, marks of direction and of no
/// width, and the white space of Unicode.
fn is_hidden(character: char) -> bool {
    match character {
        ' ' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}' => true,
        _ => character.is_control() || character.is_whitespace(),
    }
}

fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    is_digits(whole) && is_digits(fraction) && is_digits(exponent)
}

/// One to three digits, then groups of three with `mark` before each.
fn is_grouped(text: &str, mark: char) -> bool {
    let mut groups = text.split(mark);
    let first = groups.next().is_some_and(|group| is_digits(group) && group.len() <= 3);
    let mut later = groups.peekable();
    first && later.peek().is_some() && later.all(|group| is_digits(group) && group.len() == 3)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const THOUSANDS_MARKS: [char; 6] = [',', '.', ' ', '\'', '\u{2019}', '_'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_what_is_wrong() {
        let check = |text: &str, reason: Reason| assert_eq!(read_id(text), Err(reason), "{text:?}");
        check("", Reason::Empty);
        check("1.50000E+18", Reason::Scientific);
        check("1,5e18", Reason::Scientific);
        check("15e17", Reason::Scientific);
        check("1500000000000000001.0", Reason::Decimal);
        check("1500000000000000001,00", Reason::Decimal);
        for mark in THOUSANDS_MARKS {
            check(&format!("1{mark}508{mark}123{mark}456{mark}789{mark}012{mark}346"), Reason::Thousands);
        }
        check("508,123", Reason::Thousands);
        check("0", Reason::Zero);
        check("0001500000000000303", Reason::LeadingZeros);
        check("00", Reason::LeadingZeros);
        check("-1500000000000000301", Reason::Sign);
        check("+1500000000000000302", Reason::Sign);
        check("9223372036854775808", Reason::TooLarge);
        check("18446744073709551616", Reason::TooLarge);
        check("99999999999999999999999999999999", Reason::TooLarge);
        check("\u{661}\u{665}", Reason::OtherDigits('\u{661}'));
        check("1\u{ff15}", Reason::OtherDigits('\u{ff15}'));
        check("15\u{b2}", Reason::OtherDigits('\u{b2}'));
        check("\u{feff}1500000000000000001", Reason::Hidden('\u{feff}'));
        check("1500000000000000001\u{200b}", Reason::Hidden('\u{200b}'));
        check("\u{202d}1500000000000000001", Reason::Hidden('\u{202d}'));
        check("1500000000000000001\u{a0}", Reason::Hidden('\u{a0}'));
        check("1500000000000000001\u{c}", Reason::Hidden('\u{c}'));
        check("1500000000000000001\0", Reason::Nul);
        check("1500000000000000307 1500000000000000308", Reason::SeveralValues);
        check("1500000000000000307,1500000000000000308", Reason::SeveralValues);
        check("15|16", Reason::SeveralValues);
        check("0x14d1120d7b160000", Reason::NotAnId);
        check("1500000000000000001L", Reason::NotAnId);
        check("@example_user", Reason::NotAnId);
        check("-", Reason::NotAnId);
        check("a,123", Reason::NotAnId);
        check("1.aE5", Reason::NotAnId);
        check("aE5", Reason::NotAnId);
        check("1E+a", Reason::NotAnId);
        check("1234,567", Reason::SeveralValues);
        check("#N/A", Reason::NotAnId);
        check("https://x.com/a/status/15\u{200b}", Reason::Hidden('\u{200b}'));
    }

    #[test]
    fn takes_off_what_keeps_spreadsheets_from_counting() {
        let check = |cell: &str, id: &str| assert_eq!(unmarked(cell.as_bytes()), id.as_bytes());
        check("'15", "15");
        check("'15'", "15");
        check("=\"15\"", "15");
        check("''15", "'15");
        check("15'", "15'");
        check("=15", "=15");
        check("'", "");
    }

    #[test]
    fn trims_blanks_and_tabs_only() {
        assert_eq!(trimmed(b"\t 15 \t "), b"15");
        assert_eq!(trimmed(b" \t"), b"");
        assert_eq!(trimmed(b"\x0b15\r"), b"\x0b15\r");
    }

    proptest! {
        /// The oracle: an id is what a signed 64-bit number above zero is written as, and nothing else is.
        #[test]
        fn agrees_with_the_oracle(text in "[0-9+\\-_.,eE ]{0,21}|[0-9]{1,21}|0{0,2}[0-9]{17,20}|\\PC{0,8}") {
            let number = text.parse::<i64>().ok().filter(|number| *number > 0 && number.to_string() == text);
            prop_assert_eq!(read_id(&text).ok().map(TweetId::get), number.map(i64::unsigned_abs));
        }

        #[test]
        fn reads_bytes_as_it_reads_text(text in "\\PC{0,24}") {
            prop_assert_eq!(read_id_bytes(text.as_bytes()), read_id(&text));
        }
    }
}
