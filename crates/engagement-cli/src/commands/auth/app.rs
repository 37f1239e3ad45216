//! `engagement auth app`: the app's consumer key and secret.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use engagement_credentials::{Consumer, Finding, Holdings, entry::Bare};
use oauth_core::Secret;

use super::{entry, keep, text};
use crate::{
    cli::AuthApp,
    credentials,
    exit::{Exit, Failure},
    prompt,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(super) async fn run(options: &AuthApp, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let given = given(options.file.as_deref(), talk).await?;
    let what = if given.consumer.is_some() { "the app" } else { "the app's bearer token" };
    let accounts = match given.accounts.len() {
        0 => String::new(),
        count => format!(" with {count} of its accounts"),
    };
    let (taken, place) = keep(settings, |held| take(held, given))?;
    taken?;
    talk.say(&format!("{what} is kept in {place}{accounts}"));
    Ok(Exit::Done)
}

/// The new app instead of the old one, unless there are accounts that only the old one can use. A key that the server did
/// not know has no accounts: they wait for the right one. Who names no key means the app that there is.
fn take(held: &mut Holdings, given: Holdings) -> Result<(), Failure> {
    if let (Some(kept), Some(new)) = (&held.consumer, &given.consumer)
        && kept.key != new.key
    {
        let was_wrong = held.checked.is_some_and(|checked| checked.found == Finding::WrongConsumer);
        if !held.accounts.is_empty() && !was_wrong {
            return Err(Failure::new(
                Exit::Input,
                "another_app",
                format!(
                    "the profile keeps another app, and tokens of {} accounts that this one has no use for: nothing \
                     is changed",
                    held.accounts.len()
                ),
            )
            .hint(
                "check the key; keep another app in a profile of its own with --profile NAME, or remove this one first \
                 with `engagement auth remove --all`",
            ));
        }
        held.bearer = None;
    }
    if given.consumer.is_some() && given.consumer != held.consumer {
        held.consumer = given.consumer;
        held.checked = None;
    }
    held.bearer = given.bearer.or_else(|| held.bearer.take());
    for account in given.accounts {
        held.put(account);
    }
    Ok(())
}

/// From a file, the environment, standard input or the keyboard. Standard input may be a pipe that nobody ever closes:
/// where the environment has key and secret, it is not waited for.
async fn given(file: Option<&Path>, talk: &Talk) -> Result<Holdings, Failure> {
    if let Some(file) = file {
        return read(&file.display().to_string(), &text(file)?, talk);
    }
    let is_piped = !io::stdin().is_terminal();
    let Holdings { consumer, bearer, accounts, .. } = credentials::environment(talk)?.holdings;
    if consumer.is_some() {
        let instead = if is_piped { "; `--file -` takes standard input instead" } else { "" };
        talk.say(&format!("the app is taken from the environment{instead}"));
        if !accounts.is_empty() {
            talk.say("the environment's access token is not kept: `engagement auth add` keeps tokens");
        }
        return Ok(Holdings { consumer, bearer, ..Holdings::default() });
    }
    if is_piped {
        let piped = text(Path::new("-"))?;
        if piped.trim().is_empty() && bearer.is_some() {
            talk.say("the app's bearer token is taken from the environment");
            return Ok(Holdings { bearer, ..Holdings::default() });
        }
        return read("standard input", &piped, talk);
    }
    if !prompt::is_possible() {
        return Err(Failure::usage("there is nowhere to ask for the consumer key").hint(WANTED));
    }
    let key = prompt::secret("Consumer key (hidden): ").await?;
    let secret = prompt::secret("Consumer secret (hidden): ").await?;
    let consumer = Consumer { key: Secret::from(key.as_str()), secret: Secret::from(secret.as_str()) };
    Ok(Holdings { consumer: Some(consumer), ..Holdings::default() })
}

fn read(from: &str, text: &str, talk: &Talk) -> Result<Holdings, Failure> {
    let holdings = entry(from, text, Bare::App, WANTED, talk)?;
    if holdings.consumer.is_none() && holdings.bearer.is_none() {
        return Err(Failure::new(Exit::Input, "credentials_input", format!("{from}: there is no app in it"))
            .hint(format!("give {WANTED}")));
    }
    Ok(holdings)
}

const WANTED: &str = "the consumer key and the consumer secret, a line each, or NAME=VALUE lines, or JSON";
