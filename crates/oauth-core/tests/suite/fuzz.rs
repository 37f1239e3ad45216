//! The bodies of the fuzz targets, over their corpus and over inputs that are made from it at random.
#![allow(clippy::print_stdout, reason = "a failure has to be told with its seed")]

use std::{fs, panic, path::Path};

#[path = "../../../../fuzz/bodies/oauth_base_string.rs"]
mod oauth_base_string;
#[path = "../../../../fuzz/bodies/oauth_header.rs"]
mod oauth_header;
#[path = "../../../../fuzz/bodies/oauth_sign_verify.rs"]
mod oauth_sign_verify;

#[test]
fn oauth_header() {
    check("oauth_header", oauth_header::run);
}

#[test]
fn oauth_base_string() {
    check("oauth_base_string", oauth_base_string::run);
}

#[test]
fn oauth_sign_verify() {
    check("oauth_sign_verify", oauth_sign_verify::run);
}

fn check(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .expect("the corpus is part of the repository");
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("it was listed")).collect();
    assert!(!corpus.is_empty(), "{} is empty", folder.display());
    for (file, input) in files.iter().zip(&corpus) {
        run(body, input, &file.display().to_string());
    }
    println!("{target}: {INPUTS} inputs from seed {SEED}");
    let mut random = Random(SEED);
    for number in 0..INPUTS {
        run(body, &random.input(&corpus), &format!("input {number} of seed {SEED}"));
    }
}

/// Runs a body and, if it panics, tells on which input.
fn run(body: fn(&[u8]), input: &[u8], name: &str) {
    if let Err(panic) = panic::catch_unwind(|| body(input)) {
        println!("{name}: {}", input.escape_ascii());
        panic::resume_unwind(panic);
    }
}

/// Numbers that look random and are the same each time (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("it is less than a usize")
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One of the corpus, with a few pieces put in, taken out or exchanged.
    fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.pick(corpus).clone();
        for _ in 0..=self.below(6) {
            let start = self.below(input.len() + 1);
            let end = (start + self.below(4)).min(input.len());
            let piece = match self.below(4) {
                0 => Vec::new(),
                1 => Vec::from([self.next().to_le_bytes()[0]]),
                2 => Vec::from(*self.pick(&PIECES)),
                _ => {
                    let other = self.pick(corpus);
                    let from = self.below(other.len() + 1);
                    let to = (from + self.below(24)).min(other.len());
                    other[from..to].to_vec()
                }
            };
            input.splice(start..end, piece);
        }
        input
    }
}

/// What readers stumble over.
const PIECES: [&[u8]; 24] = [
    b"%",
    b"%2",
    b"%zz",
    b"%00",
    b"%FF",
    b"%26",
    b"%3D",
    b"+",
    b"&",
    b"=",
    b"\"",
    b"\\",
    b",",
    b"\r\n ",
    b"\t",
    b"oauth_",
    b"oauth_nonce",
    b"realm=\"",
    b"://",
    b"@",
    b"[::1]",
    b":80",
    b"#",
    "é☃🦀".as_bytes(),
];
const INPUTS: u32 = 100_000;
const SEED: u64 = 5849;
