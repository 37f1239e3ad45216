//! `engagement demo`: the tour, against the emulator inside the process, without credentials.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use engagement::{
    transport::{Call, Transport, Url, verdict},
};
use serde::Deserialize;

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

    let public = tour.tweets("unowned", None, 2).await?;
    tour.step(
        "Lifetime totals of anybody's Tweets: the app alone may read the public metrics.",
        &["totals", &public[0], &public[1], "--app"],
    )
    .await?;

    let mine = tour.tweets("owned", Some(BRAND), 1).await?;
    let old = tour.tweets("over90", Some(BRAND), 1).await?;
    let deleted = tour.tweets("unavailable", Some(BRAND), 1).await?;
    let owners = dir.path().join("owners.csv");
    let claimed: String = [&mine[0], &old[0], &deleted[0], &public[0]]
        .iter()
        .map(|tweet_id| format!("{tweet_id},{BRAND}\n"))
        .collect();
    write(&owners, &format!("tweet_id,handle\n{claimed}"))?;
    let summary = dir.path().join("summary.json");
    tour.step(
        "A partial answer, with nothing lost: one Tweet is fine, one is older than 90 days, one is deleted, and one \
         turns out to be somebody else's. The server refuses that request whole; the others are asked for again, and \
         the stranger's public metrics app-only.",
        &[
            "totals",
            &mine[0],
            &old[0],
            &deleted[0],
            &public[0],
            "--owners",
            &text(&owners),
            "--metrics",
            "impressions,favorites",
            "--summary",
            &text(&summary),
        ],
    )
    .await?;

    tour.step(
        "The last 28 hours by day, with the owner's token.",
        &["28hr", &mine[0], "--as", BRAND, "--metrics", "impressions,engagements", "--by", "day"],
    )
    .await?;

    let month: Vec<String> = tour.tweets("owned", Some(BRAND), 4).await?;
    let mut words = vec!["historical"];
    words.extend(month.iter().map(String::as_str));
    words.extend(["--as", BRAND, "--start", "60d", "--metrics", "impressions,engagements", "--by", "total", "--wide"]);
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

    /// Ids of a class of the demo world's Tweets.
    async fn tweets(&self, class: &str, screen_name: Option<&str>, count: usize) -> Result<Vec<String>, Failure> {
        #[derive(Deserialize)]
        struct Listed {
            tweet_ids: Vec<String>,
        }
        let unexpected =
            |error: &dyn std::fmt::Display| Failure::new(Exit::Bug, "demo", format!("the emulator fails: {error}"));
        let mut url = format!("{}/_emulator/tweets?class={class}&count={count}", self.embedded.url());
        if let Some(screen_name) = screen_name {
            url.push_str(&format!("&screen_name={screen_name}"));
        }
        let call = Call::get(Url::parse(&url).map_err(|error| unexpected(&error))?);
        let transport = Transport::builder().build().map_err(|error| unexpected(&error))?;
        let answer = transport.send(&call, verdict::by_status).await.map_err(|error| unexpected(&error))?;
        let listed: Listed = serde_json::from_slice(&answer.body).map_err(|error| unexpected(&error))?;
        if listed.tweet_ids.len() < count {
            return Err(unexpected(&format!("no {count} Tweets of the class {class}")));
        }
        Ok(listed.tweet_ids)
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
