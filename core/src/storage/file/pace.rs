//! Whether appending takes no time at present.
//!
//! An append goes to the page cache, but it may wait for the journal of the file system, which waits for the disk. No file system
//! says in advance whether it would: ext4 and tmpfs refuse `RWF_NOWAIT` for writes, and others refuse it whenever the file's time
//! changes, which is at every append. So it is measured. After an append that took long, appending counts as slow for a while, and
//! is left to threads that may wait.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// An append that takes longer has waited. One that does not wait takes 2 µs.
const LONG: Duration = Duration::from_millis(2);
/// For how long it counts as slow.
const A_WHILE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    /// Microseconds from the start.
    slow_until: AtomicU64,
    /// When an append began that has not ended, in microseconds from the start; 0 if there is none. Of several, one is known.
    under_way: AtomicU64,
}

/// When an append began.
pub(super) struct Began(u64);

impl Default for Pace {
    fn default() -> Self {
        Self { start: Instant::now(), slow_until: AtomicU64::new(0), under_way: AtomicU64::new(0) }
    }
}

impl Pace {
    pub(super) fn is_quick(&self) -> bool {
        let (until, since) = (self.slow_until.load(Ordering::Relaxed), self.under_way.load(Ordering::Relaxed));
        // Nearly always neither.
        (until == 0 && since == 0) || {
            let now = self.now();
            // An append that waits already keeps others from waiting as well.
            now >= until && (since == 0 || now.saturating_sub(since) < micros(LONG))
        }
    }

    /// An append begins.
    pub(super) fn begin(&self) -> Began {
        let now = self.now();
        // Unless another one is known.
        let _ = self.under_way.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        Began(now)
    }

    /// An append has ended.
    pub(super) fn end(&self, Began(began): Began) {
        let _ = self.under_way.compare_exchange(began, 0, Ordering::Relaxed, Ordering::Relaxed);
        let now = self.now();
        if now.saturating_sub(began) >= micros(LONG) {
            self.slow_until.store(now.saturating_add(micros(A_WHILE)), Ordering::Relaxed);
        }
    }

    /// Never 0.
    fn now(&self) -> u64 {
        micros(self.start.elapsed()).max(1)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that was made long enough ago for an append from its start to be a long one.
    fn earlier() -> Pace {
        Pace { start: Instant::now().checked_sub(2 * LONG).unwrap(), ..Pace::default() }
    }

    #[test]
    fn one_long_append_makes_it_slow_and_time_makes_it_quick_again() {
        let pace = earlier();
        pace.end(pace.begin());
        pace.slow_until.store(0, Ordering::Relaxed);
        assert!(pace.is_quick());
        pace.end(Began(1));
        assert!(!pace.is_quick());
        pace.slow_until.store(pace.now(), Ordering::Relaxed);
        assert!(pace.is_quick());
    }

    #[test]
    fn an_append_that_has_not_ended_makes_it_slow() {
        let pace = earlier();
        // Since the start.
        pace.under_way.store(1, Ordering::Relaxed);
        assert!(!pace.is_quick());
        // Another one changes nothing about that.
        pace.end(pace.begin());
        assert_eq!(pace.under_way.load(Ordering::Relaxed), 1);
        assert!(!pace.is_quick());
        pace.end(Began(1));
        assert_eq!(pace.under_way.load(Ordering::Relaxed), 0);
    }
}
