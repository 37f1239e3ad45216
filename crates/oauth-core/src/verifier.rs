//! From a received request to who sent it.

use alloc::string::String;
use core::{error::Error, fmt};

use crate::{
    authorization::{Authorization, InvalidAuthorization},
    base_string::{BaseString, InvalidForm, Pair},
    request::is_form,
    secret::Secret,
    signature::SigningKey,
    timestamp::{InvalidTimestamp, Timestamp},
    url::{InvalidUrl, Target, without_query},
};

/// A request as it came.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// As in the request line.
    pub method: &'a str,
    /// Absolute, as the client saw it: with the scheme and host that the client used, even if a proxy stands between,
    /// and with path and query untouched.
    pub url: &'a str,
    /// The value of each `Authorization` header.
    pub authorization: &'a [&'a str],
    /// The value of the `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The body, decompressed if it was compressed.
    pub body: &'a [u8],
}

impl fmt::Debug for Received<'_> {
    /// Shows method and URL alone, without its query: the rest may have secrets, and whoever has the header can send the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("method", &self.method)
            .field("url", &without_query(self.url))
            .finish_non_exhaustive()
    }
}

/// The secrets that a server gave out, and its memory of nonces.
pub trait Registry {
    /// The secret of this consumer, if there is such a consumer.
    fn consumer_secret(&self, consumer_key: &str) -> Option<Secret>;

    /// The secret of this token, if there is such a token and it was given to this consumer.
    fn token_secret(&self, consumer_key: &str, token: &str) -> Option<Secret>;

    /// Remembers a nonce, unless it is remembered already. Asked only once the signature has proved right.
    fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered;
}

/// A nonce that was used: all four of consumer, token, timestamp and nonce make it one (RFC 5849 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NonceRecord<'a> {
    /// Who used it.
    pub consumer_key: &'a str,
    /// For whom; an empty `oauth_token` is none.
    pub token: Option<&'a str>,
    /// With which timestamp.
    pub timestamp: Timestamp,
    /// The nonce, decoded.
    pub nonce: &'a str,
    /// The server's clock.
    pub now: u64,
    /// The last second at which the timestamp is acceptable: until it has passed, the nonce must stay remembered.
    pub keep_until: u64,
}

/// Whether a nonce could be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// It was not there before, and is now.
    New,
    /// It was there before.
    Seen,
    /// There is no room: the request is refused, since it could be sent again.
    Full,
}

/// What a server accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How far a timestamp may be from the server's clock, to either side, itself included.
    pub window_seconds: u64,
    /// Whether protocol parameters may stand in two places.
    pub strays: Strays,
}

impl Default for Policy {
    /// Five minutes, and strictly one place.
    fn default() -> Self {
        Self { window_seconds: 300, strays: Strays::Refuse }
    }
}

/// Whether `oauth_callback` and `oauth_verifier` may stand elsewhere than the other protocol parameters.
///
/// RFC 5849 §3.5 wants all in one place. Twitter's documentation shows `oauth_verifier` in the body of the access token
/// request and the rest in the header. Both places are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strays {
    /// All in one place, or the request is refused.
    #[default]
    Refuse,
    /// These two may be in the query or form when the others are in the header.
    Accept,
}

/// Who sent a request, and what else its protocol parameters say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The consumer.
    pub consumer_key: String,
    /// The token of the user that the consumer acts for, or the request token; an empty one is none.
    pub token: Option<Secret>,
    /// When the request was signed.
    pub timestamp: Timestamp,
    /// The nonce, decoded.
    pub nonce: String,
    /// `oauth_callback`, which asks for a request token.
    pub callback: Option<String>,
    /// `oauth_verifier`, which asks for an access token.
    pub verifier: Option<Secret>,
    /// The realm of the header, which is not signed.
    pub realm: Option<String>,
}

