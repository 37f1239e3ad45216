//! An emulator to try things on, until it is interrupted.
//!
//! ```sh
//! cargo run -p engagement-emulator --example serve
//! ```

#![expect(clippy::print_stdout, reason = "an example that talks")]

use engagement_emulator::{Class, Emulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Emulator::builder();
    #[cfg(feature = "tls")]
    let builder = {
        let tls = engagement_emulator::Tls::generate([])?;
        println!("{}", tls.ca_pem());
        builder.proxy(tls)
    };
    let emulator = builder.start().await?;
    let id = emulator.tweets(Class::Unowned, None, 1)[0];
    println!("listening on {}; try", emulator.url());
    println!(
        "curl --compressed -H 'Authorization: Bearer AAAAdemo%3Dtoken' -d \
         '{{\"tweet_ids\":[\"{id}\"],\"engagement_types\":[\"favorites\"],\"groupings\":{{\"g\":{{\"group_by\":\
         [\"tweet.id\",\"engagement.type\"]}}}}}}' -H 'Content-Type: application/json' {}",
        emulator.endpoint(engagement_model::Endpoint::Totals)
    );
    std::future::pending().await
}
