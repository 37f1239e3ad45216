//! A server that knows one user, so that the examples can show that their requests are good without a network.

use std::{error::Error, time::SystemTime};

use oauth_core::{
    Credentials, NonceMemory, NonceRecord, NonceSource, Policy, PreparedCredentials, Received, Registry,
    Remembered, Request, Secret, Stamp, Timestamp, verify,
};

/// Signs a request with the clock and a new nonce, as a client does; prints it; and checks it, as a server does.
pub(crate) fn sign_print_and_check(
    method: &str,
    url: &str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials::consumer("demo-consumer-key", "demo-consumer-secret")
        .with_token("1111-demo-access-token", "demo-token-secret");
    let mut request = Request::new(method, url);
    if let Some(content_type) = content_type {
        request = request.body(content_type, body);
    }

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let nonce = NonceSource::new()?.next();
    let stamp = Stamp { timestamp: Timestamp::new(now)?, nonce: nonce.as_str() };
    let authorization = PreparedCredentials::new(&credentials).authorization(&request, stamp)?;

    println!("{method} {url}\nAuthorization: {authorization}");
    if let Some(content_type) = content_type {
        println!("Content-Type: {content_type}\n\n{}", String::from_utf8_lossy(body));
    }

    let received = Received { method, url, authorization: &[&authorization], content_type, body };
    let mut server = Server { credentials, nonces: NonceMemory::new(1) };
    let verified = verify(&received, &mut server, now, &Policy::default())?;
    println!("\naccepted, from {}", verified.consumer_key);
    Ok(())
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
