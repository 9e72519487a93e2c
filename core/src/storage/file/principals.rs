//! What this process knows of the [index](super::index) of principals.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::lock::Locks;
use crate::Timestamp;

/// The lock file of the index, in each sub-folder.
pub(super) const LOCK: &str = "principals.lock";

/// What this process knows of the index.
#[derive(Debug)]
pub(super) struct Principals {
    pub(super) locks: Locks,
    /// For each sub-folder that has been found to be indexed, the number of the session folder in which it is.
    indexed: Box<[AtomicU64]>,
    /// When it was compacted, and when sessions without an entry were looked for.
    pub(super) compacted: LastTime,
    pub(super) healed: LastTime,
}

/// When this process did something last.
#[derive(Debug, Default)]
pub(super) struct LastTime(AtomicU64);

impl LastTime {
    /// Whether it is time again. Only one of several threads gets `true`.
    pub(super) fn is_due(&self, period: Duration, now: Timestamp) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        let now_millis = now.as_millis();
        // A clock that was set back must not delay it.
        let is_due = Timestamp::from_millis(last) + period <= now || last > now_millis;
        is_due && self.0.compare_exchange(last, now_millis, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Principals {
    pub(super) fn new(lock_timeout: Duration) -> Self {
        Self {
            locks: Locks::new(LOCK, lock_timeout),
            indexed: (0..256).map(|_| AtomicU64::new(0)).collect(),
            compacted: LastTime::default(),
            healed: LastTime::default(),
        }
    }

    /// Whether a sub-folder of the session folder of this number was found to be indexed.
    pub(super) fn is_indexed(&self, number: u8, folder: u64) -> bool {
        self.indexed[usize::from(number)].load(Ordering::Relaxed) == folder
    }

    pub(super) fn set_indexed(&self, number: u8, folder: u64) {
        self.indexed[usize::from(number)].store(folder, Ordering::Relaxed);
    }
}
