//! `--metrics`.

use std::collections::BTreeSet;

use crate::{engagement::Folder, server::Server};

#[test]
fn groups_and_defaults() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let asked = |words: &str, brand: bool| {
        let run = folder.engagement(words).arg(&id);
        let run = if brand { run.brand(&server) } else { run.app(&server) };
        let done = run.run();
        let names: BTreeSet<String> =
            done.lines().iter().map(|row| row["metric"].as_str().unwrap().to_owned()).collect();
        (done.code.unwrap(), names)
    };
    let (code, public) = asked("totals --metrics public", false);
    assert_eq!(code, 0);
    let (_, default) = asked("totals", false);
    assert_eq!(default, public);
    let (code, private) = asked("totals --metrics private", true);
    assert_eq!((code, private.is_disjoint(&public)), (0, true));
    let (code, all) = asked("totals --metrics all", true);
    assert_eq!((code, &all), (0, &public.union(&private).cloned().collect()));
    assert_eq!(asked("totals", true), (0, all.clone()));
    // What is named and may not be read is not silently left out.
    assert_eq!(asked("totals --metrics all", false), (3, all));
    assert!(public.contains("favorites") && private.contains("impressions"), "{public:?} {private:?}");
}

#[test]
fn wrong_names_are_refused_before_a_request_is_spent() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let run = |words: &str| folder.engagement(words).arg(&id).brand(&server).run();
    run("totals --metrics impresions").ends(2).prints_nothing().says(&["impresions", "impressions"]);
    run("totals --metrics favorites,,").ends(2).prints_nothing();
    run("totals --metrics url_clicks").ends(2).prints_nothing().says(&["url_clicks", "28hr"]);
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_legacy_name_is_replaced_with_a_warning() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder
        .engagement("28hr --by total --metrics media_clicks")
        .arg(server.tweet("owned"))
        .brand(&server)
        .run()
        .ends(0)
        .says(&["warning", "media_clicks", "media_engagements"]);
    assert_eq!(done.lines()[0]["metric"], "media_engagements");
    // Where the new name is out of place, so is the old one.
    folder
        .engagement("totals 20 --metrics media_clicks")
        .brand(&server)
        .run()
        .ends(2)
        .says(&["media_engagements", "28hr"]);
}

#[test]
fn a_name_that_does_not_show_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for name in ["a\u{1b}[31mb", "favorites\u{200b}"] {
        folder
            .engagement("totals 20 --allow-unknown-metrics --metrics")
            .arg(name)
            .brand(&server)
            .run()
            .ends(2)
            .says(&["a character that does not show: "]);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn new_names_are_sent_as_they_are() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder
        .engagement("totals --metrics favorites,bookmarks --allow-unknown-metrics")
        .arg(server.tweet("owned"))
        .brand(&server)
        .run();
    assert!(server.requests() > 0);
    done.says(&["bookmarks is no metric known here; sent as it is"]);
}
