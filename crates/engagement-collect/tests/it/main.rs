//! Jobs against the emulator, with a store on disk.

#![expect(clippy::unwrap_used, reason = "a test stops where its preparation fails")]

mod again;
mod resume;
mod stage;
mod trouble;
mod whole;
