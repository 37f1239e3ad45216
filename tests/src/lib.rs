//! Support for the suites that cross the crates.
//!
//! A [`Stage`] is an emulator whose clock stands still, with clients that go by the same clock. A [`Haul`] is all that
//! came out of a query, and [`Asked`] knows what a haul must hold. A [`FaultProxy`] may stand between client and emulator.

mod asked;
mod haul;
mod proxy;
mod stage;

pub use self::{
    asked::Asked,
    haul::Haul,
    proxy::{End, FaultProxy, Way, Wire},
    stage::{Stage, StoppedClock, hour},
};
