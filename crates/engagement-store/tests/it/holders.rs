//! One collector at a time.

use engagement_store::ErrorKind;

use crate::fixture::{Fixture, later, now};

#[test]
fn a_second_collector_is_told_who_the_first_is() {
    let fixture = Fixture::new();
    let first = fixture.collector();
    let error = fixture.store.collector(later(5)).unwrap_err();
    let ErrorKind::Busy { holder: Some(holder) } = error.kind() else { panic!("{error}") };
    assert_eq!(holder.pid, std::process::id());
    assert_eq!(holder.since, now());
    assert!(!holder.host.is_empty());
    assert!(error.to_string().contains(&format!("process {} on ", holder.pid)), "{error}");
    drop(first);
    assert_eq!(fixture.store.collector(later(6)).unwrap().deserter(), None);
}

#[test]
fn two_names_of_one_file_are_one_store() {
    let fixture = Fixture::new();
    let other = fixture.path.with_file_name("other.db");
    std::os::unix::fs::symlink(&fixture.path, &other).unwrap();
    let _first = fixture.collector();
    let second = engagement_store::Store::create(&other, now()).unwrap().collector(now());
    assert!(matches!(second.unwrap_err().kind(), ErrorKind::Busy { .. }));
}

#[test]
fn readers_are_not_kept_out() {
    let fixture = Fixture::new();
    let _collector = fixture.collector();
    assert_eq!(fixture.store.reader().unwrap().jobs().unwrap(), []);
}
