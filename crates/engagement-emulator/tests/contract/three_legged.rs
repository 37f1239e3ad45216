//! Sections 6.3 to 6.5: the host of the OAuth endpoints.

use base64::{Engine, engine::general_purpose::STANDARD};
use engagement_emulator::{Emulator, World};
use engagement_model::Endpoint;
use oauth_core::Credentials;
use serde_json::{Value, json};

use crate::client::{Answer, As, Call, builder, favorites, owned, start, started};

fn app() -> Credentials {
    As::App.credentials().unwrap()
}

async fn request_token(emulator: &Emulator, callback: &str) -> Answer {
    let call = Call::new("POST", "/oauth/request_token");
    // The closure cannot borrow the callback for longer than the request that it makes.
    let host = emulator.addr().to_string();
    let url = format!("http://{host}/oauth/request_token");
    let request = oauth_core::Request::new("POST", &url).callback(callback);
    let nonce = crate::client::nonce();
    let timestamp = oauth_core::Timestamp::new(emulator.now().as_second().unsigned_abs()).unwrap();
    let signed = oauth_core::sign(&request, &app(), oauth_core::Stamp { timestamp, nonce: &nonce }).unwrap();
    call.header("Authorization", signed.authorization()).send(emulator).await
}

fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect(page);
    rest.split('"').next().unwrap().to_owned()
}

async fn decide(emulator: &Emulator, token: &str, decision: &str) -> Answer {
    let page = Call::get(format!("/oauth/authorize?oauth_token={token}")).send(emulator).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let key = hidden(page.text(), "authenticity_token");
    let form =
        format!("oauth_token={token}&authenticity_token={key}&screen_name=demo_news&decision={decision}");
    Call::new("POST", "/oauth/authorize").form(&form).send(emulator).await
}

async fn access_token(emulator: &Emulator, token: &str, secret: &str, verifier: &str) -> Answer {
    Call::new("POST", "/oauth/access_token")
        .form(&format!("oauth_verifier={verifier}"))
        .signed_with(emulator, &app().with_token(token, secret), |request| request)
        .send(emulator)
        .await
}

fn code(answer: &Answer) -> (u16, u64) {
    (answer.status, answer.json()["errors"][0]["code"].as_u64().unwrap())
}

async fn verify_credentials(emulator: &Emulator, credentials: &Credentials) -> Answer {
    Call::get("/1.1/account/verify_credentials.json")
        .signed_with(emulator, credentials, |request| request)
        .send(emulator)
        .await
}

/// Rules: 6.3 D
#[tokio::test]
async fn documented_by_callback_from_request_to_access_token() {
    let emulator = start().await;
    let answer = request_token(&emulator, "http://127.0.0.1:8000/back?a=b").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(answer.form("oauth_callback_confirmed"), "true");
    let (token, secret) = (answer.form("oauth_token"), answer.form("oauth_token_secret"));

    let back = decide(&emulator, &token, "allow").await;
    assert_eq!(back.status, 302);
    let location = back.header("location").unwrap();
    let verifier = location
        .strip_prefix(&format!("http://127.0.0.1:8000/back?a=b&oauth_token={token}&oauth_verifier="))
        .unwrap();

    let granted = access_token(&emulator, &token, &secret, verifier).await;
    assert_eq!(granted.status, 200, "{}", granted.text());
    assert_eq!(
        (granted.form("user_id").as_str(), granted.form("screen_name").as_str()),
        ("2222", "demo_news")
    );
    assert!(granted.form("oauth_token").starts_with("2222-"));
    let user = app().with_token(granted.form("oauth_token"), granted.form("oauth_token_secret"));
    assert_eq!(verify_credentials(&emulator, &user).await.json()["screen_name"], "demo_news");

    // Once only.
    let again = access_token(&emulator, &token, &secret, verifier).await;
    assert_eq!(code(&again), (401, 89));
}

/// Rules: 6.3 D
#[tokio::test]
async fn documented_by_pin_of_seven_digits() {
    let emulator = start().await;
    let answer = request_token(&emulator, "oob").await;
    let (token, secret) = (answer.form("oauth_token"), answer.form("oauth_token_secret"));
    // Before anybody allowed it there is nothing to be had.
    assert_eq!(access_token(&emulator, &token, &secret, "0000000").await.status, 401);
    let page = decide(&emulator, &token, "allow").await;
    assert_eq!(page.status, 200);
    let (_, rest) = page.text().split_once("id=\"pin\">").unwrap();
    let pin = rest.split('<').next().unwrap();
    assert!(pin.len() == 7 && pin.bytes().all(|byte| byte.is_ascii_digit()), "{pin}");
    let wrong = if pin == "0000000" { "0000001" } else { "0000000" };
    assert_eq!(access_token(&emulator, &token, &secret, wrong).await.status, 401);
    assert_eq!(access_token(&emulator, &token, &secret, pin).await.status, 200);
}

