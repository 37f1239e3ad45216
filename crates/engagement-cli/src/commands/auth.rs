//! `engagement auth`: credentials, from nothing to a hundred authorised handles.

mod add;
mod app;
pub(crate) mod check;
mod import;
mod list;
mod login;
mod remove;

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use engagement_credentials::{
    Finding, Holdings,
    entry::{self, Bare},
    store::Store,
};
use zeroize::Zeroizing;

use crate::{
    cli::{Auth, AuthCommand},
    credentials::refused_store,
    exit::{Exit, Failure},
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(crate) async fn run(auth: &Auth, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    if settings.is_emulator() {
        return Err(Failure::usage("the profile emulator has credentials of its own, built in").hint(
            "leave it out; to keep credentials for an emulator, start one and name its URL with --base-url",
        ));
    }
    match &auth.command {
        AuthCommand::App(options) => app::run(options, settings, talk).await,
        AuthCommand::Add(options) => add::run(options, settings, talk).await,
        AuthCommand::Login(options) => login::run(options, settings, talk).await,
        AuthCommand::Import(options) => import::run(options, settings, talk),
        AuthCommand::List => list::run(settings, talk).await,
        AuthCommand::Check(options) => check::run(options, settings, talk).await,
        AuthCommand::Remove(options) => remove::run(options, settings, talk).await,
    }
}

/// The exit code for what was found.
pub(crate) fn exit_of(finding: Finding) -> Exit {
    match finding {
        Finding::Good => Exit::Done,
        Finding::QuotaUsedUp => Exit::Quota,
        Finding::Network | Finding::Server => Exit::Network,
        _ => Exit::Authentication,
    }
}

/// The store, which every one of these commands needs.
fn store(settings: &Settings) -> Result<&Store, Failure> {
    settings.store.as_ref().ok_or_else(|| {
        Failure::new(Exit::Storage, "no_home", "there is no place to keep credentials: HOME is not set")
            .hint("set HOME or XDG_CONFIG_HOME, or name a config file with --config")
    })
}

/// Changes what the profile holds, and says where it is kept.
fn keep<T>(settings: &Settings, change: impl FnOnce(&mut Holdings) -> T) -> Result<(T, String), Failure> {
    let store = store(settings)?;
    let result = store.change(settings.profile_name(), change).map_err(|error| refused_store(&error))?;
    let kept = store.holdings(settings.profile_name()).map_err(|error| refused_store(&error))?;
    Ok((result, kept.map_or_else(String::new, |(origin, _)| origin.to_string())))
}

/// The text of a file, or of standard input if it is `-`.
fn text(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |name: &str, error: &io::Error| {
        Failure::new(Exit::Input, "credentials_input", format!("{name} cannot be read: {error}"))
            .hint("check the path and its permissions, or name another file")
    };
    if file == Path::new("-") {
        return stdin().map_err(|error| unreadable("standard input", &error));
    }
    fs::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|error| unreadable(&file.display().to_string(), &error))
}

fn stdin() -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// What was typed or given, from a file or standard input.
fn entry(from: &str, text: &str, bare: Bare, wanted: &str, talk: &Talk) -> Result<Holdings, Failure> {
    let entry = entry::read(text, bare).map_err(|error| {
        Failure::new(Exit::Input, "credentials_input", format!("{from}: {error}"))
            .hint(format!("give {wanted}"))
    })?;
    for warning in &entry.warnings {
        talk.warn(&format!("{from}: {warning}"));
    }
    Ok(entry.holdings)
}

/// More than anybody's credentials.
const LONGEST: u64 = 1 << 20;
