//! Bulk collection: a list of Tweets to rows in a store, durable, resumable and accounted for.
//!
//! A [`Question`] and a [`List`] of Tweets make a job in the store, planned into batches of one request each. A [`Run`]
//! takes the batches that wait, has as many requests in flight as the client allows, and commits what each brings
//! together with the record that it was brought. Whatever ends a run (a signal, a crash, the quota, a full disk), the
//! next one goes on where it was: at most the batches that were in flight are asked for again.
//!
//! ```no_run
//! use engagement::{App, Client};
//! use engagement_collect::{List, Making, Question, Run, make, model::plan::Target};
//! use engagement_store::Store;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().app(App::consumer("consumer key", "consumer secret")).build()?;
//! let store = Store::create("engagement.db", client.now())?;
//! let mut collector = store.collector(client.now())?;
//!
//! let question = Question::new(Target::Totals);
//! let list = List::new(["1070059276213702656".parse()?]);
//! let job = make(&mut collector, &client, &question, list, Making::default())?.id();
//! let mut run = Run::new(client, collector, job, &question)?;
//! while let Some(step) = run.next().await {
//!     println!("{:?}", step.problems);
//! }
//! let (report, _) = run.finish().await?;
//! println!("{:?}", report.tweets);
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: read files, find credentials, or print.

mod answer;
mod error;
mod failing;
mod job;
mod list;
mod question;
mod report;
mod run;
mod unasked;
mod writer;

pub use engagement_model as model;

pub use error::{Changed, Error};
pub use job::{Job, Making, Outlook, Quarantine, Stale, Standing, find, make, outlook, stale};
pub use list::List;
pub use question::Question;
pub use report::Report;
pub use run::{Ended, Progress, Run, Step};