/// Rules: 6.3 E
#[tokio::test]
async fn guess_five_wrong_pins_are_too_many() {
    let emulator = start().await;
    let answer = request_token(&emulator, "oob").await;
    let (token, secret) = (answer.form("oauth_token"), answer.form("oauth_token_secret"));
    let page = decide(&emulator, &token, "allow").await;
    let (_, rest) = page.text().split_once("id=\"pin\">").unwrap();
    let pin = rest.split('<').next().unwrap();
    for _ in 0..5 {
        assert_eq!(access_token(&emulator, &token, &secret, "x").await.status, 401);
    }
    assert_eq!(access_token(&emulator, &token, &secret, pin).await.status, 401);
}

/// Rules: 6.3 I
#[tokio::test]
async fn inferred_a_refusal_goes_back_as_denied() {
    let emulator = start().await;
    let token = request_token(&emulator, "http://localhost/").await.form("oauth_token");
    let back = decide(&emulator, &token, "refuse").await;
    assert_eq!(back.header("location"), Some(format!("http://localhost/?denied={token}").as_str()));
    assert_eq!(Call::get(format!("/oauth/authorize?oauth_token={token}")).send(&emulator).await.status, 400);
    let token = request_token(&emulator, "oob").await.form("oauth_token");
    let page = decide(&emulator, &token, "refuse").await;
    assert_eq!((page.status, page.header("location")), (200, None));
}

/// Rules: 6.3 E
#[tokio::test]
async fn guess_request_tokens_live_15_minutes() {
    let emulator = start().await;
    let begun = emulator.now().as_second();
    let page = async |token: &str| {
        Call::get(format!("/oauth/authorize?oauth_token={token}")).send(&emulator).await.status
    };
    let token = request_token(&emulator, "oob").await.form("oauth_token");
    emulator.freeze_clock(jiff::Timestamp::from_second(begun + 899).unwrap()).unwrap();
    assert_eq!(page(&token).await, 200);
    emulator.freeze_clock(jiff::Timestamp::from_second(begun + 900).unwrap()).unwrap();
    assert_eq!(page(&token).await, 400);
}

/// Rules: 6.3 D, 6.3 E
#[tokio::test]
async fn documented_signing_in_again_asks_no_more() {
    let emulator = start().await;
    let token = request_token(&emulator, "http://localhost/").await.form("oauth_token");
    let visit = async |page: &str, more: &str| {
        Call::get(format!("/oauth/{page}?oauth_token={token}&screen_name=demo_sport{more}"))
            .send(&emulator)
            .await
    };
    assert_eq!(visit("authorize", "").await.status, 200);
    assert_eq!(visit("authenticate", "&force_login=true").await.status, 200);
    // To look at the head alone is not to come back.
    let target = format!("/oauth/authenticate?oauth_token={token}&screen_name=demo_sport");
    let head = Call::new("HEAD", target).send(&emulator).await;
    assert_eq!((head.status, head.header("location")), (200, None));
    let back = visit("authenticate", "").await;
    assert_eq!(back.status, 302);
    assert!(back.header("location").unwrap().contains("oauth_verifier="));
}

/// Rules: 6.3 W, 6.3 E
#[tokio::test]
async fn seen_callbacks_are_approved_beforehand() {
    let emulator = start().await;
    for (callback, expected) in [
        ("http://localhost:1/x", 200),
        ("https://[::1]/", 200),
        ("oob", 200),
        ("https://example.com/", 403),
        ("http://localhost.example.com/", 403),
        ("http://localhost@example.com/", 403),
        ("http://localhost:1@example.com/", 403),
        ("http://localhost:1/x@example.com/", 200),
        ("http://localhost\\@example.com/", 403),
        ("http://localhost:1:2/", 403),
        ("http://localhost:99999/", 403),
        ("javascript://localhost/%0aalert(1)", 403),
        ("localhost", 403),
        ("", 403),
    ] {
        let answer = request_token(&emulator, callback).await;
        assert_eq!(answer.status, expected, "{callback:?}: {}", answer.text());
        if expected == 403 {
            assert!(
                answer.text().contains("<error code=\"415\">Callback URL not approved"),
                "{}",
                answer.text()
            );
        }
    }
    let world = |urls: &str| {
        World::from_toml(&format!(
            "[[app]]\napp_id = 1\nconsumer_key = \"demo-consumer-key\"\nconsumer_secret = \"demo-consumer-secret\"\n\
             callback_urls = {urls}"
        ))
        .unwrap()
    };
    let emulator = started(builder().world(world("[\"https://example.com/back\"]"))).await;
    assert_eq!(request_token(&emulator, "https://example.com/back?x=1").await.status, 200);
    assert_eq!(request_token(&emulator, "http://localhost/").await.status, 403);
    let emulator = started(builder().world(world("[]"))).await;
    let answer = request_token(&emulator, "http://localhost/").await;
    assert_eq!(answer.status, 401);
    assert!(answer.text().contains("Desktop applications only support the oauth_callback value 'oob'"));
}

