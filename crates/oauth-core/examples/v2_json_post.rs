//! Twitter API v2: a Tweet is posted as JSON, which takes no part in the signature.
//!
//! ```sh
//! cargo run -p oauth-core --features nonce --example v2_json_post
//! ```
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod server;

use std::error::Error;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    server::sign_print_and_check(
        "POST",
        "https://api.x.com/2/tweets",
        Some("application/json"),
        "{\"text\":\"Hello & = world ☃\"}".as_bytes(),
    )
}
