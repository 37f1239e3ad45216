//! The command line, as clap reads it. Every option has an environment twin, made here and nowhere else.

mod ask;
mod auth;
mod environment;
mod other;
mod refusal;
mod store;

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    error::ErrorKind, parser::ValueSource,
};

pub(crate) use self::{
    ask::{Ask, AskCommand, BadIds, By, FailOn, IdSources, Ids, Pace, Range, Reading, Selection},
    auth::{Auth, AuthAdd, AuthApp, AuthCheck, AuthCommand, AuthImport, AuthLogin, AuthRemove, ImportFrom},
    other::{Demo, Doctor, Emulator, Request},
    refusal::{refusal, wants_json},
    store::{Collect, EndpointChoice, Export, JobState, Jobs, JobsCommand, StorePlace, Table, Top, Usage},
};
use crate::parse::Duration;

/// Lifetime totals, the last 28 hours and hourly history of Tweets, from the Enterprise Engagement API.
#[derive(Debug, Parser)]
#[command(name = "engagement", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the arguments, and for what they leave out the environment.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        let mut definition = Self::definition().color(refusal::color(&args));
        let matches = definition.try_get_matches_from_mut(args)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let is_from_environment = |name: &&str| matches.value_source(name) == Some(ValueSource::EnvVariable);
        cli.global.from_environment =
            matches.ids().map(clap::Id::as_str).filter(is_from_environment).map(str::to_owned).collect();
        // Whoever names the default says no more than whoever names nobody.
        if let Some(name) = cli.command.ask_as_mut() {
            name.take_if(|name| name == AUTO);
        }
        if let (Some(selection), Some((_, matches))) = (cli.command.selection_mut(), matches.subcommand())
            && selection.app
            && selection.ask_as.is_some()
        {
            // An option wins over the environment; two of one origin contradict each other.
            match (matches.value_source("app"), matches.value_source("ask_as")) {
                (Some(ValueSource::EnvVariable), Some(ValueSource::CommandLine)) => selection.app = false,
                (Some(ValueSource::CommandLine), Some(ValueSource::EnvVariable)) => selection.ask_as = None,
                _ => {
                    let both =
                        "--as asks with one account's token and --app with none: leave out one of them";
                    return Err(definition.error(ErrorKind::ArgumentConflict, both));
                }
            }
        }
        if let Some(contradiction) = cli.contradiction(&matches) {
            return Err(definition.error(ErrorKind::ArgumentConflict, contradiction));
        }
        Ok(cli)
    }

    /// Options that were typed and would do nothing. Those of the environment are for other commands, too.
    fn contradiction(&self, matches: &ArgMatches) -> Option<&'static str> {
        let typed = |matches: &ArgMatches, name| matches.value_source(name) == Some(ValueSource::CommandLine);
        match (&self.command, matches.subcommand()) {
            (Command::Collect(collect), _) if !collect.dry_run => {
                let has_rows =
                    |format| matches!(format, Format::Csv | Format::Tsv | Format::Parquet | Format::Raw);
                if typed(matches, "out") {
                    return Some(
                        "--out is of no use to collect, which writes into its store alone: leave it out, and take rows \
                         out of the store with `engagement export --out`",
                    );
                }
                (typed(matches, "output") && self.global.output.is_some_and(has_rows)).then_some(
                    "-o is of no use to collect, which prints no rows: leave it out, and take rows out of the store with \
                     `engagement export --format`",
                )
            }
            (
                Command::Ask(AskCommand::Last28Hours { ask, .. } | AskCommand::Historical { ask, .. }),
                Some((_, matches)),
            ) if !ask.group_by.is_empty() && typed(matches, "by") => Some(
                "--by is of no use beside --group-by, which says itself how fine the numbers are: leave out one of them",
            ),
            _ => None,
        }
    }

    /// The whole command line, environment twins included.
    pub(crate) fn definition() -> clap::Command {
        environment::with_twins(Self::command())
    }
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Ask(AskCommand),
    /// Collect a list of any length into a store; resumes where it was
    Collect(Box<Collect>),
    /// What is in a store: jobs, and their batches
    Jobs(Jobs),
    /// The Tweets in a store that did best
    Top(Top),
    /// Handles and requests that the contract counts, from a store's ledger
    Usage(Usage),
    /// Take what is known out of a store, for other tools
    Export(Export),
    /// Read, check and clean a list of Tweet ids; sends nothing
    Ids(Ids),
    /// Credentials: keep an app, authorise accounts, see who may ask
    Auth(Auth),
    /// Sign and send any request, or show it
    Request(Request),
    /// Run the local Engagement API
    Emulator(Box<Emulator>),
    /// Find out what is wrong: settings, network, clock, credentials
    Doctor(Doctor),
    /// The tour: everything against the emulator, without credentials
    Demo(Demo),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Where to write them.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

