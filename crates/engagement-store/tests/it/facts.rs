//! What becomes of values that come again.

use engagement_model::{Endpoint, Metric};

use crate::fixture::{Fixture, hourly, ids, job, later, settle, take};

#[test]
fn a_changed_hour_leaves_one_revision_and_an_unchanged_one_nothing() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    for (at, value, revisions) in [(0, 5, 0), (60, 5, 0), (120, 8, 1), (180, 8, 1)] {
        let job = job(&mut collector, Endpoint::Last28Hours, &[ids([1])]);
        let batch = take(&mut collector, job, 1).remove(0);
        settle(&mut collector, &batch, later(at), &[hourly(1, Metric::Favorites, 0, value)]);
        assert_eq!(fixture.ask::<i64>("select count(*) from revisions"), revisions, "at {at}");
        assert_eq!(fixture.ask::<i64>("select value from series"), i64::try_from(value).unwrap());
    }
    assert_eq!(fixture.ask::<i64>("select value from revisions"), 5);
    assert_eq!(fixture.ask::<i64>("select replaced_by from revisions"), 8);
}
