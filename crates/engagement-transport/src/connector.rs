use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{StatusCode, Uri};
use hyper_tls::{HttpsConnector, MaybeHttpsStream};
#[cfg(feature = "http2")]
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use crate::error::{BoxError, Error, ErrorKind};
use crate::failure::{Failure, find};
use crate::hop::Hop;
use crate::proxy::Proxy;
use crate::resolver::{Resolver, noting};
use crate::stream::Duplex;
use crate::trust::Trust;
use crate::tunnel::{Tunnel, TunnelRefused};
use crate::url::Origin;

/// Opens connections.
#[derive(Clone)]
pub(crate) enum Connector {
    /// Over TCP, with both address families raced, TLS and proxies.
    Network(Network),
    /// As the caller likes.
    Custom(Custom),
}

pub(crate) type Custom =
    Arc<dyn Fn(Uri) -> Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send>> + Send + Sync>;

impl Connector {
    pub(crate) fn network(
        roots: &[u8],
        proxy: Proxy,
        resolver: Resolver,
        timeout: Duration,
        http: Http,
    ) -> Result<Self, Error> {
        let trust = Arc::new(Trust::new(roots, http)?);
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        Ok(Self::Network(Network { tcp, trust, proxy }))
    }

    pub(crate) async fn warm_up(&self) -> Result<(), Failure> {
        match self {
            Self::Network(network) => network.trust.with_servers().await.map(drop),
            Self::Custom(_) => Ok(()),
        }
    }

    /// A connection on which a request can be written at once. Whoever gives up at `limit` is told here what was waited
    /// for, as far as the connector knows.
    pub(crate) async fn connect(&self, origin: &Origin, limit: Instant) -> Result<Opened, Failure> {
        match self {
            Self::Network(network) => network.connect(origin, limit).await,
            Self::Custom(connect) => connect(origin.base.clone())
                .await
                .map(|stream| Opened {
                    stream,
                    #[cfg(feature = "http2")]
                    multiplexed: false,
                })
                .map_err(|error| Failure::new(ErrorKind::Connect).before_sending().caused_by(error)),
        }
    }

    /// Whether a connection to `origin` may turn out to be one that calls share.
    #[cfg(feature = "http2")]
    pub(crate) fn may_multiplex(&self, origin: &Origin) -> bool {
        matches!(self, Self::Network(network) if network.trust.negotiates() && !origin.plain)
    }
}

/// A connection just opened.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Duplex>,
    /// Whether the server has chosen HTTP/2.
    #[cfg(feature = "http2")]
    pub(crate) multiplexed: bool,
}

/// Which versions of HTTP are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Http {
    /// HTTP/1.1 alone.
    #[default]
    One,
    /// HTTP/2 if the server chooses it in the TLS handshake, else HTTP/1.1.
    #[cfg(feature = "http2")]
    Negotiated,
}

#[derive(Clone)]
pub(crate) struct Network {
    tcp: Tcp,
    trust: Arc<Trust>,
    proxy: Proxy,
}

impl Network {
    async fn connect(&self, origin: &Origin, limit: Instant) -> Result<Opened, Failure> {
        let route = self.route(origin).await?;
        let end = route.end(origin);
        let (stream, addresses) = if origin.plain {
            // Where there is no TLS, no certificates need loading.
            let (stream, addresses) = noting(in_time(limit, open(route, origin))).await;
            (stream.map(MaybeHttpsStream::Http), addresses)
        } else {
            let tls = self.trust.with_servers().await?;
            noting(in_time(limit, open(HttpsConnector::from((route, tls.into())), origin))).await
        };
        let stream = stream.map_err(|error| {
            let failure = judge(error).before_sending();
            match failure.kind {
                ErrorKind::Connect => failure.because(place(end, &addresses)),
                ErrorKind::Timeout => {
                    failure.because(format!("while connecting to {}", place(end, &addresses)))
                }
                _ => failure,
            }
        })?;
        Ok(Opened {
            #[cfg(feature = "http2")]
            multiplexed: stream.connected().is_negotiated_h2(),
            stream: Box::new(TokioIo::new(stream)),
        })
    }