/// Rules: 6.3 E
#[tokio::test]
async fn pages_take_forms_of_their_own_only() {
    let emulator = start().await;
    let token = request_token(&emulator, "oob").await.form("oauth_token");
    let page = Call::get(format!("/oauth/authorize?oauth_token={token}")).send(&emulator).await;
    for header in ["content-security-policy", "x-frame-options", "cache-control"] {
        assert!(page.header(header).is_some(), "{header}");
    }
    let key = hidden(page.text(), "authenticity_token");
    let form = |key: &str| {
        format!("oauth_token={token}&authenticity_token={key}&screen_name=demo_news&decision=allow")
    };
    let post = |form: &str| Call::new("POST", "/oauth/authorize").form(form);
    assert_eq!(post(&form("guess")).send(&emulator).await.status, 403);
    assert_eq!(post(&form(&key)).header("Origin", "http://evil.example").send(&emulator).await.status, 403);
    for decision in ["", "&decision=", "&decision=perhaps"] {
        let undecided = form(&key).replace("&decision=allow", decision);
        assert_eq!(post(&undecided).send(&emulator).await.status, 400, "{decision}");
    }
    let foreign = form(&key).replace("demo_news", "nobody");
    assert_eq!(post(&foreign).send(&emulator).await.status, 400);
    let rebound = Call::get(format!("/oauth/authorize?oauth_token={token}")).host("evil.example:80");
    assert_eq!(rebound.send(&emulator).await.status, 403);
    let odd = Call::get("/oauth/authorize?oauth_token=%3Cscript%3E").send(&emulator).await;
    assert_eq!(odd.status, 400);
    assert!(!odd.text().contains("<script"));
    let own = post(&form(&key)).header("Origin", format!("http://{}", emulator.addr())).send(&emulator).await;
    assert_eq!(own.status, 200);
}

fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(user))
}

async fn bearer(emulator: &Emulator) -> Value {
    Call::new("POST", "/oauth2/token")
        .header("Authorization", basic("demo-consumer-key:demo-consumer-secret"))
        .form("grant_type=client_credentials")
        .send(emulator)
        .await
        .json()
}

/// Rules: 6.4 D
#[tokio::test]
async fn documented_one_bearer_token_until_it_is_invalidated() {
    let emulator = start().await;
    let expected = json!({"token_type": "bearer", "access_token": "AAAAdemo%3Dtoken"});
    assert_eq!(bearer(&emulator).await, expected);
    assert_eq!(bearer(&emulator).await, expected);

    let invalidate = |form: &str| {
        Call::new("POST", "/oauth2/invalidate_token")
            .header("Authorization", basic("demo-consumer-key:demo-consumer-secret"))
            .form(form)
    };
    let answer = invalidate("access_token=AAAAdemo%253Dtoken").send(&emulator).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"access_token": "AAAAdemo%3Dtoken"})));
    let old = Call::post(Endpoint::Totals, &favorites(&[owned(&emulator)])).signed(&emulator, As::Bearer);
    assert_eq!(old.send(&emulator).await.status, 401);
    let shown = async || {
        Call::get("/_emulator/world").send(&emulator).await.json()["apps"][0]["bearer_token"].clone()
    };
    assert_eq!(shown().await, Value::Null);
    let again = invalidate("access_token=AAAAdemo%253Dtoken").send(&emulator).await;
    assert_eq!(code(&again), (403, 99));
    assert_eq!(again.json()["errors"][0]["label"], "authenticity_token_error");

    // The other way: in a user's context, the token in the query.
    let new = bearer(&emulator).await["access_token"].as_str().unwrap().to_owned();
    assert_ne!(new, "AAAAdemo%3Dtoken");
    assert_eq!(shown().await, json!(new));
    let path = format!("/oauth2/invalidate_token?access_token={}", oauth_core::percent::encode(&new));
    let answer = Call::new("POST", path).signed(&emulator, As::Brand).send(&emulator).await;
    assert_eq!(answer.json(), json!({"access_token": new}));
}

