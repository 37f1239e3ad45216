//! What the crate promises as a whole.
#![allow(clippy::duplicate_mod, reason = "each example has the server that it shows itself to")]

mod allocations;
#[cfg(feature = "nonce")]
mod examples;
mod rival;
mod round_trip;
mod vectors;
