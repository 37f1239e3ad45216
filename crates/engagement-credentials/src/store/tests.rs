use std::{fs, path::PathBuf, sync::atomic::AtomicU32};

use super::*;
use crate::holdings::{Account, Checked, Consumer, Finding};

/// A folder of one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("engagement-store-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> Store {
        Store::at(self.0.join("below/credentials.toml"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn holdings() -> Holdings {
    let at = "2026-11-25T10:00:00Z".parse().unwrap();
    let mut account = Account::new("1111-t\"\\\u{1}é", "ts").with_handle("demo_brand");
    account.checked = Some(Checked { at, found: Finding::RevokedToken });
    Holdings {
        consumer: Some(Consumer { key: "k".into(), secret: "s\n".into() }),
        bearer: Some("AAAA%3D".into()),
        checked: Some(Checked { at, found: Finding::Good }),
        accounts: vec![account, Account::new("2222-t", "us")],
    }
}

#[test]
fn what_is_kept_comes_back() {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.holdings("default").unwrap(), None);
    assert_eq!(store.profiles().unwrap(), [""; 0]);
    for profile in ["default", "a \"b\".c"] {
        store.change(profile, |held| *held = holdings()).unwrap();
        let (origin, held) = store.holdings(profile).unwrap().unwrap();
        assert_eq!(origin, Origin::File(store.path().to_owned()));
        assert!(held == holdings(), "{held:?}");
    }
    assert_eq!(store.profiles().unwrap(), ["a \"b\".c", "default"]);
    store.change("default", |held| *held = Holdings::default()).unwrap();
    assert_eq!(store.profiles().unwrap(), ["a \"b\".c"]);
}

#[test]
fn changes_of_many_at_once_are_all_kept() {
    let folder = Folder::new();
    let store = folder.store();
    std::thread::scope(|scope| {
        for user in 1..=16 {
            let store = store.clone();
            scope.spawn(move || {
                store.change("default", |held| held.put(Account::new(format!("{user}-t"), "s"))).unwrap();
            });
        }
    });
    assert_eq!(store.holdings("default").unwrap().unwrap().1.accounts.len(), 16);
    let names: Vec<_> = fs::read_dir(store.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".credentials.toml.lock")
        .collect();
    assert_eq!(names, ["credentials.toml"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn kept() -> (Folder, Store) {
        let folder = Folder::new();
        let store = folder.store();
        store.change("default", |held| *held = holdings()).unwrap();
        (folder, store)
    }

    #[test]
    fn the_file_is_the_users_alone() {
        let (_folder, store) = kept();
        assert_eq!(fs::metadata(store.path()).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(store.path().parent().unwrap()).unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn a_folder_is_private_as_far_as_it_is_made_for_it() {
        let folder = Folder::new();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
        let store = Store::at(folder.0.join("a/b/credentials.toml"));
        store.change("default", |held| *held = holdings()).unwrap();
        assert_eq!(mode(&folder.0), 0o755);
        for made in ["a", "a/b"] {
            assert_eq!(mode(&folder.0.join(made)), 0o700, "{made}");
        }
        assert_eq!(mode(&folder.0.join("a/b/.credentials.toml.lock")), 0o600);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_folder, store) = kept();
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o601, 0o610] {
            fs::set_permissions(store.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = store.holdings("default").unwrap_err();
            assert!(matches!(&error, StoreError::Exposed { mode: found, .. } if *found == mode), "{error}");
            assert!(store.change("default", |held| held.bearer = None).is_err());
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(store.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(store.holdings("default").unwrap().is_some());
        }
    }

    #[test]
    fn a_link_is_refused_and_not_replaced() {
        let (folder, store) = kept();
        let elsewhere = folder.0.join("elsewhere.toml");
        fs::rename(store.path(), &elsewhere).unwrap();
        for target in [elsewhere, folder.0.join("nowhere")] {
            let _ = fs::remove_file(store.path());
            symlink(target, store.path()).unwrap();
            assert!(matches!(store.holdings("default"), Err(StoreError::Link { .. })));
            assert!(matches!(store.prepare("default"), Err(StoreError::Link { .. })));
            assert!(matches!(store.change("x", |held| *held = holdings()), Err(StoreError::Link { .. })));
            assert!(fs::symlink_metadata(store.path()).unwrap().file_type().is_symlink());
        }
    }

    #[test]
    fn a_folder_or_a_pipe_is_refused_without_waiting() {
        let folder = Folder::new();
        let store = folder.store();
        fs::create_dir_all(store.path()).unwrap();
        assert!(store.holdings("default").is_err());
        fs::remove_dir(store.path()).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg("-m600").arg(store.path()).status();
        if pipe.is_ok_and(|status| status.success()) {
            assert!(matches!(store.holdings("default"), Err(StoreError::NoFile { .. })));
        }
    }
}

#[test]
fn a_broken_file_is_named_by_its_line_and_shows_nothing() {
    let folder = Folder::new();
    let store = folder.store();
    fs::create_dir_all(store.path().parent().unwrap()).unwrap();
    for (text, wanted) in [
        ("[profiles.a]\nconsumer_key = canary\n", "line 2 is not as it should be"),
        ("[profiles.a]\nconsumer_key = 12345678\n", "a value that is not between quotes"),
        ("[profiles.a]\ncanary = \"x\"\n", "a name that has no meaning"),
        ("[profiles.a]\nbearer_token = \"x\"\nbearer_token = \"canary\"\n", "line 3"),
        ("[[profiles.a.accounts]]\naccess_token = \"canary\"\n", "access_token_secret"),
        ("[profiles.a]\nconsumer_key = \"canary\"\n", "consumer_secret is not"),
        ("[profiles.a]\nkept_in = \"canary\"\n", "kept_in"),
        ("[profiles.a]\nchecked_at = \"canary\"\n", "line 2"),
        ("canary", "line 1"),
    ] {
        fs::write(store.path(), text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(store.path(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let error = store.holdings("a").unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(wanted), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("12345678"), "{shown}");
    }
}

#[cfg(not(feature = "keyring"))]
#[test]
fn a_profile_in_a_keyring_that_is_not_built_in_is_named() {
    let folder = Folder::new();
    let store = folder.store();
    store.change("other", |held| *held = holdings()).unwrap();
    let text = fs::read_to_string(store.path()).unwrap();
    fs::write(store.path(), format!("{text}\n[profiles.default]\nkept_in = \"keyring\"\n")).unwrap();
    let error = store.holdings("default").unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("built without"), "{error}: {cause}");
    assert!(store.holdings("other").unwrap().is_some());
}
