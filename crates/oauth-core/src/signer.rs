//! From a request to its `Authorization` header.

use alloc::{
    borrow::Cow,
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};

use crate::{
    absorber::BLOCK,
    authorization,
    base_string::{self, BaseString, InvalidForm},
    credentials::Credentials,
    normal_form, percent,
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
/// To sign many, see [`Signer`], [`Template`](crate::Template) and [`PreparedCredentials`].
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
    /// Has absorbed the key and all whole blocks of the base string before the nonce.
    state: Hmac<Sha1>,
    /// The rest of the base string before the nonce: with it the hash goes on at the start of a block.
    open: Box<str>,
    /// The base string between nonce and timestamp, and after the timestamp.
    between: Box<str>,
    after: Box<str>,
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
        let mut room = [0; STAMP_ROOM];
        let stamp = Written::new(stamp, &mut room)?;
        let start = out.len();
        let base_rest = self.open.len() + self.between.len() + self.after.len();
        out.reserve(self.head.len().max(base_rest) + TAIL_ROOM + 5 * stamp.nonce.len());
        // The rest of the base string is put together where the header will be: hashed as one piece it costs less.
        out.push_str(&self.open);
        out.push_str(&stamp.nonce_encoded_twice());
        out.push_str(&self.between);
        out.push_str(stamp.timestamp);
        out.push_str(&self.after);
        let mut state = self.state.clone();
        state.update(&out.as_bytes()[start..]);
        out.truncate(start);
        let signature = Signature::finish(state);
        out.push_str(&self.head);
        stamp.push_tail(out, &signature);
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
    /// What is the same for all requests that ask for nothing special.
    plain: Protocol,
}

impl PreparedCredentials {
    /// Makes the credentials ready.
    pub fn new(credentials: &Credentials) -> Self {
        Self {
            credentials: credentials.clone(),
            key: SigningKey::new(credentials),
            plain: Protocol::plain(credentials),
        }
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
        let mut room = [0; STAMP_ROOM];
        let stamp = Written::new(stamp, &mut room)?;
        let protocol = self.protocol(request)?;
        let base = base_string(request, &protocol, stamp, Layout::Together)?;
        let base_string = String::from_utf8(base.join()).expect("percent-encoded text is ASCII");
        let signature = self.key.sign(&base_string);
        let authorization = protocol.header(stamp, signature);
        let mut parts = base_string.split('&').skip(1);
        let mut part = || {
            let part = parts.next().and_then(|part| percent::decode(part).ok());
            part.expect("a base string has three parts, each encoded").into_owned()
        };
        let (base_string_uri, parameter_string) = (part(), part());
        Ok(Signed { base_string_uri, parameter_string, base_string, signature, authorization })
    }

