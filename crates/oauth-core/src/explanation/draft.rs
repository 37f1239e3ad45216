//! What a client may have signed.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::{
    authorization::Authorization,
    percent,
    request::is_form,
    secret::Secret,
    signature::SigningKey,
    url::{Scheme, Target},
    verifier::Received,
};

/// A request on its way to its signature, each step of which can go wrong.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) path: String,
    /// Goes behind the path.
    pub(super) suffix: String,
    pub(super) pairs: Vec<Pair>,
    pub(super) encode: fn(&[u8]) -> String,
    pub(super) order: Order,
    /// How the parameter string gets into the base string.
    pub(super) encode_again: fn(&[u8]) -> String,
    pub(super) consumer_secret: Secret,
    pub(super) token_secret: Option<Secret>,
    pub(super) key: fn(&str, Option<&str>) -> String,
}

impl Draft {
    /// Without parameters yet.
    pub(super) fn new(
        received: &Received<'_>,
        target: Target<'_>,
        consumer: &Secret,
        token: Option<&Secret>,
    ) -> Self {
        Self {
            method: received.method.to_ascii_uppercase(),
            scheme: scheme_name(target.scheme).into(),
            host: target.host.to_ascii_lowercase(),
            port: target.port,
            path: if target.path.is_empty() { "/".into() } else { target.path.into() },
            suffix: String::new(),
            pairs: Vec::new(),
            encode,
            order: Order::Sorted,
            encode_again: encode,
            consumer_secret: consumer.clone(),
            token_secret: token.cloned(),
            key: |consumer, token| {
                format!("{}&{}", percent::encode(consumer), percent::encode(token.unwrap_or_default()))
            },
        }
    }

    pub(super) fn uri(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}{}", self.scheme, self.host, self.path, self.suffix)
    }

    pub(super) fn signs(&self, signature: &str) -> bool {
        let mut pairs: Vec<(String, String)> =
            self.pairs.iter().map(|pair| ((self.encode)(&pair.name), (self.encode)(&pair.value))).collect();
        match self.order {
            Order::Sorted => pairs.sort(),
            Order::ByNameAlone => pairs.sort_by(|a, b| a.0.cmp(&b.0)),
            Order::Joined => pairs.sort_by_key(|(name, value)| format!("{name}={value}")),
            Order::Decoded => {
                let mut order: Vec<usize> = (0..pairs.len()).collect();
                order.sort_by_key(|index| self.pairs.get(*index).map(|pair| (&pair.name, &pair.value)));
                pairs = order.iter().filter_map(|index| pairs.get(*index).cloned()).collect();
            }
            Order::AsSent => {}
            Order::HeaderLast => {
                pairs.rotate_left(self.pairs.iter().take_while(|pair| pair.source == Source::Header).count());
            }
        }
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let base_string = format!(
            "{}&{}&{}",
            self.method,
            encode(self.uri().as_bytes()),
            (self.encode_again)(pairs.join("&").as_bytes())
        );
        let token = self.token_secret.as_ref().map(Secret::expose);
        let key = Secret::from((self.key)(self.consumer_secret.expose(), token));
        SigningKey::from_bytes(key.expose().as_bytes()).sign(&base_string).matches(signature)
    }
}

/// All parameters but the signature.
pub(super) fn pairs(received: &Received<'_>, target: Target<'_>) -> Vec<Pair> {
    let header = received.authorization.first().and_then(|value| Authorization::parse(value).ok());
    let mut pairs = Vec::new();
    for (name, value) in header.iter().flat_map(Authorization::iter) {
        pairs.push(Pair::decoded(Source::Header, name, value));
    }
    pairs.extend(form_pairs(Source::Query, target.query.as_bytes()));
    if received.content_type.is_some_and(is_form) {
        pairs.extend(form_pairs(Source::Body, received.body));
    }
    pairs.retain(|pair| pair.name != b"oauth_signature");
    pairs
}

#[derive(Clone)]
pub(super) struct Pair {
    pub(super) source: Source,
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// As it travelled.
    pub(super) raw: (Vec<u8>, Vec<u8>),
}

impl Pair {
    pub(super) fn decoded(source: Source, name: &str, value: &str) -> Self {
        let raw = (encode(name.as_bytes()).into_bytes(), encode(value.as_bytes()).into_bytes());
        Self { source, name: name.into(), value: value.into(), raw }
    }

    /// Of which nothing is encoded.
    pub(super) fn raw(source: Source, name: &[u8], value: &[u8]) -> Self {
        Self { source, name: name.into(), value: value.into(), raw: (name.into(), value.into()) }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Source {
    Header,
    Query,
    Body,
}

#[derive(Clone, Copy)]
pub(super) enum Order {
    Sorted,
    ByNameAlone,
    /// Name and value as one text, so that `a=` comes after `a-b=`.
    Joined,
    /// Before they are encoded.
    Decoded,
    AsSent,
    HeaderLast,
}

pub(super) fn form_pairs(source: Source, form: &[u8]) -> Vec<Pair> {
    form.split(|&byte| byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let equals = piece.iter().position(|&byte| byte == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(equals);
            let value = value.strip_prefix(b"=").unwrap_or_default();
            let raw = (name.to_owned(), value.to_owned());
            Pair { source, name: decode_bytes(name, b' '), value: decode_bytes(value, b' '), raw }
        })
        .collect()
}

/// Decodes what the claim's reading has proved to be decodable, and leaves alone what is not.
pub(super) fn decode_bytes(raw: &[u8], plus: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, after @ ..] => percent::hex_pair(*high, *low).map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((if *first == b'+' { plus } else { *first }, tail));
        out.push(byte);
        rest = after;
    }
    out
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    percent::push_encoded_bytes(&mut out, bytes);
    String::from_utf8(out).expect("percent-encoded text is ASCII")
}

pub(super) const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}
