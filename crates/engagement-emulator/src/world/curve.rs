//! How a count grows: one cumulative curve for each Tweet and ingredient.
//!
//! C(h) is what was counted before hour h. An hour's count is C(h + 1) − C(h) and a lifetime C(running hour + 1), so
//! every window of every endpoint is two look-ups, and no two answers can disagree. All integers, so that every machine
//! gives the same data.
//!
//! The shape is that of life: half of what ever comes arrives within the first hours, a tail goes on for months, and
//! people sleep. Two hyperbolas n·x ÷ (x + τ), one with a short τ and one with a long one, make burst and tail; x counts
//! minutes of activity and not of the clock, so that nights are flat; and a shake of x within its hour makes no two
//! hours alike while C can never fall.

use engagement_model::{Endpoint, Metric};

use super::chance::{between, hash, mix, text};
use super::tweet::{Feature, Tweet};

/// What a metric is made of on an endpoint: mostly one ingredient.
#[derive(Clone, Debug)]
pub(crate) struct Recipe(Vec<(&'static Ingredient, Option<i32>)>);

impl Recipe {
    /// What to add up for this metric.
    ///
    /// Engagements are all the single interactions and some that have no metric (contract 4: not the sum of the
    /// parts). Totals add to a Tweet's video views those of the other Tweets with the same video (contract 4).
    pub(crate) fn of(metric: &Metric, endpoint: Endpoint) -> Self {
        let zero_until = |name: &str| Metric::known(name).as_ref().and_then(zero_until);
        let chosen = INGREDIENTS.iter().filter(|ingredient| match metric {
            Metric::Engagements => ingredient.role == Role::Interaction,
            Metric::VideoViews if endpoint == Endpoint::Totals => {
                ingredient.name == metric.name() || ingredient.name == SHARED_VIDEO
            }
            _ => ingredient.name == metric.name(),
        });
        Self(chosen.map(|ingredient| (ingredient, zero_until(ingredient.name))).collect())
    }

    /// The curves of a Tweet: those of what it carries.
    pub(crate) fn curves(&self, tweet: &Tweet) -> Vec<Curve> {
        self.iter(tweet).collect()
    }

    /// What was counted for the Tweet before this hour.
    pub(crate) fn before(&self, tweet: &Tweet, hour: i32) -> u64 {
        self.iter(tweet).map(|curve| curve.before(hour)).sum()
    }

    fn iter(&self, tweet: &Tweet) -> impl Iterator<Item = Curve> {
        let there = self.0.iter().filter(|(ingredient, _)| tweet.has(ingredient.needs));
        there.map(|(ingredient, zero_until)| Curve::new(tweet, ingredient, *zero_until))
    }
}

/// A cumulative count.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    burst: Saturation,
    tail: Saturation,
    /// Minutes of activity before the Tweet's first hour.
    origin: i64,
    first_hour: i32,
    time_zone: i32,
    /// What was counted before the metric began to be counted, and when that was.
    zero_until: i32,
    uncounted: u64,
    shake: u64,
}

impl Curve {
    fn new(tweet: &Tweet, ingredient: &Ingredient, zero_until: Option<i32>) -> Self {
        let key = hash([tweet.key(), ingredient.code]);
        let share = between(mix(key ^ 1), ingredient.least, ingredient.most);
        let total = (tweet.popularity() * share).div_ceil(MILLION);
        let burst = total * between(mix(key ^ 2), 60, 85) / 100;
        let (first_hour, time_zone) = (tweet.first_hour(), tweet.time_zone());
        let mut curve = Self {
            burst: Saturation { limit: burst, half: between(mix(key ^ 3), 2 * HOUR, 12 * HOUR) },
            tail: Saturation { limit: total - burst, half: between(mix(key ^ 4), 300 * HOUR, 6_000 * HOUR) },
            origin: activity(first_hour, time_zone).0,
            first_hour,
            time_zone,
            zero_until: i32::MIN,
            uncounted: 0,
            shake: key,
        };
        if let Some(hour) = zero_until {
            curve.uncounted = curve.before(hour);
            curve.zero_until = hour;
        }
        curve
    }

    /// What was counted before this hour. Never falls.
    pub(crate) fn before(&self, hour: i32) -> u64 {
        if hour <= self.first_hour || hour <= self.zero_until {
            return 0;
        }
        let (minutes, length) = activity(hour, self.time_zone);
        let shaken = mix(self.shake ^ u64::from(hour.unsigned_abs())) % length;
        let x = (minutes - self.origin).unsigned_abs() + shaken;
        self.burst.at(x) + self.tail.at(x) - self.uncounted
    }
}

/// Comes near to `limit`, half of it at `half`.
#[derive(Clone, Debug)]
struct Saturation {
    limit: u64,
    half: u64,
}

impl Saturation {
    /// Limits are below 2³¹ and a century has fewer than 2²⁶ minutes: the product fits.
    fn at(&self, x: u64) -> u64 {
        self.limit * x / (x + self.half)
    }
}

/// Something that is counted.
#[derive(Debug)]
pub(crate) struct Ingredient {
    name: &'static str,
    code: u64,
    role: Role,
    needs: Feature,
    /// The range of its share in the Tweet's popularity, in millionths.
    least: u64,
    most: u64,
}

/// Whether it is one of the interactions that engagements add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Interaction,
    View,
}

