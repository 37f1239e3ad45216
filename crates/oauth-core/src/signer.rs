//! From a request to its `Authorization` header.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};

use crate::{
    authorization,
    base_string::{BaseString, InvalidForm},
    credentials::Credentials,
    percent,
    request::{BodyHash, Request, Version, is_form},
    signature::{Signature, SigningKey},
    timestamp::{MAX_DIGITS, Timestamp},
    url::{InvalidUrl, Target},
};

/// What makes each signature its own: the time, and a text that was never used at that time (RFC 5849 §3.3).
///
/// Every attempt to send a request needs a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// When the request is signed.
    pub timestamp: Timestamp,
    /// Any text, not empty; feature `nonce` makes good ones.
    pub nonce: &'a str,
}

/// Signs one request, and keeps every stage of the way for those who want to look.
///
/// To sign many, see [`Signer`] and [`PreparedCredentials`].
///
/// ```
/// use oauth_core::{Credentials, Request, Stamp, Timestamp, sign};
///
/// let request = Request::new("POST", "https://data-api.twitter.com/insights/engagement/totals")
///     .body("application/json", b"{}");
/// let credentials = Credentials::consumer("demo-consumer-key", "demo-consumer-secret")
///     .with_token("1111-demo-access-token", "demo-token-secret");
/// let stamp = Stamp {
///     timestamp: Timestamp::new(1_700_000_000)?,
///     nonce: "n0nce0000000000000000000000000001",
/// };
/// let signed = sign(&request, &credentials, stamp)?;
/// assert_eq!(signed.signature(), "QmUj7R3muYMX1yweuPRjzhLP7/0=");
/// assert!(signed.authorization().starts_with("OAuth oauth_consumer_key=\"demo-consumer-key\", "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// What cannot be signed rightly is refused, see [`SignError`].
pub fn sign(request: &Request<'_>, credentials: &Credentials, stamp: Stamp<'_>) -> Result<Signed, SignError> {
    PreparedCredentials::new(credentials).sign(request, stamp)
}

/// A signed request, stage by stage.
#[derive(Clone)]
pub struct Signed {
    base_string_uri: String,
    parameter_string: String,
    base_string: String,
    signature: Signature,
    authorization: String,
}

impl Signed {
    /// Scheme, host, port if it is not the default, and path (§3.4.1.2).
    pub fn base_string_uri(&self) -> &str {
        &self.base_string_uri
    }

    /// The parameters encoded, sorted and joined (§3.4.1.3.2).
    pub fn parameter_string(&self) -> &str {
        &self.parameter_string
    }

    /// What the signature is over (§3.4.1.1).
    pub fn base_string(&self) -> &str {
        &self.base_string
    }

    /// The signature in base64.
    pub fn signature(&self) -> &str {
        self.signature.as_str()
    }

    /// The value of the `Authorization` header (§3.5.1): ASCII without control characters.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }
}

impl fmt::Debug for Signed {
    /// Shows what was signed for, not the parameters, among which a password may be (xAuth sends one), and not the
    /// header, with which the request could be sent by another.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("base_string_uri", &self.base_string_uri).finish_non_exhaustive()
    }
}

/// One request and its credentials, made ready to be signed again and again.
///
/// All that comes before the nonce in the base string is absorbed once; a signature then costs less than its HMAC.
///
/// ```
/// use oauth_core::{Credentials, Request, Signer, Stamp, Timestamp};
///
/// let request = Request::new("GET", "https://api.twitter.com/1.1/account/verify_credentials.json");
/// let signer = Signer::new(&request, &Credentials::consumer("key", "secret").with_token("token", "secret"))?;
/// let first = signer.authorization(Stamp { timestamp: Timestamp::new(1_700_000_000)?, nonce: "one" })?;
/// let again = signer.authorization(Stamp { timestamp: Timestamp::new(1_700_000_000)?, nonce: "two" })?;
/// assert_ne!(first, again);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    /// Has absorbed the key and the base string up to the nonce.
    state: Hmac<Sha1>,
    /// The base string between nonce and timestamp, and after the timestamp.
    between: Box<[u8]>,
    after: Box<[u8]>,
    /// The header up to the nonce.
    head: Box<str>,
}

