//! The callback of a login: a listener on this machine, for as long as the login lasts.
//!
//! Anybody on the machine can call it, and any web page can make a browser call it. So it answers one thing only: a GET
//! to its path, under its own name, with the state that nobody can guess and the request token of this login. Everything
//! else is turned away, however it comes, and the login goes on.

use core::time::Duration;
use std::{collections::VecDeque, io, net::IpAddr};

use oauth_core::{NonceSource, Secret, three_legged::InvalidCallback};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use crate::login::{Asked, LoginError};

/// Listens for the user's way back.
#[derive(Debug)]
pub struct Callback {
    listener: TcpListener,
    /// `127.0.0.1:8723`, as browsers send it.
    authority: String,
    path: String,
    state: Secret,
}

impl Callback {
    /// Listens at a URL such as `http://127.0.0.1:8723/callback`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The URL is not plain http to an address of this machine, or the port is taken.
    pub async fn listen(url: &str) -> Result<Self, CallbackError> {
        let not_local = || CallbackError::NotLocal { url: url.to_owned() };
        let rest = url.strip_prefix("http://").ok_or_else(not_local)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = authority.rsplit_once(':').ok_or_else(not_local)?;
        let port: u16 = port.parse().map_err(|_| not_local())?;
        let is_local = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !is_local || path.contains(['?', '#']) {
            return Err(not_local());
        }
        let taken = |source| CallbackError::Taken { authority: authority.to_owned(), source };
        let listener = TcpListener::bind(format!("{host}:{port}")).await.map_err(taken)?;
        let port = listener.local_addr().map_err(taken)?.port();
        let mut nonces = NonceSource::new().map_err(|_| CallbackError::NoEntropy)?;
        let state = Secret::from(nonces.next().as_str());
        Ok(Self { listener, authority: format!("{host}:{port}"), path: path.to_owned(), state })
    }

    /// Where the server is to send the user, state included.
    pub fn url(&self) -> String {
        format!("http://{}{}?state={}", self.authority, self.path, self.state.expose())
    }

    /// Waits for the user's answer. There is no limit of time: drop it when you have waited long enough.
    ///
    /// # Errors
    ///
    /// [`LoginError::Denied`] if the user refused. Nothing that others send ends it.
    pub async fn verifier(&self, asked: &Asked) -> Result<Secret, LoginError> {
        self.serve(Some(asked)).await
    }

    /// Turns everybody away, while the answer that came is being used: it is good once. Never ends.
    pub async fn turn_away(&self) -> LoginError {
        loop {
            if let Err(error) = self.serve(None).await {
                return error;
            }
        }
    }

