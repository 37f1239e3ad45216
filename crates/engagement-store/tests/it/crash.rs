//! What a store holds after whoever wrote to it was killed, or the disk failed it.
//!
//! A writer is this program again, told by a variable what to do. It asks for every batch of a job, says on its output
//! what was committed, and is stopped in the middle of it. Whatever it said must be in the store, and when it is let to
//! finish the store must be that of a writer who was never disturbed.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use engagement_model::{Endpoint, Metric, Outcome, Reason, Row, TweetId};
use engagement_store::{
    Error, Store,
    job::{JobId, NewBatch, NewJob, Progress},
    record::{Observation, Sent, Settlement},
};

use crate::fixture::{hourly, id, now, total};

/// Not a test of its own: what the others run, with the store's path in a variable.
#[test]
fn writer() {
    let Some(path) = env::var_os(WRITER) else { return };
    let work = if env::var_os(LITTLE).is_some() { Work::LITTLE } else { Work::MUCH };
    if let Err(error) = work.write(Path::new(&path)) {
        say(&format!("error {:?}", error.kind()));
        std::process::exit(8);
    }
    say("finished");
}

/// What a writer does: so many batches of so many Tweets.
#[derive(Clone, Copy)]
struct Work {
    batches: u32,
    tweets: u64,
}

impl Work {
    const MUCH: Self = Self { batches: 24, tweets: 40 };
    /// For whom it takes a run for each of its calls to the disk.
    const LITTLE: Self = Self { batches: 6, tweets: 10 };

    fn write(self, path: &Path) -> Result<(), Error> {
        let store = Store::create(path, now())?;
        let mut collector = store.collector(now())?;
        let job = match store.reader()?.jobs_like("crash")?.first() {
            Some(job) => job.id,
            None => {
                let mut draft = collector.draft(&NewJob::new("crash", "", Endpoint::Totals, now()))?;
                for batch in 0..self.batches {
                    draft.add(&NewBatch::new(endpoint(batch), &self.tweets(batch), &[Metric::Favorites]))?;
                }
                draft.commit()?
            }
        };
        loop {
            let mut asking = collector.transaction()?;
            let batches = asking.take(job, TOGETHER)?;
            let sent = batches.iter().map(|batch| asking.sent(&Sent::new(batch.id, batch.endpoint, now())));
            let sent = sent.collect::<Result<Vec<_>, _>>()?;
            asking.commit()?;
            if batches.is_empty() {
                return collector.close();
            }
            say(&format!("sent {}", sent.len()));
            let mut settling = collector.transaction()?;
            for (batch, request) in batches.iter().zip(&sent) {
                let rows = self.rows(batch.id.number);
                let mut settlement = Settlement::new(now());
                settlement.observations.push(Observation::new(batch.endpoint, now(), &rows));
                settlement.answer(*request, 200);
                settling.settle(batch.id, &settlement)?;
            }
            settling.commit()?;
            for batch in batches {
                say(&format!("done {}", batch.id.number));
            }
        }
    }

    fn tweets(self, batch: u32) -> Vec<TweetId> {
        self.numbers(batch).map(id).collect()
    }

    fn rows(self, batch: u32) -> Vec<Row> {
        let of_tweet = |number: u64| match endpoint(batch) {
            _ if number.is_multiple_of(10) => {
                vec![total(number, Metric::Favorites, Outcome::Unavailable(Reason::new("gone")))]
            }
            Endpoint::Totals => vec![total(number, Metric::Favorites, Outcome::Ok(number))],
            _ => (0..28).map(|hour| hourly(number, Metric::Favorites, hour, number)).collect(),
        };
        self.numbers(batch).flat_map(of_tweet).collect()
    }

    fn numbers(self, batch: u32) -> impl Iterator<Item = u64> {
        (0..self.tweets).map(move |tweet| u64::from(batch) + u64::from(self.batches) * tweet)
    }
}

/// Every other batch is one of hours.
fn endpoint(batch: u32) -> Endpoint {
    if batch.is_multiple_of(2) { Endpoint::Totals } else { Endpoint::Last28Hours }
}

fn say(words: &str) {
    // Whoever listens may have heard enough.
    let _ = writeln!(std::io::stdout(), "{words}");
}

