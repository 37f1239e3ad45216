//! How a user lets an app act for them: RFC 5849 §2, with what Twitter adds, as values to send and texts to read.
//!
//! 1. Send [`RequestToken::message`], read the answer with [`TemporaryToken::parse`].
//! 2. Send the user to [`AuthorizePage::url`]; they come back to the callback, whose URL [`CallbackAnswer::parse`]
//!    reads, or type a PIN, which [`pin`] reads.
//! 3. Send [`AccessTokenRequest::message`], read the answer with [`AccessToken::parse`].
//!
//! ```
//! use oauth_core::{Credentials, Stamp, Timestamp, three_legged::*};
//!
//! let app = Credentials::consumer("consumer-key", "consumer-secret");
//! let stamp = |nonce| Timestamp::new(1_700_000_000).map(|timestamp| Stamp { timestamp, nonce });
//!
//! let first = RequestToken::new("https://api.twitter.com/oauth/request_token", Callback::Url("https://app.example/cb"))
//!     .message(&app, stamp("first")?)?;
//! assert!(first.authorization().contains("oauth_callback=\"https%3A%2F%2Fapp.example%2Fcb\""));
//! let temporary = TemporaryToken::parse("oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true")?;
//!
//! let page = AuthorizePage::new("https://api.twitter.com/oauth/authorize", &temporary).url();
//! assert_eq!(page, "https://api.twitter.com/oauth/authorize?oauth_token=t");
//! let verifier = CallbackAnswer::parse("https://app.example/cb?oauth_token=t&oauth_verifier=v")?
//!     .verifier_for(&temporary)?;
//!
//! let last = AccessTokenRequest::new("https://api.twitter.com/oauth/access_token", &temporary, &verifier)
//!     .message(&app, stamp("last")?)?;
//! assert!(last.authorization().contains("oauth_verifier=\"v\""));
//! let user = AccessToken::parse("oauth_token=1111-a&oauth_token_secret=s&user_id=1111&screen_name=someone")?;
//! assert_eq!(user.owner_id(), Some("1111"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{error::Error, fmt};

use crate::{
    credentials::Credentials,
    message::{Message, push_pair, with_query},
    percent::{self, InvalidPercent},
    request::Request,
    secret::Secret,
    signer::{SignError, Stamp, sign},
    url::without_query,
};

/// Step 1: asks for a request token, RFC 5849 §2.1.
#[derive(Clone, Debug)]
pub struct RequestToken<'a> {
    url: &'a str,
    callback: Callback<'a>,
    access: Option<Access>,
}

impl<'a> RequestToken<'a> {
    /// Asks at this URL, such as `https://api.twitter.com/oauth/request_token`.
    pub fn new(url: &'a str, callback: Callback<'a>) -> Self {
        Self { url, callback, access: None }
    }

    /// Asks for less or more than the app is registered for (`x_auth_access_type`).
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access: Some(access), ..self }
    }

    /// The request, signed with the consumer alone: a token among the credentials is left out.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn message(&self, credentials: &Credentials, stamp: Stamp<'_>) -> Result<Message, SignError> {
        let url = match self.access {
            None => Cow::Borrowed(self.url),
            Some(access) => Cow::Owned(with_query(self.url, &[("x_auth_access_type", access.as_str())])),
        };
        let request = Request::new("POST", &url).callback(self.callback.as_str());
        signed(&request, &credentials.clone().without_token(), stamp)
    }
}

/// Where the user goes after they allowed or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback<'a> {
    /// Back to the app, at a URL that Twitter wants registered.
    Url(&'a str),
    /// Nowhere (`oob`): Twitter shows a PIN, and the user brings it.
    OutOfBand,
}

impl<'a> Callback<'a> {
    /// As sent.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Url(url) => url,
            Self::OutOfBand => "oob",
        }
    }
}

/// What the token shall allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read.
    Read,
    /// To read and write.
    Write,
}

