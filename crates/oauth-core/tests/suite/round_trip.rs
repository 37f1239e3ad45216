//! What is signed is accepted, what is changed is not, and order is nothing.

use oauth_core::{
    BodyHash, Credentials, Elsewhere, NonceMemory, NonceRecord, Place, Policy, PreparedCredentials, Reason,
    Received, Refusal, Registry, Remembered, Request, Secret, SignError, Signer, Stamp, Timestamp, Verified,
    Version, explain, explain_difference, sign, verify,
};
use proptest::{collection::vec, option, prelude::*, sample::Index};

/// A request with all that can be signed.
#[derive(Clone, Debug)]
struct Case {
    method: String,
    scheme: &'static str,
    host: String,
    port: Option<u16>,
    path: String,
    /// Pieces of a query, encoded in whatever way a client likes.
    query: Vec<String>,
    form: Option<Vec<String>>,
    body: Vec<u8>,
    consumer: (String, String),
    token: Option<(String, String)>,
    nonce: String,
    timestamp: u64,
    version: Version,
    body_hash: bool,
    callback: Option<String>,
    verifier: Option<String>,
    realm: Option<String>,
    more: Vec<(String, String)>,
}

impl Case {
    fn url(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query.join("&")) };
        format!("{}://{}{port}/{}{query}", self.scheme, self.host, self.path)
    }

    fn content_type(&self) -> &'static str {
        if self.form.is_some() { "application/x-www-form-urlencoded" } else { "application/octet-stream" }
    }

    fn body(&self) -> Vec<u8> {
        self.form.as_ref().map_or_else(|| self.body.clone(), |form| form.join("&").into_bytes())
    }

    fn credentials(&self) -> Credentials {
        let credentials = Credentials::consumer(self.consumer.0.as_str(), self.consumer.1.as_str());
        match &self.token {
            Some((token, secret)) => credentials.with_token(token.as_str(), secret.as_str()),
            None => credentials,
        }
    }

    fn stamp(&self) -> Stamp<'_> {
        Stamp { timestamp: Timestamp::new(self.timestamp).expect("it is not zero"), nonce: &self.nonce }
    }

    fn with_request<T>(&self, work: impl FnOnce(&Request<'_>) -> T) -> T {
        let (url, body) = (self.url(), self.body());
        let mut request =
            Request::new(&self.method, &url).body(self.content_type(), &body).version(self.version);
        if self.body_hash && self.form.is_none() {
            request = request.body_hash(BodyHash::Include);
        }
        if let Some(callback) = &self.callback {
            request = request.callback(callback);
        }
        if let Some(verifier) = &self.verifier {
            request = request.verifier(verifier);
        }
        if let Some(realm) = &self.realm {
            request = request.realm(realm);
        }
        for (name, value) in &self.more {
            request = request.parameter(name, value);
        }
        work(&request)
    }

    fn sign(&self) -> String {
        self.with_request(|request| {
            sign(request, &self.credentials(), self.stamp())
                .expect("it can be signed")
                .authorization()
                .to_owned()
        })
    }

    /// The same request with this header, received by a server that knows these credentials.
    fn verify(&self, header: &str, known: Credentials) -> Result<Verified, Refusal> {
        let (url, body) = (self.url(), self.body());
        let received = Received {
            method: &self.method,
            url: &url,
            authorization: &[header],
            content_type: Some(self.content_type()),
            body: &body,
        };
        let mut server = Server { known, nonces: NonceMemory::new(10) };
        verify(&received, &mut server, self.timestamp, &Policy::default())
    }
}

struct Server {
    known: Credentials,
    nonces: NonceMemory,
}

impl Registry for Server {
    fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
        (consumer_key == self.known.consumer_key()).then(|| self.known.consumer_secret().clone())
    }

    fn token_secret(&self, _: &str, token: &str) -> Option<Secret> {
        let is_known = self.known.token()? == &Secret::from(token);
        self.known.token_secret().filter(|_| is_known).cloned()
    }

    fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
        self.nonces.remember(seen)
    }
}

/// A name or value on the wire: bare, escaped, escaped for no reason, in either case.
fn wire_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9~._-]{1,4}",
        2 => any::<u8>().prop_map(|byte| format!("%{byte:02X}")),
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        1 => "[+!*'(),;:@/?\\[\\]|{}\"]",
        1 => "\\PC".prop_filter("ends the query", |text| !"#&=%+ ".contains(text.as_str())),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn wire_pairs() -> impl Strategy<Value = Vec<String>> {
    let pair = prop_oneof![
        8 => (wire_text(), wire_text()).prop_map(|(name, value)| format!("{name}={value}")),
        1 => wire_text(),
        1 => Just(String::new()),
    ];
    // A name of the protocol's own is refused, on purpose.
    vec(pair.prop_filter("a protocol name", |pair| !pair.to_ascii_lowercase().contains("oauth")), 0..20)
}

