//! How an app acts for itself, with a bearer token: Twitter's application-only authentication (RFC 6749 §4.4, with both
//! halves of the key percent-encoded first).
//!
//! There is one token for each app, and it stays the same until it is invalidated: keep it, and ask again only when it is
//! refused.
//!
//! ```
//! use oauth_core::{Credentials, app_only::*};
//!
//! let app = Credentials::consumer("key:with:colons", "sec/ret+=");
//! let ask = token_request("https://api.twitter.com/oauth2/token", &app);
//! assert_eq!(ask.authorization(), "Basic a2V5JTNBd2l0aCUzQWNvbG9uczpzZWMlMkZyZXQlMkIlM0Q=");
//! assert_eq!(ask.body(), "grant_type=client_credentials");
//!
//! let token = BearerToken::parse_answer(r#"{"token_type":"bearer","access_token":"AAAA%2FAAA%3D"}"#)?;
//! assert_eq!(token.authorization().expose(), "Bearer AAAA%2FAAA%3D");
//! # Ok::<(), InvalidBearer>(())
//! ```

use alloc::{format, string::String};
use core::{error::Error, fmt};

use base64::{DecodeError, Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    credentials::Credentials,
    json::{self, TextMember},
    message::{Message, push_pair, with_query},
    percent::{self, InvalidPercent},
    request::Request,
    secret::Secret,
    signer::{SignError, Stamp, sign},
};

/// Asks for the app's bearer token at a URL such as `https://api.twitter.com/oauth2/token`.
pub fn token_request(url: &str, credentials: &Credentials) -> Message {
    with_basic(url, credentials, String::from("grant_type=client_credentials"))
}

/// Invalidates a bearer token at a URL such as `https://api.twitter.com/oauth2/invalidate_token`, in the form that
/// Twitter's page on app-only authentication documents: key and secret in the header, the token in the body.
pub fn invalidate_with_basic(url: &str, credentials: &Credentials, token: &BearerToken) -> Message {
    let mut body = String::new();
    push_pair(&mut body, "access_token", token.0.expose());
    with_basic(url, credentials, body)
}

/// Invalidates a bearer token in the form that Twitter's OAuth reference documents: signed with the app owner's own
/// access token, the bearer token in the query.
///
/// # Errors
///
/// As for [`sign`].
pub fn invalidate_signed(
    url: &str,
    credentials: &Credentials,
    token: &BearerToken,
    stamp: Stamp<'_>,
) -> Result<Message, SignError> {
    let url = with_query(url, &[("access_token", token.0.expose())]);
    let authorization = sign(&Request::new("POST", &url), credentials, stamp)?.authorization().into();
    Ok(Message { method: "POST", url, authorization, content_type: None, body: String::new() })
}

/// A bearer token. It is used exactly as it was given: what looks percent-encoded in it is part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(Secret);

impl BearerToken {
    /// A token that was kept.
    ///
    /// # Errors
    ///
    /// A header takes visible ASCII only.
    pub fn new(token: impl Into<Secret>) -> Result<Self, InvalidBearer> {
        let token = token.into();
        if token.expose().is_empty() {
            return Err(InvalidBearer::Empty);
        }
        match token.expose().bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(InvalidBearer::Character { at }),
            None => Ok(Self(token)),
        }
    }

    /// Reads the body of an answer to [`token_request`] with status 200.
    ///
    /// # Errors
    ///
    /// `token_type` must be `bearer`, in any case (RFC 6749 §5.1), and `access_token` be there.
    pub fn parse_answer(body: &str) -> Result<Self, InvalidBearer> {
        let members = json::text_members(body).map_err(|at| InvalidBearer::NotAnObject { at })?;
        let kind = text_member(&members, "token_type")?;
        if !kind.value.eq_ignore_ascii_case("bearer") {
            return Err(InvalidBearer::TokenType { at: kind.at });
        }
        Self::new(text_member(&members, "access_token")?.value.as_str())
    }

    /// Reads the body of an answer to an invalidation with status 200: the token that is valid no more.
    ///
    /// # Errors
    ///
    /// `access_token` must be there.
    pub fn parse_invalidated(body: &str) -> Result<Self, InvalidBearer> {
        let members = json::text_members(body).map_err(|at| InvalidBearer::NotAnObject { at })?;
        Self::new(text_member(&members, "access_token")?.value.as_str())
    }

    /// Reads the value of an `Authorization` header, as a server. `None` if it is not of the scheme `Bearer`.
    pub fn from_header(value: &str) -> Option<Result<Self, InvalidBearer>> {
        Some(Self::new(strip_scheme(value, "Bearer")?))
    }

    /// The token.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> Secret {
        Secret::from(format!("Bearer {}", self.0.expose()))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}

