//! `engagement auth remove`: keep it no longer, and with `--revoke` let the server accept it no longer.

use engagement_credentials::{
    Account, Errand, Holdings,
    check::{self, Revoked},
};
use oauth_core::app_only::BearerToken;

use super::{exit_of, keep, remedy, store};
use crate::{
    cli::AuthRemove,
    credentials::refused_store,
    exit::{Exit, Failure},
    settings::Settings,
    talk::Talk,
    wire::Wire,
};

/// Runs it. What cannot be revoked is kept, so that it can be tried again.
pub(super) async fn run(options: &AuthRemove, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    if options.handles.is_empty() && !options.all {
        return Err(
            Failure::usage("nobody is named").hint("name handles, or remove the whole profile with --all")
        );
    }
    let profile = settings.profile_name();
    let held = store(settings)?.holdings(profile).map_err(|error| refused_store(&error))?;
    let held = held.map(|(_, held)| held).unwrap_or_default();
    let mut accounts = Vec::new();
    for name in &options.handles {
        accounts.push(held.account(name).ok_or_else(|| unknown(profile, name, &held))?.clone());
    }
    if options.all {
        accounts.clone_from(&held.accounts);
    }
    let mut happened = Vec::new();
    let mut unknown_to_server = Vec::new();
    let mut has_bearer = options.all && held.bearer.is_some();
    if options.revoke {
        let wire = Wire::new(settings, &held, talk)?;
        // First, since an account's token may be needed for it.
        if has_bearer && let Err(failure) = revoke_bearer(&wire, settings, &held).await {
            talk.failure(&failure.about("the bearer token"));
            happened.push(failure.exit);
            has_bearer = false;
        }
        let mut left = Vec::new();
        for account in accounts {
            match revoke(&wire, settings, &held, &account).await {
                Ok(revoked) => {
                    if revoked == Revoked::Unknown {
                        unknown_to_server.push(account.token.clone());
                    }
                    left.push(account);
                }
                Err(failure) => {
                    talk.failure(&failure.about(&account.name()));
                    happened.push(failure.exit);
                }
            }
        }
        accounts = left;
    }
    let all = options.all && happened.is_empty();
    let mut gone: Vec<String> = accounts
        .iter()
        .map(|account| {
            let what = match options.revoke {
                false => "which the server still accepts until it is revoked there",
                true if unknown_to_server.contains(&account.token) => "which the server did not know",
                true => "which is revoked",
            };
            format!("the token of {}, {what}", account.name())
        })
        .collect();
    if all && held.bearer.is_some() {
        let what = if options.revoke && held.consumer.is_some() {
            "which is revoked"
        } else {
            "which the server still accepts until it is revoked there"
        };
        gone.push(format!("the bearer token, {what}"));
    }
    if all && held.consumer.is_some() {
        gone.push("the app".to_owned());
    }
    keep(settings, |held| {
        held.accounts.retain(|kept| !accounts.iter().any(|account| account.token == kept.token));
        if has_bearer {
            held.bearer = None;
        }
        if all {
            *held = Holdings::default();
        }
    })?;
    if gone.is_empty() {
        talk.say(&format!("the profile {profile} keeps what it kept"));
    } else {
        talk.say(&format!("no longer kept in the profile {profile}: {}", gone.join("; ")));
    }
    Ok(Exit::of_all(&happened, false))
}

async fn revoke(
    wire: &Wire,
    settings: &Settings,
    held: &Holdings,
    account: &Account,
) -> Result<Revoked, Failure> {
    let credentials = held.credentials(account).ok_or_else(|| {
        Failure::new(
            Exit::Authentication,
            "no_app",
            "a token is revoked with the app's key and secret, and there is none",
        )
        .hint("keep the app with `engagement auth app`, or remove the token without --revoke")
    })?;
    let reply = wire.send(&Errand::revoke(settings.api_url(), credentials)).await?;
    check::revoked(&reply).map_err(|trouble| not_revoked(&trouble, &account.name()))
}

/// In both forms that are documented (contract §6.4): the one that is signed with the token of the app's owner, who may be
/// any of the accounts, and if that is not taken the one that needs none.
async fn revoke_bearer(wire: &Wire, settings: &Settings, held: &Holdings) -> Result<(), Failure> {
    let bearer = held.bearer.clone().and_then(|bearer| BearerToken::new(bearer).ok());
    let (Some(consumer), Some(bearer)) = (&held.consumer, bearer) else { return Ok(()) };
    if let Some(credentials) = held.accounts.first().and_then(|account| held.credentials(account)) {
        let errand = Errand::invalidate_bearer_as_owner(settings.api_url(), credentials, &bearer);
        if wire.send(&errand).await.is_ok_and(|reply| reply.status == 200) {
            return Ok(());
        }
    }
    let reply = wire.send(&Errand::invalidate_bearer(settings.api_url(), consumer, &bearer)).await?;
    // It may be another one by now: then this one is good no longer.
    check::revoked_bearer(&reply).map_err(|trouble| not_revoked(&trouble, ""))
}

fn not_revoked(trouble: &check::Trouble, name: &str) -> Failure {
    let finding = trouble.finding;
    Failure::new(exit_of(finding), finding.word(), format!("not revoked, and so kept: {trouble}"))
        .hint(remedy(finding, name))
}

fn unknown(profile: &str, name: &str, held: &Holdings) -> Failure {
    let names: Vec<_> = held.accounts.iter().map(Account::name).collect();
    let known = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    Failure::new(
        Exit::Authentication,
        "unknown_account",
        format!("the profile {profile} keeps no token of {name:?}; it has those of {known}"),
    )
    .hint("check the handle, or name another profile with --profile")
}
