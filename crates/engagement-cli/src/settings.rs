//! Settings: from options, environment, files and defaults, the first that has one.
//!
//! Options and their environment twins are read by clap, so what is left here is the files: `./engagement.toml`, then
//! `$XDG_CONFIG_HOME/engagement/config.toml`, or the one that `--config` names and no other.

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
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
    parse::{Concurrency, Duration, Rate},
};

/// What holds for a command that talks to the API.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The profile in use; `None` where nothing is named.
    pub(crate) profile: Option<String>,
    /// Whether the profile is the user's choice for this command, and not a file's for all.
    pub(crate) is_profile_named: bool,
    pub(crate) base_url: Option<String>,
    /// Where the OAuth endpoints are, as far as that is said.
    api_url: Option<String>,
    pub(crate) output: Option<Format>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) timeout: Option<time::Duration>,
    pub(crate) quota: Option<Rate>,
    pub(crate) concurrency: Option<Concurrency>,
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
        Ok(Self::explained(global, new)?.0)
    }

    /// The same, with what each value is and where it comes from.
    pub(crate) fn explained(global: &Global, new: NewProfile) -> Result<(Self, Vec<Explained>), Failure> {
        let files = Files::read(global.config.as_deref())?;
        let store = place_of_store(global.config.as_deref()).map(Store::at);
        let mut choice = Choice { global, files: &files, profile: None, explained: Vec::new() };
        let profile = choice.option("profile", global.profile.clone()).or_else(|| files.default_profile());
        choice.explain("profile", profile.as_ref().map(|(name, origin)| (name.clone(), origin)), DEFAULT);
        let profile = profile.map(|(name, _)| name);
        let is_emulator = profile.as_deref() == Some(EMULATOR);
        if let (Some(url), Some(EMULATOR)) = (&global.base_url, global.profile.as_deref()) {
            let url = without_password(url);
            return Err(Failure::usage(format!(
                "the profile emulator starts a server of its own, so the base URL {url} has no use"
            ))
            .hint("leave out --base-url, or --profile"));
        }
        if let Some(name) = profile.as_deref().filter(|name| !is_emulator && *name != DEFAULT)
            && !files.have(name)
            && new == NewProfile::Refused
            && !has_credentials(store.as_ref(), name)?
        {
            return Err(files.unknown(name));
        }
        choice.profile = profile.clone().filter(|_| !is_emulator);
        let url = |url: &String| without_password(url);
        let base_url = if is_emulator {
            let inside = ("the emulator inside this program".to_owned(), &Origin::BuiltIn);
            choice.explain("base_url", Some(inside), DATA_API);
            None
        } else {
            let option = choice.option("base_url", global.base_url.clone());
            choice.choose("base_url", option, |file| Ok(file.base_url.clone()), url, DATA_API)?
        };
        let api_url = choice.option("api_url", global.api_url.clone());
        let api_url =
            choice.choose("api_url", api_url, |file| Ok(file.api_url.clone()), url, "beside the base URL")?;
        let output = choice.option("output", global.output);
        let output = choice.choose(
            "output",
            output,
            |file| {
                let read = |name: &str| clap::ValueEnum::from_str(name, false);
                file.output.as_deref().map(|name| read_value("output", name, read)).transpose()
            },
            |output| format!("{output:?}").to_lowercase(),
            "table on a terminal, else ndjson",
        )?;
        let timeout = choice.option("timeout", global.timeout);
        let timeout = choice.choose(
            "timeout",
            timeout,
            |file| {
                file.timeout
                    .as_deref()
                    .map(|text| read_value("timeout", text, Duration::from_str))
                    .transpose()
            },
            |Duration(timeout)| format!("{timeout:?}"),
            "30s",
        )?;
        let quota = choice.choose(
            "quota",
            twin("QUOTA", Rate::from_str)?,
            |file| file.quota.as_deref().map(|text| read_value("quota", text, Rate::from_str)).transpose(),
            Rate::to_string,
            "learnt from the server",
        )?;
        let concurrency = choice.choose(
            "concurrency",
            twin("CONCURRENCY", Concurrency::from_str)?,
            |file| {
                let read = |requests: u16| {
                    read_value("concurrency", &requests.to_string(), |_| Concurrency::try_from(requests))
                };
                file.concurrency.map(read).transpose()
            },
            Concurrency::to_string,
            "8",
        )?;
        let handle_limit =
            choice.choose("handle_limit", None, |file| Ok(file.handle_limit), u32::to_string, "none")?;
        let month_start_day =
            choice.choose("month_start_day", None, |file| Ok(file.month_start_day), i8::to_string, "1")?;
        let ca_file = choice.option("ca_file", global.ca_file.clone());
        let shown = |path: &PathBuf| path.display().to_string();
        let ca_file = choice.choose("ca_file", ca_file, |file| Ok(file.ca_file.clone()), shown, "none")?;
        let credential_command = choice.choose(
            "credential_command",
            None,
            |file| Ok(file.credential_command.clone()),
            |_| "set".to_owned(),
            "none",
        )?;
        let explained = choice.explained;
        let settings = Self {
            profile,
            is_profile_named: global.profile.is_some(),
            base_url,
            api_url,
            output,
            out: global.out.clone(),
            timeout: timeout.map(|Duration(timeout)| timeout),
            quota,
            concurrency,
            handle_limit,
            month_start_day,
            extra_roots: ca_file.map(|path| read_file(&path)).transpose()?,
            credential_command,
            store,
        };
        Ok((settings, explained))
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
        match &self.api_url {
            Some(url) => url.trim_end_matches('/'),
            None => engagement::api_url(self.base_url()),
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

/// The files that are looked for.
pub(crate) fn looked_for(global: &Global) -> Result<Vec<LookedFor>, Failure> {
    let files = Files::read(global.config.as_deref())?;
    let paths = paths(global.config.as_deref()).into_iter();
    Ok(paths
        .map(|path| LookedFor { is_there: files.0.iter().any(|(read, _)| *read == path), path })
        .collect())
}

/// Where a value comes from.
#[derive(Clone, Debug)]
enum Origin {
    Option,
    Environment,
    File(PathBuf),
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("option"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn => f.write_str("built in"),
        }
    }
}

/// Chooses values, and remembers why.
struct Choice<'a> {
    global: &'a Global,
    files: &'a Files,
    /// Whose values of the files count.
    profile: Option<String>,
    explained: Vec<Explained>,
}