const fn interaction(name: &'static str, needs: Feature, least: u64, most: u64) -> Ingredient {
    Ingredient { name, code: text(name), role: Role::Interaction, needs, least, most }
}

const fn view(name: &'static str, needs: Feature, least: u64, most: u64) -> Ingredient {
    Ingredient { name, code: text(name), role: Role::View, needs, least, most }
}

/// A metric's name where only constants may stand.
const fn name(metric: &Metric) -> &'static str {
    match metric.facts() {
        Some(facts) => facts.name,
        None => "",
    }
}

/// The hour before which the metric's counts are zero (contract 2.3 rule 10).
fn zero_until(metric: &Metric) -> Option<i32> {
    let midnight = format!("{}T00:00:00Z", metric.facts()?.zero_before?).parse().ok()?;
    Some(engagement_model::UtcHour::containing(midnight).since_epoch())
}

/// Minutes of activity before an hour, since 1970, and within it.
fn activity(hour: i32, time_zone: i32) -> (i64, u64) {
    let local = i64::from(hour) + i64::from(time_zone);
    let (day, hour) = (local.div_euclid(24), local.rem_euclid(24));
    let table = usize::try_from(hour).unwrap_or(0);
    let (before, length) = BY_HOUR_OF_DAY.get(table).copied().unwrap_or((0, 60));
    (day * 24 * 60 + before, length)
}

/// For each local hour, the minutes of activity earlier that day and those within the hour. They add up to a day's.
const BY_HOUR_OF_DAY: [(i64, u64); 24] = {
    let lengths: [u64; 24] =
        [34, 22, 14, 10, 8, 12, 26, 48, 66, 74, 76, 78, 82, 80, 76, 74, 74, 78, 84, 90, 96, 94, 84, 60];
    let mut table = [(0, 0); 24];
    let (mut hour, mut sum) = (0, 0);
    while hour < 24 {
        table[hour] = (sum, lengths[hour]);
        sum += lengths[hour] as i64;
        hour += 1;
    }
    assert!(sum == 24 * 60);
    table
};

/// Minutes.
const HOUR: u64 = 60;
const MILLION: u64 = 1_000_000;
const SHARED_VIDEO: &str = "video views of other tweets";

