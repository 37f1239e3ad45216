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
        Errand::signed(format!("{}/oauth/request_token", self.api_url), proof)
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
        Ok(Asked { consumer: self.consumer, api_url: self.api_url, token })
    }
}

/// A login that waits for the user's answer.
#[derive(Clone, Debug)]
pub struct Asked {
    consumer: Consumer,
    api_url: String,
    token: TemporaryToken,
}

impl Asked {
    /// Step 2: the page where the user allows or refuses. With a name the server is asked to log in as that user,
    /// whoever is logged in there now.
    pub fn page(&self, handle: Option<&str>) -> String {
        let page = AuthorizePage::new(&format!("{}/oauth/authorize", self.api_url), &self.token);
        match handle {
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
        Errand::signed(format!("{}/oauth/access_token", self.api_url), proof)
    }

    /// Reads the answer to step 3. An older server names no handle: then the account has none yet.
    ///
    /// # Errors
    ///
    /// The verifier is wrong, or the request token is good no longer.
    pub fn account(&self, reply: &Reply) -> Result<Account, LoginError> {
        if reply.status != 200 {
            let trouble = Trouble::read(reply, Finding::WrongToken);
            let is_refused = trouble.finding == Finding::WrongToken || reply.status == 401;
            return Err(match trouble.finding {
                Finding::ClockOff => trouble.into(),
                _ if is_refused && trouble.words.contains("verifier") => LoginError::WrongPin,
                _ if is_refused => LoginError::Expired,
                _ => trouble.into(),
            });
        }
        let token = AccessToken::parse(reply.text()).map_err(LoginError::Answer)?;
        let account = Account::new(token.token().clone(), token.secret().clone());
        Ok(account.with_handle(token.screen_name().unwrap_or_default()))
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
    /// The request token is good no longer: it was too long ago, was used already, or the user refused.
    #[error("the PIN has expired or was used already, or the user refused")]
    Expired,
    /// The server says something else.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The server says yes, and gives no token.
    #[error("the server's answer has no token: {0}")]
    Answer(InvalidTokenAnswer),
}

const OUT_OF_BAND: &str = "oob";

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
            asked.account(&reply(401, &body)).unwrap_err()
        };
        assert_eq!(refused("Invalid oauth_verifier parameter"), LoginError::WrongPin);
        assert_eq!(refused("Invalid or expired token."), LoginError::Expired);
        assert!(matches!(asked.account(&reply(503, "")), Err(LoginError::Trouble(_))));
    }

    #[test]
    fn an_account_comes_with_its_handle_where_that_is_told() {
        let body = "oauth_token=1111-t&oauth_token_secret=s&user_id=1111&screen_name=demo_brand";
        let account = asked().account(&reply(200, body)).unwrap();
        assert_eq!((account.name(), account.user_id()), ("demo_brand".to_owned(), Some(1111)));
        let account = asked().account(&reply(200, "oauth_token=1111-t&oauth_token_secret=s")).unwrap();
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
