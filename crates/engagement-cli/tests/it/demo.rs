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
