//! Reads lists of Tweet ids out of text, tables, URLs and JSON, and says what is wrong with them.
//!
//! ```
//! use engagement_ids::{IdList, Options, Source, Verdict};
//!
//! let text = "tweet_id,text\n1500000000000000001,hello\n1.50000E+18,rounded by a spreadsheet\n";
//! let mut list = IdList::new();
//! list.read(&Source::file("tweets.csv"), text.as_bytes(), &Options::default())?;
//!
//! assert_eq!(list.ids(), ["1500000000000000001".parse().unwrap()]);
//! assert_eq!(list.verdict(), Verdict::Refused);
//! let (source, bad) = list.refused().next().unwrap();
//! assert!(bad.at(source).starts_with("tweets.csv:3: \"1.50000E+18\": scientific notation"));
//! # Ok::<(), engagement_ids::ReadError>(())
//! ```
//!
//! # What is read
//!
//! The form is found by looking at the first 64 KiB, see [`Form`]. Around it, also found by looking: gzip and zstd
//! (all members and frames, checksums verified), a byte order mark, UTF-16 in either order, and line ends of `\n`,
//! `\r\n` and a lone `\r`.
//!
//! An id is what [`TweetId`](engagement_model::TweetId) reads: ASCII digits, no sign, no leading zero, at most 2⁶³ − 1.
//! In place of an id there may be the URL of a Tweet on twitter.com, x.com or their `www.` and mobile hosts. Blanks
//! around an id, one comma or semicolon after it, quotes around it and the apostrophe or `="…"` with which
//! spreadsheets are kept from counting are taken off.
//!
//! # What is promised
//!
//! * Nothing is guessed: what is no id is [`Refused`] with its line and a [`Reason`], never repaired, never skipped in
//!   silence. `read = accepted + duplicates + refused + blank + comments + header`, see [`Counts`].
//! * No id passes through a float. A JSON number is read by its digits.
//! * One pass and bounded memory: a line, record or array element holds at most 64 KiB, and an [`IdList`] at most 16
//!   bytes for each different id.
//! * No network: a short link is refused, not followed.
//!
//! # What is not
//!
//! Spreadsheet files (`.xlsx`), archives and compressions other than gzip and zstd are refused by name. JSON that
//! spreads one object over several lines is read inside an array only.

mod charset;
mod element;
mod excerpt;
mod form;
mod header;
mod item;
mod json;
mod list;
mod open;
mod packing;
mod read;
mod reason;
mod record;
mod report;
mod rounding;
mod seen;
mod source;
mod spelling;
mod text;
mod url;
mod zstd;

pub use form::Form;
pub use item::{Item, Place, Refused, Warning, WarningKind};
pub use list::{Counts, IdList, Verdict};
pub use open::{OpenError, OpenErrorKind, may_wait, open};
pub use packing::Packing;
pub use read::{Options, ReadError, ReadErrorKind, read, read_arguments, text};
pub use reason::Reason;
pub use report::Report;
pub use rounding::Rounding;
pub use source::Source;
