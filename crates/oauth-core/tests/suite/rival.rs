//! A second opinion, by a crate of a stranger, on whatever both can sign.
//!
//! oauth1-request takes decoded pairs and a URL without a query; it leaves the URL as it is, does not encode names, and
//! sorts values of one name before they are encoded. So the URL here is in its normal form, and names are made of what is
//! not encoded and occur once.

use std::num::NonZeroU64;

use oauth_core::{
    Authorization, Credentials, Request, Stamp, Timestamp, Version, percent, sign, three_legged::form,
};
use oauth1_request as rival;
use proptest::{collection::btree_map, option, prelude::*};

#[derive(Clone, Debug)]
struct Case {
    method: String,
    path: String,
    pairs: Vec<(String, String)>,
    consumer: (String, String),
    token: Option<(String, String)>,
    nonce: String,
    timestamp: u64,
    version: bool,
    callback: Option<String>,
    verifier: Option<String>,
}

fn cases() -> impl Strategy<Value = Case> {
    // Names of the protocol's own would be refused here and signed twice there.
    let name = "[a-zA-Z0-9~._-]{1,8}".prop_filter("a protocol name", |name| !name.starts_with("oauth_"));
    let request = (
        prop_oneof!["GET", "POST", "PUT", "DELETE", "PATCH", "[A-Z]{1,9}"],
        "[a-z0-9~._-]{0,9}",
        btree_map(name, ".*", 0..20),
    );
    let secrets = ((".+", ".*"), option::of((".+", ".*")));
    let stamp = (".+", 1_u64.., any::<bool>());
    let flow = (option::of(".*"), option::of(".*"));
    (request, secrets, stamp, flow).prop_map(
        |((method, path, pairs), (consumer, token), (nonce, timestamp, version), (callback, verifier))| {
            Case {
                method,
                path,
                pairs: pairs.into_iter().collect(),
                consumer,
                token,
                nonce,
                timestamp,
                version,
                callback,
                verifier,
            }
        },
    )
}

/// The header's parameters, sorted, as they are written.
fn sorted(header: &str) -> Vec<(String, String)> {
    let header = Authorization::parse(header).expect("it is valid");
    let mut pairs: Vec<_> =
        header.iter().map(|(name, value)| (name.to_owned(), percent::encode(value).to_string())).collect();
    pairs.sort();
    pairs
}

fn ours(case: &Case, in_query: bool) -> String {
    let pairs: Vec<(&str, &str)> =
        case.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let encoded = form(&pairs);
    let mut url = format!("https://example.com/{}", case.path);
    let mut credentials = Credentials::consumer(case.consumer.0.as_str(), case.consumer.1.as_str());
    if let Some((token, secret)) = &case.token {
        credentials = credentials.with_token(token.as_str(), secret.as_str());
    }
    if in_query {
        url = format!("{url}?{encoded}");
    }
    let version = if case.version { Version::Include } else { Version::Omit };
    let mut request = Request::new(&case.method, &url).version(version);
    if !in_query {
        request = request.body("application/x-www-form-urlencoded", encoded.as_bytes());
    }
    if let Some(callback) = &case.callback {
        request = request.callback(callback);
    }
    if let Some(verifier) = &case.verifier {
        request = request.verifier(verifier);
    }
    let stamp = Stamp { timestamp: Timestamp::new(case.timestamp).expect("it is valid"), nonce: &case.nonce };
    sign(&request, &credentials, stamp).expect("it is valid").authorization().to_owned()
}

fn theirs(case: &Case) -> String {
    let client = rival::Credentials::new(case.consumer.0.as_str(), case.consumer.1.as_str());
    let mut builder: rival::Builder<'_, _, &str> = rival::Builder::new(client, rival::HMAC_SHA1);
    builder.token(
        case.token.as_ref().map(|(token, secret)| rival::Credentials::new(token.as_str(), secret.as_str())),
    );
    builder.nonce(case.nonce.as_str()).timestamp(NonZeroU64::new(case.timestamp)).version(case.version);
    if let Some(callback) = &case.callback {
        builder.callback(callback.as_str());
    }
    if let Some(verifier) = &case.verifier {
        builder.verifier(verifier.as_str());
    }
    let pairs: Vec<(&str, &str)> =
        case.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let url = format!("https://example.com/{}", case.path);
    builder.authorize(&case.method, &url, &rival::ParameterList::new(pairs))
}

proptest! {
    #[test]
    fn agrees_with_oauth1_request(case in cases()) {
        let theirs = sorted(&theirs(&case));
        prop_assert_eq!(&sorted(&ours(&case, true)), &theirs);
        prop_assert_eq!(&sorted(&ours(&case, false)), &theirs);
    }
}
