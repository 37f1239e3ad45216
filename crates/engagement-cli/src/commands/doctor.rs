//! `engagement doctor`: what is wrong, and how to mend it.

use std::{path::Path, time::Duration};

use engagement::{
    describe,
    transport::{ErrorKind, Proxy, Url},
};
use engagement_credentials::{Finding, Found, Holdings};
use engagement_store::Store;
use jiff::Timestamp;
use serde::Serialize;
use tokio::{net::lookup_host, time::timeout};

use crate::{
    cli::{Doctor, Format, Global},
    commands::{
        auth::check::Judge,
        emulator::Embedded,
        setup::{MEND_TRUST, SET_CLOCK, clock_is_off},
    },
    credentials,
    exit::{Exit, Failure},
    place::Place,
    records,
    settings::{self, NewProfile, Settings, without_password},
    signal,
    talk::Talk,
    wire::Wire,
};

/// Runs it.
pub(crate) async fn run(doctor: &Doctor, global: &Global, talk: &mut Talk) -> Result<Exit, Failure> {
    let format = if doctor.json { Some(Format::Json) } else { global.output };
    talk.output(format);
    let talk = &*talk;
    tokio::select! {
        biased;
        exit = signal::stopped() => Ok(exit),
        ended = examine(doctor, global, talk, format) => ended,
    }
}

async fn examine(
    doctor: &Doctor,
    global: &Global,
    talk: &Talk,
    format: Option<Format>,
) -> Result<Exit, Failure> {
    let place = Place::open(global.out.as_deref())?;
    let mut report = Report::default();
    if let Some(mut settings) = report.settings(global) {
        let embedded = if settings.is_emulator() { Some(Embedded::start().await?) } else { None };
        if let Some(embedded) = &embedded {
            settings.base_url = Some(embedded.url().to_owned());
        }
        let wire = Wire::new(&settings, &Holdings::default(), talk)?;
        let is_reached = report.server(&wire, "API", settings.base_url()).await;
        if settings.api_url() != settings.base_url().trim_end_matches('/') {
            report.server(&wire, "OAuth", settings.api_url()).await;
        }
        let found = match &embedded {
            Some(embedded) => Ok(embedded.credentials()),
            None => credentials::find(&settings, talk).await,
        };
        report.credentials(&settings, talk, found, is_reached).await?;
    }
    report.store(doctor.store.as_deref());
    let happened: Vec<Exit> = report.findings.iter().filter_map(|finding| finding.exit).collect();
    match format {
        Some(format) => records::put(&report.findings, &COLUMNS, Some(format), place)?,
        None => place.put(report.text().as_bytes())?,
    };
    Ok(Exit::of_all(&happened, false))
}

