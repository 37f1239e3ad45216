//! A faithful local emulator of the Enterprise Engagement API.
//!
//! The API is behind a contract and has no sandbox. This stands in for it on your own machine: the three endpoints
//! (`totals`, `28hr`, `historical`) and the OAuth endpoints of the other host, over real HTTP, for clients in any
//! language. It judges requests by its own reading of the API's contract and shares no code with the client beyond names
//! and numbers, so that whoever passes here has not only agreed with himself.
//!
//! What is documented, what was seen in the wild, what is inferred and what is a guess is told by [`rules()`], and by
//! `docs/rules.md` in the repository, by the numbers that messages cite; guesses can be switched, see [`Switches`].
//!
//! # Testing a service against it
//!
//! Start one in a test, point the service at [`Emulator::url`], and ask afterwards what it was asked. It runs on the
//! test's own runtime and stops when it is dropped.
//!
//! ```
//! use engagement_emulator::{Class, Emulator, Fault, FaultTarget, Faults};
//! # use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpStream};
//! #
//! # /// Stands for the service under test: asks for the favorites of some Tweets, again if it is told to.
//! # async fn your_service(url: &str, ids: Vec<engagement_model::TweetId>) -> std::io::Result<()> {
//! #     let addr = url.strip_prefix("http://").unwrap_or(url);
//! #     let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
//! #     let body = format!(
//! #         r#"{{"tweet_ids":[{}],"engagement_types":["favorites"],"groupings":{{"g":{{"group_by":["tweet.id"]}}}}}}"#,
//! #         ids.join(",")
//! #     );
//! #     for _ in 0..2 {
//! #         let mut stream = TcpStream::connect(addr).await?;
//! #         let head = format!(
//! #             "POST /insights/engagement/totals HTTP/1.1\r\nHost: {addr}\r\nAccept-Encoding: gzip\r\n\
//! #              Authorization: Bearer AAAAdemo%3Dtoken\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
//! #             body.len()
//! #         );
//! #         stream.write_all((head + &body).as_bytes()).await?;
//! #         stream.read_to_end(&mut Vec::new()).await?;
//! #     }
//! #     Ok(())
//! # }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let emulator = Emulator::builder().seed(1).now("2024-03-06T00:30:00Z".parse()?).start().await?;
//! emulator.set_faults(Faults::new([Fault {
//!     endpoint: FaultTarget::Totals,
//!     nth: 1.try_into().ok(),
//!     status: Some(503),
//!     ..Fault::default()
//! }])?);
//!
//! let ids = emulator.tweets(Class::Unowned, None, 20);
//! your_service(emulator.url(), ids).await?;
//!
//! let counters = emulator.counters();
//! assert_eq!(counters.by_endpoint["totals"]["503"], 1);
//! assert_eq!(counters.by_endpoint["totals"]["200"], 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Programs that cannot link this crate have the same under `/_emulator`, for callers on the same machine:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /_emulator/world` | apps and accounts with their made-up secrets, the time, the seed |
//! | `GET /_emulator/tweets?class=…&screen_name=…&count=N` | ids of a [`Class`] |
//! | `GET /_emulator/truth?tweet_id=…&metric=…&start=…&end=…` | what the endpoints answer: series with bounds, totals without |
//! | `GET /_emulator/requests` | [`Counters`] |
//! | `POST /_emulator/faults` | a JSON list of [`Fault`]s takes the place of those in force |
//! | `POST /_emulator/clock` | `{"now": …}` sets the clock, `"frozen": true` stops it |
//!
//! # The world
//!
//! Every id is a Tweet. Its author, its state and its counts for each hour follow from the id and a seed, and nothing is
//! stored: the same seed gives the same answers tomorrow. Counts come from one cumulative curve for each Tweet and
//! metric, so that all windows, groupings and endpoints agree, but for the video views of totals, which count other
//! Tweets with the same video too. [`World::from_toml`] replaces apps and accounts and settles single Tweets.
//!
//! # What it does not do
//!
//! It is no model of how Tweets do on the real platform: the numbers are made up. It keeps no state beyond its run. It
//! asks for no more than the contract says: a request that passes here may still be refused by the real service for a
//! reason that nobody has written down.

mod answer;
mod auth;
mod authority;
mod clock;
mod counters;
mod emulation;
mod emulator;
mod faults;
mod quota;
mod refusal;
mod reply;
mod respond;
mod route;
mod rules;
mod server;
mod switches;
#[cfg(feature = "tls")]
mod tls;
mod world;

#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsError};
pub use self::{
    clock::{InvalidClock, InvalidTime, read_time},
    counters::Counters,
    emulator::{Builder, Emulator, StartError},
    faults::{Fault, FaultTarget, Faults, InvalidFaults},
    rules::{Evidence, Rule, rules},
    switches::{ErrorBody, InvalidSwitch, NinetyDayRule, QuotaPool, Switches},
    world::{Account, App, Class, State, UnknownClass, World, WorldError},
};
