//! OAuth 1.0a (RFC 5849) signing and verification, and Twitter's app-only messages, as values: no I/O, no clock.
#![no_std]

extern crate alloc;
#[cfg(any(test, doctest))]
extern crate std;

pub mod app_only;
mod authorization;
mod base_string;
mod credentials;
mod difference;
mod explanation;
mod json;
mod message;
#[cfg(feature = "nonce")]
mod nonce;
mod nonce_memory;
mod normal_form;
pub mod percent;
mod request;
mod secret;
mod signature;
mod signer;
pub mod three_legged;
mod timestamp;
mod url;
mod verifier;

pub use authorization::{Authorization, InvalidAuthorization};
pub use base_string::InvalidForm;
pub use credentials::Credentials;
pub use difference::{Difference, Part, explain_difference};
pub use explanation::{Explanation, explain};
pub use message::Message;
#[cfg(feature = "nonce")]
pub use nonce::{NoEntropy, Nonce, NonceCounter, NonceSource};
pub use nonce_memory::NonceMemory;
pub use request::{BodyHash, Request, Version, is_form};
pub use secret::Secret;
pub use signature::{Signature, SigningKey};
pub use signer::{PreparedCredentials, SignError, Signed, Signer, Stamp, sign};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use url::{InvalidUrl, wire_url};
pub use verifier::{
    NonceRecord, Policy, Reason, Received, Refusal, Registry, Remembered, Strays, Verified, verify,
};
