//! Values of the Enterprise Engagement API: ids, metrics, windows, requests, answers and plans.
//!
//! Pure functions over values: nothing here does I/O or looks at a clock; where a rule depends on the time, the time
//! is an argument.

mod tweet_id;

pub use tweet_id::{InvalidTweetId, TweetId};
