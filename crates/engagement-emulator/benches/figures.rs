//! Is the emulator fast and small enough not to be what a test waits for, and does an honest client notice that there
//! are others?
//!
//! It runs in a process of its own, asked over real sockets by clients in this one. Run alone: `cargo bench -p
//! engagement-emulator`, with `-- speed` or `-- hostile` for one part; the two take some minutes and more than a thousand
//! file handles. `-- siege` is five minutes of everything hostile at once, with more than four thousand file handles, and
//! runs only when it is asked for. Without `--bench`, which that gives it and `cargo test --benches` does not, there is a little
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
    let parts: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with("--")).collect();
    let named = |part: &str| parts.contains(&part) || (parts.is_empty() && (part != "siege" || !measured));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if named("speed") {
        runtime.block_on(speed::measure(measured));
    }
    if named("hostile") {
        runtime.block_on(hostile::measure(measured));
    }
    if named("siege") {
        runtime.block_on(hostile::besiege(measured));
    }
}
