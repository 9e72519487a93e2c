//! Numbers that tell the states of sessions apart, for storages that compare and set.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::{TryRng as _, rngs::SysRng};

use super::{StorageError, StorageErrorKind};

/// Makes revisions: numbers that no two commits share, in any process, so that an equal revision means an unchanged session.
#[derive(Debug)]
pub(crate) struct Revisions(AtomicU64);

impl Revisions {
    /// # Errors
    ///
    /// [`StorageError`] if the system has no random numbers.
    pub(crate) fn new() -> Result<Self, StorageError> {
        let failed = |_| StorageError::new(StorageErrorKind::Setup, "reading the system's random numbers");
        Ok(Self(AtomicU64::new(SysRng.try_next_u64().map_err(failed)?)))
    }

    /// Never 0, which means that the revision is unknown.
    pub(crate) fn next(&self) -> u64 {
        // A step of the golden ratio reaches every number once before it repeats one.
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).max(1)
    }
}
