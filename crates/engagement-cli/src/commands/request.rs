//! `engagement request`: signs any request, and sends or shows it.

use std::{
    fs,
    io::{self, Read as _},
    time::SystemTime,
};

use engagement::{
    describe,
    oauth_core::{self, Credentials, Secret, Stamp, Timestamp, wire_url},
    transport::{Authorization, Call, Url, Verdict},
};
use engagement_credentials::{Account, Errand, Found, Holdings, check};
use oauth_core::NonceSource;

use crate::{
    cli::Request,
    commands::{emulator::Embedded, handles, setup::tell},
    credentials,
    exit::{Exit, Failure},
    place::Place,
    settings::{Settings, host, without_password},
    signal,
    talk::Talk,
    wire::{Wire, transport, unreachable},
};

/// Runs it.
pub(crate) async fn run(request: &Request, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let embedded = if settings.is_emulator() { Some(Embedded::start().await?) } else { None };
    let url = full_url(&request.url, embedded.as_ref(), settings)?;
    let body = match &request.data {
        None => None,
        Some(data) => Some(match data.strip_prefix('@') {
            None => data.clone().into_bytes(),
            Some(path) => read(path).map_err(|error| {
                let name = if path == "-" { "standard input" } else { path };
                Failure::new(Exit::Input, "data", format!("{name} cannot be read: {error}"))
            })?,
        }),
    };
    let headers = headers(&request.header, body.is_some())?;
    let method = request.method.to_ascii_uppercase();
    let found = match &embedded {
        Some(embedded) => embedded.credentials(),
        None => {
            let mut found = credentials::require(credentials::find(settings, talk).await?)?;
            // What is only shown sends nothing.
            if !request.print {
                handles::learn(&mut found, request.ask_as.as_deref(), settings, talk).await?;
            }
            found
        }
    };
    let signer = Signer::choose(&found.holdings, request, &url, settings, talk)?;
    let mut call = Call::new(
        method.parse().map_err(|_| Failure::usage(format!("{method:?} is no HTTP method")))?,
        url.clone(),
    );
    if let Some(body) = &body {
        call = call.body(http_value(CONTENT_TYPE, &headers)?, body.clone());
    }
    for (name, value) in &headers {
        if name == CONTENT_TYPE {
            continue;
        }
        let bad = || Failure::usage(format!("the header {name:?} is none")).hint("write it as 'Name: value'");
        call = call.header(name.parse().map_err(|_| bad())?, value.parse().map_err(|_| bad())?);
    }
    let place = Place::open(settings.out.as_deref())?;
    if request.print {
        let shown = signer.show(&method, &url, &headers, body.as_deref())?;
        return place.put(hide_held(&shown, &found.holdings).as_bytes());
    }
    if let Signer::OAuth1(credentials) = &signer {
        // What cannot be signed needs no connection.
        sign(credentials, &method, &url, &headers, body.as_deref())?;
    }
    tokio::select! {
        biased;
        exit = signal::stopped() => Ok(exit),
        sent = send(call, &signer, place, settings, &found, talk) => sent,
    }
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    if path != "-" {
        return fs::read(path);
    }
    let mut body = Vec::new();
    io::stdin().lock().read_to_end(&mut body)?;
    Ok(body)
}

