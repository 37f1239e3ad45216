//! Values of the Enterprise Engagement API: ids, metrics, windows, requests, answers and plans.
//!
//! Pure functions over values: nothing here does I/O or looks at a clock; where a rule depends on the time, the time
//! is an argument. A value that exists is valid, so what is built here needs no second check before it is sent.
//!
//! Rules carry the number that the API's contract gives them (`V2`, `2.3 rule 4`) and how well each is known:
//! documented, seen in the wild, or inferred. What nothing public settles is called a guess.

pub mod access;
pub mod answer;
pub mod endpoint;
pub mod grouping;
pub mod hour;
mod json;
pub mod metric;
pub mod outcome;
pub mod plan;
pub mod recovery;
pub mod refusal;
pub mod request;
mod tweet_id;
pub mod window;

pub use access::Access;
pub use answer::Answer;
pub use endpoint::Endpoint;
pub use grouping::{Dimension, Grouping};
pub use hour::UtcHour;
pub use metric::Metric;
pub use outcome::{Outcome, Reason, Row, State};
pub use refusal::{Refusal, RefusalKind};
pub use request::{InvalidRequest, Request};
pub use tweet_id::{InvalidTweetId, TweetId};
pub use window::Window;
