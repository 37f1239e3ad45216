//! Public totals of anybody's Tweets, with the app's own credential. Runs against the emulator:
//! `cargo run -p engagement --example app_only_totals`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use engagement::{App, Client};
use engagement_emulator::{Class, Emulator};
use futures_util::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::builder().start().await?;
    // For the real API leave out the base URL, and give your own key and secret, or App::bearer(token).
    let client = Client::builder()
        .base_url(emulator.url())
        .app(App::consumer("demo-consumer-key", "demo-consumer-secret"))
        .build()?;

    // 1,000 ids are four requests: the client fills each.
    let tweet_ids = emulator.tweets(Class::Unowned, None, 1_000);
    let mut outcomes = client.totals(tweet_ids).send()?;
    let mut likes = 0;
    while let Some(batch) = outcomes.next().await {
        for row in batch.rows.iter().filter(|row| row.metric.name() == "favorites") {
            likes += row.outcome.value().unwrap_or(0);
        }
    }
    println!("{likes} likes, {} requests", outcomes.effort().requests);
    Ok(())
}