    /// The header value alone. One allocation if URL and form are in their normal form, else two.
    ///
    /// In their normal form are an `https` or `http` URL with a host in lower case, without a port, and up to sixteen
    /// parameters, encoded as [`percent::encode`] does it.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn authorization(&self, request: &Request<'_>, stamp: Stamp<'_>) -> Result<String, SignError> {
        let mut out = String::new();
        self.write_authorization(request, stamp, &mut out)?;
        Ok(out)
    }

    /// Adds the header value to the text. No allocation if URL and form are in their normal form and the room suffices.
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
        let mut room = [0; STAMP_ROOM];
        let stamp = Written::new(stamp, &mut room)?;
        let protocol = self.protocol(request)?;
        let state = absorbed(request, &protocol, stamp, &self.key)?;
        protocol.write_header(stamp, out, || Signature::finish(state));
        Ok(())
    }

    /// A signer for one request.
    ///
    /// # Errors
    ///
    /// As for [`sign`].
    pub fn signer(&self, request: &Request<'_>) -> Result<Signer, SignError> {
        let protocol = self.protocol(request)?;
        let base = base_string(request, &protocol, Written::NOTHING, Layout::Apart)?;
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
        let open = before.split_off(before.len() / BLOCK * BLOCK);
        let mut state = self.key.state();
        state.update(&before);
        let text = |bytes| String::from_utf8(bytes).expect("percent-encoded text is ASCII");
        Ok(Signer {
            state,
            open: text(open).into(),
            between: text(between).into(),
            after: text(after).into(),
            head: protocol.head.as_str().into(),
        })
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(crate) fn protocol(&self, request: &Request<'_>) -> Result<Cow<'_, Protocol>, SignError> {
        if self.credentials.consumer_key().is_empty() {
            return Err(SignError::EmptyConsumerKey);
        }
        if request.is_plain() {
            return Ok(Cow::Borrowed(&self.plain));
        }
        Protocol::new(request, &self.credentials).map(Cow::Owned)
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
    /// A method of no characters.
    EmptyMethod,
    /// The method has a character that RFC 9110 §5.6.2 does not allow in one.
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
        /// Where the one too many is.
        place: Place,
    },
    /// A parameter that this crate sets itself is among the further ones, in the query or in the form; or a further one
    /// does not begin with `oauth_`, so that it belongs into the query or form.
    ReservedParameter {
        /// Its name.
        name: String,
        /// Where it is.
        place: Place,
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
            Self::EmptyMethod => f.write_str("method must not be empty"),
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
            Self::DuplicateParameter { name, place } => {
                write!(f, "protocol parameter {name} must occur once, and is there again {place}")
            }
            Self::ReservedParameter { name, place } => write!(
                f,
                "{name} cannot be given as a parameter, as it is {place}: the signer sets the protocol's own, and \
                 others in the header begin with oauth_"
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

/// Where a parameter of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Among those of the header.
    Header,
    /// In the query.
    Query {
        /// Offset in the URL.
        at: usize,
    },
    /// In the form body.
    Form {
        /// Offset in the body.
        at: usize,
    },
    /// Among the parameters given to a [`Template`](crate::Template).
    Parameter {
        /// Which of them, from zero.
        index: usize,
    },
}

impl Place {
    /// Where the last parameter with this name is, which is encoded twice.
    fn of(name: &[u8], target: &Target<'_>, form: &[u8], given: &[(&str, &str)]) -> Self {
        let is_given = |(other, _): &(&str, &str)| {
            let mut alone = BaseString::after(Vec::new());
            alone.push(other, "");
            alone.iter().any(|pair| pair.name() == name)
        };
        if let Some(index) = given.iter().rposition(is_given) {
            return Self::Parameter { index };
        }
        let last_in = |form: &[u8]| {
            let mut next = 0;
            let pieces = form.split(|&byte| byte == b'&').map(|piece| {
                let at = next;
                next += piece.len() + 1;
                (at, piece)
            });
            let is_it = |piece: &[u8]| {
                let mut alone = BaseString::after(Vec::new());
                alone.push_form(piece).is_ok() && alone.iter().any(|pair| pair.name() == name)
            };
            pieces.filter(|(_, piece)| is_it(piece)).map(|(at, _)| at).last()
        };
        match (last_in(form), last_in(target.query.as_bytes())) {
            (Some(at), _) => Self::Form { at },
            (None, Some(offset)) => Self::Query { at: target.query_at() + offset },
            (None, None) => Self::Header,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("among those of the header"),
            Self::Query { at } => write!(f, "at byte {at} of the URL"),
            Self::Form { at } => write!(f, "at byte {at} of the form body"),
            Self::Parameter { index } => write!(f, "at index {index} of the parameters"),
        }
    }
}

/// The header's parameters, written for both of their places, with gaps for nonce and timestamp.
#[derive(Clone)]
pub(crate) struct Protocol {
    /// In the base string, up to the nonce: sorted, encoded twice.
    before: String,
    /// In the base string, between nonce and timestamp.
    between: String,
    /// In the base string, from the timestamp on.
    after: String,
    /// In the header, up to the nonce, which comes last with timestamp and signature.
    head: String,
}

impl Protocol {
    /// Those of a request that asks for nothing special.
    fn plain(credentials: &Credentials) -> Self {
        let mut parameters = Self::always(credentials);
        parameters.push(("oauth_version", "1.0"));
        Self::write(parameters, None)
    }

    fn new(request: &Request<'_>, credentials: &Credentials) -> Result<Self, SignError> {
        let mut parameters = Self::always(credentials);
        let hash;
        match request.body_hash {
            BodyHash::Omit => {}
            BodyHash::Include if is_form(request.content_type) => return Err(SignError::BodyHashOfForm),
            BodyHash::Include => {
                hash = STANDARD.encode(Sha1::digest(request.body));
                parameters.push(("oauth_body_hash", &hash));
            }
        }
        if request.version == Version::Include {
            parameters.push(("oauth_version", "1.0"));
        }
        parameters.extend(request.callback.map(|callback| ("oauth_callback", callback)));
        parameters.extend(request.verifier.map(|verifier| ("oauth_verifier", verifier)));
        for (name, value) in &request.more {
            if !name.starts_with("oauth_") || is_reserved(name.as_bytes()) {
                return Err(SignError::ReservedParameter { name: (*name).into(), place: Place::Header });
            }
            if parameters.iter().any(|(other, _)| other == name) {
                return Err(SignError::DuplicateParameter { name: (*name).into(), place: Place::Header });
            }
            parameters.push((name, value));
        }
        let fault = |realm: &str| realm.bytes().position(|byte| !matches!(byte, b' '..=b'~'));
        if let Some(at) = request.realm.and_then(fault) {
            return Err(SignError::Realm { at });
        }
        Ok(Self::write(parameters, request.realm))
    }

    fn always(credentials: &Credentials) -> Vec<(&str, &str)> {
        let mut parameters = Vec::from([
            ("oauth_consumer_key", credentials.consumer_key()),
            ("oauth_signature_method", "HMAC-SHA1"),
        ]);
        parameters.extend(credentials.token().map(|token| ("oauth_token", token.expose())));
        parameters
    }

    fn write(mut parameters: Vec<(&str, &str)>, realm: Option<&str>) -> Self {
        let mut head = String::from("OAuth ");
        if let Some(realm) = realm {
            authorization::push_realm(&mut head, realm);
            head.push_str(", ");
        }
        for (name, value) in &parameters {
            percent::push_encoded(&mut head, name);
            head.push_str("=\"");
            percent::push_encoded(&mut head, value);
            head.push_str("\", ");
        }
        head.push_str("oauth_nonce=\"");

        parameters.extend([("oauth_nonce", ""), ("oauth_timestamp", "")]);
        // No name occurs twice, so that the values do not count.
        parameters.sort_unstable_by_key(|(name, _)| percent::encode(name).to_string());
        let [mut before, mut between, mut after] = [const { String::new() }; 3];
        let mut part = &mut before;
        for (index, (name, value)) in parameters.into_iter().enumerate() {
            if index > 0 {
                part.push_str("%26");
            }
            percent::push_encoded_twice(part, name);
            part.push_str("%3D");
            percent::push_encoded_twice(part, value);
            match name {
                "oauth_nonce" => part = &mut between,
                "oauth_timestamp" => part = &mut after,
                _ => {}
            }
        }
        Self { before, between, after, head }
    }

    fn header(&self, stamp: Written<'_>, signature: Signature) -> String {
        let mut out = String::new();
        self.write_header(stamp, &mut out, || signature);
        out
    }

    /// The signature is asked for last: while the processor waits for the end of the hash, it can write the rest.
    pub(crate) fn write_header(
        &self,
        stamp: Written<'_>,
        out: &mut String,
        signature: impl FnOnce() -> Signature,
    ) {
        out.reserve(self.head.len() + TAIL_ROOM + 3 * stamp.nonce.len());
        out.push_str(&self.head);
        stamp.push(out);
        signature().push_encoded(out);
        out.push('"');
    }

    /// What the base string has of all this, with the nonce as it is there.
    pub(crate) fn pieces<'a>(&'a self, nonce: &'a str, stamp: Written<'a>) -> [&'a str; 5] {
        [&self.before, nonce, &self.between, stamp.timestamp, &self.after]
    }

    /// Bytes that all of this takes in the base string.
    fn base_length(&self, stamp: Written<'_>) -> usize {
        self.before.len() + self.between.len() + self.after.len() + stamp.base_length()
    }
}

/// A stamp, as text.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    nonce: &'a str,
    /// Whether the nonce is the same encoded, as good ones are.
    is_plain: bool,
    timestamp: &'a str,
}

impl<'a> Written<'a> {
    /// What leaves gaps.
    pub(crate) const NOTHING: Self = Self { nonce: "", is_plain: true, timestamp: "" };

    pub(crate) fn new(stamp: Stamp<'a>, room: &'a mut [u8; STAMP_ROOM]) -> Result<Self, SignError> {
        if stamp.nonce.is_empty() {
            return Err(SignError::EmptyNonce);
        }
        let is_plain = percent::is_all_unreserved(stamp.nonce);
        Ok(Self { nonce: stamp.nonce, is_plain, timestamp: stamp.timestamp.digits(room) })
    }

    /// Bytes that nonce and timestamp take in the base string, at most.
    fn base_length(self) -> usize {
        if self.is_plain { self.nonce.len() } else { 5 * self.nonce.len() }
            .saturating_add(self.timestamp.len())
    }

    /// The nonce, as the base string has it.
    pub(crate) fn nonce_encoded_twice(self) -> Cow<'a, str> {
        if self.is_plain {
            return Cow::Borrowed(self.nonce);
        }
        let mut encoded = String::with_capacity(5 * self.nonce.len());
        percent::push_encoded_twice(&mut encoded, self.nonce);
        Cow::Owned(encoded)
    }

    /// Writes the header from the nonce on.
    fn push_tail(self, out: &mut String, signature: &Signature) {
        self.push(out);
        signature.push_encoded(out);
        out.push('"');
    }

    /// Writes the header from the nonce on to where the signature stands.
    #[inline]
    fn push(self, out: &mut String) {
        if self.is_plain {
            out.push_str(self.nonce);
        } else {
            percent::push_encoded(out, self.nonce);
        }
        out.push_str("\", oauth_timestamp=\"");
        out.push_str(self.timestamp);
        out.push_str("\", oauth_signature=\"");
    }
}