impl Command {
    /// What is asked, by the commands that ask.
    fn selection_mut(&mut self) -> Option<&mut Selection> {
        match self {
            Self::Ask(
                AskCommand::Totals(ask)
                | AskCommand::Last28Hours { ask, .. }
                | AskCommand::Historical { ask, .. },
            ) => Some(&mut ask.selection),
            Self::Collect(collect) => Some(&mut collect.selection),
            _ => None,
        }
    }

    /// Who is to ask, by the commands that ask.
    fn ask_as_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Request(request) => Some(&mut request.ask_as),
            command => command.selection_mut().map(|selection| &mut selection.ask_as),
        }
    }
}

/// Options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Take settings from this profile of the config file; `emulator` is built in and needs no file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Read this config file and no other
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the API is [default: https://data-api.twitter.com]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Where the OAuth endpoints are [default: https://api.twitter.com, or the base URL if that is another host]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Form of the output [default: table on a terminal, else ndjson]
    #[arg(long, short, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Write the output to this file instead of standard output
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print errors only
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Say more of what happens; twice for each request, three times for all that the layers below note
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to colour messages
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// When to show progress
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) progress: When,
    /// Form of messages on standard error
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Limit of one attempt, from connecting to the last byte [default: 30s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) timeout: Option<Duration>,
    /// A PEM file with one more certificate authority to trust
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The names of those that come from the environment.
    #[arg(skip)]
    pub(crate) from_environment: Vec<String>,
}

/// When to do something that suits people and not programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Form of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Sentences.
    Text,
    /// One JSON object a line.
    Json,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated, with a header
    Csv,
    /// Tab-separated, with a header
    Tsv,
    /// One JSON array
    Json,
    /// A Parquet file, with --out
    Parquet,
    /// The API's own shape, merged over all requests
    Raw,
}

/// `--as` without a name.
const AUTO: &str = "auto";

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 bug · 2 usage · 3 incomplete · 4 authentication · 5 quota · 6 network or server · 7 input \
refused · 8 storage · 130/143 stopped by a signal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::definition().debug_assert();
    }

    #[test]
    fn every_shared_option_has_a_twin() {
        let definition = Cli::definition();
        for (option, twin) in [("profile", "ENGAGEMENT_PROFILE"), ("base_url", "ENGAGEMENT_BASE_URL")] {
            let arg = definition.get_arguments().find(|arg| arg.get_id() == option).unwrap();
            assert_eq!(arg.get_env().unwrap(), twin);
        }
    }

    /// Options and positional arguments alike, and what their help says of them.
    #[test]
    fn no_option_takes_a_secret() {
        fn walk(command: &clap::Command, found: &mut Vec<String>) {
            for arg in command.get_arguments() {
                let words = [
                    arg.get_id().as_str().to_lowercase(),
                    arg.get_long().unwrap_or_default().to_lowercase(),
                    arg.get_value_names()
                        .unwrap_or_default()
                        .iter()
                        .map(|name| name.to_lowercase())
                        .collect(),
                ];
                let secret =
                    ["secret", "token", "password", "bearer", "key", "pin", "verifier", "credential"];
                if arg.get_action().takes_values()
                    && words.iter().any(|words| secret.iter().any(|word| words.contains(word)))
                {
                    found.push(format!("{} {}", command.get_name(), arg.get_id()));
                }
            }
            command.get_subcommands().for_each(|command| walk(command, found));
        }
        let mut found = Vec::new();
        walk(&Cli::definition(), &mut found);
        assert!(found.is_empty(), "{found:?}");
        // The walk finds what it is there to find.
        let bad = clap::Command::new("bad")
            .subcommand(clap::Command::new("auth").arg(clap::Arg::new("access-token")));
        walk(&bad, &mut found);
        assert_eq!(found, ["auth access-token"]);
    }
}
