//! Twitter API v1.1: a Tweet is posted as a form, and a form's pairs are signed together with the query's.
//!
//! ```sh
//! cargo run -p oauth-core --features nonce --example v1_form_post
//! ```
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod server;

use std::error::Error;

use oauth_core::three_legged::form;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let body =
        form(&[("status", "Hello Ladies + Gentlemen, a signed OAuth request! ☃"), ("trim_user", "true")]);
    server::sign_print_and_check(
        "POST",
        "https://api.twitter.com/1.1/statuses/update.json?include_entities=true",
        Some("application/x-www-form-urlencoded"),
        body.as_bytes(),
    )
}
