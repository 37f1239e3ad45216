//! What the contract is charged for.

use engagement_model::Endpoint;
use engagement_store::{
    record::{Ending, Sent},
    usage::BillingMonth,
};
use jiff::Timestamp;

use crate::fixture::{Fixture, ids, job, now, take};

#[test]
fn accounts_are_counted_when_requests_are_sent() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1])]);
    let batch = take(&mut collector, job, 1).remove(0).id;
    let mut transaction = collector.transaction().unwrap();
    let mut send = |at: &str, owner: Option<(&str, Option<u64>)>| {
        let sent = Sent::new(batch, Endpoint::Totals, at.parse::<Timestamp>().unwrap());
        let sent = owner.map_or(sent, |(owner, number)| sent.by(owner, number));
        transaction.sent(&sent).unwrap()
    };
    send("2024-03-14T23:59:59.999Z", Some(("early", None)));
    let failed = send("2024-03-15T00:00:00Z", Some(("brand", None)));
    send("2024-03-16T00:00:00Z", Some(("brand", Some(1)))); // the same account, and its number
    send("2024-03-17T00:00:00Z", Some(("renamed", Some(1)))); // and its new handle
    send("2024-04-14T23:59:59.999Z", Some(("news", Some(2))));
    send("2024-04-15T00:00:00Z", Some(("late", None)));
    send("2024-03-20T00:00:00Z", None);
    transaction.ended(failed, Ending::Broken, now()).unwrap();
    transaction.commit().unwrap();

    let usage = fixture.store.reader().unwrap().usage(BillingMonth::new(2024, 3, 15).unwrap()).unwrap();
    let owners: Vec<_> = usage.owners.iter().map(|owner| (owner.owner.as_str(), owner.requests)).collect();
    assert_eq!(owners, [("news", 1), ("renamed", 3)]);
    assert_eq!(usage.owners[1].first_sent_at, "2024-03-15T00:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!((usage.requests(), usage.app_only_requests), (4, 1));
    let view =
        "select group_concat(month || ' ' || owners || ' ' || requests || ' ' || app_only_requests, ', ')
        from v_usage_month";
    assert_eq!(fixture.ask::<String>(view), "2024-03 3 4 1, 2024-04 2 2 0");
}
