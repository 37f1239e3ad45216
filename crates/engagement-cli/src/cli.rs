//! The command line, as clap reads it. Every option has an environment twin, made here and nowhere else.

use std::{env, ffi::OsString, path::PathBuf};

use clap::{
    ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::FalseyValueParser, error::ErrorKind, parser::ValueSource,
};

use engagement_store::job::Progress;

use crate::{
    exit::Failure,
    parse::{Deadline, Duration, Moment, Month, RankBy, Rate},
    settings::NewProfile,
};

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
        let mut definition = Self::definition().color(color(&args));
        let matches = definition.try_get_matches_from_mut(args)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let is_from_environment = |name: &&str| matches.value_source(name) == Some(ValueSource::EnvVariable);
        cli.global.from_environment =
            matches.ids().map(clap::Id::as_str).filter(is_from_environment).map(str::to_owned).collect();
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
        // Whoever names the default says no more than whoever names nobody.
        if let Some(name) = cli.command.ask_as_mut() {
            name.take_if(|name| name == AUTO);
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
        with_environment(Self::command())
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

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum AskCommand {
    /// Lifetime totals, at the moment of asking
    Totals(Ask),
    /// The last 28 hours
    #[command(name = "28hr")]
    Last28Hours {
        #[command(flatten)]
        ask: Ask,
        #[command(flatten)]
        resolution: Resolution,
    },
    /// Any range of time, split into windows that the API answers
    Historical {
        #[command(flatten)]
        ask: Ask,
        #[command(flatten)]
        resolution: Resolution,
        #[command(flatten)]
        range: Range,
    },
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

/// What to ask, and how.
#[derive(Args, Debug)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub(crate) ids: IdSources,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// A grouping of your own, as NAME=tweet.id,engagement.type; only with -o raw
    #[arg(long, value_name = "NAME=DIMENSIONS")]
    pub(crate) group_by: Vec<String>,
    /// One row a Tweet, with a column for each metric
    #[arg(long)]
    pub(crate) wide: bool,
    /// Write the closing summary to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Print the plan and send nothing; needs no credentials
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Exit with 3 when a Tweet ends in one of these states
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub(crate) fail_on: Vec<FailOn>,
}

/// Which metrics, and with which credentials.
#[derive(Args, Debug)]
pub(crate) struct Selection {
    /// Metrics by name, or `public`, `private`, `all` [default: all that endpoint and credential allow]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Send metric names that this version does not know as they are
    #[arg(long)]
    pub(crate) allow_unknown_metrics: bool,
    /// Ask with the token of this account, and no other credential [default: auto, each Tweet with its owner's token where
    /// that is known]
    #[arg(long = "as", value_name = "HANDLE")]
    pub(crate) ask_as: Option<String>,
    /// Ask app-only, and with no other credential
    #[arg(long)]
    pub(crate) app: bool,
    /// Who owns which Tweet: a table with the columns tweet_id and handle
    #[arg(long, value_name = "FILE")]
    pub(crate) owners: Option<PathBuf>,
    /// Ask too what the API's age rules exclude
    #[arg(long)]
    pub(crate) ask_anyway: bool,
}

/// How fast, and how far.
#[derive(Args, Debug)]
pub(crate) struct Pace {
    /// Stop after this many requests, retries included
    #[arg(long, value_name = "N")]
    pub(crate) max_requests: Option<u64>,
    /// Requests in flight at once [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) concurrency: Option<u16>,
    /// The contract's allowance, such as 60/min [default: learnt from the server]
    #[arg(long, value_name = "N/min")]
    pub(crate) quota: Option<Rate>,
}

/// States of a Tweet that are answers, and that a stricter caller may count as failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Deleted, protected or not public.
    Unavailable,
    /// Too old for the metric.
    Unsupported,
}

/// How fine the numbers are.
#[derive(Args, Debug)]
pub(crate) struct Resolution {
    /// Size of the buckets
    #[arg(long, value_name = "SIZE", default_value = "hour")]
    pub(crate) by: By,
}

/// Size of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Hours of UTC.
    Hour,
    /// Days of UTC.
    Day,
    /// The whole time.
    Total,
}

/// From when to when.
#[derive(Args, Debug)]
pub(crate) struct Range {
    /// YYYY-MM-DD, RFC 3339, or a span back from now such as 7d or 36h; rounds down to the hour
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Moment,
    /// The same; rounds up to the hour, and is itself left out [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<Moment>,
}

