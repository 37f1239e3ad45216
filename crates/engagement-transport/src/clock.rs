use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::poison;

/// The wall clock that timestamps are read from.
///
/// Waits are measured on tokio's monotonic clock and not on this one, so it may jump at any time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// What is known of one server's clock, from the `Date` of its answers.
///
/// The last `Date` is kept with the monotonic instant of its arrival, so that our own wall clock may jump in between
/// without moving a wait or, once a signature has been refused for its time, a timestamp.
#[derive(Default)]
pub(crate) struct ServerClock {
    state: Mutex<State>,
}

impl ServerClock {
    pub(crate) fn saw(&self, date: SystemTime, at: Instant) {
        poison::lock(&self.state).seen = Some((date, at));
    }

    /// From now on timestamps follow the server, which is `ahead` of us by so many seconds. Returns whether this is news.
    pub(crate) fn adopt(&self, ahead: i64) -> bool {
        let mut state = poison::lock(&self.state);
        if state.adopted == Adopted::No {
            state.adopted = Adopted::OnTrial;
        }
        let is_news = state.told.is_none_or(|told| told.abs_diff(ahead) > CLOCK_TOLERANCE);
        if is_news {
            state.told = Some(ahead);
        }
        is_news
    }

    /// What was signed anew with the server's time was refused again, or accepted. What never helped is given up.
    pub(crate) fn tried(&self, accepted: bool) {
        let mut state = poison::lock(&self.state);
        state.adopted = match (accepted, state.adopted) {
            (true, _) | (false, Adopted::ForGood) => Adopted::ForGood,
            (false, _) => Adopted::No,
        };
    }

    /// The time to sign with: the server's once it has refused ours.
    pub(crate) fn stamp(&self, ours: &dyn Clock) -> SystemTime {
        let state = poison::lock(&self.state);
        match state.adopted {
            Adopted::No => None,
            Adopted::OnTrial | Adopted::ForGood => state.server_time(),
        }
        .unwrap_or_else(|| ours.now())
    }

    /// The server's time as best known, for reading an absolute time that it sent.
    pub(crate) fn server_time(&self, ours: &dyn Clock) -> SystemTime {
        poison::lock(&self.state).server_time().unwrap_or_else(|| ours.now())
    }
}

#[derive(Default)]
struct State {
    seen: Option<(SystemTime, Instant)>,
    adopted: Adopted,
    /// By how much the server was last said to be ahead.
    told: Option<i64>,
}

/// Whether timestamps follow the server.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Adopted {
    #[default]
    No,
    /// It is not yet known whether that helps.
    OnTrial,
    ForGood,
}

impl State {
    fn server_time(&self) -> Option<SystemTime> {
        let (date, at) = self.seen?;
        date.checked_add(at.elapsed())
    }
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Seconds by which clocks may be apart before a refused signature is blamed on that.
pub const CLOCK_TOLERANCE: u64 = 60;

/// Says which clock is ahead, and how far, of a server's that is so many seconds ahead of ours.
///
/// ```
/// let words = engagement_transport::clocks_apart(-90);
/// assert_eq!(words, "this machine's clock is 90 s ahead of the server's");
/// ```
pub fn clocks_apart(server_ahead: i64) -> String {
    let side = if server_ahead < 0 { "ahead of" } else { "behind" };
    format!("this machine's clock is {} s {side} the server's", server_ahead.unsigned_abs())
}

/// How far `theirs` is ahead of `ours`, in whole seconds.
pub(crate) fn seconds_ahead(theirs: SystemTime, ours: SystemTime) -> i64 {
    let seconds = |distance: Duration| i64::try_from(distance.as_secs()).unwrap_or(i64::MAX);
    match theirs.duration_since(ours) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(u64);

    impl Clock for At {
        fn now(&self) -> SystemTime {
            epoch(self.0)
        }
    }

    fn epoch(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn follows_the_server_only_after_adoption() {
        let server = ServerClock::default();
        server.saw(epoch(5_000), Instant::now());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(server.stamp(&At(100)), epoch(100));
        assert_eq!(server.server_time(&At(100)), epoch(5_010));
        assert!(server.adopt(4_910));
        assert_eq!(server.stamp(&At(100)), epoch(5_010));
        assert_eq!(server.stamp(&At(999_999)), epoch(5_010), "our own clock may jump");
    }

    #[test]
    fn measures_both_directions() {
        assert_eq!(seconds_ahead(epoch(160), epoch(100)), 60);
        assert_eq!(seconds_ahead(epoch(100), epoch(3_700)), -3_600);
    }
}
