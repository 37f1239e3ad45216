//! Settings: from options, environment, files and defaults, the first that has one.
//!
//! Options and their environment twins are read by clap, so what is left here is the files: `./engagement.toml`, then
//! `$XDG_CONFIG_HOME/engagement/config.toml`, or the one that `--config` names and no other.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time,
};

use engagement_credentials::{command::Command, store::Store};
use serde::Deserialize;

use crate::{
    cli::{Format, Global},
    credentials,
    exit::{Exit, Failure},
    parse::{Duration, Rate},
};

/// What holds for a command that talks to the API.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The profile in use; `None` where nothing is named.
    pub(crate) profile: Option<String>,
    pub(crate) base_url: Option<String>,
    /// Where the OAuth endpoints are, as far as that is said.
    api_url: Option<String>,
    pub(crate) output: Option<Format>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) timeout: Option<time::Duration>,
    pub(crate) quota: Option<Rate>,
    pub(crate) concurrency: Option<u16>,
    /// How many handles the contract allows in a month.
    pub(crate) handle_limit: Option<u32>,
    /// The day on which the contract's months begin.
    pub(crate) month_start_day: Option<i8>,
    pub(crate) extra_roots: Option<Vec<u8>>,
    /// What prints the profile's credentials.
    pub(crate) credential_command: Option<Command>,
    /// What keeps credentials; `None` where there is no home for it.
    pub(crate) store: Option<Store>,
}

/// What becomes of a profile that no file knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewProfile {
    /// It is refused: most likely its name is mistyped.
    Refused,
    /// It begins now.
    Taken,
}

impl Settings {
    /// Puts together what holds.
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        Self::with(global, NewProfile::Refused)
    }

    /// The same, for commands that may begin a profile.
    pub(crate) fn with(global: &Global, new: NewProfile) -> Result<Self, Failure> {
        let files = Files::read(global.config.as_deref())?;
        let store = place_of_store(global.config.as_deref()).map(Store::at);
        let profile = global.profile.clone().or_else(|| files.default_profile());
        let values = match profile.as_deref() {
            None => Values::default(),
            Some(EMULATOR) => {
                if let (Some(url), Some(EMULATOR)) = (&global.base_url, global.profile.as_deref()) {
                    return Err(Failure::usage(format!(
                        "the profile emulator starts a server of its own, so the base URL {url} has no use"
                    ))
                    .hint("leave out --base-url, or --profile"));
                }
                Values::default()
            }
            Some(name) => match files.profile(name) {
                Some(values) => values,
                None if new == NewProfile::Taken || has_credentials(store.as_ref(), name)? => {
                    Values::default()
                }
                None => return Err(files.unknown(name)),
            },
        };
        let ca_file = global.ca_file.clone().or(values.ca_file);
        Ok(Self {
            base_url: global.base_url.clone().or(values.base_url),
            api_url: global.api_url.clone().or(values.api_url),
            output: match (global.output, values.output) {
                (Some(output), _) => Some(output),
                (None, Some(name)) => {
                    Some(read_value("output", &name, |name| clap::ValueEnum::from_str(name, false))?)
                }
                (None, None) => None,
            },
            out: global.out.clone(),
            timeout: match (global.timeout, values.timeout) {
                (Some(Duration(timeout)), _) => Some(timeout),
                (None, Some(text)) => Some(read_value("timeout", &text, Duration::from_str)?.0),
                (None, None) => None,
            },
            quota: values.quota.map(|text| read_value("quota", &text, Rate::from_str)).transpose()?,
            concurrency: values.concurrency,
            handle_limit: values.handle_limit,
            month_start_day: values.month_start_day,
            extra_roots: ca_file.map(|path| read_file(&path)).transpose()?,
            credential_command: values.credential_command,
            store,
            profile,
        })
    }

    /// The name under which the profile's credentials are kept.
    pub(crate) fn profile_name(&self) -> &str {
        self.profile.as_deref().unwrap_or(DEFAULT)
    }

    /// Where the Engagement API is.
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(DATA_API)
    }

    /// Where the OAuth endpoints are: as said, else beside the API, which has a host of its own only where it is the
    /// real one.
    pub(crate) fn api_url(&self) -> &str {
        match (&self.api_url, &self.base_url) {
            (Some(url), _) => url.trim_end_matches('/'),
            (None, Some(url)) if !DATA_API_HOSTS.contains(&host(url)) => url.trim_end_matches('/'),
            (None, Some(url)) if host(url).ends_with(".x.com") => "https://api.x.com",
            _ => "https://api.twitter.com",
        }
    }

    /// Whether the emulator inside this process is what to talk to.
    pub(crate) fn is_emulator(&self) -> bool {
        self.profile.as_deref() == Some(EMULATOR)
    }
}

