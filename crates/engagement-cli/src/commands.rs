//! One module a command.

pub(crate) mod ask;
pub(crate) mod auth;
pub(crate) mod collect;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emulator;
pub(crate) mod export;
mod forecast;
mod handles;
pub(crate) mod ids;
pub(crate) mod jobs;
mod metrics;
mod owners;
pub(crate) mod pages;
mod range;
pub(crate) mod request;
pub(crate) mod setup;
mod stored;
pub(crate) mod top;
mod trouble;
pub(crate) mod usage;
