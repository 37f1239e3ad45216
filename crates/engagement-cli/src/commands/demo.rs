//! `engagement demo`: the tour, against the emulator inside the process, without credentials.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use engagement_emulator::Class;

use crate::{
    cli::{Cli, Demo},
    commands::{ask, emulator::Embedded},
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

    print(
        "\nThe same commands work against the real API: leave out --profile emulator, and set ENGAGEMENT_CONSUMER_KEY \
         and its sisters (see `engagement help`).\n",
    )
}

struct Tour<'a> {
    embedded: &'a Embedded,
    talk: &'a Talk,
}

impl Tour<'_> {
    /// Shows a command, and what it does.
    async fn step(&self, why: &str, words: &[&str]) -> Result<(), Failure> {
        print(&format!("\n{why}\n\n$ engagement --profile emulator {} -o table\n", words.join(" ")))?;
        let mut args: Vec<OsString> =
            ["engagement", "--profile", "emulator", "-o", "table"].into_iter().map(OsString::from).collect();
        args.extend(words.iter().map(OsString::from));
        let cli = Cli::read(args).map_err(|error| Failure::new(Exit::Bug, "demo", error))?;
        let settings = Settings::resolve(&cli.global)?;
        let exit = ask::ask(cli.command.try_into()?, &settings, Some(self.embedded), self.talk).await?;
        if exit == Exit::Done {
            Ok(())
        } else if exit == Exit::Incomplete {
            print(&format!("(exit code {}: incomplete)\n", exit.code())).map(|_| ())
        } else {
            Err(Failure::new(exit, "demo", "the tour did not go as it should"))
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
        Self::make(path, false)
    }

    fn passing() -> Result<Self, Failure> {
        Self::make(std::env::temp_dir().join(format!("engagement-demo-{}", std::process::id())), true)
    }

    fn make(path: PathBuf, passing: bool) -> Result<Self, Failure> {
        fs::create_dir_all(&path).map_err(|error| {
            Failure::new(Exit::Storage, "demo", format!("{} cannot be made: {error}", path.display()))
                .hint("choose a folder with --dir")
        })?;
        Ok(Self { path, passing })
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

/// An account of the demo world.
const BRAND: &str = "demo_brand";
