//! `engagement demo`: the tour, against the emulator inside the process, without credentials.

use std::{
    ffi::OsString,
    fs,
    hash::{BuildHasher as _, RandomState},
    io,
    path::{Path, PathBuf},
};

use engagement::model::Metric;
use engagement_emulator::Class;

use crate::{
    cli::{Cli, Command, Demo},
    commands::{self, ask, emulator::Embedded},
    exit::{Exit, Failure},
    print,
    settings::Settings,
    talk::Talk,
};

/// Runs it.
pub(crate) async fn run(demo: Demo, talk: &Talk) -> Result<Exit, Failure> {
    let embedded = Embedded::start().await?;
    let dir = match demo.dir {
        Some(dir) => Folder::kept(dir)?,
        None => Folder::passing()?,
    };
    let tour = Tour { embedded: &embedded, talk };
    print(&format!(
        "This is the Engagement API's emulator at {}, seen through this program.\nNothing leaves this machine.\n",
        embedded.url()
    ))?;

    let [public, stranger] = tour.tweets(Class::Unowned, None)?;
    tour.step(
        "Lifetime totals of anybody's Tweets: the app alone may read the public metrics.",
        &["totals", &public, &stranger, "--app"],
    )
    .await?;

    let [mine] = tour.tweets(Class::Owned, Some(BRAND))?;
    let [old] = tour.tweets(Class::Over90, Some(BRAND))?;
    let [deleted] = tour.tweets(Class::Unavailable, Some(BRAND))?;
    let owners = dir.path().join("owners.csv");
    let claimed: String =
        [&mine, &old, &deleted, &stranger].iter().map(|tweet_id| format!("{tweet_id},{BRAND}\n")).collect();
    write(&owners, &format!("tweet_id,handle\n{claimed}"))?;
    tour.step(
        "A partial answer, with nothing lost: one Tweet is fine, one is older than 90 days, one is deleted, and one \
         turns out to be somebody else's. The server refuses that request whole; the others are asked for again, and \
         the stranger's public metrics app-only.",
        &[
            "totals",
            &mine,
            &old,
            &deleted,
            &stranger,
            "--owners",
            &text(&owners),
            "--metrics",
            "impressions,favorites",
        ],
    )
    .await?;

    tour.step(
        "The last 28 hours by day, with the owner's token.",
        &["28hr", &mine, "--as", BRAND, "--metrics", "impressions,engagements", "--by", "day"],
    )
    .await?;

    let month: [String; 4] = tour.tweets(Class::Owned, Some(BRAND))?;
    let mut words = vec!["historical"];
    words.extend(month.iter().map(String::as_str));
    words.extend([
        "--as",
        BRAND,
        "--start",
        "60d",
        "--metrics",
        "impressions,engagements",
        "--by",
        "total",
        "--wide",
    ]);
    tour.step("Sixty days of four Tweets: three windows of at most 28 days, added up.", &words).await?;

    let many = Many::write(&tour, dir.path())?;
    tour.list(&many).await?;
    tour.store(&many, dir.path()).await?;
    tour.rest().await?;

    print(
        "\nThe same commands work against the real API: leave out --profile emulator, and keep an app with `engagement \
         auth app` and its accounts with `engagement auth login`, or set ENGAGEMENT_CONSUMER_KEY and its sisters (see \
         `engagement help`).\n",
    )
}

/// A list as people have them, where it goes when it is clean, and who owns what in it.
struct Many {
    list: String,
    clean: String,
    owners: String,
}

impl Many {
    fn write(tour: &Tour<'_>, dir: &Path) -> Result<Self, Failure> {
        let (mut list, mut owners) =
            (String::from("# This month's Tweets\n"), String::from("tweet_id,handle\n"));
        for handle in [BRAND, NEWS] {
            let tweets: [String; 300] = tour.tweets(Class::Owned, Some(handle))?;
            if let Some(first) = tweets.first() {
                list.push_str(&format!("https://x.com/{handle}/status/{first}\n"));
            }
            for tweet_id in &tweets {
                list.push_str(&format!("{tweet_id}\n"));
                owners.push_str(&format!("{tweet_id},{handle}\n"));
            }
        }
        list.push_str("1.76300E+18\n");
        let (list_path, owners_path) = (dir.join("tweets.txt"), dir.join("all-owners.csv"));
        write(&list_path, &list)?;
        write(&owners_path, &owners)?;
        Ok(Self { list: text(&list_path), clean: text(&dir.join("clean.txt")), owners: text(&owners_path) })
    }
}

