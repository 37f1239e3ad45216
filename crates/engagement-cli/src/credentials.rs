//! Credentials from the environment. No option takes a secret.

use std::{env, fs, path::Path};

use engagement::{Account, App, oauth_core::Secret};

use crate::{
    exit::{Exit, Failure},
    talk::Talk,
};

/// Who may ask.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) app: Option<App>,
    /// The consumer key and secret once more, for signing other requests.
    pub(crate) consumer: Option<(String, Secret)>,
    pub(crate) bearer: Option<Secret>,
    pub(crate) token: Option<(Secret, Secret)>,
    pub(crate) accounts: Vec<Account>,
}

impl Credentials {
    /// Reads `ENGAGEMENT_CONSUMER_KEY` and its sisters, or the files that their `_FILE` twins name.
    pub(crate) fn from_environment(talk: &Talk) -> Result<Self, Failure> {
        let key = read("CONSUMER_KEY", talk)?;
        let secret = read("CONSUMER_SECRET", talk)?;
        let token = read("ACCESS_TOKEN", talk)?;
        let token_secret = read("ACCESS_TOKEN_SECRET", talk)?;
        let bearer = read("BEARER_TOKEN", talk)?;
        let consumer = both("CONSUMER_KEY", key, "CONSUMER_SECRET", secret)?;
        let token = both("ACCESS_TOKEN", token, "ACCESS_TOKEN_SECRET", token_secret)?;
        if token.is_some() && consumer.is_none() {
            return Err(missing("CONSUMER_KEY", "ACCESS_TOKEN"));
        }
        let consumer = consumer.map(|(key, secret)| (key.expose().to_owned(), secret));
        let app = match (&consumer, &bearer) {
            (Some((key, secret)), None) => Some(App::consumer(key, secret.clone())),
            (Some((key, secret)), Some(bearer)) => {
                Some(App::consumer(key, secret.clone()).with_bearer(bearer.clone()))
            }
            (None, Some(bearer)) => Some(App::bearer(bearer.clone())),
            (None, None) => None,
        };
        let accounts =
            token.iter().map(|(token, secret)| Account::new(token.clone(), secret.clone())).collect();
        Ok(Self { app, consumer, bearer, token, accounts })
    }

    /// Refuses to go on without any.
    pub(crate) fn require(self) -> Result<Self, Failure> {
        if self.app.is_some() {
            return Ok(self);
        }
        Err(Failure::new(Exit::Authentication, "no_credentials", "there are no credentials").hint(
            "set ENGAGEMENT_CONSUMER_KEY and ENGAGEMENT_CONSUMER_SECRET (and for owned Tweets ENGAGEMENT_ACCESS_TOKEN \
             and ENGAGEMENT_ACCESS_TOKEN_SECRET), or ENGAGEMENT_BEARER_TOKEN; to try without any, add --profile \
             emulator",
        ))
    }
}

fn read(name: &str, talk: &Talk) -> Result<Option<Secret>, Failure> {
    let variable = format!("ENGAGEMENT_{name}");
    let twin = format!("{variable}_FILE");
    let text = match (env::var(&variable), env::var_os(&twin)) {
        (Ok(text), Some(_)) if !text.is_empty() => {
            return Err(
                Failure::usage(format!("{variable} and {twin} are both set")).hint("unset one of them")
            );
        }
        (Ok(text), None) => text,
        (Ok(_), Some(path)) => from_file(&twin, path.as_ref())?,
        (Err(env::VarError::NotUnicode(_)), _) => {
            return Err(Failure::new(
                Exit::Authentication,
                "credentials",
                format!("{variable} is not UTF-8"),
            ));
        }
        (Err(env::VarError::NotPresent), None) => return Ok(None),
        (Err(env::VarError::NotPresent), Some(path)) => from_file(&twin, path.as_ref())?,
    };
    let trimmed = text.trim_end_matches(['\r', '\n']);
    if trimmed.len() < text.len() && env::var_os(&twin).is_none() {
        talk.warn(&format!("{variable} ends with a line end, which is left out"));
    }
    Ok((!trimmed.is_empty()).then(|| Secret::from(trimmed)))
}

fn from_file(twin: &str, path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Authentication,
            "credentials",
            format!("{}, which {twin} names, cannot be read: {error}", path.display()),
        )
    })
}

/// Two values that are of use together only.
fn both(
    a: &str,
    first: Option<Secret>,
    b: &str,
    second: Option<Secret>,
) -> Result<Option<(Secret, Secret)>, Failure> {
    match (first, second) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(missing(b, a)),
        (None, Some(_)) => Err(missing(a, b)),
    }
}

fn missing(what: &str, beside: &str) -> Failure {
    Failure::new(
        Exit::Authentication,
        "credentials",
        format!("ENGAGEMENT_{beside} is set and ENGAGEMENT_{what} is not"),
    )
    .hint("set both")
}
