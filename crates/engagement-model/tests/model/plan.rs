//! What every plan keeps to, over random owners, ages and ranges.

use std::collections::{BTreeMap, BTreeSet};

use allocation_counter::measure;
use engagement_model::{
    Endpoint, Grouping, Metric, Outcome, Reason, Row, State, TweetId, UtcHour, Window,
    plan::{AgeRules, Ask, Asker, InvalidPlan, Plan, Planned, Question, Riding, Target, Why},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn now() -> Timestamp {
    "2024-03-08T10:30:00Z".parse().unwrap()
}

fn running_hour() -> UtcHour {
    UtcHour::containing(now())
}

/// The Tweet made so many hours before now; the number tells those of one hour apart.
fn made(hours_ago: u32, number: u64) -> TweetId {
    let hour = running_hour().plus(-i32::try_from(hours_ago).unwrap());
    TweetId::new(TweetId::first_at(hour.start()).unwrap().get() + number).unwrap()
}

/// The last so many hours.
fn last(hours: u32) -> Window {
    let end = running_hour();
    Window::new(end.plus(-i32::try_from(hours).unwrap()), end).unwrap()
}

fn plan(target: Target, metrics: &[Metric], asks: &[Ask]) -> Plan {
    Plan::new(Question::new(target, metrics.iter().cloned(), now()), asks.to_vec()).unwrap()
}

fn grouping() -> Grouping {
    "g=tweet.id,engagement.type".parse().unwrap()
}

fn hourly() -> Grouping {
    "g=tweet.id,engagement.type,engagement.day,engagement.hour".parse().unwrap()
}

fn request_count(plan: &Plan) -> usize {
    plan.requests().filter(|planned| planned.request(&[grouping()], now()).is_ok()).count()
}

/// So many Tweets of one owner, all of one age.
fn crowd(asker: Asker, count: u64, hours_ago: u32) -> Vec<Ask> {
    (0..count).map(|number| Ask::new(made(hours_ago, number), asker)).collect()
}

const YEAR: u32 = 365 * 24;
const PRIVATE: [Metric; 2] = [Metric::Impressions, Metric::Engagements];
const PUBLIC: [Metric; 2] = [Metric::Favorites, Metric::Replies];

fn both() -> Vec<Metric> {
    [PRIVATE, PUBLIC].concat()
}

#[test]
fn a_list_that_one_asks_for_is_not_copied() {
    let ids: Vec<TweetId> = crowd(Asker::AppOnly, 50_000, 48).iter().map(|ask| ask.tweet_id).collect();
    let question = Question::new(Target::Totals, PUBLIC, now());
    let heap = measure(|| {
        let plan = Plan::by_asker(question, BTreeMap::from([(Asker::AppOnly, ids)])).unwrap();
        assert_eq!(plan.requests().count(), 200);
    });
    assert!(heap.bytes_max < 10_000, "{} bytes", heap.bytes_max);
}

#[test]
fn it_is_the_same_plan_however_the_tweets_are_handed_over() {
    let mut ids: BTreeMap<Asker, Vec<TweetId>> = BTreeMap::new();
    let owner = [crowd(Asker::Owner(1), 60, 48), crowd(Asker::Owner(1), 60, YEAR)].concat();
    let asks = [owner.clone(), crowd(Asker::AppOnly, 30, 49), owner].concat();
    for ask in &asks {
        ids.entry(ask.asker).or_default().push(ask.tweet_id);
    }
    for target in [Target::Totals, Target::Historical(last(60 * 24)), Target::Auto(None)] {
        let question = Question::new(target, both(), now());
        let one = plan(target, &both(), &asks);
        let other = Plan::by_asker(question, ids.clone()).unwrap();
        let requests = |plan: &Plan| -> Vec<_> {
            plan.requests()
                .map(|planned| (planned.asker(), planned.tweet_ids().collect::<Vec<_>>()))
                .collect()
        };
        assert_eq!(requests(&one), requests(&other));
        assert_eq!(one.summary(None), other.summary(None));
        assert_eq!(one.summary(None).ids, 150);
        assert_eq!(one.skipped().collect::<Vec<_>>(), other.skipped().collect::<Vec<_>>());
    }
}

#[test]
fn batch_by_batch_it_is_the_same_plan() {
    let owned = [crowd(Asker::Owner(1), 60, YEAR), crowd(Asker::Owner(2), 600, 48)].concat();
    let asks = [crowd(Asker::AppOnly, 300, 49), owned].concat();
    let described = |planned: Planned<'_>| {
        let ids: Vec<TweetId> = planned.tweet_ids().collect();
        let place = (planned.batch(), planned.window_of_batch());
        (planned.asker(), place, ids, planned.metrics().cloned().collect::<Vec<_>>(), planned.hours())
    };
    let mut counts = Vec::new();
    for target in [Target::Totals, Target::Historical(last(60 * 24)), Target::Last28Hours] {
        let plan = plan(target, &both(), &asks);
        let one_by_one = (0..).map_while(|index| plan.requests_of_batch(index)).flatten().map(described);
        let one_by_one: Vec<_> = one_by_one.collect();
        assert_eq!(one_by_one, plan.requests().map(described).collect::<Vec<_>>());
        counts.push(one_by_one.len());
        assert!((0..3).all(|beyond| plan.requests_of_batch(10_000 + beyond).is_none()));
    }
    assert_eq!(counts, [6, 3 * 3 + 24, 3 + 24]);
}

