//! Lists of Tweet ids, from arguments and files, judged before anything is sent.

use std::{io, path::Path};

use engagement::model::TweetId;
use engagement_ids::{IdList, Options, Refused, Source, Verdict, may_wait, open};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{BadIds, IdSources, Reading},
    exit::{Exit, Failure},
    talk::Talk,
};

/// What is asked for, and what of the lists is left out.
pub(crate) struct Chosen {
    pub(crate) tweet_ids: Vec<TweetId>,
    pub(crate) skipped: Skipped,
}

/// What is no id and was left out, as [`BadIds::Skip`] has it. Nothing is written where nothing was.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Skipped {
    #[serde(rename = "skipped_count", skip_serializing_if = "is_zero")]
    pub(crate) count: u64,
    /// The first of them.
    #[serde(rename = "skipped", skip_serializing_if = "Vec::is_empty")]
    items: Vec<SkippedItem>,
}

#[derive(Debug, Serialize)]
struct SkippedItem {
    file: String,
    line: u64,
    text: String,
    reason: String,
}

impl Skipped {
    fn of(list: &IdList) -> Self {
        let item = |(source, refused): (&Source, &Refused)| SkippedItem {
            file: source.to_string(),
            line: refused.line,
            text: refused.text.clone(),
            reason: refused.reason.to_string(),
        };
        Self { count: list.counts().refused, items: list.refused().take(MOST_LISTED).map(item).collect() }
    }
}

/// Reads everything, and refuses or skips what is no id.
pub(crate) fn read(sources: &IdSources, talk: &Talk) -> Result<Chosen, Failure> {
    let list = read_all(&sources.positional, &sources.ids, &sources.reading, talk)?;
    judge(&list, &sources.reading, talk)?;
    let skipped = Skipped::of(&list);
    Ok(Chosen { tweet_ids: list.into_ids(), skipped })
}

/// Reads everything, without a judgement.
pub(crate) fn read_all<P: AsRef<Path>>(
    arguments: &[String],
    files: &[P],
    reading: &Reading,
    talk: &Talk,
) -> Result<IdList, Failure> {
    let options = Options { column: reading.column.clone(), newest: TweetId::first_at(Timestamp::now()) };
    let mut list = IdList::new();
    if !arguments.is_empty() {
        list.read_arguments(arguments, &options);
    }
    let mut stdin_taken = false;
    for path in files {
        let path = path.as_ref();
        let refuse = |error: &dyn std::fmt::Display| Failure::new(Exit::Input, "ids", error);
        if path == Path::new("-") {
            if stdin_taken {
                return Err(Failure::usage("standard input is named twice").hint("name each source once"));
            }
            stdin_taken = true;
            if io::IsTerminal::is_terminal(&io::stdin()) {
                talk.say("reading Tweet ids from the terminal, one a line; end with Ctrl-D");
            }
            list.read(&Source::stdin(), io::stdin().lock(), &options)
        } else {
            if may_wait(path) {
                talk.say(&format!("waiting for {}", path.display()));
            }
            let file = open(path).map_err(|error| refuse(&error))?;
            list.read(&Source::file(path), file, &options)
        }
        .map_err(|error| refuse(&error))?;
    }
    for (source, warning) in list.warnings() {
        talk.warn(&warning.at(source));
    }
    let untold = list.warned().saturating_sub(list.warnings().len() as u64);
    if untold > 0 {
        talk.warn(&format!("{untold} more warnings of this kind"));
    }
    Ok(list)
}

/// Whether the list may be used.
fn judge(list: &IdList, reading: &Reading, talk: &Talk) -> Result<(), Failure> {
    let counts = list.counts();
    if list.rounding().is_some() && !reading.allow_rounded_ids {
        return Err(rounded(list));
    }
    if counts.refused > 0 {
        let tell = reading.bad_ids.tell();
        for (source, refused) in list.refused().take(MOST_NAMED) {
            tell(talk, &refused.at(source));
        }
        let unnamed = counts.refused.saturating_sub(MOST_NAMED as u64);
        if unnamed > 0 {
            tell(talk, &format!("and {unnamed} more; `engagement ids` lists them all"));
        }
        if reading.bad_ids == BadIds::Refuse {
            return Err(Failure::new(
                Exit::Input,
                "bad_ids",
                format!("{} of {} items are no Tweet id, and nothing was sent", counts.refused, counts.read),
            )
            .hint("mend the list, or leave them out with --bad-ids skip"));
        }
        talk.warn(&format!("{} of {} items are skipped", counts.refused, counts.read));
    }
    if list.ids().is_empty() {
        return Err(none());
    }
    Ok(())
}

impl BadIds {
    /// How an item that is no id is told of.
    pub(crate) fn tell(self) -> fn(&Talk, &str) {
        match self {
            Self::Refuse => Talk::problem,
            Self::Skip => Talk::warn,
        }
    }
}

/// A spreadsheet has rounded the list.
pub(crate) fn rounded(list: &IdList) -> Failure {
    let (rounded, long) = list.rounding().map_or((0, 0), |rounding| (rounding.rounded(), rounding.long()));
    Failure::new(
        Exit::Input,
        "rounded_ids",
        format!(
            "a spreadsheet has rounded this list: {rounded} of {long} long ids have only zeros after the 15th digit, \
             and ids damaged in this way cannot be repaired"
        ),
    )
    .hint("export the ids again as text, or force it with --allow-rounded-ids")
}

/// The list has no ids at all.
pub(crate) fn none() -> Failure {
    Failure::new(Exit::Input, "no_ids", "there are no Tweet ids (rule V3)")
        .hint("give some as arguments or with --ids FILE")
}

/// The verdict that counts for the exit code of `engagement ids`.
pub(crate) fn verdict(list: &IdList, reading: &Reading) -> Verdict {
    if reading.allow_rounded_ids { list.verdict_on_items() } else { list.verdict() }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Enough to see a pattern.
const MOST_NAMED: usize = 20;
/// Enough to mend a list by; a program that wants all of them has `engagement ids`.
const MOST_LISTED: usize = 1_000;