impl Access {
    /// As sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// The answer to step 1: a token for steps 2 and 3, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryToken {
    token: Secret,
    secret: Secret,
}

impl TemporaryToken {
    /// A token that was kept from an earlier answer.
    pub fn new(token: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        Self { token: token.into(), secret: secret.into() }
    }

    /// Reads the body of an answer with status 200.
    ///
    /// # Errors
    ///
    /// `oauth_callback_confirmed` must be `true` (RFC 5849 §2.1): a server that does not say so speaks OAuth 1.0 without
    /// the `a`, where somebody else's authorization could be slipped in.
    pub fn parse(body: &str) -> Result<Self, InvalidTokenAnswer> {
        let TokenAnswer { token, secret, more } = TokenAnswer::read(body)?;
        match more.into_iter().find(|more| more.name == "oauth_callback_confirmed") {
            None => Err(InvalidTokenAnswer::Missing { name: "oauth_callback_confirmed" }),
            Some(More { value, .. }) if value == "true" => Ok(Self { token, secret }),
            Some(More { at, .. }) => Err(InvalidTokenAnswer::NotConfirmed { at }),
        }
    }

    /// The token.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// Its secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Step 2: the page where the user allows or refuses, RFC 5849 §2.2.
#[derive(Clone)]
pub struct AuthorizePage {
    url: String,
}

impl AuthorizePage {
    /// The page at this URL, such as `https://api.twitter.com/oauth/authorize`, or `…/authenticate`, which asks nothing
    /// of users who allowed before.
    pub fn new(url: &str, token: &TemporaryToken) -> Self {
        Self { url: with_query(url, &[("oauth_token", token.token.expose())]) }
    }

    /// Lets the user log in even if they are (`force_login`).
    #[must_use]
    pub fn force_login(self) -> Self {
        Self { url: with_query(&self.url, &[("force_login", "true")]) }
    }

    /// Fills in the name to log in with.
    #[must_use]
    pub fn screen_name(self, name: &str) -> Self {
        Self { url: with_query(&self.url, &[("screen_name", name)]) }
    }

    /// Where to send the user.
    pub fn url(self) -> String {
        self.url
    }
}

impl fmt::Debug for AuthorizePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizePage").field("url", &without_query(&self.url)).finish_non_exhaustive()
    }
}

/// What the user brought back to the callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackAnswer {
    /// `oauth_token`, which must be the request token.
    pub token: Option<Secret>,
    /// `oauth_verifier`, which step 3 needs.
    pub verifier: Option<Secret>,
    /// `denied`, with the request token, if the user refused (common knowledge, not in Twitter's documentation).
    pub denied: Option<Secret>,
}

impl CallbackAnswer {
    /// Reads the URL with which the callback was called: whole, or from its path on.
    ///
    /// # Errors
    ///
    /// Broken escapes, and a parameter that is there twice.
    pub fn parse(url: &str) -> Result<Self, InvalidCallback> {
        let before_fragment = url.split_once('#').map_or(url, |(before, _)| before);
        let query = before_fragment.split_once('?').map_or("", |(_, query)| query);
        let mut answer = Self { token: None, verifier: None, denied: None };
        let query_at = before_fragment.len() - query.len();
        for (offset, pair) in pairs(query) {
            let at = query_at + offset;
            let (name, value) =
                pair.map_err(|(offset, fault)| InvalidCallback::Percent { at: at + offset, fault })?;
            let (name, place) = match name.as_str() {
                "oauth_token" => ("oauth_token", &mut answer.token),
                "oauth_verifier" => ("oauth_verifier", &mut answer.verifier),
                "denied" => ("denied", &mut answer.denied),
                _ => continue,
            };
            if place.replace(Secret::from(value)).is_some() {
                return Err(InvalidCallback::Duplicate { name, at });
            }
        }
        Ok(answer)
    }

