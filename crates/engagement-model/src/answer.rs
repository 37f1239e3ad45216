//! From bytes to outcomes.
//!
//! [`Answer::decode`] turns the body of a success into rows, one for each bucket that has a value, and one for each
//! Tweet × metric that has none. [`cells::decode_cells`] reads any grouping of any legal order, for those who ask for
//! their own. [`Merged`] joins the raw answers of a split request into the one that the API would have given.
//!
//! A body is read once, straight from its bytes, with no tree in between. What is refused, and what is read with a
//! [`Warning`], follows one rule: a value that cannot be told for certain is never guessed.

pub mod cells;
mod error;
mod limits;
mod merge;
mod reading;
mod rows;
mod time;
mod verdict;
mod walk;
mod warning;

pub use self::{
    error::{DecodeError, Place},
    limits::Limits,
    merge::Merged,
    warning::Warning,
};
use crate::{
    metric::Metric,
    outcome::{Row, Survey},
    request::Request,
    tweet_id::TweetId,
    window::Window,
};

/// What a body says about the Tweets and metrics of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The window that the answer says it covers, widened to whole hours: some answers give an end that is none
    /// (contract 8 no. 13). Totals have none, as a rule.
    pub window: Option<Window>,
    /// What became of everything that was asked for, and the values of metrics that came unasked, in the order of the
    /// body; those without a value last.
    ///
    /// Each Tweet × metric of the request has either one row for each bucket of the window, or one row without a
    /// value that stands for all of them. Where only some buckets are missing, each gap between the others has one row.
    pub rows: Vec<Row>,
    /// What is known of all these rows.
    pub survey: Survey,
    /// The metrics that came unasked, each once.
    pub unasked_metrics: Vec<Metric>,
    /// The Tweets of the request that are listed as unavailable.
    pub unavailable: Vec<TweetId>,
    /// The Tweets of the request, with the metrics for which they are listed as too old, asked for or not.
    pub unsupported: Vec<(TweetId, Metric)>,
    /// What the server says beside its data, cleaned.
    pub errors: Vec<String>,
    /// What is odd about the answer.
    pub warnings: Vec<Warning>,
    /// How many more warnings there were.
    pub warnings_left_out: usize,
}

impl Answer {
    /// Reads the body of a success.
    ///
    /// Rows come from the request's first grouping that has both `tweet.id` and `engagement.type`, in any order and
    /// with or without day and hour; without such a grouping nothing can be told apart, and all that was asked for is
    /// unaccounted.
    ///
    /// A value exists only if the server sent it and did not disown it elsewhere in the same body: a Tweet in a list
    /// of what is unavailable, or too old for a metric, has no value there, whatever the grouping shows. `null` and
    /// absence are no zero.
    ///
    /// # Errors
    ///
    /// A body that is no JSON, breaks its rules, has a key twice in any object, or exceeds a limit gives no row at all.
    /// So does one that holds nothing but an error.
    ///
    /// ```
    /// use engagement_model::{Dimension, Grouping, Metric, Outcome, Request, answer::{Answer, Limits}};
    ///
    /// let by_tweet = Grouping::new("g", [Dimension::TweetId, Dimension::EngagementType])?;
    /// let request = Request::totals(
    ///     ["1763000000000000001".parse()?, "1763000000000000009".parse()?],
    ///     [Metric::Favorites],
    ///     [by_tweet],
    /// )?;
    /// let body = br#"{"unavailable_tweet_ids":["1763000000000000009"],"g":{"1763000000000000001":{"favorites":"12"}}}"#;
    /// let answer = Answer::decode(&request, body, &Limits::default())?;
    /// assert_eq!(answer.rows[0].outcome, Outcome::Ok(12));
    /// assert!(matches!(answer.rows[1].outcome, Outcome::Unavailable(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode(request: &Request, body: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        reading::decode(request, body, limits)
    }
}
