use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// Finds a host's addresses. Nothing is remembered: whoever is not found now may be found at the next attempt.
#[derive(Clone)]
pub(crate) enum Resolver {
    /// As the operating system does.
    System(GaiResolver),
    /// As the caller likes.
    Custom(Lookup),
}

pub(crate) type Lookup =
    Arc<dyn Fn(&str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

impl Resolver {
    pub(crate) fn system() -> Self {
        Self::System(GaiResolver::new())
    }
}

/// What `connecting` comes to, and the addresses that were found for it, if any were looked for.
pub(crate) async fn noting<F: Future>(connecting: F) -> (F::Output, Vec<IpAddr>) {
    let noted = async {
        let output = connecting.await;
        (output, FOUND.with(RefCell::take))
    };
    FOUND.scope(RefCell::default(), noted).await
}

tokio::task_local! {
    static FOUND: RefCell<Vec<IpAddr>>;
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::System(system) => system.poll_ready(cx),
            Self::Custom(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // Plain http may go there, so it must be what RFC 6761 section 6.3 says that it is.
        let is_this_machine = name.as_str().eq_ignore_ascii_case("localhost");
        let found: Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> = match self {
            Self::System(system) => {
                let looking = system.call(name);
                Box::pin(async move { Ok(looking.await?.collect()) })
            }
            Self::Custom(look_up) => {
                let looking = look_up(name.as_str());
                // The connector puts the port in.
                Box::pin(async move { Ok(looking.await?.into_iter().map(|ip| (ip, 0).into()).collect()) })
            }
        };
        Box::pin(async move {
            let mut found = found.await?;
            found.retain(|address| !is_this_machine || address.ip().is_loopback());
            // Whoever looks up without wanting to know does not note it.
            let _ = FOUND.try_with(|noted| noted.replace(found.iter().map(SocketAddr::ip).collect()));
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
            }
            Ok(found.into_iter())
        })
    }
}
