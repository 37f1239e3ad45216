//! Input that nobody means well with.

use std::io::{self, Read};

use engagement_ids::{IdList, Options, ReadErrorKind, Reason, Source};

use crate::{ids, list_with, refused};

/// A generator that gives the same bytes in every run: xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() >> 33).unwrap() % limit
    }

    fn pick<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.below(from.len())]
    }
}

const SAMPLES: [&[u8]; 7] = [
    include_bytes!("../../samples/ids-01-bom-crlf-duplicates.txt"),
    include_bytes!("../../samples/ids-02-spreadsheet-damage.csv"),
    include_bytes!("../../samples/ids-03-urls.txt"),
    include_bytes!("../../samples/ids-04-csv-columns.csv"),
    include_bytes!("../../samples/ids-05-range-and-digits.txt"),
    include_bytes!("../../samples/ids-06-wrong-encoding.txt"),
    include_bytes!("../../samples/ids-07-tweets.jsonl"),
];

/// What the readers look for.
const PIECES: [&[u8]; 48] = [
    b"15",
    b"1500000000000000001",
    b"9223372036854775808",
    b"0",
    b"007",
    b"-",
    b"+",
    b".",
    b"e",
    b"E+18",
    b"_",
    b" ",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b",",
    b";",
    b"\"",
    b"\"\"",
    b"'",
    b"#",
    b"=\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\\",
    b"\\u0031",
    b"\"id\"",
    b"\"id_str\"",
    b"\"data\"",
    b"id",
    b"tweet_id",
    b"id,text\n",
    b"https://",
    b"x.com",
    b"twitter.com/u/status/",
    b"/",
    b"?",
    b"null",
    b"true",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe9",
    b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
];

fn random_bytes(dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(64)).map(|_| dice.roll().to_le_bytes()[3]).collect()
}

fn random_pieces(dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(40)).flat_map(|_| dice.pick(&PIECES).iter().copied()).collect()
}

fn damaged_sample(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.pick(&SAMPLES).to_vec();
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = dice.below(bytes.len());
        match dice.below(4) {
            0 => bytes[at] = dice.roll().to_le_bytes()[3],
            1 => drop(bytes.splice(at..at, dice.pick(&PIECES).iter().copied())),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Whether the digits of an accepted id stand in the input, by themselves: the one thing that all forms have in common.
fn stands_in(bytes: &[u8], id: u64) -> bool {
    let digits = id.to_string();
    let alone = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let after = bytes.get(at + digits.len());
        !before.is_some_and(u8::is_ascii_digit) && !after.is_some_and(u8::is_ascii_digit)
    };
    bytes.windows(digits.len()).enumerate().any(|(at, window)| window == digits.as_bytes() && alone(at))
}

/// Reads `count` inputs; fails where an account does not add up or an id comes from nowhere.
fn survive(count: usize, seed: u64, make: impl Fn(&mut Dice) -> Vec<u8>) {
    let mut dice = Dice(seed);
    let mut accepted = 0;
    for _ in 0..count {
        let bytes = make(&mut dice);
        let Ok(list) = list_with(&bytes, &Options::default()) else { continue };
        accepted += list.ids().len();
        assert!(list.refused().all(|(_, bad)| bad.text.is_ascii() && bad.text.len() < 100 && bad.line > 0));
        // UTF-16, and what JSON escapes, have no digits to be found.
        let plain = !bytes.contains(&0) && !bytes.contains(&b'\\');
        if let Some(id) = ids(&list).into_iter().find(|id| plain && !stands_in(&bytes, *id)) {
            panic!("{id} is not in {:?}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(accepted > 0, "the inputs are all too bad to show anything");
}

#[test]
fn random_bytes_are_survived() {
    survive(100_000, 1, random_bytes);
}

#[test]
fn random_pieces_are_survived() {
    survive(50_000, 2, random_pieces);
}

#[test]
fn damaged_samples_are_survived() {
    survive(50_000, 3, damaged_sample);
}

#[test]
fn a_line_without_end_is_refused() {
    const LONG: u64 = 16 << 20;
    let endless = || io::repeat(b'7').take(LONG);
    let cases: [(&str, &str, &[u64], &[u64]); 5] = [
        ("15\n", "\n16\n", &[15, 16], &[2]),
        ("", "\n16\n", &[16], &[1]),
        ("id,text\n15,a\n16,", "\n17,b\n", &[15, 17], &[3]),
        ("{\"id\":15}\n{\"id\":16,\"text\":\"", "\"}\n{\"id\":17}\n", &[15, 17], &[2]),
        // The elements of an array behind one that was not read to its end are not certain.
        ("[15,\"", "\",16]", &[15], &[1]),
    ];
    for (before, after, wanted, bad) in cases {
        let mut list = IdList::new();
        let input = before.as_bytes().chain(endless()).chain(after.as_bytes());
        list.read(&Source::stdin(), input, &Options::default()).unwrap();
        assert_eq!((ids(&list).as_slice(), refused(&list).as_slice()), (wanted, bad), "{before:?}");
        let reason = &list.refused().next().unwrap().1.reason;
        assert!(reason.to_string().starts_with("longer than 64 KiB"), "{reason}");
    }
}

#[test]
fn an_input_that_fails_says_so() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable is out"))
        }
    }
    for input in [&b""[..], b"15\n", b"\x1f\x8b\x08", b"id,text\n15,\"", b"[15,"] {
        let error =
            IdList::new().read(&Source::file("list"), input.chain(Failing), &Options::default()).unwrap_err();
        assert!(matches!(error.kind(), ReadErrorKind::Io(_)), "{input:?}: {error:?}");
        assert_eq!(error.to_string(), "list: it cannot be read");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the cable is out");
    }
}

#[test]
fn a_list_of_blank_lines_only_is_read_to_its_end() {
    let mut list = IdList::new();
    list.read(&Source::stdin(), io::repeat(b'\n').take(1 << 20), &Options::default()).unwrap();
    assert_eq!((list.counts().read, list.counts().blank), (1 << 20, 1 << 20));
}

#[test]
fn depth_is_survived() {
    let deep = format!("[15,{}16{}]", "[".repeat(30_000), "]".repeat(30_000));
    let list = list_with(deep.as_bytes(), &Options::default()).unwrap();
    assert_eq!(ids(&list), [15]);
    assert_eq!(list.refused().next().unwrap().1.reason, Reason::Array);
}
