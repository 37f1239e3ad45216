//! `engagement emulator`, and the emulator inside the process that the profile of that name talks to.

use std::{
    fs, io,
    net::TcpStream,
    path::{Path, PathBuf},
};

use engagement::model::TweetId;
use engagement_credentials::{self as credentials, Consumer, Found, Holdings, Origin};
use engagement_emulator::{Builder, Class, Emulator, Faults, Switches, World};

use crate::{
    cli,
    exit::{Exit, Failure},
    print, signal,
    talk::Talk,
};

/// The demo world, served on a free loopback port for as long as this value lives.
pub(crate) struct Embedded(Emulator);

impl Embedded {
    /// Starts it.
    pub(crate) async fn start() -> Result<Self, Failure> {
        Emulator::builder().seed(1).start().await.map(Self).map_err(|error| not_started(&error))
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// Tweets of a class of the demo world.
    pub(crate) fn tweets(&self, class: Class, screen_name: Option<&str>, count: usize) -> Vec<TweetId> {
        self.0.tweets(class, screen_name, count)
    }

    /// The demo world's app and accounts.
    pub(crate) fn credentials(&self) -> Found {
        let mut holdings = Holdings::default();
        if let Some(app) = self.0.world().apps().first() {
            let (key, secret) = (app.consumer_key.as_str().into(), app.consumer_secret.clone());
            holdings.consumer = Some(Consumer { key, secret });
            holdings.bearer = Some(app.bearer_token.clone());
        }
        holdings.accounts = self
            .0
            .world()
            .accounts()
            .iter()
            .map(|account| {
                credentials::Account::new(account.access_token.clone(), account.access_token_secret.clone())
                    .with_handle(&account.screen_name)
            })
            .collect();
        let mut found = Found::default();
        found.add(Origin::BuiltIn, holdings);
        found
    }
}

/// Runs it until a signal comes.
pub(crate) async fn run(options: cli::Emulator, talk: &Talk) -> Result<Exit, Failure> {
    if options.rules {
        return rules();
    }
    if let Some(path) = &options.ready_file {
        Ready::forget_the_dead(path)?;
    }
    let mut builder = Emulator::builder()
        .seed(options.seed)
        .listen(options.listen)
        .allow_remote(options.allow_remote)
        .strict(options.strict);
    if let Some(now) = options.now {
        builder = builder.now(now);
    }
    if let Some(rate) = options.quota {
        builder = builder.quota(rate.0.get());
    }
    let world = match &options.world {
        Some(path) => World::from_toml(&read(path)?).map_err(|error| refuse(path, &error))?,
        None => World::demo(),
    };
    if !options.switch.is_empty() {
        builder = builder.switches(switches(world.switches().clone(), &options.switch)?);
    }
    builder = builder.world(world);
    if let Some(url) = &options.public_url {
        builder = builder.public_url(url);
    }
    if let Some(path) = &options.faults {
        let text = read(path)?;
        let toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        let faults = if toml { Faults::from_toml(&text) } else { Faults::from_json(&text) };
        builder = builder.faults(faults.map_err(|error| refuse(path, &error))?);
    }
    builder = certified(&options, builder)?;
    let emulator = builder.start().await.map_err(|error| not_started(&error))?;
    let ready = options.ready_file.as_deref().map(|path| Ready::not_yet(path, emulator.url())).transpose()?;
    print(&format!("listening on {}\n", emulator.url()))?;
    if let Some(ready) = &ready {
        ready.appear()?;
    }
    let exit = signal::stopped().await;
    talk.detail("stopped by a signal");
    drop(emulator);
    Ok(exit)
}

/// The file that is there for as long as requests can be served.
struct Ready<'a> {
    path: &'a Path,
    text: String,
}

impl<'a> Ready<'a> {
    /// Removes what an earlier run has left that was killed. Where somebody listens the file is theirs.
    fn forget_the_dead(path: &Path) -> Result<(), Failure> {
        let url = fs::read_to_string(path).unwrap_or_default();
        let host = url.trim_end().split_once("://").map_or("", |(_, host)| host);
        if TcpStream::connect(host).is_ok() {
            return Ok(());
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path, &error)),
            _ => Ok(()),
        }
    }

    /// Writes it where nobody looks yet.
    fn not_yet(path: &'a Path, url: &str) -> Result<Self, Failure> {
        let text = format!("{url}\n");
        fs::write(part(path), &text).map_err(|error| unwritable(path, &error))?;
        Ok(Self { path, text })
    }

    fn appear(&self) -> Result<(), Failure> {
        fs::rename(part(self.path), self.path).map_err(|error| unwritable(self.path, &error))
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        // It may be another run's by now. If it cannot be removed, there is nobody left to tell.
        if fs::read_to_string(self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(self.path);
        }
    }
}

/// Those of the world, but for what the options say.
fn switches(mut switches: Switches, options: &[String]) -> Result<Switches, Failure> {
    for switch in options {
        let (name, value) = switch
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("the switch {switch:?} is not written as NAME=VALUE")))?;
        switches.set(name, value).map_err(Failure::usage)?;
    }
    Ok(switches)
}

/// Prints what it follows, for people.
fn rules() -> Result<Exit, Failure> {
    let mut text = String::new();
    for rule in engagement_emulator::rules() {
        text.push_str(&format!("{:<18} {}  {}", rule.number, rule.evidence.mark(), rule.text));
        if let Some(switch) = rule.switch {
            text.push_str(&format!(" [--switch {switch}]"));
        }
        text.push('\n');
    }
    text.push_str("\nD documented · W seen in the wild · I inferred · E a guess of ours\n");
    print(&text)
}

/// With a certificate, if one is needed.
#[cfg(feature = "tls")]
fn certified(options: &cli::Emulator, mut builder: Builder) -> Result<Builder, Failure> {
    if !options.tls && !options.proxy {
        if options.write_ca.is_some() {
            return Err(Failure::usage("there is no certificate to write").hint("add --tls or --proxy"));
        }
        return Ok(builder);
    }
    let tls =
        engagement_emulator::Tls::generate([options.listen.ip()]).map_err(|error| not_started(&error))?;
    if let Some(path) = &options.write_ca {
        write(path, tls.ca_pem())?;
    }
    if options.tls {
        builder = builder.tls(tls.clone());
    }
    if options.proxy {
        builder = builder.proxy(tls);
    }
    Ok(builder)
}

/// Certificates were left out of this build.
#[cfg(not(feature = "tls"))]
fn certified(options: &cli::Emulator, builder: Builder) -> Result<Builder, Failure> {
    if options.tls || options.proxy || options.write_ca.is_some() {
        return Err(Failure::usage("this program was built without certificates for the emulator")
            .hint("build it with its feature `tls`, which is on by default"));
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))
}

/// Appears whole: a program that waits for the file must not read half of it.
#[cfg(feature = "tls")]
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let part = part(path);
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).map_err(|error| unwritable(path, &error))
}

fn part(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Storage, "output", format!("{} cannot be written: {error}", path.display()))
}

fn refuse(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display())).hint("mend the file")
}

fn not_started(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(
        Exit::Usage,
        "emulator",
        format!("the emulator does not start: {}", engagement::describe(error)),
    )
    .hint("choose another address with --listen; --allow-remote lets other machines in")
}
