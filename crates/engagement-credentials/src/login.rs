//! How a user lets the app act for them: three steps, of which the caller sends the first and the last.
//!
//! ```
//! use engagement_credentials::{Consumer, Reply, login::Login};
//!
//! let consumer = Consumer { key: "key".into(), secret: "secret".into() };
//! let login = Login::new(consumer, "https://api.twitter.com", None);
//! assert_eq!(login.errand().url, "https://api.twitter.com/oauth/request_token");
//!
//! let body = b"oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true".to_vec();
//! let asked = login.granted(&Reply { status: 200, body, clock_ahead: None })?;
//! assert!(asked.page(Some("demo_brand")).starts_with("https://api.twitter.com/oauth/authorize?oauth_token=t"));
//!
//! let pin = asked.pin("0012345\n")?;
//! assert_eq!(asked.exchange(&pin).url, "https://api.twitter.com/oauth/access_token");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::time::Duration;

use oauth_core::{
    Credentials, Secret,
    three_legged::{
        self, AccessToken, AuthorizePage, CallbackAnswer, InvalidCallback, InvalidPin, InvalidTokenAnswer,
        TemporaryToken,
    },
};

use crate::{
    check::Trouble,
    errand::{Errand, Proof, Reply},
    holdings::{Account, Consumer, Finding},
};

/// A login that has not begun.
#[derive(Clone, Debug)]
pub struct Login {
    consumer: Consumer,
    api_url: String,
    callback: Option<String>,
}

impl Login {
    /// A login to this app, at the server of the OAuth endpoints. The user comes back to the callback; without one they
    /// are shown a PIN.
    pub fn new(consumer: Consumer, api_url: &str, callback: Option<String>) -> Self {
        Self { consumer, api_url: api_url.trim_end_matches('/').to_owned(), callback }
    }

    /// Step 1: asks for a request token.
    pub fn errand(&self) -> Errand {
        let callback = self.callback.clone().unwrap_or_else(|| OUT_OF_BAND.to_owned());
        let proof = Proof::WithCallback(self.consumer.credentials(), callback);
        let errand = Errand::signed(format!("{}/oauth/request_token", self.api_url), proof);
        Errand { brings_secret: true, ..errand }
    }

    /// Reads the answer to step 1.
    ///
    /// # Errors
    ///
    /// The app is not good, or may not use the callback.
    pub fn granted(self, reply: &Reply) -> Result<Asked, LoginError> {
        if reply.status != 200 {
            let trouble = Trouble::read(reply, Finding::WrongConsumer);
            let words = trouble.words.as_str();
            // As XML or JSON, with code 415; or, from an app without any callback, with these words and a 401
            // (contract §6.3).
            if reply.text().contains("415") || words.contains("Callback URL not approved") {
                return Err(LoginError::CallbackNotApproved {
                    callback: self.callback.unwrap_or_default(),
                    words: words.to_owned(),
                });
            }
            if words.contains("oauth_callback value 'oob'") {
                return Err(LoginError::PinOnly);
            }
            return Err(trouble.into());
        }
        let token = TemporaryToken::parse(reply.text()).map_err(LoginError::Answer)?;
        Ok(Asked { consumer: self.consumer, api_url: self.api_url, token, clock_ahead: reply.clock_ahead })
    }
}

/// A login that waits for the user's answer.
#[derive(Clone, Debug)]
pub struct Asked {
    consumer: Consumer,
    api_url: String,
    token: TemporaryToken,
    /// By how many seconds the server's clock was ahead of ours when it gave the token.
    clock_ahead: Option<i64>,
}

impl Asked {
    /// Step 2: the page where the user allows or refuses. With a handle the server is asked to log in as that user,
    /// whoever is logged in there now; with a user id to log in anew, since the page can be told no id.
    pub fn page(&self, handle: Option<&str>) -> String {
        let page = AuthorizePage::new(&format!("{}/oauth/authorize", self.api_url), &self.token);
        match handle {
            Some(user_id) if user_id.bytes().all(|byte| byte.is_ascii_digit()) => page.force_login().url(),
            Some(handle) => page.force_login().screen_name(handle).url(),
            None => page.url(),
        }
    }

    /// The verifier that the user brought to the callback, whose URL this is, whole or from its path on.
    ///
    /// # Errors
    ///
    /// [`InvalidCallback::Denied`] if the user refused; everything else is no answer to this login.
    pub fn verifier(&self, url: &str) -> Result<Secret, InvalidCallback> {
        CallbackAnswer::parse(url)?.verifier_for(&self.token)
    }

