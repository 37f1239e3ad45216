use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use crate::authorization::Authorization;
use crate::gate::Gate;
use crate::quota::Quota;
use crate::url::Url;

/// One thing to ask of a server, sent as often as it takes and is allowed.
///
/// A call is plain data and is lent to [`Transport::send`](crate::Transport::send), so it can be sent again.
#[derive(Clone)]
#[must_use]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) authorization: Authorization,
    pub(crate) replay: Replay,
    pub(crate) quota: Option<Quota>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) gate: Option<Gate>,
    pub(crate) brings: Brings,
}

/// What a success brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brings {
    /// What may be shown as it is.
    Words,
    /// What its caller picks apart.
    Data,
    Secret,
}

/// Whether a request that may have reached the server can be sent a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Sending it twice does no harm: it only reads.
    Safe,
    /// Repeated only where the server certainly did nothing: no connection, nothing written, a 429, or a signature
    /// refused for its time.
    Never,
}

impl Call {
    /// A call that may be replayed if its method is safe by RFC 9110 (GET, HEAD, OPTIONS, TRACE), and not otherwise.
    pub fn new(method: Method, url: Url) -> Self {
        let replay = if method.is_safe() { Replay::Safe } else { Replay::Never };
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            authorization: Authorization::None,
            replay,
            quota: None,
            max_attempts: None,
            gate: None,
            brings: Brings::Words,
        }
    }

    /// A GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST. See [`Call::replay`] if it only reads.
    pub fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// A body of this content type, sent byte for byte.
    pub fn body(mut self, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, content_type);
        self.body = body.into();
        self
    }

    /// A body of `application/json`.
    pub fn json_body(self, body: impl Into<Bytes>) -> Self {
        self.body(HeaderValue::from_static("application/json"), body)
    }

    /// A body of `application/x-www-form-urlencoded`. OAuth 1.0a signs its parameters.
    pub fn form_body(self, body: impl Into<Bytes>) -> Self {
        self.body(HeaderValue::from_static("application/x-www-form-urlencoded"), body)
    }

    /// Sets a header. `host`, `content-length`, `transfer-encoding`, `connection`, `accept-encoding` and, unless the
    /// call has [`Authorization::None`], `authorization` are the transport's own: what is set here is overwritten.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Who asks.
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = authorization;
        self
    }

    /// Whether it may be sent twice.
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// The pool of calls that this one draws on.
    pub fn quota(mut self, quota: &Quota) -> Self {
        self.quota = Some(quota.clone());
        self
    }

    /// How many requests this call may send, if fewer than [`Builder::max_attempts`](crate::Builder::max_attempts)
    /// allows. Zero is taken for one.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// What each attempt passes before it is signed and sent.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// What is asked for is data, of which next to nothing is words: the body of a success is left as it came, since to
    /// look for secrets in it would cost as much as to inflate it. Who shows anything of it, passes that through
    /// [`Transport::hide`](crate::Transport::hide) first.
    pub fn brings_data(mut self) -> Self {
        self.brings = Brings::Data;
        self
    }

    /// What is asked for is a secret, such as a token: the body of a success is left as it came, though it may repeat one
    /// that is known, and is the caller's to protect. See [`Transport::conceal`](crate::Transport::conceal).
    pub fn brings_secret(mut self) -> Self {
        self.brings = Brings::Secret;
        self
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and body are the caller's and may hold anything.
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("authorization", &self.authorization)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}