impl Choice<'_> {
    /// A value of the command line or of its environment twin, as clap gives it.
    fn option<T>(&self, name: &str, value: Option<T>) -> Option<(T, Origin)> {
        let is_twin = self.global.from_environment.iter().any(|known| known == name);
        value.map(|value| (value, if is_twin { Origin::Environment } else { Origin::Option }))
    }

    /// What is given, else the profile's value in the first file that has one.
    fn choose<T>(
        &mut self,
        name: &'static str,
        given: Option<(T, Origin)>,
        read: impl Fn(&Values) -> Result<Option<T>, Failure>,
        show: impl Fn(&T) -> String,
        default: &str,
    ) -> Result<Option<T>, Failure> {
        let mut chosen = given;
        if let (None, Some(profile)) = (&chosen, &self.profile) {
            for (path, file) in &self.files.0 {
                if let Some(value) = file.profiles.get(profile).map(&read).transpose()?.flatten() {
                    chosen = Some((value, Origin::File(path.clone())));
                    break;
                }
            }
        }
        self.explain(name, chosen.as_ref().map(|(value, origin)| (show(value), origin)), default);
        Ok(chosen.map(|(value, _)| value))
    }

    fn explain(&mut self, name: &'static str, chosen: Option<(String, &Origin)>, default: &str) {
        let (value, origin) = match chosen {
            Some((value, origin)) => (value, origin.to_string()),
            None => (default.to_owned(), "default".to_owned()),
        };
        self.explained.push(Explained { name, value, origin });
    }
}

/// The environment twin of an option that not every command has.
fn twin<T, E: ToString>(
    name: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<(T, Origin)>, Failure> {
    let name = format!("ENGAGEMENT_{name}");
    let Some(text) = env::var(&name).ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    match read(&text) {
        Ok(value) => Ok(Some((value, Origin::Environment))),
        Err(error) => Err(Failure::usage(format!("{name}={text:?}: {}", error.to_string()))),
    }
}

/// A URL without what stands before its host: whoever writes a password there does not want it shown.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://[hidden]{}", rest.get(at..).unwrap_or_default()),
        None => url.to_owned(),
    }
}

