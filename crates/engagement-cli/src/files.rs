//! The files that a command line names. What is written takes the place of what was there, so it must be none of the
//! files that the same command reads, keeps or writes otherwise.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::{Ask, AskCommand, AuthCommand, Cli, Collect, Command, IdSources, JobsCommand},
    commands::{auth::import::client_file, doctor},
    exit::Failure,
    settings,
};

/// Refuses a command whose output would take the place of one of its own files, or that names a place to write which
/// is none. Reads nothing but the config files, and changes nothing.
pub(crate) fn check(cli: &Cli) -> Result<(), Failure> {
    let files = Files::of(cli);
    for target in &files.written {
        if let Some(scheme) = scheme(&target.path).filter(|scheme| !files.takes(target.name, scheme)) {
            let message =
                format!("{} {}: nothing can be written to {scheme}://", target.name, target.path.display());
            return Err(Failure::usage(message).hint(
                "name a file of this machine, or s3://BUCKET/PREFIX with `engagement export --format parquet --out`",
            ));
        }
    }
    for (at, target) in files.written.iter().enumerate() {
        let Some(place) = Whereabouts::of(&target.path) else { continue };
        let mut others = files.read.iter().chain(files.written.iter().skip(at + 1));
        if let Some(other) = others.find(|other| Whereabouts::of(&other.path).as_ref() == Some(&place)) {
            let message = format!(
                "{} {} would take the place of {} {}",
                target.name,
                target.path.display(),
                other.name,
                other.path.display()
            );
            return Err(Failure::usage(message).hint(format!("name another file with {}", target.name)));
        }
    }
    Ok(())
}

/// The file that a name leads to, through links, those included that lead nowhere yet.
pub(crate) fn linked(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().map(|folder| folder.join(&target)).unwrap_or(target);
    }
    path
}

/// Which file it is, whatever it is called; `None` for pipes and devices, which nothing takes the place of.
#[derive(Debug, PartialEq, Eq)]
enum Whereabouts {
    /// One that is there: device and number.
    #[cfg(unix)]
    There(u64, u64),
    /// One that is not there yet, by the true name of its folder.
    Named(PathBuf),
}

impl Whereabouts {
    fn of(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() && !found.is_dir() => None,
            #[cfg(unix)]
            Ok(found) => {
                use std::os::unix::fs::MetadataExt as _;
                Some(Self::There(found.dev(), found.ino()))
            }
            #[cfg(not(unix))]
            Ok(_) => path.canonicalize().ok().map(Self::Named),
            Err(_) => {
                let path = linked(path);
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
                Some(Self::Named(folder.join(path.file_name()?)))
            }
        }
    }
}

/// A file, and the option or other source that names it.
struct Named {
    name: &'static str,
    path: PathBuf,
}

#[derive(Default)]
struct Files {
    read: Vec<Named>,
    written: Vec<Named>,
    /// Whether `--out` is where a data set goes.
    exports: bool,
}

impl Files {
    fn of(cli: &Cli) -> Self {
        let mut files = Self::default();
        files.writes("--out", cli.global.out.as_deref());
        files.reads("--config", cli.global.config.as_deref());
        files.reads("--ca-file", cli.global.ca_file.as_deref());
        match &cli.command {
            Command::Ask(
                AskCommand::Totals(ask)
                | AskCommand::Last28Hours { ask, .. }
                | AskCommand::Historical { ask, .. },
            ) => files.ask(ask),
            Command::Collect(collect) => files.collect(collect),
            Command::Jobs(jobs) => match &jobs.command {
                JobsCommand::List { place }
                | JobsCommand::Show { place, .. }
                | JobsCommand::Retry { place, .. }
                | JobsCommand::Delete { place, .. } => files.reads_store(&place.store),
            },
            Command::Top(top) => files.reads_store(&top.place.store),
            Command::Usage(usage) => files.reads_store(&usage.place.store),
            Command::Export(export) => {
                files.exports = true;
                files.reads_store(&export.store);
            }
            Command::Ids(ids) => files.lists("the list", &ids.files),
            Command::Auth(auth) => match &auth.command {
                AuthCommand::App(app) => files.reads("--file", app.file.as_deref()),
                AuthCommand::Add(add) => files.reads("--file", add.file.as_deref()),
                AuthCommand::Import(import) => {
                    files.reads("the client's file", client_file(import).as_deref());
                }
                AuthCommand::Login(_)
                | AuthCommand::List
                | AuthCommand::Check(_)
                | AuthCommand::Remove(_) => {}
            },
            Command::Request(request) => {
                let file = request.data.as_deref().and_then(|data| data.strip_prefix('@'));
                files.reads("--data", file.map(Path::new));
            }
            Command::Emulator(emulator) => {
                files.writes("--ready-file", emulator.ready_file.as_deref());
                files.writes("--write-ca", emulator.write_ca.as_deref());
                files.reads("--world", emulator.world.as_deref());
                files.reads("--faults", emulator.faults.as_deref());
            }
            Command::Doctor(doctor) => {
                files.reads_store(doctor.store.as_deref().unwrap_or(Path::new(doctor::STORE)));
            }
            Command::Demo(_) | Command::Completions { .. } | Command::Man { .. } => {}
        }
        if !files.written.is_empty() {
            let own = settings::files(&cli.global);
            files.read.extend(own.into_iter().map(|(name, path)| Named { name, path }));
            let secrets =
                SECRETS.iter().filter_map(|name| Some(Named { name, path: env::var_os(name)?.into() }));
            files.read.extend(secrets);
        }
        files
    }

