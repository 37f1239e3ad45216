//! A short, harmless view of what was found.

/// `bytes` as a message may show them: visible ASCII stands for itself, everything else is escaped as in Rust, and
/// what is long is cut.
///
/// Escaping all that is not ASCII shows what the eye would miss: digits of another script, marks of no width, and what
/// would move a terminal's cursor.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if shown.len() >= LONGEST {
                return shown + CUT;
            }
            match character {
                '\\' => shown.push_str("\\\\"),
                ' '..='~' => shown.push(character),
                // Quotes never come here: they are in the range above.
                _ => shown.extend(character.escape_default()),
            }
        }
        for byte in chunk.invalid() {
            if shown.len() >= LONGEST {
                return shown + CUT;
            }
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// Enough for any id, most URLs, and the start of a record.
const LONGEST: usize = 80;
const CUT: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_the_eye_would_miss() {
        let check = |bytes: &[u8], shown: &str| assert_eq!(excerpt(bytes), shown);
        check(b"1,508 \"a\" 'b'", "1,508 \"a\" 'b'");
        check("\u{661}\u{ff11}\u{200b}".as_bytes(), "\\u{661}\\u{ff11}\\u{200b}");
        check(b"a\\n\n\t\x1b[31m", "a\\\\n\\n\\t\\u{1b}[31m");
        check(b"caf\xe9", "caf\\xe9");
        check(b"\xf0\x9f\x98", "\\xf0\\x9f\\x98");
    }

    #[test]
    fn is_short() {
        assert_eq!(excerpt(&[b'7'; 80]), "7".repeat(80));
        assert_eq!(excerpt(&[b'7'; 81]), "7".repeat(80) + "...");
        assert_eq!(excerpt(&[0xff; 20]), "\\xff".repeat(20));
        assert_eq!(excerpt(&[0xff; 21]), "\\xff".repeat(20) + "...");
        assert!(excerpt(&[0xff; 10_000]).len() < 100);
        assert!(excerpt("\u{10ffff}".repeat(100).as_bytes()).len() < 100);
    }
}