#[test]
fn a_thousand_ids_on_totals_take_four_requests() {
    let plan = plan(Target::Totals, &PUBLIC, &crowd(Asker::AppOnly, 1_000, 48));
    assert_eq!(request_count(&plan), 4);
    let summary = plan.summary(Some(60));
    assert_eq!((summary.requests, summary.lower_bound, summary.ids), (4, 4, 1_000));
    assert_eq!(summary.by_endpoint, BTreeMap::from([(Endpoint::Totals, 4)]));
    assert_eq!(summary.by_asker, BTreeMap::from([(Asker::AppOnly, 4)]));
    assert_eq!(summary.minutes_at_quota, Some(4.0 / 60.0));
}

#[test]
fn sixty_days_of_thirty_ids_take_six_requests() {
    let plan = plan(Target::Historical(last(60 * 24)), &PRIVATE, &crowd(Asker::Owner(1), 30, YEAR));
    assert_eq!(request_count(&plan), 6);
}

#[test]
fn a_thousand_tweets_of_even_ages_cost_no_more_than_3_percent_too_much() {
    for (count, range) in [(1_000, YEAR), (1_000, 2 * YEAR), (1_500, YEAR / 2), (3_000, YEAR)] {
        let asks: Vec<_> =
            (0..count).map(|n| Ask::new(made(n * range / count, n.into()), Asker::Owner(1))).collect();
        let plan = plan(Target::Historical(last(range)), &PRIVATE, &asks);
        let (_, requests, bound) = plan.bounds().next().unwrap();
        assert!(requests * 100 <= bound * 103, "{requests} against {bound}");
    }
}

#[test]
fn no_plan_reaches_the_bound_where_nearly_all_tweets_are_young() {
    // One Tweet of a year, and 999 that come one by one in the last four weeks: 53 are the fewest, and the
    // bound is 41.
    let young = (0..999).map(|n| made(n * 672 / 999, n.into()));
    let asks: Vec<_> = young.chain([made(YEAR, 0)]).map(|id| Ask::new(id, Asker::Owner(1))).collect();
    let plan = plan(Target::Historical(last(YEAR)), &PRIVATE, &asks);
    let there = Crowd::new(asks.iter().map(|ask| ask.tweet_id).collect(), last(YEAR));
    let bounds: Vec<_> =
        plan.bounds().map(|(_, requests, bound)| (requests, bound, there.fewest())).collect();
    assert_eq!(bounds, [(53, 41, 53)]);
}

#[test]
fn owners_never_share_a_request() {
    let asks = [crowd(Asker::Owner(1), 10, 48), crowd(Asker::Owner(2), 10, 49)].concat();
    let plan = plan(Target::Totals, &PUBLIC, &asks);
    assert_eq!(
        plan.requests().map(|planned| planned.asker()).collect::<Vec<_>>(),
        [Asker::Owner(1), Asker::Owner(2)]
    );
}

#[test]
fn windows_before_a_tweet_existed_are_not_asked() {
    let asks = [Ask::new(made(700, 0), Asker::Owner(1)), Ask::new(made(10, 0), Asker::Owner(1))];
    let plan = plan(Target::Historical(last(10_000)), &PRIVATE, &asks);
    let asked: Vec<_> = plan
        .requests()
        .map(|planned| (planned.tweet_ids().len(), planned.window().unwrap().len_hours()))
        .collect();
    assert_eq!(asked, [(1, 28), (2, 672)]);
}

