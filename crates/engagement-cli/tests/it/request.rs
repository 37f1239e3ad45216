//! `engagement request`.

use crate::{engagement::Folder, server::Server};

const BODY: &str = r#"{"tweet_ids":["ID"],"engagement_types":["favorites"],"groupings":{"g":{"group_by":["tweet.id","engagement.type"]}}}"#;

#[test]
fn asks_the_emulator_inside() {
    let folder = Folder::new();
    let done = folder
        .engagement("--profile emulator request POST /insights/engagement/totals")
        .args([
            "-d",
            &BODY.replace("ID", "1700000000000000001"),
            "-H",
            "Content-Type: application/json",
            "--app",
        ])
        .run()
        .ends(0);
    assert!(done.json().is_object(), "{}", done.stdout);
}

#[test]
fn asks_a_server_with_credentials_from_the_environment() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("owned");
    let body = BODY.replace("ID", &id);
    folder.write("body.json", &body);
    for data in [&*body, "@body.json"] {
        let done = folder
            .engagement("request post /insights/engagement/totals")
            .args(["-d", data, "-H", "Content-Type: application/json"])
            .brand(&server)
            .run()
            .ends(0);
        assert!(done.json()["g"][&id]["favorites"].is_string(), "{}", done.stdout);
        done.says(&["HTTP 200"]);
    }
    let done = folder
        .engagement("request POST /insights/engagement/totals -d {} -H Content-Type:application/json")
        .app(&server)
        .run()
        .ends(6);
    assert!(done.json()["errors"].is_array(), "{}", done.stdout);
    folder
        .engagement("request POST /insights/engagement/totals -d {} -H Content-Type:application/json")
        .app(&server)
        .env("ENGAGEMENT_CONSUMER_SECRET", "wrong")
        .run()
        .ends(4);
}

#[test]
fn a_url_that_cannot_travel_is_told_with_the_place_and_the_remedy() {
    let folder = Folder::new();
    for (url, at, escaped) in [("/café", 4, "/caf%C3%A9"), ("/a b", 2, "/a%20b"), ("/{id}", 1, "/%7Bid%7D")]
    {
        let host = "https://127.0.0.1:9";
        for more in [&["--print"][..], &[]] {
            let request = folder.engagement("request GET").arg(format!("{host}{url}")).args(more);
            let request = request.env("ENGAGEMENT_CONSUMER_KEY", "k").env("ENGAGEMENT_CONSUMER_SECRET", "s");
            let place = format!("byte {}", host.len() + at);
            request.run().ends(2).says(&[&place, &format!("{host}{escaped}")]);
        }
    }
}

#[test]
fn shows_what_it_would_send_with_secrets_hidden() {
    let folder = Folder::new();
    let done = folder
        .engagement(
            "request POST https://api.twitter.com/1.1/statuses/update.json?include_entities=true --print",
        )
        .args(["-d", "status=Hello%20Ladies"])
        .env("ENGAGEMENT_CONSUMER_KEY", "the-key")
        .env("ENGAGEMENT_CONSUMER_SECRET", "canary-consumer-secret")
        .env("ENGAGEMENT_ACCESS_TOKEN", "1111-canary/token")
        .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "canary-token-secret")
        .run()
        .ends(0);
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines[0], "POST https://api.twitter.com/1.1/statuses/update.json?include_entities=true");
    assert_eq!(lines[1], "content-type: application/x-www-form-urlencoded");
    assert!(lines[2].starts_with("authorization: OAuth ") && lines[2].contains("the-key"), "{}", lines[2]);
    assert!(lines[2].contains("oauth_token=\"[hidden]\""), "{}", lines[2]);
    assert!(
        lines[3].starts_with("signature base string: POST&https%3A%2F%2Fapi.twitter.com%2F1.1%2Fstatuses%2Fupdate.json&include_entities%3Dtrue%26oauth_consumer_key%3Dthe-key"),
        "{}",
        lines[3]
    );
    assert!(lines[3].contains("status%3DHello%2520Ladies"), "{}", lines[3]);
    assert_eq!(lines[5], "status=Hello%20Ladies");

    let done = folder
        .engagement("request GET https://api.twitter.com/1.1/x.json --print")
        .env("ENGAGEMENT_BEARER_TOKEN", "canary-bearer")
        .run()
        .ends(0);
    assert_eq!(done.stdout, "GET https://api.twitter.com/1.1/x.json\nauthorization: Bearer [hidden]\n");
}

#[test]
fn what_is_only_shown_sends_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let show =
        |name: &str| folder.engagement("request GET /1.1/x.json --print --as").arg(name).brand(&server).run();
    assert!(show("1111").ends(0).stdout.contains("oauth_token"));
    show("demo_brand").ends(4).says(&["there are tokens for 1111", "user id"]);
    assert!(server.get("/_emulator/requests")["by_endpoint"]["oauth"].is_null());
}

#[test]
fn refuses_what_cannot_be_sent() {
    let folder = Folder::new();
    let run = |words: &str| {
        folder
            .engagement(words)
            .env("ENGAGEMENT_CONSUMER_KEY", "k")
            .env("ENGAGEMENT_CONSUMER_SECRET", "s")
            .run()
            .prints_nothing()
    };
    run("request GET http://example.com/").ends(2).says(&["http"]);
    run("request GET ftp://example.com/").ends(2);
    run("request GET nonsense").ends(2);
    run("request GET /path").ends(2).says(&["--base-url"]);
    run("request G(T https://example.com/ --print").ends(2);
    run("request GET https://example.com/ -H nonsense").ends(2);
    run("request GET https://example.com/ -H b@d:1").ends(2);
    run("request GET https://example.com/ -H authorization:Bearer").ends(2).says(&["authorization"]);
    run("request POST https://example.com/ -d @missing").ends(7).says(&["missing"]);
    folder.engagement("request GET https://example.com/").run().ends(4).says(&["no credentials"]);
}

#[test]
fn the_answer_goes_where_it_is_told_to() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder
        .engagement("request POST /insights/engagement/totals --out answer.json")
        .args(["-d", &BODY.replace("ID", &server.tweet("unowned")), "-H", "Content-Type: application/json"])
        .app(&server)
        .run()
        .ends(0)
        .prints_nothing();
    assert!(folder.json("answer.json")["g"].is_object());
}

#[test]
fn what_is_held_is_hidden_wherever_it_is_written() {
    let folder = Folder::new();
    let done = folder
        .engagement("request POST /insights/engagement/totals?access_token=canary%2Dbearer --print --app")
        .args(["-d", "token=canary-bearer&other=canary+bearer"])
        .env("ENGAGEMENT_BEARER_TOKEN", "canary-bearer")
        .run()
        .ends(0);
    assert!(done.stdout.starts_with("POST https://data-api.twitter.com/insights/"), "{}", done.stdout);
    assert!(done.stdout.contains("token=[hidden]&other"), "{}", done.stdout);
}
