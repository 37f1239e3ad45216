//! The tour.

use crate::engagement::Folder;

#[test]
fn the_tour_shows_every_command_and_can_be_taken_twice() {
    let folder = Folder::new();
    for _ in 0..2 {
        let done = folder.engagement("demo --dir kept").run().ends(0);
        for command in [
            "totals",
            "28hr",
            "historical",
            "ids",
            "collect",
            "jobs",
            "top",
            "usage",
            "export",
            "request",
            "doctor",
        ] {
            let shown = format!("$ engagement --profile emulator {command} ");
            assert!(done.stdout.contains(&shown), "{command} is not in: {}", done.stdout);
        }
        assert!(done.stdout.contains("demo_brand"), "{}", done.stdout);
    }
    let rows = folder.read("kept/totals.csv");
    assert!(
        rows.starts_with("tweet_id,metric,") && rows.lines().count() > 600,
        "{} lines",
        rows.lines().count()
    );
    assert_eq!(folder.read("kept/clean.txt").lines().count(), 600);
}

#[test]
fn nothing_is_left_of_a_tour_that_is_not_kept() {
    let folder = Folder::new();
    folder.engagement("demo").env("TMPDIR", folder.path()).run().ends(0);
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn a_passing_tour_is_private_and_its_folder_nobodys_guess() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let mut places = Vec::new();
    for _ in 0..2 {
        let mut tour = folder.engagement("demo").env("TMPDIR", folder.path()).spawn();
        let begun = std::time::Instant::now();
        let name = loop {
            match folder.names().pop() {
                Some(name) => break name,
                None => assert!(begun.elapsed().as_secs() < 60, "the tour makes no folder"),
            }
            std::thread::yield_now();
        };
        let mode = std::fs::metadata(folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(!name.contains(&tour.id().to_string()), "{name}");
        places.push(name);
        tour.kill().unwrap();
        tour.wait().unwrap();
        std::fs::remove_dir_all(folder.path().join(places.last().unwrap())).unwrap();
    }
    assert_ne!(places[0], places[1]);
}
