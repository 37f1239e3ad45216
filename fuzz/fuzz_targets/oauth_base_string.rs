#![no_main]

#[path = "../bodies/oauth_base_string.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
