//! Answers on their way to the wire.

mod payload;

use std::io::{Read, Write};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, DATE},
};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use crate::{answer::sink::Encoding, faults::Effect, refusal::Refusal, switches::ErrorBody};

pub(crate) use self::payload::Payload;
/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    content_type: &'static str,
    body: Payload,
    encoding: Encoding,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    close: bool,
}

impl Reply {
    /// With a JSON body.
    pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self::of(status, "application/json;charset=utf-8", body)
    }

    /// That says no.
    pub(crate) fn refusal(refusal: &Refusal, form: ErrorBody) -> Self {
        Self::json(refusal.status, refusal.body(form))
    }

    /// With a list of Tweets that is made as it is read.
    pub(crate) fn ids(ids: impl Iterator<Item = u64> + Send + 'static) -> Self {
        let mut reply = Self::json(StatusCode::OK, Vec::new());
        reply.body = Payload::ids(ids);
        reply
    }

    /// With a page.
    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::of(status, "text/html;charset=utf-8", page.into_bytes())
    }

    /// With XML.
    pub(crate) fn xml(status: StatusCode, document: &str) -> Self {
        Self::of(status, "application/xml;charset=utf-8", document.as_bytes().to_vec())
    }

    /// With plain text.
    pub(crate) fn text(status: StatusCode, text: &str) -> Self {
        Self::of(status, "text/plain;charset=utf-8", text.as_bytes().to_vec())
    }

    fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        let body = Payload::from(body);
        Self { status, content_type, body, encoding: Encoding::Identity, headers: Vec::new(), close: false }
    }

    /// The body is compressed already.
    pub(crate) fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// One header more.
    pub(crate) fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        // Values are numbers, URLs checked before, and texts of ours.
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    /// The connection ends with this answer.
    pub(crate) fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// What a fault answers instead.
    pub(crate) fn forced(effect: &Effect, form: ErrorBody) -> Option<Self> {
        if effect.status.is_none() && effect.body.is_none() {
            return None;
        }
        let status =
            effect.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
        let Some(body) = &effect.body else {
            // The texts of contract 5.2, as far as they are known.
            let refusal = |text| Self::refusal(&Refusal::new(status, text), form);
            return Some(match status.as_u16() {
                429 => refusal("You have exceeded the rate limit"),
                500 => refusal("internal server error"),
                502 => Self::text(status, "Proxy Error"),
                503 => Self::text(status, "Service Unavailable"),
                _ => Self::text(status, ""),
            });
        };
        let is_json = matches!(body.trim_start().as_bytes().first(), Some(b'{' | b'['));
        Some(if is_json {
            Self::json(status, body.clone().into_bytes())
        } else {
            Self::html(status, body.clone())
        })
    }

    /// Ready to be sent. Bodies of every status are compressed if the client takes that (contract 1).
    pub(crate) fn finish(mut self, accepted: Encoding, effect: &Effect, now: Timestamp) -> Response<Payload> {
        let is_encoded_by_fault = effect.headers.contains_key(CONTENT_ENCODING.as_str());
        if accepted == Encoding::Gzip
            && self.encoding == Encoding::Identity
            && !is_encoded_by_fault
            && let Some(body) = self.body.bytes().filter(|body| !body.is_empty())
        {
            self.body = Payload::from(gzip(body));
            self.encoding = Encoding::Gzip;
        }
        if self.encoding == Encoding::Gzip {
            self.body.cut(effect.truncate_gzip);
        }
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.encoding == Encoding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(date) = date(now) {
            headers.insert(DATE, date);
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        for (name, value) in &effect.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// The encoding in which a client takes answers. Any list that has gzip will do (contract 1).
pub(crate) fn accepted(headers: &HeaderMap) -> Encoding {
    let takes_gzip = |one: &str| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weights = parts
            .filter_map(|part| part.split_once('='))
            .filter(|(name, _)| name.trim_end().eq_ignore_ascii_case("q"));
        let refused = weights.into_iter().any(|(_, q)| q.trim_start().parse() == Ok(0.0_f32));
        is_gzip && !refused
    };
    let lists = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|list| list.to_str().ok());
    if lists.flat_map(|list| list.split(',')).any(takes_gzip) { Encoding::Gzip } else { Encoding::Identity }
}

/// The content of a compressed request body, if there is no more than `limit` of it.
pub(crate) fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, Gunzip> {
    let mut content = Vec::new();
    let more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(body).take(more).read_to_end(&mut content).map_err(|_| Gunzip::Malformed)?;
    if content.len() > limit { Err(Gunzip::TooLarge) } else { Ok(content) }
}

/// Why a compressed body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gunzip {
    Malformed,
    TooLarge,
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    // Writing to a Vec cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

fn date(now: Timestamp) -> Option<HeaderValue> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_list_with_gzip_will_do() {
        let check = |value: &'static str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepted(&headers), expected, "{value}");
        };
        for value in ["gzip", "GZIP", "deflate, gzip", "gzip;q=1.0,deflate", "br;q=1, gzip ; q=0.1"] {
            check(value, Encoding::Gzip);
        }
        for value in ["", "identity", "deflate", "gzip;q=0", "gzip;Q=0", "gzip; q = 0.000", "xgzip"] {
            check(value, Encoding::Identity);
        }
    }

    #[test]
    fn the_date_is_written_as_http_wants_it() {
        let now = "2024-03-06T00:00:00Z".parse().unwrap();
        assert_eq!(date(now).unwrap(), "Wed, 06 Mar 2024 00:00:00 GMT");
    }

    #[test]
    fn a_bomb_is_too_large() {
        assert_eq!(gunzip(&gzip(&[0; 1_000]), 1_000).unwrap().len(), 1_000);
        assert_eq!(gunzip(&gzip(&vec![0; 10_000_000]), 1_000), Err(Gunzip::TooLarge));
        assert_eq!(gunzip(b"text", 1_000), Err(Gunzip::Malformed));
    }
}
