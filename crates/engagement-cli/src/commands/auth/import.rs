//! `engagement auth import`: what other clients keep. Dry unless `--yes`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

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
    let (from, import) = read(options, talk)?;
    for note in &import.notes {
        talk.warn(note);
    }
    let store = store(settings)?;
    let refused = |error| refused_store(&error);
    let mut kept = BTreeMap::new();
    for profile in store.profiles().map_err(refused)? {
        if let Some((_, held)) = store.holdings(&profile).map_err(refused)? {
            kept.insert(profile, held);
        }
    }
    let mut lines = Vec::new();
    for (profile, app) in into_profiles(import, settings, &kept)? {
        let held = kept.get(&profile).cloned().unwrap_or_default();
        lines.extend(of_app(&profile, &app, &held));
        if options.yes {
            store.change(&profile, |held| merge(held, app)).map_err(refused)?;
        }
    }
    let exit = records::put(&lines, &COLUMNS, settings.output, Place::open(settings.out.as_deref())?)?;
    let replaced = lines.iter().filter(|line| line.action == REPLACES).count();
    let also = if replaced > 0 { format!(", {replaced} of them in place of others") } else { String::new() };
    if options.yes {
        talk.say(&format!("taken from {from}{also}; see `engagement auth list`"));
    } else {
        talk.say(&format!("this would be taken from {from}{also}, and nothing is yet: add --yes to take it"));
    }
    Ok(exit)
}

/// The file that is read: the one that is named, or the client's usual one. `None` where there is no home to look in, or
/// no file.
pub(crate) fn client_file(options: &AuthImport) -> Option<PathBuf> {
    let usual = || home().zip(client(options).usual_file()).map(|(home, usual)| home.join(usual));
    options.file.clone().or_else(usual)
}

fn client(options: &AuthImport) -> Client {
    match options.from {
        ImportFrom::Twurl => Client::Twurl,
        ImportFrom::Xurl => Client::Xurl,
        ImportFrom::GnipYaml => Client::GnipYaml,
        ImportFrom::Env => Client::Env,
    }
}

fn read(options: &AuthImport, talk: &Talk) -> Result<(String, Import), Failure> {
    let client = client(options);
    let refused = |from: &str, error: ImportError| {
        let hint = match error {
            ImportError::Yaml { .. } => "mend it, or name another file",
            _ => "name another file, or another client with --from",
        };
        Failure::new(Exit::Input, "import", format!("{from}: {error}")).hint(hint)
    };
    let file = match client_file(options) {
        None if client.usual_file().is_some() => {
            return Err(Failure::usage("there is no home directory to look in").hint("name the file"));
        }
        file => file,
    };
    let Some(file) = file else {
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let from = "the environment";
        let import = Client::read_variables(variables).map_err(|error| refused(from, error))?;
        return Ok((from.to_owned(), import));
    };
    let from = file.display().to_string();
    warn_of_readers(&file, talk);
    let import = client.read(&text(&file)?).map_err(|error| refused(&from, error))?;
    Ok((from, import))
}

/// Others may have read it.
#[cfg(unix)]
fn warn_of_readers(file: &Path, talk: &Talk) {
    use std::os::unix::fs::MetadataExt as _;
    let mode = fs::metadata(file).map_or(0, |about| if about.is_file() { about.mode() & 0o7777 } else { 0 });
    if mode & 0o077 != 0 {
        talk.warn(&format!(
            "{} can be read by others (mode {mode:04o}): run `chmod 600` on it; if somebody may have read it, reset its \
             secrets",
            file.display()
        ));
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path, _: &Talk) {}

/// Each app needs a profile: the first one the profile that is named; else the one where it is already, or the one in
/// use if that keeps no other app; every other one its own.
fn into_profiles(
    import: Import,
    settings: &Settings,
    kept: &BTreeMap<String, Holdings>,
) -> Result<Vec<(String, Holdings)>, Failure> {
    let own = settings.profile_name();
    let mut kept = kept.clone();
    let mut placed: Vec<(String, Holdings)> = Vec::new();
    for app in import.apps {
        let is_same = |held: &Holdings| match (&app.consumer, &held.consumer) {
            (Some(new), Some(known)) => new.key == known.key,
            (None, _) => app.bearer.is_some() && app.bearer == held.bearer,
            (Some(_), None) => false,
        };
        let is_another =
            |held: &Holdings| held.consumer.is_some() && app.consumer.is_some() && !is_same(held);
        let is_named = settings.is_profile_named && placed.is_empty();
        let profile = if is_named {
            if kept.get(own).is_some_and(is_another) {
                return Err(Failure::new(
                    Exit::Input,
                    "another_app",
                    format!("the profile {own} keeps another app than the one to be taken"),
                )
                .hint("name another profile with --profile, or none"));
            }
            own.to_owned()
        } else if let Some((same, _)) = kept.iter().find(|(_, held)| is_same(held)) {
            same.clone()
        } else if !kept.contains_key(own) || (app.consumer.is_none() && app.bearer.is_none()) {
            own.to_owned()
        } else {
            let is_free = |name: &String| !kept.contains_key(name);
            (2..).map(|number| format!("{own}-{number}")).find(is_free).unwrap_or_default()
        };
        merge(kept.entry(profile.clone()).or_default(), app.clone());
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
    action: &'static str,
}

fn of_app(profile: &str, app: &Holdings, held: &Holdings) -> Vec<Line> {
    let line = |kind, account: Option<&Account>, action| Line {
        profile: profile.to_owned(),
        kind,
        handle: account.and_then(|account| account.handle.clone()),
        user_id: account.and_then(Account::user_id).map(|user_id| user_id.to_string()),
        action,
    };
    let mut lines = Vec::new();
    lines.extend(app.consumer.iter().map(|new| line("app", None, action(new, held.consumer.as_ref()))));
    lines.extend(app.bearer.iter().map(|new| line("bearer", None, action(new, held.bearer.as_ref()))));
    lines.extend(app.accounts.iter().map(|account| {
        let known = held.accounts.iter().find(|known| known.is_same_user(account));
        let tokens = |account: &Account| (account.token.clone(), account.secret.clone());
        line("account", Some(account), action(&tokens(account), known.map(tokens).as_ref()))
    }));
    lines
}

/// What becomes of what is kept.
fn action<T: PartialEq>(new: &T, known: Option<&T>) -> &'static str {
    match known {
        None => "new",
        Some(known) if known == new => "same",
        Some(_) => REPLACES,
    }
}

const COLUMNS: [&str; 5] = ["profile", "kind", "handle", "user_id", "action"];
const REPLACES: &str = "replaces";
