//! Secrets that can be told wherever they show.

use std::collections::HashMap;

/// A credential's part, and every eight letters that would betray it.
#[derive(Clone)]
pub(crate) struct Canary {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

impl Canary {
    /// 40 letters and digits that no word has, with signs in between that have to be encoded.
    pub(crate) fn new(name: &'static str, seed: u64, signs: &str) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut text = String::new();
        let mut signs = signs.chars();
        for place in 1..=40 {
            // xorshift64: the same for the same seed.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let letters = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
            let letter = usize::try_from(state % letters.len() as u64).unwrap();
            text.push(char::from(letters[letter]));
            if place % 10 == 0 {
                text.extend(signs.next());
            }
        }
        Self { name, text }
    }

    /// The forms in which it could show.
    fn forms(&self) -> Vec<String> {
        let once = percent(&self.text);
        let mut forms = vec![
            self.text.chars().rev().collect(),
            percent(&once),
            once,
            self.text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            self.text.bytes().map(|byte| format!("{byte:02X}")).collect(),
            self.text.clone(),
        ];
        // Whatever stands before it shifts the letters of base64; the ends depend on what stands beside it.
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend(self.text.bytes());
            let letters = base64(&bytes);
            let own = &letters[4..letters.len() - 4];
            forms.push(own.replace('+', "-").replace('/', "_"));
            forms.push(own.to_owned());
        }
        forms
    }
}

/// Looks for all eight letters in a row of all forms of some canaries.
pub(crate) struct Scanner(HashMap<[u8; 8], &'static str>);

impl Scanner {
    pub(crate) fn new(canaries: &[Canary]) -> Self {
        let mut cuts = HashMap::new();
        for canary in canaries {
            for form in canary.forms() {
                for cut in form.as_bytes().windows(8) {
                    cuts.insert(<[u8; 8]>::try_from(cut).unwrap(), canary.name);
                }
            }
        }
        Self(cuts)
    }

    /// What shows, with the place.
    pub(crate) fn find(&self, text: &[u8]) -> Option<String> {
        text.windows(8).enumerate().find_map(|(at, cut)| {
            let name = self.0.get(cut)?;
            let around = &text[at.saturating_sub(40)..(at + 60).min(text.len())];
            Some(format!("{name} in {:?}", String::from_utf8_lossy(around)))
        })
    }
}

pub(super) fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(letters[usize::try_from(number >> shift & 63).unwrap()]));
        }
    }
    text
}

#[test]
fn every_form_and_every_cut_is_found() {
    let canary = Canary::new("c", 7, "+/%=");
    let scanner = Scanner::new(std::slice::from_ref(&canary));
    let text = &canary.text;
    assert_eq!(scanner.find(b"nothing of it is in here, whatever is asked of the server"), None);
    for shown in [
        text.clone(),
        text[13..21].to_owned(),
        text.chars().rev().collect(),
        percent(text),
        percent(&percent(text)),
        base64(format!("key:{text}").as_bytes()),
        base64(format!("kex:y{text}").as_bytes()),
        base64(text.as_bytes()).replace('+', "-").replace('/', "_"),
        text.bytes().map(|byte| format!("{byte:02X}")).collect(),
        percent(text).replace("%2B", "%2b"),
        text.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ] {
        assert!(scanner.find(format!("before {shown} after").as_bytes()).is_some(), "{shown}");
    }
    assert_eq!(base64(b"abc"), "YWJj");
}