/// `engagement collect`.
#[derive(Args, Debug)]
pub(crate) struct Collect {
    /// Where to ask; `auto` takes lifetime totals without a range, and the cheaper of the others with one
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) endpoint: From,
    /// The file to collect into; made if it is not there
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ids: IdSources,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Size of the buckets; hours are stored, and days and sums are views of them
    #[arg(long, value_name = "SIZE")]
    pub(crate) by: Option<By>,
    /// YYYY-MM-DD, RFC 3339, or a span back from the job's making such as 7d or 36h; rounds down to the hour
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<Moment>,
    /// The same; rounds up to the hour, and is itself left out [default: the job's making]
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<Moment>,
    /// Begin a new observation of a list that was collected before, once the last one is over
    #[arg(long)]
    pub(crate) again: bool,
    /// Begin a job of its own although an unfinished one asks the same of another version of the list; with --again,
    /// although the last observation of this one is not over
    #[arg(long)]
    pub(crate) new_job: bool,
    /// When a job is made: ask too for Tweets that an earlier one found forbidden
    #[arg(long)]
    pub(crate) retry_forbidden: bool,
    /// Stop at this time: RFC 3339, the next 06:30 in UTC, or a span from now such as 2h
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Deadline>,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Write the closing summary to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Print the plan and send nothing; needs neither credentials nor a store, and heeds what a store knows
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Exit with 3 when a Tweet ends in one of these states
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub(crate) fail_on: Vec<FailOn>,
}

/// Where a collection asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// Lifetime totals.
    Totals,
    /// The last 28 hours.
    #[value(name = "28hr")]
    Last28Hours,
    /// A range of time.
    Historical,
    /// Wherever it costs least.
    Auto,
}

/// Which store.
#[derive(Args, Debug)]
pub(crate) struct StorePlace {
    /// The file that `engagement collect` made
    #[arg(long, value_name = "FILE")]
    pub(crate) store: PathBuf,
}

/// `engagement jobs`.
#[derive(Args, Debug)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    pub(crate) command: JobsCommand,
}

/// What can be done about jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Every job, and how far it is
    List {
        #[command(flatten)]
        place: StorePlace,
    },
    /// The batches of a job
    Show {
        /// Its number
        job: i64,
        /// Only batches in these states
        #[arg(long, value_name = "STATES", value_delimiter = ',')]
        state: Vec<JobState>,
        #[command(flatten)]
        place: StorePlace,
    },
    /// Ask batches again that were set aside, or left Tweets failed or unaccounted
    Retry {
        /// The number of their job
        job: i64,
        #[command(flatten)]
        place: StorePlace,
    },
    /// Delete a job and its batches; what it found and what it cost stay
    Delete {
        /// Its number
        job: i64,
        #[command(flatten)]
        place: StorePlace,
    },
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum JobState {
    /// It waits.
    Pending,
    /// A collector has it.
    InFlight,
    /// It is answered.
    Done,
    /// It failed too often.
    SetAside,
}

impl JobState {
    /// In the words of the store.
    pub(crate) const fn progress(self) -> Progress {
        match self {
            Self::Pending => Progress::Pending,
            Self::InFlight => Progress::InFlight,
            Self::Done => Progress::Done,
            Self::SetAside => Progress::SetAside,
        }
    }
}

/// `engagement top`.
#[derive(Args, Debug)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) place: StorePlace,
    /// A metric, or `rate`: engagements by impressions, where both are known
    #[arg(long, value_name = "METRIC|rate")]
    pub(crate) by: RankBy,
    /// How many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) count: usize,
    /// So many of each owner
    #[arg(long)]
    pub(crate) per_owner: bool,
}

/// `engagement usage`.
#[derive(Args, Debug)]
pub(crate) struct Usage {
    #[command(flatten)]
    pub(crate) place: StorePlace,
    /// The billing month that begins in this calendar month, as YYYY-MM [default: the one that runs]
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<Month>,
}

/// Where the ids come from.
#[derive(Args, Debug)]
pub(crate) struct IdSources {
    /// Tweet ids or Tweet URLs
    #[arg(value_name = "IDS")]
    pub(crate) positional: Vec<String>,
    /// Read ids from this file; `-` is standard input, .gz and .zst are read as they are
    #[arg(long, value_name = "FILE")]
    pub(crate) ids: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// How a list of ids is read.
#[derive(Args, Debug)]
pub(crate) struct Reading {
    /// The column with the ids [default: the first of tweet_id, id_str, id]
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    /// What to do about items that are no Tweet id
    #[arg(long, value_name = "HOW", default_value = "refuse")]
    pub(crate) bad_ids: BadIds,
    /// Take a list although a spreadsheet seems to have rounded it
    #[arg(long)]
    pub(crate) allow_rounded_ids: bool,
}

/// What to do about items that are no Tweet id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BadIds {
    /// Send nothing.
    Refuse,
    /// Go on without them.
    Skip,
}

