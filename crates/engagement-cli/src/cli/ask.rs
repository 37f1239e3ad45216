//! What asks, and for which ids.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::parse::{Concurrency, Moment, Rate};

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
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<Concurrency>,
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
