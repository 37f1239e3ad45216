use std::sync::Arc;

use native_tls::{Certificate, TlsConnector};
use tokio::sync::Mutex;

use crate::connector::Http;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;

/// Whom TLS trusts: the system's authorities and those given besides.
///
/// The system's are loaded when the first `https` connection is opened and not before: it takes tens of milliseconds,
/// which a program that talks to this machine only should not spend.
pub(crate) struct Trust {
    roots: Vec<Certificate>,
    http: Http,
    with_servers: Loaded,
    with_proxies: Loaded,
}

impl Trust {
    pub(crate) fn new(pem: &[u8], http: Http) -> Result<Self, Error> {
        let mut roots = Vec::new();
        if !pem.is_empty() {
            roots = Certificate::stack_from_pem(pem).map_err(|error| {
                Error::new(ErrorKind::Config).because("extra CA file is not PEM").caused_by(error.into())
            })?;
            if roots.is_empty() {
                return Err(Error::new(ErrorKind::Config).because("extra CA file holds no certificate"));
            }
        }
        Ok(Self { roots, http, with_servers: Loaded::default(), with_proxies: Loaded::default() })
    }

    /// TLS with servers, in which the version of HTTP is agreed on.
    pub(crate) async fn with_servers(&self) -> Result<TlsConnector, Failure> {
        self.load(&self.with_servers, self.http).await
    }

    #[cfg(feature = "http2")]
    pub(crate) fn negotiates(&self) -> bool {
        self.http == Http::Negotiated
    }

    /// TLS with proxies. They are asked for tunnels in HTTP/1.1, so nothing is agreed on.
    pub(crate) async fn with_proxies(&self) -> Result<TlsConnector, Failure> {
        self.load(&self.with_proxies, Http::One).await
    }

    /// Done elsewhere, so that no other task has to wait for it, and once: whoever comes meanwhile waits for the first,
    /// and what was begun is kept even if nobody waits any more.
    async fn load(&self, loaded: &Loaded, http: Http) -> Result<TlsConnector, Failure> {
        let mut loaded = loaded.clone().lock_owned().await;
        if let Some(connector) = &*loaded {
            return Ok(connector.clone());
        }
        let roots = self.roots.clone();
        let loading = tokio::task::spawn_blocking(move || {
            let connector = connector(&roots, http)?;
            *loaded = Some(connector.clone());
            Ok::<_, native_tls::Error>(connector)
        });
        let unusable = Failure::new(ErrorKind::Config).before_sending();
        match loading.await {
            Ok(Ok(connector)) => Ok(connector),
            Ok(Err(error)) => Err(unusable.caused_by(error)),
            Err(error) => Err(unusable.caused_by(error)),
        }
    }
}

type Loaded = Arc<Mutex<Option<TlsConnector>>>;

fn connector(roots: &[Certificate], http: Http) -> native_tls::Result<TlsConnector> {
    let mut builder = TlsConnector::builder();
    for root in roots {
        builder.add_root_certificate(root.clone());
    }
    match http {
        Http::One => {}
        #[cfg(feature = "http2")]
        Http::Negotiated => _ = builder.request_alpns(&["h2", "http/1.1"]),
    }
    builder.build()
}