impl Signer {
    /// Makes a request ready.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn new(request: &Request<'_>, credentials: &Credentials) -> Result<Self, SignError> {
        PreparedCredentials::new(credentials).signer(request)
    }

    /// The header value for this time and nonce. One allocation.
    ///
    /// # Errors
    ///
    /// Only an empty nonce is refused.
    pub fn authorization(&self, stamp: Stamp<'_>) -> Result<String, SignError> {
        let mut out = String::new();
        self.write_authorization(stamp, &mut out)?;
        Ok(out)
    }

    /// Adds the header value for this time and nonce to the text. No allocation if the room suffices.
    ///
    /// # Errors
    ///
    /// Only an empty nonce is refused; nothing is added then.
    pub fn write_authorization(&self, stamp: Stamp<'_>, out: &mut String) -> Result<(), SignError> {
        check_nonce(stamp)?;
        let mut digits = [0; MAX_DIGITS];
        let timestamp = stamp.timestamp.digits(&mut digits);
        let mut state = self.state.clone();
        absorb_nonce(&mut state, stamp.nonce);
        state.update(&self.between);
        state.update(timestamp.as_bytes());
        state.update(&self.after);
        let signature = Signature::finish(state);
        out.reserve(self.head.len() + TAIL_ROOM + 3 * stamp.nonce.len());
        out.push_str(&self.head);
        push_tail(out, stamp.nonce, timestamp, &signature);
        Ok(())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer([redacted])")
    }
}

/// Credentials whose key is absorbed, for signing many different requests.
#[derive(Clone)]
pub struct PreparedCredentials {
    credentials: Credentials,
    key: SigningKey,
}

impl PreparedCredentials {
    /// Makes the credentials ready.
    pub fn new(credentials: &Credentials) -> Self {
        Self { credentials: credentials.clone(), key: SigningKey::new(credentials) }
    }

    /// The credentials that were made ready.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// As [`sign`].
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn sign(&self, request: &Request<'_>, stamp: Stamp<'_>) -> Result<Signed, SignError> {
        let mut digits = [0; MAX_DIGITS];
        check_nonce(stamp)?;
        let timestamp = stamp.timestamp.digits(&mut digits);
        let (base, hash) = base_string(request, &self.credentials, stamp.nonce, timestamp)?;
        let base_string = String::from_utf8(base.join()).expect("percent-encoded text is ASCII");
        let signature = self.key.sign(&base_string);
        let mut authorization = String::new();
        push_head(&mut authorization, request, &self.credentials, hash.as_deref());
        push_tail(&mut authorization, stamp.nonce, timestamp, &signature);
        let mut parts = base_string.split('&').skip(1).map(|part| {
            percent::decode(part).map(|decoded| decoded.into_owned()).expect("encoding can be undone")
        });
        let base_string_uri = parts.next().unwrap_or_default();
        let parameter_string = parts.next().unwrap_or_default();
        drop(parts);
        Ok(Signed { base_string_uri, parameter_string, base_string, signature, authorization })
    }

    /// The header value alone. Two allocations for an ordinary request.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn authorization(&self, request: &Request<'_>, stamp: Stamp<'_>) -> Result<String, SignError> {
        let mut out = String::new();
        self.write_authorization(request, stamp, &mut out)?;
        Ok(out)
    }

    /// Adds the header value to the text. One allocation for an ordinary request, if the room suffices.
    ///
    /// # Errors
    ///
    /// As for [`sign`]; nothing is added then.
    pub fn write_authorization(
        &self,
        request: &Request<'_>,
        stamp: Stamp<'_>,
        out: &mut String,
    ) -> Result<(), SignError> {
        let mut digits = [0; MAX_DIGITS];
        check_nonce(stamp)?;
        let timestamp = stamp.timestamp.digits(&mut digits);
        let (base, hash) = base_string(request, &self.credentials, stamp.nonce, timestamp)?;
        let mut state = self.key.state();
        base.absorb_into(&mut state);
        let signature = Signature::finish(state);
        out.reserve(head_room(request, &self.credentials) + TAIL_ROOM + 3 * stamp.nonce.len());
        push_head(out, request, &self.credentials, hash.as_deref());
        push_tail(out, stamp.nonce, timestamp, &signature);
        Ok(())
    }

    /// A signer for one request.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn signer(&self, request: &Request<'_>) -> Result<Signer, SignError> {
        let (base, hash) = base_string(request, &self.credentials, "", "")?;
        // Empty now, nonce and timestamp leave their places: the name of neither occurs twice.
        let [mut before, mut between, mut after] = [base.head().to_vec(), Vec::new(), Vec::new()];
        let mut part = &mut before;
        for (index, pair) in base.iter().enumerate() {
            if index > 0 {
                part.extend_from_slice(b"%26");
            }
            part.extend_from_slice(pair.joined());
            match pair.name() {
                b"oauth_nonce" => part = &mut between,
                b"oauth_timestamp" => part = &mut after,
                _ => {}
            }
        }
        let mut state = self.key.state();
        state.update(&before);
        let mut head = String::with_capacity(head_room(request, &self.credentials));
        push_head(&mut head, request, &self.credentials, hash.as_deref());
        Ok(Signer { state, between: between.into(), after: after.into(), head: head.into() })
    }
}