/// How the protocol parameters go among the others.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Layout {
    /// As one piece, if there are no others with `oauth_` names, since then nothing comes between them.
    Together,
    /// Each for itself.
    Apart,
}

/// The MAC that has absorbed the base string of a request.
fn absorbed(
    request: &Request<'_>,
    protocol: &Protocol,
    stamp: Written<'_>,
    key: &SigningKey,
) -> Result<Hmac<Sha1>, SignError> {
    let nonce = stamp.nonce_encoded_twice();
    let block = protocol.pieces(&nonce, stamp);
    match normal_form::absorb(request.method, request.url, form(request), block, key.state()) {
        Some(state) => Ok(state),
        None => {
            let (head, target, form) = start(request, protocol, stamp)?;
            Ok(complete(head, &target, form, &[], block, Layout::Together)?.absorb(key.state()))
        }
    }
}

/// The base string of a request, sorted.
fn base_string(
    request: &Request<'_>,
    protocol: &Protocol,
    stamp: Written<'_>,
    layout: Layout,
) -> Result<BaseString, SignError> {
    let (head, target, form) = start(request, protocol, stamp)?;
    let nonce = stamp.nonce_encoded_twice();
    complete(head, &target, form, &[], protocol.pieces(&nonce, stamp), layout)
}

/// The head of the base string, and where its parameters come from: the URL, and the form.
pub(crate) fn start<'a>(
    request: &Request<'a>,
    protocol: &Protocol,
    stamp: Written<'_>,
) -> Result<(Vec<u8>, Target<'a>, &'a [u8]), SignError> {
    check_method(request.method)?;
    let target = Target::to_send(request.url).map_err(SignError::Url)?;
    let form = form(request);
    let room = target.query.len() + form.len() + protocol.base_length(stamp);
    Ok((base_string::head(request.method, &target, room), target, form))
}