#[test]
fn what_the_age_rules_exclude_is_not_asked() {
    let asks = [crowd(Asker::Owner(1), 300, 91 * 24), crowd(Asker::Owner(1), 20, 48)].concat();
    let plan = plan(Target::Totals, &PRIVATE, &asks);
    assert_eq!(request_count(&plan), 1);
    assert_eq!(plan.summary(None).skipped_unsupported, 600);
    assert!(
        plan.skipped().all(|skipped| skipped.why == Why::TooOld && skipped.why.state() == State::Unsupported)
    );

    let mut question = Question::new(Target::Totals, PRIVATE, now());
    question.age_rules = AgeRules::AskAnyway;
    let anyway = Plan::new(question, asks).unwrap();
    assert_eq!(request_count(&anyway), 2);
    assert_eq!(anyway.summary(None).skipped_unsupported, 0);
}

#[test]
fn old_tweets_ride_with_young_ones() {
    let asks = [crowd(Asker::Owner(1), 30, 91 * 24), crowd(Asker::Owner(1), 20, 48)].concat();
    let metrics = both();
    let plan = plan(Target::Totals, &metrics, &asks);
    let [planned] = plan.requests().collect::<Vec<_>>()[..] else { panic!("one request") };
    assert_eq!(planned.tweet_ids().len(), 50);
    assert_eq!(planned.metrics().count(), 4);
}

#[test]
fn a_batch_of_old_tweets_is_not_asked_for_what_is_unsupported() {
    let plan = plan(Target::Totals, &both(), &crowd(Asker::Owner(1), 30, 91 * 24));
    let [planned] = plan.requests().collect::<Vec<_>>()[..] else { panic!("one request") };
    assert_eq!(planned.metrics().cloned().collect::<Vec<_>>(), PUBLIC);
    assert_eq!(plan.summary(None).skipped_unsupported, 60);
}

#[test]
fn the_app_is_not_asked_for_what_it_may_not_read() {
    let plan = plan(Target::Totals, &both(), &crowd(Asker::AppOnly, 3, 48));
    let [planned] = plan.requests().collect::<Vec<_>>()[..] else { panic!("one request") };
    assert_eq!(planned.metrics().cloned().collect::<Vec<_>>(), PUBLIC);
    assert_eq!(plan.skipped().filter(|skipped| skipped.why == Why::NotReadable).count(), 6);
    assert_eq!(plan.summary(None).skipped_unsupported, 0);

    let nothing =
        Plan::new(Question::new(Target::Historical(last(48)), PUBLIC, now()), crowd(Asker::AppOnly, 3, YEAR))
            .unwrap();
    assert_eq!(nothing.requests().count(), 0);
    assert_eq!(nothing.skipped().count(), 6);
}

#[test]
fn auto_takes_the_cheapest_endpoint() {
    let asks = crowd(Asker::Owner(1), 30, YEAR);
    let endpoint = |target| plan(target, &[Metric::Impressions], &asks).endpoint();
    assert_eq!(endpoint(Target::Auto(None)), Endpoint::Totals);
    assert_eq!(endpoint(Target::Auto(Some(today()))), Endpoint::Last28Hours);
    let of_28_hours = Window::new(running_hour().plus(-28), running_hour().plus(1)).unwrap();
    assert_eq!(endpoint(Target::Auto(Some(of_28_hours))), Endpoint::Last28Hours);
    let longer = Window::new(running_hour().plus(-29), running_hour().plus(1)).unwrap();
    assert_eq!(endpoint(Target::Auto(Some(longer))), Endpoint::Historical);
    let before_this_hour = Window::new(running_hour().plus(-20), running_hour()).unwrap();
    assert_eq!(endpoint(Target::Auto(Some(before_this_hour))), Endpoint::Historical);
    assert_eq!(endpoint(Target::Auto(Some(last(48)))), Endpoint::Historical);
}

/// What of the last day a plan of `auto` asks for.
fn last_day() -> Plan {
    let asks = [Ask::new(made(10, 0), Asker::Owner(1)), Ask::new(made(50, 0), Asker::Owner(1))];
    plan(Target::Auto(Some(today())), &[Metric::Impressions], &asks)
}

