//! The crates oauth1-request, which signs, and reqwest-oauth1, which signs and sends: the argument says which.

use std::{env, error::Error, io, io::Read as _, time::Duration};

use flate2::read::GzDecoder;
use oauth1_request::{Builder, Credentials, HmacSha1, Token};
use reqwest::{
    Client,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};
use reqwest_oauth1::{OAuthClientProvider as _, Secrets};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Request {
    url: String,
    body: Value,
    consumer_key: String,
    consumer_secret: String,
    token: Option<String>,
    token_secret: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let request: Request = serde_json::from_reader(io::stdin())?;
    let body = request.body.to_string();
    let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
    let answer = match env::args().nth(1).as_deref() {
        Some("oauth1-request") => {
            let post = client.post(&request.url).header(AUTHORIZATION, authorization(&request));
            post.header(CONTENT_TYPE, "application/json")
                .header(ACCEPT_ENCODING, "gzip")
                .body(body)
                .send()
                .await?
        }
        Some("reqwest-oauth1") => {
            let post = client.oauth1(secrets(&request)).post(&request.url);
            post.header(CONTENT_TYPE, "application/json")
                .header(ACCEPT_ENCODING, "gzip")
                .body(body)
                .send()
                .await?
        }
        other => return Err(format!("no such client: {other:?}").into()),
    };
    let status = answer.status().as_u16();
    let encoding =
        answer.headers().get(CONTENT_ENCODING).map(|value| value.to_str().map(str::to_owned)).transpose()?;
    let bytes = answer.bytes().await?;
    let mut text = String::new();
    if encoding.as_deref() == Some("gzip") {
        GzDecoder::new(&*bytes).read_to_string(&mut text)?;
    } else {
        (&*bytes).read_to_string(&mut text)?;
    }
    println!("{}", json!({ "status": status, "encoding": encoding, "text": text }));
    Ok(())
}

fn authorization(request: &Request) -> String {
    let (key, secret) = (request.consumer_key.as_str(), request.consumer_secret.as_str());
    match (&request.token, &request.token_secret) {
        (Some(token), Some(token_secret)) => {
            let token = Token::from_parts(key, secret, token.as_str(), token_secret.as_str());
            oauth1_request::post(&request.url, &(), &token, HmacSha1::new())
        }
        _ => Builder::<_, &str>::new(Credentials::new(key, secret), HmacSha1::new()).post(&request.url, &()),
    }
}

fn secrets(request: &Request) -> Secrets<'_> {
    let secrets = Secrets::new(&request.consumer_key, &request.consumer_secret);
    match (&request.token, &request.token_secret) {
        (Some(token), Some(secret)) => secrets.token(token, secret),
        _ => secrets,
    }
}
