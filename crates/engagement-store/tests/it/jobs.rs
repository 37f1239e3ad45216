//! From a plan to its end.

use engagement_model::{Endpoint, Metric, Outcome, Reason, State, Tally, UtcHour, Window};
use engagement_store::{
    Collector, ErrorKind,
    job::{JobId, NewBatch, NewJob, Progress},
    record::{Ending, GivenBack, Sent},
};

use jiff::SignedDuration;

use crate::fixture::{Fixture, hourly, id, ids, job, later, now, settle, take, total};

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
    // Taken once more than it was sent.
    let again = take(&mut collector, job, 9);
    assert_eq!(again.iter().map(|batch| batch.id.number).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((again[0].attempts, again[0].failures), (1, 0));
}

#[test]
fn a_batch_that_fails_again_and_again_is_set_aside_and_can_be_retried() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1])]);
    let at = |turn: usize| now() + SignedDuration::from_hours(i64::try_from(turn).unwrap());
    for (turn, wanted) in [GivenBack::Waits, GivenBack::Waits, GivenBack::SetAside].into_iter().enumerate() {
        let batch = take(&mut collector, job, 9).remove(0);
        assert_eq!(batch.failures, u32::try_from(turn).unwrap());
        assert_eq!(batch.failed_at, turn.checked_sub(1).map(at));
        let mut transaction = collector.transaction().unwrap();
        assert_eq!(transaction.give_back(batch.id, "no such luck", at(turn), 3).unwrap(), wanted);
        transaction.commit().unwrap();
    }
    assert_eq!(take(&mut collector, job, 9), []);
    let reader = fixture.store.reader().unwrap();
    let aside = reader.batches(job, &[Progress::SetAside]).unwrap();
    assert_eq!(aside[0].reason.as_deref(), Some("no such luck"));
    assert_eq!(collector.retry(job).unwrap(), 1);
    let again = take(&mut collector, job, 9);
    assert_eq!((again[0].failures, again[0].failed_at), (0, None));
}

#[test]
fn a_draft_that_is_dropped_was_never_there() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let new = NewJob::new("identity", "hash", Endpoint::Totals, now());
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

#[test]
fn what_a_retried_batch_failed_at_is_forgotten_once_it_is_answered() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1, 2]), ids([3])]);
    let failed = || Outcome::Failed(Reason::new("500"));
    let batches = take(&mut collector, job, 9);
    for batch in &batches {
        let rows: Vec<_> = (1..4)
            .flat_map(|tweet| {
                [Metric::Favorites, Metric::Replies].map(|metric| total(tweet, metric, failed()))
            })
            .collect();
        settle(&mut collector, batch, later(1), &rows);
    }
    let gaps = || fixture.ask::<i64>("select count(*) from gaps where state = 'failed'");
    assert_eq!((gaps(), collector.retry(job).unwrap()), (6, 2));
    // Known until there is something better.
    assert_eq!(gaps(), 6);
    let batch = take(&mut collector, job, 1).remove(0);
    let rows: Vec<_> = (1..3).map(|tweet| total(tweet, Metric::Favorites, Outcome::Ok(7))).collect();
    settle(&mut collector, &batch, later(60), &[&rows[..], &[total(1, Metric::Replies, failed())]].concat());
    // Those of the other batch, of the same moment, and the new one.
    assert_eq!(fixture.ask::<String>("select group_concat(tweet_id % 10, ' ') from gaps"), "3 3 1");
}

#[test]
fn the_newest_answer_is_a_tweets_state_whatever_job_it_is_of() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let [older, newer] = [(), ()].map(|()| job(&mut collector, Endpoint::Totals, &[ids([1, 2])]));
    let found = || fixture.ask::<String>("select group_concat(state || job, ' ') from tweets");
    let mut answer = |job, at, outcomes: [Outcome; 2]| {
        let batch = take(&mut collector, job, 1).remove(0);
        let rows = [1, 2].into_iter().zip(outcomes);
        let rows: Vec<_> = rows.map(|(tweet, outcome)| total(tweet, Metric::Favorites, outcome)).collect();
        settle(&mut collector, &batch, later(at), &rows);
        collector.retry(job).unwrap();
    };
    let failed = || Outcome::Failed(Reason::new("500"));
    let unavailable = || Outcome::Unavailable(Reason::NONE);
    answer(older, 1, [failed(), failed()]);
    answer(newer, 2, [Outcome::Ok(7), failed()]);
    assert_eq!(found(), "ok2 failed2");
    // Asked again, the older job is the one that knows best; and then the other one is.
    answer(older, 3, [unavailable(), failed()]);
    assert_eq!(found(), "unavailable1 failed1");
    answer(older, 4, [unavailable(), Outcome::Ok(1)]);
    assert_eq!(found(), "unavailable1 ok1");
    answer(newer, 5, [Outcome::Ok(7), unavailable()]);
    assert_eq!(found(), "ok2 unavailable2");
}

