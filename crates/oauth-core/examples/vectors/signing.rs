//! Files of the schema `oauth1-signing/1`.

use std::collections::{BTreeMap, HashMap};

use hmac::{Hmac, KeyInit, Mac};
use oauth_core::{
    Authorization, Credentials, Message, NonceMemory, NonceRecord, Policy, PreparedCredentials, Received,
    Registry, Remembered, Request, Secret, SignError, Signed, Signer, SigningKey, Stamp, Timestamp, Version,
    app_only, is_form, percent, sign, three_legged, verify, wire_url,
};
use serde_json::Value;
use sha1::Sha1;

use super::report::{Report, list, optional_text, pair, same, text};

pub(crate) fn run(report: &mut Report, file: &Value) {
    let vectors = file["vectors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut groups: HashMap<&str, Vec<&Value>> = HashMap::new();
    for vector in vectors {
        report.check(vector["id"].as_str().unwrap_or("vector without id"), || check_vector(vector));
        if let Some(group) = vector["group"].as_str() {
            groups.entry(group).or_default().push(vector);
        }
    }
    for (group, members) in groups {
        report.check(&format!("group {group}"), || check_group(&members));
    }
    for (name, rows) in file["tables"].as_object().into_iter().flatten() {
        for (index, row) in rows.as_array().into_iter().flatten().enumerate() {
            report.check(&format!("{name}[{index}]"), || check_row(name, row));
        }
    }
}

fn check_vector(vector: &Value) -> Result<(), String> {
    let parts = Parts::read(vector)?;
    let signed = sign_every_way(&parts.request(parts.url)?, &parts.credentials, parts.stamp)?;
    check_expected(&parts, &signed, &vector["expect"])?;
    let typed = wire_url(text(&vector["request"], "url")?);
    let wired = sign_every_way(&parts.request(&typed)?, &parts.credentials, parts.stamp)?;
    same("base string of the URL as typed", wired.base_string(), signed.base_string())?;
    check_accepted(&parts, &signed)
}

/// Signs, or refuses to: every way to a header has to end as the others do.
fn sign_every_way(
    request: &Request<'_>,
    credentials: &Credentials,
    stamp: Stamp<'_>,
) -> Result<Signed, String> {
    let signed = sign(request, credentials, stamp);
    let prepared = PreparedCredentials::new(credentials);
    let signer = Signer::new(request, credentials);
    let ready = prepared.signer(request);
    let header = |signed: &Signed| signed.authorization().to_owned();
    let by = |signer: &Result<Signer, SignError>| signer.clone().and_then(|it| it.authorization(stamp));
    let behind = |write: &dyn Fn(&mut String) -> Result<(), SignError>| {
        let mut out = String::from(BEFORE);
        let written = write(&mut out);
        let added = out.strip_prefix(BEFORE).unwrap_or("not behind what was there").to_owned();
        match written {
            // A refusal adds nothing.
            Err(error) if added.is_empty() => Err(error),
            _ => Ok(added),
        }
    };
    let ways = [
        (
            "prepared credentials, every stage",
            prepared.sign(request, stamp).as_ref().map(header).map_err(Clone::clone),
        ),
        ("prepared credentials", prepared.authorization(request, stamp)),
        (
            "prepared credentials into a buffer",
            behind(&|out| prepared.write_authorization(request, stamp, out)),
        ),
        ("a signer", by(&signer)),
        ("a signer of prepared credentials", by(&ready)),
        ("a signer into a buffer", behind(&|out| signer.clone()?.write_authorization(stamp, out))),
    ];
    let wanted = signed.as_ref().map(header).map_err(Clone::clone);
    for (way, found) in &ways {
        same(&format!("header by {way}"), found, &wanted)?;
    }
    signed.map_err(|error| describe(&error))
}

fn check_expected(parts: &Parts<'_>, signed: &Signed, expect: &Value) -> Result<(), String> {
    for (field, wanted) in expect.as_object().ok_or("expect is not an object in the file")? {
        match field.as_str() {
            "base_string_uri" => same(field, Some(signed.base_string_uri()), wanted.as_str())?,
            "parameter_string" => same(field, Some(signed.parameter_string()), wanted.as_str())?,
            "base_string" => same(field, Some(signed.base_string()), wanted.as_str())?,
            "signing_key" => {
                let key = SigningKey::expose_text(&parts.credentials);
                same(field, Some(key.expose()), wanted.as_str())?;
            }
            "signature" => same(field, Some(signed.signature()), wanted.as_str())?,
            "authorization" => {
                let wanted: BTreeMap<String, String> =
                    serde_json::from_value(wanted.clone()).map_err(|error| error.to_string())?;
                same(field, written_parameters(signed.authorization())?, wanted)?;
            }
            "realm" => {
                let header =
                    Authorization::parse(signed.authorization()).map_err(|error| describe(&error))?;
                same(field, header.realm(), wanted.as_str())?;
            }
            other => return Err(format!("expect has the unknown field {other}")),
        }
    }
    Ok(())
}

/// Our own verifier takes what we sign.
fn check_accepted(parts: &Parts<'_>, signed: &Signed) -> Result<(), String> {
    let received = Received {
        method: parts.method,
        url: parts.url,
        authorization: &[signed.authorization()],
        content_type: parts.content_type,
        body: parts.body.unwrap_or_default().as_bytes(),
    };
    let mut registry = OneUser { credentials: &parts.credentials, nonces: NonceMemory::new(1) };
    let now = parts.stamp.timestamp.get();
    let verified =
        verify(&received, &mut registry, now, &Policy::default()).map_err(|refusal| describe(&refusal))?;
    same("verified consumer key", verified.consumer_key.as_str(), parts.credentials.consumer_key())?;
    same("verified callback", verified.callback.as_deref(), parts.callback)?;
    same("verified verifier", verified.verifier.as_ref().map(Secret::expose), parts.verifier)
}

/// Each request of a redirect chain has its own nonce and signature.
fn check_group(members: &[&Value]) -> Result<(), String> {
    for (index, one) in members.iter().enumerate() {
        for other in &members[index + 1..] {
            if one["oauth"]["nonce"] == other["oauth"]["nonce"] {
                return Err("two requests have the same nonce".into());
            }
            let (one, other) = (Parts::read(one)?, Parts::read(other)?);
            let sign = |parts: &Parts<'_>| {
                sign_every_way(&parts.request(parts.url)?, &parts.credentials, parts.stamp)
            };
            if sign(&one)?.signature() == sign(&other)?.signature() {
                return Err("two requests have the same signature".into());
            }
        }
    }
    Ok(())
}