    /// The verifier that the user typed.
    ///
    /// # Errors
    ///
    /// It is empty, or no PIN.
    pub fn pin(&self, typed: &str) -> Result<Secret, InvalidPin> {
        three_legged::pin(typed)
    }

    /// Step 3: changes the request token into an access token.
    pub fn exchange(&self, verifier: &Secret) -> Errand {
        let credentials: Credentials =
            self.consumer.credentials().with_token(self.token.token().clone(), self.token.secret().clone());
        let proof = Proof::WithVerifier(credentials, verifier.clone());
        let errand = Errand::signed(format!("{}/oauth/access_token", self.api_url), proof);
        Errand { brings_secret: true, ..errand }
    }

    /// Reads the answer to step 3, which came so long after that to step 1. An older server names no handle: then the
    /// account has none yet.
    ///
    /// # Errors
    ///
    /// The verifier is wrong, or the request token is good no longer: servers say no more than that, and the time that
    /// has passed tells one cause from the others.
    pub fn account(&self, reply: &Reply, after: Duration) -> Result<Account, LoginError> {
        if reply.status != 200 {
            let trouble = Trouble::read(reply, Finding::WrongToken);
            let is_refused = trouble.finding == Finding::WrongToken || reply.status == 401;
            return Err(match trouble.finding {
                Finding::ClockOff => trouble.into(),
                _ if is_refused && trouble.words.contains("verifier") => LoginError::WrongPin,
                _ if is_refused => match self.minutes_at_server(reply, after) {
                    minutes if minutes >= LIFETIME_MINUTES => LoginError::Expired { minutes },
                    _ => LoginError::Void,
                },
                _ => trouble.into(),
            });
        }
        let token = AccessToken::parse(reply.text()).map_err(LoginError::Answer)?;
        let account = Account::new(token.token().clone(), token.secret().clone());
        Ok(account.with_handle(token.screen_name().unwrap_or_default()))
    }
}

impl Asked {
    /// The token's age by the server's clock, as far as that is known, since it is the one that counts.
    fn minutes_at_server(&self, reply: &Reply, after: Duration) -> u64 {
        let ran_on = match (self.clock_ahead, reply.clock_ahead) {
            (Some(then), Some(now)) => now.saturating_sub(then),
            _ => 0,
        };
        after.as_secs().saturating_add_signed(ran_on) / 60
    }
}

/// Why a login came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The app may not send users to this callback: register it on the app's page, or use a PIN.
    #[error("the app may not send users back to {}: {words}", callback.split('?').next().unwrap_or_default())]
    CallbackNotApproved {
        /// Where they were to go.
        callback: String,
        /// The server's words.
        words: String,
    },
    /// The app has no callback at all: use a PIN.
    #[error("the app has no callback registered, and takes PINs only")]
    PinOnly,
    /// The user refused.
    #[error("the user refused to authorise the app")]
    Denied,
    /// The PIN is not the one that was shown.
    #[error("the PIN is not the one that the page showed")]
    WrongPin,
    /// The request token is good no longer, and it was given long ago.
    #[error(
        "the PIN has expired: its page was asked for {minutes} minutes ago, and is good for about {LIFETIME_MINUTES}"
    )]
    Expired {
        /// Whole minutes since then.
        minutes: u64,
    },
    /// The request token is good no longer though it is young: it was used already, or the user refused. Servers do not
    /// say which.
    #[error(
        "the server does not take the PIN any more: it was used already, or the user refused, or it has expired"
    )]
    Void,
    /// The user did not come back.
    #[error("nobody has answered for {minutes} minutes, and the page has expired")]
    NobodyCame {
        /// How long they were waited for.
        minutes: u64,
    },
    /// The server says something else.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The server says yes, and gives no token.
    #[error("the server's answer has no token: {0}")]
    Answer(InvalidTokenAnswer),
}

