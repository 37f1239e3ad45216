//! `engagement auth check`: how each credential stands with the server, and what to do about it.

use engagement_credentials::{
    Account, Checked, Consumer, Errand, Finding, Found, Holdings, Origin, Proof,
    check::{self, Trouble},
};
use jiff::Timestamp;
use oauth_core::Secret;
use serde::Serialize;

use super::exit_of;
use crate::{
    cli::AuthCheck,
    credentials::{self, refused_store},
    exit::{Exit, Failure},
    place::Place,
    records,
    settings::Settings,
    signal,
    talk::Talk,
    wire::Wire,
};

/// Runs it.
pub(super) async fn run(options: &AuthCheck, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    tokio::select! {
        biased;
        exit = signal::stopped() => Ok(exit),
        ended = check_all(options, settings, talk) => ended,
    }
}

async fn check_all(options: &AuthCheck, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let own = credentials::find(settings, talk)?;
    if own.holdings.is_empty() && !options.all {
        return Err(credentials::none());
    }
    let place = Place::open(settings.out.as_deref())?;
    let mut judge = Judge::new(settings, talk)?;
    judge.profile(settings.profile_name(), &own, options.handle.as_deref()).await?;
    if let (true, Some(store)) = (options.all, &settings.store) {
        let refused = |error| refused_store(&error);
        for profile in store.profiles().map_err(refused)? {
            if let Some((origin, holdings)) = store.holdings(&profile).map_err(refused)?
                && profile != settings.profile_name()
            {
                let mut found = Found::default();
                found.add(origin, holdings);
                judge.profile(&profile, &found, None).await?;
            }
        }
    }
    let lines = judge.lines;
    let mut happened = Vec::new();
    for line in &lines {
        if let Some(failure) = line.failure() {
            talk.failure(&failure);
            happened.push(failure.exit);
        }
    }
    records::put(&lines, &COLUMNS, settings.output, place)?;
    Ok(Exit::of_all(&happened, false))
}

/// Asks about one credential after the other.
pub(crate) struct Judge<'a> {
    settings: &'a Settings,
    talk: &'a Talk,
    wire: Wire,
    /// What was found.
    pub(crate) lines: Vec<Line>,
}

impl<'a> Judge<'a> {
    /// Has found nothing yet.
    pub(crate) fn new(settings: &'a Settings, talk: &'a Talk) -> Result<Self, Failure> {
        Ok(Self { settings, talk, wire: Wire::new(settings, &Holdings::default(), talk)?, lines: Vec::new() })
    }

    /// The app of a profile, and its accounts or the one that is named.
    pub(crate) async fn profile(
        &mut self,
        profile: &str,
        found: &Found,
        only: Option<&str>,
    ) -> Result<(), Failure> {
        let held = &found.holdings;
        self.wire.conceal(held);
        let accounts: Vec<&Account> = match only {
            None => held.accounts.iter().collect(),
            Some(name) => vec![held.account(name).ok_or_else(|| unknown(name, held))?],
        };
        let mut learnt = Learnt::default();
        let mut line = Line::new(profile, "app", held.consumer.as_ref());
        let app = self.app(held, &mut learnt, &mut line).await?;
        line.settle(&app, "");
        let app_found = line.found();
        learnt.app = Some(app_found);
        self.lines.push(line);
        for account in accounts {
            let mut line = Line::new(profile, "account", held.consumer.as_ref());
            line.handle.clone_from(&account.handle);
            line.user_id = account.user_id().map(|user_id| user_id.to_string());
            // Without a good app nothing is learnt of its tokens.
            let judged = match app_found {
                Finding::Good | Finding::NotProvisioned | Finding::WrongBearer => {
                    self.account(profile, held, account, &mut learnt, &mut line).await?
                }
                _ => app.clone(),
            };
            line.settle(&judged, &account.name());
            learnt.accounts.push((account.token.clone(), line.found(), line.handle.clone()));
            self.lines.push(line);
        }
        self.keep(profile, found, learnt)
    }

