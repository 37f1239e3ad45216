//! A base string has the form that it must have, and normalising what is normal changes nothing.

use oauth_core::{
    Credentials, PreparedCredentials, Request, SignError, Stamp, Timestamp, Version, explain_difference,
    sign, wire_url,
};

/// The input is a URL, a line feed, and a form body.
pub(crate) fn run(data: &[u8]) {
    let split = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (url, body) = data.split_at(split);
    let body = body.get(1..).unwrap_or_default();
    let Ok(url) = std::str::from_utf8(url) else { return };

    let wire = wire_url(url);
    assert_eq!(wire_url(&wire), wire, "encoded twice");

    let Some(base) = base_string(url, body) else { return };
    let mut parts = base.split('&');
    let mut part = || parts.next().expect("three parts");
    let (method, uri, parameters) = (part(), part(), part());
    assert_eq!(parts.next(), None);
    assert_eq!(method, "POST");
    for part in [uri, parameters] {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
        assert!(part.bytes().all(fits), "{part}");
    }

    // Encoded pairs compare as they are sorted.
    let parameters = decode(parameters);
    let pairs: Vec<(&str, &str)> =
        parameters.split('&').map(|pair| pair.split_once('=').expect("a pair")).collect();
    assert!(pairs.is_sorted(), "{parameters}");

    // The normal form, sent instead, is signed the same.
    let others: Vec<String> = pairs
        .iter()
        .filter(|(name, _)| !OWN.contains(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let normal =
        base_string(&format!("{}?{}", decode(uri), others.join("&")), b"").expect("it was signed before");
    assert_eq!(normal, base);
    let in_body = base_string(&decode(uri), others.join("&").as_bytes()).expect("it was signed before");
    assert_eq!(in_body, base);
    assert!(explain_difference(&in_body, &base).is_empty());
}

fn base_string(url: &str, body: &[u8]) -> Option<String> {
    let request =
        Request::new("post", url).body("application/x-www-form-urlencoded", body).version(Version::Omit);
    let stamp = Stamp { timestamp: Timestamp::new(1).expect("not zero"), nonce: "n" };
    let credentials = Credentials::consumer("k", "s");
    let signed = sign(&request, &credentials, stamp);
    // The way that makes no base string has signed the same one.
    let header = PreparedCredentials::new(&credentials).authorization(&request, stamp);
    assert_eq!(header.as_deref(), signed.as_ref().map(|signed| signed.authorization()));
    match signed {
        Ok(signed) => Some(signed.base_string().to_owned()),
        Err(SignError::Query { at }) => {
            assert_eq!(url.as_bytes().get(at), Some(&b'%'));
            None
        }
        Err(SignError::Form(error)) => {
            assert_eq!(body.get(error.at()), Some(&b'%'));
            None
        }
        Err(_) => None,
    }
}

/// Undoes one encoding, which has made everything ASCII.
fn decode(text: &str) -> String {
    oauth_core::percent::decode(text).expect("it was encoded").into_owned()
}

const OWN: [&str; 4] = ["oauth_consumer_key", "oauth_nonce", "oauth_signature_method", "oauth_timestamp"];
