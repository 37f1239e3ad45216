//! `engagement auth login`: users let the app act for them, one after the other.

use std::{
    env,
    io::{self, IsTerminal as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use engagement::describe;
use engagement_credentials::{
    Account, Checked, Consumer, Finding,
    callback::{Callback, CallbackError},
    check,
    login::{Asked, LIFETIME_MINUTES, Login, LoginError},
};
use jiff::Timestamp;
use oauth_core::Secret;
use serde::Serialize;

use super::{keep, remedy, store};
use crate::{
    cli::AuthLogin,
    credentials::{self, refused_store},
    exit::{Exit, Failure},
    place::Place,
    prompt, records,
    settings::Settings,
    signal,
    talk::Talk,
    wire::Wire,
};

/// Runs it, until all have answered or a signal comes.
pub(super) async fn run(options: &AuthLogin, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    tokio::select! {
        biased;
        exit = signal::stopped() => Ok(exit),
        ended = all(options, settings, talk) => ended,
    }
}

async fn all(options: &AuthLogin, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let held = credentials::find(settings, talk).await?.holdings;
    let consumer = held.consumer.clone().ok_or_else(no_app)?;
    // Nobody is to grant a token that could not be kept.
    store(settings)?.prepare(settings.profile_name()).map_err(|error| refused_store(&error))?;
    let place = Place::open(settings.out.as_deref())?;
    let wire = Wire::new(settings, &held, talk)?;
    let mut session = Session { options, settings, talk, wire, consumer, used: Vec::new() };
    let mut lines = Vec::new();
    let mut happened = Vec::new();
    let handles: Vec<Option<&str>> = match &options.handles[..] {
        [] => vec![None],
        handles => handles.iter().map(|handle| Some(handle.trim_start_matches('@'))).collect(),
    };
    for handle in handles {
        let ended = async {
            let account = session.one(handle).await?;
            let is_wanted = handle.is_none_or(|handle| account.is(handle));
            session.keep(account).map(|line| (line, is_wanted))
        };
        match ended.await {
            Ok((line, is_wanted)) => {
                if let Some(handle) = handle
                    && line.handle.is_some()
                    && !is_wanted
                {
                    let failure = somebody_else(handle, &line);
                    talk.failure(&failure);
                    happened.push(failure.exit);
                }
                lines.push(line);
            }
            Err(failure) => {
                let failure = match handle {
                    Some(handle) => failure.about(handle),
                    None => failure,
                };
                talk.failure(&failure);
                happened.push(failure.exit);
            }
        }
    }
    records::put(&lines, &COLUMNS, settings.output, place)?;
    Ok(Exit::of_all(&happened, false))
}

/// What all logins of one command share.
struct Session<'a> {
    options: &'a AuthLogin,
    settings: &'a Settings,
    talk: &'a Talk,
    wire: Wire,
    consumer: Consumer,
    /// The PINs that have brought a token.
    used: Vec<Secret>,
}

impl Session<'_> {
    /// One account's three steps.
    async fn one(&mut self, handle: Option<&str>) -> Result<Account, Failure> {
        let callback = if self.options.pin { None } else { Some(self.listen().await?) };
        let url = callback.as_ref().map(Callback::url);
        let login = Login::new(self.consumer.clone(), self.settings.api_url(), url);
        let reply = self.wire.send(&login.errand()).await?;
        let asked = login.granted(&reply).map_err(|error| refused(&error))?;
        let since = Instant::now();
        let page = asked.page(handle);
        let who = handle.map_or_else(String::new, |handle| format!("as {} ", at(handle)));
        self.talk.request(&format!("to allow the app, open this page {who}in a browser: {page}"));
        if !self.options.no_browser {
            open(&page);
        }
        let account = match &callback {
            None => self.by_pin(&asked, since).await?,
            Some(callback) => {
                self.talk.say(
                    "waiting for the answer; end with Ctrl-C, or use --pin where the browser is elsewhere",
                );
                let verifier = tokio::time::timeout(PATIENCE, callback.verifier(&asked))
                    .await
                    .map_err(|_| refused(&LoginError::NobodyCame { minutes: LIFETIME_MINUTES }))?
                    .map_err(|error| refused(&error))?;
                tokio::select! {
                    account = self.exchange(&asked, &verifier, since) => account?,
                    error = callback.turn_away() => return Err(refused(&error)),
                }
            }
        };
        self.named(account).await
    }

    /// At the URL that is asked for, else at the usual port, else at any.
    async fn listen(&self) -> Result<Callback, Failure> {
        let listening = match &self.options.callback {
            Some(url) => Callback::listen(url).await,
            None => match Callback::listen(USUAL).await {
                Err(CallbackError::Taken { .. }) => Callback::listen(ANY).await,
                listening => listening,
            },
        };
        listening.map_err(|error| {
            let hint = "name another one with --callback http://127.0.0.1:PORT/PATH, or use --pin";
            Failure::usage(describe(&error)).hint(hint)
        })
    }

    /// The PIN that the user types; a slip is forgiven, at a terminal.
    async fn by_pin(&mut self, asked: &Asked, since: Instant) -> Result<Account, Failure> {
        let mut tries = if io::stdin().is_terminal() { TRIES } else { 1 };
        loop {
            tries -= 1;
            let typed = tokio::task::spawn_blocking(|| prompt::line("PIN: "))
                .await
                .map_err(|error| Failure::new(Exit::Bug, "prompt", error))??;
            let Some(typed) = typed.filter(|typed| !typed.is_empty()) else {
                return Err(Failure::new(
                    Exit::Authentication,
                    "no_pin",
                    "no PIN was typed, so nothing is kept",
                )
                .hint("the page shows one after the app is allowed; if the user refused, there is none"));
            };
            let failure = match asked.pin(&typed) {
                Err(error) => Failure::new(Exit::Authentication, "wrong_pin", error)
                    .hint("type it as the page shows it"),
                Ok(verifier) => match self.exchange(asked, &verifier, since).await {
                    Err(failure) if failure.is("wrong_pin") => {
                        if self.used.contains(&verifier) {
                            used_already()
                        } else {
                            failure
                        }
                    }
                    Ok(account) => {
                        self.used.push(verifier);
                        return Ok(account);
                    }
                    Err(failure) => return Err(failure),
                },
            };
            if tries == 0 {
                return Err(failure);
            }
            self.talk.failure(&failure);
        }
    }

    async fn exchange(&self, asked: &Asked, verifier: &Secret, since: Instant) -> Result<Account, Failure> {
        let reply = self.wire.send(&asked.exchange(verifier)).await?;
        asked.account(&reply, since.elapsed()).map_err(|error| refused(&error))
    }

    /// Older servers do not say whose the new token is.
    async fn named(&self, account: Account) -> Result<Account, Failure> {
        if account.handle.is_some() {
            return Ok(account);
        }
        let credentials =
            self.consumer.credentials().with_token(account.token.clone(), account.secret.clone());
        let reply = self
            .wire
            .send(&engagement_credentials::Errand::verify(self.settings.api_url(), credentials))
            .await?;
        let known = check::account(&reply, &account);
        Ok(known.map_or_else(|_| account.clone(), |who| account.clone().with_handle(&who.handle)))
    }

    fn keep(&self, mut account: Account) -> Result<Line, Failure> {
        account.checked = Some(Checked { at: Timestamp::now(), found: Finding::Good });
        let (handle, user_id) = (account.handle.clone(), account.user_id());
        let name = account.name();
        let (taken, kept_in) = keep(self.settings, |held| match &held.consumer {
            Some(known) if known.key != self.consumer.key => Err(Failure::new(
                Exit::Authentication,
                "another_app",
                "the environment's app is another one than the profile's, so its tokens cannot be kept there",
            )
            .hint("keep them in a profile of their own: --profile NAME")),
            _ => Ok(held.put(account)),
        })?;
        taken?;
        self.talk.say(&format!("{name} has authorised the app; the token is kept in {kept_in}"));
        Ok(Line {
            profile: self.settings.profile_name().to_owned(),
            handle,
            user_id: user_id.map(|user_id| user_id.to_string()),
            kept_in,
        })
    }
}