fn check_row(table: &str, row: &Value) -> Result<(), String> {
    match table {
        "percent_encode" => {
            let (input, output) = (text(row, "in")?, text(row, "out")?);
            same("encoded text", percent::encode(input).to_string().as_str(), output)?;
            same("decoded text", &*percent::decode(output).map_err(|error| describe(&error))?, input)
        }
        "parameter_string" => {
            let form = text(row, "form")?;
            let request =
                Request::new("POST", "http://h/").body(FORM, form.as_bytes()).version(Version::Omit);
            let signed = sign_as_anyone(&request)?;
            let own = |pair: &&str| !pair.starts_with("oauth_");
            let found: Vec<&str> = signed.parameter_string().split('&').filter(own).collect();
            same("parameter string", found.join("&").as_str(), text(row, "out")?)
        }
        "base_string_uri" => {
            let signed = sign_as_anyone(&Request::new("GET", text(row, "url")?))?;
            same("base string URI", signed.base_string_uri(), text(row, "out")?)
        }
        "signature" => {
            let credentials = Credentials::consumer("any", text(row, "consumer_secret")?)
                .with_token("any", text(row, "token_secret")?);
            let key = SigningKey::expose_text(&credentials);
            same("signing key", key.expose(), text(row, "signing_key")?)?;
            let signature = SigningKey::new(&credentials).sign(text(row, "base_string")?);
            same("signature", signature.as_str(), text(row, "signature")?)
        }
        "hmac_sha1_raw" => {
            let mut mac = Hmac::<Sha1>::new_from_slice(&bytes(text(row, "key_hex")?)?)
                .map_err(|error| error.to_string())?;
            mac.update(&bytes(text(row, "data_hex")?)?);
            same("MAC", mac.finalize().into_bytes().to_vec(), bytes(text(row, "mac_hex")?)?)
        }
        "is_form_content_type" => {
            let found = optional_text(row, "content_type")?.is_some_and(is_form);
            same("form", Some(found), row["form"].as_bool())
        }
        "app_only_token_request" => check_app_only(row),
        "token_response" => check_token_response(row),
        "authorize_url" => {
            let token = three_legged::TemporaryToken::new(text(row, "token")?, "");
            let url = three_legged::AuthorizePage::new(text(row, "base")?, &token).url();
            same("URL", url.as_str(), text(row, "out")?)
        }
        "callback_url" => {
            let answer =
                three_legged::CallbackAnswer::parse(text(row, "url")?).map_err(|error| describe(&error))?;
            let shown = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
            let wanted = |field| optional_text(row, field).map(|text| text.map(str::to_owned));
            same("oauth_token", shown(&answer.token), wanted("oauth_token")?)?;
            same("oauth_verifier", shown(&answer.verifier), wanted("oauth_verifier")?)?;
            same("denied", shown(&answer.denied), wanted("denied")?)
        }
        "must_not_panic" => read_anything(text(row, "field")?, text(row, "value")?),
        other => Err(format!("unknown table {other}")),
    }
}