#[test]
fn what_a_retried_batch_brings_is_what_holds_now() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1, 2])]);
    let answers = [Outcome::Ok(7), Outcome::Unavailable(Reason::new("deleted"))];
    for (at, outcome) in (1..).zip(answers) {
        let batch = take(&mut collector, job, 1).remove(0);
        // The other one is not mentioned, for which the batch is asked again.
        settle(&mut collector, &batch, later(at), &[total(1, Metric::Favorites, outcome)]);
        assert_eq!(collector.retry(job).unwrap(), 1);
    }
    assert_eq!(
        fixture.ask::<String>("select state || reason from tweets where tweet_id % 10 = 1"),
        "unavailabledeleted"
    );
}

#[test]
fn what_a_batch_was_answered_outlasts_a_retry_that_fails() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let [older, newer] = [(), ()].map(|()| job(&mut collector, Endpoint::Totals, &[ids([1, 2, 3])]));
    let failed = |tweet| total(tweet, Metric::Favorites, Outcome::Failed(Reason::new("500")));
    let known = [
        total(1, Metric::Favorites, Outcome::Ok(7)),
        total(2, Metric::Favorites, Outcome::Unavailable(Reason::new("deleted"))),
        failed(3),
    ];
    let found = || {
        let told = fixture.ask::<String>("select group_concat(state, ' ') from tweets");
        let gaps = fixture.ask::<String>(
            "select coalesce(group_concat(state || observed_at % 1000000, ' '), '') from gaps",
        );
        let reader = fixture.store.reader().unwrap();
        let (job, (tweets, _)) = (reader.job(older).unwrap(), reader.tweets_of(older).unwrap());
        (told, gaps, job.cells, tweets)
    };
    let batch = take(&mut collector, older, 1).remove(0);
    let settled = settle(&mut collector, &batch, later(1), &known);
    let before = found();
    assert_eq!(before.0, "ok unavailable failed");
    // Asked again and not answered; and once more, with an answer.
    assert_eq!(collector.retry(older).unwrap(), 1);
    let batch = take(&mut collector, older, 1).remove(0);
    let again = settle(&mut collector, &batch, later(60), &[failed(1), failed(2), failed(3)]);
    assert_eq!((again, found()), (settled, before));
    assert!(fixture.store.reader().unwrap().job(older).unwrap().is_over());
    collector.retry(older).unwrap();
    let batch = take(&mut collector, older, 1).remove(0);
    settle(
        &mut collector,
        &batch,
        later(70),
        &[1, 2, 3].map(|tweet| total(tweet, Metric::Favorites, Outcome::Ok(8))),
    );
    assert_eq!((found().0.as_str(), found().3.of(State::Ok)), ("ok ok ok", 3));

    // What a newer job finds is another matter.
    let batch = take(&mut collector, newer, 1).remove(0);
    settle(&mut collector, &batch, later(80), &[failed(1), failed(2), failed(3)]);
    assert_eq!(found().0, "failed failed failed");
}

#[test]
fn a_tweet_keeps_its_answer_where_only_others_of_its_batch_are_answered_again() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1, 2, 3, 4])]);
    let both = |tweet, outcome: Outcome| {
        [Metric::Favorites, Metric::Replies].map(|metric| total(tweet, metric, outcome.clone()))
    };
    let gone = || Outcome::Unavailable(Reason::new("deleted"));
    let failed = || Outcome::Failed(Reason::new("500"));
    let answers = [
        [both(1, Outcome::Ok(7)), both(2, gone()), both(3, failed())].concat(),
        [both(2, failed()), both(3, Outcome::Ok(8))].concat(),
        both(4, Outcome::Ok(9)).to_vec(),
    ];
    let tallies = [[2, 2, 0, 0, 2, 2], [4, 2, 0, 0, 0, 2], [6, 2, 0, 0, 0, 0]];
    let states =
        ["ok unavailable failed unaccounted", "ok unavailable ok unaccounted", "ok unavailable ok ok"];
    for (at, ((answer, cells), state)) in (1..).zip(answers.iter().zip(tallies).zip(states)) {
        let batch = take(&mut collector, job, 1).remove(0);
        let settled = settle(&mut collector, &batch, later(60 * at), answer);
        assert_eq!(settled.cells, Tally::new(cells), "turn {at}");
        assert_eq!(fixture.ask::<String>("select group_concat(state, ' ') from tweets"), state);
        let reader = fixture.store.reader().unwrap();
        let found = reader.batch_tweets(batch.id).unwrap();
        let found: Vec<&str> = found.iter().map(|(_, state)| state.unwrap().name()).collect();
        assert_eq!(found.join(" "), state);
        assert_eq!(reader.tweets_of(job).unwrap(), (settled.tweets, 0));
        assert_eq!(reader.job(job).unwrap().cells, settled.cells);
        // Until nothing is left to ask for.
        assert_eq!(collector.retry(job).unwrap(), u64::from(at < 3));
    }
    assert_eq!(
        fixture.ask::<String>("select group_concat((tweet_id % 10) || state, ' ') from gaps"),
        "2unavailable 2unavailable"
    );
    assert_eq!(fixture.ask::<String>("select reason from tweets where tweet_id % 10 = 2"), "deleted");
}

