//! Requests beside the questions: what a login, a check or a revocation needs sent.

use engagement::{
    describe,
    transport::{self, Answer, Authorization, Call, Head, Replay, Signing, Transport, Url, Verdict, verdict},
};
use engagement_credentials::{Errand, Proof, Reply};

use crate::{
    commands::setup::tell,
    exit::{Exit, Failure},
    settings::Settings,
    talk::Talk,
};

/// A transport of the settings.
pub(crate) struct Wire(Transport);

impl Wire {
    /// Opens no connection.
    pub(crate) fn new(settings: &Settings, talk: &Talk) -> Result<Self, Failure> {
        let told = talk.clone();
        let mut builder = Transport::builder().on_event(move |event| tell(event, &told));
        if let Some(timeout) = settings.timeout {
            builder = builder.attempt_timeout(timeout);
        }
        if let Some(pem) = &settings.extra_roots {
            builder = builder.extra_roots(pem.clone());
        }
        builder.build().map(Self).map_err(|error| unreachable(&error))
    }

    /// Asks for nothing in particular, as nobody: whether there is a server, and what time it has.
    pub(crate) async fn reach(&self, url: &Url) -> Result<Reply, transport::Error> {
        // A server in trouble is one that was reached.
        let answer = self.0.send(&Call::get(url.clone()).max_attempts(1), |_, _| Verdict::Done).await?;
        Ok(reply(&answer))
    }

    /// Sends it, again if that may help and does no harm, and gives whatever answer there is.
    pub(crate) async fn send(&self, errand: &Errand) -> Result<Reply, Failure> {
        let url = Url::parse(&errand.url).map_err(|error| {
            Failure::usage(format!("{:?}: {error}", errand.url)).hint("check --base-url and --api-url")
        })?;
        let mut call = if errand.method == "GET" { Call::get(url) } else { Call::post(url) };
        if let Some((content_type, body)) = &errand.body {
            let content_type = transport_value(content_type)?;
            call = call.body(content_type, body.expose().to_owned());
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
        let answer = match self.0.send(&call, judge).await {
            Ok(answer) => answer,
            Err(error) => match error.answer() {
                Some(answer) => answer.clone(),
                None => return Err(unreachable(&error)),
            },
        };
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

fn unreachable(error: &transport::Error) -> Failure {
    Failure::new(Exit::Network, "network", describe(error))
        .hint("check network, proxy and URL")
        .retryable(true)
}