/// One setting, and where its value comes from.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// A config file that was looked for.
#[derive(Debug)]
pub(crate) struct LookedFor {
    pub(crate) path: PathBuf,
    pub(crate) is_there: bool,
}

/// A value as text, and its origin.
type Origin = (String, String);

/// What holds, setting by setting; and the files that were looked for.
pub(crate) fn explain(global: &Global) -> Result<(Vec<Explained>, Vec<LookedFor>), Failure> {
    let files = Files::read(global.config.as_deref())?;
    let looked_for = match &global.config {
        Some(path) => vec![path.clone()],
        None => usual_paths(),
    };
    let looked_for = looked_for
        .into_iter()
        .map(|path| LookedFor { is_there: files.0.iter().any(|(read, _)| *read == path), path });
    let looked_for = looked_for.collect();
    let given = |name: &str| {
        if global.from_environment.iter().any(|known| known == name) { "environment" } else { "option" }
    };
    let default_profile = files
        .0
        .iter()
        .find_map(|(path, file)| Some((file.default_profile.clone()?, path.display().to_string())));
    let profile = match (&global.profile, default_profile) {
        (Some(name), _) => Some((name.clone(), given("profile").to_owned())),
        (None, found) => found,
    };
    let of_files = |read: &dyn Fn(&Values) -> Option<String>| {
        let (name, _) = profile.as_ref()?;
        files.0.iter().find_map(|(path, file)| {
            let value = file.profiles.get(name).and_then(read)?;
            Some((value, path.display().to_string()))
        })
    };
    let text = |path: &PathBuf| path.display().to_string();
    let option = |name: &str, value: Option<String>| value.map(|value| (value, given(name).to_owned()));
    let is_set = |set: bool| set.then(|| "set".to_owned());
    let rows: [(&'static str, Option<Origin>, &str); 10] = [
        ("profile", profile.clone(), DEFAULT),
        (
            "base_url",
            option("base_url", global.base_url.clone()).or_else(|| of_files(&|file| file.base_url.clone())),
            DATA_API,
        ),
        (
            "api_url",
            option("api_url", global.api_url.clone()).or_else(|| of_files(&|file| file.api_url.clone())),
            "beside the base URL",
        ),
        (
            "output",
            option("output", global.output.map(|output| format!("{output:?}").to_lowercase()))
                .or_else(|| of_files(&|file| file.output.clone())),
            "table on a terminal, else ndjson",
        ),
        (
            "timeout",
            option("timeout", global.timeout.map(|Duration(timeout)| format!("{timeout:?}")))
                .or_else(|| of_files(&|file| file.timeout.clone())),
            "30s",
        ),
        ("quota", of_files(&|file| file.quota.clone()), "learnt from the server"),
        ("handle_limit", of_files(&|file| file.handle_limit.as_ref().map(ToString::to_string)), "none"),
        ("month_start_day", of_files(&|file| file.month_start_day.as_ref().map(ToString::to_string)), "1"),
        (
            "ca_file",
            option("ca_file", global.ca_file.as_ref().map(text))
                .or_else(|| of_files(&|file| file.ca_file.as_ref().map(text))),
            "none",
        ),
        ("credential_command", of_files(&|file| is_set(file.credential_command.is_some())), "none"),
    ];
    let explained = rows.into_iter().map(|(name, found, default)| {
        let (value, origin) = found.unwrap_or_else(|| (default.to_owned(), "default".to_owned()));
        Explained { name, value, origin }
    });
    Ok((explained.collect(), looked_for))
}

/// The files that settings and credentials come from, and what they are. What is wrong with them is told where they are
/// needed.
pub(crate) fn files(global: &Global) -> Vec<(&'static str, PathBuf)> {
    let config = global.config.as_deref();
    let mut files: Vec<_> =
        place_of_store(config).map(|path| ("the credentials", path)).into_iter().collect();
    for (path, file) in Files::read(config).map(|files| files.0).unwrap_or_default() {
        files.push(("the config file", path));
        let trusted = file.profiles.into_values().filter_map(|values| values.ca_file);
        files.extend(trusted.map(|path| ("the ca_file", path)));
    }
    files
}

/// The config files that there are, the first one first.
struct Files(Vec<(PathBuf, File)>);

impl Files {
    fn read(only: Option<&Path>) -> Result<Self, Failure> {
        let paths = match only {
            Some(path) => vec![path.to_owned()],
            None => usual_paths(),
        };
        let mut files = Vec::new();
        for path in paths {
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let file: File = toml::from_str(&text).map_err(|error| {
                        Failure::usage(format!("{} is no config file: {}", path.display(), one_line(&error)))
                            .hint("mend it, or name another one with --config")
                    })?;
                    if only.is_none() && path == Path::new(LOCAL) {
                        file.judge_local()?;
                    }
                    files.push((path, file));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && only.is_none() => {}
                Err(error) => {
                    return Err(Failure::usage(format!("{} cannot be read: {error}", path.display()))
                        .hint("mend it, or name another one with --config"));
                }
            }
        }
        Ok(Self(files))
    }

    fn default_profile(&self) -> Option<String> {
        self.0.iter().find_map(|(_, file)| file.default_profile.clone())
    }

    /// The profile's values; where two files have it, the first one wins, value by value.
    fn profile(&self, name: &str) -> Option<Values> {
        let found = self.0.iter().filter_map(|(_, file)| file.profiles.get(name));
        found.cloned().reduce(|values, more| values.or(&more))
    }

    fn unknown(&self, name: &str) -> Failure {
        let known: Vec<_> =
            self.0.iter().flat_map(|(_, file)| file.profiles.keys()).map(String::as_str).collect();
        Failure::usage(format!("there is no profile {name:?}")).hint(if known.is_empty() {
            "no config file has any; `emulator` is built in".to_owned()
        } else {
            format!("there are {} and the built-in emulator", known.join(", "))
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default_profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Values>,
}

impl File {
    /// A file that happens to lie in the current folder may be anybody's, and have come with whatever else is there: it
    /// must run no command, choose nobody to be trusted, and send credentials to no host of its choice.
    fn judge_local(&self) -> Result<(), Failure> {
        let refused = |what: &str| {
            Err(Failure::usage(format!("{LOCAL} in this folder {what}"))
                .hint("put that into your own config file, or name this one with --config if it is yours"))
        };
        for values in self.profiles.values() {
            if values.credential_command.is_some() {
                return refused("has a credential_command, and a folder's file runs no commands");
            }
            if values.ca_file.is_some() {
                return refused(
                    "has a ca_file, and a folder's file does not say whose certificates to trust",
                );
            }
        }
        let urls = self.profiles.values().flat_map(|values| [&values.base_url, &values.api_url]).flatten();
        for url in urls {
            let name = host(url).to_ascii_lowercase();
            let is_of = |domain: &str| {
                name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            let is_loopback = engagement::transport::Url::parse(url).is_ok_and(|url| url.is_loopback());
            if !is_loopback && !is_of("twitter.com") && !is_of("x.com") {
                return refused(&format!(
                    "would send credentials to {name}, which is none of the API's hosts"
                ));
            }
        }
        Ok(())
    }
}

/// What a profile may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    base_url: Option<String>,
    api_url: Option<String>,
    output: Option<String>,
    timeout: Option<String>,
    quota: Option<String>,
    concurrency: Option<u16>,
    handle_limit: Option<u32>,
    month_start_day: Option<i8>,
    ca_file: Option<PathBuf>,
    credential_command: Option<Command>,
}

impl Values {
    fn or(self, other: &Self) -> Self {
        Self {
            base_url: self.base_url.or_else(|| other.base_url.clone()),
            api_url: self.api_url.or_else(|| other.api_url.clone()),
            output: self.output.or_else(|| other.output.clone()),
            timeout: self.timeout.or_else(|| other.timeout.clone()),
            quota: self.quota.or_else(|| other.quota.clone()),
            concurrency: self.concurrency.or(other.concurrency),
            handle_limit: self.handle_limit.or(other.handle_limit),
            month_start_day: self.month_start_day.or(other.month_start_day),
            ca_file: self.ca_file.or_else(|| other.ca_file.clone()),
            credential_command: self.credential_command.or_else(|| other.credential_command.clone()),
        }
    }
}

fn usual_paths() -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(LOCAL)];
    paths.extend(config_folder().map(|config| config.join("config.toml")));
    paths
}

/// Where the user's own config file is.
fn config_folder() -> Option<PathBuf> {
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    config.or_else(|| home().map(|home| home.join(".config"))).map(|config| config.join("engagement"))
}

/// The user's home.
pub(crate) fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Beside the config file that is named, else beside the user's own: never in a folder that happens to be the current
/// one, from where it would be published with the rest of it.
fn place_of_store(config: Option<&Path>) -> Option<PathBuf> {
    match config {
        Some(config) => Some(config.with_file_name(CREDENTIALS)),
        None => config_folder().map(|folder| folder.join(CREDENTIALS)),
    }
}

fn has_credentials(store: Option<&Store>, profile: &str) -> Result<bool, Failure> {
    let Some(store) = store else { return Ok(false) };
    let profiles = store.profiles().map_err(|error| credentials::refused_store(&error))?;
    Ok(profiles.iter().any(|known| known == profile))
}

/// The host of a URL, without its port.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn read_value<T, E: ToString>(
    name: &str,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Failure> {
    read(text).map_err(|error| {
        Failure::usage(format!("{name} = {text:?} in the config file: {}", error.to_string()))
    })
}

/// A file that the user named.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        Failure::new(Exit::Usage, "file", format!("{} cannot be read: {error}", path.display()))
            .hint("check the path and its permissions")
    })
}

