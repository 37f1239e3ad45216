//! Requests beside the questions: what a login, a check or a revocation needs sent.

use std::sync::Once;

use engagement::{
    describe,
    transport::{
        self, Answer, Authorization, Call, ErrorKind, Event, Head, Replay, Signing, Transport, Url, Verdict,
        verdict,
    },
};
use engagement_credentials::{Errand, Holdings, Proof, Reply};

use crate::{
    commands::setup::{SET_CLOCK, clock_is_off, tell},
    exit::{Exit, Failure},
    settings::{Settings, without_password},
    talk::Talk,
};

/// A transport of the settings, which lets no answer repeat what is held.
pub(crate) fn transport(
    settings: &Settings,
    held: &Holdings,
    on_event: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Result<Transport, Failure> {
    let mut builder = Transport::builder().on_event(on_event);
    if let Some(timeout) = settings.timeout {
        builder = builder.attempt_timeout(timeout);
    }
    if let Some(pem) = &settings.extra_roots {
        builder = builder.extra_roots(pem.clone());
    }
    let transport = builder.build().map_err(|error| unreachable(&error))?;
    for secret in held.secrets() {
        transport.conceal(secret);
    }
    Ok(transport)
}

/// Sends errands.
pub(crate) struct Wire {
    transport: Transport,
    talk: Talk,
    clock_told: Once,
}

impl Wire {
    /// Opens no connection.
    pub(crate) fn new(settings: &Settings, held: &Holdings, talk: &Talk) -> Result<Self, Failure> {
        let told = talk.clone();
        let hook = move |event: &Event<'_>| match event {
            // Said once below, whether a signature was refused for it or not.
            Event::ClockSkew { .. } => {}
            event => tell(event, &told),
        };
        let transport = transport(settings, held, hook)?;
        Ok(Self { transport, talk: talk.clone(), clock_told: Once::new() })
    }

    /// Lets no answer repeat these, either.
    pub(crate) fn conceal(&self, held: &Holdings) {
        for secret in held.secrets() {
            self.transport.conceal(secret);
        }
    }

    /// Asks for nothing in particular, as nobody: whether there is a server, and what time it has.
    pub(crate) async fn reach(&self, url: &Url) -> Result<Reply, transport::Error> {
        // A server in trouble is one that was reached.
        let answer =
            self.transport.send(&Call::get(url.clone()).max_attempts(1), |_, _| Verdict::Done).await?;
        Ok(reply(&answer))
    }

    /// Sends it, again if that may help and does no harm, and gives whatever answer there is.
    pub(crate) async fn send(&self, errand: &Errand) -> Result<Reply, Failure> {
        let url = Url::parse(&errand.url).map_err(|error| {
            let shown = without_password(errand.url.split('?').next().unwrap_or_default());
            Failure::usage(format!("{shown:?}: {error}")).hint("check --base-url and --api-url")
        })?;
        let mut call = if errand.method == "GET" { Call::get(url) } else { Call::post(url) };
        if let Some((content_type, body)) = &errand.body {
            let content_type = transport_value(content_type)?;
            call = call.body(content_type, body.expose().to_owned());
        }
        if errand.brings_secret {
            call = call.brings_secret();
        }
        // A verifier is good once; all else can be said twice.
        let once = matches!(errand.proof, Proof::WithVerifier(..));
        let call = call
            .authorization(match &errand.proof {
                Proof::Signature(credentials) => Authorization::oauth1(credentials),
                Proof::WithCallback(credentials, callback) => {
                    Authorization::OAuth1(Signing::with_callback(credentials, callback))
                }
                Proof::WithVerifier(credentials, verifier) => {
                    Authorization::OAuth1(Signing::with_verifier(credentials, verifier.expose()))
                }
                Proof::Header(value) => Authorization::Header(value.clone()),
            })
            .replay(if once { Replay::Never } else { Replay::Safe });
        let answer = match self.transport.send(&call, judge).await {
            Ok(answer) => answer,
            Err(error) => match error.answer() {
                Some(answer) => answer.clone(),
                None => return Err(unreachable(&error)),
            },
        };
        if let Some(words) = answer.clock_ahead.and_then(clock_is_off) {
            self.clock_told.call_once(|| {
                self.talk.warn(&format!("{words}; requests are signed by the server's; {SET_CLOCK}"));
            });
        }
        Ok(reply(&answer))
    }
}

fn reply(answer: &Answer) -> Reply {
    Reply { status: answer.status.as_u16(), body: answer.body.to_vec(), clock_ahead: answer.clock_ahead }
}

/// Somebody waits for the answer: a used up quota is one, too.
fn judge(head: &Head<'_>, body: &[u8]) -> Verdict {
    match verdict::by_status(head, body) {
        Verdict::Wait { .. } => Verdict::Done,
        verdict => verdict,
    }
}

fn transport_value<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::new(Exit::Bug, "header", format!("{text:?} is no header value")))
}

/// Why there is no answer.
pub(crate) fn unreachable(error: &transport::Error) -> Failure {
    if error.kind() == ErrorKind::Sign {
        return Failure::new(Exit::Authentication, "unsigned", describe(error))
            .hint("a credential has characters that none has: keep it again, with `engagement auth app` or `auth add`");
    }
    Failure::new(Exit::Network, "network", describe(error))
        .hint("check network, proxy and URL")
        .retryable(true)
}