/// The last 20 hours and the running one.
fn today() -> Window {
    Window::new(running_hour().plus(-20), running_hour().plus(1)).unwrap()
}

#[test]
fn a_part_of_the_last_28_hours_is_asked_by_hour_and_clipped() {
    let plan = last_day();
    assert_eq!((plan.endpoint(), plan.range()), (Endpoint::Last28Hours, Some(today())));
    let [planned] = plan.requests().collect::<Vec<_>>()[..] else { panic!("one request") };
    assert_eq!(planned.window(), None);
    // What cannot be clipped is asked of the endpoint that takes a window.
    let summed = planned.request(&[grouping()], now()).unwrap();
    assert_eq!((summed.endpoint(), summed.window()), (Endpoint::Historical, Some(today())));
    assert!(planned.request(&[hourly()], now()).is_ok_and(|request| request.window().is_none()));

    let row = |bucket, outcome| Row { tweet_id: made(50, 0), metric: Metric::Impressions, bucket, outcome };
    let answered = Window::new(running_hour().plus(-28), running_hour().plus(1)).ok();
    let unavailable = || Outcome::Unavailable(Reason::new("gone"));
    // A row without a value stands for all hours, whichever the answer had.
    for bucket in [answered, None] {
        assert_eq!(plan.clip(vec![row(bucket, unavailable())]), [row(Some(today()), unavailable())]);
    }
    // A sum of more hours is not one of fewer.
    let unreached = || Outcome::Unaccounted(Reason::new("the answer does not reach this hour"));
    assert_eq!(plan.clip(vec![row(answered, Outcome::Ok(3))]), [row(Some(today()), unreached())]);
}

#[test]
fn hours_that_an_answer_does_not_reach_are_unaccounted() {
    let plan = last_day();
    let row = |bucket, outcome| Row { tweet_id: made(50, 0), metric: Metric::Impressions, bucket, outcome };
    let hour = |ago: i32| running_hour().plus(-ago);
    let unreached = || Outcome::Unaccounted(Reason::new("the answer does not reach this hour"));
    let counted = |ago: std::ops::RangeInclusive<i32>| {
        ago.rev().map(|ago| row(Some(Window::hour(hour(ago))), Outcome::Ok(ago.unsigned_abs().into())))
    };
    let between = |from, to| Window::new(hour(from), hour(to)).ok();

    assert_eq!(plan.clip(counted(0..=28).collect()), counted(0..=20).collect::<Vec<_>>());
    // The server's clock is an hour behind, and an hour of the middle is missing from the answer.
    let mut rows: Vec<Row> = counted(1..=29).collect();
    rows.retain(|row| row.outcome != Outcome::Ok(7));
    let mut expected: Vec<Row> = counted(1..=20).filter(|row| row.outcome != Outcome::Ok(7)).collect();
    expected.push(row(between(7, 6), unreached()));
    expected.push(row(between(0, -1), unreached()));
    assert_eq!(plan.clip(rows), expected);
    // The question waited for hours.
    let mut expected: Vec<Row> = counted(0..=18).collect();
    expected.push(row(between(20, 18), unreached()));
    assert_eq!(plan.clip(counted(0..=18).collect()), expected);
}

#[test]
fn rows_of_an_explicit_endpoint_are_not_clipped() {
    let asks = crowd(Asker::Owner(1), 1, 48);
    let row = Row {
        tweet_id: made(48, 0),
        metric: Metric::Impressions,
        bucket: Some(last(28)),
        outcome: Outcome::Ok(3),
    };
    for target in [Target::Last28Hours, Target::Totals, Target::Historical(last(10))] {
        assert_eq!(
            plan(target, &[Metric::Impressions], &asks).clip(vec![row.clone()]),
            std::slice::from_ref(&row)
        );
    }
}

#[test]
fn hours_that_have_gone_from_the_last_28_are_asked_of_historical() {
    let plan = last_day();
    let [planned] = plan.requests().collect::<Vec<_>>()[..] else { panic!("one request") };
    let later = |hours: i64| now() + SignedDuration::from_hours(hours);
    let window = |at| planned.request(&[hourly()], at).unwrap().window();
    assert_eq!(window(later(8)), None);
    assert_eq!(window(later(9)), Some(today()));
    // There it need not be by hour.
    assert!(planned.request(&[grouping()], later(9)).is_ok());
}

