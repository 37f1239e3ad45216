//! A client with settings of its own below: connections that it makes itself, a patient timeout, an ear for what happens.
//! Runs against the emulator: `cargo run -p engagement --example custom_transport`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{sync::Arc, time::Duration};

use engagement::{
    App, Client,
    transport::{Event, Quota},
};
use engagement_emulator::{Class, Emulator};
use futures_util::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Arc::new(Emulator::builder().quota(600).start().await?);
    let client = Client::builder()
        .base_url(emulator.url())
        .app(App::bearer("AAAAdemo%3Dtoken"))
        .timeout(Duration::from_secs(60))
        .concurrency(4)
        .quota(Quota::per_minute(600))
        .transport(|transport| {
            let emulator = emulator.clone();
            transport.max_attempts(3).stall_timeout(Duration::from_secs(40)).connector(move |server| {
                println!("connecting to {server}");
                // Through memory, as it might be through a socket file or a tunnel.
                let connection = emulator.connect();
                async move { Ok(connection) }
            })
        })
        .on_event(|event| match event {
            Event::Sending { path, attempt, .. } => println!("-> {path}, attempt {attempt}"),
            Event::Waiting { delay, .. } => println!("waiting {delay:?} for quota"),
            _ => {}
        })
        .build()?;
    let mut outcomes = client.totals(emulator.tweets(Class::Unowned, None, 600)).send()?;
    let mut rows = 0;
    while let Some(batch) = outcomes.next().await {
        rows += batch.rows.len();
    }
    println!("{rows} rows, {:?}", outcomes.effort());
    Ok(())
}
