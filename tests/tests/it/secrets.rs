//! What must not be seen, in memory and in `Debug`.

use std::{
    fmt::Debug,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

use engagement::{
    Account, App, Client,
    oauth_core::{
        Credentials, Secret,
        app_only::{self, BearerToken},
        three_legged::{AccessToken, TemporaryToken},
    },
    transport::{Authorization, Signing},
};

/// `Debug` in both its forms.
fn shown(value: &dyn Debug) -> String {
    format!("{value:?} {value:#?}")
}

#[test]
fn no_debug_shows_a_secret() {
    let app = App::consumer("canary-key", "canary-secret").with_bearer("canary-bearer");
    let account = Account::new("1111-canary-token", "canary-token-secret");
    let credentials =
        Credentials::consumer("canary-key", "canary-secret").with_token("canary-token", "canary-secret");
    let url = "https://api.twitter.com/oauth2/token";
    let builder = Client::builder().app(app.clone()).account(account.clone());
    let asked = "oauth_token=canary-t&oauth_token_secret=canary-s&oauth_callback_confirmed=true";
    let granted = "oauth_token=1-canary&oauth_token_secret=canary-s";
    let values: [&dyn Debug; 13] = [
        &app,
        &account,
        &Secret::from("canary"),
        &credentials,
        &BearerToken::new("canary").unwrap(),
        &app_only::token_request(url, &credentials),
        &TemporaryToken::parse(asked).unwrap(),
        &AccessToken::parse(granted).unwrap(),
        &Authorization::Bearer("canary".into()),
        &Authorization::Header("canary".into()),
        &Signing::with_verifier(&credentials, "canary"),
        &builder,
        &Client::builder().app(app.clone()).account(account.clone()).build().unwrap(),
    ];
    for value in values {
        let shown = shown(value);
        assert!(!shown.contains("canary"), "{shown}");
    }
}

/// The system shows a process its own memory as a file, so that nothing unsafe is needed to look at what was freed.
#[cfg(target_os = "linux")]
#[test]
fn a_secret_that_is_dropped_is_wiped() {
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut at = |place: u64, length: usize| {
        let mut bytes = vec![0; length];
        memory.seek(SeekFrom::Start(place)).unwrap();
        // Memory that was given back to the system has nothing in it.
        memory.read_exact(&mut bytes).map(|()| bytes).unwrap_or_default()
    };
    let text = "canary".repeat(40);
    let places = |secrets: &[&Secret]| -> Vec<u64> {
        secrets.iter().map(|secret| secret.expose().as_ptr().addr() as u64).collect()
    };
    let secret = Secret::from(text.as_str());
    let bearer = BearerToken::new(text.as_str()).unwrap();
    let credentials = Credentials::consumer("key", text.as_str()).with_token(text.as_str(), text.as_str());
    let places = places(&[&secret, bearer.secret(), credentials.token().unwrap()]);
    for place in &places {
        assert_eq!(at(*place, text.len()), text.as_bytes());
    }
    drop((secret, bearer, credentials));
    for place in places {
        let left = at(place, text.len());
        assert!(!left.windows(6).any(|cut| cut == b"canary"), "{}", String::from_utf8_lossy(&left));
    }
}
