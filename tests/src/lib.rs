//! Support for the suites that cross the crates.
//!
//! A [`Stage`] is an emulator whose clock stands still, with clients that go by the same clock. A [`Haul`] is all that
//! came out of a query, and [`Asked`] knows what a haul must hold.

mod asked;
mod haul;
mod stage;

pub use self::{
    asked::Asked,
    haul::Haul,
    stage::{Stage, StoppedClock, hour},
};
