//! Every form in which the API has been seen to refuse, and every message that is known (contract 5.1, 5.2, 6.5).

use engagement_model::{Metric, Refusal, RefusalKind, TweetId};

fn read(status: u16, body: &str) -> Refusal {
    Refusal::read(status, body.as_bytes())
}

fn ids(ids: &[u64]) -> Vec<TweetId> {
    ids.iter().map(|id| TweetId::new(*id).unwrap()).collect()
}

const UNAVAILABLE: &str = "1 Tweet ID(s) are unavailable";

#[test]
fn a_list_of_texts() {
    let refusal = read(403, r#"{"errors":["Forbidden to access tweets: 12, 15"]}"#);
    assert_eq!(refusal.messages, ["Forbidden to access tweets: 12, 15"]);
    let tweet_ids = ids(&[12, 15]);
    assert_eq!(refusal.kind, RefusalKind::ForbiddenTweets { tweet_ids, authors: vec![] });
}

#[test]
fn a_list_of_texts_beside_lists_of_ids() {
    let body = format!(r#"{{"errors":["{UNAVAILABLE}"],"unavailable_tweet_ids":["9",11]}}"#);
    let refusal = read(400, &body);
    assert_eq!((&refusal.kind, refusal.words().as_str()), (&RefusalKind::UnavailableTweets, UNAVAILABLE));
    assert_eq!(refusal.unavailable, ids(&[9, 11]));

    let body = r#"{"unsupported_for_impressions_engagements_tweet_ids":["9"],
        "errors":["Impressions & engagements for tweets older than 90 days (PERIOD) are not supported"]}"#;
    let refusal = read(400, body);
    assert_eq!(refusal.kind, RefusalKind::TooOld);
    let [nine] = ids(&[9])[..] else { panic!("one id") };
    assert_eq!(refusal.unsupported, [(nine, Metric::Engagements), (nine, Metric::Impressions)]);
}

#[test]
fn a_bare_list() {
    let refusal = read(403, r#"["Forbidden to access tweets for author id 77: 12", "for the rest too"]"#);
    assert_eq!(refusal.messages.len(), 2);
    let [twelve] = ids(&[12])[..] else { panic!("one id") };
    let (tweet_ids, authors) = (vec![twelve], vec![(twelve, 77)]);
    assert_eq!(refusal.kind, RefusalKind::ForbiddenTweets { tweet_ids, authors });
}

#[test]
fn objects_with_a_code() {
    for body in [
        r#"{"errors":[{"code":89,"message":"Invalid or expired token"}]}"#,
        r#"{"errors":[{"message":"Invalid or expired token","label":"x","code":"89"}]}"#,
        r#"{"errors":{"message":"Invalid or expired token","code":89}}"#,
        r#"{"code":89,"message":"Invalid or expired token"}"#,
        r#"[{"message":"Invalid or expired token","code":89}]"#,
    ] {
        let refusal = read(401, body);
        assert_eq!(refusal.kind, RefusalKind::Authentication, "{body}");
        assert_eq!(
            (refusal.words().as_str(), refusal.codes.as_slice()),
            ("Invalid or expired token", &[89][..])
        );
    }
}

#[test]
fn a_problem_document() {
    let body = r#"{"title":"Forbidden","type":"https://api.x.com/2/problems/x","status":403,
        "detail":"Your application ID is not authorized."}"#;
    let refusal = read(403, body);
    assert_eq!(refusal.kind, RefusalKind::NotProvisioned);
    assert_eq!(refusal.words(), "Forbidden: Your application ID is not authorized.");
}

#[test]
fn what_is_no_json() {
    let xml = r#"<?xml version="1.0"?><errors><error code="135">Timestamp out of bounds.</error></errors>"#;
    let refusal = read(401, xml);
    assert_eq!((&refusal.kind, refusal.codes.as_slice()), (&RefusalKind::ClockOff, &[135][..]));
    assert_eq!(refusal.words(), "Timestamp out of bounds.");

    let hash = "<hash><error>Desktop applications only support 'oob'</error><request>/x</request></hash>";
    assert!(read(401, hash).words().starts_with("Desktop applications only support 'oob'"));

    let html =
        "<html><head><title>x</title></head><body><h1>Over capacity</h1><script>1<2</script></body></html>";
    let refusal = read(503, html);
    assert_eq!((&refusal.kind, refusal.words().as_str()), (&RefusalKind::Server, "Over capacity"));

    for (body, words) in
        [("Proxy Error", "Proxy Error"), ("", ""), (" \n", ""), ("{\"errors\":[", "{\"errors\":[")]
    {
        let refusal = read(502, body);
        assert_eq!((refusal.kind, refusal.messages.join("")), (RefusalKind::Server, words.to_owned()));
    }
    assert_eq!(Refusal::read(500, b"\xff\xfe").kind, RefusalKind::Server);
}

#[test]
fn inside_a_success_the_words_decide() {
    for (words, kind) in [
        (
            "Your account could not be authenticated. Reason: Access token not found",
            RefusalKind::Authentication,
        ),
        ("Timestamp out of bounds.", RefusalKind::ClockOff),
        ("internal server error", RefusalKind::Server),
        ("Rate limit exceeded", RefusalKind::RateLimited),
        ("Your application ID is not authorized.", RefusalKind::NotProvisioned),
        (UNAVAILABLE, RefusalKind::UnavailableTweets),
        (
            "Forbidden to access metrics: impressions, engagements",
            RefusalKind::ForbiddenMetrics { metrics: vec![Metric::Impressions, Metric::Engagements] },
        ),
    ] {
        assert_eq!(read(200, &format!(r#"{{"errors":["{words}"]}}"#)).kind, kind, "{words}");
    }
}

#[test]
fn a_403_that_is_not_the_apis_says_nothing_of_tweets() {
    for body in [
        "<!DOCTYPE HTML PUBLIC ''><h1>Forbidden</h1>",
        "\n<html><body>Access denied",
        "\u{feff}<!doctype html><h1>403 Forbidden</h1>",
        "<!-- blocked --><html>Forbidden</html>",
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        "<head><title>403 Forbidden</title></head>",
        "<html>Forbidden. Event: 1763000000000000001</html>",
        "error code: 1020",
        "Access Denied",
        "403 Forbidden: 1763000000000000001",
        "Forbidden to access tweets",
        "no",
        "{}",
        r#"{"message":"Forbidden"}"#,
        r#"{"error":"Forbidden"}"#,
        r#""Forbidden""#,
    ] {
        assert_eq!(read(403, body).kind, RefusalKind::Other, "{body}");
    }
    for body in [
        "",
        " \n",
        r#"{"errors":["no"]}"#,
        r#"["no"]"#,
        r#"{"errors":[{"message":"no"}]}"#,
        r#"{"title":"no","detail":"no","type":"about:blank","status":403}"#,
    ] {
        assert_eq!(read(403, body).kind, RefusalKind::Forbidden, "{body}");
    }
    // Whoever says it, it is said of these.
    for (words, named) in [
        ("<html>Forbidden to access tweets: 12</html>", true),
        ("Forbidden to access tweets for author id 77: 12, 15", true),
        ("Forbidden to access metrics: impressions", false),
    ] {
        let kind = read(403, words).kind;
        assert_eq!(matches!(kind, RefusalKind::ForbiddenTweets { .. }), named, "{words}: {kind:?}");
        assert_eq!(matches!(kind, RefusalKind::ForbiddenMetrics { .. }), !named, "{words}: {kind:?}");
    }
    assert_eq!(read(403, "Your application ID is not authorized.").kind, RefusalKind::NotProvisioned);
}

#[test]
fn markup_that_the_api_does_not_speak_is_a_page() {
    for page in ["<html>", "\u{feff} <!-- x --><p>", "<?xml version=\"1.0\"?><Error/>"] {
        assert!(read(400, page).is_page, "{page}");
    }
    for body in
        [r#"{"errors":["<html>"]}"#, "no <html>", "", "<?xml version=\"1.0\"?><errors/>", "<hash></hash>"]
    {
        assert!(!read(400, body).is_page, "{body}");
    }
}

#[test]
fn every_message_that_is_known() {
    let group_bys = "One or more of the groupBys you have specified are not supported: (engagement.hour). Please \
                     adjust your request and try again.";
    let gzip = "This request requires gzip compression. Retry the request after setting 'Accept-Encoding' header in \
                the request to 'gzip'.";
    for (status, words, kind) in [
        (400, group_bys, RefusalKind::BadRequest),
        (400, UNAVAILABLE, RefusalKind::UnavailableTweets),
        (
            401,
            "Your account could not be authenticated. Reason: Unknown Authorization Type",
            RefusalKind::Authentication,
        ),
        (
            403,
            "Forbidden to access tweets",
            RefusalKind::ForbiddenTweets { tweet_ids: vec![], authors: vec![] },
        ),
        (
            403,
            "Forbidden to access metrics: impressions",
            RefusalKind::ForbiddenMetrics { metrics: vec![Metric::Impressions] },
        ),
        (403, "Your application ID is not authorized.", RefusalKind::NotProvisioned),
        (403, "no", RefusalKind::Forbidden),
        (404, "no", RefusalKind::NotFound),
        (406, gzip, RefusalKind::NeedsGzip),
        (408, "", RefusalKind::Server),
        (418, "", RefusalKind::Other),
        (429, "the rate limit is reached", RefusalKind::RateLimited),
        (500, "internal server error", RefusalKind::Server),
        (504, "", RefusalKind::Server),
    ] {
        let refusal = read(status, &format!(r#"{{"errors":["{words}"]}}"#));
        assert_eq!(refusal.kind, kind, "{status} {words}");
        assert_eq!(refusal.is_transient(), matches!(status, 408 | 429 | 500 | 504), "{status}");
        assert!(refusal.to_string().contains(&format!("(status {status})")));
    }
    for (status, code, kind) in [
        (401, 32, RefusalKind::Authentication),
        (404, 34, RefusalKind::WrongHost),
        (429, 88, RefusalKind::RateLimited),
        (401, 89, RefusalKind::Authentication),
        (403, 99, RefusalKind::Authentication),
        (401, 135, RefusalKind::ClockOff),
        (400, 215, RefusalKind::Authentication),
        (403, 220, RefusalKind::NeedsOwner),
    ] {
        let body = format!(r#"{{"errors":[{{"message":"words","code":{code}}}]}}"#);
        assert_eq!(read(status, &body).kind, kind, "{status} {code}");
        assert_eq!(read(200, &body).kind, kind, "{code} inside a success");
    }
}