/// The base string after its head, sorted.
pub(crate) fn complete(
    head: Vec<u8>,
    target: &Target<'_>,
    form: &[u8],
    given: &[(&str, &str)],
    block: [&str; 5],
    layout: Layout,
) -> Result<BaseString, SignError> {
    let mut base = BaseString::after(head);
    base.push_form(target.query.as_bytes())
        .map_err(|error| SignError::Query { at: target.query_at() + error.at() })?;
    base.push_form(form).map_err(SignError::Form)?;
    given.iter().for_each(|(name, value)| base.push(name, value));

    let mut layout = layout;
    for pair in base.iter().filter(|pair| pair.is_protocol_parameter()) {
        if is_reserved(pair.name()) {
            let place = Place::of(pair.name(), target, form, given);
            return Err(SignError::ReservedParameter { name: pair.decoded_name(), place });
        }
        layout = Layout::Apart;
    }
    match layout {
        Layout::Together => base.push_together(block),
        Layout::Apart => base.push_apart(block),
    }
    base.sort();
    if layout == Layout::Apart
        && let Some(pair) = base.duplicate()
    {
        let place = Place::of(pair.name(), target, form, given);
        return Err(SignError::DuplicateParameter { name: pair.decoded_name(), place });
    }
    Ok(base)
}

/// The body, if it is a form.
fn form<'a>(request: &Request<'a>) -> &'a [u8] {
    if is_form(request.content_type) { request.body } else { &[] }
}

fn check_method(method: &str) -> Result<(), SignError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match method.bytes().position(|byte| !is_token(byte)) {
        None if method.is_empty() => Err(SignError::EmptyMethod),
        None => Ok(()),
        Some(at) => Err(SignError::Method { at }),
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

/// Bytes of a header beside its head and its nonce.
const TAIL_ROOM: usize = 64 + STAMP_ROOM + Signature::MAX_ENCODED;
/// Bytes of a timestamp.
pub(crate) const STAMP_ROOM: usize = MAX_DIGITS;
