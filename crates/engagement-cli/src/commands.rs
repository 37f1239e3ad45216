//! One module a command.

pub(crate) mod ask;
pub(crate) mod auth;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emulator;
pub(crate) mod ids;
pub(crate) mod pages;
pub(crate) mod request;
pub(crate) mod setup;