    /// Whether the server knows the app, and the app may use the Engagement API.
    async fn app(&self, held: &Holdings, learnt: &mut Learnt, line: &mut Line) -> Result<Judged, Failure> {
        let mut bearer = held.bearer.clone();
        if let Some(consumer) = &held.consumer {
            let errand = Errand::bearer_token(self.settings.api_url(), consumer);
            let reply = match self.wire.send(&errand).await {
                Ok(reply) => reply,
                Err(failure) => return lost(failure),
            };
            line.clock_ahead = reply.clock_ahead;
            match check::bearer(&reply) {
                Ok(token) => bearer = Some(token.secret().clone()),
                Err(trouble) => return Ok(Judged::Bad(trouble)),
            }
            learnt.bearer.clone_from(&bearer);
        }
        let refused = if held.consumer.is_some() { Finding::WrongConsumer } else { Finding::WrongBearer };
        let Some(bearer) = bearer else { return Ok(Judged::Good) };
        let header = Secret::from(format!("Bearer {}", bearer.expose()));
        let Some(errand) = check::probe(self.settings.base_url(), Proof::Header(header)) else {
            return Ok(Judged::Good);
        };
        let reply = match self.wire.send(&errand).await {
            Ok(reply) => reply,
            Err(failure) => return lost(failure),
        };
        line.clock_ahead = reply.clock_ahead.or(line.clock_ahead);
        Ok(check::probed(&reply, refused).map_or_else(Judged::Bad, |()| Judged::Good))
    }

    /// Whether the server knows the token.
    async fn account(
        &self,
        profile: &str,
        held: &Holdings,
        account: &Account,
        learnt: &mut Learnt,
        line: &mut Line,
    ) -> Result<Judged, Failure> {
        let Some(credentials) = held.credentials(account) else { return Ok(Judged::Good) };
        let reply = match self.wire.send(&Errand::verify(self.settings.api_url(), credentials)).await {
            Ok(reply) => reply,
            Err(failure) => return lost(failure),
        };
        line.clock_ahead = reply.clock_ahead;
        match check::account(&reply, account) {
            Ok(identity) => {
                if let Some(before) = &account.handle
                    && !before.eq_ignore_ascii_case(&identity.handle)
                {
                    self.talk.warn(&format!("@{before} is called @{} by now", identity.handle));
                }
                line.handle = Some(identity.handle);
                line.user_id = Some(identity.user_id.to_string());
                Ok(match learnt.app {
                    Some(Finding::NotProvisioned) => Judged::Known(Finding::NotProvisioned),
                    _ => Judged::Good,
                })
            }
            Err(mut trouble) => {
                if trouble.finding == Finding::WrongToken
                    && let Some(other) = self.other_app(profile, held, account).await?
                {
                    trouble.finding = Finding::OtherApp;
                    line.other_profile = Some(other);
                }
                Ok(Judged::Bad(trouble))
            }
        }
    }

    /// The profile whose app can use the token, if one that is kept can.
    async fn other_app(
        &self,
        profile: &str,
        held: &Holdings,
        account: &Account,
    ) -> Result<Option<String>, Failure> {
        let Some(store) = &self.settings.store else { return Ok(None) };
        let own = held.consumer.as_ref().map(|consumer| &consumer.key);
        for other in store.profiles().map_err(|error| refused_store(&error))? {
            let Ok(Some((_, holdings))) = store.holdings(&other) else { continue };
            let is_another = holdings.consumer.as_ref().is_some_and(|consumer| Some(&consumer.key) != own);
            if other == profile || !is_another {
                continue;
            }
            if let Some(credentials) = holdings.credentials(account) {
                self.wire.conceal(&holdings);
                let errand = Errand::verify(self.settings.api_url(), credentials);
                if self.wire.send(&errand).await.is_ok_and(|reply| reply.status == 200) {
                    return Ok(Some(other));
                }
            }
        }
        Ok(None)
    }

    /// Writes down what was found, where it is kept.
    fn keep(&self, profile: &str, found: &Found, learnt: Learnt) -> Result<(), Failure> {
        let is_kept = |origin: &Option<Origin>| matches!(origin, Some(Origin::File(_) | Origin::Keyring));
        let (app, accounts) = (is_kept(&found.consumer) || is_kept(&found.bearer), is_kept(&found.accounts));
        let Some(store) = self.settings.store.as_ref().filter(|_| app || accounts) else { return Ok(()) };
        let at = Timestamp::now();
        let change = |held: &mut Holdings| {
            if app && let Some(finding) = learnt.app.filter(|finding| finding.is_about_credential()) {
                held.checked = Some(Checked { at, found: finding });
                held.bearer = learnt.bearer.or_else(|| held.bearer.take());
            }
            for (token, finding, handle) in learnt.accounts {
                let account = held.accounts.iter_mut().find(|account| account.token == token);
                if let Some(account) = account.filter(|_| accounts && finding.is_about_credential()) {
                    account.checked = Some(Checked { at, found: finding });
                    account.handle = handle.or_else(|| account.handle.take());
                }
            }
        };
        store.change(profile, change).map_err(|error| refused_store(&error))
    }
}

