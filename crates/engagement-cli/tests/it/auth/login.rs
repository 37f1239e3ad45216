//! `engagement auth login`: the user's way there and back, and who tries to get in between.

use std::{io::Write as _, net::TcpStream};

use super::{keep_demo, kept};
use crate::{
    browser::{Login, allow, get, refuse},
    engagement::{Engagement, Folder},
    server::Server,
};

/// The demo app alone.
fn keep_app(folder: &Folder) {
    folder.engagement("auth app").stdin("demo-consumer-key\ndemo-consumer-secret\n").run().ends(0);
}

fn login(folder: &Folder, server: &Server, words: &str) -> Engagement {
    folder.engagement("auth login --no-browser --base-url").arg(server.url()).args(words.split_whitespace())
}

const ANY_PORT: &str = "--callback http://127.0.0.1:0/callback";

#[test]
fn by_callback() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, ANY_PORT));
    let back = allow(&under_way.page(), "demo_news");
    assert!(get(&back).contains("200 OK"));
    let done = under_way.ends(0).says(&["demo_news has authorised the app", "credentials.toml"]);
    let line = &done.lines()[0];
    assert_eq!((&line["handle"], &line["user_id"]), (&"demo_news".into(), &"2222".into()));
    let list = folder.engagement("auth list").run().ends(0).lines();
    assert_eq!((&list[1]["handle"], &list[1]["found"]), (&"demo_news".into(), &"good".into()));
}

#[test]
fn by_pin_several_handles_one_after_the_other() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, "--pin demo_brand @demo_sport demo_news"));
    for account in ["demo_brand", "demo_sport", "demo_brand"] {
        let page = under_way.page();
        assert!(page.contains("force_login=true") && page.contains("screen_name=demo_"), "{page}");
        let pin = allow(&page, account);
        under_way.types(&pin);
    }
    // The third was another user than the one that was named.
    let done = under_way.ends(4).says(&["@demo_brand has authorised the app and not @demo_news"]);
    assert_eq!(done.lines().len(), 3);
    let list = folder.engagement("auth list").run().ends(0).lines();
    let names: Vec<_> = list.iter().filter_map(|line| line["handle"].as_str()).collect();
    assert_eq!(names, ["demo_brand", "demo_sport"]);
}

#[test]
fn a_user_id_names_whoever_has_it() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, "--pin 1111 2222"));
    for account in ["demo_brand", "demo_sport"] {
        let page = under_way.page();
        assert!(page.contains("force_login=true") && !page.contains("screen_name"), "{page}");
        let pin = allow(&page, account);
        under_way.types(&pin);
    }
    let done = under_way.ends(4).says(&["@demo_sport has authorised the app and not the user 2222"]);
    assert!(!done.stderr.contains("not the user 1111"), "{}", done.stderr);
}

#[test]
fn strangers_on_the_machine_are_refused_and_the_login_goes_on() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, ANY_PORT));
    let back = allow(&under_way.page(), "demo_brand");
    let (url, query) = back.split_once('?').unwrap();
    let authority = url.split('/').nth(2).unwrap();
    let pair = |name: &str| query.split('&').find(|pair| pair.starts_with(name)).unwrap();
    let (state, token, verifier) = (pair("state"), pair("oauth_token"), pair("oauth_verifier"));
    let mut silent: Vec<_> = (0..40).map(|_| TcpStream::connect(authority).unwrap()).collect();
    silent[0].write_all(b"GET /callback?st").unwrap();
    for (query, status) in [
        (format!("state=guess&{token}&{verifier}"), "403"),
        (format!("{token}&{verifier}"), "403"),
        (format!("{state}&oauth_token=another&{verifier}"), "403"),
        (format!("{state}&denied=another"), "403"),
        (format!("{state}&{token}"), "400"),
    ] {
        let answer = get(&format!("{url}?{query}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {answer}");
    }
    // Somebody who saw a page of another login has a verifier that is not this one's.
    assert!(get(&back).contains("200 OK"));
    under_way.ends(0).says(&["demo_brand"]);
}

#[test]
fn a_callback_that_is_not_approved() {
    let folder = Folder::new();
    folder.write(
        "world.toml",
        "[[app]]\napp_id = 1\nconsumer_key = \"urls\"\nconsumer_secret = \"s\"\ncallback_urls = [\"http://127.0.0.1:1/x\"]\n\
         [[app]]\napp_id = 2\nconsumer_key = \"oob\"\nconsumer_secret = \"s\"\ncallback_urls = [\"oob\"]\n",
    );
    let server = Server::with(&folder, "--quota 6000/min --world world.toml");
    folder.engagement("auth app").stdin("urls\ns\n").run().ends(0);
    let done = login(&folder, &server, ANY_PORT).run().ends(4).prints_nothing();
    done.says(&["may not send users back to http://127.0.0.1:", "register", "--pin"]);
    folder.engagement("auth app").stdin("oob\ns\n").run().ends(0);
    login(&folder, &server, ANY_PORT).run().ends(4).says(&["takes PINs only", "--pin"]);
}

