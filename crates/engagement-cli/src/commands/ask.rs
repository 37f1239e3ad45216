//! `engagement totals`, `28hr` and `historical`.

mod following;

use std::time::Instant;

use engagement::{
    Outcomes, Owners, Raw, Resolution,
    model::{Endpoint, Grouping},
};
use jiff::Timestamp;

use self::following::Run;
use crate::{
    cli::{Ask, AskCommand, By, FailOn, Format, Range},
    commands::{
        emulator::Embedded,
        forecast, metrics, owners,
        range::window,
        setup::{Need, connect, refused, who},
    },
    exit::{Exit, Failure},
    id_list::{self, Chosen},
    place::Place,
    rows::Rows,
    settings::Settings,
    summary::{self, States, Summary},
    talk::Talk,
};

/// What is asked, whichever command asks.
pub(crate) struct Question {
    endpoint: Endpoint,
    ask: Ask,
    by: By,
    range: Option<Range>,
}

impl From<AskCommand> for Question {
    fn from(command: AskCommand) -> Self {
        match command {
            AskCommand::Totals(ask) => Self { endpoint: Endpoint::Totals, ask, by: By::Total, range: None },
            AskCommand::Last28Hours { ask, resolution } => {
                Self { endpoint: Endpoint::Last28Hours, ask, by: resolution.by, range: None }
            }
            AskCommand::Historical { ask, resolution, range } => {
                Self { endpoint: Endpoint::Historical, ask, by: resolution.by, range: Some(range) }
            }
        }
    }
}

/// Runs it.
pub(crate) async fn run(question: Question, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let embedded = if settings.is_emulator() { Some(Embedded::start().await?) } else { None };
    ask(question, settings, embedded.as_ref(), talk).await
}

/// Asks, the emulator if there is one, else the API.
pub(crate) async fn ask(
    question: Question,
    settings: &Settings,
    embedded: Option<&Embedded>,
    talk: &Talk,
) -> Result<Exit, Failure> {
    let Question { endpoint, ask, by, range } = question;
    let begun = Instant::now();
    let metrics = metrics::choose(&ask.selection, endpoint, talk)?;
    let format = ask_format(&ask, settings)?;
    let range = match range {
        Some(range) => {
            let (window, remarks) = window(range.start, range.end, Timestamp::now())?;
            remarks.tell(talk);
            Some(window)
        }
        None => None,
    };
    let Chosen { tweet_ids, skipped } = id_list::read(&ask.ids, talk)?;
    let owners = match &ask.selection.owners {
        Some(path) => owners::read(path, &ask.ids.reading)?.build(),
        None => Owners::default(),
    };
    let need =
        Need { pace: &ask.pace, selection: &ask.selection, owners: owners.names(), dry_run: ask.dry_run };
    let client = connect(&need, settings, embedded, talk).await?;
    let mut query = match range {
        Some(range) => client.historical(tweet_ids.iter().copied(), range),
        None if endpoint == Endpoint::Totals => client.totals(tweet_ids.iter().copied()),
        None => client.last_28_hours(tweet_ids.iter().copied()),
    };
    query = query.metrics(metrics).owners(owners).who(who(&ask.selection)).resolution(match by {
        By::Hour => Resolution::Hour,
        By::Day => Resolution::Day,
        By::Total => Resolution::Total,
    });
    if ask.selection.ask_anyway {
        query = query.ask_anyway();
    }
    query = query.groupings(groupings(&ask.group_by)?);
    if ask.dry_run {
        return forecast::print(Some(query), &ask.pace, settings);
    }
    let asking = if format == Some(Format::Raw) {
        query.send_raw().map(Asking::Raw)
    } else {
        query.send().map(Asking::Rows)
    };
    let asking = asking.map_err(|error| refused(&error))?;
    // Opened before anything is sent: no request is worth its answer where there is no place for it.
    let place_of_summary = ask.summary.as_deref().map(|path| Ok((Place::file(path)?, path))).transpose()?;
    let place = Place::open(settings.out.as_deref())?;
    let mut run = Run::new(talk, summary::Account::new(&tweet_ids));
    let effort = match asking {
        Asking::Rows(outcomes) => run.follow(outcomes, Rows::new(format, place, ask.wide)?).await,
        Asking::Raw(raw) => run.follow_raw(raw, place).await,
    };
    let seen_enough = run.seen_enough();
    let (account, mut happened) = run.end();
    let summary = account.close(effort, begun.elapsed()).skipping(skipped);
    talk.say(&summary.line());
    if let Some((place, path)) = place_of_summary
        && let Err(failure) = summary.write(place, path)
    {
        talk.failure(&failure);
        happened.push(failure.exit);
    }
    let strict = |state: &FailOn| match state {
        FailOn::Unavailable => summary.tweets.unavailable + summary.cells.unavailable > 0,
        FailOn::Unsupported => summary.tweets.unsupported + summary.cells.unsupported > 0,
    };
    let is_incomplete =
        summary.cells.is_incomplete() || summary.tweets.unaccounted > 0 || ask.fail_on.iter().any(strict);
    if is_incomplete && !seen_enough {
        if happened.is_empty() {
            let hint = match format {
                Some(Format::Raw) => {
                    "what it has no value for is in its lists and errors, and in rows without -o raw"
                }
                _ if summary.cells.forbidden > 0 => {
                    "each row says why; what is for the Tweets' owner alone takes `engagement auth login HANDLE`, and \
                     --as HANDLE or --owners FILE"
                }
                _ => "each row says why",
            };
            talk.failure(&incomplete(&summary).hint(hint));
        }
        happened.push(Exit::Incomplete);
    }
    Ok(Exit::of_all(&happened, summary.cells.ok > 0))
}