/// Rules: 6.4 D, 6.4 E
#[tokio::test]
async fn documented_a_bearer_token_is_for_those_who_know_the_keys() {
    let emulator = start().await;
    let ask = |authorization: String, form: &'static str| {
        Call::new("POST", "/oauth2/token").header("Authorization", authorization).form(form)
    };
    for (user, form) in [
        ("demo-consumer-key:wrong", "grant_type=client_credentials"),
        ("nobody:demo-consumer-secret", "grant_type=client_credentials"),
        ("demo-consumer-key", "grant_type=client_credentials"),
        ("demo-consumer-key:demo-consumer-secret", "grant_type=password"),
        ("demo-consumer-key:demo-consumer-secret", ""),
    ] {
        assert_eq!(code(&ask(basic(user), form).send(&emulator).await), (403, 99), "{user} {form}");
    }
    assert_eq!(
        code(&ask("Basic !".to_owned(), "grant_type=client_credentials").send(&emulator).await),
        (403, 99)
    );
    for asked in 0..60 {
        assert!(bearer(&emulator).await["access_token"].is_string(), "{asked}");
    }
    assert_eq!(bearer(&emulator).await["errors"][0]["code"], 99);
}

#[tokio::test]
async fn documented_a_user_takes_a_token_back_and_may_give_another() {
    let emulator = start().await;
    let brand = As::News.credentials().unwrap();
    let revoke = async || {
        Call::new("POST", "/1.1/oauth/invalidate_token.json")
            .signed_with(&emulator, &brand, |request| request)
            .send(&emulator)
            .await
    };
    assert_eq!(revoke().await.json(), json!({"access_token": "2222-demo-access-token"}));
    assert_eq!(code(&revoke().await), (401, 89));
    assert_eq!(code(&verify_credentials(&emulator, &brand).await), (401, 89));

    let answer = request_token(&emulator, "oob").await;
    let (token, secret) = (answer.form("oauth_token"), answer.form("oauth_token_secret"));
    let page = decide(&emulator, &token, "allow").await;
    let (_, rest) = page.text().split_once("id=\"pin\">").unwrap();
    let granted = access_token(&emulator, &token, &secret, rest.split('<').next().unwrap()).await;
    assert_ne!(granted.form("oauth_token"), "2222-demo-access-token");
    let user = app().with_token(granted.form("oauth_token"), granted.form("oauth_token_secret"));
    assert_eq!(verify_credentials(&emulator, &user).await.json()["id_str"], "2222");
}

/// Rules: 6.5 W, 6.5 E
#[tokio::test]
async fn section_6_5_seen_errors_have_codes() {
    let emulator = start().await;
    let path = "/1.1/account/verify_credentials.json";
    assert_eq!(code(&Call::get(path).send(&emulator).await), (400, 215));
    assert_eq!(code(&Call::get(path).header("Authorization", "OAuth x").send(&emulator).await), (400, 215));
    assert_eq!(code(&Call::get(path).signed(&emulator, As::Bearer).send(&emulator).await), (403, 220));
    assert_eq!(code(&Call::get(path).header("Authorization", "Bearer x").send(&emulator).await), (401, 89));
    assert_eq!(code(&Call::get(path).signed(&emulator, As::App).send(&emulator).await), (403, 220));
    let wrong = app().with_token("1111-demo-access-token", "wrong");
    assert_eq!(code(&verify_credentials(&emulator, &wrong).await), (401, 32));
    let unknown = Credentials::consumer("nobody", "secret");
    assert_eq!(code(&verify_credentials(&emulator, &unknown).await), (401, 32));
    let call = Call::get(path);
    let late = emulator.now().as_second().unsigned_abs() - 3_600;
    let header =
        call.authorization(&emulator, &As::Brand.credentials().unwrap(), late, "late", |request| request);
    let answer = call.header("Authorization", header).send(&emulator).await;
    assert_eq!(code(&answer), (401, 135));
    assert_eq!(answer.json()["errors"][0]["message"], "Timestamp out of bounds");
    let missing = Call::new("POST", "/oauth/request_token").signed(&emulator, As::App).send(&emulator).await;
    assert_eq!(code(&missing), (400, 215));
}