#[test]
fn auto_refuses_what_no_endpoint_answers() {
    let question = |target, metric| Question::new(target, [metric], now());
    let refuse = |question| Plan::new(question, crowd(Asker::Owner(1), 1, 48)).unwrap_err();
    let error = refuse(question(Target::Auto(None), Metric::UrlClicks));
    assert_eq!(error, InvalidPlan::NoLifetimeTotal { metric: Metric::UrlClicks });
    assert_eq!(
        error.to_string(),
        "url_clicks has no lifetime total: a range with a start and an end is needed"
    );
    let error = refuse(question(Target::Auto(Some(last(48))), Metric::QuoteTweets));
    assert_eq!(error.to_string(), "historical does not serve quote_tweets; it is valid on totals (rule V6)");
}

#[test]
fn auto_lets_public_totals_ride_app_only() {
    let owners: Vec<Ask> = (0..40).flat_map(|owner| crowd(Asker::Owner(owner), 5, 48 + owner)).collect();
    assert_eq!(plan(Target::Totals, &PUBLIC, &owners).requests().count(), 40);
    let auto = plan(Target::Auto(None), &PUBLIC, &owners);
    assert_eq!(auto.summary(None).by_asker, BTreeMap::from([(Asker::AppOnly, 1)]));
    let mut question = Question::new(Target::Auto(None), PUBLIC, now());
    question.riding = Riding::Never;
    assert_eq!(Plan::new(question, owners.clone()).unwrap().requests().count(), 40);
    // With private metrics the owners are needed, and nothing is saved.
    let auto = plan(Target::Auto(None), &both(), &owners);
    assert_eq!(auto.requests().count(), 40);
    assert!(auto.requests().all(|planned| planned.asker() != Asker::AppOnly));
}

#[test]
fn auto_lets_old_tweets_ride_app_only() {
    // 240 young ones leave room for 10; the other old ones of all owners fill one request of the app.
    let owners: Vec<Ask> = (0..5)
        .flat_map(|owner| {
            [crowd(Asker::Owner(owner), 240, 48 + owner), crowd(Asker::Owner(owner), 40, 91 * 24 + owner)]
                .concat()
        })
        .collect();
    assert_eq!(plan(Target::Totals, &both(), &owners).requests().count(), 10);
    let auto = plan(Target::Auto(None), &both(), &owners);
    assert_eq!(auto.requests().count(), 6);
    let unsupported = auto.skipped().filter(|skipped| skipped.why == Why::TooOld).count();
    assert_eq!(unsupported, 5 * 30 * 2);
    assert_eq!(auto.skipped().count(), unsupported);
    assert_eq!(auto.summary(None).skipped_unsupported, unsupported as u64);
}

#[test]
fn nothing_rides_where_that_saves_nothing() {
    for asks in [crowd(Asker::Owner(1), 250, 48), crowd(Asker::Owner(1), 3, 91 * 24)] {
        let auto = plan(Target::Auto(None), &PUBLIC, &asks);
        assert_eq!(auto.summary(None).by_asker, BTreeMap::from([(Asker::Owner(1), 1)]));
    }
}

#[test]
fn old_tweets_that_are_asked_for_anyway_do_not_ride() {
    let owners: Vec<Ask> = (0..5).flat_map(|owner| crowd(Asker::Owner(owner), 3, 91 * 24 + owner)).collect();
    let mut question = Question::new(Target::Auto(None), both(), now());
    assert_eq!(Plan::new(question.clone(), owners.clone()).unwrap().requests().count(), 1);
    question.age_rules = AgeRules::AskAnyway;
    assert_eq!(Plan::new(question, owners).unwrap().requests().count(), 5);
}

#[test]
fn a_tweet_of_two_owners_rides_once() {
    let tweet_id = made(91 * 24, 0);
    let asks = [1, 2].map(|owner| Ask::new(tweet_id, Asker::Owner(owner)));
    let auto = plan(Target::Auto(None), &both(), &asks);
    let [planned] = auto.requests().collect::<Vec<_>>()[..] else { panic!("one request") };
    assert_eq!((planned.asker(), planned.tweet_ids().len()), (Asker::AppOnly, 1));
    assert_eq!(auto.skipped().count(), 2);
    assert_eq!(auto.summary(None).skipped_unsupported, 2);
}

