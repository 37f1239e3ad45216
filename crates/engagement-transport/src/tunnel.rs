use std::fmt;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_tls::HttpsConnector;
use tower_service::Service;

use crate::answer::Head;
use crate::connector::Tcp;
use crate::error::BoxError;
use crate::hop::Inner;
use crate::verdict::{self, Verdict};

/// Asks a proxy for ways to servers, RFC 9110 section 9.3.6.
#[derive(Clone)]
pub(crate) struct Tunnel {
    proxy: Uri,
    connector: HttpsConnector<Tcp>,
    password: Option<HeaderValue>,
}

impl Tunnel {
    pub(crate) fn new(proxy: Uri, connector: HttpsConnector<Tcp>, password: Option<HeaderValue>) -> Self {
        Self { proxy, connector, password }
    }

    pub(crate) fn proxy(&self) -> &Uri {
        &self.proxy
    }

    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    /// A way to the server of this URL.
    pub(crate) fn call(
        &mut self,
        server: &Uri,
    ) -> impl Future<Output = Result<Inner, TunnelRefused>> + Send + use<> {
        let connecting = self.connector.call(self.proxy.clone());
        let request = request(server, self.password.clone());
        let proxy = self.proxy.clone();
        async move {
            let tunnel = async { ask(connecting.await?, request?).await };
            tunnel.await.map_err(|cause| TunnelRefused { proxy, cause })
        }
    }
}

fn request(server: &Uri, password: Option<HeaderValue>) -> Result<Request<Empty<Bytes>>, BoxError> {
    let host = server.host().unwrap_or_default();
    let end = format!("{host}:{}", server.port_u16().unwrap_or(443));
    let mut request = Request::builder().method(Method::CONNECT).uri(&end).header(HOST, &end);
    if let Some(mut password) = password {
        password.set_sensitive(true);
        request = request.header(PROXY_AUTHORIZATION, password);
    }
    Ok(request.body(Empty::new())?)
}

/// Turns a connection to a proxy into one to a server.
async fn ask(proxy: Inner, request: Request<Empty<Bytes>>) -> Result<Inner, Cause> {
    let (mut sender, connection) =
        http1::Builder::new().title_case_headers(true).max_buf_size(MOST_HEADERS).handshake(proxy).await?;
    let mut driver = std::pin::pin!(connection.with_upgrades());
    let mut is_driven = true;
    let mut asking = std::pin::pin!(async {
        let answer = sender.send_request(request).await?;
        // After a 204 hyper would not let go of the connection.
        if !answer.status().is_success() || answer.status() == StatusCode::NO_CONTENT {
            return Err(Cause::Answer(answer.status()));
        }
        Ok(hyper::upgrade::on(answer).await?)
    });
    let upgraded = poll_fn(|cx| {
        let asked = asking.as_mut().poll(cx);
        // Once it is asked, an error here reaches who asks.
        is_driven = is_driven && driver.as_mut().poll(cx).is_pending();
        asked
    })
    .await?;
    let parts = upgraded.downcast::<Inner>().map_err(|_| "the connection is another one")?;
    if parts.read_buf.is_empty() { Ok(parts.io) } else { Err("it spoke in the server's place".into()) }
}

/// A proxy that did not open a tunnel.
#[derive(Debug)]
pub(crate) struct TunnelRefused {
    proxy: Uri,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Answer(StatusCode),
    Broken(BoxError),
}

impl TunnelRefused {
    /// What the proxy says of it, if it answered.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self.cause {
            Cause::Answer(status) => Some(status),
            Cause::Broken(_) => None,
        }
    }

    /// Whether it may open one the next time, as a server that answers like this may do better.
    pub(crate) fn is_passing(&self) -> bool {
        let headers = HeaderMap::new();
        let is_final = |status| verdict::by_status(&Head { status, headers: &headers }, b"") == Verdict::Done;
        !self.status().is_some_and(is_final)
    }
}

impl fmt::Display for TunnelRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "through {}", self.proxy)
    }
}

impl std::error::Error for TunnelRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Answer(_) => None,
            Cause::Broken(error) => Some(&**error),
        }
    }
}

impl<E: Into<BoxError>> From<E> for Cause {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// Bytes of the head of an answer.
const MOST_HEADERS: usize = 8 * 1024;