    async fn serve(&self, asked: Option<&Asked>) -> Result<Secret, LoginError> {
        let mut readers: JoinSet<Option<(TcpStream, Vec<u8>)>> = JoinSet::new();
        let mut waiting: VecDeque<AbortHandle> = VecDeque::new();
        let mut writers: JoinSet<()> = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    // Out of handles, most likely; the next one may fare better.
                    let Ok((stream, _)) = accepted else {
                        tokio::time::sleep(BREATH).await;
                        continue;
                    };
                    waiting.retain(|reader| !reader.is_finished());
                    // Whoever opens connections and says nothing must not keep the browser out.
                    if waiting.len() >= MOST {
                        waiting.pop_front().inspect(AbortHandle::abort);
                    }
                    waiting.push_back(readers.spawn(head(stream)));
                }
                Some(read) = readers.join_next() => {
                    let Ok(Some((stream, head))) = read else { continue };
                    let judged = self.judge(&head, asked);
                    let page = judged.page();
                    if let Some(ended) = judged.ended() {
                        let _ = timeout(PATIENCE, write(stream, page)).await;
                        return ended;
                    }
                    if writers.len() < MOST {
                        writers.spawn(async move { let _ = timeout(PATIENCE, write(stream, page)).await; });
                    }
                }
                Some(_) = writers.join_next() => {}
            }
        }
    }

    /// What a request is, by its first lines.
    fn judge(&self, head: &[u8], asked: Option<&Asked>) -> Judged {
        let Ok(head) = core::str::from_utf8(head) else { return Judged::Malformed };
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = match (words.next(), words.next(), words.next(), words.next()) {
            (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) => (method, target),
            _ => return Judged::Malformed,
        };
        let mut hosts = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, value)| value.trim());
        // A name that leads here by somebody's trick is not the name that the browser was sent to.
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Judged::Malformed };
        if !host.eq_ignore_ascii_case(&self.authority) {
            return Judged::Stranger;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.path {
            return Judged::Elsewhere;
        }
        if method != "GET" {
            return Judged::Method;
        }
        let mut states = query.split('&').filter_map(|pair| pair.strip_prefix("state="));
        let (Some(state), None) = (states.next(), states.next()) else { return Judged::Stranger };
        if Secret::from(state) != self.state {
            return Judged::Stranger;
        }
        match asked.map(|asked| asked.verifier(target)) {
            None => Judged::Used,
            Some(Ok(verifier)) => Judged::Allowed(verifier),
            Some(Err(InvalidCallback::Denied)) => Judged::Denied,
            Some(Err(InvalidCallback::OtherToken)) => Judged::Stranger,
            Some(Err(_)) => Judged::Malformed,
        }
    }
}

/// What a request to the callback is.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Allowed(Secret),
    Denied,
    /// Not of this login.
    Stranger,
    /// The answer came already.
    Used,
    Elsewhere,
    Method,
    Malformed,
}

impl Judged {
    fn page(&self) -> String {
        let (status, text) = match self {
            Self::Allowed(_) => ("200 OK", "Thank you. You can close this page and go back to the terminal."),
            Self::Denied => ("200 OK", "Refused: the app was given nothing. You can close this page."),
            Self::Stranger => ("403 Forbidden", "This is not an answer to the login that is under way."),
            Self::Used => ("410 Gone", "This login has had its answer already."),
            Self::Elsewhere => ("404 Not Found", "There is nothing here."),
            Self::Method => ("405 Method Not Allowed", "There is nothing here but a page."),
            Self::Malformed => ("400 Bad Request", "This request cannot be understood."),
        };
        let body = format!(
            "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>engagement</title><p>{text}</p></html>\n"
        );
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: \
             no-store\r\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\r\nreferrer-policy: \
             no-referrer\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn ended(self) -> Option<Result<Secret, LoginError>> {
        match self {
            Self::Allowed(verifier) => Some(Ok(verifier)),
            Self::Denied => Some(Err(LoginError::Denied)),
            _ => None,
        }
    }
}

/// The first lines, up to the empty one. `None` if they do not come in time, or are too many.
async fn head(mut stream: TcpStream) -> Option<(TcpStream, Vec<u8>)> {
    let mut head = Vec::with_capacity(1024);
    let reading = async {
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if head.len() >= LONGEST || stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    };
    timeout(PATIENCE, reading).await.ok()??;
    Some((stream, head))
}

async fn write(mut stream: TcpStream, page: String) -> io::Result<()> {
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}

/// Why there is no callback.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// A callback on another machine would let that machine log in.
    #[error("the callback {url:?} is not plain http with a port, to this machine")]
    NotLocal {
        /// The URL.
        url: String,
    },
    /// Another program listens there.
    #[error("nobody can listen at {authority}")]
    Taken {
        /// Where.
        authority: String,
        /// Why not.
        source: io::Error,
    },
    /// The operating system has no randomness to give.
    #[error("the operating system gave no random bytes")]
    NoEntropy,
}

/// How long a client may take for its few lines, or for taking ours.
const PATIENCE: Duration = Duration::from_secs(5);
/// After an `accept` that failed.
const BREATH: Duration = Duration::from_millis(50);
/// Connections at once.
const MOST: usize = 64;
/// Of the first lines: browsers send less than 2 KiB.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests;