#[test]
fn the_future_and_the_distant_past_are_refused() {
    let refuse = |range| {
        Plan::new(Question::new(Target::Historical(range), PRIVATE, now()), Vec::new())
            .unwrap_err()
            .to_string()
    };
    let future = Window::new(running_hour(), running_hour().plus(3)).unwrap();
    assert!(refuse(future).contains("lies in the future"));
    assert!(refuse(last(20 * YEAR)).contains("no data before 2014-09-01"));
    assert!(Plan::new(Question::new(Target::Totals, [], now()), Vec::new()).is_err());
}

#[test]
fn groupings_that_fill_several_requests_count() {
    let mut question = Question::new(Target::Totals, PUBLIC, now());
    question.parts = 3;
    let plan = Plan::new(question, crowd(Asker::AppOnly, 251, 48)).unwrap();
    let summary = plan.summary(None);
    assert_eq!((summary.requests, summary.lower_bound), (6, 6));
}

/// Owners with Tweets of up to so many hours of age, some of them from before ids had times.
fn asks(owners: u32, tweets: usize, oldest: u32) -> impl Strategy<Value = Vec<Ask>> {
    let id = prop_oneof![
        20 => (0..oldest, 0..4_000_000_u64).prop_map(|(age, number)| made(age, number)),
        1 => (1..TweetId::FIRST_SNOWFLAKE.get()).prop_map(|number| TweetId::new(number).unwrap()),
    ];
    let asker = prop_oneof![1 => Just(Asker::AppOnly), 6 => (0..owners).prop_map(Asker::Owner)];
    proptest::collection::vec((id, asker).prop_map(|(id, asker)| Ask::new(id, asker)), 0..tweets)
}

/// The same ages, with more of them young: the share of the greatest age, to this power.
fn skewed(asks: Vec<Ask>, power: u32) -> Vec<Ask> {
    let age = |ask: &Ask| {
        let made = UtcHour::containing(ask.tweet_id.created_at()?);
        u64::try_from(running_hour().since_epoch() - made.since_epoch()).ok()
    };
    let oldest = asks.iter().filter_map(age).max().unwrap_or(1).max(1);
    let skew = |(number, ask): (u64, Ask)| match age(&ask) {
        None => ask,
        Some(age) => {
            let skewed = (1..power).fold(age, |skewed, _| skewed * age / oldest);
            Ask::new(made(u32::try_from(skewed).unwrap(), number), ask.asker)
        }
    };
    (0..).zip(asks).map(skew).collect()
}

/// How long one owner's Tweets have been there, in a range.
struct Crowd {
    /// Hours of the range since each Tweet's creation, of those that have any.
    hours: Vec<u32>,
    range: Window,
}

impl Crowd {
    fn new(tweet_ids: BTreeSet<TweetId>, range: Window) -> Self {
        let hours = tweet_ids.into_iter().map(|id| {
            let made = id.created_at().map_or(range.start(), UtcHour::containing).max(range.start());
            range.end().since_epoch() - made.since_epoch()
        });
        Self {
            hours: hours.filter_map(|hours| u32::try_from(hours).ok()).filter(|hours| *hours > 0).collect(),
            range,
        }
    }

    /// The Tweets that are there so many hours before the end.
    fn there(&self, before_end: u32) -> u64 {
        self.hours.iter().filter(|hours| **hours > before_end).count() as u64
    }

    /// The sum of what each Tweet needs at least.
    fn parts(&self) -> u64 {
        self.hours.iter().map(|hours| u64::from(hours.div_ceil(672))).sum()
    }

    /// The bound as it is defined, hour by hour.
    fn formula(&self) -> u64 {
        let longest = self.hours.iter().max().map_or(0, |hours| u64::from(hours.div_ceil(672)));
        let batch_hours: u64 = (0..self.range.len_hours()).map(|hour| self.there(hour).div_ceil(25)).sum();
        self.parts().div_ceil(25).max(longest).max(batch_hours.div_ceil(672))
    }

    /// No request has two hours that are 672 apart, and each of these hours needs its own.
    fn fewest(&self) -> u64 {
        (0..self.range.len_hours()).step_by(672).map(|hour| self.there(hour).div_ceil(25)).sum()
    }
}

