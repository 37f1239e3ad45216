//! Twitter's media upload: a multipart body takes no part in the signature, whatever fields it has.
//!
//! ```sh
//! cargo run -p oauth-core --features nonce --example media_upload
//! ```
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod server;

use std::error::Error;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    // The smallest GIF: one transparent pixel.
    let picture =
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xF9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    let mut body = Vec::from(b"--boundary\r\nContent-Disposition: form-data; name=\"media\"\r\n\r\n");
    body.extend_from_slice(picture);
    body.extend_from_slice(b"\r\n--boundary--\r\n");
    server::sign_print_and_check(
        "POST",
        "https://upload.twitter.com/1.1/media/upload.json?media_category=tweet_image",
        Some("multipart/form-data; boundary=boundary"),
        &body,
    )
}
