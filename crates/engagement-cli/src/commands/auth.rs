//! `engagement auth`: credentials, from nothing to a hundred authorised handles.

mod add;
mod app;
pub(crate) mod check;
pub(crate) mod import;
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

/// What to do about what was found. `name` is the account's, if it is one's.
pub(crate) fn remedy(finding: Finding, name: &str) -> String {
    match finding {
        Finding::Good => String::new(),
        Finding::WrongConsumer => {
            "copy key and secret again from the app's page, and keep them with `engagement auth app`"
                .to_owned()
        }
        Finding::WrongBearer => {
            "keep the app's key and secret with `engagement auth app`: then the token is fetched".to_owned()
        }
        Finding::WrongToken => format!(
            "check that token and app belong together, or authorise the account with `engagement auth login {name}`"
        ),
        Finding::RevokedToken => format!("authorise it again with `engagement auth login {name}`"),
        Finding::OtherApp => format!(
            "keep it in that app's profile, or authorise this app with `engagement auth login {name}`"
        ),
        Finding::WrongTokenSecret => {
            format!("copy the secret again, or authorise the account with `engagement auth login {name}`")
        }
        Finding::ClockOff => "set this machine's clock".to_owned(),
        Finding::NotProvisioned => {
            "ask your account manager to provision the app's numeric id for the Engagement API".to_owned()
        }
        Finding::QuotaUsedUp => "check again in a minute".to_owned(),
        Finding::Network => "check network, proxy and --base-url".to_owned(),
        _ => "check --base-url and --api-url, or try again later".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_but_good_has_a_remedy() {
        for finding in Finding::ALL {
            assert_eq!(remedy(finding, "a").is_empty(), finding == Finding::Good, "{finding:?}");
        }
    }
}