    /// The verifier, if this answers the request for that token.
    ///
    /// # Errors
    ///
    /// The user refused, or the answer is to another request, which is how somebody else's authorization would be
    /// slipped in.
    pub fn verifier_for(self, token: &TemporaryToken) -> Result<Secret, InvalidCallback> {
        if let Some(denied) = self.denied {
            return Err(if denied == token.token {
                InvalidCallback::Denied
            } else {
                InvalidCallback::OtherToken
            });
        }
        if self.token.as_ref() != Some(&token.token) {
            return Err(InvalidCallback::OtherToken);
        }
        self.verifier.filter(|verifier| !verifier.expose().is_empty()).ok_or(InvalidCallback::NoVerifier)
    }
}

/// Why a call of the callback does not lead to step 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCallback {
    /// The user refused. Ask them again only if they want it.
    Denied,
    /// The token is absent or not the one that was asked for: drop the call.
    OtherToken,
    /// There is no `oauth_verifier`: the server speaks OAuth 1.0 without the `a`.
    NoVerifier,
    /// A parameter is there twice.
    Duplicate {
        /// Its name.
        name: &'static str,
        /// Offset in the URL of the second.
        at: usize,
    },
    /// A name or value is badly percent-encoded.
    Percent {
        /// Offset in the URL of the name or value.
        at: usize,
        /// What is wrong in it.
        fault: InvalidPercent,
    },
}

impl fmt::Display for InvalidCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("the user refused to authorize the app"),
            Self::OtherToken => f.write_str("the callback is not for the request token that was asked for"),
            Self::NoVerifier => f.write_str("the callback has no oauth_verifier"),
            Self::Duplicate { name, at } => write!(f, "the callback has {name} again at byte {at}"),
            Self::Percent { at, .. } => {
                write!(f, "the name or value at byte {at} of the callback is badly percent-encoded")
            }
        }
    }
}

impl Error for InvalidCallback {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Percent { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// Reads a PIN as a user typed or pasted it: blanks around it fall away, zeros in front stay.
///
/// ```
/// assert_eq!(oauth_core::three_legged::pin(" 0012345\n").unwrap().expose(), "0012345");
/// ```
///
/// # Errors
///
/// Twitter's PINs are of about seven digits (that they always are is a guess): what is empty or has anything but ASCII
/// letters and digits is refused before it costs the request token.
pub fn pin(typed: &str) -> Result<Secret, InvalidPin> {
    let pin = typed.trim();
    if pin.is_empty() {
        return Err(InvalidPin::Empty);
    }
    match pin.bytes().position(|byte| !byte.is_ascii_alphanumeric()) {
        Some(at) => Err(InvalidPin::Character { at: typed.len() - typed.trim_start().len() + at }),
        None => Ok(Secret::from(pin)),
    }
}

/// Why a text is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPin {
    /// Nothing there.
    Empty,
    /// Something that is no letter or digit.
    Character {
        /// Offset in the text as typed.
        at: usize,
    },
}

impl fmt::Display for InvalidPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the PIN is empty"),
            Self::Character { at } => {
                write!(f, "a PIN has only letters and digits, and byte {at} is none")
            }
        }
    }
}

impl Error for InvalidPin {}

/// Step 3: changes the request token into an access token, RFC 5849 §2.3.
#[derive(Clone, Debug)]
pub struct AccessTokenRequest<'a> {
    url: &'a str,
    token: &'a TemporaryToken,
    verifier: &'a Secret,
}

impl<'a> AccessTokenRequest<'a> {
    /// Asks at this URL, such as `https://api.twitter.com/oauth/access_token`, with the callback's verifier or the PIN.
    pub fn new(url: &'a str, token: &'a TemporaryToken, verifier: &'a Secret) -> Self {
        Self { url, token, verifier }
    }

    /// The request, signed with the consumer and the request token. The verifier is in the header.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn message(&self, credentials: &Credentials, stamp: Stamp<'_>) -> Result<Message, SignError> {
        let credentials = credentials.clone().with_token(self.token.token.clone(), self.token.secret.clone());
        signed(&Request::new("POST", self.url).verifier(self.verifier.expose()), &credentials, stamp)
    }
}

