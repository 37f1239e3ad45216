//! All that one emulator knows and remembers.

use jiff::{SignedDuration, Timestamp};

use crate::{
    auth::Auth,
    clock::{Clock, InvalidClock, Motion},
    counters::Tally,
    faults::Trouble,
    quota::Quota,
    switches::Switches,
    world::World,
};

/// Shared by all connections.
#[derive(Debug)]
pub(crate) struct Emulation {
    pub(crate) world: World,
    pub(crate) switches: Switches,
    pub(crate) clock: Clock,
    pub(crate) quota: Quota,
    pub(crate) trouble: Trouble,
    pub(crate) auth: Auth,
    pub(crate) tally: Tally,
    /// Scheme and host that clients sign for, if not those at which they call.
    pub(crate) public_url: Option<String>,
}

impl Emulation {
    /// By the machine's clock, with nothing switched and nothing going wrong.
    pub(crate) fn new(world: World) -> Self {
        Self {
            switches: world.switches().clone(),
            auth: Auth::new(&world),
            world,
            clock: Clock::wall(),
            quota: Quota::new(DEFAULT_QUOTA),
            trouble: Trouble::default(),
            tally: Tally::default(),
            public_url: None,
        }
    }

    /// The time, as seconds for OAuth.
    pub(crate) fn seconds(now: Timestamp) -> u64 {
        u64::try_from(now.as_second()).unwrap_or(0)
    }

    /// Sets the clock. When it jumps, which timestamps are acceptable changes, and the nonces that were used before are
    /// forgotten; when it only stops or goes on, what was sent once is still good once.
    pub(crate) fn set_clock(&self, now: Timestamp, motion: Motion) -> Result<(), InvalidClock> {
        let jump = now.duration_since(self.clock.now()).abs();
        self.clock.set(now, motion)?;
        if jump >= A_JUMP {
            self.auth.forget_nonces();
        }
        Ok(())
    }
}

const A_JUMP: SignedDuration = SignedDuration::from_secs(1);
/// Requests a minute. Contracts differ and no public number exists: our choice.
pub(crate) const DEFAULT_QUOTA: u32 = 60;