/// Checks a request that came, RFC 5849 §3.2.
///
/// The signature is compared in constant time. The reasons tell an unknown consumer from a wrong signature, as the RFC
/// suggests; a server that does not want to can treat all that have status 401 alike.
///
/// ```
/// use oauth_core::{
///     Credentials, NonceMemory, NonceRecord, Policy, Reason, Received, Registry, Remembered, Request, Secret, Stamp,
///     Timestamp, sign, verify,
/// };
///
/// /// Knows one app and no users.
/// struct Server(NonceMemory);
///
/// impl Registry for Server {
///     fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
///         (consumer_key == "key").then(|| Secret::from("secret"))
///     }
///     fn token_secret(&self, _: &str, _: &str) -> Option<Secret> {
///         None
///     }
///     fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
///         self.0.remember(seen)
///     }
/// }
///
/// let (method, url, now) = ("GET", "https://api.twitter.com/1.1/search/tweets.json?q=a", 1_700_000_000);
/// let stamp = Stamp { timestamp: Timestamp::new(now)?, nonce: "n0nce" };
/// let signed = sign(&Request::new(method, url), &Credentials::consumer("key", "secret"), stamp)?;
///
/// let received =
///     Received { method, url, authorization: &[signed.authorization()], content_type: None, body: b"" };
/// let mut server = Server(NonceMemory::new(1000));
/// assert_eq!(verify(&received, &mut server, now, &Policy::default())?.consumer_key, "key");
/// let again = verify(&received, &mut server, now, &Policy::default()).unwrap_err();
/// assert_eq!(again.reason(), Reason::NonceUsed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The [`Refusal`] says why, and which status to answer.
pub fn verify(
    received: &Received<'_>,
    registry: &mut impl Registry,
    now: u64,
    policy: &Policy,
) -> Result<Verified, Refusal> {
    let mut claim = Claim::read(received, policy.strays)?;
    let timestamp = claim.timestamp()?;
    if timestamp.get() < now.saturating_sub(policy.window_seconds) {
        return Err(Fault::Window { timestamp, now }.refusal(Reason::StaleTimestamp));
    }
    if timestamp.get() > now.saturating_add(policy.window_seconds) {
        return Err(Fault::Window { timestamp, now }.refusal(Reason::FutureTimestamp));
    }

    let (consumer_secret, token_secret) = claim.secrets(registry)?;
    let key = SigningKey::from_secrets(&consumer_secret, token_secret.as_ref());
    if !claim.base.sign(key.state()).matches(&claim.signature) {
        return Err(Fault::None.refusal(Reason::InvalidSignature));
    }

    let keep_until = timestamp.get().saturating_add(policy.window_seconds);
    let token = claim.token.as_ref().map(Secret::expose);
    let (consumer_key, nonce) = (claim.consumer_key.as_str(), claim.nonce.as_str());
    match registry.remember(NonceRecord { consumer_key, token, timestamp, nonce, now, keep_until }) {
        Remembered::New => {}
        Remembered::Seen => return Err(Fault::None.refusal(Reason::NonceUsed)),
        Remembered::Full => return Err(Fault::None.refusal(Reason::NonceMemoryFull)),
    }
    Ok(Verified {
        callback: claim.get("oauth_callback")?,
        verifier: claim.get("oauth_verifier")?.map(Secret::from),
        consumer_key: claim.consumer_key,
        token: claim.token,
        timestamp,
        nonce: claim.nonce,
        realm: claim.realm,
    })
}

/// Why a request is refused. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    fault: Fault,
}

impl Refusal {
    /// The reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The HTTP status to answer.
    pub fn status(&self) -> u16 {
        self.reason.status()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Parameter(name) => match self.reason {
                Reason::MissingParameter => write!(f, "{name} is missing"),
                Reason::DuplicateParameter => write!(f, "{name} must occur once, in one place"),
                _ => write!(f, "{name} cannot be read"),
            },
            Fault::Headers(count) => write!(f, "one Authorization header expected, {count} received"),
            Fault::Window { timestamp, now } => {
                let (seconds, side) = match self.reason {
                    Reason::FutureTimestamp => (timestamp.get().saturating_sub(*now), "ahead of"),
                    _ => (now.saturating_sub(timestamp.get()), "behind"),
                };
                write!(f, "oauth_timestamp {timestamp} is {seconds} seconds {side} the server's clock, {now}")
            }
            Fault::None | Fault::Header(_) | Fault::Url(_) | Fault::Form(_) | Fault::Timestamp(_) => {
                f.write_str(self.reason.sentence())
            }
        }
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Header(source) => Some(source),
            Fault::Url(source) => Some(source),
            Fault::Form(source) => Some(source),
            Fault::Timestamp(source) => Some(source),
            Fault::None | Fault::Parameter(_) | Fault::Headers(_) | Fault::Window { .. } => None,
        }
    }
}

