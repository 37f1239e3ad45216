//! The body of the fuzz target, over its corpus and over inputs that are made from it.

use std::{fs, path::Path};

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy, any, prop_oneof},
    proptest, sample,
};

#[path = "../../../../fuzz/bodies/emulator.rs"]
mod emulator;

/// Otherwise changing it would try nothing but the refusals that come first.
#[test]
fn the_corpus_gets_far() {
    let refused: Vec<_> = corpus()
        .into_iter()
        .map(|(name, input)| (name, emulator::run(&input)))
        .filter(|(_, statuses)| statuses != &[200])
        .collect();
    let refused: Vec<_> =
        refused.iter().map(|(name, statuses)| (name.as_str(), statuses.as_slice())).collect();
    let by_design: [(&str, &[u16]); 7] = [
        ("access-token", &[401]),
        ("authorize", &[400]),
        ("decide", &[400]),
        ("faults", &[]),
        ("invalidate-bearer", &[403]),
        ("many-parameters", &[401]),
        ("pipelined", &[404, 401, 400]),
    ];
    assert_eq!(refused, by_design);
}

/// A client that waits for leave to send its body is given it first, and then its answer.
#[test]
fn an_interim_answer_is_no_answer() {
    let asked =
        b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(emulator::run(asked), [404]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn whatever_comes_is_answered(mut input in sample::select(corpus()), edits in vec(edit(), 0..6)) {
        for (at, cut, piece) in edits {
            let start = at.index(input.1.len() + 1);
            let end = (start + cut).min(input.1.len());
            input.1.splice(start..end, piece);
        }
        emulator::run(&input.1);
    }
}

/// Where, how much is taken out, and what is put in.
fn edit() -> impl Strategy<Value = (sample::Index, usize, Vec<u8>)> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..4),
        sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    (any::<sample::Index>(), 0_usize..12, piece)
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/emulator");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
        .iter()
        .map(|file| (file.file_name().unwrap().display().to_string(), fs::read(file).unwrap()))
        .collect()
}

const PIECES: [&str; 24] = [
    "\r\n",
    "\r\n\r\n",
    "\n",
    " ",
    ":",
    "\0",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\n",
    "Content-Encoding: gzip\r\n",
    "Expect: 100-continue\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/1.0",
    "\"",
    "{",
    "]",
    ",",
    "null",
    "-1",
    "1e400",
    "%",
    "&",
    "9999999999999999999",
    "engagement.hour",
    "0",
];
