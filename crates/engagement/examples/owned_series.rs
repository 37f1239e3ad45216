//! Sixty days of an account's own Tweets, day by day, with the account's token. Runs against the emulator:
//! `cargo run -p engagement --example owned_series`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use engagement::{
    Account, App, Client, Metrics, Resolution,
    model::{Metric, UtcHour, Window},
};
use engagement_emulator::{Class, Emulator};
use futures_util::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::builder().start().await?;
    let client = Client::builder()
        .base_url(emulator.url())
        .app(App::consumer("demo-consumer-key", "demo-consumer-secret"))
        .account(Account::new("1111-demo-access-token", "demo-token-secret").handle("demo_brand"))
        .build()?;

    let midnight = UtcHour::containing(client.now()).midnight();
    let range = Window::new(midnight.plus(-60 * 24), midnight)?;
    let mut outcomes = client
        .historical(emulator.tweets(Class::Owned, Some("demo_brand"), 3), range)
        .metrics(Metrics::Named(vec![Metric::Impressions]))
        .resolution(Resolution::Day)
        .send()?;
    while let Some(batch) = outcomes.next().await {
        for row in &batch.rows {
            match (row.bucket, row.outcome.value()) {
                (Some(day), Some(impressions)) => println!("{} {} {impressions}", row.tweet_id, day.start()),
                // Zero is a count. What has none says why.
                _ => println!("{} {}: {:?}", row.tweet_id, row.outcome.state(), row.outcome.reason()),
            }
        }
    }
    Ok(())
}
