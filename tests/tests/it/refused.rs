//! What the API would refuse is refused here, by its rule, and costs no request.

use engagement::{
    Metrics, Resolution,
    model::{Dimension, Endpoint, Grouping, Metric, Request, TweetId, Window},
};
use engagement_emulator::Class;
use engagement_tests::{Stage, hour};

#[tokio::test]
async fn bad_queries() {
    let stage = Stage::set().await;
    let ids = stage.emulator.tweets(Class::Owned, None, 3);
    let client = stage.owner();
    let refused = |query: engagement::Query| query.send().unwrap_err().to_string();

    names_rule("V3", &refused(client.totals([])));
    names_rule("V3", &refused(client.last_28_hours([])));
    let past = Window::new(hour("2026-11-24T00"), hour("2026-11-25T00")).unwrap();
    names_rule("V3", &refused(client.historical([], past)));

    let future = Window::new(hour("2026-11-24T00"), hour("2026-11-25T12")).unwrap();
    let said = refused(client.historical(ids.clone(), future).resolution(Resolution::Total));
    names_rule("V15", &said);
    assert!(said.contains("2026-11-25T12:00:00Z"), "{said}");
    let ancient = Window::new(hour("2014-08-31T23"), hour("2014-10-01T00")).unwrap();
    names_rule("V15", &refused(client.historical(ids.clone(), ancient)));

    let misplaced = Metrics::Named(vec![Metric::Favorites, Metric::UrlClicks]);
    let said = refused(client.totals(ids.clone()).metrics(misplaced));
    names_rule("V6", &said);
    assert!(said.contains("url_clicks") && said.contains("historical"), "{said}");
    let quotes = Metrics::Named(vec![Metric::QuoteTweets]);
    names_rule("V6", &refused(client.last_28_hours(ids.clone()).metrics(quotes)));
    names_rule("V5", &refused(client.totals(ids).metrics(Metrics::Named(Vec::new()))));

    assert_eq!(stage.requests(), 0);
}

#[test]
fn bad_requests() {
    let by_tweet = || Grouping::new("by tweet", [Dimension::TweetId, Dimension::EngagementType]).unwrap();
    for endpoint in Endpoint::ALL {
        let most = endpoint.max_tweet_ids();
        let said = request(endpoint, most + 1, [by_tweet()]).unwrap_err();
        names_rule("V2", &said);
        assert!(said.contains(&most.to_string()) && said.contains(&(most + 1).to_string()), "{said}");
        assert!(request(endpoint, most, [by_tweet()]).is_ok());
        names_rule("V3", &request(endpoint, 0, [by_tweet()]).unwrap_err());
        names_rule("V8", &request(endpoint, 1, []).unwrap_err());
    }
    assert_eq!([250, 25, 25], Endpoint::ALL.map(Endpoint::max_tweet_ids));

    for dimension in [Dimension::EngagementDay, Dimension::EngagementHour] {
        let by =
            Grouping::new("by time", [Dimension::TweetId, Dimension::EngagementType, dimension]).unwrap();
        let said = request(Endpoint::Totals, 1, [by.clone()]).unwrap_err();
        names_rule("V10", &said);
        assert!(said.contains(dimension.name()) && said.contains("by time"), "{said}");
        assert!(request(Endpoint::Last28Hours, 1, [by]).is_ok());
    }
    let hourly = |name: &str| format!("{name}=tweet.id,engagement.type,engagement.day,engagement.hour");
    let two = ["a", "b"].map(|name| hourly(name).parse::<Grouping>().unwrap());
    names_rule("V13", &request(Endpoint::Historical, 1, two).unwrap_err());
    let four = ["a", "b", "c", "d"].map(|name| format!("{name}=tweet.id").parse::<Grouping>().unwrap());
    names_rule("V8", &request(Endpoint::Historical, 1, four).unwrap_err());
}

#[test]
fn bad_groupings() {
    let refused = |text: &str| text.parse::<Grouping>().unwrap_err().to_string();
    for name in [
        "errors",
        "start",
        "end",
        "unavailable_tweet_ids",
        "unsupported_for_impressions_engagements_tweet_ids",
        "unsupported_for_video_views_tweet_ids",
    ] {
        let said = refused(&format!("{name}=tweet.id,engagement.type"));
        names_rule("V16", &said);
        assert!(said.contains(name), "{said}");
    }
    names_rule("V9", &refused("twice=tweet.id,tweet.id"));
    names_rule("V9", &refused("none="));
    names_rule("V10", &refused("g=tweet.id,engagement.week"));

    // 24 orders of four, of which the API takes two.
    let mut taken = Vec::new();
    for order in orders_of_four() {
        let text = format!("g={}", order.map(Dimension::name).join(","));
        match text.parse::<Grouping>() {
            Ok(_) => taken.push(order),
            Err(error) => names_rule("V12", &error.to_string()),
        }
    }
    use Dimension::{EngagementDay as Day, EngagementHour as Hour, EngagementType as Type, TweetId as Id};
    taken.sort_unstable();
    assert_eq!(taken, [[Id, Type, Day, Hour], [Type, Id, Day, Hour]]);
}

#[test]
fn unknown_metrics() {
    let refused = |name: &str| name.parse::<Metric>().unwrap_err().to_string();
    // The wire takes exact names in lower case only (V5), so a near miss is no name.
    for (name, nearest) in [
        ("impresions", "impressions"),
        (" engagements", "engagements"),
        ("Impressions", "impressions"),
        ("media_clicks", "media_engagements"),
    ] {
        let said = refused(name);
        names_rule("V5", &said);
        assert!(
            said.contains(&format!("{name:?}")) && said.contains(&format!("nearest is {nearest}")),
            "{said}"
        );
    }
    names_rule("V5", &refused(""));
    names_rule("V5", &refused("clicks_of_all_kinds"));
}

#[track_caller]
fn names_rule(rule: &str, said: &str) {
    assert!(said.ends_with(&format!("(rule {rule})")), "{rule} expected: {said}");
}

fn request<const N: usize>(
    endpoint: Endpoint,
    count: usize,
    groupings: [Grouping; N],
) -> Result<Request, String> {
    let ids = (1_u64..).take(count).map(|n| TweetId::new(1_700_000_000_000_000_000 + n).unwrap());
    let metrics = [Metric::Favorites];
    let request = match endpoint {
        Endpoint::Totals => Request::totals(ids, metrics, groupings),
        Endpoint::Last28Hours => Request::last_28_hours(ids, metrics, groupings),
        Endpoint::Historical => {
            let window = Window::new(hour("2026-11-24T00"), hour("2026-11-25T00")).unwrap();
            Request::historical(ids, metrics, groupings, window, Stage::NOW.parse().unwrap())
        }
    };
    request.map_err(|error| error.to_string())
}

fn orders_of_four() -> Vec<[Dimension; 4]> {
    let mut orders = Vec::new();
    for a in Dimension::ALL {
        for b in Dimension::ALL {
            for c in Dimension::ALL {
                for d in Dimension::ALL {
                    let order = [a, b, c, d];
                    if Dimension::ALL.iter().all(|dimension| order.contains(dimension)) {
                        orders.push(order);
                    }
                }
            }
        }
    }
    assert_eq!(orders.len(), 24);
    orders
}
