//! Whose tokens they are that come without a handle, as that of the environment does.

use engagement_credentials::{Errand, Found, check};

use crate::{exit::Failure, settings::Settings, talk::Talk, wire::Wire};

/// Asks the server for them, where somebody is named whose token is not among the others. It costs no quota.
pub(super) async fn learn(
    found: &mut Found,
    names: impl IntoIterator<Item = &str>,
    settings: &Settings,
    talk: &Talk,
) -> Result<(), Failure> {
    let held = &found.holdings;
    let is_needed = names.into_iter().any(|name| held.account(name).is_none());
    if !is_needed || held.accounts.iter().all(|account| account.handle.is_some()) {
        return Ok(());
    }
    let wire = Wire::new(settings, held, talk)?;
    for at in 0..found.holdings.accounts.len() {
        let Some(account) = found.holdings.accounts.get(at).filter(|account| account.handle.is_none()) else {
            continue;
        };
        let Some(credentials) = found.holdings.credentials(account) else { continue };
        let why = match wire.send(&Errand::verify(settings.api_url(), credentials)).await {
            Ok(reply) => match check::account(&reply, account) {
                Ok(identity) => {
                    let name = account.name();
                    talk.detail(&format!("the token of {name} is @{}'s", identity.handle));
                    if let Some(account) = found.holdings.accounts.get_mut(at) {
                        account.handle = Some(identity.handle);
                    }
                    continue;
                }
                Err(trouble) => trouble.to_string(),
            },
            Err(failure) => failure.to_string(),
        };
        let name = account.name();
        talk.warn(&format!("the handle of {name} cannot be learnt: {why}; name the account as {name}"));
    }
    Ok(())
}
