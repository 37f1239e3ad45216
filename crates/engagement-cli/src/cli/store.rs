//! What fills a store, and what reads one.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use engagement_store::job::Progress;

use super::{
    Format,
    ask::{By, FailOn, IdSources, Pace, Selection},
};
use crate::parse::{Deadline, Moment, Month, RankBy};

/// `engagement collect`.
#[derive(Args, Debug)]
pub(crate) struct Collect {
    /// Where to ask; `auto` takes lifetime totals without a range, and the cheaper of the others with one
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) endpoint: EndpointChoice,
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
pub(crate) enum EndpointChoice {
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
