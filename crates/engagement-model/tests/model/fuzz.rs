//! The bodies of the fuzz targets, over their corpus and over inputs that are made from it.

#![expect(clippy::print_stdout, reason = "a failure is told with its input")]

use std::{fs, panic, path::Path};

#[path = "../../../../fuzz/bodies/answer.rs"]
pub(crate) mod answer;
#[path = "../../../../fuzz/bodies/request.rs"]
mod request;

#[test]
fn answers() {
    run("answer", answer::run);
}

#[test]
fn requests() {
    run("request", request::run);
}

fn run(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!corpus.is_empty());
    for (file, input) in files.iter().zip(&corpus) {
        told(body, input, &file.display().to_string());
    }
    let mut dice = Dice(SEED);
    for number in 0..INPUTS {
        told(body, &dice.input(&corpus), &format!("input {number} of seed {SEED}"));
    }
}

/// Runs a body and, if it panics, tells on which input.
fn told(body: fn(&[u8]), input: &[u8], name: &str) {
    if let Err(panic) = panic::catch_unwind(|| body(input)) {
        println!("{name}: {}", input.escape_ascii());
        panic::resume_unwind(panic);
    }
}

/// Numbers that are the same on every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let high = self.0 >> 33;
        high as usize % sides.max(1)
    }

    /// One of the corpus, with a few pieces taken out, or put in from another.
    fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.roll(corpus.len())].clone();
        for _ in 0..=self.roll(4) {
            let start = self.roll(input.len() + 1);
            let end = (start + self.roll(6)).min(input.len());
            let other = &corpus[self.roll(corpus.len())];
            let from = self.roll(other.len() + 1);
            let to = (from + self.roll(24)).min(other.len());
            let piece = match self.roll(3) {
                0 => Vec::new(),
                1 => vec![b"{}[]\",:0-9\\ue;\n"[self.roll(15)]],
                _ => other[from..to].to_vec(),
            };
            input.splice(start..end, piece);
        }
        input
    }
}

const SEED: u64 = 11;
const INPUTS: usize = 60_000;