/// An answer that came, with cells in it that have no value and should.
fn incomplete(summary: &Summary) -> Failure {
    let States { unavailable, unsupported, forbidden, failed, unaccounted, .. } = summary.cells;
    let message = format!(
        "the answer is not complete; cells without a value: unavailable {unavailable}, unsupported {unsupported}, \
         forbidden {forbidden}, failed {failed}, unaccounted {unaccounted}"
    );
    Failure::new(Exit::Incomplete, "incomplete", message)
}

/// A query that is about to be sent.
enum Asking {
    Rows(Outcomes),
    Raw(Raw),
}

/// `--group-by`.
fn groupings(given: &[String]) -> Result<Vec<Grouping>, Failure> {
    let refuse = |text: &str, why: &dyn std::fmt::Display| {
        Failure::usage(format!("--group-by {text:?}: {why}"))
            .hint("write it as NAME=DIMENSION,DIMENSION, such as by_tweet=tweet.id,engagement.type")
    };
    let read = |text: &String| match text.parse::<Grouping>() {
        Ok(grouping) if grouping.name().is_empty() => Err(refuse(text, &"the name is missing")),
        Ok(grouping) => Ok(grouping),
        Err(error) => Err(refuse(text, &error)),
    };
    given.iter().map(read).collect()
}

fn ask_format(ask: &Ask, settings: &Settings) -> Result<Option<Format>, Failure> {
    if !ask.group_by.is_empty() && settings.output != Some(Format::Raw) && !ask.dry_run {
        return Err(
            Failure::usage("--group-by shows the API's own shape, which rows cannot").hint("add -o raw")
        );
    }
    if ask.wide && settings.output == Some(Format::Raw) {
        return Err(
            Failure::usage("--wide shapes rows, and -o raw prints none").hint("leave out one of them")
        );
    }
    if settings.output == Some(Format::Parquet) && !ask.dry_run {
        if ask.wide {
            return Err(Failure::usage("--wide has no Parquet form").hint("leave out one of them"));
        }
        if settings.out.is_none() {
            return Err(
                Failure::usage("a Parquet file is nothing to look at").hint("name one with --out FILE")
            );
        }
        if !cfg!(feature = "parquet") {
            return Err(Failure::without_parquet());
        }
    }
    Ok(settings.output)
}
