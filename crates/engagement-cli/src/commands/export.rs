//! `engagement export`: what is known, out of a store, as text or as a data set.

#[cfg(feature = "parquet")]
mod dataset;
mod text;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use engagement_export::{Fact, Form, TweetLine};
use engagement_store::{Reader, fact::Kind};
use tokio::{task::JoinError, time::timeout};

use crate::{
    cli::{Export, Format, Table},
    commands::stored::{self, storage},
    exit::{Exit, Failure},
    place::Place,
    rows::form,
    settings::Settings,
    signal,
    talk::Talk,
};

/// Runs it.
pub(crate) async fn run(export: &Export, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let target = target(export.format.or(settings.output), settings.out.as_deref())?;
    // All tables as they are at one moment, whatever a collector does meanwhile.
    let reader = stored::read(&export.store)?.hold().map_err(|error| storage(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let source = Source { reader, stop: Arc::clone(&stop) };
    let chosen = export.table;
    let mut working = match target {
        Target::Text(form, out) => {
            let place = Place::open(out.as_deref())?;
            tokio::task::spawn_blocking(move || text::write(&source, chosen, form, place))
        }
        #[cfg(feature = "parquet")]
        Target::Dataset(place) => {
            tokio::task::spawn_blocking(move || dataset::write(&source, chosen, &place))
        }
    };
    let done = tokio::select! {
        done = &mut working => done,
        exit = signal::stopped() => {
            stop.store(true, Ordering::Relaxed);
            match timeout(signal::PATIENCE, working).await {
                // It came too late to stop anything.
                Ok(done @ Ok(Ok(_))) => done,
                _ => return Ok(exit),
            }
        }
    };
    match done.unwrap_or_else(|error: JoinError| Err(Trouble::Output(error.into()))) {
        Ok(report) => {
            talk.say(&report);
            Ok(Exit::Done)
        }
        // Its reader has had enough.
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(trouble) => Err(trouble.failure()),
    }
}

/// Where it goes, and as what.
enum Target {
    Text(Form, Option<PathBuf>),
    #[cfg(feature = "parquet")]
    Dataset(PathBuf),
}

fn target(format: Option<Format>, out: Option<&Path>) -> Result<Target, Failure> {
    let form = match format.unwrap_or(Format::Ndjson) {
        Format::Parquet => return dataset_target(out),
        Format::Raw => None,
        format => form(format),
    };
    let form = form.ok_or_else(|| {
        Failure::usage("a whole store has no such form")
            .hint("choose csv, tsv, ndjson, json or parquet with --format")
    })?;
    if out.is_some_and(|out| out.starts_with("s3://")) {
        let refused = Failure::usage("only a data set goes to S3");
        return Err(refused.hint("add --format parquet, or name a file"));
    }
    Ok(Target::Text(form, out.map(Path::to_owned)))
}

#[cfg(feature = "parquet")]
fn dataset_target(out: Option<&Path>) -> Result<Target, Failure> {
    let out =
        out.ok_or_else(|| Failure::usage("a data set is many files").hint("name its folder with --out DIR"))?;
    if out.starts_with("s3://") && !cfg!(feature = "s3") {
        return Err(Failure::usage("this program was built without S3")
            .hint("name a folder, or build it with --features s3"));
    }
    Ok(Target::Dataset(out.to_owned()))
}

#[cfg(not(feature = "parquet"))]
fn dataset_target(_: Option<&Path>) -> Result<Target, Failure> {
    Err(Failure::without_parquet())
}

/// A store, read until a signal comes.
struct Source {
    reader: Reader,
    stop: Arc<AtomicBool>,
}

impl Source {
    /// Whether to go on.
    fn go_on(&self) -> Result<(), Trouble> {
        if self.stop.load(Ordering::Relaxed) { Err(Trouble::Stopped) } else { Ok(()) }
    }
}

impl Table {
    /// What the store calls its facts; the Tweets are none.
    fn kind(self) -> Option<Kind> {
        match self {
            Self::Totals => Some(Kind::Totals),
            Self::Series => Some(Kind::Series),
            Self::Tweets => None,
        }
    }
}

/// A fact of the store, as it is written.
fn fact<'a>(fact: &'a engagement_store::fact::Fact<'_>) -> Fact<'a> {
    Fact { row: &fact.row, endpoint: fact.endpoint, observed_at: fact.observed_at, owner: fact.owner }
}

/// A Tweet of the store, as it is written.
fn line<'a>(tweet: &'a engagement_store::fact::Tweet<'_>) -> TweetLine<'a> {
    TweetLine {
        tweet_id: tweet.tweet_id,
        owner: tweet.owner,
        created_at: tweet.created_at,
        state: Some(tweet.state),
        reason: tweet.reason,
        checked_at: Some(tweet.checked_at),
    }
}

/// Why an export ends before its end.
#[derive(Debug)]
enum Trouble {
    /// A signal came.
    Stopped,
    /// Text that cannot be written.
    Output(io::Error),
    Store(engagement_store::Error),
    #[cfg(feature = "parquet")]
    Dataset(engagement_export::dataset::DatasetError),
}

impl From<engagement_store::Error> for Trouble {
    fn from(error: engagement_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Trouble {
    fn failure(&self) -> Failure {
        match self {
            Self::Stopped => Failure::new(Exit::Interrupted, "stopped", "stopped by a signal"),
            Self::Output(error) => Failure::output(error),
            Self::Store(error) => storage(error),
            #[cfg(feature = "parquet")]
            Self::Dataset(error) => dataset::refused(error),
        }
    }
}
