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

/// From a file, standard input, the environment or the keyboard.
async fn given(file: Option<&Path>, talk: &Talk) -> Result<Holdings, Failure> {
    if let Some(file) = file {
        return read(&file.display().to_string(), &text(file)?, talk);
    }
    let typed = if io::stdin().is_terminal() { None } else { Some(text(Path::new("-"))?) };
    if let Some(typed) = typed.as_ref().filter(|typed| !typed.trim().is_empty()) {
        return read("standard input", typed, talk);
    }
    let Holdings { consumer, bearer, .. } = credentials::environment(talk)?.holdings;
    if consumer.is_some() || bearer.is_some() {
        talk.say("the app is taken from the environment");
        return Ok(Holdings { consumer, bearer, ..Holdings::default() });
    }
    if let Some(typed) = typed {
        return read("standard input", &typed, talk);
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