async fn send(
    call: Call,
    signer: &Signer,
    place: Place,
    settings: &Settings,
    found: &Found,
    talk: &Talk,
) -> Result<Exit, Failure> {
    let told = talk.clone();
    let transport = transport(settings, &found.holdings, move |event| tell(event, &told))?;
    // Any API may be behind the URL: its answers are shown as they are and nothing is asked twice because of them.
    let call = call.authorization(signer.authorization());
    let lost = |error: engagement::transport::Error| unreachable(&error);
    let mut answer = transport.send(&call, |_, _| Verdict::Done).await.map_err(lost)?;
    if answer.status == 401
        && let Signer::Bearer(old) = signer
        && let Some(new) = renewed(old, settings, found, talk).await
    {
        transport.conceal(&new);
        let call = call.authorization(Authorization::Bearer(new));
        answer = transport.send(&call, |_, _| Verdict::Done).await.map_err(lost)?;
    }
    talk.say(&format!("HTTP {}", answer.status));
    if answer.concealed {
        talk.warn("the server repeats credentials in its answer, in which they are hidden");
    }
    for (name, value) in &answer.headers {
        talk.detail(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
    let mut body = answer.body.to_vec();
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.push(b'\n');
    }
    place.put(&body)?;
    Ok(match answer.status.as_u16() {
        200..=399 => Exit::Done,
        401 | 403 => Exit::Authentication,
        429 => Exit::Quota,
        _ => Exit::Network,
    })
}

/// Another bearer token, if this one is good no longer and the app's key is there to ask for one.
async fn renewed(old: &Secret, settings: &Settings, found: &Found, talk: &Talk) -> Option<Secret> {
    let consumer = found.holdings.consumer.as_ref().filter(|_| !settings.is_emulator())?;
    let wire = Wire::new(settings, &found.holdings, talk).ok()?;
    let reply = wire.send(&Errand::bearer_token(settings.api_url(), consumer)).await.ok()?;
    let new = check::bearer(&reply).ok()?.secret().clone();
    if new == *old {
        return None;
    }
    talk.detail("the bearer token is good no longer, and there is another one");
    if let Some(keep) = credentials::bearer_keeper(settings, found, talk) {
        keep(&new);
    }
    Some(new)
}

/// Who signs.
enum Signer {
    Bearer(Secret),
    OAuth1(Credentials),
}

impl Signer {
    /// The account that is named, or the first one; without any, or asked app-only, the app.
    fn choose(
        held: &Holdings,
        request: &Request,
        url: &Url,
        settings: &Settings,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        let names = || held.accounts.iter().map(Account::name).collect::<Vec<_>>().join(", ");
        let account = match (&request.ask_as, &held.accounts[..]) {
            (Some(name), accounts) => Some(held.account(name).ok_or_else(|| {
                let known = if accounts.is_empty() { "nobody".to_owned() } else { names() };
                Failure::new(
                    Exit::Authentication,
                    "unknown_account",
                    format!("no access token for the account {name:?}; there are tokens for {known}"),
                )
                .hint(if request.print {
                    "nobody is asked whose a token is: name the account of the environment by its user id"
                } else {
                    "check the handle, or leave out --as"
                })
            })?),
            (None, _) if request.app => None,
            (None, accounts) => accounts.first(),
        };
        if let Some(account) = account
            && let Some(credentials) = held.credentials(account)
        {
            if held.accounts.len() > 1 && request.ask_as.is_none() {
                talk.say(&format!("asking with the token of {}", account.name()));
            }
            return Ok(Self::OAuth1(credentials));
        }
        match (&held.bearer, &held.consumer) {
            (Some(bearer), _) if may_see_bearer(url, settings) => Ok(Self::Bearer(bearer.clone())),
            (_, Some(consumer)) => Ok(Self::OAuth1(consumer.credentials())),
            (Some(_), None) => Err(Failure::new(
                Exit::Authentication,
                "foreign_host",
                format!("{} is none of the API's hosts, and whoever sees a bearer token can use it", url.host()),
            )
            .hint("sign the request with a consumer key and secret; or name the host with --base-url if it is yours")),
            (None, None) => Err(credentials::none()),
        }
    }

    fn authorization(&self) -> Authorization {
        match self {
            Self::Bearer(token) => Authorization::Bearer(token.clone()),
            Self::OAuth1(credentials) => Authorization::oauth1(credentials),
        }
    }

    /// The request as it would be sent, the token hidden.
    fn show(
        &self,
        method: &str,
        url: &Url,
        headers: &[(String, String)],
        body: Option<&[u8]>,
    ) -> Result<String, Failure> {
        let mut shown = format!("{method} {url}\n");
        for (name, value) in headers {
            shown.push_str(&format!("{name}: {value}\n"));
        }
        match self {
            Self::Bearer(_) => shown.push_str(&format!("authorization: Bearer {HIDDEN}\n")),
            Self::OAuth1(credentials) => {
                let signed = sign(credentials, method, url, headers, body)?;
                let hide = |text: &str| match credentials.token() {
                    Some(token) => hide_token(text, token.expose()),
                    None => text.to_owned(),
                };
                shown.push_str(&format!("authorization: {}\n", hide(signed.authorization())));
                shown.push_str(&format!("signature base string: {}\n", hide(signed.base_string())));
            }
        }
        if let Some(body) = body {
            shown.push('\n');
            shown.push_str(&String::from_utf8_lossy(body));
            shown.push('\n');
        }
        Ok(shown)
    }
}

fn sign(
    credentials: &Credentials,
    method: &str,
    url: &Url,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Result<oauth_core::Signed, Failure> {
    let unsigned = |error: &(dyn std::error::Error + 'static)| {
        let failure = Failure::usage(format!("the request cannot be signed: {}", describe(error)));
        hint_at_escapes(failure, url.as_str())
    };
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let timestamp = Timestamp::new(seconds).map_err(|error| unsigned(&error))?;
    let mut nonces = NonceSource::new().map_err(|error| unsigned(&error))?;
    let nonce = nonces.next();
    let mut request = oauth_core::Request::new(method, url.as_str());
    let content_type = headers.iter().find(|(name, _)| name == CONTENT_TYPE);
    if let (Some((_, content_type)), Some(body)) = (content_type, body) {
        request = request.body(content_type, body);
    }
    oauth_core::sign(&request, credentials, Stamp { timestamp, nonce: nonce.as_str() })
        .map_err(|error| unsigned(&error))
}

/// Takes the token out of a text in which it stands bare, encoded once or encoded twice.
fn hide_token(text: &str, token: &str) -> String {
    let once = oauth_core::percent::encode(token).to_string();
    let twice = oauth_core::percent::encode(&once).to_string();
    [twice, once, token.to_owned()]
        .into_iter()
        .filter(|token| !token.is_empty())
        .fold(text.to_owned(), |text, token| text.replace(&token, HIDDEN))
}

/// Takes whatever else is held out of a text in which the user may have written it. The consumer key may show; what is
/// short would be found everywhere.
fn hide_held(text: &str, held: &Holdings) -> String {
    let may_show = held.consumer.as_ref().map(|consumer| &consumer.key);
    held.secrets()
        .filter(|secret| Some(*secret) != may_show && secret.expose().len() >= 8)
        .fold(text.to_owned(), |text, secret| hide_token(&text, secret.expose()))
}

/// A URL as given, or a path below the base URL.
fn full_url(url: &str, embedded: Option<&Embedded>, settings: &Settings) -> Result<Url, Failure> {
    let base = match (embedded, &settings.base_url) {
        _ if !url.starts_with('/') => None,
        (Some(embedded), _) => Some(embedded.url()),
        (None, _) if url.starts_with("/insights/") => Some(settings.base_url()),
        (None, Some(_)) => Some(settings.api_url()),
        (None, None) => None,
    };
    let full = base.map_or_else(|| url.to_owned(), |base| format!("{}{url}", base.trim_end_matches('/')));
    Url::parse(&full).map_err(|error| {
        let failure = Failure::usage(format!("{:?}: {error}", without_password(&full)));
        if base.is_none() && url.starts_with('/') {
            failure.hint("say which server is meant with --base-url")
        } else {
            hint_at_escapes(failure, &full)
        }
    })
}

/// A URL goes out as it is typed: what it lacks, its user writes.
fn hint_at_escapes(failure: Failure, url: &str) -> Failure {
    match wire_url(url) {
        escaped if *escaped != *url && Url::parse(&escaped).is_ok() => {
            failure.hint(format!("it goes out byte for byte, so write {escaped}"))
        }
        _ => failure,
    }
}

/// Whether a bearer token may go there. Whoever sees one can use it, which a signature does not allow; so it goes to
/// the service's own hosts, to those of the settings and to this machine, whatever URL is typed.
fn may_see_bearer(url: &Url, settings: &Settings) -> bool {
    let name = url.host().to_ascii_lowercase();
    let is_of =
        |domain: &str| name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    is_of("twitter.com")
        || is_of("x.com")
        || url.is_loopback()
        || [settings.base_url(), settings.api_url()]
            .iter()
            .any(|known| host(known).eq_ignore_ascii_case(&name))
}

/// Names in lower case with their values. A body without a content type is a form, as with twurl and curl.
fn headers(given: &[String], has_body: bool) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for header in given {
        let (name, value) = header.split_once(':').ok_or_else(|| {
            Failure::usage(format!("the header {header:?} is none")).hint("write it as 'Name: value'")
        })?;
        let name = name.trim().to_ascii_lowercase();
        if name == "authorization" {
            return Err(Failure::usage("the header authorization is made here, from the credentials")
                .hint("leave it out; set ENGAGEMENT_BEARER_TOKEN to send a token of your own"));
        }
        headers.push((name, value.trim().to_owned()));
    }
    if has_body && !headers.iter().any(|(name, _)| name == CONTENT_TYPE) {
        headers.push((CONTENT_TYPE.to_owned(), "application/x-www-form-urlencoded".to_owned()));
    }
    Ok(headers)
}

fn http_value<T: std::str::FromStr>(name: &str, headers: &[(String, String)]) -> Result<T, Failure> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| Failure::usage(format!("the header {name} has no value that can be sent")))
}

const CONTENT_TYPE: &str = "content-type";
const HIDDEN: &str = "[hidden]";
