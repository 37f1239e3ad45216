//! Makes a crowd to collect: a world of many accounts for the emulator, their credentials, and a list of their Tweets.
//!
//! ```text
//! cargo run --release -p engagement-tests --example crowd -- DIR [ACCOUNTS] [TWEETS]
//! engagement emulator --world DIR/world.toml --quota 1000000/min
//! engagement collect --config DIR/engagement.toml --base-url URL --endpoint totals \
//!     --ids DIR/ids.txt --owners DIR/owners.csv --store engagement.db
//! ```
//!
//! The Tweets are of the last 26 days, so that every one has all metrics; each account has equally many, in no order.

#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use engagement::model::TweetId;
use engagement_emulator::World;
use jiff::{SignedDuration, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("the folder to write to is missing")?);
    let mut number = |otherwise: usize| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(otherwise),
    };
    let (accounts, tweets) = (number(1_000)?, number(1_000_000)?);
    fs::create_dir_all(&folder)?;

    let mut world = concat!(
        "[[app]]\napp_id = 1\nconsumer_key = \"demo-consumer-key\"\nconsumer_secret = \"demo-consumer-secret\"\n",
        "bearer_token = \"AAAAdemo%3Dtoken\"\nprovisioned = true\n",
    )
    .to_owned();
    let mut credentials = concat!(
        "[profiles.crowd]\nconsumer_key = \"demo-consumer-key\"\nconsumer_secret = \"demo-consumer-secret\"\n",
        "bearer_token = \"AAAAdemo%3Dtoken\"\n",
    )
    .to_owned();
    for n in 0..accounts {
        let (name, user_id) = (format!("crowd_{n:05}"), 1_000_000 + n);
        write!(
            world,
            "\n[[account]]\nuser_id = {user_id}\nscreen_name = \"{name}\"\naccess_token = \"{user_id}-crowd-token\"\n\
             access_token_secret = \"crowd-secret-{n}\"\n"
        )?;
        write!(
            credentials,
            "\n[[profiles.crowd.accounts]]\nhandle = \"{name}\"\naccess_token = \"{user_id}-crowd-token\"\n\
             access_token_secret = \"crowd-secret-{n}\"\n"
        )?;
    }
    fs::write(folder.join("world.toml"), &world)?;
    fs::write(folder.join("engagement.toml"), "default_profile = \"crowd\"\n[profiles.crowd]\n")?;
    let kept = folder.join("credentials.toml");
    let mut kept = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(kept)?;
    kept.write_all(credentials.as_bytes())?;

    let world = World::from_toml(&world)?;
    let mut ids = BufWriter::new(fs::File::create(folder.join("ids.txt"))?);
    let mut owners = BufWriter::new(fs::File::create(folder.join("owners.csv"))?);
    writeln!(owners, "tweet_id,handle")?;
    let share = tweets.div_ceil(accounts);
    let mut given: HashMap<u64, usize> = HashMap::new();
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let (oldest, youngest) = (Timestamp::now() - 26 * DAY, Timestamp::now() - DAY);
    let (from, to) = (first_at(oldest)?, first_at(youngest)?);
    let mut found = 0;
    while found < tweets {
        // Numbers of a generator whose period is the whole range: none comes twice.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = u64::try_from((u128::from(chance) * u128::from(to - from)) >> 64)?;
        let id = TweetId::new(from + step)?;
        let Some(owner) = world.owner_of(id) else { continue };
        let has = given.entry(owner.user_id).or_default();
        if *has == share {
            continue;
        }
        *has += 1;
        found += 1;
        writeln!(ids, "{id}")?;
        writeln!(owners, "{id},{}", owner.screen_name)?;
    }
    ids.flush()?;
    owners.flush()?;
    println!("{tweets} Tweets of {accounts} accounts in {}", folder.display());
    Ok(())
}

fn first_at(time: Timestamp) -> Result<u64, &'static str> {
    TweetId::first_at(time).map(TweetId::get).ok_or("the clock is before the first Tweet")
}

const DAY: SignedDuration = SignedDuration::from_hours(24);
