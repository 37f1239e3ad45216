//! Each example makes a request that the verifier accepts, or ends in an error.
#![allow(clippy::print_stdout, reason = "the examples are programs for the terminal")]

#[path = "../../examples/ads_query.rs"]
mod ads_query;
#[path = "../../examples/media_upload.rs"]
mod media_upload;
#[path = "../../examples/v1_form_post.rs"]
mod v1_form_post;
#[path = "../../examples/v2_json_post.rs"]
mod v2_json_post;

#[test]
fn examples_are_accepted() {
    v1_form_post::main().unwrap();
    v2_json_post::main().unwrap();
    media_upload::main().unwrap();
    ads_query::main().unwrap();
}
