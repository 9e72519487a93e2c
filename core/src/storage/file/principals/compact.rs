//! Removes entries without a session.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{
    super::{
        error::Result,
        folder::sub_name,
        format,
        fs::read,
        store::Store,
        system::{Dir, Opened, unlink},
    },
    bucket, read_bucket,
};
use crate::{StoreKey, Timestamp};

/// How often entries are looked at. Looking at one takes about as long as a sweep takes for a session.
const PERIOD: Duration = Duration::from_secs(60 * 60);

/// When this process did it last.
#[derive(Debug, Default)]
pub(super) struct LastTime(AtomicU64);

impl LastTime {
    /// Whether it is time. Only one of several threads gets `true`.
    fn is_due(&self, now: Timestamp) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        let now_millis = now.as_millis();
        // A clock that was set back must not delay it.
        let is_due = Timestamp::from_millis(last) + PERIOD <= now || last > now_millis;
        is_due && self.0.compare_exchange(last, now_millis, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Store {
    /// Compacts the whole index if that is due.
    pub(in super::super) fn compact(&self, now: Timestamp) {
        if !self.principals.compacted.is_due(now) {
            return;
        }
        for number in 0..=u8::MAX {
            let compacted = match self.folder.sub(&format!("{number:02x}")) {
                Ok(Some(sub)) => self.compact_bucket(number, &sub),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = compacted {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a part of the index of principals was not compacted"
                );
            }
        }
    }

    fn compact_bucket(&self, number: u8, sub: &Dir) -> Result<()> {
        let Some(bytes) = read_bucket(sub)? else { return Ok(()) };
        // Not under the lock, so that no login waits for it.
        let mut useless = HashSet::new();
        for (_, key) in bucket::entries(&bytes) {
            if !self.has_session(&key)? {
                useless.insert(key);
            }
        }
        if useless.is_empty() && !bytes.is_empty() {
            return Ok(());
        }
        let _locked = self.principals.locks.lock(number, sub)?;
        let bytes = read_bucket(sub)?.unwrap_or_default();
        let mut kept = Vec::with_capacity(bytes.len());
        for (entry, key) in bucket::entries(&bytes) {
            // The session of a login that had only noted it is there by now.
            if !useless.contains(&key) || self.has_session(&key)? {
                kept.extend_from_slice(entry);
            }
        }
        if kept.is_empty() {
            unlink(sub, bucket::NAME)?;
        } else if kept.len() < bytes.len() {
            self.write_over(sub, bucket::NAME, Opened::Absent, &kept, None)?;
        }
        Ok(())
    }

    /// Whether there is a session under this key, or something that may be one. A session that was renewed has another entry.
    fn has_session(&self, key: &StoreKey) -> Result<bool> {
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(false) };
        Ok(match self.open(&sub, key)? {
            Opened::File(file, stat) => !stat.is_emptied() && !format::is_tombstone(&read(&file, 0, format::HEADER)?),
            Opened::Foreign => true,
            Opened::Absent => false,
        })
    }
}