/// The answer to step 3: the token of a user. It does not expire, but the user can take it back.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    token: Secret,
    secret: Secret,
    more: Vec<(String, String)>,
}

impl AccessToken {
    /// Reads the body of an answer with status 200.
    ///
    /// # Errors
    ///
    /// Anything but a form with `oauth_token` and `oauth_token_secret`.
    pub fn parse(body: &str) -> Result<Self, InvalidTokenAnswer> {
        let TokenAnswer { token, secret, more } = TokenAnswer::read(body)?;
        Ok(Self { token, secret, more: more.into_iter().map(|more| (more.name, more.value)).collect() })
    }

    /// The token.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// Its secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What else the answer said, such as `user_id` and `screen_name`.
    pub fn more(&self) -> impl Iterator<Item = (&str, &str)> {
        self.more.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The user's numeric id: as the answer says, else as the token shows it.
    pub fn owner_id(&self) -> Option<&str> {
        self.get("user_id").or_else(|| owner_id(&self.token))
    }

    /// The user's name without its `@`, if the answer says so. It can change.
    pub fn screen_name(&self) -> Option<&str> {
        self.get("screen_name")
    }

    /// The app acting for this user.
    pub fn credentials(&self, app: &Credentials) -> Credentials {
        app.clone().with_token(self.token.clone(), self.secret.clone())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.more().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("owner_id", &self.owner_id())
            .field("screen_name", &self.screen_name())
            .finish_non_exhaustive()
    }
}

/// The numeric id of the user in an access token of Twitter's: the digits before the hyphen. Visible in Twitter's
/// examples, documented nowhere.
///
/// ```
/// use oauth_core::{Secret, three_legged::owner_id};
///
/// assert_eq!(owner_id(&Secret::from("7588892-kagSNqWge8gB1WwE3plnFsJHAZVfxWD7Vb57p0b4")), Some("7588892"));
/// assert_eq!(owner_id(&Secret::from("opaque")), None);
/// ```
pub fn owner_id(token: &Secret) -> Option<&str> {
    let (id, _) = token.expose().split_once('-')?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

/// Takes a user's token back: `POST` to a URL such as `https://api.twitter.com/1.1/oauth/invalidate_token.json`, signed
/// with that token.
///
/// # Errors
///
/// As for [`sign`].
pub fn invalidate(url: &str, credentials: &Credentials, stamp: Stamp<'_>) -> Result<Message, SignError> {
    signed(&Request::new("POST", url), credentials, stamp)
}

/// The body with which a server answers steps 1 and 3, of these pairs in their order.
///
/// ```
/// let body = oauth_core::three_legged::form(&[("oauth_token", "a+b"), ("oauth_callback_confirmed", "true")]);
/// assert_eq!(body, "oauth_token=a%2Bb&oauth_callback_confirmed=true");
/// ```
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in pairs {
        if !body.is_empty() {
            body.push('&');
        }
        push_pair(&mut body, name, value);
    }
    body
}

/// Why the answer to step 1 or 3 gives no token. It never holds the answer, which may have a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTokenAnswer {
    /// Nothing there.
    Empty,
    /// JSON or XML, most likely an error: look at the status.
    NotAForm,
    /// A name or value is badly percent-encoded.
    Percent {
        /// Offset in the answer of the name or value.
        at: usize,
        /// What is wrong in it.
        fault: InvalidPercent,
    },
    /// A parameter is absent, or is an empty token.
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A parameter is there twice.
    Duplicate {
        /// Its name.
        name: &'static str,
        /// Offset in the answer of the second.
        at: usize,
    },
    /// `oauth_callback_confirmed` is not `true`.
    NotConfirmed {
        /// Its offset in the answer.
        at: usize,
    },
}

