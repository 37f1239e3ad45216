use std::sync::OnceLock;

use native_tls::{Certificate, TlsConnector};

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
    with_servers: OnceLock<TlsConnector>,
    with_proxies: OnceLock<TlsConnector>,
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
        Ok(Self { roots, http, with_servers: OnceLock::new(), with_proxies: OnceLock::new() })
    }

    /// TLS with servers, in which the version of HTTP is agreed on.
    pub(crate) fn with_servers(&self) -> Result<TlsConnector, Failure> {
        self.load(&self.with_servers, self.http)
    }

    #[cfg(feature = "http2")]
    pub(crate) fn negotiates(&self) -> bool {
        self.http == Http::Negotiated
    }

    /// TLS with proxies. They are asked for tunnels in HTTP/1.1, so nothing is agreed on.
    pub(crate) fn with_proxies(&self) -> Result<TlsConnector, Failure> {
        self.load(&self.with_proxies, Http::One)
    }

    fn load(&self, loaded: &OnceLock<TlsConnector>, http: Http) -> Result<TlsConnector, Failure> {
        if let Some(connector) = loaded.get() {
            return Ok(connector.clone());
        }
        let mut builder = TlsConnector::builder();
        for root in &self.roots {
            builder.add_root_certificate(root.clone());
        }
        match http {
            Http::One => {}
            #[cfg(feature = "http2")]
            Http::Negotiated => _ = builder.request_alpns(&["h2", "http/1.1"]),
        }
        let connector = builder
            .build()
            .map_err(|error| Failure::new(ErrorKind::Config).before_sending().caused_by(error))?;
        Ok(loaded.get_or_init(|| connector).clone())
    }
}
