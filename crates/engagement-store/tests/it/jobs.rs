//! From a plan to its end.

use engagement_model::{Endpoint, Metric, Outcome, Reason, State};
use engagement_store::{
    ErrorKind,
    job::{JobId, Progress},
    record::{GivenBack, Sent},
};

use crate::fixture::{Fixture, id, ids, job, later, now, settle, take, total};

#[test]
fn a_batch_goes_from_waiting_to_done() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([2, 1]), ids([3])]);
    let batches = take(&mut collector, job, 1);
    assert_eq!(batches[0].tweet_ids, ids([1, 2]));
    assert_eq!(batches[0].metrics, [Metric::Favorites, Metric::Replies]);
    let reader = fixture.store.reader().unwrap();
    assert_eq!(reader.job(job).unwrap().batches, [1, 1, 0, 0]);
    let settled = settle(
        &mut collector,
        &batches[0],
        later(1),
        &[
            total(1, Metric::Favorites, Outcome::Ok(7)),
            total(1, Metric::Replies, Outcome::Unsupported(Reason::new("too old"))),
            total(9, Metric::Replies, Outcome::Ok(7)),
        ],
    );
    assert_eq!((settled.tweets.of(State::Ok), settled.tweets.of(State::Unaccounted)), (1, 1));
    assert_eq!((settled.tweets.total(), settled.cells.total()), (2, 4));
    assert_eq!(reader.job(job).unwrap().batches, [1, 0, 1, 0]);
    assert_eq!(reader.job(job).unwrap().cells, settled.cells);
    let (tally, waiting) = reader.tweets_of(job).unwrap();
    assert_eq!((tally, waiting), (settled.tweets, 1));
    assert_eq!(
        reader.batch_tweets(batches[0].id).unwrap(),
        [(id(1), Some(State::Ok)), (id(2), Some(State::Unaccounted))]
    );
    assert_eq!(fixture.ask::<i64>("select count(*) from totals"), 1);
    assert_eq!(fixture.ask::<i64>("select count(*) from gaps"), 3);
}

#[test]
fn what_was_in_flight_waits_again_after_a_crash() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1]), ids([2])]);
    let batch = take(&mut collector, job, 1).remove(0);
    let mut transaction = collector.transaction().unwrap();
    transaction.sent(&Sent::new(batch.id, Endpoint::Totals, now()).by("demo_brand", Some(1_111))).unwrap();
    transaction.commit().unwrap();
    let mut uncommitted = collector.transaction().unwrap();
    uncommitted.sent(&Sent::new(batch.id, Endpoint::Totals, now())).unwrap();
    drop(uncommitted);
    drop(collector);
    let mut collector = fixture.collector();
    assert_eq!(fixture.ask::<String>("select group_concat(state) from requests"), "lost");
    let again = take(&mut collector, job, 9);
    assert_eq!(again.iter().map(|batch| batch.id.number).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((again[0].attempts, again[0].failures), (2, 0));
}

#[test]
fn a_batch_that_fails_again_and_again_is_set_aside_and_can_be_retried() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1])]);
    for (turn, wanted) in [GivenBack::Waits, GivenBack::Waits, GivenBack::SetAside].into_iter().enumerate() {
        let batch = take(&mut collector, job, 9).remove(0);
        assert_eq!(batch.failures, u32::try_from(turn).unwrap());
        let mut transaction = collector.transaction().unwrap();
        assert_eq!(transaction.give_back(batch.id, "no such luck", 3).unwrap(), wanted);
        transaction.commit().unwrap();
    }
    assert_eq!(take(&mut collector, job, 9), []);
    let reader = fixture.store.reader().unwrap();
    let aside = reader.batches(job, &[Progress::SetAside]).unwrap();
    assert_eq!(aside[0].reason.as_deref(), Some("no such luck"));
    assert_eq!(collector.retry(job).unwrap(), 1);
    assert_eq!(take(&mut collector, job, 9).len(), 1);
}

#[test]
fn a_draft_that_is_dropped_was_never_there() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let new = engagement_store::job::NewJob::new("identity", "hash", Endpoint::Totals, now());
    drop(collector.draft(&new).unwrap());
    assert_eq!(fixture.store.reader().unwrap().jobs().unwrap(), []);
    let error = collector.retry(JobId(7)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NoSuchJob { job: 7 });
    assert!(error.to_string().ends_with("has no job 7"), "{error}");
}

#[test]
fn a_deleted_job_leaves_what_it_found_and_what_it_cost() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let first = job(&mut collector, Endpoint::Totals, &[ids([1])]);
    let batch = take(&mut collector, first, 1).remove(0);
    let mut transaction = collector.transaction().unwrap();
    transaction.sent(&Sent::new(batch.id, Endpoint::Totals, now())).unwrap();
    transaction.commit().unwrap();
    settle(&mut collector, &batch, now(), &[total(1, Metric::Favorites, Outcome::Ok(7))]);
    collector.delete(first).unwrap();
    let reader = fixture.store.reader().unwrap();
    assert_eq!(reader.jobs().unwrap(), []);
    assert_eq!(fixture.ask::<i64>("select count(*) from totals"), 1);
    assert_eq!(fixture.ask::<i64>("select count(*) from requests"), 1);
    assert_ne!(job(&mut collector, Endpoint::Totals, &[]), first);
}

#[test]
fn a_list_that_changed_is_told_apart() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    job(&mut collector, Endpoint::Totals, &[ids([1])]);
    job(&mut collector, Endpoint::Totals, &[ids([1])]);
    let like = fixture.store.reader().unwrap().jobs_like("identity").unwrap();
    assert_eq!(like.iter().map(|job| job.observation).collect::<Vec<_>>(), [2, 1]);
    assert!(like.iter().all(|job| job.ids_hash == "hash"));
    assert_eq!(fixture.store.reader().unwrap().jobs_like("another").unwrap(), []);
}