#[test]
fn a_tweets_hours_are_counted_where_they_are_kept() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Last28Hours, &[ids([1, 2])]);
    let hours = |tweet| {
        let hour = move |hour| hourly(tweet, Metric::Favorites, hour, 5);
        [hour(0), hour(1), hour(5), total(tweet, Metric::Replies, Outcome::Unsupported(Reason::NONE))]
    };
    for (at, answer, cells) in [(1, hours(1), [3, 0, 1, 0, 0, 2]), (60, hours(2), [6, 0, 2, 0, 0, 0])] {
        let batch = take(&mut collector, job, 1).remove(0);
        assert_eq!(settle(&mut collector, &batch, later(at), &answer).cells, Tally::new(cells));
        collector.retry(job).unwrap();
    }
}

/// A job for one Tweet in these windows of ten hours each.
fn in_windows(collector: &mut Collector, windows: i32) -> JobId {
    let hour = |n| UtcHour::from_epoch(474_960 + n).unwrap();
    let mut new = NewJob::new("identity", "hash", Endpoint::Historical, now());
    new.tweets = 1;
    let mut draft = collector.draft(&new).unwrap();
    for window in 0..windows {
        let (tweets, metrics) = (ids([1]), [Metric::Favorites]);
        let mut batch = NewBatch::new(Endpoint::Historical, &tweets, &metrics);
        batch.window = Some(Window::new(hour(10 * window), hour(10 * window + 10)).unwrap());
        draft.add(&batch).unwrap();
    }
    draft.commit().unwrap()
}

#[test]
fn windows_of_a_tweet_add_up_however_often_one_is_asked_again() {
    let ok = || Outcome::Ok(5);
    let failed = || Outcome::Failed(Reason::new("500"));
    let gone = || Outcome::Unavailable(Reason::new("deleted"));
    let forbidden = || Outcome::Forbidden(Reason::NONE);
    // What three windows are answered, all in the same moment or one after the other; what the first is answered when it
    // is asked again; and where the Tweet stands after that.
    let cases = [
        ([failed(), ok(), ok()], failed(), "ok"),
        ([failed(), ok(), failed()], gone(), "ok"),
        ([ok(), ok(), failed()], gone(), "ok"),
        ([ok(), gone(), gone()], gone(), "unavailable"),
        ([ok(), failed(), gone()], gone(), "failed"),
        ([ok(), failed(), gone()], failed(), "ok"),
        ([failed(), failed(), gone()], gone(), "failed"),
        ([failed(), gone(), gone()], gone(), "unavailable"),
        ([failed(), gone(), gone()], forbidden(), "forbidden"),
        ([failed(), gone(), gone()], ok(), "ok"),
        ([gone(), gone(), gone()], failed(), "unavailable"),
    ];
    for (first, again, wanted) in &cases {
        for apart in [0, 1] {
            let fixture = Fixture::new();
            let mut collector = fixture.collector();
            let job = in_windows(&mut collector, 3);
            let row = |window: usize, outcome: &Outcome| {
                let mut row = hourly(1, Metric::Favorites, 10 * i32::try_from(window).unwrap(), 0);
                row.outcome = outcome.clone();
                row
            };
            let batches = take(&mut collector, job, 9);
            for (window, (batch, outcome)) in batches.iter().zip(first).enumerate() {
                let at = later(1 + apart * i64::try_from(window).unwrap());
                settle(&mut collector, batch, at, &[row(window, outcome)]);
            }
            settle(&mut collector, &batches[0], later(60), &[row(0, again)]);
            let found = fixture.ask::<String>("select state from tweets");
            assert_eq!(found, *wanted, "{first:?}, and again {again:?}");
            let (tally, _) = fixture.store.reader().unwrap().tweets_of(job).unwrap();
            assert_eq!(State::ALL.into_iter().find(|state| tally.of(*state) == 1).unwrap().name(), found);
        }
    }
}

