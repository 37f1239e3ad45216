//! Reading a request, within bounds.

use bytes::Bytes;
use http::{
    StatusCode, Version,
    header::{CONTENT_ENCODING, HOST},
    request::Parts,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::Visit;
use crate::{
    authority::Authority,
    refusal::Refusal,
    reply::{Gunzip, gunzip},
    respond::{Content, Head},
};

/// The head of a request, if it leaves no doubt about whom it calls.
pub(super) fn head(parts: Parts, visit: &Visit) -> Result<Head, &'static str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return Err("there is more than one Host header"),
        (Some(host), None) => {
            host.to_str().ok().filter(|host| is_host(host)).ok_or("the Host header is no host")?
        }
        (None, _) if parts.version == Version::HTTP_11 => return Err("a Host header is needed"),
        (None, _) => "",
    };
    // A proxy's client writes the whole URL; then its host counts (RFC 9112 §3.2.2).
    let host = match parts.uri.authority() {
        Some(authority) if !is_host(authority.as_str()) => return Err("the host in the target is none"),
        Some(authority) => authority.as_str().to_owned(),
        None if host.is_empty() => visit.local.to_string(),
        None => host.to_owned(),
    };
    Ok(Head {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        host,
        scheme: visit.scheme,
        peer: visit.peer,
    })
}

/// The body as it came.
pub(super) async fn body(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |declared| declared > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body cannot be read")),
    }
}

/// What it says: decompressed if it is compressed, which is an extension, since clients send it plain (contract §1). The
/// outer error is for now, the inner one for when path, encoding of the answer and authentication have been judged.
pub(super) fn content(head: &Head, body: Bytes, limit: usize) -> Result<Content, Refusal> {
    Ok(match head.headers.get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(body),
        Some(encoding) if encoding.eq_ignore_ascii_case(b"gzip") => match gunzip(&body, limit) {
            Ok(content) => Ok(content.into()),
            Err(Gunzip::TooLarge) => return Err(too_large()),
            Err(Gunzip::Malformed) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is not gzip")),
        },
        Some(_) => Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body is plain, or gzip")),
    })
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than any request needs")
}

fn is_host(host: &str) -> bool {
    Authority::parse(host).is_some()
}
