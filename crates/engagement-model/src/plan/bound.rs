//! How few requests could do.
//!
//! Every window of a plan wastes less than one request for each asker. Where nearly all Tweets are young the bound
//! itself is too low: one Tweet of a year and 999 that came one by one in the last four weeks have a bound of 41, and
//! 14 hours of the year, no two of which fit into one request, take 53.

use super::{Plan, Pool, hours_between, made_in};
use crate::metric::WINDOW_MAX_HOURS;

impl Plan {
    /// The least number of requests that any plan for this pool needs, grouping parts aside.
    ///
    /// Without hours: full batches. With hours, the largest of three, for what a request can hold is limited three
    /// times: a Tweet takes part in as many as its hours need, and a request holds so many Tweets; one Tweet's hours
    /// need several; and in each hour all Tweets that are there need so many batches.
    pub(super) fn lower_bound(&self, pool: &Pool) -> u64 {
        let (tweet_ids, size) = (pool.asked(), self.endpoint.max_tweet_ids());
        let Some(range) = self.range else { return tweet_ids.len().div_ceil(size) as u64 };
        let needed = tweet_ids.iter().map(|id| hours_between(made_in(*id, range), range.end()));
        let (mut parts, mut longest, mut batch_hours) = (0_u64, 0_u64, 0_u64);
        for (place, hours) in needed.enumerate() {
            let windows = u64::from(hours.div_ceil(WINDOW_MAX_HOURS));
            parts += windows;
            longest = longest.max(windows);
            // From the oldest on, every 25th Tweet opens one more batch from its first hour on.
            if place % size == 0 {
                batch_hours += u64::from(hours);
            }
        }
        parts.div_ceil(size as u64).max(longest).max(batch_hours.div_ceil(u64::from(WINDOW_MAX_HOURS)))
    }
}
