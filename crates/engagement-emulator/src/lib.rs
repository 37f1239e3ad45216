//! A faithful local emulator of the Enterprise Engagement API.
//!
//! It judges requests by its own reading of the API's contract and shares no code with the client beyond names and
//! numbers, so that whoever passes here has not only agreed with himself.

mod answer;
mod auth;
mod clock;
mod counters;
mod emulation;
mod emulator;
mod faults;
mod quota;
mod refusal;
mod reply;
mod respond;
mod route;
mod rules;
mod server;
mod switches;
#[cfg(feature = "tls")]
mod tls;
mod world;

#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsError};
pub use self::{
    clock::InvalidClock,
    counters::Counters,
    emulator::{Builder, Emulator, StartError},
    faults::{Fault, FaultTarget, Faults, InvalidFaults},
    rules::{Evidence, Rule, rules},
    switches::{ErrorBody, InvalidSwitch, NinetyDayRule, QuotaPool, Switches},
    world::{Account, App, Class, State, UnknownClass, World, WorldError},
};
