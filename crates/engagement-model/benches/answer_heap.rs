//! What does decoding take from the heap?
//!
//! At most four allocations beyond the vector of rows, and no more memory at any moment than the rows and 256 KiB.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails, and reports")]

mod bodies;

use std::process::ExitCode;

use allocation_counter::measure;
use engagement_model::{Answer, Row, answer::Limits};

fn main() -> ExitCode {
    let mut ok = true;
    for (name, case) in [("historical", bodies::historical()), ("totals", bodies::totals())] {
        let mut answer = None;
        let heap = measure(|| answer = Answer::decode(&case.request, &case.body, &Limits::default()).ok());
        let rows = answer.unwrap().rows;
        assert_eq!(rows.len(), case.rows);
        let bytes_of_rows = rows.capacity() * size_of::<Row>();
        let beyond = heap.bytes_max - bytes_of_rows as u64;
        println!(
            "{name}: {} rows of {} bytes; {} allocations, promised 5; {beyond} bytes beyond the rows, promised {SLACK}",
            rows.len(),
            size_of::<Row>(),
            heap.count_total,
        );
        ok &= heap.count_total <= 5 && beyond <= SLACK && rows.capacity() <= rows.len() + rows.len() / 8;
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const SLACK: u64 = 256 << 10;
