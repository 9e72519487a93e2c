//! What is held, counted against what may be held.

use std::time::Duration;

use super::{
    slot::Slot,
    sync::{AtomicU64, AtomicUsize, Ordering},
};
use crate::{
    Timestamp,
    storage::{StorageError, StorageErrorKind},
};

/// Under pressure everything expired goes before anything living does, but it is looked for no more often than this.
const SWEEP_UNDER_PRESSURE: Duration = Duration::from_secs(1);

/// What is held, and what may be held.
///
/// Counted under the lock of the shard that holds it, the new before the old, so that it is never less than what is there.
pub(super) struct Capacity {
    pub(super) sessions: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) max_sessions: usize,
    pub(super) max_bytes: usize,
    /// When expired sessions were last looked for because there was no room.
    pressed_at: AtomicU64,
}

impl Capacity {
    pub(super) fn new(max_sessions: usize, max_bytes: usize) -> Self {
        let none = || AtomicUsize::new(0);
        Self { sessions: none(), bytes: none(), max_sessions, max_bytes, pressed_at: AtomicU64::new(0) }
    }

    pub(super) fn fits(&self, sessions: usize, bytes: usize) -> bool {
        self.sessions.load(Ordering::Relaxed).saturating_add(sessions) <= self.max_sessions
            && self.bytes.load(Ordering::Relaxed).saturating_add(bytes) <= self.max_bytes
    }

    /// Whether so much would fit if nothing else were held.
    pub(super) const fn could_fit(&self, bytes: usize) -> bool {
        bytes <= self.max_bytes
    }

    /// Takes room if there is any. Taking none always works.
    pub(super) fn reserve(&self, sessions: usize, bytes: usize) -> bool {
        if sessions == 0 && bytes == 0 {
            return true;
        }
        self.sessions.fetch_add(sessions, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = self.fits(0, 0);
        if !fits {
            self.release(sessions, bytes);
        }
        fits
    }

    pub(super) fn release(&self, sessions: usize, bytes: usize) {
        self.sessions.fetch_sub(sessions, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a slot that is no longer held.
    pub(super) fn release_slot(&self, slot: &Slot) {
        self.release(1, slot.bytes());
    }

    /// Whether it is time to look for expired sessions everywhere; of several threads one is told so.
    pub(super) fn is_sweep_due(&self, now: Timestamp) -> bool {
        let last = self.pressed_at.load(Ordering::Relaxed);
        // A clock that was set back must not put it off.
        let due = Timestamp::from_millis(last) + SWEEP_UNDER_PRESSURE <= now || last > now.as_millis();
        due && self.pressed_at.compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The error when nothing more may be evicted.
pub(super) fn full() -> StorageError {
    StorageError::new(StorageErrorKind::Full, "making room for a session")
}
