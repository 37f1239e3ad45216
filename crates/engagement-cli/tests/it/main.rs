//! What users see: the command's outputs, messages and exit codes, against the emulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and its helpers are tests, too"
)]

mod accounting;
mod auth;
mod browser;
mod collect;
mod credentials;
mod demo;
mod doctor;
mod emulator;
mod engagement;
mod export;
mod files;
mod idle;
mod ids;
mod metrics;
mod output;
mod plan;
mod range;
mod raw;
mod request;
mod rows;
mod secrets;
mod server;
mod settings;
mod signals;
mod stored;
