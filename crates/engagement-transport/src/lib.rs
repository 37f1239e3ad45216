//! One signed HTTP request, well ended: pool, TLS, gzip, limits, retries and pacing. Knows no API.
//!
//! A [`Call`] says what to ask and how often it may be asked; [`Transport::send`] paces it, signs each attempt just
//! before it goes out, repeats what failed in passing, and ends with a complete [`Answer`] or a typed [`Error`]:
//!
//! ```no_run
//! use engagement_transport::{Authorization, Call, Quota, Replay, Transport, Url, verdict};
//!
//! # async fn example() -> Result<(), engagement_transport::Error> {
//! let transport = Transport::builder().build()?;
//! let call = Call::post(Url::parse("https://data-api.twitter.com/insights/engagement/totals")?)
//!     .json_body(r#"{"tweet_ids":["1070059276213702656"],"engagement_types":["favorites"],"groupings":{}}"#)
//!     .authorization(Authorization::Bearer("token".into()))
//!     .replay(Replay::Safe)
//!     .quota(&Quota::learnt());
//! let answer = transport.send(&call, verdict::by_status).await?;
//! println!("{}: {} bytes", answer.status, answer.body.len());
//! # Ok(())
//! # }
//! ```
//!
//! No [`Answer`] repeats a secret that the transport knows, whatever the server says: see [`Transport::conceal`]. Data
//! is the exception that a caller may ask for, who looks through what it shows: see [`Call::brings_data`].
//!
//! What it does not do: follow redirects (a 3xx is an answer), keep cookies, stream bodies, cache, or send plain
//! `http` to another machine.

mod answer;
mod authorization;
mod bell;
mod budget;
mod call;
mod clock;
mod connection;
mod connector;
mod counters;
mod error;
mod event;
mod failure;
mod gate;
#[cfg(feature = "http2")]
mod gathered;
mod gzip;
mod hop;
mod host;
mod jitter;
mod lease;
#[cfg(feature = "http2")]
mod multiplexed;
mod poison;
mod proxy;
mod quota;
mod reading;
mod reset;
mod resolver;
mod secrets;
mod stream;
mod transport;
mod trust;
mod tunnel;
mod url;
pub mod verdict;
mod watch;
mod words;

pub use answer::{Answer, Head};
pub use authorization::{Authorization, Signing};
pub use call::{Call, Replay};
pub use clock::{CLOCK_TOLERANCE, Clock, SystemClock, clocks_apart};
pub use connector::Http;
pub use counters::Counters;
pub use error::{Advice, Error, ErrorKind, Stop};
pub use event::{Event, Waiting};
pub use gate::Gate;
pub use proxy::Proxy;
pub use quota::{Quota, Snapshot};
pub use transport::{Builder, Transport};
pub use url::{InvalidUrl, Url};
pub use verdict::Verdict;