#[test]
fn a_newer_jobs_word_counts_whatever_the_clock_was_and_an_older_ones_if_it_is_a_newer_answer() {
    let ok = || Outcome::Ok(7);
    let gone = || Outcome::Unavailable(Reason::NONE);
    let failed = || Outcome::Failed(Reason::new("500"));
    // What is known, of which job and since when; what another job says, and when; and whether that counts.
    let cases = [
        ((1, 0, ok()), (2, 60, gone()), true),
        ((1, 86_400, ok()), (2, 60, gone()), true),
        ((1, 86_400, ok()), (2, 60, failed()), true),
        ((1, 60, ok()), (2, 60, failed()), true),
        ((2, 0, ok()), (1, 60, gone()), true),
        ((2, 60, ok()), (1, 60, gone()), true),
        ((2, 60, ok()), (1, 0, gone()), false),
        ((2, 0, ok()), (1, 60, failed()), false),
        ((2, 0, failed()), (1, 60, failed()), true),
        ((2, 0, failed()), (1, 60, gone()), true),
        ((2, 60, failed()), (1, 0, failed()), false),
    ];
    for (known, new, counts) in cases {
        let fixture = Fixture::new();
        let mut collector = fixture.collector();
        let jobs = [(), ()].map(|()| job(&mut collector, Endpoint::Totals, &[ids([1])]));
        for (job, at, outcome) in [&known, &new] {
            let batch = take(&mut collector, jobs[job - 1], 1).remove(0);
            settle(&mut collector, &batch, later(*at), &[total(1, Metric::Favorites, outcome.clone())]);
        }
        let found = fixture.ask::<i64>("select job from tweets");
        let wanted = if counts { new.0 } else { known.0 };
        assert_eq!(found, i64::try_from(wanted).unwrap(), "{known:?}, then {new:?}");
    }
}

#[test]
fn a_retry_that_fails_says_nothing_of_what_a_newer_job_was_answered() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let [older, newer] = [(), ()].map(|()| job(&mut collector, Endpoint::Totals, &[ids([1])]));
    let failed = || Outcome::Failed(Reason::new("500"));
    for (job, at, outcome, wanted) in
        [(older, 1, failed(), "failed1"), (newer, 2, Outcome::Ok(7), "ok2"), (older, 3, failed(), "ok2")]
    {
        let batch = take(&mut collector, job, 1).remove(0);
        settle(&mut collector, &batch, later(at), &[total(1, Metric::Favorites, outcome)]);
        assert_eq!(fixture.ask::<String>("select state || job from tweets"), wanted);
        collector.retry(job).unwrap();
    }
}

#[test]
fn a_retried_window_leaves_those_beside_it_alone() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let hour = |n| UtcHour::from_epoch(474_960 + n).unwrap();
    let windows = [(0, 10), (10, 20)].map(|(start, end)| Window::new(hour(start), hour(end)).unwrap());
    let (tweets, metrics) = (ids([1]), [Metric::Favorites]);
    let mut draft = collector.draft(&NewJob::new("identity", "hash", Endpoint::Historical, now())).unwrap();
    for window in windows {
        let mut batch = NewBatch::new(Endpoint::Historical, &tweets, &metrics);
        batch.window = Some(window);
        draft.add(&batch).unwrap();
    }
    let job = draft.commit().unwrap();
    for (batch, window) in take(&mut collector, job, 9).iter().zip(windows) {
        let mut row = total(1, Metric::Favorites, Outcome::Failed(Reason::NONE));
        row.bucket = Some(window);
        settle(&mut collector, batch, later(1), &[row]);
    }
    collector.retry(job).unwrap();
    let batch = take(&mut collector, job, 1).remove(0);
    settle(&mut collector, &batch, later(60), &[hourly(1, Metric::Favorites, 3, 5)]);
    assert_eq!(fixture.ask::<i64>("select count(*) from gaps"), 1);
    assert_eq!(fixture.ask::<i64>("select window_start / 3600000 from gaps"), 474_970);
}