/// `engagement ids`.
#[derive(Args, Debug)]
pub(crate) struct Ids {
    /// Lists of Tweet ids; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// `engagement auth`.
#[derive(Args, Debug)]
pub(crate) struct Auth {
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

/// What can be done about credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Keep an app's consumer key and secret, from a file, standard input, the environment or the keyboard
    App(AuthApp),
    /// Let accounts authorise the app: opens or prints the page, and waits for the answer or a PIN
    Login(AuthLogin),
    /// Keep access tokens that you have already, from standard input, a file or the keyboard
    Add(AuthAdd),
    /// Take over what another client keeps; only shows it, unless --yes
    Import(AuthImport),
    /// Show who may ask, for which app, where that is kept and what the last check found; no secrets
    List,
    /// Ask the server how each credential stands
    Check(AuthCheck),
    /// Keep an account's token no longer
    Remove(AuthRemove),
}

impl AuthCommand {
    /// Whether it may begin a profile.
    pub(crate) const fn new_profile(&self) -> NewProfile {
        match self {
            Self::List | Self::Check(_) | Self::Remove(_) => NewProfile::Refused,
            _ => NewProfile::Taken,
        }
    }
}

/// `engagement auth app`.
#[derive(Args, Debug)]
pub(crate) struct AuthApp {
    /// Read key and secret from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `engagement auth login`.
#[derive(Args, Debug)]
pub(crate) struct AuthLogin {
    /// Who is to authorise the app, one after the other; without any, whoever is logged in
    #[arg(value_name = "HANDLE")]
    pub(crate) handles: Vec<String>,
    /// Let the page show a PIN, and read that: for a browser on another machine
    #[arg(long, conflicts_with = "callback")]
    pub(crate) pin: bool,
    /// Where the browser is to come back to, on this machine and as registered on the app's page
    /// [default: http://127.0.0.1:8723/callback, or another port if that one is taken]
    #[arg(long, value_name = "URL")]
    pub(crate) callback: Option<String>,
    /// Only print the page's address
    #[arg(long)]
    pub(crate) no_browser: bool,
}

/// `engagement auth import`.
#[derive(Args, Debug)]
pub(crate) struct AuthImport {
    /// Whose credentials
    #[arg(long, value_name = "CLIENT")]
    pub(crate) from: ImportFrom,
    /// The client's file [default: the one that it uses; for env the environment itself]
    pub(crate) file: Option<PathBuf>,
    /// Take it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Other clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFrom {
    /// ~/.twurlrc
    Twurl,
    /// ~/.xurl
    Xurl,
    /// ~/.twitter_api_creds
    GnipYaml,
    /// TWITTER_CONSUMER_KEY and so on, from the environment or a .env file
    Env,
}

/// `engagement auth check`.
#[derive(Args, Debug)]
pub(crate) struct AuthCheck {
    /// This account alone [default: all of the profile]
    #[arg(conflicts_with = "all")]
    pub(crate) handle: Option<String>,
    /// All profiles
    #[arg(long)]
    pub(crate) all: bool,
}

/// `engagement auth add`.
#[derive(Args, Debug)]
pub(crate) struct AuthAdd {
    /// Whose token it is; without it the user id in the token is the name, until a check tells the handle
    pub(crate) handle: Option<String>,
    /// Read tokens from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `engagement auth remove`.
#[derive(Args, Debug)]
pub(crate) struct AuthRemove {
    /// Handles or user ids
    #[arg(value_name = "HANDLE", conflicts_with = "all")]
    pub(crate) handles: Vec<String>,
    /// The profile's app and all its accounts
    #[arg(long)]
    pub(crate) all: bool,
    /// Have the server accept the tokens no longer, first
    #[arg(long)]
    pub(crate) revoke: bool,
}

/// `engagement export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// The store to read
    #[arg(long, value_name = "FILE")]
    pub(crate) store: PathBuf,
    /// What to take [default: totals and series in one, and with parquet all three]
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<Table>,
    /// csv, tsv, ndjson, json, or with --out DIR|s3://BUCKET/PREFIX parquet [default: that of -o, or ndjson]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<Format>,
}

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Table {
    /// Lifetime totals, one row for each observation
    Totals,
    /// Hours
    Series,
    /// The Tweets themselves
    Tweets,
}

/// `engagement request`.
#[derive(Args, Debug)]
pub(crate) struct Request {
    /// GET, POST, or any other method
    pub(crate) method: String,
    /// Any https URL, or plain http to this machine
    pub(crate) url: String,
    /// The body, or `@FILE`; sent byte for byte
    #[arg(long, short, value_name = "DATA|@FILE")]
    pub(crate) data: Option<String>,
    /// A header; repeatable
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Show the request, secrets hidden, and do not send it
    #[arg(long)]
    pub(crate) print: bool,
    /// Ask with the token of this account [default: auto, the first account's, or app-only without any]
    #[arg(long = "as", value_name = "HANDLE", conflicts_with = "app")]
    pub(crate) ask_as: Option<String>,
    /// Ask app-only
    #[arg(long)]
    pub(crate) app: bool,
}

/// `engagement emulator`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct Emulator {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Write the URL to this file once requests can be served
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Which world: everything follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Start the clock at this time; it runs on [default: now]
    #[arg(long, value_name = "TIME", value_parser = engagement_emulator::read_time)]
    pub(crate) now: Option<jiff::Timestamp>,
    /// Apps, accounts and single Tweets of your own
    #[arg(long, value_name = "FILE")]
    pub(crate) world: Option<PathBuf>,
    /// Requests a minute [default: 60]
    #[arg(long, value_name = "N/min")]
    pub(crate) quota: Option<Rate>,
    /// Refuse what the documentation does not allow and real clients send all the same
    #[arg(long)]
    pub(crate) strict: bool,
    /// Choose between readings of the documentation, as NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) switch: Vec<String>,
    /// Faults to show
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// The URL that clients sign for, if a proxy before it changes scheme or host [default: as they call it]
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub(crate) public_url: Option<String>,
    /// Serve https, with a certificate of its own making
    #[arg(long)]
    pub(crate) tls: bool,
    /// Write the certificate authority behind --tls and --proxy to this file, for clients to trust
    #[arg(long, value_name = "FILE")]
    pub(crate) write_ca: Option<PathBuf>,
    /// Be the HTTPS proxy for the API's own hosts too
    #[arg(long)]
    pub(crate) proxy: bool,
    /// Print the rules that it follows, with the evidence for each and the switch that changes it, and end
    #[arg(long)]
    pub(crate) rules: bool,
    /// Listen on an address that other machines reach
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// `engagement doctor`.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Print the findings as a JSON array
    #[arg(long)]
    pub(crate) json: bool,
    /// The store to look at [default: engagement.db, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

/// `engagement demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Keep what the tour writes in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// A URL that is nothing but scheme and host.
fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(text.to_owned()),
        _ => Err("it is written as https://HOST or https://HOST:PORT".to_owned()),
    }
}

