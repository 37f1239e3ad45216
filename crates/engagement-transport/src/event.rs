use std::time::{Duration, SystemTime};

/// Something worth telling whoever watches: a wait, a repetition, a lesson about the quota.
///
/// Nothing in an event is secret. The hook is called on the task that makes the call and should return at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request is about to be written: not a byte of it has left when the hook returns.
    Sending {
        /// The server.
        host: &'a str,
        /// The path asked for.
        path: &'a str,
        /// 1 for a call's first request.
        attempt: u32,
    },
    /// An attempt failed in passing and will be repeated.
    Retrying {
        /// The server.
        host: &'a str,
        /// The path asked for.
        path: &'a str,
        /// The attempt that failed.
        attempt: u32,
        /// What went wrong.
        reason: &'a str,
        /// How long the next attempt is put off.
        delay: Duration,
    },
    /// The call stands still until there is quota.
    Waiting {
        /// The server.
        host: &'a str,
        /// The path asked for.
        path: &'a str,
        /// Which limit holds it up.
        why: Waiting,
        /// How long, as far as is known now.
        delay: Duration,
        /// The same as a time of day, by our clock.
        until: SystemTime,
    },
    /// The server told its limit for the first time, or another one than before.
    QuotaLearnt {
        /// Calls in a minute, if that is the one that changed.
        per_minute: Option<u32>,
        /// Calls in a second, if that is the one that changed.
        per_second: Option<u32>,
    },
    /// A signature was refused and the server's clock is not ours: signed again with the server's time. Told once of
    /// each server, and again when the difference is another.
    ClockSkew {
        /// The server.
        host: &'a str,
        /// Whole seconds by which the server is ahead of us.
        ahead: i64,
    },
}

/// Why a call waits for quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// The calls of this second are used up.
    Second,
    /// The calls of this minute are used up.
    Minute,
    /// The server says that nothing is left of its window, though we have not used it all.
    ServerWindow,
    /// The server refused a call with 429.
    Refused,
}