impl fmt::Display for InvalidTokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the token answer is empty"),
            Self::NotAForm => f.write_str("the token answer must be form-encoded, and is JSON or XML"),
            Self::Percent { at, .. } => {
                write!(f, "the name or value at byte {at} of the token answer is badly percent-encoded")
            }
            Self::Missing { name } => write!(f, "the token answer has no {name}"),
            Self::Duplicate { name, at } => write!(f, "the token answer has {name} again at byte {at}"),
            Self::NotConfirmed { at } => {
                write!(
                    f,
                    "oauth_callback_confirmed must be true, and at byte {at} of the token answer is not"
                )
            }
        }
    }
}

impl Error for InvalidTokenAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Percent { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// What the answers to steps 1 and 3 have in common.
struct TokenAnswer {
    token: Secret,
    secret: Secret,
    more: Vec<More>,
}

/// What else an answer says.
struct More {
    name: String,
    value: String,
    at: usize,
}

impl TokenAnswer {
    fn read(body: &str) -> Result<Self, InvalidTokenAnswer> {
        let is_blank = |character: char| character.is_ascii_whitespace();
        let blanks = body.len() - body.trim_start_matches(is_blank).len();
        let body = body.trim_matches(is_blank);
        if body.is_empty() {
            return Err(InvalidTokenAnswer::Empty);
        }
        if body.starts_with(['<', '{', '[', '"']) {
            return Err(InvalidTokenAnswer::NotAForm);
        }
        let (mut token, mut secret, mut more) = (None, None, Vec::new());
        for (offset, pair) in pairs(body) {
            let at = blanks + offset;
            let (name, value) =
                pair.map_err(|(offset, fault)| InvalidTokenAnswer::Percent { at: at + offset, fault })?;
            let (name, place) = match name.as_str() {
                "oauth_token" => ("oauth_token", &mut token),
                "oauth_token_secret" => ("oauth_token_secret", &mut secret),
                _ => {
                    more.push(More { name, value, at });
                    continue;
                }
            };
            if place.replace(Secret::from(value)).is_some() {
                return Err(InvalidTokenAnswer::Duplicate { name, at });
            }
        }
        let token = token.filter(|token: &Secret| !token.expose().is_empty());
        Ok(Self {
            token: token.ok_or(InvalidTokenAnswer::Missing { name: "oauth_token" })?,
            secret: secret.ok_or(InvalidTokenAnswer::Missing { name: "oauth_token_secret" })?,
            more,
        })
    }
}

fn signed(request: &Request<'_>, credentials: &Credentials, stamp: Stamp<'_>) -> Result<Message, SignError> {
    let authorization = sign(request, credentials, stamp)?.authorization().into();
    Ok(Message {
        method: "POST",
        url: request.url.into(),
        authorization,
        content_type: None,
        body: String::new(),
    })
}

type NameAndValue = (String, String);

/// The pairs of a form, each with its offset, and a fault with the offset in the pair of the name or value that it is in.
fn pairs(form: &str) -> impl Iterator<Item = (usize, Result<NameAndValue, (usize, InvalidPercent)>)> {
    let mut next = 0;
    let pieces = form.split('&').map(move |piece| {
        let at = next;
        next += piece.len() + 1;
        (at, piece)
    });
    pieces.filter(|(_, piece)| !piece.is_empty()).map(|(at, piece)| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let decode = |text, at| match percent::decode_form(text) {
            Ok(text) => Ok(text.into_owned()),
            Err(fault) => Err((at, fault)),
        };
        let pair = decode(name, 0).and_then(|decoded| Ok((decoded, decode(value, name.len() + 1)?)));
        (at, pair)
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;
    use crate::timestamp::Timestamp;

    fn app() -> Credentials {
        Credentials::consumer("demo-consumer-key", "demo-consumer-secret")
    }

    fn stamp(nonce: &str) -> Stamp<'_> {
        Stamp { timestamp: Timestamp::new(1_700_000_000).unwrap(), nonce }
    }

    #[test]
    fn the_request_token_is_asked_for_by_the_consumer_alone() {
        let url = "https://api.twitter.com/oauth/request_token";
        let ask = RequestToken::new(url, Callback::OutOfBand);
        let message = ask.message(&app(), stamp("n0nce0000000000000000000000000002")).unwrap();
        assert_eq!((message.method(), message.url(), message.body()), ("POST", url, ""));
        assert!(message.authorization().contains("oauth_callback=\"oob\""));
        // The signature of the contract's table of test values.
        assert!(
            message.authorization().contains("UdkuttzDU4Q30OIymhSgxtCaI5U%3D"),
            "{}",
            message.authorization()
        );
        assert!(!message.authorization().contains("oauth_token="));
        let with_token = app().with_token("t", "s");
        assert_eq!(ask.message(&with_token, stamp("n0nce0000000000000000000000000002")).unwrap(), message);
        assert_eq!(message.headers(), [("Authorization", message.authorization())]);

        let ask = ask.access(Access::Read);
        assert_eq!(
            ask.message(&app(), stamp("n")).unwrap().url(),
            "https://api.twitter.com/oauth/request_token?x_auth_access_type=read"
        );
    }

    #[test]
    fn a_callback_that_is_not_confirmed_gives_no_token() {
        let parse = TemporaryToken::parse;
        assert_eq!(
            parse("oauth_token=a&oauth_token_secret=b"),
            Err(InvalidTokenAnswer::Missing { name: "oauth_callback_confirmed" })
        );
        assert_eq!(
            parse(" oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=false"),
            Err(InvalidTokenAnswer::NotConfirmed { at: 36 })
        );
        assert_eq!(
            parse("oauth_token=a%2Bb&oauth_token_secret=x+y%3D&oauth_callback_confirmed=true\n"),
            Ok(TemporaryToken::new("a+b", "x y="))
        );
    }

    #[test]
    fn other_answers_give_no_token() {
        let refused = |body| AccessToken::parse(body).unwrap_err();
        assert_eq!(refused(""), InvalidTokenAnswer::Empty);
        assert_eq!(refused("<?xml version=\"1.0\"?>"), InvalidTokenAnswer::NotAForm);
        assert_eq!(refused(" {\"errors\":[]}"), InvalidTokenAnswer::NotAForm);
        assert_eq!(refused("oauth_token=a"), InvalidTokenAnswer::Missing { name: "oauth_token_secret" });
        assert_eq!(
            refused("oauth_token=&oauth_token_secret=b"),
            InvalidTokenAnswer::Missing { name: "oauth_token" }
        );
        assert_eq!(
            refused("oauth_token=a&oauth_token=a&oauth_token_secret=b"),
            InvalidTokenAnswer::Duplicate { name: "oauth_token", at: 14 }
        );
        assert_eq!(
            refused("oauth_token=%&oauth_token_secret=b"),
            InvalidTokenAnswer::Percent { at: 12, fault: InvalidPercent::Escape { at: 0 } }
        );
    }

    #[test]
    fn the_page_carries_the_token_and_wishes() {
        let token = TemporaryToken::new("a+b/c=", "s");
        let page = AuthorizePage::new("https://api.twitter.com/oauth/authorize?lang=en", &token);
        assert_eq!(
            page.force_login().screen_name("some one").url(),
            "https://api.twitter.com/oauth/authorize?lang=en&oauth_token=a%2Bb%2Fc%3D&force_login=true\
             &screen_name=some%20one"
        );
    }

    #[test]
    fn a_callback_counts_only_for_its_request_token() {
        let token = TemporaryToken::new("abc", "s");
        let verifier = |url| CallbackAnswer::parse(url).and_then(|answer| answer.verifier_for(&token));
        assert_eq!(verifier("/cb?oauth_token=abc&oauth_verifier=x%2By#_"), Ok(Secret::from("x+y")));
        assert_eq!(verifier("/cb?oauth_token=abd&oauth_verifier=x"), Err(InvalidCallback::OtherToken));
        assert_eq!(verifier("/cb?oauth_verifier=x"), Err(InvalidCallback::OtherToken));
        assert_eq!(verifier("/cb?oauth_token=abc"), Err(InvalidCallback::NoVerifier));
        assert_eq!(verifier("/cb?denied=abc"), Err(InvalidCallback::Denied));
        assert_eq!(verifier("/cb?denied=other"), Err(InvalidCallback::OtherToken));
        assert_eq!(
            verifier("/cb?oauth_token=abc&oauth_token=abc&oauth_verifier=x"),
            Err(InvalidCallback::Duplicate { name: "oauth_token", at: 20 })
        );
        assert_eq!(
            verifier("/cb?oauth_token=%"),
            Err(InvalidCallback::Percent { at: 16, fault: InvalidPercent::Escape { at: 0 } })
        );
    }

    #[test]
    fn pins_are_trimmed_and_otherwise_kept() {
        assert_eq!(pin("\t0012345 \n"), Ok(Secret::from("0012345")));
        assert_eq!(pin(" "), Err(InvalidPin::Empty));
        assert_eq!(pin(" 123 4567"), Err(InvalidPin::Character { at: 4 }));
        assert_eq!(
            format!("{}", InvalidPin::Character { at: 4 }),
            "a PIN has only letters and digits, and byte 4 is none"
        );
    }

    #[test]
    fn the_access_token_is_asked_for_with_the_request_token() {
        let token = TemporaryToken::new("tmp", "tmp-secret");
        let verifier = Secret::from("0012345");
        let ask = AccessTokenRequest::new("https://api.twitter.com/oauth/access_token", &token, &verifier);
        let message = ask.message(&app(), stamp("n")).unwrap();
        let request = Request::new("POST", message.url()).verifier("0012345");
        let signed = sign(&request, &app().with_token("tmp", "tmp-secret"), stamp("n")).unwrap();
        assert_eq!(message.authorization(), signed.authorization());
    }

    #[test]
    fn the_owner_is_named_by_the_answer_or_by_the_token() {
        let named =
            AccessToken::parse("oauth_token=12-a&oauth_token_secret=b&user_id=34&screen_name=x").unwrap();
        assert_eq!((named.owner_id(), named.screen_name()), (Some("34"), Some("x")));
        let old = AccessToken::parse("oauth_token=12-a&oauth_token_secret=b").unwrap();
        assert_eq!((old.owner_id(), old.screen_name()), (Some("12"), None));
        assert_eq!(old.credentials(&app()), app().with_token("12-a", "b"));
    }

    #[test]
    fn debug_shows_no_secrets() {
        let answer = AccessToken::parse("oauth_token=s3cr3t&oauth_token_secret=s3cr3t&x=s3cr3t").unwrap();
        let temporary = TemporaryToken::new("s3cr3t", "s3cr3t");
        let callback =
            CallbackAnswer::parse("?oauth_token=s3cr3t&oauth_verifier=s3cr3t&denied=s3cr3t").unwrap();
        let page = AuthorizePage::new("https://h/authorize", &temporary);
        let shown = format!("{answer:?} {temporary:?} {callback:?} {page:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }

    proptest! {
        #[test]
        fn answers_round_trip(token in ".+", secret in ".*", name in "[^o].*", value in ".*") {
            let body = form(&[("oauth_token", &token), ("oauth_token_secret", &secret), (&name, &value)]);
            let answer = AccessToken::parse(&body).unwrap();
            prop_assert_eq!(answer.token().expose(), token);
            prop_assert_eq!(answer.secret().expose(), secret);
            prop_assert_eq!(answer.more().collect::<Vec<_>>(), [(name.as_str(), value.as_str())]);
        }

        #[test]
        fn reading_never_panics(text in "([&=%?#]|oauth_token|.)*") {
            let _ = AccessToken::parse(&text);
            let _ = TemporaryToken::parse(&text);
            let _ = CallbackAnswer::parse(&text);
            let _ = pin(&text);
        }
    }
}
