//! The client against the emulator, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test stops where its preparation fails")]

mod figures;
mod truth;