/// Shares are our invention; only their order of size is taken from life.
static INGREDIENTS: [Ingredient; 19] = [
    view(name(&Metric::Impressions), Feature::Text, MILLION, MILLION),
    view(name(&Metric::MediaViews), Feature::Media, 200_000, 600_000),
    view(name(&Metric::VideoViews), Feature::Video, 100_000, 400_000),
    view(SHARED_VIDEO, Feature::Video, 50_000, 900_000),
    interaction(name(&Metric::Favorites), Feature::Text, 8_000, 30_000),
    interaction(name(&Metric::Retweets), Feature::Text, 2_000, 8_000),
    interaction(name(&Metric::Replies), Feature::Text, 500, 3_000),
    interaction(name(&Metric::QuoteTweets), Feature::Text, 200, 1_500),
    interaction(name(&Metric::MediaEngagements), Feature::Media, 5_000, 30_000),
    interaction(name(&Metric::UrlClicks), Feature::Url, 3_000, 20_000),
    interaction(name(&Metric::HashtagClicks), Feature::Hashtag, 200, 2_000),
    interaction(name(&Metric::DetailExpands), Feature::Text, 5_000, 20_000),
    interaction(name(&Metric::PermalinkClicks), Feature::Text, 300, 2_000),
    interaction(name(&Metric::AppInstallAttempts), Feature::App, 100, 800),
    interaction(name(&Metric::AppOpens), Feature::App, 200, 1_500),
    interaction(name(&Metric::EmailTweet), Feature::Text, 5, 60),
    interaction(name(&Metric::UserFollows), Feature::Text, 20, 400),
    interaction(name(&Metric::UserProfileClicks), Feature::Text, 1_000, 6_000),
    interaction("other interactions", Feature::Text, 50, 300),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::world::World;

    fn curve(id: u64, metric: &Metric) -> Vec<Curve> {
        Recipe::of(metric, Endpoint::Historical).curves(&World::demo().tweet(id))
    }

    fn before(curves: &[Curve], hour: i32) -> u64 {
        curves.iter().map(|curve| curve.before(hour)).sum()
    }

    #[test]
    fn every_metric_has_a_recipe() {
        for metric in Metric::ALL {
            assert!(!Recipe::of(&metric, Endpoint::Totals).0.is_empty(), "{metric}");
        }
        let names: std::collections::BTreeSet<_> =
            INGREDIENTS.iter().map(|ingredient| ingredient.name).collect();
        assert_eq!(names.len(), INGREDIENTS.len());
    }

    #[test]
    fn has_the_shape_of_life() {
        let world = World::demo();
        let tweet = world.tweet(1_700_000_000_000_000_001);
        let recipe = Recipe::of(&Metric::Impressions, Endpoint::Totals);
        let first = tweet.first_hour();
        let at = |days: i32| recipe.before(&tweet, first + days * 24);
        // A burst: the first two days bring more than the following eight, those more than any later month.
        assert!(at(2) > at(10) - at(2));
        // A tail: something comes after a year.
        assert!(at(500) > at(400));
        // Day and night: the best hour of a later day has at least twice the worst.
        let hours: Vec<_> = (48..72)
            .map(|hour| recipe.before(&tweet, first + hour + 1) - recipe.before(&tweet, first + hour))
            .collect();
        assert!(hours.iter().max().unwrap() > &(2 * hours.iter().min().unwrap()), "{hours:?}");
    }

    #[test]
    fn some_metrics_are_zero_before_they_were_counted() {
        // Contract 2.3 rule 10. Made the day before, so that there are hours on both sides.
        let id = engagement_model::TweetId::first_at("2015-09-14T00:00:00Z".parse().unwrap()).unwrap().get();
        let day = |text: &str| engagement_model::UtcHour::containing(text.parse().unwrap()).since_epoch();
        for metric in [Metric::Favorites, Metric::Replies, Metric::Retweets] {
            let curves = curve(id, &metric);
            assert_eq!(before(&curves, day("2015-09-15T00:00:00Z")), 0, "{metric}");
        }
        assert!(before(&curve(id, &Metric::Impressions), day("2015-09-15T00:00:00Z")) > 0);
    }

    proptest! {
        #[test]
        fn never_falls_and_begins_at_zero(id in 1_u64..=i64::MAX.unsigned_abs(), metric in 0..18_usize, hours in 1..4_000) {
            let metric = &Metric::ALL[metric];
            let curves = curve(id, metric);
            let first = World::demo().tweet(id).first_hour();
            prop_assert_eq!(before(&curves, first), 0);
            let mut last = 0;
            for hour in first - 2..first + hours {
                let next = before(&curves, hour);
                prop_assert!(next >= last, "hour {}", hour);
                last = next;
            }
        }

        #[test]
        fn engagements_hold_their_parts(id in 1_u64..=i64::MAX.unsigned_abs(), hour in 0..9_000) {
            let hour = World::demo().tweet(id).first_hour() + hour;
            let parts: u64 = [Metric::Favorites, Metric::Retweets, Metric::Replies, Metric::UrlClicks]
                .iter()
                .map(|metric| before(&curve(id, metric), hour))
                .sum();
            prop_assert!(before(&curve(id, &Metric::Engagements), hour) >= parts);
        }
    }
}
