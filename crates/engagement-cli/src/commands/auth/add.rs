//! `engagement auth add`: tokens that the user has already.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use engagement_credentials::{Account, Holdings, entry::Bare};

use super::{entry, keep, text};
use crate::{
    cli::AuthAdd,
    exit::{Exit, Failure},
    prompt,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(super) async fn run(options: &AuthAdd, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let mut given = given(options.file.as_deref(), talk).await?;
    if let Some(handle) = &options.handle {
        let [account] = &mut given.accounts[..] else {
            return Err(Failure::usage(format!(
                "a handle is given, and {} accounts are",
                given.accounts.len()
            ))
            .hint("give one account, or put the handle before each token"));
        };
        *account = account.clone().with_handle(handle);
    }
    let (taken, place) = keep(settings, |held| take(held, given))?;
    let Taken { names, replaced, has_app } = taken?;
    talk.say(&format!("{} is kept in {place}", names.join(", ")));
    if replaced > 0 {
        talk.say(&format!("{replaced} of them had another token before"));
    }
    if !has_app {
        talk.warn("there is no app yet to use them with: keep one with `engagement auth app`");
    }
    Ok(Exit::Done)
}

struct Taken {
    names: Vec<String>,
    replaced: usize,
    has_app: bool,
}

fn take(held: &mut Holdings, given: Holdings) -> Result<Taken, Failure> {
    for account in &given.accounts {
        unlike(held, account)?;
    }
    if let Some(consumer) = given.consumer {
        match &held.consumer {
            Some(known) if known.key != consumer.key => {
                return Err(Failure::new(
                    Exit::Input,
                    "another_app",
                    "the tokens come with the consumer key of another app than the profile's",
                )
                .hint("keep them in a profile of their own: --profile NAME"));
            }
            _ => held.consumer = Some(consumer),
        }
    }
    held.bearer = given.bearer.or_else(|| held.bearer.take());
    let names = given.accounts.iter().map(Account::name).collect();
    let replaced = given.accounts.into_iter().map(|account| usize::from(held.put(account))).sum();
    Ok(Taken { names, replaced, has_app: held.consumer.is_some() })
}

/// Refuses a handle that is not the token's, as far as is known.
fn unlike(held: &Holdings, account: &Account) -> Result<(), Failure> {
    let Some(handle) = &account.handle else { return Ok(()) };
    let refused =
        |message: String, hint: String| Err(Failure::new(Exit::Input, "another_account", message).hint(hint));
    for known in &held.accounts {
        let has_handle = known.handle.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(handle));
        match (known.is_same_user(account), has_handle, &known.handle) {
            (true, false, Some(own)) => {
                return refused(
                    format!("the token is one of @{own}, and not of @{handle}"),
                    "leave out the handle; if the account has another one by now, `engagement auth check` learns it"
                        .to_owned(),
                );
            }
            (false, true, _) => {
                return refused(
                    format!("@{handle} is kept already, with the token of another user"),
                    format!(
                        "check whose token it is, or remove the other one with `engagement auth remove {handle}`"
                    ),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// From a file, standard input or the keyboard.
async fn given(file: Option<&Path>, talk: &Talk) -> Result<Holdings, Failure> {
    let from = match file {
        Some(file) => file,
        None if !io::stdin().is_terminal() => Path::new("-"),
        None if prompt::is_possible() => {
            let token = prompt::secret("Access token (hidden): ").await?;
            let secret = prompt::secret("Access token secret (hidden): ").await?;
            let account = Account::new(token.as_str(), secret.as_str());
            return Ok(Holdings { accounts: vec![account], ..Holdings::default() });
        }
        None => return Err(Failure::usage("there is nowhere to ask for the token").hint(WANTED)),
    };
    let name = if from == Path::new("-") { "standard input".into() } else { from.display().to_string() };
    let holdings = entry(&name, &text(from)?, Bare::Accounts, WANTED, talk)?;
    if holdings.accounts.is_empty() {
        return Err(Failure::new(
            Exit::Input,
            "credentials_input",
            format!("{name}: there is no token in it"),
        )
        .hint(format!("give {WANTED}")));
    }
    Ok(holdings)
}

const WANTED: &str = "the access token and its secret, a line each; or lines of HANDLE TOKEN SECRET, or NAME=VALUE lines, \
                      or JSON";
