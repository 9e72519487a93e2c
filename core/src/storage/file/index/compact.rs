//! Removes entries without a session, and entries that are there twice.

use std::{collections::HashSet, time::Duration};

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

impl Store {
    /// Compacts the whole index if that is due.
    pub(in super::super) fn compact_index(&self, now: Timestamp) {
        if !self.principals.compacted.is_due(PERIOD, now) {
            return;
        }
        for number in 0..=u8::MAX {
            let compacted = match self.folder.sub(&format!("{number:02x}")) {
                Ok(Some(sub)) => self.compact_bucket(number, &sub),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = compacted {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a part of the index of principals was not compacted");
            }
        }
    }

    fn compact_bucket(&self, number: u8, sub: &Dir) -> Result<()> {
        let Some(bytes) = read_bucket(sub)? else { return Ok(()) };
        // Not under the lock, so that no login waits for it.
        let useless: HashSet<StoreKey> =
            bucket::entries(&bytes).map(|(_, key)| key).filter(|key| !self.may_have_session(key)).collect();
        if !bytes.is_empty() && useless.is_empty() && bucket::is_compact(&bytes) {
            return Ok(());
        }
        let _locked = self.principals.locks.lock(number, sub)?;
        let bytes = read_bucket(sub)?.unwrap_or_default();
        let mut kept = Vec::with_capacity(bytes.len());
        for (entry, key) in bucket::entries(&bytes) {
            // The session of a login that had only noted it is there by now.
            if !useless.contains(&key) || self.may_have_session(&key) {
                kept.extend_from_slice(entry);
            }
        }
        if kept.is_empty() {
            unlink(sub, bucket::NAME)?;
        } else if kept.len() < bytes.len() {
            // Synced: a power failure must not take the entries of weeks.
            self.write_over(sub, bucket::NAME, Opened::Absent, &kept, None, true)?;
        }
        Ok(())
    }

    /// Whether there is a session under this key, or something that may be one, or that cannot be looked at. A session that was
    /// renewed has another entry.
    fn may_have_session(&self, key: &StoreKey) -> bool {
        let look = || -> Result<bool> {
            let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(false) };
            Ok(match self.open(&sub, key)? {
                Opened::File(file, stat) => {
                    !stat.is_emptied() && !format::is_tombstone(&read(&file, 0, format::HEADER)?)
                }
                Opened::Foreign => true,
                Opened::Absent => false,
            })
        };
        look().unwrap_or(true)
    }
}
