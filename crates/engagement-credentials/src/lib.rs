//! Where the secrets of the Engagement API come from and are kept, and how a user grants them.
//!
//! * **Found**: [`environment`] variables and the files that their `_FILE` twins name, a [`command`] that prints them,
//!   and the [`store`]: the operating system's keyring (feature `keyring`) or a file that nobody else can read.
//!   [`Sources`] asks them in this order, and [`Found`] says what came from where.
//! * **Taken over**: [`import`] reads the files of other clients, [`entry`] what people type and programs print.
//! * **Granted**: [`login`] is the three-legged flow as a state machine, [`callback`] the user's way back.
//! * **Judged**: [`check`] reads what a server says of a credential.
//!
//! What must be sent for the last two is an [`Errand`], and what comes back a [`Reply`]: the caller sends.
//!
//! ```
//! use engagement_credentials::{Found, Origin, entry::{self, Bare}};
//!
//! let app = entry::read("consumer-key\nconsumer-secret\n", Bare::App)?;
//! let accounts = entry::read("demo_brand 1111-access-token token-secret\n", Bare::Accounts)?;
//!
//! let mut found = Found::default();
//! found.add(Origin::Environment, app.holdings);
//! found.add(Origin::File("credentials.toml".into()), accounts.holdings);
//! assert_eq!(found.holdings.accounts[0].name(), "demo_brand");
//! assert_eq!(found.holdings.accounts[0].user_id(), Some(1111));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//!
//! No `Debug`, `Display` or error of this crate shows a secret; consumer keys and access tokens count as such. What is
//! written is mode 0600 from the moment at which it exists. Nothing here opens a connection; the callback accepts some, from
//! this machine alone.

pub mod callback;
pub mod check;
pub mod command;
pub mod entry;
pub mod environment;
mod errand;
mod found;
mod holdings;
pub mod import;
pub mod login;
pub mod store;

pub use errand::{Errand, Proof, Reply};
pub use found::{Found, Origin, Sources, SourcesError};
pub use holdings::{Account, Checked, Consumer, Finding, Holdings};
