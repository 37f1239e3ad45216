//! A keyring that is there, and one that is not. `cargo xtask test` runs this in a session that has an empty one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use engagement_credentials::{
    Account, Consumer, Holdings, Origin,
    store::{Keeper, Store, StoreError},
};

fn store(name: &str) -> Store {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("keyring-{}-{name}", std::process::id()));
    Store::at(folder.join("credentials.toml"))
}

fn holdings() -> Holdings {
    Holdings {
        consumer: Some(Consumer { key: "canary-key".into(), secret: "canary-secret".into() }),
        accounts: vec![Account::new("1111-canary", "canary \"é\" secret").with_handle("demo_brand")],
        ..Holdings::default()
    }
}

/// The keyring's own words.
fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

fn clean(store: &Store) {
    fs::remove_dir_all(store.path().parent().unwrap()).unwrap();
}

#[test]
fn a_keyring_that_is_there_keeps_the_secrets() {
    let store = store("kept");
    let profile = format!("kept {}", std::process::id());
    assert_eq!(store.prepare(&profile).unwrap(), Keeper::Keyring);
    store.change(&profile, |held| *held = holdings()).unwrap();
    let text = fs::read_to_string(store.path()).unwrap();
    assert!(!text.contains("canary") && text.contains(&profile), "{text}");
    let (origin, held) = store.holdings(&profile).unwrap().unwrap();
    assert!(origin == Origin::Keyring && held == holdings());
    // More of the same profile goes where the rest is.
    store.change(&profile, |held| held.put(Account::new("2222-canary", "s"))).unwrap();
    assert_eq!(store.holdings(&profile).unwrap().unwrap().1.accounts.len(), 2);
    assert_eq!(store.prepare(&profile).unwrap(), Keeper::Keyring);
    // What is gone is gone from both places.
    let marker = fs::read(store.path()).unwrap();
    store.change(&profile, |held| *held = Holdings::default()).unwrap();
    assert_eq!(store.profiles().unwrap(), [""; 0]);
    fs::write(store.path(), marker).unwrap();
    let error = cause(&store.holdings(&profile).unwrap_err());
    assert!(error.contains("has no credentials of the profile"), "{error}");
    clean(&store);
}

#[test]
fn a_keyring_that_is_not_there_is_found_out_before_anything_is_kept() {
    let name = format!("away {}", std::process::id());
    let Some(path) = env::var_os(ALONE) else {
        let store = store("away");
        store.change(&name, |held| *held = holdings()).unwrap();
        // A process has one session bus, so the one without is another process.
        let alone = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_keyring_that_is_not_there_is_found_out_before_anything_is_kept"])
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env(ALONE, store.path())
            .output()
            .unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stdout));
        // It has taken nothing away.
        assert!(store.holdings(&name).unwrap().unwrap().1 == holdings());
        store.change(&name, |held| *held = Holdings::default()).unwrap();
        return clean(&store);
    };
    let store = Store::at(PathBuf::from(path));
    // Who is in the keyring is not in the file because the keyring is locked.
    let [kept] = &store.profiles().unwrap()[..] else { unreachable!("one profile") };
    for error in [
        store.holdings(kept).unwrap_err(),
        store.prepare(kept).unwrap_err(),
        store.change(kept, |held| *held = holdings()).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Keyring { .. }), "{error:?}");
        assert!(
            cause(&error).contains("the keyring does not open") && !format!("{error:?}").contains("canary")
        );
    }
    // And who begins now is kept in the file.
    assert_eq!(store.prepare("new").unwrap(), Keeper::File);
    store.change("new", |held| *held = holdings()).unwrap();
    let (origin, held) = store.holdings("new").unwrap().unwrap();
    assert!(origin == Origin::File(store.path().to_owned()) && held == holdings());
    store.change("new", |held| *held = Holdings::default()).unwrap();
}

/// Where the credentials are, for the process without a keyring.
const ALONE: &str = "KEYRING_AWAY_FROM";
