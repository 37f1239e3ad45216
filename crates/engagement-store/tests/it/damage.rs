//! Files that are no store, or not any more, and places where none can be.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use engagement_store::{ErrorKind, Store};

use crate::fixture::{Fixture, ids, job, later, now};

fn kind(path: &Path) -> ErrorKind {
    Store::create(path, now()).unwrap_err().kind().clone()
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let fixture = Fixture::new();
    let text = fixture.path.with_file_name("ids.txt");
    let words = "1763000000000000001\n".repeat(100);
    fs::write(&text, &words).unwrap();
    assert_eq!(kind(&text), ErrorKind::NotAStore);
    assert_eq!(fs::read_to_string(&text).unwrap(), words);

    let other = fixture.path.with_file_name("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("create table tweets(a)").unwrap();
    let bytes = fs::read(&other).unwrap();
    assert_eq!(kind(&other), ErrorKind::NotAStore);
    assert_eq!(fs::read(&other).unwrap(), bytes);

    assert_eq!(kind(fixture.path.parent().unwrap()), ErrorKind::NotAStore);
    let error = Store::create(&text, now()).unwrap_err();
    assert!(error.to_string().ends_with("ids.txt is no store of engagement data"), "{error}");
    assert_eq!(error.remedy(), "choose another path: the file was not touched");
    // What SQLite says is said once.
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "file is not a database");
    assert!(cause.source().is_none());
}

#[test]
fn what_is_not_there_is_made_only_when_told() {
    let fixture = Fixture::new();
    let path = fixture.path.with_file_name("new.db");
    assert_eq!(*Store::open(&path, now()).unwrap_err().kind(), ErrorKind::Missing);
    assert!(!path.exists());
    Store::create(&path, now()).unwrap();
    Store::open(&path, now()).unwrap();
    assert_eq!(kind(&fixture.path.with_file_name("no").join("folder.db")), ErrorKind::NoFolder);
    // An empty file is what a crash can leave of a first try.
    let empty = fixture.path.with_file_name("empty.db");
    fs::write(&empty, "").unwrap();
    assert_eq!(*Store::open(&empty, now()).unwrap_err().kind(), ErrorKind::NotAStore);
    Store::create(&empty, now()).unwrap();
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let fixture = Fixture::new();
    let connection = rusqlite::Connection::open(&fixture.path).unwrap();
    connection.execute("insert into schema_version(version, since) values (99, 0)", []).unwrap();
    drop(connection);
    let bytes = fs::read(&fixture.path).unwrap();
    let error = Store::create(&fixture.path, now()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Newer { found: 99, known: 1 });
    assert!(error.to_string().ends_with("has version 99, and this program knows 1 at most"), "{error}");
    assert_eq!(error.remedy(), "use the newer version of this program");
    assert!(Store::open(&fixture.path, now()).is_err());
    assert_eq!(fs::read(&fixture.path).unwrap(), bytes);
}

#[test]
fn damage_is_called_damage() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    job(&mut collector, engagement_model::Endpoint::Totals, &vec![ids(0..200); 40]);
    drop(collector);
    let whole = fs::read(&fixture.path).unwrap();
    let mut spoilt = whole.clone();
    spoilt[4_096..].fill(0x5a);
    fs::write(&fixture.path, spoilt).unwrap();
    let found = Store::open(&fixture.path, now()).and_then(|store| store.reader()?.jobs());
    assert_eq!(*found.unwrap_err().kind(), ErrorKind::Corrupt);
    fs::write(&fixture.path, &whole[..whole.len() / 2]).unwrap();
    let found = Store::open(&fixture.path, now()).and_then(|store| store.collector(now())).map(drop);
    assert_eq!(*found.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_page_that_is_damaged_is_found_by_looking_and_before_going_on_after_a_crash() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    job(&mut collector, engagement_model::Endpoint::Totals, &vec![ids(0..200); 40]);
    let lock = beside(&fixture.path, "-lock");
    let holder = fs::read(&lock).unwrap();
    collector.close().unwrap();
    fixture.store.reader().unwrap().check().unwrap();

    let mut bytes = fs::read(&fixture.path).unwrap();
    let last = bytes.len() - 4_096;
    bytes[last..].fill(0x5a);
    fs::write(&fixture.path, &bytes).unwrap();
    let found = fixture.store.reader().unwrap().check().unwrap_err();
    assert_eq!(*found.kind(), ErrorKind::Corrupt);
    // As it is when the one before was killed.
    fs::write(&lock, holder).unwrap();
    for again in [1, 2] {
        let found = fixture.store.collector(later(again)).unwrap_err();
        assert_eq!(*found.kind(), ErrorKind::Corrupt);
    }
    assert_eq!(fs::read(&fixture.path).unwrap(), bytes);
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[test]
fn a_log_that_cannot_be_read_is_named() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    job(&mut collector, engagement_model::Endpoint::Totals, &[ids([1])]);
    let folder = fixture.path.with_file_name("copy");
    fs::create_dir(&folder).unwrap();
    let copy = folder.join("store.db");
    for suffix in ["", "-wal"] {
        fs::copy(beside(&fixture.path, suffix), beside(&copy, suffix)).unwrap();
    }
    let shut = Shut::new(&copy);
    if fs::File::create(folder.join("probe")).is_ok() {
        drop(shut);
        return again_as_nobody("damage::a_log_that_cannot_be_read_is_named");
    }
    let error = Store::open(&copy, now()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LogUnreadable, "{error}");
    assert!(error.remedy().contains("make its folder writable"));
    drop(shut);
    Store::open(&copy, now()).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_can_be_read() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, engagement_model::Endpoint::Totals, &[ids([1])]);
    drop(collector);
    let _shut = Shut::new(&fixture.path);
    if fs::File::create(fixture.path.with_file_name("probe")).is_ok() {
        return again_as_nobody("damage::a_store_that_cannot_be_written_can_be_read");
    }
    let store = Store::open(&fixture.path, now()).unwrap();
    assert_eq!(store.reader().unwrap().job(job).unwrap().tweets, 1);
    let error = store.collector(later(1)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::ReadOnly);
    assert_eq!(error.remedy(), "make the file and its folder writable, or choose another place");
    assert_eq!(kind(&fixture.path.with_file_name("new.db")), ErrorKind::ReadOnly);
}

/// The superuser may write anywhere, and would see nothing.
fn again_as_nobody(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("it");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let ran = Command::new("setpriv").args(nobody).arg(&program).args(["--exact", test]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"));
}

/// A folder that is read-only for a while.
struct Shut<'a>(&'a Path);

impl<'a> Shut<'a> {
    fn new(store: &'a Path) -> Self {
        let shut = Self(store);
        shut.set(0o444, 0o555);
        shut
    }

    fn set(&self, file: u32, folder: u32) {
        let _ = fs::set_permissions(self.0, fs::Permissions::from_mode(file));
        let _ = fs::set_permissions(self.0.parent().unwrap(), fs::Permissions::from_mode(folder));
    }
}

impl Drop for Shut<'_> {
    fn drop(&mut self) {
        self.set(0o644, 0o755);
    }
}
