//! An export that is killed: this very test program again, as a process of its own.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use engagement_export::Dataset;
use engagement_model::{UtcHour, Window};

use crate::{
    dataset::Folder,
    world::{count, total},
};

/// What the process does that is to be killed: an export without an end.
#[test]
fn exports_without_end_when_told_to() {
    let Some(place) = env::var_os(PLACE).map(PathBuf::from) else { return };
    let mut dataset = Dataset::open(place).unwrap();
    let mut series = dataset.series();
    let first = UtcHour::containing("2024-01-01T00:00:00Z".parse().unwrap());
    for day in 0.. {
        let mut next = count(20, "2024-01-01T00", 1);
        next.row.bucket = Some(Window::hour(first.plus(24 * day)));
        series.write(&next.fact()).unwrap();
    }
}

#[test]
fn a_killed_export_leaves_nothing_in_sight() {
    let folder = Folder::new();
    for _ in 0..3 {
        kill_midway(&folder);
        assert_eq!(folder.paths(), ["_engagement/dataset.json", "_engagement/lock"]);
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(dataset.last_commit().unwrap(), None);
    }
}

#[test]
fn a_killed_export_leaves_an_earlier_one_as_it_is() {
    let folder = Folder::new();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut series = dataset.series();
    series.write(&count(20, "2024-02-02T00", 1_000_000).fact()).unwrap();
    series.finish().unwrap();
    let mut totals = dataset.totals();
    totals.write(&total(20, "2024-02-02T00:00:00Z", 7).fact()).unwrap();
    totals.finish().unwrap();
    dataset.commit("2024-03-06T12:00:00Z".parse().unwrap()).unwrap();
    let before = folder.contents();
    kill_midway(&folder);
    assert_eq!(folder.contents(), before);
}

/// Starts an endless export, and kills it when it has finished a file.
fn kill_midway(folder: &Folder) {
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::exports_without_end_when_told_to"])
        .env(PLACE, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let staging = folder.path().join("_engagement/staging/series");
    let begun = Instant::now();
    while fs::read_dir(&staging).map_or(0, Iterator::count) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the export does not begin");
        thread::sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(staging.exists());
}

const PLACE: &str = "ENDLESS_EXPORT";
