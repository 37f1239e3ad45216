//! `engagement ids`: reads, checks and cleans a list of Tweet ids; sends nothing.

use std::io::{self, Write};

use engagement_ids::{IdList, Verdict};

use crate::{
    cli::{BadIds, Format, Global, Ids},
    exit::{Exit, Failure},
    id_list,
    place::Place,
    talk::Talk,
};

/// Runs it.
pub(crate) fn run(ids: &Ids, global: &Global, talk: &Talk) -> Result<Exit, Failure> {
    if global.output == Some(Format::Parquet) {
        return Err(Failure::usage("a list of ids has no Parquet form").hint("choose another with -o"));
    }
    let list = id_list::read_all(&[], &ids.files, &ids.reading, talk)?;
    let verdict = id_list::verdict(&list, &ids.reading);
    let skips = ids.reading.bad_ids == BadIds::Skip;
    let is_usable = verdict == Verdict::Ok || verdict == Verdict::Refused && skips && !list.ids().is_empty();
    // Whoever reads ids takes them for the whole list. A report says itself what became of it.
    if is_usable || global.output == Some(Format::Json) {
        let mut place = Place::open(global.out.as_deref())?;
        match write(&list, verdict, global.output, &mut place).and_then(|()| place.finish()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(Failure::output(&error)),
        }
    }
    let counts = list.counts();
    if global.output != Some(Format::Json) {
        let tell = ids.reading.bad_ids.tell();
        for (source, refused) in list.refused() {
            tell(talk, &refused.at(source));
        }
        talk.say(&format!(
            "read {}: accepted {}, duplicates {}, refused {}, blank {}, comments {}, header {}",
            counts.read,
            counts.accepted,
            counts.duplicates,
            counts.refused,
            counts.blank,
            counts.comments,
            counts.header
        ));
    }
    match verdict {
        _ if is_usable => Ok(Exit::Done),
        Verdict::Rounded => Err(id_list::rounded(&list)),
        _ if counts.refused == 0 => {
            Err(id_list::none().hint("name a file that has some, or give them on standard input"))
        }
        _ => Err(Failure::new(
            Exit::Input,
            "bad_ids",
            format!("{} of {} items are no Tweet id", counts.refused, counts.read),
        )
        .hint("mend the list, or leave them out with --bad-ids skip")),
    }
}

/// Whatever the form, what is written is itself a list of ids.
fn write(list: &IdList, verdict: Verdict, format: Option<Format>, to: &mut impl Write) -> io::Result<()> {
    match format {
        Some(Format::Json) => {
            serde_json::to_writer(&mut *to, &list.report(verdict))?;
            return to.write_all(b"\n");
        }
        Some(Format::Csv | Format::Tsv) => writeln!(to, "tweet_id")?,
        _ => {}
    }
    for tweet_id in list.ids() {
        match format {
            Some(Format::Ndjson) => writeln!(to, "\"{tweet_id}\"")?,
            _ => writeln!(to, "{tweet_id}")?,
        }
    }
    Ok(())
}
