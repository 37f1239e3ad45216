//! The host of the OAuth endpoints, contract §6.3 to §6.5.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION},
};
use oauth_core::{Reason, Secret, percent};
use serde_json::json;

use super::{Head, form::Form, page};
use crate::{
    auth::{Tokens, Unrecognised},
    authority::Authority,
    emulation::Emulation,
    refusal::ApiError,
    reply::Reply,
    route::Oauth,
    world::App,
};

/// Answers one request.
pub(super) fn respond(emulation: &Emulation, which: Oauth, head: &Head, body: &[u8]) -> Reply {
    let answer = match which {
        Oauth::RequestToken => request_token(emulation, head, body),
        Oauth::Authorize | Oauth::Authenticate | Oauth::Decide => {
            Ok(page::respond(emulation, which, head, body))
        }
        Oauth::AccessToken => access_token(emulation, head, body),
        Oauth::Bearer => bearer(emulation, head, body),
        Oauth::InvalidateBearer => invalidate_bearer(emulation, head, body),
        Oauth::InvalidateToken => invalidate_token(emulation, head, body),
        Oauth::VerifyCredentials => verify_credentials(emulation, head, body),
    };
    answer.unwrap_or_else(|reply| reply)
}

/// Step 1 of the three-legged flow.
fn request_token(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<Reply, Reply> {
    let now = Emulation::seconds(emulation.clock.now());
    let url = head.url(emulation);
    let verified = emulation
        .auth
        .verify(&emulation.world, &head.presented(&url, body), Tokens::Request, now)
        .map_err(|unrecognised| refused(&unrecognised))?;
    let app = emulation.world.app(&verified.consumer_key).ok_or_else(|| error(32, None))?;
    let callback = verified.callback.ok_or_else(|| error(215, Some("oauth_callback is missing")))?;
    judge_callback(app, &callback, head)?;
    let granted = emulation.auth.grants().request(&verified.consumer_key, &callback, now);
    let Some((token, secret)) = granted else {
        return Err(Reply::text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
    };
    let secret = secret.expose();
    // Contract 6.3: a form, and yet called HTML.
    let body = format!("oauth_token={token}&oauth_token_secret={secret}&oauth_callback_confirmed=true");
    Ok(Reply::html(StatusCode::OK, body))
}

/// Callbacks are registered; how exactly they are compared is not documented. Here the query is left out, and an app
/// that registers nothing may use any loopback URL.
fn judge_callback(app: &App, callback: &str, head: &Head) -> Result<(), Reply> {
    if callback == "oob" {
        return Ok(());
    }
    let bare = |url: &str| url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let is_approved = match &app.callback_urls {
        Some(urls) if urls.iter().all(|url| url == "oob") => {
            let text = "Desktop applications only support the oauth_callback value 'oob'";
            let path = head.uri.path();
            return Err(xml(
                StatusCode::UNAUTHORIZED,
                &format!("<hash><error>{text}</error><request>{path}</request></hash>"),
            ));
        }
        Some(urls) => urls.iter().any(|url| bare(url) == bare(callback)),
        None => callback
            .split_once("://")
            .and_then(|(scheme, rest)| {
                let host = rest.split(['/', '?', '#']).next()?;
                Some(matches!(scheme, "http" | "https") && Authority::parse(host)?.is_loopback())
            })
            .unwrap_or(false),
    };
    if is_approved && callback.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let wants_json = head
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("json"));
    let refusal = ApiError::new(415, None);
    if wants_json {
        return Err(Reply::json(refusal.status, refusal.body()));
    }
    Err(xml(refusal.status, &format!("<errors><error code=\"415\">{}</error></errors>", refusal.message)))
}

/// Step 3.
fn access_token(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<Reply, Reply> {
    let now = Emulation::seconds(emulation.clock.now());
    // A token that has run out is an unknown one, whatever verifier comes with it.
    emulation.auth.grants().expire(now);
    let url = head.url(emulation);
    let verified = emulation
        .auth
        .verify(&emulation.world, &head.presented(&url, body), Tokens::Request, now)
        .map_err(|unrecognised| refused(&unrecognised))?;
    let token = verified.token.ok_or_else(|| error(215, Some("oauth_token is missing")))?;
    let verifier = verified.verifier.ok_or_else(|| error(215, Some("oauth_verifier is missing")))?;
    let exchanged = emulation.auth.grants().exchange(token.expose(), &verifier, now);
    let (user_id, token, secret) = exchanged
        .ok_or_else(|| error(89, Some("oauth_verifier is wrong, or the user has not allowed this")))?;
    let screen_name = emulation.world.account_of(user_id).map_or("", |account| &account.screen_name);
    let encode = |text| percent::encode(text);
    Ok(Reply::html(
        StatusCode::OK,
        format!(
            "oauth_token={}&oauth_token_secret={}&user_id={user_id}&screen_name={}",
            encode(&token),
            encode(secret.expose()),
            encode(screen_name)
        ),
    ))
}

/// The app's bearer token.
fn bearer(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<Reply, Reply> {
    let app = basic(emulation, head).ok_or_else(|| error(99, Some("consumer key or secret is wrong")))?;
    let form = form(body)?;
    if form.get("grant_type") != Some("client_credentials") {
        return Err(error(99, Some("grant_type must be client_credentials")));
    }
    let minute = Emulation::seconds(emulation.clock.now()) / 60;
    let token = emulation.auth.grants().bearer(&app.consumer_key, minute);
    let token =
        token.ok_or_else(|| error(99, Some("asked too often: keep the token, it does not change")))?;
    Ok(json_ok(&json!({"token_type": "bearer", "access_token": token.expose()})))
}

/// Both of the documented ways: the app's own keys, or a signature in a user's context (contract 8 no. 33).
fn invalidate_bearer(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<Reply, Reply> {
    let consumer_key = match basic(emulation, head) {
        Some(app) => app.consumer_key.clone(),
        None if is_basic(head) => return Err(error(99, Some("consumer key or secret is wrong"))),
        None => user_context(emulation, head, body)?.0,
    };
    let query = Form::read(head.uri.query().unwrap_or_default()).map_err(|why| error(99, Some(&why)))?;
    let form = form(body)?;
    let token = query.get("access_token").or(form.get("access_token")).unwrap_or_default();
    let is_known = emulation.auth.grants().invalidate_bearer(&consumer_key, &Secret::from(token));
    if !is_known {
        return Err(error(99, Some("access_token is not this app's bearer token, form-encoded")));
    }
    Ok(json_ok(&json!({ "access_token": token })))
}

/// Takes the user's token back.
fn invalidate_token(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<Reply, Reply> {
    let (consumer_key, token, _) = user_context(emulation, head, body)?;
    emulation.auth.grants().revoke(&consumer_key, token.expose());
    Ok(json_ok(&json!({ "access_token": token.expose() })))
}

/// Whose token it is.
fn verify_credentials(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<Reply, Reply> {
    let (_, _, user_id) = user_context(emulation, head, body)?;
    let screen_name = emulation.world.account_of(user_id).map_or("", |account| &account.screen_name);
    Ok(json_ok(&json!({
        "id": user_id,
        "id_str": user_id.to_string(),
        "name": screen_name,
        "screen_name": screen_name,
        "protected": false,
        "verified": false,
    })))
}

/// App, token and user of a request that must be in a user's context.
fn user_context(emulation: &Emulation, head: &Head, body: &[u8]) -> Result<(String, Secret, u64), Reply> {
    let now = Emulation::seconds(emulation.clock.now());
    let url = head.url(emulation);
    let presented = head.presented(&url, body);
    if presented.is_bearer() {
        let recognised = emulation.auth.recognise(&emulation.world, &presented, now);
        return Err(match recognised {
            Ok(_) => error(220, None),
            Err(unrecognised) => refused(&unrecognised),
        });
    }
    let verified = emulation
        .auth
        .verify(&emulation.world, &presented, Tokens::Access, now)
        .map_err(|unrecognised| refused(&unrecognised))?;
    let token = verified.token.ok_or_else(|| error(220, None))?;
    let user_id = emulation.auth.grants().user_of(&verified.consumer_key, token.expose());
    let user_id = user_id.ok_or_else(|| error(89, None))?;
    Ok((verified.consumer_key, token, user_id))
}

/// The app whose key and secret the `Authorization` header carries, each of them percent-encoded.
fn basic<'a>(emulation: &'a Emulation, head: &Head) -> Option<&'a App> {
    if !is_basic(head) {
        return None;
    }
    let (_, encoded) = head.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (key, secret) = decoded.split_once(':')?;
    let app = emulation.world.app(&percent::decode(key).ok()?)?;
    let secret = Secret::from(percent::decode(secret).ok()?.into_owned());
    (app.consumer_secret == secret).then_some(app)
}

fn is_basic(head: &Head) -> bool {
    let value = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

fn form(body: &[u8]) -> Result<Form, Reply> {
    let text = core::str::from_utf8(body).map_err(|_| error(99, Some("the body is no form")))?;
    Form::read(text).map_err(|why| error(99, Some(&why)))
}

/// Contract 6.5.
fn refused(unrecognised: &Unrecognised) -> Reply {
    let (code, why) = match unrecognised {
        Unrecognised::Scheme => (215, None),
        Unrecognised::Bearer => (89, None),
        Unrecognised::Signature(reason, why) => {
            let code = match reason {
                Reason::NonceMemoryFull => {
                    return Reply::text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
                }
                Reason::StaleTimestamp | Reason::FutureTimestamp => 135,
                Reason::UnknownToken => 89,
                Reason::UnknownConsumer | Reason::InvalidSignature | Reason::NonceUsed => 32,
                _ => 215,
            };
            (code, Some(why.as_str()))
        }
    };
    error(code, why)
}

fn error(code: u16, detail: Option<&str>) -> Reply {
    let error = ApiError::new(code, detail.map(str::to_owned));
    Reply::json(error.status, error.body())
}

fn json_ok(value: &serde_json::Value) -> Reply {
    Reply::json(StatusCode::OK, value.to_string().into_bytes())
}

fn xml(status: StatusCode, root: &str) -> Reply {
    Reply::xml(status, &format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{root}"))
}
