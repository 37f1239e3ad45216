//! How often signing allocates.

use allocation_counter::measure;
use oauth_core::{Credentials, PreparedCredentials, Request, Signer, Stamp, Template, Timestamp};

fn credentials() -> Credentials {
    Credentials::consumer("xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw").with_token(
        "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
    )
}

fn stamp() -> Stamp<'static> {
    Stamp {
        timestamp: Timestamp::new(1_318_622_958).expect("it is not zero"),
        nonce: "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgm",
    }
}

fn allocations(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

#[test]
fn a_template_needs_one_allocation_for_the_header() {
    let request = Request::new("GET", "https://api.twitter.com/1.1/search/tweets.json");
    let template = Template::new(&request, &credentials()).unwrap();
    let parameters = ["a"; 16].map(|name| (name, "сегодня ☀"));
    let mut buffer = String::with_capacity(1024);
    assert_eq!(allocations(|| drop(template.authorization(&parameters, stamp()))), 1);
    assert_eq!(allocations(|| template.write_authorization(&parameters, stamp(), &mut buffer).unwrap()), 0);
}

#[test]
fn a_prepared_request_allocates_its_header_alone() {
    let request = Request::new("POST", "https://data-api.twitter.com/insights/engagement/totals")
        .body("application/json", b"{}");
    let signer = Signer::new(&request, &credentials()).unwrap();
    assert_eq!(allocations(|| drop(signer.authorization(stamp()))), 1);
    let mut buffer = String::with_capacity(1024);
    assert_eq!(allocations(|| signer.write_authorization(stamp(), &mut buffer).unwrap()), 0);
}

#[test]
fn another_request_allocates_a_base_string_only_if_it_needs_one() {
    let encoded = "https://api.twitter.com/1.1/search/tweets.json?q=%E5%86%99%E8%BC%AA&b=%C3%A4&c=%C3%A4&d=%C3%A4\
                   &e=%C3%A4&f=%C3%A4&g=%C3%A4&h=%C3%A4&i=%C3%A4&j=%C3%A4&k=%C3%A4&l=%C3%A4%F0%9F%A6%80%F0%9F%A6%80";
    let prepared = PreparedCredentials::new(&credentials());
    // In its normal form, as form encoders write it, and with escapes in lower case.
    for (url, base_strings) in
        [(encoded.to_owned(), 0), (format!("{encoded}&m=a+b*"), 1), (encoded.replace("%C3%A4", "%c3%a4"), 1)]
    {
        let request = Request::new("GET", &url);
        let write = || drop(prepared.authorization(&request, stamp()).unwrap());
        assert_eq!(allocations(write), base_strings + 1, "{url}");
        let mut buffer = String::with_capacity(1024);
        let write = || prepared.write_authorization(&request, stamp(), &mut buffer).unwrap();
        assert_eq!(allocations(write), base_strings, "{url}");
    }
}

#[cfg(feature = "nonce")]
#[test]
fn nonces_allocate_nothing() {
    let mut source = oauth_core::NonceSource::new().unwrap();
    let counter = oauth_core::NonceCounter::new().unwrap();
    assert_eq!(allocations(|| _ = (source.next(), counter.next())), 0);
}
