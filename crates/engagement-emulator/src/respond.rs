//! What is answered to a request that is there as a whole.

mod admin;
mod engagement;
mod form;
mod oauth;
mod page;

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, Method, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN},
};

pub(crate) use self::admin::{is_admin, respond as admin};
use crate::{
    auth::Presented,
    emulation::Emulation,
    refusal::{ApiError, Refusal},
    reply::Reply,
    route::Route,
};

/// Everything of a request but its body.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// The host that the client called, with the port if it sent one.
    pub(crate) host: String,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Who is at the other end.
    pub(crate) peer: SocketAddr,
}

impl Head {
    /// The URL for which the client signed.
    fn url(&self, emulation: &Emulation) -> String {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        match &emulation.public_url {
            Some(url) => format!("{}{path}", url.trim_end_matches('/')),
            None => format!("{}://{}{path}", self.scheme, self.host),
        }
    }

    /// Whether a browser says that a page of another site sent it.
    fn is_from_elsewhere(&self) -> bool {
        match self.headers.get(ORIGIN) {
            None => false,
            // "null" is what a page without a referrer says of itself, as ours is; a form key tells them apart.
            Some(origin) if origin == "null" => self.uri.path().starts_with("/_emulator"),
            Some(origin) => origin.to_str().ok() != Some(&format!("{}://{}", self.scheme, self.host)),
        }
    }

    fn presented<'a>(&'a self, url: &'a str, body: &'a [u8]) -> Presented<'a> {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Presented {
            method: self.method.as_str(),
            url,
            authorization: self.headers.get_all(AUTHORIZATION).iter().map(text).collect(),
            content_type: self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()),
            body,
        }
    }
}

/// What a request's body says; or why that cannot be told, for when it is the body's turn to be judged.
pub(crate) type Content = Result<Bytes, Refusal>;

/// An answer, or what is left to do for it.
pub(crate) enum Answered {
    Now(Reply),
    /// To be called where it holds up nobody: it takes some hundredths of a second.
    Later(Box<dyn FnOnce() -> Reply + Send>),
}

impl Answered {
    /// The answer, however long it takes.
    fn reply(self) -> Reply {
        match self {
            Self::Now(reply) => reply,
            Self::Later(write) => write(),
        }
    }
}

/// Answers. A request that is longer than any honest one is judged where it holds up nobody, too: to sort and sign a
/// hundred thousand parameters takes a while.
pub(crate) fn respond(emulation: &Arc<Emulation>, route: Route, head: &Head, content: Content) -> Answered {
    let query = head.uri.query().map_or(0, str::len);
    if query.max(content.as_ref().map_or(0, Bytes::len)) <= LONGEST_HONEST {
        return judge(emulation, route, head, &content);
    }
    let (emulation, head) = (Arc::clone(emulation), head.clone());
    Answered::Later(Box::new(move || judge(&emulation, route, &head, &content).reply()))
}

fn judge(emulation: &Emulation, route: Route, head: &Head, content: &Content) -> Answered {
    Answered::Now(match route {
        Route::Engagement(endpoint) => return engagement::respond(emulation, endpoint, head, content),
        Route::Oauth(which) => match content {
            Ok(body) => oauth::respond(emulation, which, head, body),
            Err(refusal) => Reply::refusal(refusal, emulation.switches.error_body),
        },
        Route::Unknown => {
            // Seen in the wild for the insights on the wrong host, in this order of keys.
            let error = ApiError::new(34, None);
            let body = format!(r#"{{"errors":[{{"message":"{}","code":34}}]}}"#, error.message);
            Reply::json(StatusCode::NOT_FOUND, body.into_bytes())
        }
    })
}

/// Bytes of a body, or of a query. 250 ids and 18 metrics are below 10 kB.
const LONGEST_HONEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use engagement_model::Endpoint;

    use super::*;

    #[test]
    fn what_is_longer_than_anybody_needs_holds_up_nobody() {
        let emulation = Arc::new(Emulation::new(crate::world::World::demo()));
        let is_later = |target: &str, body: Vec<u8>| {
            let head = Head {
                method: Method::POST,
                uri: target.parse().unwrap(),
                headers: HeaderMap::new(),
                host: "localhost".to_owned(),
                scheme: "http",
                peer: ([127, 0, 0, 1], 1).into(),
            };
            let route = Route::Engagement(Endpoint::Totals);
            matches!(respond(&emulation, route, &head, Ok(body.into())), Answered::Later(_))
        };
        assert!(!is_later("/", vec![b'a'; LONGEST_HONEST]));
        assert!(is_later("/", vec![b'a'; LONGEST_HONEST + 1]));
        assert!(!is_later(&format!("/?{}", "a".repeat(LONGEST_HONEST)), Vec::new()));
        assert!(is_later(&format!("/?{}", "a".repeat(LONGEST_HONEST + 1)), Vec::new()));
    }
}
