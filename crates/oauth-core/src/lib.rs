//! OAuth 1.0a (RFC 5849) signing and verification, and Twitter's app-only messages, as values: no I/O, no clock.
//!
//! * Sign one request: [`sign`]. Many: [`PreparedCredentials`]. The same again and again: [`Signer`]; with other
//!   parameters each time: [`Template`].
//! * Check one that came: [`verify`]; find out why its signature is wrong: [`explain`].
//! * Read and write the header: [`Authorization`].
//! * Get tokens: [`three_legged`] for users, [`app_only`] for the app alone.
//!
//! # Who encodes what
//!
//! The URL and the body are given as they travel: encoded once, by the caller ([`wire_url`] and [`percent::encode`]
//! help). This crate decodes query and form, where `+` is a blank, and encodes them as RFC 5849 §3.6 wants it; the path
//! is signed as it is. Everything else (keys, tokens, nonce, callback, secrets) is given as plain text. What can be
//! understood in two ways is refused.
//!
//! ```
//! use oauth_core::{Credentials, PreparedCredentials, Request, Stamp, Timestamp};
//!
//! let prepared = PreparedCredentials::new(&Credentials::consumer("key", "secret").with_token("token", "secret"));
//! let request = Request::new("GET", "https://api.twitter.com/1.1/search/tweets.json?q=snow%20%E2%98%83");
//! let stamp = Stamp { timestamp: Timestamp::new(1_700_000_000)?, nonce: "never used before" };
//! let header = prepared.authorization(&request, stamp)?;
//! assert!(header.starts_with("OAuth "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
#[cfg(any(test, doctest))]
extern crate std;

mod absorber;
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
mod template;
pub mod three_legged;
mod timestamp;
mod url;
mod verifier;

pub use authorization::{Authorization, InvalidAuthorization};
pub use base_string::InvalidForm;
pub use credentials::Credentials;
pub use difference::{Difference, Part, explain_difference};
pub use explanation::{Elsewhere, Explanation, MAX_EXPLAINED_BYTES, MAX_EXPLAINED_PARAMETERS, explain};
pub use message::Message;
#[cfg(feature = "nonce")]
pub use nonce::{NoEntropy, Nonce, NonceCounter, NonceSource};
pub use nonce_memory::NonceMemory;
pub use request::{BodyHash, Request, Version, is_form};
pub use secret::Secret;
pub use signature::{Signature, SigningKey};
pub use signer::{Place, PreparedCredentials, SignError, Signed, Signer, Stamp, sign};
pub use template::Template;
pub use three_legged::form;
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use url::{InvalidUrl, wire_url};
pub use verifier::{
    NonceRecord, Policy, Reason, Received, Refusal, Registry, Remembered, Strays, Verified, verify,
};
