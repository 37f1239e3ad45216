//! Who may ask: credentials from wherever they are. No option takes a secret.

use std::{convert::Infallible, env, sync::mpsc, time::Duration};

use engagement::{Account, App, describe};
use engagement_credentials::{
    Found, Holdings, Origin, Sources, SourcesError,
    command::Stop,
    environment::{Environment, EnvironmentError},
    store::{Done, StoreError},
};
use oauth_core::Secret;

use crate::{
    exit::{Exit, Failure},
    settings::Settings,
    signal,
    talk::Talk,
};

/// Asks the environment, the profile's command and the store, in this order. A signal ends it, and the command.
pub(crate) async fn find(settings: &Settings, talk: &Talk) -> Result<Found, Failure> {
    let sources = Sources {
        environment: environment(talk)?,
        command: settings.credential_command.clone(),
        store: settings.store.clone(),
        profile: settings.profile_name().to_owned(),
    };
    let stop = Stop::default();
    let (running, ended) = mpsc::channel();
    let asking = Asking { stop: stop.clone(), ended };
    let finding = tokio::task::spawn_blocking(move || {
        let found = sources.find(&stop);
        drop(running);
        found
    });
    let found = tokio::select! {
        biased;
        exit = signal::stopped() => return Err(Failure::new(exit, "stopped", "stopped by a signal")),
        found = finding => found.map_err(|error| Failure::new(Exit::Bug, "credentials", error))?,
    };
    drop(asking);
    let found = found.map_err(|error| refused(&error))?;
    for warning in &found.warnings {
        talk.warn(warning);
    }
    if let Some(error) = &found.left_out {
        let (message, remedy) = left_out(error);
        talk.warn(&format!("{message}; {remedy}"));
    }
    match found.holdings.accounts.first() {
        Some(account) if found.holdings.consumer.is_none() => Err(Failure::new(
            Exit::Authentication,
            "credentials",
            format!("there is an access token of {} and no consumer key to use it with", account.name()),
        )
        .hint(
            "set ENGAGEMENT_CONSUMER_KEY and ENGAGEMENT_CONSUMER_SECRET, or keep them with `engagement auth app`",
        )),
        _ => Ok(found),
    }
}

/// The sources as they are asked on a thread of their own: the command that they run is not left behind.
struct Asking {
    stop: Stop,
    ended: mpsc::Receiver<Infallible>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.stop.stop();
        // Ends as soon as the thread has, which is at once.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// What the environment says.
pub(crate) fn environment(talk: &Talk) -> Result<Environment, Failure> {
    let environment =
        Environment::read(|name| env::var_os(name)).map_err(|error| refused_environment(&error))?;
    for warning in &environment.warnings {
        talk.warn(warning);
    }
    Ok(environment)
}

/// Refuses to go on without any.
pub(crate) fn require(found: Found) -> Result<Found, Failure> {
    if found.holdings.is_empty() { Err(none()) } else { Ok(found) }
}

/// There is nothing to ask with.
pub(crate) fn none() -> Failure {
    Failure::new(Exit::Authentication, "no_credentials", "there are no credentials").hint(
        "keep an app with `engagement auth app` and authorise accounts with `engagement auth login`, or set \
         ENGAGEMENT_CONSUMER_KEY and ENGAGEMENT_CONSUMER_SECRET (and for owned Tweets ENGAGEMENT_ACCESS_TOKEN and \
         ENGAGEMENT_ACCESS_TOKEN_SECRET), or ENGAGEMENT_BEARER_TOKEN; to try without any, add --profile emulator",
    )
}

/// What keeps a new bearer token beside the app's key, if that is where the app comes from.
pub(crate) fn bearer_keeper(
    settings: &Settings,
    found: &Found,
    talk: &Talk,
) -> Option<impl Fn(&Secret) + Send + Sync + 'static> {
    let is_kept = matches!(found.consumer, Some(Origin::File(_) | Origin::Keyring));
    let store = settings.store.clone().filter(|_| is_kept)?;
    let profile = settings.profile_name().to_owned();
    let consumer = found.holdings.consumer.clone()?;
    let talk = talk.clone();
    Some(move |token: &Secret| {
        let keep = |held: &mut Holdings| {
            if held.consumer.as_ref() == Some(&consumer) {
                held.bearer = Some(token.clone());
            }
        };
        match store.change(&profile, keep) {
            Ok(()) => talk.detail("a new bearer token is kept"),
            Err(error) => talk.warn(&format!("the new bearer token is not kept: {}", refused_store(&error))),
        }
    })
}