fn check_app_only(row: &Value) -> Result<(), String> {
    let credentials = Credentials::consumer(text(row, "consumer_key")?, text(row, "consumer_secret")?);
    let message: Message = app_only::token_request(text(row, "url")?, &credentials);
    same("method", message.method(), text(row, "method")?)?;
    same("URL", message.url(), text(row, "url")?)?;
    same("authorization", message.authorization(), text(row, "authorization")?)?;
    same("body", message.body(), text(row, "body")?)?;
    let content_type = message.content_type().unwrap_or_default();
    let start = text(row, "content_type_starts")?;
    same("start of the content type", content_type.get(..start.len()), Some(start))
}

fn check_token_response(row: &Value) -> Result<(), String> {
    let body = text(row, "body")?;
    let answer = match text(row, "kind")? {
        "temporary" => three_legged::TemporaryToken::parse(body).map(|answer| {
            (answer.token().expose().to_owned(), answer.secret().expose().to_owned(), BTreeMap::new())
        }),
        "access" => three_legged::AccessToken::parse(body).map(|answer| {
            let more = answer.more().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            (answer.token().expose().to_owned(), answer.secret().expose().to_owned(), more)
        }),
        other => return Err(format!("unknown kind {other}")),
    };
    match (answer, row["ok"].as_bool()) {
        (Err(_), Some(false)) => Ok(()),
        (Err(error), _) => Err(describe(&error)),
        (Ok(_), Some(false)) => Err(format!("is read, and should be refused: {}", row["reason"])),
        (Ok((token, secret, more)), _) => {
            same("oauth_token", token.as_str(), text(row, "oauth_token")?)?;
            same("oauth_token_secret", secret.as_str(), text(row, "oauth_token_secret")?)?;
            let wanted: BTreeMap<String, String> =
                serde_json::from_value(row["more"].clone()).map_err(|error| error.to_string())?;
            same("more", more, wanted)
        }
    }
}

/// Any value or error is right; a panic is caught where the row was started.
fn read_anything(field: &str, value: &str) -> Result<(), String> {
    let credentials = Credentials::consumer("key", "secret");
    let mut registry = OneUser { credentials: &credentials, nonces: NonceMemory::new(1) };
    let mut received =
        Received { method: "GET", url: "http://h/", authorization: &[], content_type: Some(FORM), body: &[] };
    match field {
        "url" => {
            let _ = sign_as_anyone(&Request::new("GET", value));
            let _ = sign_as_anyone(&Request::new("GET", &wire_url(value)));
            received.url = value;
            let _ = verify(&received, &mut registry, 1, &Policy::default());
        }
        "header" => {
            let _ = Authorization::parse(value);
            let _ = verify(
                &Received { authorization: &[value], ..received },
                &mut registry,
                1,
                &Policy::default(),
            );
        }
        "token_response" => {
            let _ = three_legged::TemporaryToken::parse(value);
            let _ = three_legged::AccessToken::parse(value);
            let _ = app_only::BearerToken::parse_answer(value);
        }
        other => return Err(format!("unknown field {other}")),
    }
    received.body = value.as_bytes();
    let _ = verify(&received, &mut registry, 1, &Policy::default());
    Ok(())
}

