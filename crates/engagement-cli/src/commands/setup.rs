//! A client as options, settings and credentials say, and the words for what goes on in it.

use std::{num::NonZeroU32, sync::Arc};

use engagement::{
    Client, Who, describe,
    model::InvalidRequest,
    transport::{Event, Quota, Waiting, clocks_apart},
};
use engagement_credentials::Found;
use jiff::Timestamp;

use crate::{
    cli::{Pace, Selection},
    commands::{emulator::Embedded, handles},
    credentials,
    exit::{Exit, Failure},
    settings::Settings,
    talk::Talk,
};

/// A client with the credentials that there are, for the emulator inside this process if there is one. What is only
/// planned needs none.
pub(crate) async fn connect(
    need: &Need<'_>,
    settings: &Settings,
    embedded: Option<&Embedded>,
    talk: &Talk,
) -> Result<Client, Failure> {
    let found = match embedded {
        Some(embedded) => embedded.credentials(),
        None if need.dry_run => credentials::find(settings, talk).await?,
        None => {
            let mut found = credentials::require(credentials::find(settings, talk).await?)?;
            handles::learn(&mut found, need.names(), settings, talk).await?;
            found
        }
    };
    let base_url = embedded.map_or_else(|| settings.base_url(), Embedded::url);
    client(need.pace, settings, &found, base_url, talk)
}

/// What a client is for.
pub(crate) struct Need<'a> {
    pub(crate) pace: &'a Pace,
    pub(crate) selection: &'a Selection,
    /// The owners that are named anywhere.
    pub(crate) owners: &'a [Arc<str>],
    pub(crate) dry_run: bool,
}

impl Need<'_> {
    /// Whose tokens are asked for.
    fn names(&self) -> Vec<&str> {
        match &self.selection.ask_as {
            Some(name) => vec![name],
            None if self.selection.app => Vec::new(),
            None => self.owners.iter().map(AsRef::as_ref).collect(),
        }
    }
}

/// Who is to ask.
pub(crate) fn who(selection: &Selection) -> Who {
    match &selection.ask_as {
        Some(handle) => Who::Account(handle.clone()),
        None if selection.app => Who::App,
        None => Who::Auto,
    }
}

/// A client for what is asked.
fn client(
    pace: &Pace,
    settings: &Settings,
    found: &Found,
    base_url: &str,
    talk: &Talk,
) -> Result<Client, Failure> {
    let mut builder = Client::builder().base_url(base_url);
    // An emulator inside has its OAuth endpoints beside the API.
    if base_url == settings.base_url() {
        builder = builder.api_url(settings.api_url());
    }
    if let Some(keep) = credentials::bearer_keeper(settings, found, talk) {
        builder = builder.on_bearer(keep);
    }
    if let Some(app) = credentials::app(&found.holdings) {
        builder = builder.app(app);
    }
    for account in credentials::accounts(found) {
        builder = builder.account(account);
    }
    if let Some(timeout) = settings.timeout {
        builder = builder.timeout(timeout);
    }
    if let Some(rate) = pace.quota.or(settings.quota) {
        builder = builder.quota(Quota::per_minute(NonZeroU32::get(rate.0)));
    }
    if let Some(requests) = pace.concurrency.or(settings.concurrency) {
        builder = builder.concurrency(requests.get().into());
    }
    if let Some(requests) = pace.max_requests {
        builder = builder.max_requests(requests);
    }
    if let Some(pem) = &settings.extra_roots {
        builder = builder.extra_roots(pem.clone());
    }
    #[cfg(feature = "http2")]
    {
        builder = builder.transport(|transport| transport.http(engagement::transport::Http::Negotiated));
    }
    let talk = talk.clone();
    builder.on_event(move |event| tell(event, &talk)).build().map_err(|error| refused(&error))
}

/// What goes on below, for people.
pub(crate) fn tell(event: &Event<'_>, talk: &Talk) {
    match event {
        Event::Waiting { why, delay, until, .. } => {
            let why = match why {
                Waiting::Refused => "the server says that the quota is used up",
                Waiting::Second => "the quota of this second is used up",
                _ => "the quota of this minute is used up",
            };
            let until =
                Timestamp::try_from(*until).map_or_else(|_| String::new(), |until| format!("{until:.0}"));
            talk.say(&format!("{why}; going on in {:.0} s, at {until}", delay.as_secs_f64().ceil()));
        }
        Event::Retrying { attempt, reason, delay, path, .. } => talk.detail(&format!(
            "{path}: attempt {attempt} failed ({reason}); again in {:.1} s",
            delay.as_secs_f64()
        )),
        Event::QuotaLearnt { per_minute: Some(calls), .. } => {
            talk.detail(&format!("the server allows {calls} requests a minute"));
        }
        Event::ClockSkew { ahead, .. } => {
            talk.warn(&format!("{}; requests are signed by the server's; {SET_CLOCK}", clocks_apart(*ahead)));
        }
        Event::Sending { path, attempt, .. } => talk.trace(&format!("POST {path}, attempt {attempt}")),
        _ => {}
    }
}

/// How far the clocks are apart, if it is far enough to be worth a word.
pub(crate) fn clock_is_off(server_ahead: i64) -> Option<String> {
    (server_ahead.unsigned_abs() > CLOCK_TOLERANCE).then(|| clocks_apart(server_ahead))
}

/// A query or client that is refused before anything is sent.
pub(crate) fn refused(error: &engagement::Error) -> Failure {
    use engagement::ErrorKind;
    let message = describe(error);
    match error.kind() {
        ErrorKind::NoCredential | ErrorKind::NoConsumer { .. } => {
            Failure::new(Exit::Authentication, "no_credentials", message).hint(
                "set ENGAGEMENT_CONSUMER_KEY and ENGAGEMENT_CONSUMER_SECRET, or ENGAGEMENT_BEARER_TOKEN",
            )
        }
        ErrorKind::NeedsOwner { .. } => Failure::new(Exit::Authentication, "needs_owner", message)
            .hint(
                "leave out --app if it is there; authorise the owner with `engagement auth login HANDLE`; where that is done, name the account with \
                 --as HANDLE, or the owners with --owners FILE",
            ),
        ErrorKind::UnknownAccount { .. } => Failure::new(Exit::Authentication, "unknown_account", message)
            .hint("check the handle, or leave out --as"),
        ErrorKind::Request(InvalidRequest::NoTweetIds) => Failure::new(Exit::Input, "no_ids", message),
        _ => Failure::usage(message),
    }
}

/// What to do about a server that is not trusted.
pub(crate) const MEND_TRUST: &str =
    "check the system's certificates and its clock; name a private authority with --ca-file";
/// What to do about clocks that are apart.
pub(crate) const SET_CLOCK: &str = "set this machine's clock";
/// Seconds by which clocks may differ without a word: half of what servers are known to take.
const CLOCK_TOLERANCE: u64 = 150;
