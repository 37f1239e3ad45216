//! `engagement auth remove`.

use engagement_credentials::Holdings;

use super::keep;
use crate::{
    cli::AuthRemove,
    exit::{Exit, Failure},
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(super) fn run(options: &AuthRemove, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    if options.handles.is_empty() && !options.all {
        return Err(
            Failure::usage("nobody is named").hint("name handles, or remove the whole profile with --all")
        );
    }
    let profile = settings.profile_name();
    let unknown = |name: &str, held: &Holdings| {
        let names: Vec<_> = held.accounts.iter().map(engagement_credentials::Account::name).collect();
        let known = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        Failure::new(
            Exit::Authentication,
            "unknown_account",
            format!("the profile {profile} keeps no token of {name:?}; it has those of {known}"),
        )
        .hint("check the handle, or name another profile with --profile")
    };
    let (gone, _) = keep(settings, |held| {
        for name in &options.handles {
            held.account(name).ok_or_else(|| unknown(name, held))?;
        }
        let mut gone: Vec<String> = Vec::new();
        for name in &options.handles {
            gone.extend(held.take(name).map(|account| account.name()));
        }
        if options.all {
            gone = held.accounts.iter().map(engagement_credentials::Account::name).collect();
            if held.consumer.is_some() || held.bearer.is_some() {
                gone.push("the app".to_owned());
            }
            *held = Holdings::default();
        }
        Ok(gone)
    })?;
    let gone = gone?;
    if gone.is_empty() {
        talk.say(&format!("the profile {profile} keeps nothing"));
    } else {
        talk.say(&format!(
            "no longer kept in the profile {profile}: {}; the server still accepts it until it is revoked there",
            gone.join(", ")
        ));
    }
    Ok(Exit::Done)
}