fn cases() -> impl Strategy<Value = Case> {
    let host =
        prop_oneof!["[a-zA-Z0-9-]{1,9}(\\.[a-z]{2,3})?", "127\\.0\\.0\\.1", "\\[2001:DB8::[0-9a-f]{1,4}\\]"];
    let path = "([a-zA-Z0-9~._/;=:@!$'()*+,-]|%[0-9A-F]{2}|%[0-9a-f]{2}){0,12}";
    let url = (
        prop_oneof!["GET", "post", "[A-Za-z]{1,9}"],
        prop_oneof![Just("http"), Just("HTTPS")],
        host,
        any::<Option<u16>>(),
        path,
    );
    let parameters = (wire_pairs(), option::of(wire_pairs()), vec(any::<u8>(), 0..20));
    let secrets = ((".+", ".*"), option::of((".+", ".*")));
    let stamp = (
        ".+",
        1_u64..=u64::MAX - 300,
        prop_oneof![Just(Version::Include), Just(Version::Omit)],
        any::<bool>(),
    );
    let flow = (option::of(".*"), option::of(".*"), option::of("[ -~]*"));
    let more = prop_oneof![
        2 => Just(Vec::new()),
        1 => proptest::collection::btree_map("oauth_x.{0,5}", ".*", 0..4).prop_map(|more| more.into_iter().collect()),
    ];
    (url, parameters, secrets, stamp, flow, more).prop_map(
        |(
            (method, scheme, host, port, path),
            (query, form, body),
            (consumer, token),
            (nonce, timestamp, version, body_hash),
            (callback, verifier, realm),
            more,
        )| Case {
            method,
            scheme,
            host,
            port,
            path,
            query,
            form,
            body,
            consumer,
            token,
            nonce,
            timestamp,
            version,
            body_hash,
            callback,
            verifier,
            realm,
            more,
        },
    )
}

/// Another text of the same kind, that differs in one character.
fn changed(text: &str, index: Index) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let Some(count @ 1..) = Some(characters.len()) else { return "x".into() };
    let character = &mut characters[index.index(count)];
    *character = if *character == 'q' { 'z' } else { 'q' };
    characters.into_iter().collect()
}

