//! `engagement auth app`: the app's consumer key and secret.

use std::{io, path::Path};

use engagement_credentials::{
    Consumer, Holdings,
    entry::{self, Bare},
};
use oauth_core::Secret;

use super::{keep, refused_entry, text};
use crate::{
    cli::AuthApp,
    credentials,
    exit::{Exit, Failure},
    prompt,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(super) fn run(options: &AuthApp, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let given = given(options.file.as_deref(), talk)?;
    let (left, place) = keep(settings, |held| take(held, given))?;
    talk.say(&format!("the app is kept in {place}"));
    if left > 0 {
        talk.warn(&format!(
            "{left} accounts had authorised another app, and their tokens are of no use with this one: they are gone"
        ));
    }
    Ok(Exit::Done)
}

/// The new app instead of the old one. Returns how many accounts authorised the old one only.
fn take(held: &mut Holdings, given: Holdings) -> usize {
    let key = |holdings: &Holdings| holdings.consumer.as_ref().map(|consumer| consumer.key.clone());
    let is_another = key(held).is_some_and(|own| Some(own) != key(&given));
    let left = if is_another { held.accounts.len() } else { 0 };
    if is_another {
        *held = Holdings::default();
    }
    held.consumer = given.consumer;
    held.bearer = given.bearer.or_else(|| held.bearer.take());
    for account in given.accounts {
        held.put(account);
    }
    left
}

/// From a file, the environment, standard input or the keyboard.
fn given(file: Option<&Path>, talk: &Talk) -> Result<Holdings, Failure> {
    if let Some(file) = file {
        return read(&file.display().to_string(), &text(file)?);
    }
    let environment = credentials::environment(talk)?;
    if environment.holdings.consumer.is_some() {
        talk.say("the app is taken from the environment");
        return Ok(environment.holdings);
    }
    if !io::IsTerminal::is_terminal(&io::stdin()) {
        return read("standard input", &text(Path::new("-"))?);
    }
    if !prompt::is_possible() {
        return Err(Failure::usage("there is nowhere to ask for the consumer key").hint(WANTED));
    }
    let key = prompt::secret("Consumer key (hidden): ")?;
    let secret = prompt::secret("Consumer secret (hidden): ")?;
    let consumer = Consumer { key: Secret::from(key.as_str()), secret: Secret::from(secret.as_str()) };
    Ok(Holdings { consumer: Some(consumer), ..Holdings::default() })
}

fn read(from: &str, text: &str) -> Result<Holdings, Failure> {
    let holdings = entry::read(text, Bare::App).map_err(|error| refused_entry(from, error, WANTED))?;
    if holdings.consumer.is_none() && holdings.bearer.is_none() {
        return Err(Failure::new(Exit::Input, "credentials_input", format!("{from}: there is no app in it"))
            .hint(format!("give {WANTED}")));
    }
    Ok(holdings)
}

const WANTED: &str = "the consumer key and the consumer secret, a line each, or NAME=VALUE lines, or JSON";