/// Everything in the tables of facts, in order.
fn contents(path: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sound: String = connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let queries = [
        "select tweet_id, metric, observed_at, value from totals order by 1, 2, 3",
        "select tweet_id, metric, bucket_start, value from series order by 1, 2, 3",
        "select tweet_id, metric, endpoint, state from gaps order by 1, 2, 3",
        "select tweet_id, endpoint, window_start, metrics from coverage order by 1, 2, 3",
        "select tweet_id, state, reason, job from tweets order by 1",
        "select batch, state, ok, unavailable from batches order by 1",
        "select revision, tweet_id, metric, value from revisions",
    ];
    let mut contents = Vec::new();
    for query in queries {
        let mut statement = connection.prepare(query).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let columns = (0..4).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            contents.push(columns.collect::<Vec<_>>().join(" "));
        }
    }
    contents
}

/// The contents of a store whose writer nobody disturbs.
fn undisturbed(work: Work) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undisturbed.db");
    work.write(&path).unwrap();
    contents(&path)
}

struct Crash {
    _folder: tempfile::TempDir,
    path: PathBuf,
    work: Work,
}

impl Crash {
    fn new(work: Work) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("engagement.db"), work, _folder: folder }
    }

    /// The writer, below this command if there is one.
    fn start(&self, wrapper: &[String]) -> Child {
        let program = env::current_exe().unwrap().into_os_string();
        let mut words = wrapper.iter().map(Into::into).chain([program]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(["--exact", "crash::writer", "--nocapture"])
            .env(WRITER, &self.path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if self.work.batches == Work::LITTLE.batches {
            command.env(LITTLE, "1");
        }
        command.spawn().unwrap()
    }

    /// Runs it to its end, whatever that is, and gives what it said.
    fn run(&self, wrapper: &[String]) -> (Option<i32>, Vec<String>) {
        let output = self.start(wrapper).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        (output.status.code(), said)
    }

    /// What has these options done to the calls that touch the store.
    fn strace(&self, options: &[&str]) -> Vec<String> {
        let path = |suffix| format!("{}{suffix}", self.path.display());
        let paths = ["", "-wal", "-shm", "-journal", "-lock"].map(path);
        let paths = paths.iter().flat_map(|path| ["-P", path]);
        let words = ["strace", "-f", "-qq"].into_iter().chain(paths).chain(options.iter().copied());
        words.map(str::to_owned).collect()
    }

    /// What was said to be committed is there; nothing is there by half.
    fn check(&self, said: &[String]) {
        let Ok(store) = Store::open(&self.path, now()) else {
            assert!(!said.iter().any(|line| line.starts_with("sent")), "a store that was there is gone");
            return;
        };
        let reader = store.reader().unwrap();
        let Some(job) = reader.jobs().unwrap().first().map(|job| job.id) else {
            assert!(!said.iter().any(|line| line.starts_with("sent")), "a job that was there is gone");
            return;
        };
        assert_eq!(reader.batches(job, &Progress::ALL).unwrap().len(), self.work.batches as usize);
        let done: Vec<u32> =
            reader.batches(job, &[Progress::Done]).unwrap().iter().map(|batch| batch.id.number).collect();
        for line in said {
            if let Some(number) = line.strip_prefix("done ") {
                assert!(done.contains(&number.parse().unwrap()), "batch {number} is lost");
            }
        }
        let wanted: usize = done.iter().map(|batch| self.work.rows(*batch).len()).sum();
        let found: i64 = rusqlite::Connection::open(&self.path)
            .unwrap()
            .query_row(
                "select (select count(*) from totals) + (select count(*) from series)
                + (select count(*) from gaps)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(usize::try_from(found).unwrap(), wanted, "rows of {done:?}");
    }

    /// Lets it finish, and compares with what one writes that is never disturbed.
    fn finish(&self, undisturbed: &[String]) -> JobId {
        let (code, said) = self.run(&[]);
        assert_eq!((code, said.iter().any(|line| line == "finished")), (Some(0), true), "{said:?}");
        assert!(contents(&self.path) == undisturbed, "not the store of an undisturbed writer");
        Store::open(&self.path, now()).unwrap().reader().unwrap().jobs().unwrap()[0].id
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let crash = Crash::new(Work::MUCH);
    let mut seed = 7_u64;
    let (mut kills, mut said_sent) = (0_u64, 0_u64);
    for _ in 0..20 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // After so many words, wherever it then is.
        let mut child = crash.start(&[]);
        let mut said = Vec::new();
        let words = usize::try_from(seed % 9).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        while said.len() < words + LIBTEST_LINES {
            let Some(line) = lines.next() else { break };
            said.push(line);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said before it died counts as well.
        said.extend(lines);
        kills += 1;
        said_sent +=
            said.iter().filter_map(|line| line.strip_prefix("sent ")?.parse::<u64>().ok()).sum::<u64>();
        crash.check(&said);
    }
    let job = crash.finish(&undisturbed(Work::MUCH));
    let connection = rusqlite::Connection::open(&crash.path).unwrap();
    let count =
        |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned();
    let requests = count("select count(*) from requests");
    assert!(requests >= said_sent, "the ledger has {requests} of at least {said_sent} requests");
    assert!(
        requests <= u64::from(Work::MUCH.batches) + kills * u64::from(TOGETHER),
        "{requests} after {kills} kills"
    );
    assert_eq!(count("select count(*) from requests where state = 'sent'"), 0);
    assert_eq!(count("select sum(attempts) from batches"), requests);
    assert_eq!(job, JobId(1));
}

#[test]
fn a_disk_that_is_full_at_any_size_ends_the_writer_and_not_the_store() {
    let crash = Crash::new(Work::MUCH);
    let mut failed = 0;
    for blocks in (0..LARGEST_BLOCKS).step_by(64) {
        // The limit of a file's size, in blocks of 512 bytes, without the signal that it brings by default.
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let (code, said) = crash.run(&["sh".into(), "-c".into(), limited, "sh".into()]);
        crash.check(&said);
        if code == Some(0) {
            break;
        }
        assert_eq!(code, Some(8), "{blocks} blocks: {said:?}");
        assert!(said.iter().any(|line| ["error Full", "error Io"].contains(&line.as_str())), "{said:?}");
        failed += 1;
    }
    assert!(failed >= 5, "the limit was felt {failed} times");
    crash.finish(&undisturbed(Work::MUCH));
}

/// Each call that touches the store fails in turn. The test command tries some of them, and all with the variable
/// `ENGAGEMENT_EVERY_FAULT`.
#[test]
fn a_disk_that_fails_at_any_call_ends_the_writer_and_not_the_store() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let tries = if env::var_os("ENGAGEMENT_EVERY_FAULT").is_some() { usize::MAX } else { 3 };
    let faults = [
        ("pwrite64", "ENOSPC"),
        ("pwrite64", "EIO"),
        ("write", "ENOSPC"),
        ("ftruncate", "EIO"),
        ("fdatasync", "EIO"),
        ("fsync", "EIO"),
        ("pread64", "EIO"),
    ];
    let undisturbed = undisturbed(Work::LITTLE);
    for (call, fault) in faults {
        let crash = Crash::new(Work::LITTLE);
        let log = crash.path.with_file_name("calls");
        let trace = crash.strace(&["-o", log.to_str().unwrap(), "-e", &format!("trace={call}")]);
        assert_eq!(crash.run(&trace).0, Some(0));
        let all = fs::read_to_string(&log).unwrap().lines().count();
        for nth in (1..=all).step_by((all / tries).max(1)) {
            let crash = Crash::new(Work::LITTLE);
            let inject = format!("inject={call}:error={fault}:when={nth}");
            let (code, said) = crash.run(&crash.strace(&["-o", "/dev/null", "-e", &inject]));
            assert_eq!(code, Some(8), "{inject} of {all}: {said:?}");
            crash.check(&said);
            crash.finish(&undisturbed);
        }
    }
}

const WRITER: &str = "ENGAGEMENT_STORE_WRITER";
const LITTLE: &str = "ENGAGEMENT_STORE_WRITER_DOES_LITTLE";
/// Batches in one commit, and so in flight.
const TOGETHER: u32 = 3;
/// What the test program says before it begins.
const LIBTEST_LINES: usize = 2;
/// More than the store grows to.
const LARGEST_BLOCKS: u32 = 8_192;