#[test]
fn what_is_not_asked_for_counts_as_no_batch_and_says_nothing_of_tweets_that_are() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let first = job(&mut collector, Endpoint::Totals, &[ids([1])]);
    let batch = take(&mut collector, first, 1).remove(0);
    settle(&mut collector, &batch, now(), &[total(1, Metric::Favorites, Outcome::Ok(7))]);

    let mut new = NewJob::new("identity", "hash", Endpoint::Totals, now());
    new.tweets = 3;
    let mut draft = collector.draft(&new).unwrap();
    let asked = ids([1, 2]);
    draft.add(&NewBatch::new(Endpoint::Totals, &asked, &[Metric::Favorites])).unwrap();
    let old = |tweet| total(tweet, Metric::Replies, Outcome::Unsupported(Reason::new("too old; not asked")));
    draft.add_unasked(Endpoint::Totals, &[old(1), old(2), old(3)], &asked, now()).unwrap();
    let second = draft.commit().unwrap();
    let stored = fixture.store.reader().unwrap().job(second).unwrap();
    assert_eq!((stored.tweets, stored.batches), (3, [1, 0, 0, 0]));
    assert_eq!(fixture.ask::<i64>(&format!("select batches from jobs where job = {second}")), 1);
    let states = || {
        fixture.ask::<String>(
            "select group_concat((tweet_id % 10) || state || job, ' ') from (select * from tweets order by tweet_id)",
        )
    };
    assert_eq!(states(), "1ok1 3unsupported2");
    assert_eq!(fixture.store.reader().unwrap().asked(second).unwrap(), (0, 2));

    let batch = take(&mut collector, second, 1).remove(0);
    settle(&mut collector, &batch, later(1), &[total(1, Metric::Favorites, Outcome::Ok(8))]);
    assert_eq!(states(), "1ok2 2unaccounted2 3unsupported2");
    assert_eq!(fixture.store.reader().unwrap().asked(second).unwrap(), (2, 2));
}

#[test]
fn a_job_takes_the_place_of_one_that_waits() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let first = job(&mut collector, Endpoint::Totals, &[ids([1]), ids([2]), ids([3])]);
    let batch = take(&mut collector, first, 2).remove(0);
    settle(&mut collector, &batch, now(), &[total(1, Metric::Favorites, Outcome::Ok(7))]);
    let mut draft = collector.draft(&NewJob::new("identity", "hash", Endpoint::Totals, now())).unwrap();
    assert_eq!(draft.supersede(first, "seen anew").unwrap(), 2);
    drop(draft);
    let reader = fixture.store.reader().unwrap();
    assert!(!reader.job(first).unwrap().is_over());
    let mut draft = collector.draft(&NewJob::new("identity", "hash", Endpoint::Totals, now())).unwrap();
    draft.supersede(first, "seen anew").unwrap();
    draft.commit().unwrap();
    assert_eq!(reader.job(first).unwrap().batches, [0, 0, 1, 2]);
    let aside = reader.batches(first, &[Progress::SetAside]).unwrap();
    assert!(aside.iter().all(|batch| batch.reason.as_deref() == Some("seen anew")));
    assert_eq!(collector.retry(first).unwrap(), 2);
}

#[test]
fn the_newest_answer_to_each_owner_is_known() {
    let fixture = Fixture::new();
    let mut collector = fixture.collector();
    let job = job(&mut collector, Endpoint::Totals, &[ids([1])]);
    let batch = take(&mut collector, job, 1).remove(0).id;
    let mut transaction = collector.transaction().unwrap();
    let mut answer = |owner: Option<&str>, ending: Ending| {
        let mut sent = Sent::new(batch, Endpoint::Totals, now());
        sent.owner = owner;
        let request = transaction.sent(&sent).unwrap();
        transaction.ended(request, ending, now()).unwrap();
    };
    answer(Some("demo_brand"), Ending::Answered(401));
    answer(Some("demo_brand"), Ending::Answered(200));
    answer(Some("demo_news"), Ending::Answered(200));
    answer(Some("demo_news"), Ending::Answered(401));
    answer(Some("demo_news"), Ending::Broken);
    answer(Some("demo_sport"), Ending::Answered(401));
    answer(Some("demo_sport"), Ending::Mistimed(401));
    answer(None, Ending::Answered(503));
    transaction.commit().unwrap();
    let reader = fixture.store.reader().unwrap();
    let mut answers = reader.last_answers(job).unwrap();
    answers.sort_by(|(a, _), (b, _)| a.cmp(b));
    let answered = |name: &str, status| (Some(name.to_owned()), Ending::Answered(status));
    let sport = (Some("demo_sport".to_owned()), Ending::Mistimed(401));
    assert_eq!(
        answers,
        [(None, Ending::Answered(503)), answered("demo_brand", 200), answered("demo_news", 401), sport]
    );
    assert_eq!(reader.batches(job, &Progress::ALL).unwrap()[0].attempts, 8);
}