/// The reasons for which [`verify`] refuses, a closed list. RFC 5849 §3.2 suggests the status of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The header cannot be read, or there are several. 400.
    MalformedHeader,
    /// The query or form cannot be read, or the URL is none that can be signed. 400.
    MalformedRequest,
    /// A required parameter is absent, or is empty where that is the same. 400.
    MissingParameter,
    /// An `oauth_` parameter occurs twice, or in two places. 400.
    DuplicateParameter,
    /// `oauth_signature_method` is not exactly `HMAC-SHA1`. 400.
    UnsupportedSignatureMethod,
    /// `oauth_version` is sent and not exactly `1.0`. 400.
    UnsupportedVersion,
    /// `oauth_timestamp` is not made of digits, is zero, or does not fit into 64 bits. 400.
    MalformedTimestamp,
    /// The request is not signed with OAuth at all. 401.
    NotOauth,
    /// The timestamp is older than the window. 401.
    StaleTimestamp,
    /// The timestamp is further ahead than the window. 401.
    FutureTimestamp,
    /// There is no such consumer. 401.
    UnknownConsumer,
    /// There is no such token, or it belongs to another consumer. 401.
    UnknownToken,
    /// The nonce was used before. 401.
    NonceUsed,
    /// The signature is not the one that the request has to have. 401.
    InvalidSignature,
    /// The registry could not remember the nonce. 503.
    NonceMemoryFull,
}

impl Reason {
    /// The name in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedHeader => "malformed_header",
            Self::MalformedRequest => "malformed_request",
            Self::MissingParameter => "missing_parameter",
            Self::DuplicateParameter => "duplicate_parameter",
            Self::UnsupportedSignatureMethod => "unsupported_signature_method",
            Self::UnsupportedVersion => "unsupported_version",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::NotOauth => "not_oauth",
            Self::StaleTimestamp => "stale_timestamp",
            Self::FutureTimestamp => "future_timestamp",
            Self::UnknownConsumer => "unknown_consumer",
            Self::UnknownToken => "unknown_token",
            Self::NonceUsed => "nonce_used",
            Self::InvalidSignature => "invalid_signature",
            Self::NonceMemoryFull => "nonce_memory_full",
        }
    }

    /// The HTTP status to answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedHeader
            | Self::MalformedRequest
            | Self::MissingParameter
            | Self::DuplicateParameter
            | Self::UnsupportedSignatureMethod
            | Self::UnsupportedVersion
            | Self::MalformedTimestamp => 400,
            Self::NotOauth
            | Self::StaleTimestamp
            | Self::FutureTimestamp
            | Self::UnknownConsumer
            | Self::UnknownToken
            | Self::NonceUsed
            | Self::InvalidSignature => 401,
            Self::NonceMemoryFull => 503,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::MalformedHeader => "Authorization header cannot be read",
            Self::MalformedRequest => "URL, query or form cannot be read",
            Self::MissingParameter => "a required oauth_ parameter is missing",
            Self::DuplicateParameter => "an oauth_ parameter occurs twice",
            Self::UnsupportedSignatureMethod => "oauth_signature_method must be HMAC-SHA1",
            Self::UnsupportedVersion => "oauth_version must be 1.0 or absent",
            Self::MalformedTimestamp => "oauth_timestamp cannot be read",
            Self::NotOauth => "request is not signed with OAuth 1.0",
            Self::StaleTimestamp => "oauth_timestamp is too old",
            Self::FutureTimestamp => "oauth_timestamp is too far ahead",
            Self::UnknownConsumer => "oauth_consumer_key is not known",
            Self::UnknownToken => "oauth_token is not known for this consumer",
            Self::NonceUsed => "oauth_nonce was used before",
            Self::InvalidSignature => "oauth_signature does not belong to this request",
            Self::NonceMemoryFull => "no more nonces can be remembered for now",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a request says of itself, before any of it is believed.
pub(crate) struct Claim {
    /// Sorted, and without the signature.
    pub(crate) base: BaseString,
    pub(crate) consumer_key: String,
    /// `None` if absent or empty.
    pub(crate) token: Option<Secret>,
    pub(crate) nonce: String,
    pub(crate) signature: String,
    pub(crate) realm: Option<String>,
}

impl Claim {
    /// Reads all that can be judged without knowing a secret or the time.
    pub(crate) fn read(received: &Received<'_>, strays: Strays) -> Result<Self, Refusal> {
        let header = read_header(received.authorization)?;
        let base = read_base(received, header.as_ref(), strays)?;
        let realm = header.and_then(|header| header.realm().map(String::from));
        let mut claim = Self {
            base,
            consumer_key: String::new(),
            token: None,
            nonce: String::new(),
            signature: String::new(),
            realm,
        };
        let required = |name| {
            let value = claim.get(name)?;
            value.ok_or_else(|| Fault::Parameter(name.into()).refusal(Reason::MissingParameter))
        };
        let filled = |name| {
            let value = required(name)?;
            let missing = || Fault::Parameter(name.into()).refusal(Reason::MissingParameter);
            if value.is_empty() { Err(missing()) } else { Ok(value) }
        };
        let consumer_key = filled("oauth_consumer_key")?;
        let method = required("oauth_signature_method")?;
        let signature = required("oauth_signature")?;
        required("oauth_timestamp")?;
        let nonce = filled("oauth_nonce")?;
        if claim.get("oauth_version")?.is_some_and(|version| version != "1.0") {
            return Err(Fault::None.refusal(Reason::UnsupportedVersion));
        }
        if method != "HMAC-SHA1" {
            return Err(Fault::None.refusal(Reason::UnsupportedSignatureMethod));
        }
        let token = claim.get("oauth_token")?.filter(|token| !token.is_empty()).map(Secret::from);
        claim.base.remove_if(|pair| pair.name() == b"oauth_signature");
        Ok(Self { consumer_key, token, nonce, signature, ..claim })
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(pair) = self.base.iter().find(|pair| pair.name() == name.as_bytes()) else {
            return Ok(None);
        };
        let value = pair.decoded_value();
        value.map(Some).ok_or_else(|| Fault::Parameter(name.into()).refusal(Reason::MalformedRequest))
    }