impl Tour<'_> {
    /// Before anything is sent.
    async fn list(&self, many: &Many) -> Result<(), Failure> {
        self.step(
            "A list of ids, checked and cleaned before it costs anything: two are there twice, once as a URL, and a \
             spreadsheet has cut one.",
            &["ids", &many.list, "--bad-ids", "skip", "--out", &many.clean],
        )
        .await?;
        self.step(
            "What it would cost, with everybody's own token; nothing is sent.",
            &["totals", "--ids", &many.clean, "--owners", &many.owners, "--dry-run"],
        )
        .await
    }

    /// Into a store and out of it.
    async fn store(&self, many: &Many, dir: &Path) -> Result<(), Failure> {
        let store = text(&dir.join("engagement.db"));
        let collect = ["collect", "--endpoint", "totals", "--ids", &many.clean, "--owners", &many.owners];
        let collect = [&collect[..], &["--store", &store]].concat();
        self.step(
            "The same list into a store. A limit of two requests ends it early, as a signal or a crash might.",
            &[&collect[..], &["--max-requests", "2"]].concat(),
        )
        .await?;
        self.step("The same command goes on where it was.", &collect).await?;
        self.step("What is in the store.", &["jobs", "list", "--store", &store]).await?;
        self.step("Top Tweets.", &["top", "--store", &store, "--by", Metric::Impressions.name(), "-n", "3"])
            .await?;
        self.step("What the contract counts.", &["usage", "--store", &store]).await?;
        let rows = text(&dir.join("totals.csv"));
        self.step(
            "And out again, for other tools.",
            &["export", "--store", &store, "--table", "totals", "--format", "csv", "--out", &rows],
        )
        .await
    }

    /// What helps when something else is needed, or does not work.
    async fn rest(&self) -> Result<(), Failure> {
        self.step(
            "Any other request, signed.",
            &["request", "GET", "/1.1/account/verify_credentials.json", "--as", BRAND],
        )
        .await?;
        self.step("What might be wrong, and what to do about it.", &["doctor"]).await
    }
}

struct Tour<'a> {
    embedded: &'a Embedded,
    talk: &'a Talk,
}

impl Tour<'_> {
    /// Shows a command, and what it does.
    async fn step(&self, why: &str, words: &[&str]) -> Result<(), Failure> {
        let command = words.first().copied().unwrap_or_default();
        let form: &[&str] = if FORMS_OF_THEIR_OWN.contains(&command) { &[] } else { &["-o", "table"] };
        let words = [&["--profile", "emulator"], words, form].concat();
        print(&format!("\n{why}\n\n$ engagement {}\n", words.join(" ")))?;
        let args = std::iter::once("engagement").chain(words).map(OsString::from);
        let cli = Cli::read(args).map_err(|error| Failure::new(Exit::Bug, "demo", error))?;
        match self.run(cli).await? {
            Exit::Done => Ok(()),
            exit @ (Exit::Incomplete | Exit::Quota) => {
                print(&format!("(exit code {})\n", exit.code())).map(|_| ())
            }
            // It has found something wrong with this machine, and said what.
            _ if command == "doctor" => Ok(()),
            exit => Err(Failure::new(exit, "demo", "the tour did not go as it should")),
        }
    }

    async fn run(&self, cli: Cli) -> Result<Exit, Failure> {
        let settings = Settings::resolve(&cli.global)?;
        let talk = self.talk;
        match cli.command {
            Command::Ids(ids) => commands::ids::run(&ids, &cli.global, talk),
            Command::Collect(collect) => Box::pin(commands::collect::run(*collect, &settings, talk)).await,
            Command::Jobs(jobs) => commands::jobs::run(&jobs, &settings, talk),
            Command::Top(top) => commands::top::run(&top, &settings, talk),
            Command::Usage(usage) => commands::usage::run(&usage, &settings, talk),
            Command::Export(export) => Box::pin(commands::export::run(&export, &settings, talk)).await,
            Command::Request(request) => Box::pin(commands::request::run(&request, &settings, talk)).await,
            Command::Doctor(doctor) => {
                Box::pin(commands::doctor::run(&doctor, &cli.global, &mut talk.clone())).await
            }
            Command::Ask(asking) => {
                Box::pin(ask::ask(asking.into(), &settings, Some(self.embedded), talk)).await
            }
            Command::Auth(_)
            | Command::Emulator(_)
            | Command::Demo(_)
            | Command::Completions { .. }
            | Command::Man { .. } => {
                Err(Failure::new(Exit::Bug, "demo", "the tour does not show this command"))
            }
        }
    }

    /// Ids of Tweets of a class.
    fn tweets<const N: usize>(
        &self,
        class: Class,
        screen_name: Option<&str>,
    ) -> Result<[String; N], Failure> {
        let tweet_ids: Vec<String> =
            self.embedded.tweets(class, screen_name, N).iter().map(ToString::to_string).collect();
        tweet_ids.try_into().map_err(|_| {
            Failure::new(Exit::Bug, "demo", format!("the emulator has no {N} Tweets of a class"))
        })
    }
}

/// The folder for what the tour writes.
struct Folder {
    path: PathBuf,
    passing: bool,
}

impl Folder {
    fn kept(path: PathBuf) -> Result<Self, Failure> {
        fs::create_dir_all(&path).map_err(|error| Self::not_made(&path, &error))?;
        Ok(Self { path, passing: false })
    }

    /// A new one, which nobody else can have made before, reads or puts anything into.
    fn passing() -> Result<Self, Failure> {
        let chance = RandomState::new().hash_one(std::process::id());
        let path = std::env::temp_dir().join(format!("engagement-demo-{chance:016x}"));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| Self::not_made(&path, &error))?;
        Ok(Self { path, passing: true })
    }

    fn not_made(path: &Path, error: &io::Error) -> Failure {
        Failure::new(Exit::Storage, "demo", format!("{} cannot be made: {error}", path.display()))
            .hint("choose a folder with --dir")
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            // A folder left behind in the temporary place is no failure of the tour.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| {
        Failure::new(Exit::Storage, "demo", format!("{} cannot be written: {error}", path.display()))
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Commands that print no table.
const FORMS_OF_THEIR_OWN: [&str; 3] = ["collect", "export", "request"];
/// Accounts of the demo world.
const BRAND: &str = "demo_brand";
const NEWS: &str = "demo_news";
