//! The crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a test stops where its preparation fails")]

mod fuzz;
mod hostile;
mod plan;
mod recovery;
mod refusal;
mod round_trip;
mod samples;
mod world;