const OUT_OF_BAND: &str = "oob";
/// Our guess: that request tokens are short-lived is all that is known of them (contract §6.3).
pub const LIFETIME_MINUTES: u64 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn login(callback: Option<&str>) -> Login {
        let consumer = Consumer { key: "key".into(), secret: "canary-secret".into() };
        Login::new(consumer, "https://api.twitter.com/", callback.map(str::to_owned))
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, body: body.as_bytes().to_vec(), clock_ahead: Some(0) }
    }

    fn asked() -> Asked {
        let body = "oauth_token=t&oauth_token_secret=canary-temporary&oauth_callback_confirmed=true";
        login(None).granted(&reply(200, body)).unwrap()
    }

    #[test]
    fn refusals_of_the_first_step_are_told_apart() {
        let refused = |status, body: &str| {
            login(Some("http://127.0.0.1:1/callback?state=x")).granted(&reply(status, body)).unwrap_err()
        };
        let xml = r#"<?xml version="1.0"?><errors><error code="415">Callback URL not approved for this client application.</error></errors>"#;
        let words = refused(403, xml).to_string();
        assert!(words.contains("http://127.0.0.1:1/callback:") && !words.contains("state"), "{words}");
        let json = r#"{"errors":[{"code":415,"message":"Callback URL not approved"}]}"#;
        assert!(matches!(refused(403, json), LoginError::CallbackNotApproved { .. }));
        let desktop =
            "<hash><error>Desktop applications only support the oauth_callback value 'oob'</error></hash>";
        assert_eq!(refused(401, desktop), LoginError::PinOnly);
        let wrong = r#"{"errors":[{"code":32,"message":"Could not authenticate you."}]}"#;
        assert!(
            matches!(refused(401, wrong), LoginError::Trouble(trouble) if trouble.finding == Finding::WrongConsumer)
        );
        assert!(matches!(refused(200, "oauth_token=t&oauth_token_secret=s"), LoginError::Answer(_)));
    }

    #[test]
    fn refusals_of_the_last_step_are_told_apart() {
        let asked = asked();
        let refused = |words: &str| {
            let body = format!(r#"{{"errors":[{{"code":89,"message":"{words}"}}]}}"#);
            asked.account(&reply(401, &body), Duration::from_secs(14 * 60)).unwrap_err()
        };
        assert_eq!(refused("Invalid oauth_verifier parameter"), LoginError::WrongPin);
        assert_eq!(refused("Invalid or expired token."), LoginError::Void);
        assert!(matches!(asked.account(&reply(503, ""), Duration::ZERO), Err(LoginError::Trouble(_))));
    }

    #[test]
    fn an_old_page_has_expired_by_the_clock_of_either() {
        let body = r#"{"errors":[{"code":89,"message":"Invalid or expired token."}]}"#;
        let found = |minutes: u64, clock_ahead| {
            let reply = Reply { clock_ahead, ..reply(401, body) };
            asked().account(&reply, Duration::from_secs(minutes * 60)).unwrap_err()
        };
        assert_eq!(found(14, Some(0)), LoginError::Void);
        assert_eq!(found(15, Some(0)), LoginError::Expired { minutes: 15 });
        assert_eq!(found(0, Some(16 * 60)), LoginError::Expired { minutes: 16 });
        assert_eq!(found(16, Some(-120)), LoginError::Void);
        assert_eq!(found(20, None), LoginError::Expired { minutes: 20 });
        assert_eq!(found(0, Some(i64::MIN)), LoginError::Void);
    }

    #[test]
    fn an_account_comes_with_its_handle_where_that_is_told() {
        let body = "oauth_token=1111-t&oauth_token_secret=s&user_id=1111&screen_name=demo_brand";
        let account = asked().account(&reply(200, body), Duration::ZERO).unwrap();
        assert_eq!((account.name(), account.user_id()), ("demo_brand".to_owned(), Some(1111)));
        let account =
            asked().account(&reply(200, "oauth_token=1111-t&oauth_token_secret=s"), Duration::ZERO).unwrap();
        assert_eq!(account.name(), "1111");
    }

    #[test]
    fn a_callback_must_be_of_this_login() {
        let asked = asked();
        assert_eq!(asked.verifier("/callback?oauth_token=t&oauth_verifier=v").unwrap().expose(), "v");
        assert_eq!(asked.verifier("/callback?denied=t"), Err(InvalidCallback::Denied));
        assert_eq!(asked.verifier("/callback?denied=other"), Err(InvalidCallback::OtherToken));
        assert_eq!(
            asked.verifier("/callback?oauth_token=u&oauth_verifier=v"),
            Err(InvalidCallback::OtherToken)
        );
        assert_eq!(asked.verifier("/callback?oauth_token=t"), Err(InvalidCallback::NoVerifier));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let asked = asked();
        let shown = format!("{:?} {asked:?} {:?}", login(None), asked.exchange(&"canary-verifier".into()));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