#[test]
fn the_user_refuses() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, ANY_PORT));
    let back = refuse(&under_way.page());
    get(&back);
    under_way.ends(4).says(&["the user refused to authorise the app", "nothing is kept"]);
    let mut under_way = Login::start(login(&folder, &server, "--pin"));
    assert_eq!(refuse(&under_way.page()), "");
    under_way.ends(4).says(&["no PIN was typed", "refused"]);
    assert_eq!(folder.engagement("auth list").run().ends(0).lines().len(), 1);
}

#[test]
fn pins_that_are_wrong_or_too_late() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let by_pin = |answer: &dyn Fn(&str) -> String| {
        let mut under_way = Login::start(login(&folder, &server, "--pin"));
        let page = under_way.page();
        under_way.types(&answer(&page));
        under_way.ends(4)
    };
    by_pin(&|page| {
        let pin: u64 = allow(page, "demo_brand").parse().unwrap();
        format!("{:07}", (pin + 1) % 10_000_000)
    })
    .says(&["the PIN is not the one that the page showed"]);
    by_pin(&|_| "12 34".to_owned()).says(&["only letters and digits"]);
    by_pin(&|page| {
        let pin = allow(page, "demo_brand");
        let late = jiff_after(&server.get("/_emulator/world")["now"], 16);
        server.post("/_emulator/clock", &format!(r#"{{"now":"{late}","frozen":true}}"#));
        pin
    })
    .says(&["the PIN has expired", " minutes ago", "log in again"]);
}

#[test]
fn a_pin_that_was_used_already() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, "--pin demo_brand demo_news"));
    let pin = allow(&under_way.page(), "demo_brand");
    under_way.types(&pin);
    // The page of the second is another one, and shows another PIN.
    allow(&under_way.page(), "demo_news");
    under_way.types(&pin);
    under_way.ends(4).says(&["demo_news", "the PIN was used already", "the page that was named last"]);
}

#[test]
fn a_pin_that_the_server_takes_no_more() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let mut under_way = Login::start(login(&folder, &server, "--pin"));
    refuse(&under_way.page());
    under_way.types("1234567");
    under_way.ends(4).says(&[
        "does not take the PIN any more",
        "used already",
        "the user refused",
        "log in again",
    ]);
}

#[test]
fn a_clock_that_is_off_is_told_with_what_to_do() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let now: jiff::Timestamp = server.get("/_emulator/world")["now"].as_str().unwrap().parse().unwrap();
    let earlier = now - jiff::SignedDuration::from_mins(10);
    server.post("/_emulator/clock", &format!(r#"{{"now":"{earlier}","frozen":true}}"#));
    let mut under_way = Login::start(login(&folder, &server, "--pin"));
    let pin = allow(&under_way.page(), "demo_brand");
    under_way.types(&pin);
    under_way.ends(0).says(&[
        "this machine's clock is 60",
        " s ahead of the server's",
        "set this machine's clock",
    ]);
}

/// That time, so many minutes later.
fn jiff_after(now: &serde_json::Value, minutes: i64) -> String {
    let now: jiff::Timestamp = now.as_str().unwrap().parse().unwrap();
    (now + jiff::SignedDuration::from_mins(minutes)).to_string()
}

#[test]
fn what_stands_in_the_way_is_told_before_anybody_is_asked() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    login(&folder, &server, "--pin").run().ends(4).prints_nothing().says(&["no app yet", "auth app"]);
    keep_demo(&folder);
    let before = server.requests();
    std::fs::rename(kept(&folder), folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), kept(&folder)).unwrap();
    login(&folder, &server, "--pin").run().ends(4).says(&["is a link"]);
    assert_eq!(server.requests(), before);
    std::fs::remove_file(kept(&folder)).unwrap();
    folder.engagement("auth app").stdin("wrong\ns\n").run().ends(0);
    login(&folder, &server, "--pin").run().ends(4).says(&["does not accept the consumer key", "auth app"]);
    login(&folder, &server, "--callback http://example.com:80/")
        .run()
        .ends(2)
        .says(&["to this machine", "--pin"]);
    login(&folder, &server, "--callback http://127.0.0.1:0/x --pin").run().ends(2);
    let nobody = folder.engagement("auth login --pin --timeout 1s --base-url http://127.0.0.1:9").run();
    nobody.ends(6).says(&["127.0.0.1"]);
}

#[test]
fn a_browser_that_is_named_is_shown_the_page() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    keep_app(&folder);
    let browser =
        folder.write("browser", "#!/bin/sh\nprintf '%s' \"$2\" > opened.part && mv opened.part opened\n");
    std::fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let run = folder
        .engagement("auth login --pin --base-url")
        .arg(server.url())
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("BROWSER", format!("{} --new-window", browser.display()));
    let mut under_way = Login::start(run);
    let page = under_way.page();
    let pin = allow(&page, "demo_brand");
    under_way.types(&pin);
    under_way.ends(0);
    while !folder.path().join("opened").exists() {
        std::thread::yield_now();
    }
    assert_eq!(folder.read("opened"), page);
}