/// A vector's request, credentials and protocol parameters.
struct Parts<'a> {
    method: &'a str,
    /// The form that travels.
    url: &'a str,
    content_type: Option<&'a str>,
    body: Option<&'a str>,
    credentials: Credentials,
    stamp: Stamp<'a>,
    version: Version,
    callback: Option<&'a str>,
    verifier: Option<&'a str>,
    realm: Option<&'a str>,
    extra: &'a [Value],
}

impl<'a> Parts<'a> {
    fn read(vector: &'a Value) -> Result<Self, String> {
        let (request, credentials, oauth) = (&vector["request"], &vector["credentials"], &vector["oauth"]);
        let mut signer =
            Credentials::consumer(text(credentials, "consumer_key")?, text(credentials, "consumer_secret")?);
        if let Some(token) = optional_text(credentials, "token")? {
            signer = signer.with_token(token, text(credentials, "token_secret")?);
        }
        let timestamp: Timestamp = text(oauth, "timestamp")?.parse().map_err(|error| describe(&error))?;
        Ok(Self {
            method: text(request, "method")?,
            url: optional_text(request, "wire_url")?.map_or_else(|| text(request, "url"), Ok)?,
            content_type: optional_text(request, "content_type")?,
            body: optional_text(request, "body")?,
            credentials: signer,
            stamp: Stamp { timestamp, nonce: text(oauth, "nonce")? },
            version: match optional_text(oauth, "version")? {
                None => Version::Omit,
                Some("1.0") => Version::Include,
                Some(other) => return Err(format!("unknown version {other}")),
            },
            callback: optional_text(oauth, "callback")?,
            verifier: optional_text(oauth, "verifier")?,
            realm: optional_text(oauth, "realm")?,
            extra: list(oauth, "extra")?,
        })
    }

    fn request<'b>(&'b self, url: &'b str) -> Result<Request<'b>, String> {
        let mut request = Request::new(self.method, url).version(self.version);
        if let Some(body) = self.body {
            request = request.body(self.content_type.unwrap_or_default(), body.as_bytes());
        }
        if let Some(callback) = self.callback {
            request = request.callback(callback);
        }
        if let Some(verifier) = self.verifier {
            request = request.verifier(verifier);
        }
        if let Some(realm) = self.realm {
            request = request.realm(realm);
        }
        for extra in self.extra {
            let (name, value) = pair(extra)?;
            request = request.parameter(name, value);
        }
        Ok(request)
    }
}

/// Knows one consumer and one token.
struct OneUser<'a> {
    credentials: &'a Credentials,
    nonces: NonceMemory,
}

impl Registry for OneUser<'_> {
    fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
        (consumer_key == self.credentials.consumer_key()).then(|| self.credentials.consumer_secret().clone())
    }

    fn token_secret(&self, _: &str, token: &str) -> Option<Secret> {
        let known = self.credentials.token()?.expose() == token;
        self.credentials.token_secret().filter(|_| known).cloned()
    }

    fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
        self.nonces.remember(seen)
    }
}

fn sign_as_anyone(request: &Request<'_>) -> Result<Signed, String> {
    let timestamp = Timestamp::new(1).map_err(|error| describe(&error))?;
    sign_every_way(request, &Credentials::consumer("key", "secret"), Stamp { timestamp, nonce: "nonce" })
}

/// The header's parameters as they are written, without the realm.
fn written_parameters(header: &str) -> Result<BTreeMap<String, String>, String> {
    let mut rest = header.strip_prefix("OAuth ").ok_or("header does not begin with OAuth")?;
    let mut found = BTreeMap::new();
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = after.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (value, after) = after.split_at(end.ok_or("header has an open quote")?);
        if name != "realm" && found.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("header has {name} twice"));
        }
        rest = after.trim_start_matches('"').trim_start_matches(", ");
    }
    same("rest of the header", rest, "")?;
    Ok(found)
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
            u8::from_str_radix(pair, 16).map_err(|error| error.to_string())
        })
        .collect()
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What stands in a buffer already.
const BEFORE: &str = "Authorization: ";
const FORM: &str = "application/x-www-form-urlencoded";
