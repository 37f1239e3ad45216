//! The transport against servers that misbehave in every way known, over real sockets and, where time matters, in
//! memory under a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say what it saw"
)]

mod addresses;
mod again;
mod bodies;
mod certificates;
mod clock;
mod connections;
mod framing;
mod gate;
#[cfg(feature = "http2")]
mod http2;
mod outage;
mod pacing;
mod proxies;
mod retries;
mod scarcity;
mod secrets;
mod server;
mod soak;
mod timeouts;
mod tls;
