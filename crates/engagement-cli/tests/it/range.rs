//! `--start` and `--end`.

use jiff::{
    Span,
    civil::{Date, Weekday},
};

use crate::{
    engagement::{Folder, today},
    server::Server,
};

#[test]
fn times_in_every_form() {
    let folder = Folder::new();
    let run = |words: &str| {
        folder
            .engagement("historical 20 --ask-anyway --dry-run --as a --metrics impressions")
            .args(words.split(' '))
            .run()
    };
    run("--start 2026-03-01 --end 2026-03-02").ends(0);
    run("--start 2026-03-01T00:00:00Z --end 2026-03-02T02:00:00+02:00").ends(0);
    let whole = run("--start 2026-03-01 --end 2026-03-02").ends(0);
    assert!(!whole.stderr.contains("widened"), "{}", whole.stderr);
    run("--start 2026-03-01T10:15:00Z --end 2026-03-01T11:45:00Z").ends(0).says(&[
        "widened to whole hours",
        "2026-03-01T10:00:00Z",
        "2026-03-01T12:00:00Z",
    ]);
    run("--start 7d").ends(0).says(&["widened to whole hours"]);
    run("--start 36h --end 12h").ends(0);

    for bad in ["yesterday", "2026-02-30", "7y", "-7d", "1"] {
        run(&format!("--start={bad}")).ends(2).prints_nothing();
    }
    run("--end 7d").ends(2).prints_nothing().says(&["--start"]);
}

#[test]
fn ranges_that_the_api_refuses_are_refused_here() {
    let folder = Folder::new();
    let run = |start: &str, end: &str| {
        folder
            .engagement("historical 20 --metrics impressions --app --start")
            .args([start, "--end", end])
            .env("ENGAGEMENT_CONSUMER_KEY", "k")
            .env("ENGAGEMENT_CONSUMER_SECRET", "s")
            .env("ENGAGEMENT_BASE_URL", "http://127.0.0.1:9")
            .run()
            .ends(2)
            .prints_nothing()
    };
    run("2026-03-01", "2099-01-01").says(&["future"]);
    run("2014-08-31", "2014-09-02").says(&["2014-09-01"]);
    run("2026-03-02", "2026-03-01").says(&["2026-03-02T00:00:00Z does not lie before 2026-03-01T00:00:00Z"]);
    run("2026-03-02", "2026-03-02").says(&["2026-03-02T00:00:00Z does not lie before 2026-03-02T00:00:00Z"]);
}

#[test]
fn far_back_is_warned_of_and_sent() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("over1800");
    folder
        .engagement("historical --metrics impressions --by total --start 2024-03-01 --end 2024-03-02")
        .arg(&id)
        .brand(&server)
        .run()
        .ends(3)
        .says(&["warning", "365 days"]);
    assert_eq!(server.requests(), 1);
}

/// Over a night in which the clocks of Europe change.
#[test]
fn the_time_zone_of_the_machine_does_not_matter() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("over1800", 2);
    let is_last_sunday_of_march_or_october =
        |day: &Date| day.weekday() == Weekday::Sunday && matches!(day.month(), 3 | 10) && day.day() > 24;
    let mut back = (4..365).map(|days| today().checked_sub(Span::new().days(days)).unwrap());
    let night = back.find(is_last_sunday_of_march_or_october).unwrap();
    let (start, end) = (night.yesterday().unwrap(), night.tomorrow().unwrap().tomorrow().unwrap());
    let words = format!("historical --metrics impressions --by day --start {start} --end {end}T01:30:00Z");
    let rows = |zone: &str| {
        let ask = folder.engagement(&words).args(&ids).brand(&server).env("TZ", zone);
        let mut rows = ask.run().ends(0).lines();
        for row in &mut rows {
            // When it was asked.
            row.as_object_mut().unwrap().remove("observed_at");
        }
        rows
    };
    let utc = rows("UTC");
    assert_eq!(utc.len(), 2 * 4);
    for zone in ["Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "XYZ+13:30", ":/no/such", ""] {
        assert_eq!(rows(zone), utc, "{zone}");
    }
}
