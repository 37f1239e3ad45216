//! Tweets of several accounts, each asked for with its owner's token, those of strangers app-only. Runs against the
//! emulator: `cargo run -p engagement --example several_accounts`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{collections::BTreeMap, sync::Arc};

use engagement::{Account, App, Client, Owners, model::State};
use engagement_emulator::{Class, Emulator};
use futures_util::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::builder().start().await?;
    let mut builder = Client::builder()
        .base_url(emulator.url())
        .app(App::consumer("demo-consumer-key", "demo-consumer-secret"));
    let mut owners = Vec::new();
    let mut tweet_ids = emulator.tweets(Class::Unowned, None, 2);
    for account in emulator.world().accounts() {
        let handle: Arc<str> = account.screen_name.as_str().into();
        let token = Account::new(account.access_token.clone(), account.access_token_secret.clone());
        builder = builder.account(token.handle(&*handle));
        for tweet_id in emulator.tweets(Class::Owned, Some(&handle), 2) {
            owners.push((tweet_id, handle.clone()));
            tweet_ids.push(tweet_id);
        }
    }

    // Tweets that are in no list of owners go app-only here, since there are several accounts to choose from.
    let query = builder.build()?.totals(tweet_ids).owners(owners.into_iter().collect::<Owners>());
    let mut outcomes = query.send()?;
    let mut cells: BTreeMap<(String, State), u32> = BTreeMap::new();
    while let Some(batch) = outcomes.next().await {
        let owner = batch.owner.as_deref().unwrap_or("app-only").to_owned();
        for row in &batch.rows {
            *cells.entry((owner.clone(), row.outcome.state())).or_default() += 1;
        }
    }
    for ((owner, state), count) in cells {
        println!("{owner}: {count} {state}");
    }
    Ok(())
}