impl fmt::Debug for PreparedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PreparedCredentials").field(&self.credentials).finish()
    }
}

/// Why a request is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The method is empty, or has a character that RFC 9110 §5.6.2 does not allow in one.
    Method {
        /// Offset in the method.
        at: usize,
    },
    /// The URL is not absolute, not `http` or `https`, or would be changed on its way.
    Url(InvalidUrl),
    /// The query can be read in two ways.
    Query {
        /// Offset of the `%` in the URL.
        at: usize,
    },
    /// The form body can be read in two ways.
    Form(InvalidForm),
    /// A nonce of no characters, which servers take for a missing one.
    EmptyNonce,
    /// A consumer key of no characters, which servers take for a missing one.
    EmptyConsumerKey,
    /// An `oauth_` parameter occurs twice, which RFC 5849 §3.2 forbids.
    DuplicateParameter {
        /// Its name.
        name: String,
    },
    /// A parameter that this crate sets itself is among the further ones, in the query or in the form; or a further one
    /// does not begin with `oauth_`, so that it belongs into the query or form.
    ReservedParameter {
        /// Its name.
        name: String,
    },
    /// The realm has a character that is not printable ASCII.
    Realm {
        /// Offset in the realm.
        at: usize,
    },
    /// A body hash is asked for a form body, which the draft forbids because the form is signed itself.
    BodyHashOfForm,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { at } => {
                write!(f, "method must be letters, digits and !#$%&'*+-.^_`|~, and byte {at} is not")
            }
            Self::Url(_) => f.write_str("URL cannot be signed"),
            Self::Query { at } => {
                write!(
                    f,
                    "query cannot be signed: % at byte {at} of the URL is not followed by two hex digits"
                )
            }
            Self::Form(_) => f.write_str("form body cannot be signed"),
            Self::EmptyNonce => f.write_str("nonce must not be empty"),
            Self::EmptyConsumerKey => f.write_str("consumer key must not be empty"),
            Self::DuplicateParameter { name } => write!(f, "protocol parameter {name} must occur once"),
            Self::ReservedParameter { name } => write!(
                f,
                "{name} cannot be given as a parameter: the signer sets the protocol's own, and others in the header \
                 begin with oauth_"
            ),
            Self::Realm { at } => write!(f, "realm must be printable ASCII, and byte {at} is not"),
            Self::BodyHashOfForm => f.write_str("a form body is signed itself and must not have a body hash"),
        }
    }
}

impl core::error::Error for SignError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Url(source) => Some(source),
            Self::Form(source) => Some(source),
            _ => None,
        }
    }
}

/// The base string of a request, and the body hash that is in it.
fn base_string(
    request: &Request<'_>,
    credentials: &Credentials,
    nonce: &str,
    timestamp: &str,
) -> Result<(BaseString, Option<String>), SignError> {
    check(request, credentials)?;
    let target = Target::to_send(request.url).map_err(SignError::Url)?;
    let form = is_form(request.content_type).then_some(request.body);
    let hash = match request.body_hash {
        BodyHash::Omit => None,
        BodyHash::Include if form.is_some() => return Err(SignError::BodyHashOfForm),
        BodyHash::Include => Some(STANDARD.encode(Sha1::digest(request.body))),
    };

    let own = credentials.consumer_key().len() + nonce.len() + OWN_NAMES;
    let room = own + target.query.len() + form.map_or(0, <[u8]>::len);
    let mut base = BaseString::new(request.method, &target, room);
    protocol_parameters(request, credentials, hash.as_deref(), |name, value| base.push(name, value));
    base.push("oauth_nonce", nonce);
    base.push("oauth_timestamp", timestamp);
    let own = base.len();
    base.push_form(target.query.as_bytes())
        .map_err(|error| SignError::Query { at: target.query_at + error.at() })?;
    base.push_form(form.unwrap_or_default()).map_err(SignError::Form)?;

    if let Some(pair) = base.iter().skip(own).find(|pair| is_reserved(pair.name())) {
        return Err(SignError::ReservedParameter { name: pair.decoded_name() });
    }
    base.sort();
    if let Some(name) = base.duplicate() {
        return Err(SignError::DuplicateParameter { name });
    }
    Ok((base, hash))
}

