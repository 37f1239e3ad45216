//! Parquet files and data sets, read back with the parquet crate.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and its helpers are tests, too"
)]

mod dataset;
mod disk_full;
mod killed;
mod read;
mod round_trip;
mod world;