/// What a check adds to what is held.
#[derive(Default)]
struct Learnt {
    app: Option<Finding>,
    bearer: Option<Secret>,
    accounts: Vec<(Secret, Finding, Option<String>)>,
}

/// How a credential stands.
#[derive(Clone)]
enum Judged {
    Good,
    Bad(Trouble),
    /// Not asked again, since it is known of its app.
    Known(Finding),
    Lost(String),
}

/// No answer is a finding, too; a URL that cannot be one is a mistake of the settings.
fn lost(failure: Failure) -> Result<Judged, Failure> {
    if failure.exit == Exit::Network { Ok(Judged::Lost(failure.to_string())) } else { Err(failure) }
}

/// One credential, and how it stands.
#[derive(Clone, Serialize)]
pub(crate) struct Line {
    profile: String,
    pub(crate) kind: &'static str,
    pub(crate) handle: Option<String>,
    user_id: Option<String>,
    /// Consumer keys are shown here and in few other places.
    consumer_key: Option<String>,
    found: &'static str,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
    /// The profile whose app the token belongs to.
    other_profile: Option<String>,
    /// Seconds by which the server's clock is ahead of this machine's.
    pub(crate) clock_ahead: Option<i64>,
}

impl Line {
    fn new(profile: &str, kind: &'static str, consumer: Option<&Consumer>) -> Self {
        Self {
            profile: profile.to_owned(),
            kind,
            handle: None,
            user_id: None,
            consumer_key: consumer.map(|consumer| consumer.key.expose().to_owned()),
            found: Finding::Good.word(),
            message: String::new(),
            remedy: None,
            other_profile: None,
            clock_ahead: None,
        }
    }

    fn settle(&mut self, judged: &Judged, name: &str) {
        let (finding, message) = match judged {
            Judged::Good => (Finding::Good, Finding::Good.describe().to_owned()),
            Judged::Bad(trouble) => (trouble.finding, trouble.to_string()),
            Judged::Known(finding) => (*finding, finding.describe().to_owned()),
            Judged::Lost(message) => (Finding::Network, message.clone()),
        };
        self.found = finding.word();
        self.message = match &self.other_profile {
            Some(other) => format!("{message}; it is good for the app of the profile {other}"),
            None => message,
        };
        // No answer says its own remedy.
        let remedy = Some(finding.remedy(name)).filter(|_| !matches!(judged, Judged::Lost(_)));
        self.remedy = remedy.filter(|remedy| !remedy.is_empty());
    }

    pub(crate) fn found(&self) -> Finding {
        Finding::from_word(self.found).unwrap_or(Finding::Server)
    }

    /// Who it is about.
    pub(crate) fn name(&self) -> String {
        match (&self.handle, &self.user_id) {
            _ if self.kind == "app" => "the app".to_owned(),
            (Some(handle), _) => format!("@{handle}"),
            (None, Some(user_id)) => format!("the account {user_id}"),
            (None, None) => "the account".to_owned(),
        }
    }

    fn failure(&self) -> Option<Failure> {
        let finding = self.found();
        if finding == Finding::Good {
            return None;
        }
        let failure =
            Failure::new(exit_of(finding), self.found, format!("{}: {}", self.name(), self.message));
        Some(match &self.remedy {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        })
    }
}

fn unknown(name: &str, held: &Holdings) -> Failure {
    let names: Vec<_> = held.accounts.iter().map(Account::name).collect();
    let known = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    Failure::new(
        Exit::Authentication,
        "unknown_account",
        format!("no access token for the account {name:?}; there are tokens for {known}"),
    )
    .hint(format!("authorise it with `engagement auth login {name}`"))
}

const COLUMNS: [&str; 8] =
    ["profile", "kind", "handle", "user_id", "consumer_key", "found", "message", "remedy"];
