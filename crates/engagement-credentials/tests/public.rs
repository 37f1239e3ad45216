//! No public type shows or serialises what it holds.

use std::fmt::{Debug, Display};

use engagement_credentials::{
    Account, Checked, Consumer, Errand, Finding, Found, Holdings, Origin, Proof, Reply, Sources,
    SourcesError,
    callback::{Callback, CallbackError},
    check::{self, Identity, Revoked, Trouble},
    command::{Command, CommandError, Stop},
    entry::{self, Bare, Entry, EntryError},
    environment::{Environment, EnvironmentError},
    import::{Client, Import, ImportError},
    login::{Asked, Login, LoginError},
    store::{Done, Flaw, Keeper, KeyringError, Store, StoreError},
};
use oauth_core::{Credentials, Secret};

/// Compiles only for types that cannot be serialised: for any other there are two ways to call `check`.
macro_rules! cannot_be_serialised {
    ($($type:ty),* $(,)?) => {
        $({
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Serialised;
            impl<T: ?Sized + serde::Serialize> Ambiguous<Serialised> for T {}
            <$type as Ambiguous<_>>::check();
        })*
    };
}

#[test]
fn nothing_can_be_serialised() {
    cannot_be_serialised!(
        Account,
        Asked,
        Bare,
        Callback,
        CallbackError,
        Checked,
        Client,
        Command,
        CommandError,
        Consumer,
        Done,
        Entry,
        EntryError,
        Environment,
        EnvironmentError,
        Errand,
        Finding,
        Flaw,
        Found,
        Holdings,
        Identity,
        Import,
        ImportError,
        Keeper,
        KeyringError,
        Login,
        LoginError,
        Origin,
        Proof,
        Reply,
        Revoked,
        Sources,
        SourcesError,
        Stop,
        Store,
        StoreError,
        Trouble,
    );
}

/// `Debug` in both its forms.
fn debug(value: &dyn Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn display(value: &dyn Display) -> String {
    value.to_string()
}

#[tokio::test]
async fn nothing_shows_what_it_holds() {
    let app = entry::read("canary-key canary-secret", Bare::App).unwrap().holdings;
    let mut holdings =
        entry::read("demo 1-canary-token canary-token-secret", Bare::Accounts).unwrap().holdings;
    holdings.consumer = app.consumer;
    holdings.bearer = Some("canary-bearer".into());
    let consumer = holdings.consumer.clone().unwrap();
    let account = holdings.accounts[0].clone();
    let environment = Environment { holdings: holdings.clone(), warnings: Vec::new() };
    let mut found = Found::default();
    found.add(Origin::Environment, holdings.clone());
    let command = Command::shell("echo canary-command");
    let store = Store::at("credentials.toml");
    let profile = "default".to_owned();
    let sources = Sources { environment: environment.clone(), command: None, store: Some(store), profile };
    let credentials =
        Credentials::consumer("key", "canary-secret").with_token("canary-token", "canary-secret");
    let reply = |status, body: &str| Reply { status, body: body.as_bytes().to_vec(), clock_ahead: Some(0) };
    let granted =
        reply(200, "oauth_token=canary-t&oauth_token_secret=canary-s&oauth_callback_confirmed=true");
    let login = Login::new(consumer.clone(), "https://api.twitter.com", None);
    let asked = login.clone().granted(&granted).unwrap();
    let verifier = Secret::from("canary-verifier");
    let strange = check::bearer(&reply(200, "canary")).unwrap_err();
    let refused = asked.account(&reply(200, "oauth_token=canary"), std::time::Duration::ZERO).unwrap_err();
    let import = Client::Env.read("TWITTER_BEARER_TOKEN=canary").unwrap();
    let entry = entry::read("bearer_token=canary", Bare::App).unwrap();
    let shown = [
        debug(&entry),
        debug(&holdings),
        debug(&consumer),
        debug(&account),
        debug(&environment),
        debug(&found),
        debug(&sources),
        debug(&reply(200, "canary")),
        debug(&login),
        debug(&asked),
        debug(&asked.exchange(&verifier)),
        debug(&login.errand()),
        debug(&Errand::bearer_token("https://api.twitter.com", &consumer)),
        debug(&Errand::verify("https://api.twitter.com", credentials.clone())),
        debug(&Errand::revoke("https://api.twitter.com", credentials.clone())),
        debug(&Errand::json("https://api.twitter.com".into(), Proof::Header("canary".into()), "canary")),
        debug(&Proof::Signature(credentials.clone())),
        debug(&Proof::WithCallback(credentials.clone(), "canary".into())),
        debug(&Proof::WithVerifier(credentials, verifier)),
        debug(&import),
        debug(&strange),
        display(&strange),
        debug(&refused),
        display(&refused),
    ]
    .concat();
    assert!(!shown.contains("canary"), "{shown}");
    // A command line is the user's own, from a file that others may read; what it prints is not in it.
    assert!(debug(&command).contains("echo"));
    let callback = Callback::listen("http://127.0.0.1:0/callback").await.unwrap();
    let url = callback.url();
    let state = url.rsplit('=').next().unwrap();
    assert!(!debug(&callback).contains(state));
}
