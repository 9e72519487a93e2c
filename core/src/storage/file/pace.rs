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
    /// Milliseconds from the start.
    slow_until: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { start: Instant::now(), slow_until: AtomicU64::new(0) }
    }
}

impl Pace {
    pub(super) fn is_quick(&self) -> bool {
        let until = self.slow_until.load(Ordering::Relaxed);
        until == 0 || self.now() >= until
    }

    /// Records how long an append took.
    pub(super) fn note(&self, took: Duration) {
        if took >= LONG {
            let until = self.now() + u64::try_from(A_WHILE.as_millis()).unwrap_or(u64::MAX);
            self.slow_until.store(until, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_append_makes_it_slow_and_time_makes_it_quick_again() {
        let pace = Pace::default();
        pace.note(LONG - Duration::from_nanos(1));
        assert!(pace.is_quick());
        pace.note(LONG);
        assert!(!pace.is_quick());
        pace.slow_until.store(pace.now(), Ordering::Relaxed);
        assert!(pace.is_quick());
    }
}
