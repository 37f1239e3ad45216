//! The verifier takes what the signer signs, and after a change only what is signed alike.

use oauth_core::{
    Credentials, Elsewhere, NonceMemory, NonceRecord, Policy, PreparedCredentials, Reason, Received,
    Registry, Remembered, Request, Secret, Signer, Stamp, Timestamp, explain, sign, verify,
};

/// The input is a method, a URL, a content type, a nonce, a consumer key and secret, a token and secret, a realm, and a
/// body, with line feeds between them. Its first byte says what is changed.
pub(crate) fn run(data: &[u8]) {
    let Some((change, data)) = data.split_first() else { return };
    let mut parts = data.splitn(10, |&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default()).ok();
    let fields: Option<[&str; 9]> =
        (0..9).map(|_| text()).collect::<Option<Vec<_>>>().and_then(|all| all.try_into().ok());
    let Some([method, url, content_type, nonce, key, secret, token, token_secret, realm]) = fields else {
        return;
    };
    let body = parts.next().unwrap_or_default();

    let mut credentials = Credentials::consumer(key, secret);
    if !token.is_empty() {
        credentials = credentials.with_token(token, token_secret);
    }
    let request = described(method, url, content_type, body, realm);
    let stamp = Stamp { timestamp: Timestamp::new(NOW).expect("not zero"), nonce };
    let prepared = PreparedCredentials::new(&credentials);
    // Any texts will do for parameters, and what they make of the URL is signed alike.
    let template = prepared.template(&request).and_then(|template| {
        let parameters = [(nonce, realm), (secret, content_type), (token, secret)];
        let url = template.url(&parameters);
        let whole = prepared.authorization(&described(method, &url, content_type, body, realm), stamp);
        assert_eq!(template.authorization(&parameters, stamp).ok(), whole.ok());
        template.authorization(&[], stamp)
    });
    let signed = match sign(&request, &credentials, stamp) {
        Ok(signed) => signed,
        Err(error) => {
            // What one way refuses, all do.
            assert_eq!(prepared.authorization(&request, stamp), Err(error));
            assert!(template.is_err());
            return;
        }
    };
    let signer = Signer::new(&request, &credentials).expect("it was signed before");
    assert_eq!(signer.authorization(stamp).as_deref(), Ok(signed.authorization()));
    assert_eq!(template.as_deref(), Ok(signed.authorization()));
    assert_eq!(prepared.authorization(&request, stamp).as_deref(), Ok(signed.authorization()));

    let received = Received {
        method,
        url,
        authorization: &[signed.authorization()],
        content_type: Some(content_type),
        body,
    };
    let mut server = Server { credentials: credentials.clone(), nonces: NonceMemory::new(4) };
    match verify(&received, &mut server, NOW, &Policy::default()) {
        Ok(verified) => {
            assert_eq!(verified.consumer_key, key);
            assert_eq!(verified.nonce, nonce);
            assert_eq!(verified.realm.as_deref(), request_realm(realm));
            let again =
                verify(&received, &mut server, NOW, &Policy::default()).map_err(|refusal| refusal.reason());
            assert_eq!(again, Err(Reason::NonceUsed));
        }
        Err(refusal) => {
            // The query or form has a protocol parameter of its own, which not every server takes; ours is strict.
            assert_eq!(refusal.reason(), Reason::DuplicateParameter, "{refusal}");
            return;
        }
    }

    // One thing is changed on the way.
    let (method, url) = match change % 4 {
        0 => (String::from("OTHER"), String::from(url)),
        1 => (method.into(), url.replacen('/', "//", 3)),
        2 => (method.into(), format!("{url}&x=1")),
        _ => (method.to_lowercase(), url.replacen("%2F", "/", 1)),
    };
    let request = Request::new(&method, &url).body(content_type, body);
    let same =
        sign(&request, &credentials, stamp).is_ok_and(|other| other.base_string() == signed.base_string());
    let received = Received { method: &method, url: &url, ..received };
    let mut server = Server { credentials, nonces: NonceMemory::new(4) };
    let accepted = verify(&received, &mut server, NOW, &Policy::default());
    assert_eq!(accepted.is_ok(), same, "{accepted:?}");
    // Explaining costs as much as seventy signatures, so it has its turn now and then.
    if change.is_multiple_of(64)
        && accepted.is_err_and(|refusal| refusal.reason() == Reason::InvalidSignature)
    {
        let explanation = explain(
            &received,
            &server,
            &Elsewhere { origins: &["https://other.example"], paths: &["/other"] },
        )
        .expect("it came to the signature");
        let shown = explanation.to_string();
        assert!(!shown.is_empty() && shown != "the signature is right");
    }
}

fn described<'a>(
    method: &'a str,
    url: &'a str,
    content_type: &'a str,
    body: &'a [u8],
    realm: &'a str,
) -> Request<'a> {
    let request = Request::new(method, url).body(content_type, body);
    if realm.is_empty() { request } else { request.realm(realm) }
}

fn request_realm(realm: &str) -> Option<&str> {
    Some(realm).filter(|realm| !realm.is_empty())
}

struct Server {
    credentials: Credentials,
    nonces: NonceMemory,
}

impl Registry for Server {
    fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
        (consumer_key == self.credentials.consumer_key()).then(|| self.credentials.consumer_secret().clone())
    }

    fn token_secret(&self, _: &str, token: &str) -> Option<Secret> {
        let is_known = self.credentials.token()? == &Secret::from(token);
        self.credentials.token_secret().filter(|_| is_known).cloned()
    }

    fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
        self.nonces.remember(seen)
    }
}

const NOW: u64 = 1_700_000_000;