/// Why a text is or has no bearer token. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidBearer {
    /// The answer is no JSON object.
    NotAnObject {
        /// Offset in the answer at which that shows.
        at: usize,
    },
    /// `token_type` is not `bearer`.
    TokenType {
        /// Offset in the answer of its value.
        at: usize,
    },
    /// A member is absent, or is no text.
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A token of no characters.
    Empty,
    /// A character that no header takes.
    Character {
        /// Offset in the token.
        at: usize,
    },
}

impl fmt::Display for InvalidBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject { at } => {
                write!(f, "the answer must be a JSON object, and at byte {at} it is none")
            }
            Self::TokenType { at } => {
                write!(f, "the answer's token_type must be bearer, and at byte {at} is something else")
            }
            Self::Missing { name } => write!(f, "the answer must have the text {name}, and has none"),
            Self::Empty => f.write_str("a bearer token must not be empty"),
            Self::Character { at } => {
                write!(f, "a bearer token has visible ASCII characters only, and byte {at} is none")
            }
        }
    }
}

impl Error for InvalidBearer {}

/// Key and secret in the form of the header `Authorization: Basic`.
pub fn basic(credentials: &Credentials) -> Secret {
    let (key, secret) = (credentials.consumer_key(), credentials.consumer_secret().expose());
    // Reserved in full, so that no growth leaves a copy behind.
    let mut pair = Zeroizing::new(String::with_capacity(3 * (key.len() + secret.len()) + 1));
    percent::push_encoded(&mut pair, key);
    pair.push(':');
    percent::push_encoded(&mut pair, secret);
    let mut value = String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4);
    value.push_str("Basic ");
    STANDARD.encode_string(pair.as_bytes(), &mut value);
    Secret::from(value)
}

/// Reads the value of an `Authorization: Basic` header, as a server. `None` if it is of another scheme.
///
/// ```
/// use oauth_core::app_only::parse_basic;
///
/// let credentials = parse_basic("Basic a2V5JTNBd2l0aCUzQWNvbG9uczpzZWMlMkZyZXQlMkIlM0Q=").unwrap()?;
/// assert_eq!(credentials.consumer_key(), "key:with:colons");
/// # Ok::<(), oauth_core::app_only::InvalidBasic>(())
/// ```
pub fn parse_basic(value: &str) -> Option<Result<Credentials, InvalidBasic>> {
    let encoded = strip_scheme(value, "Basic")?;
    let end = value.trim_end_matches(' ').len();
    Some(read_basic(encoded, end.saturating_sub(encoded.len())))
}

/// Why the value of an `Authorization: Basic` header cannot be read. It never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidBasic {
    /// No padded base64.
    Base64 {
        /// Offset in the header's value of the first character that does not fit, or of its end if some are missing.
        at: usize,
    },
    /// The base64 is not that of UTF-8.
    Utf8 {
        /// Offset, in the decoded bytes, of the first that does not fit.
        at: usize,
    },
    /// No colon between key and secret.
    Colon,
    /// Key or secret are badly percent-encoded.
    Percent {
        /// Offset, in the decoded bytes, of the key or secret.
        at: usize,
        /// What is wrong in it.
        fault: InvalidPercent,
    },
}

