//! The store as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers are tests, too")]

mod crash;
mod damage;
mod facts;
mod fixture;
mod holders;
mod jobs;
mod top;
mod usage;