fn check(request: &Request<'_>, credentials: &Credentials) -> Result<(), SignError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if request.method.is_empty() {
        return Err(SignError::Method { at: 0 });
    }
    if let Some(at) = request.method.bytes().position(|byte| !is_token(byte)) {
        return Err(SignError::Method { at });
    }
    if credentials.consumer_key().is_empty() {
        return Err(SignError::EmptyConsumerKey);
    }
    if let Some(at) =
        request.realm.and_then(|realm| realm.bytes().position(|byte| !matches!(byte, b' '..=b'~')))
    {
        return Err(SignError::Realm { at });
    }
    for (name, _) in &request.more {
        if !name.starts_with("oauth_") || is_reserved(name.as_bytes()) {
            return Err(SignError::ReservedParameter { name: (*name).into() });
        }
    }
    Ok(())
}

fn check_nonce(stamp: Stamp<'_>) -> Result<(), SignError> {
    if stamp.nonce.is_empty() { Err(SignError::EmptyNonce) } else { Ok(()) }
}

/// Names each parameter of the header that does not change from stamp to stamp.
fn protocol_parameters<'a>(
    request: &Request<'a>,
    credentials: &'a Credentials,
    body_hash: Option<&'a str>,
    mut name: impl FnMut(&str, &'a str),
) {
    name("oauth_consumer_key", credentials.consumer_key());
    if let Some(token) = credentials.token() {
        name("oauth_token", token.expose());
    }
    name("oauth_signature_method", "HMAC-SHA1");
    if request.version == Version::Include {
        name("oauth_version", "1.0");
    }
    if let Some(callback) = request.callback {
        name("oauth_callback", callback);
    }
    if let Some(verifier) = request.verifier {
        name("oauth_verifier", verifier);
    }
    if let Some(hash) = body_hash {
        name("oauth_body_hash", hash);
    }
    for (extra, value) in &request.more {
        name(extra, value);
    }
}

/// Writes the header up to the nonce.
fn push_head(out: &mut String, request: &Request<'_>, credentials: &Credentials, body_hash: Option<&str>) {
    out.push_str("OAuth ");
    if let Some(realm) = request.realm {
        authorization::push_realm(out, realm);
        out.push_str(", ");
    }
    protocol_parameters(request, credentials, body_hash, |name, value| {
        percent::push_encoded(out, name);
        out.push_str("=\"");
        percent::push_encoded(out, value);
        out.push_str("\", ");
    });
    out.push_str("oauth_nonce=\"");
}

/// Writes the header from the nonce on.
fn push_tail(out: &mut String, nonce: &str, timestamp: &str, signature: &Signature) {
    percent::push_encoded(out, nonce);
    out.push_str("\", oauth_timestamp=\"");
    out.push_str(timestamp);
    out.push_str("\", oauth_signature=\"");
    signature.push_encoded(out);
    out.push('"');
}

/// Bytes that [`push_head`] adds, or somewhat more.
fn head_room(request: &Request<'_>, credentials: &Credentials) -> usize {
    let mut room = 64 + 2 * request.realm.map_or(0, str::len);
    protocol_parameters(request, credentials, None, |name, value| room += 5 + 3 * (name.len() + value.len()));
    room
}

fn absorb_nonce(state: &mut Hmac<Sha1>, nonce: &str) {
    if nonce.bytes().all(percent::is_unreserved) {
        state.update(nonce.as_bytes());
    } else {
        let mut encoded = Vec::with_capacity(5 * nonce.len());
        percent::push_encoded_twice(&mut encoded, nonce.as_bytes());
        state.update(&encoded);
    }
}

fn is_reserved(name: &[u8]) -> bool {
    RESERVED.iter().any(|reserved| reserved.as_bytes() == name)
}

/// Never given by the caller: the signer sets them, or leaves them out on purpose.
const RESERVED: [&str; 7] = [
    "oauth_consumer_key",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_token",
    "oauth_version",
];

/// Bytes that [`push_tail`] adds beside the nonce.
const TAIL_ROOM: usize = 64 + MAX_DIGITS + Signature::MAX_ENCODED;
/// Bytes of the protocol parameters' names and fixed values, or somewhat more.
const OWN_NAMES: usize = 160;