/// Whether programs are to read the errors, as far as arguments that are not sound can say.
pub(crate) fn wants_json(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut named = false;
    let mut wanted = None;
    for arg in args {
        let arg = arg.to_string_lossy();
        if named {
            wanted = Some(arg == "json");
        } else if arg == "--" {
            break;
        } else if let Some(form) = arg.strip_prefix("--output=").or_else(|| arg.strip_prefix("-o")) {
            wanted = (!form.is_empty()).then(|| form.trim_start_matches('=') == "json");
        }
        named = arg == "-o" || arg == "--output";
    }
    wanted.unwrap_or_else(|| env::var_os("ENGAGEMENT_OUTPUT").is_some_and(|form| form == "json"))
}

/// The colour of what clap says, which it says before it has read the option.
fn color(args: &[OsString]) -> clap::ColorChoice {
    let mut named = args.iter().enumerate().filter_map(|(at, arg)| match arg.to_str()? {
        "--color" => args.get(at + 1)?.to_str(),
        arg => arg.strip_prefix("--color="),
    });
    let twin = env::var("ENGAGEMENT_COLOR").ok();
    match named.next_back().or(twin.as_deref()) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// What clap has against the arguments, without its lines on usage.
pub(crate) fn refusal(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said).split_whitespace().collect::<Vec<_>>().join(" ");
    Failure::usage(said).hint("try --help")
}

/// Gives every option of the command and of those below it its twin: `ENGAGEMENT_<OPTION>`, and for commands whose
/// options mean something else than elsewhere `ENGAGEMENT_<COMMAND>_<OPTION>`.
fn with_environment(command: clap::Command) -> clap::Command {
    twinned(command, "ENGAGEMENT_")
}

fn twinned(command: clap::Command, above: &str) -> clap::Command {
    let prefix = match command.get_name() {
        own @ ("auth" | "doctor" | "emulator" | "demo" | "man" | "request" | "top") => {
            format!("{above}{}_", own.to_ascii_uppercase())
        }
        _ => above.to_owned(),
    };
    command
        .mut_args(|arg| match arg.get_long() {
            Some(long) if !matches!(long, "help" | "version") => {
                // The store is the same to all.
                let prefix = if long == "store" { "ENGAGEMENT_" } else { prefix.as_str() };
                let twin = format!("{prefix}{}", long.replace('-', "_").to_ascii_uppercase());
                let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
                    arg.value_parser(FalseyValueParser::new())
                } else {
                    arg
                };
                // Set to nothing is not set.
                if env::var_os(&twin).is_some_and(|value| value.is_empty()) {
                    return arg;
                }
                arg.env(twin).hide_env(true)
            }
            _ => arg,
        })
        .mut_subcommands(|command| twinned(command, &prefix))
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
