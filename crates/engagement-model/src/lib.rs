//! Values of the Enterprise Engagement API: ids, metrics, windows, requests, answers and plans.
//!
//! Pure functions over values: nothing here does I/O or looks at a clock; where a rule depends on the time, the time
//! is an argument. A value that exists is valid, so what is built here needs no second check before it is sent.
//!
//! Rules carry the number that the API's contract gives them (`V2`, `2.3 rule 4`) and how well each is known:
//! documented, seen in the wild, or inferred. What nothing public settles is called a guess, or our own choice.
//!
//! From ids to requests, and from a body to rows:
//!
//! ```
//! use engagement_model::{
//!     Answer, Grouping, Metric, Outcome, TweetId,
//!     answer::Limits,
//!     plan::{Ask, Asker, Plan, Question, Target},
//! };
//!
//! let now = "2024-03-08T00:00:00Z".parse()?;
//! let id: TweetId = "1763000000000000001".parse()?;
//! let question = Question::new(Target::Totals, [Metric::Favorites, Metric::Retweets], now);
//! let plan = Plan::new(question, vec![Ask::new(id, Asker::AppOnly)])?;
//! let grouping: Grouping = "by-tweet=tweet.id,engagement.type".parse()?;
//! for planned in plan.requests() {
//!     let request = planned.request(&[grouping.clone()], now)?;
//!     assert_eq!(request.endpoint().path(), "/insights/engagement/totals");
//!     // What the server answers to `request.to_json()`; it does not mention the retweets.
//!     let body = br#"{"by-tweet":{"1763000000000000001":{"favorites":"12"}}}"#;
//!     let rows = Answer::decode(&request, body, &Limits::default())?.rows;
//!     assert_eq!(rows[0].outcome, Outcome::Ok(12));
//!     assert!(matches!(rows[1].outcome, Outcome::Unaccounted(_)));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod access;
mod account_names;
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
pub use account_names::AccountNames;
pub use answer::Answer;
pub use endpoint::Endpoint;
pub use grouping::{Dimension, Grouping};
pub use hour::UtcHour;
pub use metric::Metric;
pub use outcome::{Outcome, Reason, Row, State, Survey, Tally};
pub use refusal::{Refusal, RefusalKind};
pub use request::{InvalidRequest, Request};
pub use tweet_id::{InvalidTweetId, TweetId};
pub use window::Window;