/// The app, for the client.
pub(crate) fn app(holdings: &Holdings) -> Option<App> {
    match (&holdings.consumer, &holdings.bearer) {
        (Some(consumer), None) => Some(App::consumer(consumer.key.expose(), consumer.secret.clone())),
        (Some(consumer), Some(bearer)) => {
            Some(App::consumer(consumer.key.expose(), consumer.secret.clone()).with_bearer(bearer.clone()))
        }
        (None, Some(bearer)) => Some(App::bearer(bearer.clone())),
        (None, None) => None,
    }
}

/// The accounts, for the client. Those of further sources than the first ask where they are named: a token that is put
/// into the environment is meant, whatever is kept besides.
pub(crate) fn accounts(found: &Found) -> impl Iterator<Item = Account> {
    let first = found.accounts.first();
    found.holdings.accounts.iter().zip(&found.accounts).map(move |(account, origin)| {
        let known = Account::new(account.token.clone(), account.secret.clone());
        let known = match &account.handle {
            Some(handle) => known.handle(handle.clone()),
            None => known,
        };
        if Some(origin) == first { known } else { known.only_named() }
    })
}

fn refused(error: &SourcesError) -> Failure {
    match error {
        SourcesError::Environment(error) => refused_environment(error),
        SourcesError::Store(error) => refused_store(error),
        error => Failure::new(Exit::Authentication, "credential_command", describe(error))
            .hint("run the command by hand: it must print NAME=VALUE lines or a JSON object with consumer_key and so on"),
    }
}

fn refused_environment(error: &EnvironmentError) -> Failure {
    match error {
        EnvironmentError::Twice { .. } => Failure::usage(error).hint("unset one of them"),
        EnvironmentError::Half { .. } => {
            Failure::new(Exit::Authentication, "credentials", error).hint("set both")
        }
        error => Failure::new(Exit::Authentication, "credentials", describe(error)),
    }
}

/// The store gives or takes nothing.
pub(crate) fn refused_store(error: &StoreError) -> Failure {
    let (exit, code) = match error {
        StoreError::Io { done: Done::Written | Done::Locked, .. } => (Exit::Storage, "credentials_file"),
        _ => (Exit::Authentication, "credentials_file"),
    };
    let failure = Failure::new(exit, code, describe(error));
    match error {
        StoreError::Exposed { path, .. } => failure.hint(format!(
            "run `chmod 600 {}`; if somebody may have read it, reset its secrets",
            quoted(path)
        )),
        StoreError::Link { path } => failure.hint(format!(
            "put the file itself there, or name another config file with --config: {} is kept beside it",
            path.display()
        )),
        StoreError::Owner { path } => {
            failure.hint(format!("run `chown $(id -u) {}` if it is yours", quoted(path)))
        }
        StoreError::NoFile { .. } | StoreError::Broken { .. } => {
            failure.hint("mend it, or move it away and log in again")
        }
        StoreError::Keyring { .. } => failure.hint(
            "unlock the keyring; or take the profile out of the file and log in again, and the file will keep it",
        ),
        _ => failure.hint("check the folder and its permissions"),
    }
}

/// That what is kept is left out, and what to do about it.
pub(crate) fn left_out(error: &StoreError) -> (String, String) {
    let failure = refused_store(error);
    let (message, hint) = failure.parts();
    (
        format!("the accounts that are kept are left out: {message}"),
        hint.unwrap_or("mend the store").to_owned(),
    )
}

/// A path that can be pasted into a shell.
fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if text.bytes().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// For a command to be ended.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted() {
        let shown = |path: &str| quoted(std::path::Path::new(path));
        assert_eq!(shown("/home/a/.config/b_c-1.toml"), "/home/a/.config/b_c-1.toml");
        assert_eq!(shown("/home/it's me"), "'/home/it'\\''s me'");
    }
}
