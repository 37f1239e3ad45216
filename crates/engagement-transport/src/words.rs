//! Text from a server, made fit for a terminal or a log.

use std::fmt::Write;

/// The beginning of `text` on one line: runs of blanks become one space, every character that could steer a terminal
/// or turn the reading direction is written as its escape, bad UTF-8 as `\u{fffd}`.
pub(crate) fn clean(text: &[u8]) -> String {
    let window = text.get(..MAX_CHARACTERS * 4).unwrap_or(text);
    let decoded = String::from_utf8_lossy(window);
    let mut cleaned = String::new();
    let mut characters = decoded.trim().chars().peekable();
    let mut count = 0;
    while let Some(character) = characters.next() {
        if count == MAX_CHARACTERS {
            cleaned.push('…');
            return cleaned;
        }
        count += 1;
        match character {
            ' ' | '\t' | '\n' | '\r' => {
                while characters.next_if(|next| matches!(next, ' ' | '\t' | '\n' | '\r')).is_some() {}
                cleaned.push(' ');
            }
            steering if is_steering(steering) => {
                // Writing to a string cannot fail.
                let _ = write!(cleaned, "{}", steering.escape_unicode());
            }
            other => cleaned.push(other),
        }
    }
    if window.len() < text.len() {
        cleaned.push('…');
    }
    cleaned
}

fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

const MAX_CHARACTERS: usize = 300;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_plain_words() {
        assert_eq!(clean(b"  Rate limit\r\n\texceeded \n"), "Rate limit exceeded");
        assert_eq!(clean("Grüße ☃".as_bytes()), "Grüße ☃");
    }

    #[test]
    fn disarms_what_steers() {
        assert_eq!(clean(b"\x1b[31mred\x00"), "\\u{1b}[31mred\\u{0}");
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{feff}d".as_bytes()), "a\\u{202e}b\\u{2066}c\\u{feff}d");
        assert_eq!(clean(b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn cuts_long_text() {
        let long = clean("é".repeat(5_000).as_bytes());
        assert_eq!(long.chars().count(), MAX_CHARACTERS + 1);
        assert!(long.ends_with('…'));
    }

    proptest! {
        #[test]
        fn never_lets_a_control_character_through(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let cleaned = clean(&bytes);
            prop_assert!(!cleaned.chars().any(is_steering));
            prop_assert!(cleaned.chars().count() <= MAX_CHARACTERS * 10 + 1);
        }
    }
}
