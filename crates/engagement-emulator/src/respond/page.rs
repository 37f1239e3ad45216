//! The pages on which a user allows or refuses, contract §6.3 step 2. Plain HTML, no script.

use http::{
    Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS},
};
use oauth_core::percent;

use super::{Head, form::Form};
use crate::{
    authority::Authority,
    emulation::Emulation,
    reply::Reply,
    route::{API_HOSTS, Oauth},
};

/// Answers.
pub(super) fn respond(emulation: &Emulation, which: Oauth, head: &Head, body: &[u8]) -> Reply {
    let reply = if !is_own_name(emulation, head) {
        notice(StatusCode::FORBIDDEN, "Not here", "This page is not served under this host name.")
    } else if which == Oauth::Decide {
        decide(emulation, head, body)
    } else {
        ask(emulation, which, head)
    };
    reply
        .header(CACHE_CONTROL, "no-store")
        .header(
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        .header(REFERRER_POLICY, "no-referrer")
        .header(X_FRAME_OPTIONS, "DENY")
}

/// The question; or, for somebody who signs in to an app that he allowed before, the way back at once.
fn ask(emulation: &Emulation, which: Oauth, head: &Head) -> Reply {
    let now = Emulation::seconds(emulation.clock.now());
    let Ok(query) = Form::read(head.uri.query().unwrap_or_default()) else { return void() };
    let token = query.get("oauth_token").unwrap_or_default();
    let mut grants = emulation.auth.grants();
    let Some(request) = grants.pending(token, now).cloned() else { return void() };

    let wanted = query.get("screen_name").and_then(|name| emulation.world.account(name));
    let forced = query.get("force_login") == Some("true");
    // Whoever only looks at the head has not come back.
    if let Some(account) = wanted
        && head.method != Method::HEAD
        && which == Oauth::Authenticate
        && !forced
        && request.callback != "oob"
        && grants.has_allowed(&request.consumer_key, account.user_id)
        && let Some(verifier) = grants.approve(token, account.user_id)
    {
        let added = format!("oauth_token={token}&oauth_verifier={}", verifier.expose());
        return back(&request.callback, &added);
    }
    drop(grants);

    let first = wanted.or(emulation.world.accounts().first()).map(|account| account.user_id);
    let accounts: String = emulation
        .world
        .accounts()
        .iter()
        .map(|account| {
            let name = escape(&account.screen_name);
            let checked = if Some(account.user_id) == first { " checked" } else { "" };
            format!(
                "<p><label><input type=\"radio\" name=\"screen_name\" value=\"{name}\"{checked} required> @{name}\
                 </label></p>"
            )
        })
        .collect();
    let path = escape(head.uri.path());
    let app = escape(&request.consumer_key);
    let (token, form_key) = (escape(token), escape(&request.form_key));
    page(
        StatusCode::OK,
        "Authorize an app",
        &format!(
            "<p>The app <strong>{app}</strong> asks to use an account. Every account here is made up.</p>\
             <form method=\"post\" action=\"{path}\">\
             <input type=\"hidden\" name=\"oauth_token\" value=\"{token}\">\
             <input type=\"hidden\" name=\"authenticity_token\" value=\"{form_key}\">\
             <fieldset><legend>Account</legend>{accounts}</fieldset>\
             <p><button type=\"submit\" name=\"decision\" value=\"allow\" id=\"allow\">Allow</button> \
             <button type=\"submit\" name=\"decision\" value=\"refuse\" id=\"refuse\" formnovalidate>Refuse</button></p>\
             </form>"
        ),
    )
}

/// The answer.
fn decide(emulation: &Emulation, head: &Head, body: &[u8]) -> Reply {
    let now = Emulation::seconds(emulation.clock.now());
    let form = core::str::from_utf8(body).ok().and_then(|text| Form::read(text).ok());
    let Some(form) = form else { return void() };
    let token = form.get("oauth_token").unwrap_or_default();
    let mut grants = emulation.auth.grants();
    let Some(request) = grants.pending(token, now).cloned() else { return void() };
    if form.get("authenticity_token") != Some(&request.form_key) || head.is_from_elsewhere() {
        return notice(StatusCode::FORBIDDEN, "Not accepted", "This form did not come from this page.");
    }
    let decision = form.get("decision");
    if !matches!(decision, Some("allow" | "refuse")) {
        return notice(StatusCode::BAD_REQUEST, "No decision", "Go back and choose to allow or to refuse.");
    }
    if decision == Some("refuse") {
        grants.deny(token);
        if request.callback == "oob" {
            return notice(StatusCode::OK, "Refused", "The app was given nothing. You can close this page.");
        }
        return back(&request.callback, &format!("denied={}", percent::encode(token)));
    }
    let account = form.get("screen_name").and_then(|name| emulation.world.account(name));
    let Some(account) = account else {
        return notice(StatusCode::BAD_REQUEST, "No such account", "Go back and choose one of the accounts.");
    };
    let Some(verifier) = grants.approve(token, account.user_id) else { return void() };
    let verifier = verifier.expose();
    if request.callback == "oob" {
        return page(
            StatusCode::OK,
            "Your PIN",
            &format!(
                "<p>Enter this PIN in the app to go on as <strong>@{}</strong>:</p>\
                 <p><kbd aria-label=\"PIN\"><code id=\"pin\">{}</code></kbd></p>",
                escape(&account.screen_name),
                escape(verifier)
            ),
        );
    }
    back(
        &request.callback,
        &format!("oauth_token={}&oauth_verifier={}", percent::encode(token), percent::encode(verifier)),
    )
}

/// To the app's callback, with parameters added to its query.
fn back(callback: &str, added: &str) -> Reply {
    let (url, fragment) = match callback.split_once('#') {
        Some((url, fragment)) => (url, format!("#{fragment}")),
        None => (callback, String::new()),
    };
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let location = format!("{url}{joint}{added}{fragment}");
    notice(StatusCode::FOUND, "Going back", "The app goes on.").header(LOCATION, location)
}

/// A browser can be led here under any name that points to this machine; then the name is not one of ours.
fn is_own_name(emulation: &Emulation, head: &Head) -> bool {
    let Some(host) = Authority::parse(&head.host) else { return false };
    let is_public = emulation.public_url.as_deref().is_some_and(|url| {
        url.split_once("://")
            .is_some_and(|(_, rest)| rest.trim_end_matches('/').eq_ignore_ascii_case(&head.host))
    });
    host.is_loopback()
        || is_public
        || API_HOSTS.into_iter().any(|api| host.is_named(api))
        // Whoever opened the emulator to other machines knows under which names they call it.
        || !head.peer.ip().to_canonical().is_loopback()
}

fn void() -> Reply {
    notice(
        StatusCode::BAD_REQUEST,
        "This link is no longer good",
        "The request token is unknown, used or older than 15 minutes. Go back to the app and start again.",
    )
}

fn notice(status: StatusCode, title: &str, text: &str) -> Reply {
    page(status, title, &format!("<p>{}</p>", escape(text)))
}

fn page(status: StatusCode, title: &str, main: &str) -> Reply {
    let title = escape(title);
    Reply::html(
        status,
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title} – emulator</title>\
             <style>{STYLE}</style></head><body><main><h1>{title}</h1>{main}</main></body></html>"
        ),
    )
}

/// Text as HTML, also between double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            sign => escaped.push(sign),
        }
    }
    escaped
}

const STYLE: &str = "body{font:1.1em/1.5 sans-serif;margin:2em auto;max-width:32em;padding:0 1em;color:#111;\
                     background:#fff}button{font:inherit;padding:.4em 1.2em}code{font-size:2em;letter-spacing:.1em}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_text() {
        assert_eq!(escape("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }

    #[test]
    fn the_way_back_keeps_the_callbacks_own_query() {
        let location = |callback: &str| {
            let reply = back(callback, "denied=t");
            reply.headers.last().unwrap().1.to_str().unwrap().to_owned()
        };
        assert_eq!(location("http://localhost/"), "http://localhost/?denied=t");
        assert_eq!(location("http://localhost/?"), "http://localhost/?denied=t");
        assert_eq!(location("http://localhost/?a=b#c"), "http://localhost/?a=b&denied=t#c");
    }
}
