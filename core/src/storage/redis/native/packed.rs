//! What the scripts are given and what they answer, as bytes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::header::{Head, millis};
use crate::{
    Record, Timestamp,
    record::Access,
    storage::{StorageError, redis::wire::Answer},
};

/// Later than the session's own end, which every reader checks: as `SLACK` in `common.lua`.
const SLACK: Duration = Duration::from_secs(60);
/// A hundred years: what Redis can count, and nobody lives to see. As `FOREVER` in `common.lua`.
const FOREVER: u64 = 3_155_760_000_000;
/// How long a session on its way to another node lies there unseen at most.
pub(super) const PREPARED_FOR: Duration = Duration::from_secs(60);

/// An access as the scripts read it.
pub(super) fn access(access: &Access) -> [u8; 41] {
    let mut bytes = [0; 41];
    bytes[..8].copy_from_slice(&access.now.as_millis().to_le_bytes());
    bytes[8..16].copy_from_slice(&millis(access.bounds.idle_timeout).to_le_bytes());
    bytes[16..24].copy_from_slice(&millis(access.bounds.absolute_lifetime).to_le_bytes());
    if let Some(extend) = &access.extend {
        bytes[24] = 1;
        bytes[25..33].copy_from_slice(&millis(extend.idle_timeout).to_le_bytes());
        bytes[33..41].copy_from_slice(&millis(extend.interval).to_le_bytes());
    }
    bytes
}

/// The expiry of the key of a session, in milliseconds from now.
pub(super) fn expiry(record: &Record, now: Timestamp) -> u64 {
    millis(record.expires_at().since(now).saturating_add(SLACK)).clamp(1, FOREVER)
}

/// Makes revisions: numbers that no two commits share, in whatever process, so that equal ones mean an unchanged session.
#[derive(Debug)]
pub(super) struct Revisions(AtomicU64);

impl Revisions {
    pub(super) fn new() -> Result<Self, StorageError> {
        use rand::TryRng as _;
        let failed = |_| StorageError::new(crate::StorageErrorKind::Setup, "reading the system's random numbers");
        Ok(Self(AtomicU64::new(rand::rngs::SysRng.try_next_u64().map_err(failed)?)))
    }

    /// Never 0, which means that none is known.
    pub(super) fn next(&self) -> u64 {
        // The golden ratio's step visits every number once before it repeats one.
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).max(1)
    }
}

/// A bound as the scripts read it.
pub(super) fn bound(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

impl Answer {
    /// A header that follows.
    pub(super) fn header(&mut self) -> Option<super::header::Header> {
        match Head::decode(&self.bytes()?)? {
            Head::Session(header) => Some(header),
            Head::Trace(_) => None,
        }
    }

    /// A time that follows.
    pub(super) fn time(&mut self) -> Option<Timestamp> {
        let bytes: [u8; 8] = self.bytes()?.try_into().ok()?;
        Some(Timestamp::from_millis(u64::from_le_bytes(bytes)))
    }
}
