use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Counts what was sent in the last second or minute, so that no window of that length, wherever it begins, holds
/// more than the limit.
///
/// A bucket that refills would let twice the limit through around a window's edge. What a log costs in memory is
/// bounded by counting sends that are close together as one entry.
pub(super) struct Window {
    span: Duration,
    limit: Option<u32>,
    log: VecDeque<Entry>,
    sent: u32,
}

/// When there is room for another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Now,
    At(Instant),
    /// Calls that have their turn and are not sent yet fill it; it shows when they are.
    Unknown,
}

impl Window {
    pub(super) fn new(span: Duration) -> Self {
        Self { span, limit: None, log: VecDeque::new(), sent: 0 }
    }

    pub(super) fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// Returns whether this is news.
    pub(super) fn set_limit(&mut self, limit: u32) -> bool {
        self.limit.replace(limit) != Some(limit)
    }

    pub(super) fn sent(&self) -> u32 {
        self.sent
    }

    pub(super) fn record(&mut self, now: Instant) {
        self.forget(now);
        self.sent = self.sent.saturating_add(1);
        match self.log.back_mut() {
            // Dated by its first call for as long as it takes others, and by its last for leaving the window.
            Some(entry) if now.duration_since(entry.first) < self.span / ENTRIES => {
                entry.last = now;
                entry.calls = entry.calls.saturating_add(1);
            }
            _ => self.log.push_back(Entry { first: now, last: now, calls: 1 }),
        }
    }

    /// Whether another call fits beside those sent and the `pending` ones that are about to be, under the window's
    /// own limit or a lower ceiling.
    pub(super) fn room(&mut self, now: Instant, pending: u32, ceiling: Option<u32>) -> Room {
        self.forget(now);
        let limit = match (self.limit, ceiling) {
            (Some(limit), Some(ceiling)) => limit.min(ceiling),
            (Some(limit), None) | (None, Some(limit)) => limit,
            (None, None) => return Room::Now,
        };
        let Some(excess) = (self.sent.saturating_add(pending).saturating_add(1)).checked_sub(limit) else {
            return Room::Now;
        };
        if excess == 0 {
            return Room::Now;
        }
        let mut leaving = 0;
        for entry in &self.log {
            leaving += entry.calls;
            if leaving >= excess {
                return Room::At(entry.last + self.reach());
            }
        }
        Room::Unknown
    }

    /// The end of our own window: when the oldest call in it leaves.
    pub(super) fn end(&mut self, now: Instant) -> Option<Instant> {
        self.forget(now);
        self.log.front().map(|entry| entry.first + self.span)
    }

    fn forget(&mut self, now: Instant) {
        let reach = self.reach();
        while let Some(entry) = self.log.front()
            && entry.last + reach <= now
        {
            self.sent -= entry.calls;
            self.log.pop_front();
        }
    }

    /// The span and a little more, because the server counts when a call arrives and not when it leaves here.
    fn reach(&self) -> Duration {
        self.span + (self.span / 120).max(Duration::from_millis(50))
    }
}

struct Entry {
    first: Instant,
    last: Instant,
    calls: u32,
}

const ENTRIES: u32 = 1_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    #[test]
    fn is_open_without_a_limit() {
        let mut window = Window::new(SPAN);
        let now = Instant::now();
        for _ in 0..1_000 {
            window.record(now);
        }
        assert_eq!(window.room(now, 1_000, None), Room::Now);
        assert_eq!(window.room(now, 0, Some(10)), Room::At(now + window.reach()));
    }

    #[test]
    fn the_lower_of_limit_and_ceiling_counts() {
        let mut window = Window::new(SPAN);
        let now = Instant::now();
        assert!(window.set_limit(2));
        assert!(!window.set_limit(2));
        window.record(now);
        assert_eq!(window.room(now, 0, Some(5)), Room::Now);
        assert_ne!(window.room(now, 0, Some(1)), Room::Now);
        assert_eq!(window.room(now, 1, None), Room::At(now + window.reach()));
        assert_eq!(window.room(now, 3, None), Room::Unknown);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_limit(limit in 1u32..40, gaps in proptest::collection::vec(0u64..3_000, 1..400)) {
            let mut window = Window::new(SPAN);
            window.set_limit(limit);
            let mut now = Instant::now();
            let mut sent = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Room::At(free) = window.room(now, 0, None) {
                    prop_assert!(free > now);
                    now = free;
                }
                prop_assert_eq!(window.room(now, 0, None), Room::Now);
                window.record(now);
                sent.push(now);
            }
            for (first, later) in sent.iter().zip(sent.iter().skip(limit as usize)) {
                prop_assert!(*later - *first > SPAN);
            }
        }

        #[test]
        fn memory_is_bounded(sends in 1_000u32..20_000) {
            let mut window = Window::new(SPAN);
            let start = Instant::now();
            for n in 0..sends {
                window.record(start + SPAN * n / sends);
            }
            prop_assert_eq!(window.sent(), sends);
            prop_assert!(window.log.len() <= ENTRIES as usize + 1);
        }
    }
}