/// The files that settings and credentials come from, and what they are. What is wrong with them is told where they are
/// needed.
pub(crate) fn files(global: &Global) -> Vec<(&'static str, PathBuf)> {
    let config = global.config.as_deref();
    let mut files: Vec<_> =
        place_of_store(config).map(|path| ("the credentials", path)).into_iter().collect();
    // A pipe can be read once, and that is for who needs what it says.
    let can_be_read_again = paths(config).iter().all(|path| !path.exists() || path.is_file());
    let read = can_be_read_again.then(|| Files::read(config).ok()).flatten();
    for (path, file) in read.map(|files| files.0).unwrap_or_default() {
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
        let mut files = Vec::new();
        for path in paths(only) {
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let file: File = toml::from_str(&text).map_err(|error| refused(&path, &text, &error))?;
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

    fn default_profile(&self) -> Option<(String, Origin)> {
        let named = |(path, file): &(PathBuf, File)| {
            Some((file.default_profile.clone()?, Origin::File(path.clone())))
        };
        self.0.iter().find_map(named)
    }

    fn have(&self, profile: &str) -> bool {
        self.0.iter().any(|(_, file)| file.profiles.contains_key(profile))
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
            // Whatever listens on a port of this machine need not be the user's, either.
            if !is_of("twitter.com") && !is_of("x.com") {
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

/// The files to look for, the first one first.
fn paths(only: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = only {
        return vec![path.to_owned()];
    }
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

/// Why a file is none. Its values may be secrets that somebody took for settings, so nothing of them is said: neither
/// the picture of the line that the library draws, nor the value that it quotes.
fn refused(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let start = error.span().map_or(0, |span| span.start);
    let number = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let name = line.split_once('=').map(|(name, _)| name.trim()).filter(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    });
    let message = error.message();
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let what = match (unknown, message.rsplit_once(", expected ")) {
        (Some((name, _)), _) => format!("there is no setting {name}"),
        (None, Some((_, expected))) if message.starts_with("invalid ") => match name {
            Some(name) => format!("{name} is not {expected}"),
            None => format!("a value is not {expected}"),
        },
        // What is left are the words of the grammar.
        _ => match name {
            Some(name) => format!("{name}: {message}"),
            None => message.to_owned(),
        },
    };
    let failure = Failure::usage(format!("{} is no config file: line {number}: {what}", path.display()));
    match unknown {
        Some((name, _)) if SECRETS.contains(&name) => failure.hint(
            "no config file holds a secret: take it out, and keep it with `engagement auth app` or `engagement auth add`",
        ),
        _ => failure.hint("mend it, or name another one with --config"),
    }
}

/// What people take for settings.
const SECRETS: [&str; 5] =
    ["consumer_key", "consumer_secret", "access_token", "access_token_secret", "bearer_token"];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_is_not_there_is_named_with_those_that_are() {
        let file = toml::from_str("[profiles.work]\nquota = \"30/min\"").unwrap();
        let files = Files(vec![(PathBuf::from("f"), file)]);
        assert!(files.have("work") && !files.have("home"));
        let missing = files.unknown("home").to_string();
        assert!(missing.contains("\"home\"") && missing.contains("work"), "{missing}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named_with_its_place_and_without_a_value() {
        let words = |text: &str| {
            let error = toml::from_str::<File>(text).unwrap_err();
            let words = refused(Path::new("f"), text, &error).to_string();
            assert!(!words.contains("canary"), "{words}");
            words
        };
        for (text, wanted) in [
            ("[profiles.work]\nquotta = \"canary\"", "line 2: there is no setting quotta"),
            ("[profiles.work]\nconsumer_secret = \"canary\"", "`engagement auth app`"),
            (
                "[profiles.work]\nhandle_limit = \"canary, expected canary\"",
                "line 2: handle_limit is not u32",
            ),
            ("[profiles.work]\nquota = \"1/min\"\nquota = \"canary\"", "line 3: quota: duplicate key"),
            (
                "[profiles.work]\ncredential_command = \"get --token canary",
                "line 2: credential_command is not",
            ),
            ("[profiles.work]\ncredential_command = 'get canary\n", "line 2: credential_command"),
            ("[profiles.work]\ncredential_command = [\"get\", \"canary]\n", "line 2: credential_command"),
            ("[profiles.work]\ncredential_command = []\n", "credential_command is empty"),
            ("profiles = [\"canary\"]", "profiles is not"),
            ("canary", "line 1"),
            ("\"canary = 1", "line 1"),
        ] {
            let words = words(text);
            assert!(words.contains(wanted), "{text}: {words}");
        }
    }

    #[test]
    fn passwords_of_urls_are_hidden() {
        assert_eq!(without_password("https://u:p@h:1/x@y"), "https://[hidden]@h:1/x@y");
        assert_eq!(without_password("https://u:p@q@h"), "https://[hidden]@h");
        assert_eq!(without_password("http://h/?a@b"), "http://h/?a@b");
    }
}
