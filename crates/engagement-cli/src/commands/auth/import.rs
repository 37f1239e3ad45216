//! `engagement auth import`: what other clients keep. Dry unless `--yes`.

use std::{collections::BTreeMap, env};

use engagement_credentials::{
    Account, Holdings,
    import::{Client, Import, ImportError},
};
use serde::Serialize;

use super::{store, text};
use crate::{
    cli::{AuthImport, ImportFrom},
    credentials::refused_store,
    exit::{Exit, Failure},
    place::Place,
    records,
    settings::{Settings, home},
    talk::Talk,
};

/// Runs it.
pub(super) fn run(options: &AuthImport, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let (from, import) = read(options)?;
    for note in &import.notes {
        talk.warn(note);
    }
    let store = store(settings)?;
    let refused = |error| refused_store(&error);
    let known = store.profiles().map_err(refused)?;
    let mut lines = Vec::new();
    for (profile, app) in into_profiles(import, settings.profile_name(), &known, store)? {
        lines.extend(of_app(&profile, &app));
        if options.yes {
            store.change(&profile, |held| merge(held, app)).map_err(refused)?;
        }
    }
    let exit = records::put(&lines, &COLUMNS, settings.output, Place::open(settings.out.as_deref())?)?;
    if options.yes {
        talk.say(&format!("taken from {from}; see `engagement auth list`"));
    } else {
        talk.say(&format!("this would be taken from {from}, and nothing is yet: add --yes to take it"));
    }
    Ok(exit)
}

fn read(options: &AuthImport) -> Result<(String, Import), Failure> {
    let client = match options.from {
        ImportFrom::Twurl => Client::Twurl,
        ImportFrom::Xurl => Client::Xurl,
        ImportFrom::GnipYaml => Client::GnipYaml,
        ImportFrom::Env => Client::Env,
    };
    let refused = |from: &str, error: ImportError| {
        let hint = match error {
            ImportError::Yaml { .. } => "mend it, or name another file",
            _ => "name another file, or another client with --from",
        };
        Failure::new(Exit::Input, "import", format!("{from}: {error}")).hint(hint)
    };
    let file =
        match (&options.file, client.usual_file()) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(usual)) => Some(home().map(|home| home.join(usual)).ok_or_else(|| {
                Failure::usage("there is no home directory to look in").hint("name the file")
            })?),
            (None, None) => None,
        };
    let Some(file) = file else {
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let from = "the environment";
        let import = Client::read_variables(variables).map_err(|error| refused(from, error))?;
        return Ok((from.to_owned(), import));
    };
    let from = file.display().to_string();
    let import = client.read(&text(&file)?).map_err(|error| refused(&from, error))?;
    Ok((from, import))
}

/// Each app needs a profile: the first one that in use, unless it keeps another app already; every other one its own.
fn into_profiles(
    import: Import,
    own: &str,
    known: &[String],
    store: &engagement_credentials::store::Store,
) -> Result<Vec<(String, Holdings)>, Failure> {
    let key = |held: &Holdings| held.consumer.as_ref().map(|consumer| consumer.key.clone());
    let mut kept = BTreeMap::new();
    for profile in known {
        if let Some((_, held)) = store.holdings(profile).map_err(|error| refused_store(&error))? {
            kept.insert(profile.clone(), key(&held));
        }
    }
    let mut placed: Vec<(String, Holdings)> = Vec::new();
    for app in import.apps {
        let app_key = key(&app);
        // Where it is already, else where there is room for it.
        let same =
            kept.iter().find(|(_, kept)| kept.is_some() && **kept == app_key).map(|(name, _)| name.clone());
        let is_free = |name: &str| !kept.contains_key(name);
        let profile = match same {
            Some(profile) => profile,
            None if is_free(own) => own.to_owned(),
            None => {
                (2..).map(|number| format!("{own}-{number}")).find(|name| is_free(name)).unwrap_or_default()
            }
        };
        kept.insert(profile.clone(), app_key);
        placed.push((profile, app));
    }
    Ok(placed)
}

fn merge(held: &mut Holdings, app: Holdings) {
    held.consumer = app.consumer.or_else(|| held.consumer.take());
    held.bearer = app.bearer.or_else(|| held.bearer.take());
    for account in app.accounts {
        held.put(account);
    }
}

#[derive(Serialize)]
struct Line {
    profile: String,
    kind: &'static str,
    handle: Option<String>,
    user_id: Option<String>,
}

fn of_app(profile: &str, app: &Holdings) -> Vec<Line> {
    let line = |kind, account: Option<&Account>| Line {
        profile: profile.to_owned(),
        kind,
        handle: account.and_then(|account| account.handle.clone()),
        user_id: account.and_then(Account::user_id).map(|user_id| user_id.to_string()),
    };
    let mut lines = Vec::new();
    lines.extend(app.consumer.iter().map(|_| line("app", None)));
    lines.extend(app.bearer.iter().map(|_| line("bearer", None)));
    lines.extend(app.accounts.iter().map(|account| line("account", Some(account))));
    lines
}

const COLUMNS: [&str; 4] = ["profile", "kind", "handle", "user_id"];