#[test]
fn a_method_that_cannot_be_is_told_from_none() {
    let stamp = Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: "nonce" };
    for (method, wanted) in [
        ("", "method must not be empty"),
        ("PO ST", "method must be letters, digits and !#$%&'*+-.^_`|~, and byte 2 is not"),
    ] {
        let request = Request::new(method, "https://h/");
        let error = sign(&request, &Credentials::consumer("key", "secret"), stamp).unwrap_err();
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn a_parameter_that_cannot_be_is_placed() {
    let stamp = Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: "nonce" };
    let refused = |request: &Request<'_>| {
        let error = sign(request, &Credentials::consumer("key", "secret"), stamp).unwrap_err();
        (error.to_string(), error)
    };
    let request =
        |url| Request::new("POST", url).body("application/x-www-form-urlencoded", b"b=1&&oauth_x=2");
    for (request, wanted) in [
        (request("https://h/?oauth_x=1"), Place::Form { at: 5 }),
        (Request::new("GET", "https://h/?oauth_x=1&b=2&oauth%5Fx=3#f"), Place::Query { at: 25 }),
        (Request::new("GET", "https://h/?&oauth_x=1").parameter("oauth_x", ""), Place::Query { at: 12 }),
        (Request::new("GET", "https://h/").parameter("oauth_x", "").parameter("oauth_x", ""), Place::Header),
    ] {
        let (_, error) = refused(&request);
        let name = "oauth_x".to_owned();
        assert_eq!(error, SignError::DuplicateParameter { name, place: wanted }, "{request:?}");
    }
    let (text, error) = refused(&Request::new("GET", "https://h/?a=1&oauth_nonce=s3cr3t"));
    let place = Place::Query { at: 15 };
    assert_eq!(error, SignError::ReservedParameter { name: "oauth_nonce".to_owned(), place });
    assert!(text.contains("at byte 15 of the URL") && !text.contains("s3cr3t"), "{text}");
    let (_, error) = refused(&Request::new("GET", "https://h/").parameter("x", ""));
    assert_eq!(error, SignError::ReservedParameter { name: "x".to_owned(), place: Place::Header });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_signed_is_accepted(case in cases()) {
        let header = case.sign();
        prop_assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        let credentials = case.credentials();
        let verified = case.verify(&header, credentials.clone()).unwrap();
        prop_assert_eq!(&verified.consumer_key, credentials.consumer_key());
        prop_assert_eq!(&verified.nonce, &case.nonce);
        prop_assert_eq!(verified.timestamp.get(), case.timestamp);
        prop_assert_eq!(&verified.callback, &case.callback);
        prop_assert_eq!(verified.verifier.as_ref().map(Secret::expose), case.verifier.as_deref());
        prop_assert_eq!(&verified.realm, &case.realm);
        prop_assert_eq!(verified.token.as_ref(), credentials.token());
    }

    #[test]
    fn all_ways_of_signing_agree(case in cases()) {
        let one = case.sign();
        let prepared = PreparedCredentials::new(&case.credentials());
        let (two, three) = case.with_request(|request| {
            let signer = Signer::new(request, &case.credentials()).unwrap();
            // A second stamp must not leave traces of the first.
            let other = Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: "other/+☃" };
            signer.authorization(other).unwrap();
            let mut buffer = String::from("kept");
            signer.write_authorization(case.stamp(), &mut buffer).unwrap();
            (buffer, prepared.authorization(request, case.stamp()).unwrap())
        });
        prop_assert_eq!(two.strip_prefix("kept"), Some(one.as_str()));
        prop_assert_eq!(three, one);
    }

    #[test]
    fn the_short_way_signs_and_refuses_what_the_long_way_does(
        method in "(GET|POST|post|G T|)",
        url in "https?://([a-z]{1,3}(\\.[a-z]{2})?|H|h:443|)(/[a-z]{0,3}|/%2f|/%C3%A4|/ä){0,3}",
        query in "([a-z_]{1,9}=(%[89A-F][0-9A-F]|[a-z0-9.]|%20){0,30}&){0,17}",
        other in "(&|=|[a-c]{1,9}=|\\+|%[0-9A-Fa-f]{2}|%|oauth_[a-z]|same=|#|é){0,12}",
        form in "([a-z]{1,9}=(%[89A-F][0-9A-F]|[a-z]){0,9}&|same=|a=%7E|\\+){0,5}",
    ) {
        let credentials = Credentials::consumer("key", "secret").with_token("token", "secret");
        let stamp = Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: "nonce" };
        for query in [format!("?{query}"), format!("?{query}{other}"), format!("?{other}&{query}")] {
            let url = format!("{url}{query}");
            let request = Request::new(&method, &url).body("application/x-www-form-urlencoded", form.as_bytes());
            let long = sign(&request, &credentials, stamp);
            let short = PreparedCredentials::new(&credentials).authorization(&request, stamp);
            prop_assert_eq!(short.as_deref(), long.as_ref().map(|signed| signed.authorization()));
        }
    }

    #[test]
    fn the_order_of_parameters_is_nothing(case in cases(), seed: u64) {
        let header = case.sign();
        let mut shuffled = case.clone();
        let mut random = seed;
        let mut shuffle = |pairs: &mut Vec<String>| {
            for index in (1..pairs.len()).rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                pairs.swap(index, (random >> 33) as usize % (index + 1));
            }
        };
        shuffle(&mut shuffled.query);
        if let Some(form) = &mut shuffled.form {
            shuffle(form);
        }
        prop_assert_eq!(&shuffled.sign(), &header);
        let mut parameters: Vec<String> =
            header.trim_start_matches("OAuth ").split(", oauth_").map(String::from).collect();
        let first = parameters.remove(0);
        shuffle(&mut parameters);
        // The realm, if there is one, is in the first piece and may have what it wants in it.
        prop_assume!(case.realm.is_none());
        let reordered = format!("OAuth oauth_{}, {first}", parameters.join(", oauth_"));
        prop_assert!(shuffled.verify(&reordered, case.credentials()).is_ok());
    }

    #[test]
    fn what_is_changed_is_refused(case in cases(), index: Index, part in 0..11) {
        let header = case.sign();
        let mut other = case.clone();
        let mut known = case.credentials();
        let mut wanted = Reason::InvalidSignature;
        match part {
            0 => other.method = changed(&case.method.to_ascii_uppercase(), index).to_ascii_uppercase(),
            1 => other.scheme = if case.scheme == "http" { "HTTPS" } else { "http" },
            2 => other.host = format!("x{}", case.host.trim_matches(['[', ']']).replace(':', "-")),
            3 => other.port = Some(case.port.unwrap_or(80) ^ 1 | 1024),
            4 => other.path = format!("{}x", case.path),
            5 => other.query.push(String::from("extra")),
            6 => {
                let Some(form) = &mut other.form else { return Ok(()) };
                form.push(String::from("extra=1"));
            }
            7 => {
                let (key, secret) = &case.consumer;
                known = Credentials::consumer(key.as_str(), changed(secret, index));
                if let Some((token, secret)) = &case.token {
                    known = known.with_token(token.as_str(), secret.as_str());
                }
            }
            8 => {
                let Some((token, secret)) = &case.token else { return Ok(()) };
                known = known.with_token(token.as_str(), changed(secret, index));
            }
            9 => {
                known = Credentials::consumer(format!("{}x", case.consumer.0), case.consumer.1.as_str());
                wanted = Reason::UnknownConsumer;
            }
            _ => {
                let Some((token, secret)) = &case.token else { return Ok(()) };
                known = known.with_token(format!("{token}x"), secret.as_str());
                wanted = Reason::UnknownToken;
            }
        }
        prop_assume!(other.method != case.method.to_ascii_uppercase() || part != 0);
        prop_assume!(other.port != case.port);
        let refusal = other.verify(&header, known).unwrap_err();
        prop_assert_eq!(refusal.reason(), wanted);
    }

    #[test]
    fn a_changed_byte_of_the_header_is_refused(case in cases(), index: Index, byte in b' '..=b'~') {
        let header = case.sign();
        let mut bytes = header.clone().into_bytes();
        let at = index.index(bytes.len());
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        // The realm is not signed; case of the scheme and of hex digits, and what is escaped for no reason, means the same.
        prop_assume!(case.realm.is_none());
        let means_the_same = oauth_core::Authorization::parse(&changed) == oauth_core::Authorization::parse(&header);
        prop_assert_eq!(case.verify(&changed, case.credentials()).is_ok(), means_the_same);
    }

    #[test]
    fn a_changed_value_is_told_apart(case in cases()) {
        let base = |case: &Case| {
            case.with_request(|request| sign(request, &case.credentials(), case.stamp()).unwrap().base_string().to_owned())
        };
        let server = base(&case);
        prop_assert!(explain_difference(&server, &server).is_empty());
        let mut other = case;
        other.nonce.push('x');
        let found = explain_difference(&base(&other), &server);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].to_string(), "value of oauth_nonce differs");
    }

    #[test]
    fn every_wrong_signature_is_explained(case in cases()) {
        let (url, body, known) = (case.url(), case.body(), case.credentials());
        let other = Credentials::consumer(known.consumer_key(), format!("{} wrong", case.consumer.1));
        let header = case.with_request(|request| {
            let signer = match &case.token {
                Some((token, secret)) => other.with_token(token.as_str(), secret.as_str()),
                None => other,
            };
            sign(request, &signer, case.stamp()).expect("it can be signed").authorization().to_owned()
        });
        let received = Received {
            method: &case.method,
            url: &url,
            authorization: &[&header],
            content_type: Some(case.content_type()),
            body: &body,
        };
        let server = Server { known, nonces: NonceMemory::new(1) };
        let explanation = explain(&received, &server, &Elsewhere { origins: &["https://other.example"], paths: &["/other"] }).unwrap();
        prop_assert!(explanation.part().is_none(), "{}", explanation);
        let signed = case.with_request(|request| sign(request, &server.known, case.stamp()).unwrap());
        prop_assert_eq!(explanation.base_string(), signed.base_string());
    }

    #[test]
    fn signing_never_panics(method in ".*", url in "(https?://)?.*", content_type in "(application/x-www-form-urlencoded)?.*", body in vec(any::<u8>(), 0..30), realm in ".*", name in "(oauth_)?.*", nonce in ".*") {
        let request = Request::new(&method, &url).body(&content_type, &body).realm(&realm).parameter(&name, "value");
        let stamp = Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: &nonce };
        let _ = sign(&request, &Credentials::consumer("key", "secret"), stamp);
        let _ = sign(&Request::new("GET", &url), &Credentials::consumer("key", "secret"), stamp);
    }
}
