use std::fmt;
use std::sync::{Arc, Mutex};

use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use oauth_core::{Credentials, PreparedCredentials, Request, Secret, Signer, Stamp, is_form};

use crate::call::Call;
use crate::error::{BoxError, ErrorKind};
use crate::failure::Failure;
use crate::poison;
use crate::url::Url;

/// Who asks, and how the server is to be convinced of it.
///
/// Keep one value for each credential and clone it into calls: clones share what has been prepared.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Authorization {
    /// Nobody in particular: no `Authorization` header.
    #[default]
    None,
    /// `Bearer` and the token, RFC 6750.
    Bearer(Secret),
    /// The whole value of the header, made elsewhere; `Basic` for instance.
    Header(Secret),
    /// OAuth 1.0a: each attempt is signed anew, just before it is sent.
    OAuth1(Signing),
}

impl Authorization {
    /// OAuth 1.0a with these credentials.
    pub fn oauth1(credentials: &Credentials) -> Self {
        Self::OAuth1(Signing::new(credentials))
    }

    /// What of it must not show.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self {
            Self::None => (None, None),
            Self::Bearer(token) => (Some(token.expose()), None),
            Self::Header(value) => {
                let value = value.expose();
                (Some(value.split_once(' ').map_or(value, |(_scheme, secret)| secret)), None)
            }
            Self::OAuth1(signing) => (None, Some(&signing.0.secrets)),
        };
        one.into_iter().chain(several.into_iter().flatten().map(Secret::expose))
    }

    /// The header for one attempt.
    pub(crate) fn header(&self, call: &Call, stamp: Stamp<'_>) -> Result<Option<HeaderValue>, Failure> {
        let value = match self {
            Self::None => return Ok(None),
            Self::Bearer(token) => HeaderValue::try_from(format!("Bearer {}", token.expose())),
            Self::Header(value) => HeaderValue::try_from(value.expose()),
            Self::OAuth1(signing) => HeaderValue::try_from(signing.sign(call, stamp).map_err(refused)?),
        };
        let mut value = value.map_err(|_| {
            // The source would hold nothing more, and the value must not be shown.
            unsigned().because("the credentials hold characters that a header cannot carry")
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl From<Credentials> for Authorization {
    fn from(credentials: Credentials) -> Self {
        Self::oauth1(&credentials)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer([redacted])",
            Self::Header(_) => "Header([redacted])",
            Self::OAuth1(_) => "OAuth1([redacted])",
        })
    }
}

/// OAuth 1.0a credentials with what signing them repeatedly needs.
#[derive(Clone)]
pub struct Signing(Arc<Inner>);

impl Signing {
    /// Signs with these credentials.
    pub fn new(credentials: &Credentials) -> Self {
        Self::with(credentials, None, None)
    }

    /// Signs a request for a temporary credential, RFC 5849 section 2.1: `callback` is sent as `oauth_callback`.
    pub fn with_callback(credentials: &Credentials, callback: impl Into<String>) -> Self {
        Self::with(credentials, Some(callback.into()), None)
    }

    /// Signs a request for a token credential, RFC 5849 section 2.3: `verifier` is sent as `oauth_verifier`.
    pub fn with_verifier(credentials: &Credentials, verifier: impl Into<String>) -> Self {
        Self::with(credentials, None, Some(verifier.into()))
    }

    fn with(credentials: &Credentials, callback: Option<String>, verifier: Option<String>) -> Self {
        let mut secrets =
            vec![Secret::from(credentials.consumer_key()), credentials.consumer_secret().clone()];
        secrets.extend(credentials.token().cloned());
        secrets.extend(credentials.token_secret().cloned());
        secrets.extend(verifier.as_deref().map(Secret::from));
        let credentials = PreparedCredentials::new(credentials);
        Self(Arc::new(Inner { credentials, callback, verifier, secrets, prepared: Mutex::default() }))
    }

    fn sign(&self, call: &Call, stamp: Stamp<'_>) -> Result<String, BoxError> {
        let content_type = call.headers.get(CONTENT_TYPE).map_or(Ok(""), HeaderValue::to_str)?;
        if is_form(content_type) {
            let request = self.request(call).body(content_type, &call.body);
            return Ok(self.0.credentials.authorization(&request, stamp)?);
        }
        Ok(self.signer(call)?.authorization(stamp)?)
    }

    /// Asking the same URL again and again is the rule, and then all but nonce and time can be hashed beforehand.
    fn signer(&self, call: &Call) -> Result<Arc<Signer>, BoxError> {
        let known = |prepared: &Vec<Prepared>| {
            let found = prepared.iter().find(|known| known.url == call.url && known.method == call.method)?;
            Some(found.signer.clone())
        };
        if let Some(signer) = known(&poison::lock(&self.0.prepared)) {
            return Ok(signer);
        }
        let signer = Arc::new(self.0.credentials.signer(&self.request(call))?);
        let mut prepared = poison::lock(&self.0.prepared);
        if prepared.len() >= KEPT_SIGNERS {
            prepared.remove(0);
        }
        prepared.push(Prepared {
            method: call.method.clone(),
            url: call.url.clone(),
            signer: signer.clone(),
        });
        Ok(signer)
    }

    fn request<'a>(&'a self, call: &'a Call) -> Request<'a> {
        let mut request = Request::new(call.method.as_str(), call.url.as_str());
        if let Some(callback) = &self.0.callback {
            request = request.callback(callback);
        }
        if let Some(verifier) = &self.0.verifier {
            request = request.verifier(verifier);
        }
        request
    }
}

impl From<Credentials> for Signing {
    fn from(credentials: Credentials) -> Self {
        Self::new(&credentials)
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signing([redacted])")
    }
}

struct Inner {
    credentials: PreparedCredentials,
    callback: Option<String>,
    verifier: Option<String>,
    /// All of these that must not show.
    secrets: Vec<Secret>,
    prepared: Mutex<Vec<Prepared>>,
}

struct Prepared {
    method: Method,
    url: Url,
    signer: Arc<Signer>,
}

fn unsigned() -> Failure {
    Failure::new(ErrorKind::Sign).before_sending()
}

fn refused(source: BoxError) -> Failure {
    unsigned().caused_by(source)
}

/// More URLs than an API has endpoints; URLs with ever new queries push each other out.
const KEPT_SIGNERS: usize = 16;
