//! Jobs against the emulator, with a store on disk.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where its preparation fails")]

mod again;
mod resume;
mod stage;
mod trouble;
mod whole;
