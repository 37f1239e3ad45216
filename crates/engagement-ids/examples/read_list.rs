//! Reads lists of Tweet ids and prints their account as JSON; what is wrong goes to stderr.
//!
//! ```sh
//! cargo run -p engagement-ids --example read_list -- crates/engagement-ids/samples/ids-03-urls.txt
//! seq 1500000000000000001 37 1500000000370000000 | cargo run --release -p engagement-ids --example read_list -- -
//! ```
//!
//! The second makes a list of ten million and shows on Linux what it takes: below 16 bytes for each id.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use engagement_ids::{IdList, Options, Source, Verdict, may_wait, open};

fn main() -> ExitCode {
    let mut messages = io::stderr().lock();
    run(&mut messages).unwrap_or_else(|error| {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        // Nothing is left to tell it to if this fails.
        writeln!(messages, "refused: {error}{cause}").ok();
        ExitCode::from(7)
    })
}

fn run(messages: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    let mut list = IdList::new();
    for argument in env::args_os().skip(1) {
        let path = Path::new(&argument);
        let form = if path == Path::new("-") {
            list.read(&Source::stdin(), io::stdin().lock(), &Options::default())?
        } else {
            if may_wait(path) {
                writeln!(messages, "{}: waiting for what is written to it", path.display())?;
            }
            list.read(&Source::file(path), open(path)?, &Options::default())?
        };
        writeln!(messages, "{}: {form}", path.display())?;
    }

    for (source, warning) in list.warnings() {
        writeln!(messages, "warning: {}", warning.at(source))?;
    }
    for (source, refused) in list.refused() {
        writeln!(messages, "refused: {}", refused.at(source))?;
    }
    if let Some(rounding) = list.rounding() {
        writeln!(messages, "refused: {rounding}")?;
    }
    if let Some(peak) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(peak) {
        writeln!(messages, "peak of memory: {peak}")?;
    }

    let verdict = list.verdict();
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer(&mut out, &list.report(verdict))?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(if verdict == Verdict::Ok { ExitCode::SUCCESS } else { ExitCode::from(7) })
}

fn peak(status: &str) -> Option<&str> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim)
}