    async fn route(&self, origin: &Origin) -> Result<Route, Failure> {
        let Some(proxy) = self.proxy.intercept(origin) else { return Ok(Route::Direct(self.tcp.clone())) };
        if self.proxy.is_malformed() {
            let reason = "its URL cannot be read: HTTPS_PROXY (or ALL_PROXY) should be like http://host:port";
            return Err(Failure::new(ErrorKind::Proxy).before_sending().because(reason).for_good());
        }
        let tls = match proxy.uri().scheme_str() {
            // Not used on this hop, and loaded anyway for the server behind it.
            Some("http") => self.trust.with_servers().await?,
            Some("https") => self.trust.with_proxies().await?,
            _ => {
                let reason = "only http and https proxies are supported";
                return Err(Failure::new(ErrorKind::Proxy).before_sending().because(reason).for_good());
            }
        };
        let connector = HttpsConnector::from((self.tcp.clone(), tls.into()));
        Ok(Route::Proxied(Box::new(Tunnel::new(proxy.uri().clone(), connector, proxy.basic_auth().cloned()))))
    }
}

/// What `connecting` comes to by then; else the error is an [`Elapsed`].
async fn in_time<T>(
    limit: Instant,
    connecting: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    timeout_at(limit, connecting).await.unwrap_or_else(|elapsed| Err(elapsed.into()))
}

async fn open<C>(mut connector: C, origin: &Origin) -> Result<C::Response, BoxError>
where
    C: Service<Uri, Error = BoxError>,
{
    poll_fn(|cx| connector.poll_ready(cx)).await?;
    connector.call(origin.base.clone()).await
}

/// The way to a server, before TLS with it.
#[derive(Clone)]
enum Route {
    Direct(Tcp),
    Proxied(Box<Tunnel>),
}

impl Route {
    /// Where it leads: `host:port`, and the proxy on the way.
    fn end(&self, origin: &Origin) -> String {
        let server = format!("{}:{}", origin.host, origin.port);
        match self {
            Self::Direct(_) => server,
            Self::Proxied(tunnel) => format!("{server} through {}", tunnel.proxy()),
        }
    }
}

pub(crate) type Tcp = HttpConnector<Resolver>;

impl Service<Uri> for Route {
    type Response = Hop;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Hop, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Proxied(tunnel) => tunnel.poll_ready(cx),
        }
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self {
            Self::Direct(tcp) => {
                let connecting = tcp.call(server.clone());
                Box::pin(async move { Ok(Hop::new(MaybeHttpsStream::Http(connecting.await?), &server)) })
            }
            Self::Proxied(tunnel) => {
                let tunneling = tunnel.call(&server);
                Box::pin(async move { Ok(Hop::new(tunneling.await?, &server)) })
            }
        }
    }
}

/// Where connections go, and the addresses that the name stands for which is connected to first.
fn place(end: String, addresses: &[IpAddr]) -> String {
    let mut place = end;
    for (n, address) in addresses.iter().take(MOST_ADDRESSES).enumerate() {
        place.push_str(if n == 0 { " at " } else { ", " });
        place.push_str(&address.to_string());
    }
    place
}

/// Addresses that an error names.
const MOST_ADDRESSES: usize = 4;

fn judge(error: BoxError) -> Failure {
    if error.is::<Elapsed>() {
        return Failure::new(ErrorKind::Timeout);
    }
    // First: a proxy's certificate is as bad as a server's.
    if let Some(tls) = find::<native_tls::Error>(&*error)
        && !is_broken_off(tls)
    {
        return Failure::new(ErrorKind::Tls).caused_by(error);
    }
    if let Some(refused) = find::<TunnelRefused>(&*error) {
        let (status, is_passing) = (refused.status(), refused.is_passing());
        let failure = Failure::new(ErrorKind::Proxy).caused_by(error);
        let failure = match status {
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                failure.because("it wants a user name and password")
            }
            Some(status) => failure.because(format!("it answers {status}")),
            None => failure,
        };
        return if is_passing { failure } else { failure.for_good() };
    }
    Failure::new(ErrorKind::Connect).caused_by(error)
}

/// A handshake that the network broke off may fare better; one that failed on its own terms will not. The library keeps
/// the kind of a close without a word to itself; its words are all there is.
fn is_broken_off(tls: &native_tls::Error) -> bool {
    find::<io::Error>(tls).is_some() || tls.to_string().to_lowercase().contains("unexpected eof")
}