    fn ask(&mut self, ask: &Ask) {
        self.writes("--summary", ask.summary.as_deref());
        self.reads("--owners", ask.selection.owners.as_deref());
        self.ids(&ask.ids);
    }

    fn collect(&mut self, collect: &Collect) {
        self.writes("--summary", collect.summary.as_deref());
        self.reads("--owners", collect.selection.owners.as_deref());
        self.ids(&collect.ids);
        if let Some(store) = &collect.store {
            self.writes("--store", Some(store));
            self.beside(store);
        }
    }

    fn ids(&mut self, ids: &IdSources) {
        self.lists("--ids", &ids.ids);
    }

    fn lists(&mut self, name: &'static str, lists: &[PathBuf]) {
        for list in lists {
            self.reads(name, Some(list));
        }
    }

    fn reads_store(&mut self, store: &Path) {
        self.reads("--store", Some(store));
        self.beside(store);
    }

    /// What lies beside a store and belongs to it.
    fn beside(&mut self, store: &Path) {
        for suffix in BESIDE_A_STORE {
            let mut path = linked(store).into_os_string();
            path.push(suffix);
            self.reads("a file of --store", Some(Path::new(&path)));
        }
    }

    fn reads(&mut self, name: &'static str, path: Option<&Path>) {
        // On systems without that name nothing is there.
        let path = path.map(|path| if path == Path::new("-") { Path::new("/dev/stdin") } else { path });
        self.read.extend(path.map(|path| Named { name, path: path.to_owned() }));
    }

    fn writes(&mut self, name: &'static str, path: Option<&Path>) {
        self.written.extend(path.map(|path| Named { name, path: path.to_owned() }));
    }

    /// Whether an option takes URLs of this scheme; what else it then has to be is the command's to say.
    fn takes(&self, name: &str, scheme: &str) -> bool {
        self.exports && name == "--out" && scheme == "s3"
    }
}

/// The scheme, if this is a URL.
fn scheme(path: &Path) -> Option<&str> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_part))
        .then_some(scheme)
}

/// What SQLite and the one who writes have beside a store.
const BESIDE_A_STORE: [&str; 4] = ["-wal", "-shm", "-journal", "-lock"];
/// Variables that name files with secrets.
const SECRETS: [&str; 5] = [
    "ENGAGEMENT_CONSUMER_KEY_FILE",
    "ENGAGEMENT_CONSUMER_SECRET_FILE",
    "ENGAGEMENT_ACCESS_TOKEN_FILE",
    "ENGAGEMENT_ACCESS_TOKEN_SECRET_FILE",
    "ENGAGEMENT_BEARER_TOKEN_FILE",
];
/// As many as the system follows.
const MOST_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_urls_from_paths() {
        for (path, wanted) in [
            ("gs://b/x", Some("gs")),
            ("s3://b", Some("s3")),
            ("abfs+x.y-z://b", Some("abfs+x.y-z")),
            ("./a://b", None),
            ("://b", None),
            ("1a://b", None),
            ("a:/b", None),
            ("rows.csv", None),
        ] {
            assert_eq!(scheme(Path::new(path)), wanted, "{path}");
        }
    }
}
