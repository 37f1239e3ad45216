//! `engagement auth list`: who may ask, and where that is kept. No secrets.

use engagement_credentials::{Account, Checked, Found, Holdings, Origin};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    credentials::{self, refused_store},
    exit::{Exit, Failure},
    place::Place,
    records,
    settings::Settings,
    talk::Talk,
};

/// Runs it: the profile in use, and without one all that are kept.
pub(super) async fn run(settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let mut lines = Vec::new();
    let own = credentials::find(settings, talk).await?;
    lines.extend(of_profile(settings.profile_name(), &own));
    if let (None, Some(store)) = (&settings.profile, &settings.store) {
        let refused = |error| refused_store(&error);
        for profile in store.profiles().map_err(refused)? {
            if profile == settings.profile_name() {
                continue;
            }
            if let Some((origin, holdings)) = store.holdings(&profile).map_err(refused)? {
                let mut found = Found::default();
                found.add(origin, holdings);
                lines.extend(of_profile(&profile, &found));
            }
        }
    }
    if lines.is_empty() {
        talk.say("there are no credentials yet: keep an app with `engagement auth app`");
    }
    records::put(&lines, &COLUMNS, settings.output, Place::open(settings.out.as_deref())?)
}

#[derive(Serialize)]
struct Line {
    profile: String,
    kind: &'static str,
    handle: Option<String>,
    user_id: Option<String>,
    /// Consumer keys are shown here and in few other places.
    consumer_key: Option<String>,
    kept_in: Option<String>,
    checked_at: Option<Timestamp>,
    found: Option<&'static str>,
}

fn of_profile(profile: &str, found: &Found) -> Vec<Line> {
    let Holdings { consumer, bearer, checked, accounts } = &found.holdings;
    let key = consumer.as_ref().map(|consumer| consumer.key.expose().to_owned());
    let line = |kind, origin: Option<&Origin>, checked: Option<Checked>| Line {
        profile: profile.to_owned(),
        kind,
        handle: None,
        user_id: None,
        consumer_key: key.clone(),
        kept_in: origin.map(ToString::to_string),
        checked_at: checked.map(|checked| checked.at),
        found: checked.map(|checked| checked.found.word()),
    };
    let mut lines = Vec::new();
    if consumer.is_some() {
        lines.push(line("app", found.consumer.as_ref(), *checked));
    }
    if bearer.is_some() {
        lines.push(line("bearer", found.bearer.as_ref(), None));
    }
    let of_account = |(account, origin): (&Account, &Origin)| Line {
        handle: account.handle.clone(),
        user_id: account.user_id().map(|user_id| user_id.to_string()),
        ..line("account", Some(origin), account.checked)
    };
    lines.extend(accounts.iter().zip(&found.accounts).map(of_account));
    lines
}

const COLUMNS: [&str; 8] =
    ["profile", "kind", "handle", "user_id", "consumer_key", "kept_in", "checked_at", "found"];