fn hours(planned: &Planned<'_>) -> impl Iterator<Item = UtcHour> + use<> {
    planned.window().into_iter().flat_map(Window::hours)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn totals_meet_their_bound(asks in asks(4, 1_500, 3_000)) {
        let different: BTreeSet<Ask> = asks.iter().copied().collect();
        let plan = plan(Target::Totals, &both(), &asks);
        for (_, requests, bound) in plan.bounds() {
            prop_assert_eq!(requests, bound);
        }
        let mut asked = BTreeSet::new();
        for planned in plan.requests() {
            prop_assert!(planned.request(&[grouping()], now()).is_ok());
            for id in planned.tweet_ids() {
                prop_assert!(asked.insert(Ask::new(id, planned.asker())), "twice");
            }
        }
        prop_assert_eq!(asked, different);
    }

    #[test]
    fn every_needed_hour_is_asked_once(asks in asks(3, 120, 3_000), length in 1..3_000_u32) {
        let range = last(length);
        let metrics = [Metric::Impressions];
        let plan = plan(Target::Historical(range), &metrics, &asks);
        let mut asked: BTreeMap<Ask, BTreeSet<UtcHour>> = BTreeMap::new();
        for planned in plan.requests() {
            prop_assert!(planned.request(&[grouping()], now()).is_ok());
            for id in planned.tweet_ids() {
                let ask = Ask::new(id, planned.asker());
                for hour in hours(&planned) {
                    prop_assert!(asked.entry(ask).or_default().insert(hour), "twice");
                }
            }
        }
        for ask in asks.iter().filter(|ask| ask.asker != Asker::AppOnly) {
            let made = ask.tweet_id.created_at().map_or(range.start(), UtcHour::containing);
            let needed: Vec<_> = range.hours().filter(|hour| *hour >= made).collect();
            let asked = asked.get(ask);
            prop_assert!(needed.iter().all(|hour| asked.is_some_and(|asked| asked.contains(hour))));
            prop_assert_eq!(needed.is_empty(), asked.is_none());
        }
        prop_assert!(asked.keys().all(|ask| ask.asker != Asker::AppOnly));
    }

    #[test]
    fn historical_is_as_small_as_can_be_and_near_its_bound(
        asks in asks(3, 800, 12_000),
        skew in 1..4_u32,
        length in 1..9_000_u32,
    ) {
        let (range, asks) = (last(length), skewed(asks, skew));
        let plan = plan(Target::Historical(range), &[Metric::Impressions], &asks);
        let windows = u64::from(length.div_ceil(672));
        let (mut requests_in_all, mut bound_in_all) = (0, 0);
        for (asker, requests, bound) in plan.bounds().filter(|(asker, ..)| *asker != Asker::AppOnly) {
            let there: BTreeSet<TweetId> =
                asks.iter().filter(|ask| ask.asker == asker).map(|ask| ask.tweet_id).collect();
            let there = Crowd::new(there, range);
            prop_assert_eq!(bound, there.formula());
            prop_assert_eq!(requests, there.fewest());
            prop_assert!(requests >= bound && requests < bound + windows, "{asker:?} {requests} {bound}");
            requests_in_all += requests;
            bound_in_all += bound;
        }
        let summary = plan.summary(None);
        prop_assert_eq!((summary.requests, summary.lower_bound), (requests_in_all, bound_in_all));
    }

    #[test]
    fn large_owners_lose_next_to_nothing(
        ages in proptest::collection::vec(0..20_000_u32, 1_000..2_000),
        skew in 1..4_u32,
        length in 24..9_000_u32,
    ) {
        let asks = (0..).zip(&ages).map(|(n, age)| Ask::new(made(*age, n), Asker::Owner(7))).collect();
        let (range, asks) = (last(length), skewed(asks, skew));
        let plan = plan(Target::Historical(range), &[Metric::Impressions], &asks);
        let (_, requests, bound) = plan.bounds().next().unwrap();
        let there = Crowd::new(asks.iter().map(|ask| ask.tweet_id).collect(), range);
        prop_assert_eq!(requests, there.fewest());
        // Each window wastes less than one request: no 3 % where 800 Tweets are there on the average.
        if there.parts() >= 800 * u64::from(length.div_ceil(672)) {
            prop_assert!(requests * 100 <= bound * 103, "{requests} against {bound}");
        }
    }

    #[test]
    fn auto_costs_no_more_than_any_choice_by_hand(
        asks in prop_oneof![asks(5, 900, 3_000), asks(60, 300, 20_000)],
        metrics in proptest::sample::subsequence(both(), 1..=4),
        length in 1..60_u32,
        ended in 0..2_u32,
    ) {
        let auto = plan(Target::Auto(None), &metrics, &asks);
        let by_hand = plan(Target::Totals, &metrics, &asks);
        prop_assert!(auto.requests().count() <= by_hand.requests().count());
        // With nothing but public metrics the app could ask for all of them.
        if metrics.iter().all(Metric::is_public) {
            let app = asks.iter().map(|ask| Ask::new(ask.tweet_id, Asker::AppOnly)).collect::<Vec<_>>();
            prop_assert!(auto.requests().count() <= plan(Target::Totals, &metrics, &app).requests().count());
        }
        prop_assert_eq!(auto.summary(None).requests, auto.requests().count() as u64);

        let end = running_hour().plus(1 - i32::try_from(ended).unwrap());
        let range = Window::new(end.plus(-i32::try_from(length).unwrap()), end).unwrap();
        let auto = plan(Target::Auto(Some(range)), &metrics, &asks);
        let by_hand = plan(Target::Historical(range), &metrics, &asks);
        prop_assert!(auto.requests().count() <= by_hand.requests().count());
        let whole = Window::new(running_hour().plus(-28), running_hour().plus(1)).unwrap();
        if range.intersection(whole) == Some(range) {
            let by_hand = plan(Target::Last28Hours, &metrics, &asks);
            prop_assert!(auto.requests().count() <= by_hand.requests().count());
        }
    }

    /// Whatever auto chooses, what it asks and what it skips are what totals by the owners would.
    #[test]
    fn auto_asks_for_every_cell_once(asks in prop_oneof![asks(2, 900, 3_000), asks(60, 300, 20_000)]) {
        let asks: BTreeMap<TweetId, Ask> = asks.into_iter().map(|ask| (ask.tweet_id, ask)).collect();
        let asks: Vec<Ask> = asks.into_values().collect();
        let auto = plan(Target::Auto(None), &both(), &asks);
        let by_hand = plan(Target::Totals, &both(), &asks);
        let young_enough = |metric: &Metric, id| !metric.is_too_old_on(Endpoint::Totals, id, now());
        // A Tweet that is too old may be asked along with younger ones; the answer is the same.
        let needed = |plan: &Plan| {
            let mut cells = BTreeMap::new();
            for planned in plan.requests() {
                for id in planned.tweet_ids() {
                    for metric in planned.metrics().filter(|metric| young_enough(metric, id)) {
                        *cells.entry((id, metric.clone())).or_insert(0_u32) += 1;
                    }
                }
            }
            cells
        };
        let cells = needed(&auto);
        prop_assert!(cells.values().all(|times| *times == 1));
        prop_assert_eq!(cells, needed(&by_hand));
        prop_assert!(auto.requests().all(|planned| planned.request(&[grouping()], now()).is_ok()));
    }

    #[test]
    fn skipped_and_asked_are_all(asks in asks(3, 300, 60_000), choice in 0..3_u8) {
        let target = [Target::Totals, Target::Auto(None), Target::Historical(last(1_000))][usize::from(choice)];
        let metrics = if choice == 2 { vec![Metric::Impressions, Metric::VideoViews] } else { both() };
        let plan = plan(target, &metrics, &asks);
        let mut cells: BTreeMap<(Asker, TweetId, Metric), u32> = BTreeMap::new();
        for planned in plan.requests() {
            for id in planned.tweet_ids() {
                for metric in planned.metrics() {
                    *cells.entry((planned.asker(), id, metric.clone())).or_default() += 1;
                }
            }
        }
        let summary = plan.summary(None);
        let mut unsupported = 0;
        for skipped in plan.skipped() {
            unsupported += u64::from(skipped.why.state() == State::Unsupported);
            let key = (skipped.asker, skipped.tweet_id, skipped.metric);
            prop_assert!(!cells.contains_key(&key), "both asked and skipped");
            cells.insert(key, 1);
        }
        prop_assert_eq!(summary.skipped_unsupported, unsupported);
        prop_assert_eq!(cells.len() as u64 % metrics.len() as u64, 0);
        prop_assert_eq!(cells.len() as u64, summary.ids * metrics.len() as u64);
        prop_assert_eq!(summary.requests, plan.requests().count() as u64);
        prop_assert!(summary.lower_bound <= summary.requests);
    }
}
