//! Twitter's Ads API: all parameters are in the query, which is signed as it is sent, blanks and commas included.
//!
//! ```sh
//! cargo run -p oauth-core --features nonce --example ads_query
//! ```
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod server;

use std::error::Error;

use oauth_core::wire_url;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    // As a person would type it. What may not travel bare is encoded first, and then exactly that is signed.
    let url = wire_url(
        "https://ads-api.twitter.com/12/stats/accounts/18ce54d4x5t?entity=CAMPAIGN&entity_ids=8wku2,8wku3\
         &start_time=2026-05-19T07:00:00Z&end_time=2026-05-26T07:00:00Z&granularity=TOTAL&placement=ALL_ON_TWITTER\
         &metric_groups=ENGAGEMENT,BILLING&note=naïve test",
    );
    server::sign_print_and_check("GET", &url, None, b"")
}