impl fmt::Display for InvalidBasic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 { at } => {
                write!(f, "Basic credentials must be padded base64, and are not from byte {at} on")
            }
            Self::Utf8 { at } => {
                write!(f, "Basic credentials must be base64 of UTF-8, and decoded byte {at} is not")
            }
            Self::Colon => f.write_str("Basic credentials must have a colon between key and secret"),
            Self::Percent { at, .. } => {
                write!(
                    f,
                    "the key or secret at decoded byte {at} of Basic credentials is badly percent-encoded"
                )
            }
        }
    }
}

impl Error for InvalidBasic {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Percent { fault, .. } => Some(fault),
            Self::Base64 { .. } | Self::Utf8 { .. } | Self::Colon => None,
        }
    }
}

fn text_member<'a>(members: &'a [TextMember], name: &'static str) -> Result<&'a TextMember, InvalidBearer> {
    members.iter().find(|member| member.name == name).ok_or(InvalidBearer::Missing { name })
}

fn with_basic(url: &str, credentials: &Credentials, body: String) -> Message {
    Message {
        method: "POST",
        url: url.into(),
        authorization: basic(credentials).expose().into(),
        content_type: Some(FORM),
        body,
    }
}

/// Reads the base64 that is at this offset of the header's value.
fn read_basic(encoded: &str, at: usize) -> Result<Credentials, InvalidBasic> {
    let bytes = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|error| {
        let offset = match error {
            DecodeError::InvalidByte(offset, _) | DecodeError::InvalidLastSymbol { offset, .. } => offset,
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => encoded.len(),
        };
        InvalidBasic::Base64 { at: at + offset }
    })?;
    let pair =
        core::str::from_utf8(&bytes).map_err(|error| InvalidBasic::Utf8 { at: error.valid_up_to() })?;
    let (key, secret) = pair.split_once(':').ok_or(InvalidBasic::Colon)?;
    let decode = |text, at| percent::decode(text).map_err(|fault| InvalidBasic::Percent { at, fault });
    let (name, secret) = (decode(key, 0)?, decode(secret, key.len() + 1)?);
    Ok(Credentials::consumer(name, secret.into_owned()))
}

fn strip_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, rest) = value.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim_matches(' '))
}