/// toml shows the place in a picture of several lines; a sentence has none.
fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The config file of a folder.
const LOCAL: &str = "engagement.toml";
/// The profile that needs no file.
const EMULATOR: &str = "emulator";
/// Where credentials are kept when no profile is named.
const DEFAULT: &str = "default";
/// The file beside the config file.
const CREDENTIALS: &str = "credentials.toml";
/// Where the API is, unless another place is named.
const DATA_API: &str = "https://data-api.twitter.com";
/// The real API's hosts, on which the OAuth endpoints are not.
const DATA_API_HOSTS: [&str; 2] = ["data-api.twitter.com", "data-api.x.com"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_wins_value_by_value() {
        let file = |text: &str| (PathBuf::from("f"), toml::from_str::<File>(text).unwrap());
        let files = Files(vec![
            file("[profiles.work]\nquota = \"30/min\""),
            file("default_profile = \"work\"\n[profiles.work]\nquota = \"60/min\"\nconcurrency = 2"),
        ]);
        let work = files.profile("work").unwrap();
        assert_eq!((work.quota.as_deref(), work.concurrency), (Some("30/min"), Some(2)));
        assert_eq!(files.default_profile().as_deref(), Some("work"));
        assert!(files.profile("home").is_none());
        let missing = files.unknown("home").to_string();
        assert!(missing.contains("\"home\"") && missing.contains("work"), "{missing}");
    }

    #[test]
    fn a_typing_error_in_a_file_is_named_with_its_place() {
        let error = toml::from_str::<File>("[profiles.work]\nquotta = \"30/min\"").unwrap_err();
        let line = one_line(&error);
        assert!(line.contains("quotta") && line.contains("line 2"), "{line}");
    }
}
