//! A client for the Enterprise Engagement API that accounts for every Tweet it is asked for.
//!
//! ```no_run
//! use engagement::{Account, App, Client};
//! use futures_util::StreamExt as _;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder()
//!     .app(App::consumer("consumer key", "consumer secret"))
//!     .account(Account::new("1111-access-token", "token secret").handle("demo_brand"))
//!     .build()?;
//! let mut outcomes = client.totals(["1070059276213702656".parse()?]).send()?;
//! while let Some(batch) = outcomes.next().await {
//!     for row in &batch.rows {
//!         println!("{} {} {:?}", row.tweet_id, row.metric, row.outcome);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every Tweet × metric that is asked for ends in exactly one of six states, and only one of them has a value: zero is
//! never confused with missing. A 403 that names Tweets does not lose the others, a 429 is waited out and never taken
//! for data, and what fails is named with its reason.
//!
//! What it does not do: keep anything on disk, read credentials from anywhere, or start a runtime. It runs inside one of
//! tokio's, with time and I/O enabled, of either flavour.

mod access;
mod batch;
mod bearer;
mod client;
mod credential;
mod crew;
mod error;
mod exchange;
mod merge;
mod meter;
mod outcomes;
mod owners;
mod pools;
mod query;
mod raw;
mod settled;
mod unit;
mod work;

pub use engagement_model as model;
pub use engagement_transport as transport;
pub use oauth_core;

pub use batch::{Batch, Problem, ProblemKind};
pub use bearer::api_url;
pub use client::{Builder, Client};
pub use credential::{Account, App};
pub use error::{Error, ErrorKind, describe};
pub use meter::Meter;
pub use outcomes::Outcomes;
pub use owners::{Owners, OwnersBuilder};
pub use pools::QuotaPool;
pub use query::{Forecast, Metrics, Query, Resolution, Who};
pub use raw::{Accounted, Cell, Raw};
pub use settled::{Effort, Sent, Settled};
pub use unit::{BoxError, Departure, Unit};
pub use work::unasked;