/// What was found so far.
#[derive(Default)]
struct Report {
    findings: Vec<Line>,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Line {
    check: String,
    state: &'static str,
    message: String,
    remedy: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

impl Report {
    fn good(&mut self, check: impl Into<String>, message: impl Into<String>) {
        self.add(check, "ok", message, None, None);
    }

    fn warn(&mut self, check: impl Into<String>, message: impl Into<String>, remedy: &str) {
        self.add(check, "warning", message, Some(remedy.to_owned()), None);
    }

    fn bad(
        &mut self,
        check: impl Into<String>,
        message: impl Into<String>,
        remedy: Option<String>,
        exit: Exit,
    ) {
        self.add(check, "failed", message, remedy, Some(exit));
    }

    fn add(
        &mut self,
        check: impl Into<String>,
        state: &'static str,
        message: impl Into<String>,
        remedy: Option<String>,
        exit: Option<Exit>,
    ) {
        self.findings.push(Line { check: check.into(), state, message: message.into(), remedy, exit });
    }

    /// The config files, and each value with its origin. `None` if they cannot be used.
    fn settings(&mut self, global: &Global) -> Option<Settings> {
        let looked_for = match settings::looked_for(global) {
            Ok(looked_for) => looked_for,
            Err(failure) => {
                self.failed("config", &failure);
                return None;
            }
        };
        for file in looked_for {
            let state = if file.is_there { "is read" } else { "is not there" };
            self.good("config", format!("{} {state}", file.path.display()));
        }
        match Settings::explained(global, NewProfile::Refused) {
            Ok((settings, values)) => {
                for value in values {
                    self.good(
                        format!("setting {}", value.name),
                        format!("{} ({})", value.value, value.origin),
                    );
                }
                Some(settings)
            }
            Err(failure) => {
                self.failed("config", &failure);
                None
            }
        }
    }

    fn failed(&mut self, check: &str, failure: &Failure) {
        let (message, hint) = failure.parts();
        self.bad(check, message, hint.map(str::to_owned), failure.exit);
    }

    /// The way to a server: proxy, name, connection, clock. Whether it was reached.
    async fn server(&mut self, wire: &Wire, which: &str, url: &str) -> bool {
        let url = match Url::parse(url) {
            Ok(url) => url,
            Err(error) => {
                let remedy = Some("check --base-url and --api-url".to_owned());
                let url = without_password(url);
                self.bad(format!("{which} server"), format!("{url:?}: {error}"), remedy, Exit::Usage);
                return false;
            }
        };
        let proxy = Proxy::from_env().for_url(&url);
        let through = match &proxy {
            Some(proxy) => format!("through {proxy}, by the environment"),
            None => "none".to_owned(),
        };
        self.good(format!("{which} proxy"), through);
        // Behind a proxy the name is the proxy's to look up.
        if proxy.is_none() {
            self.name(which, &url).await;
        }
        let kind = if url.as_str().starts_with("https:") { "TLS" } else { "plain http, to this machine" };
        match wire.reach(&url).await {
            Ok(reply) => {
                self.good(format!("{which} connection"), format!("{} answers ({kind})", url.host()));
                self.clock(which, reply.clock_ahead);
                true
            }
            Err(error) => {
                let remedy = match error.kind() {
                    ErrorKind::Tls => MEND_TRUST,
                    ErrorKind::Proxy => "check HTTPS_PROXY, and the proxy's user name and password in it",
                    _ => "check the network, HTTPS_PROXY, and the URL",
                };
                let message = describe(&error);
                self.bad(format!("{which} connection"), message, Some(remedy.to_owned()), Exit::Network);
                false
            }
        }
    }

    async fn name(&mut self, which: &str, url: &Url) {
        let check = format!("{which} name");
        match timeout(PATIENCE, lookup_host((url.host(), url.port()))).await {
            Ok(Ok(addresses)) => {
                let addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
                self.good(check, format!("{} is {}", url.host(), addresses.join(", ")));
            }
            Ok(Err(error)) => self.bad(
                check,
                format!("{} is not found: {error}", url.host()),
                Some("check the network's name servers, or set HTTPS_PROXY".to_owned()),
                Exit::Network,
            ),
            Err(_) => self.bad(
                check,
                format!("no name server answers for {}", url.host()),
                Some("check the network's name servers, or set HTTPS_PROXY".to_owned()),
                Exit::Network,
            ),
        }
    }

    fn clock(&mut self, which: &str, ahead: Option<i64>) {
        let check = format!("{which} clock");
        match ahead {
            None => self.good(check, "the server does not tell its time"),
            Some(ahead) => match clock_is_off(ahead) {
                Some(words) => {
                    self.warn(check, format!("{words}; requests are signed by the server's"), SET_CLOCK);
                }
                None => self.good(check, format!("it and the server's are {} s apart", ahead.unsigned_abs())),
            },
        }
    }

    /// Where credentials come from, and how each stands.
    async fn credentials(
        &mut self,
        settings: &Settings,
        talk: &Talk,
        found: Result<Found, Failure>,
        is_reached: bool,
    ) -> Result<(), Failure> {
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                self.failed("credentials", &failure);
                return Ok(());
            }
        };
        if found.holdings.is_empty() {
            self.failed("credentials", &credentials::none());
            return Ok(());
        }
        if let Some(error) = &found.left_out {
            let (message, remedy) = credentials::left_out(error);
            self.warn("kept credentials", message, &remedy);
        }
        for (what, origin) in [("app", &found.consumer), ("bearer token", &found.bearer)] {
            if let Some(origin) = origin {
                self.good(format!("origin of {what}"), origin.to_string());
            }
        }
        let mut origins: Vec<String> = found.accounts.iter().map(ToString::to_string).collect();
        origins.dedup();
        if !origins.is_empty() {
            self.good("origin of accounts", origins.join(", "));
        }
        if !is_reached {
            self.warn(
                "credentials",
                "not checked, since the server was not reached",
                "mend the connection first",
            );
            return Ok(());
        }
        let mut judge = Judge::new(settings, talk)?;
        judge.profile(settings.profile_name(), &found, None).await?;
        for line in judge.lines {
            let check = format!("credential {}", line.name());
            let finding = line.found;
            if line.kind == "app" {
                match finding {
                    Finding::NotProvisioned => {
                        self.good(check, Finding::Good.describe());
                        self.bad("provisioning", line.message, line.remedy, Exit::Authentication);
                        continue;
                    }
                    Finding::Good => self.good("provisioning", "the app may use the Engagement API"),
                    _ => {}
                }
            }
            match finding {
                Finding::Good => self.good(check, line.message),
                // Said of the app already.
                Finding::NotProvisioned => self.good(check, Finding::Good.describe()),
                finding => self.bad(check, line.message, line.remedy, super::auth::exit_of(finding)),
            }
        }
        Ok(())
    }

    /// Whether the store can be read, and what is in it.
    fn store(&mut self, named: Option<&Path>) {
        let path = named.unwrap_or(Path::new(STORE));
        if named.is_none() && !path.exists() {
            return self.good("store", format!("{} is not there, and nothing needs it", path.display()));
        }
        let jobs = Store::open(path, Timestamp::now()).and_then(|store| {
            let reader = store.reader()?;
            reader.check()?;
            reader.jobs()
        });
        match jobs {
            Ok(jobs) => self.good("store", format!("{} is sound, with {} jobs", path.display(), jobs.len())),
            Err(error) => {
                let remedy = Some(error.remedy().to_owned()).filter(|remedy| !remedy.is_empty());
                self.bad("store", describe(&error), remedy, Exit::Storage);
            }
        }
    }

    /// A line for each finding.
    fn text(&self) -> String {
        let mut text = String::new();
        for Line { check, state, message, remedy, .. } in &self.findings {
            text.push_str(&format!(
                "{state:<9}{check}: {}",
                engagement::model::outcome::clean_words(message, usize::MAX)
            ));
            if let Some(remedy) = remedy {
                text.push_str(&format!("; {remedy}"));
            }
            text.push('\n');
        }
        text
    }
}

const COLUMNS: [&str; 4] = ["check", "state", "message", "remedy"];
/// Where stores are, unless another place is named.
pub(crate) const STORE: &str = "engagement.db";
/// For a name server to answer.
const PATIENCE: Duration = Duration::from_secs(5);
