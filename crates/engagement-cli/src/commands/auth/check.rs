//! `engagement auth check`: how each credential stands with the server, and what to do about it.

use engagement_credentials::{
    Account, Checked, Consumer, Errand, Finding, Found, Holdings, Origin, Proof,
    check::{self, Trouble},
};
use jiff::Timestamp;
use oauth_core::Secret;
use serde::{Serialize, Serializer};

use super::{exit_of, remedy};
use crate::{
    cli::AuthCheck,
    commands::handles,
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
    let mut own = credentials::find(settings, talk).await?;
    handles::learn(&mut own, options.handle.as_deref(), settings, talk).await?;
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

    /// The app of a profile, and its accounts or the one that is named. Whether the app may use the Engagement API is
    /// asked last, and on another host: what goes wrong there says nothing of the accounts.
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
        let mut app = Line::new(profile, "app", held.consumer.as_ref());
        let key = self.key(held, &mut learnt, &mut app).await?;
        let mut judged = Vec::new();
        for account in accounts {
            let mut line = Line::new(profile, "account", held.consumer.as_ref());
            line.handle.clone_from(&account.handle);
            line.user_id = account.user_id().map(|user_id| user_id.to_string());
            let about = match &key {
                Key::Good | Key::Probed(_) => self.account(profile, held, account, &mut line).await?,
                // Without a good app nothing is learnt of its tokens.
                Key::Bad(about) => about.clone(),
            };
            judged.push((account, line, about));
        }
        let about = match key {
            Key::Good => match learnt.bearer.as_ref().or(held.bearer.as_ref()) {
                Some(bearer) => {
                    let header = Secret::from(format!("Bearer {}", bearer.expose()));
                    self.probe(Proof::Header(header), Finding::WrongBearer, &mut app).await?
                }
                None => Judged::Good,
            },
            Key::Probed(about) | Key::Bad(about) => about,
        };
        app.settle(&about, "");
        learnt.app = Some(app.found);
        let is_provisioned = app.found != Finding::NotProvisioned;
        self.lines.push(app);
        for (account, mut line, about) in judged {
            let about = match about {
                Judged::Good if !is_provisioned => Judged::Known(Finding::NotProvisioned),
                about => about,
            };
            line.settle(&about, &account.name());
            learnt.accounts.push((account.token.clone(), line.found, line.handle.clone()));
            self.lines.push(line);
        }
        if let Err(failure) = self.keep(profile, found, learnt) {
            self.talk.warn(&format!("what was found is not kept: {failure}"));
        }
        Ok(())
    }

    /// Whether the server knows the app.
    async fn key(&self, held: &Holdings, learnt: &mut Learnt, line: &mut Line) -> Result<Key, Failure> {
        let Some(consumer) = &held.consumer else { return Ok(Key::Good) };
        let reply = match self.wire.send(&Errand::bearer_token(self.settings.api_url(), consumer)).await {
            Ok(reply) => reply,
            Err(failure) => return lost(failure).map(Key::Bad),
        };
        line.clock_ahead = reply.clock_ahead;
        let mut trouble = match check::bearer(&reply) {
            Ok(token) => {
                learnt.bearer = Some(token.secret().clone());
                return Ok(Key::Good);
            }
            Err(trouble) => trouble,
        };
        if !trouble.may_be_haste() {
            return Ok(Key::Bad(Judged::Bad(trouble)));
        }
        // What is signed with the key tells whether it is the key. Where no
        // answer does, the key stays refused.
        let signed = Proof::Signature(consumer.credentials());
        let about = self.probe(signed, Finding::WrongConsumer, line).await?;
        match &about {
            Judged::Good => return Ok(Key::Probed(about)),
            Judged::Bad(probed) => match probed.finding {
                Finding::NotProvisioned => return Ok(Key::Probed(about)),
                // Keys come before quotas (contract §5.3).
                Finding::QuotaUsedUp => trouble.finding = Finding::Server,
                _ => {}
            },
            Judged::Known(_) | Judged::Lost(_) => {}
        }
        Ok(Key::Bad(Judged::Bad(trouble)))
    }

    /// Whether the app may use the Engagement API.
    async fn probe(&self, proof: Proof, refused: Finding, line: &mut Line) -> Result<Judged, Failure> {
        let Some(errand) = check::probe(self.settings.base_url(), proof) else { return Ok(Judged::Good) };
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
                Ok(Judged::Good)
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
        let is_kept = |origin: &Origin| matches!(origin, Origin::File(_) | Origin::Keyring);
        let app = found.consumer.as_ref().or(found.bearer.as_ref()).is_some_and(is_kept);
        let accounts = found.accounts.iter().any(is_kept);
        let Some(store) = self.settings.store.as_ref().filter(|_| app || accounts) else { return Ok(()) };
        let at = Timestamp::now();
        let change = |held: &mut Holdings| {
            if app && let Some(finding) = learnt.app.filter(|finding| finding.is_about_credential()) {
                held.checked = Some(Checked { at, found: finding });
                held.bearer = learnt.bearer.or_else(|| held.bearer.take());
            }
            for (token, finding, handle) in learnt.accounts {
                let account = held.accounts.iter_mut().find(|account| account.token == token);
                if let Some(account) = account.filter(|_| finding.is_about_credential()) {
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

/// What is known of the app's key.
enum Key {
    Good,
    /// Good, and whether the app may use the Engagement API is known already.
    Probed(Judged),
    Bad(Judged),
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
    #[serde(serialize_with = "word")]
    pub(crate) found: Finding,
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
            found: Finding::Good,
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
        self.found = finding;
        self.message = match &self.other_profile {
            Some(other) => format!("{message}; it is good for the app of the profile {other}"),
            None => message,
        };
        // No answer says its own remedy.
        let own = matches!(judged, Judged::Lost(_));
        self.remedy = Some(remedy(finding, name)).filter(|remedy| !own && !remedy.is_empty());
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
        if self.found == Finding::Good {
            return None;
        }
        let message = format!("{}: {}", self.name(), self.message);
        let failure = Failure::new(exit_of(self.found), self.found.word(), message);
        Some(match &self.remedy {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        })
    }
}

fn word<S: Serializer>(found: &Finding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(found.word())
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
