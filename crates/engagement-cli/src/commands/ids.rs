//! `engagement ids`: reads, checks and cleans a list of Tweet ids; sends nothing.

use std::io::{self, BufWriter, Write};

use engagement_ids::{IdList, Verdict};

use crate::{
    cli::{BadIds, Format, Global, Ids},
    exit::{Exit, Failure},
    id_list,
    talk::Talk,
};

/// Runs it.
pub(crate) fn run(ids: &Ids, global: &Global, talk: &Talk) -> Result<Exit, Failure> {
    let list = id_list::read_all(&[], &ids.files, &ids.reading, talk)?;
    let verdict = id_list::verdict(&list, &ids.reading);
    let written = match &global.out {
        Some(path) => std::fs::File::create(path).and_then(|file| write(&list, verdict, global.output, file)),
        None => write(&list, verdict, global.output, io::stdout().lock()),
    };
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            return Err(Failure::new(
                Exit::Storage,
                "output",
                format!("the output cannot be written: {error}"),
            ));
        }
    }
    if global.output != Some(Format::Json) {
        let counts = list.counts();
        for (source, refused) in list.refused() {
            talk.problem(&refused.at(source));
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
    if verdict == Verdict::Rounded {
        talk.problem(
            "a spreadsheet has rounded this list, and ids damaged in this way cannot be repaired; export them again \
             as text",
        );
    }
    let skipped = ids.reading.bad_ids == BadIds::Skip && !list.ids().is_empty();
    Ok(match verdict {
        Verdict::Ok => Exit::Done,
        Verdict::Refused if skipped => Exit::Done,
        Verdict::Refused | Verdict::Rounded => Exit::Input,
    })
}

fn write(list: &IdList, verdict: Verdict, format: Option<Format>, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    match format {
        Some(Format::Json) => {
            serde_json::to_writer(&mut to, &list.report(verdict))?;
            to.write_all(b"\n")?;
        }
        // A cleaned list is itself a list of ids, one a line.
        _ => {
            for tweet_id in list.ids() {
                writeln!(to, "{tweet_id}")?;
            }
        }
    }
    to.flush()
}
