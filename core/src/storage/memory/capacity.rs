//! Counts the sessions and bytes in the storage, and enforces its bounds.

use std::time::Duration;

use super::{
    slot::Slot,
    sync::{AtomicU64, AtomicUsize, Ordering},
};
use crate::{
    Timestamp,
    storage::{StorageError, StorageErrorKind},
};

/// In a full storage, expired sessions are removed before live ones, but no more often than this.
const SWEEP_UNDER_PRESSURE: Duration = Duration::from_secs(1);

/// The sessions and bytes in the storage, and its bounds.
///
/// A slot is counted under the lock of its shard. A new slot is counted before the old one is released, so the count is never
/// too low.
pub(super) struct Capacity {
    pub(super) sessions: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) max_sessions: usize,
    pub(super) max_bytes: usize,
    /// When expired sessions were last removed because the storage was full.
    swept_at: AtomicU64,
}

impl Capacity {
    pub(super) fn new(max_sessions: usize, max_bytes: usize) -> Self {
        let none = || AtomicUsize::new(0);
        Self { sessions: none(), bytes: none(), max_sessions, max_bytes, swept_at: AtomicU64::new(0) }
    }

    pub(super) fn fits(&self, sessions: usize, bytes: usize) -> bool {
        self.sessions.load(Ordering::Relaxed).saturating_add(sessions) <= self.max_sessions
            && self.bytes.load(Ordering::Relaxed).saturating_add(bytes) <= self.max_bytes
    }

    /// Whether so many bytes would fit into an empty storage.
    pub(super) const fn could_fit(&self, bytes: usize) -> bool {
        bytes <= self.max_bytes
    }

    /// Reserves room if there is any. Reserving nothing always succeeds.
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

    /// Releases the room of a slot that was removed.
    pub(super) fn release_slot(&self, slot: &Slot) {
        self.release(1, slot.bytes());
    }

    /// Whether it is time to remove expired sessions from all shards. Only one of several threads gets `true`.
    pub(super) fn is_sweep_due(&self, now: Timestamp) -> bool {
        let last = self.swept_at.load(Ordering::Relaxed);
        // A clock that was set back must not delay it.
        let due = Timestamp::from_millis(last) + SWEEP_UNDER_PRESSURE <= now || last > now.as_millis();
        due && self.swept_at.compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The error when no more room can be made.
pub(super) fn full() -> StorageError {
    StorageError::new(StorageErrorKind::Full, "making room for a session")
}