#[derive(Serialize)]
struct Line {
    profile: String,
    handle: Option<String>,
    user_id: Option<String>,
    kept_in: String,
}

fn no_app() -> Failure {
    Failure::new(Exit::Authentication, "no_app", "there is no app yet whose users could log in")
        .hint("keep its consumer key and secret with `engagement auth app`")
}

fn somebody_else(wanted: &str, line: &Line) -> Failure {
    let who = line.handle.as_deref().unwrap_or("somebody");
    Failure::new(
        Exit::Authentication,
        "somebody_else",
        format!("@{who} has authorised the app and not {}; the token is kept as that of @{who}", at(wanted)),
    )
    .hint(format!("log out of @{who} in the browser, and try again"))
}

/// A handle, or the number of a user.
fn at(name: &str) -> String {
    let is_id = name.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { format!("the user {name}") } else { format!("@{name}") }
}

fn used_already() -> Failure {
    Failure::new(Exit::Authentication, "used_pin", "the PIN was used already, for a login before this one")
        .hint("open the page that was named last, and type the PIN that it shows")
}

fn refused(error: &LoginError) -> Failure {
    let (code, hint) = match error {
        LoginError::CallbackNotApproved { .. } => (
            "callback_not_approved",
            "register the callback on the app's page, name the registered one with --callback, or use --pin"
                .to_owned(),
        ),
        LoginError::PinOnly => ("pin_only", "use --pin".to_owned()),
        LoginError::Denied => ("denied", "nothing is kept; log in again when the user agrees".to_owned()),
        LoginError::WrongPin => ("wrong_pin", "type it as the page shows it".to_owned()),
        LoginError::Expired { .. } | LoginError::NobodyCame { .. } => {
            ("expired", "log in again, and answer sooner".to_owned())
        }
        LoginError::Void => ("void", "log in again; a page is good for one answer".to_owned()),
        LoginError::Trouble(trouble) => (trouble.finding.word(), remedy(trouble.finding, "HANDLE")),
        _ => ("login", "try again later".to_owned()),
    };
    let exit = match error {
        LoginError::Trouble(trouble) => super::exit_of(trouble.finding),
        LoginError::Answer(_) => Exit::Network,
        _ => Exit::Authentication,
    };
    Failure::new(exit, code, error).hint(hint)
}

/// Shows the page, where there is a browser to show it. Whether it worked is seen in the browser.
fn open(page: &str) {
    let named = env::var("BROWSER").ok().filter(|browser| !browser.trim().is_empty());
    let has_screen = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some());
    let opener = match &named {
        Some(browser) => browser.as_str(),
        None if !has_screen || !io::stderr().is_terminal() => return,
        None if cfg!(target_os = "macos") => "open",
        None => "xdg-open",
    };
    let mut words = opener.split_whitespace();
    if let Some(program) = words.next() {
        let mut command = Command::new(program);
        command.args(words).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // The page is printed, too, so nothing is lost without a browser.
        let _ = command.spawn();
    }
}

const COLUMNS: [&str; 4] = ["profile", "handle", "user_id", "kept_in"];
/// The callback to register on the app's page.
const USUAL: &str = "http://127.0.0.1:8723/callback";
const ANY: &str = "http://127.0.0.1:0/callback";
/// After this long nobody is coming.
const PATIENCE: Duration = Duration::from_secs(60 * LIFETIME_MINUTES);
/// How often a PIN may be mistyped.
const TRIES: u32 = 3;