    /// The secrets that it has to be signed with.
    pub(crate) fn secrets(&self, registry: &impl Registry) -> Result<(Secret, Option<Secret>), Refusal> {
        let consumer = registry.consumer_secret(&self.consumer_key);
        let consumer = consumer.ok_or_else(|| Fault::None.refusal(Reason::UnknownConsumer))?;
        let Some(token) = &self.token else { return Ok((consumer, None)) };
        let token = registry.token_secret(&self.consumer_key, token.expose());
        let token = token.ok_or_else(|| Fault::None.refusal(Reason::UnknownToken))?;
        Ok((consumer, Some(token)))
    }

    fn timestamp(&self) -> Result<Timestamp, Refusal> {
        let text = self.get("oauth_timestamp")?.unwrap_or_default();
        text.parse().map_err(|error| Fault::Timestamp(error).refusal(Reason::MalformedTimestamp))
    }
}

/// What goes with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Parameter(String),
    Headers(usize),
    Header(InvalidAuthorization),
    Url(InvalidUrl),
    Form(InvalidForm),
    Timestamp(InvalidTimestamp),
    Window { timestamp: Timestamp, now: u64 },
}

impl Fault {
    fn refusal(self, reason: Reason) -> Refusal {
        Refusal { reason, fault: self }
    }
}

fn read_header(values: &[&str]) -> Result<Option<Authorization>, Refusal> {
    let value = match values {
        [] => return Ok(None),
        [value] => value,
        _ => return Err(Fault::Headers(values.len()).refusal(Reason::MalformedHeader)),
    };
    match Authorization::parse(value) {
        Ok(header) => Ok(Some(header)),
        Err(InvalidAuthorization::OtherScheme) => Err(Fault::None.refusal(Reason::NotOauth)),
        Err(InvalidAuthorization::Duplicate { name, .. }) if name.starts_with("oauth_") => {
            Err(Fault::Parameter(name).refusal(Reason::DuplicateParameter))
        }
        Err(error) => Err(Fault::Header(error).refusal(Reason::MalformedHeader)),
    }
}

/// All parameters, signature included, sorted.
fn read_base(
    received: &Received<'_>,
    header: Option<&Authorization>,
    strays: Strays,
) -> Result<BaseString, Refusal> {
    let target = Target::received(received.url)
        .map_err(|error| Fault::Url(error).refusal(Reason::MalformedRequest))?;
    let form = if received.content_type.is_some_and(is_form) { received.body } else { &[] };
    let mut base = BaseString::new(received.method, &target, target.query.len() + form.len() + 512);

    for (name, value) in header.into_iter().flat_map(Authorization::iter) {
        base.push(name, value);
    }
    let header_end = base.len();
    let malformed = |error| Fault::Form(error).refusal(Reason::MalformedRequest);
    base.push_form(target.query.as_bytes()).map_err(malformed)?;
    let query_end = base.len();
    base.push_form(form).map_err(malformed)?;

    let mut place = None;
    for (start, end) in [(0, header_end), (header_end, query_end), (query_end, base.len())] {
        let found = base.iter().take(end).skip(start).find(|pair| {
            let may_stray = matches!(pair.name(), b"oauth_callback" | b"oauth_verifier");
            pair.is_protocol_parameter() && (place.is_none() || strays == Strays::Refuse || !may_stray)
        });
        if let Some(pair) = found {
            if place.is_some() {
                return Err(Fault::Parameter(pair.decoded_name()).refusal(Reason::DuplicateParameter));
            }
            place = Some(start);
        }
    }
    if place.is_none() && header.is_none() {
        return Err(Fault::None.refusal(Reason::NotOauth));
    }
    base.sort();
    match base.duplicate().map(Pair::decoded_name) {
        Some(name) => Err(Fault::Parameter(name).refusal(Reason::DuplicateParameter)),
        None => Ok(base),
    }
}
