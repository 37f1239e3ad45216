//! Is the emulator fast and small enough not to be what a test waits for, and does an honest client notice that there
//! are others?
//!
//! It runs in a process of its own, asked over real sockets by clients in this one. Run alone: `cargo bench -p
//! engagement-emulator`, with `-- speed` or `-- hostile` for one half; the whole takes some minutes and more than a
//! thousand file handles. Without `--bench`, which that gives it and `cargo test --benches` does not, there is a little
//! of everything, and times are not judged.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has failed, and prints"
)]

#[path = "figures/hostile.rs"]
mod hostile;
#[path = "figures/served.rs"]
mod served;
#[path = "figures/speed.rs"]
mod speed;

fn main() {
    if served::serve_if_told() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let named = |half: &str| {
        let mut halves = arguments.iter().filter(|argument| !argument.starts_with("--")).peekable();
        halves.peek().is_none() || halves.any(|argument| argument == half)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if named("speed") {
        runtime.block_on(speed::measure(measured));
    }
    if named("hostile") {
        runtime.block_on(hostile::measure(measured));
    }
}