/// As Twitter's documentation writes it.
const FORM: &str = "application/x-www-form-urlencoded;charset=UTF-8";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timestamp::Timestamp;

    fn app() -> Credentials {
        Credentials::consumer("xvz1evFS4wEEPTGEFPHBog", "L8qq9PZyRg6ieKGEKhZolGC0vJWLw8iEJ88DRdyOg")
    }

    fn token() -> BearerToken {
        BearerToken::new("AAAA%2FAAA%3D").unwrap()
    }

    #[test]
    fn asks_as_twitter_documents() {
        let ask = token_request("https://api.twitter.com/oauth2/token", &app());
        assert_eq!(
            ask.authorization(),
            "Basic eHZ6MWV2RlM0d0VFUFRHRUZQSEJvZzpMOHFxOVBaeVJnNmllS0dFS2hab2xHQzB2SldMdzhpRUo4OERSZHlPZw=="
        );
        assert_eq!(
            ask.headers(),
            [
                ("Authorization", ask.authorization()),
                ("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
            ]
        );
        assert_eq!((ask.method(), ask.body()), ("POST", "grant_type=client_credentials"));
    }

    #[test]
    fn reads_the_answer_and_keeps_the_token_verbatim() {
        let parse = BearerToken::parse_answer;
        assert_eq!(parse(r#"{"token_type":"bearer","access_token":"AAAA%2FAAA%3D"}"#), Ok(token()));
        assert_eq!(parse(r#"{"access_token":"AAAA%2FAAA%3D","x":{},"token_type":"Bearer"}"#), Ok(token()));
        assert_eq!(
            parse(r#"{"token_type":"mac","access_token":"a"}"#),
            Err(InvalidBearer::TokenType { at: 14 })
        );
        let missing = |name| Err(InvalidBearer::Missing { name });
        assert_eq!(parse(r#"{"access_token":"a"}"#), missing("token_type"));
        assert_eq!(parse(r#"{"token_type":"bearer"}"#), missing("access_token"));
        assert_eq!(parse(r#"{"token_type":"bearer","access_token":1}"#), missing("access_token"));
        assert_eq!(parse(r#"{"token_type":"bearer","access_token":""}"#), Err(InvalidBearer::Empty));
        assert_eq!(
            parse(r#"{"token_type":"bearer","access_token":"a\r\nb"}"#),
            Err(InvalidBearer::Character { at: 1 })
        );
        assert_eq!(parse("oauth_token=a"), Err(InvalidBearer::NotAnObject { at: 0 }));
        assert_eq!(BearerToken::parse_invalidated(r#"{"access_token":"AAAA%2FAAA%3D"}"#), Ok(token()));
    }

    #[test]
    fn both_forms_of_invalidation_encode_the_token_once() {
        let url = "https://api.twitter.com/oauth2/invalidate_token";
        let basic = invalidate_with_basic(url, &app(), &token());
        assert_eq!((basic.url(), basic.body()), (url, "access_token=AAAA%252FAAA%253D"));
        assert!(basic.authorization().starts_with("Basic "));

        let stamp = Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: "n" };
        let signed = invalidate_signed(url, &app().with_token("t", "s"), &token(), stamp).unwrap();
        assert_eq!(
            signed.url(),
            "https://api.twitter.com/oauth2/invalidate_token?access_token=AAAA%252FAAA%253D"
        );
        assert_eq!((signed.body(), signed.content_type()), ("", None));
        assert!(signed.authorization().starts_with("OAuth "));
    }

    #[test]
    fn a_server_reads_the_headers() {
        assert_eq!(BearerToken::from_header("bearer AAAA%2FAAA%3D"), Some(Ok(token())));
        assert_eq!(BearerToken::from_header("Bearer"), None);
        assert_eq!(BearerToken::from_header("Bearer "), Some(Err(InvalidBearer::Empty)));
        assert_eq!(BearerToken::from_header("Basic abc"), None);
        assert_eq!(parse_basic("OAuth x"), None);
        assert_eq!(parse_basic("Basic azpzM"), Some(Err(InvalidBasic::Base64 { at: 11 })));
        assert_eq!(parse_basic("Basic   az*z "), Some(Err(InvalidBasic::Base64 { at: 10 })));
        assert_eq!(parse_basic("Basic az//"), Some(Err(InvalidBasic::Utf8 { at: 2 })));
        assert_eq!(parse_basic("Basic azpz"), Some(Ok(Credentials::consumer("k", "s"))));
        assert_eq!(parse_basic("Basic a3M="), Some(Err(InvalidBasic::Colon)));
        assert_eq!(
            parse_basic("Basic azol"),
            Some(Err(InvalidBasic::Percent { at: 2, fault: InvalidPercent::Escape { at: 0 } }))
        );
    }

    #[test]
    fn debug_shows_no_secrets() {
        assert_eq!(format!("{:?}", token()), "BearerToken([redacted])");
        assert_eq!(format!("{:?}", basic(&app())), "Secret([redacted])");
    }

    proptest! {
        #[test]
        fn basic_credentials_round_trip(key in ".*", secret in ".*") {
            let credentials = Credentials::consumer(key, secret);
            prop_assert_eq!(parse_basic(basic(&credentials).expose()), Some(Ok(credentials)));
        }

        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = BearerToken::parse_answer(&text);
            let _ = BearerToken::from_header(&text);
            let _ = parse_basic(&text);
        }
    }
}
