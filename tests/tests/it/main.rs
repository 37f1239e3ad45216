//! The client against the emulator, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test stops where its preparation fails")]

mod accounting;
mod authentication;
mod faults;
mod faults_table;
mod figures;
mod group_by;
mod network;
mod recovery;
mod refused;
mod secrets;
mod soak;
mod stream;
mod time;
mod truth;
mod units;
