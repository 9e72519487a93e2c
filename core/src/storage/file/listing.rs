//! Lists a principal's sessions, even while they are being renewed.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::ErrorKind,
    num::NonZeroUsize,
};

use super::{
    error::{FileError, Result},
    folder::{keys_in, sub_name},
    format::Content,
    store::Store,
    system::Dir,
};
use crate::{
    StoreKey, Timestamp,
    storage::{Access, Found, Tombstone},
};

/// What is known of a key.
#[derive(Clone, Copy)]
enum Known {
    /// It needs no further look.
    Done,
    /// The session was renewed to `to`. `followed` is the number of the tombstone from which this one was first reached.
    Tombstone { to: StoreKey, followed: Option<usize> },
}

struct Listing<'a> {
    store: &'a Store,
    principal: &'a str,
    access: Access,
    found: Vec<Found>,
    known: HashMap<StoreKey, Known>,
}

impl Store {
    /// Reads the sessions that are in the index. One that is renewed meanwhile is found by following its tombstone. No file is read
    /// more than twice, however many tombstones lead to it.
    pub(super) fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>> {
        let (found, known) = (Vec::new(), HashMap::new());
        let mut listing = Listing { store: self, principal, access: Access::passive(now), found, known };
        // Before the index is read: what is indexed afterwards is in it, or is among these.
        let unindexed = self.unindexed()?;
        for key in self.noted(principal)? {
            if let Some(sub) = self.folder.sub(&sub_name(&key))? {
                listing.look(&sub, key)?;
            }
        }
        for (number, sub) in unindexed {
            for key in self.keys_in_locked(number, &sub)? {
                if !listing.known.contains_key(&key) {
                    listing.look(&sub, key)?;
                }
            }
        }
        listing.follow()?;
        Ok(listing.found)
    }

    /// Reads the sessions of one page, and no others, unless a sub-folder is not in the index yet.
    pub(super) fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>> {
        // Before the index is read, as in `find`.
        let unindexed = self.unindexed()?;
        let mut keys = self.noted(principal)?;
        for (number, sub) in unindexed {
            keys.extend(self.keys_in_locked(number, &sub)?);
        }
        keys.retain(|key| after.is_none_or(|after| *key > after));
        keys.sort_unstable();
        keys.dedup();
        let (mut found, access) = (Vec::new(), Access::passive(now));
        for key in keys {
            if found.len() == most.get() {
                break;
            }
            if let Some(sub) = self.folder.sub(&sub_name(&key))?
                && let Some(Content::Session(record)) = self.read(&sub, &key, &access)?
                && record.principal.as_deref() == Some(principal)
            {
                found.push(Found::new(key, record));
            }
        }
        Ok(found)
    }

    /// The keys in a sub-folder, none of which is missing because it is renamed over.
    pub(super) fn keys_in_locked(&self, number: u8, sub: &Dir) -> Result<Vec<StoreKey>> {
        // Under the lock: POSIX does not say whether a file is listed that is replaced by a rename during the listing. On a
        // read-only file system there is no lock, and nothing is renamed.
        let _lock = match self.locks.lock(number, sub) {
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::ReadOnlyFilesystem => None,
            lock => Some(lock?),
        };
        keys_in(sub)
    }
}

impl Listing<'_> {
    /// Reads what is under a key.
    fn look(&mut self, sub: &Dir, key: StoreKey) -> Result<()> {
        match self.store.read(sub, &key, &self.access)? {
            Some(Content::Session(record)) if record.principal.as_deref() == Some(self.principal) => {
                self.known.insert(key, Known::Done);
                self.found.push(Found::new(key, record));
            }
            Some(Content::Tombstone(Tombstone { to, .. })) => {
                self.known.insert(key, Known::Tombstone { to, followed: None });
            }
            Some(Content::Session(_)) | None => {}
        }
        Ok(())
    }

    /// Follows every tombstone until it reaches a known key.
    fn follow(&mut self) -> Result<()> {
        let is_tombstone = |(key, known): (&StoreKey, &Known)| matches!(known, Known::Tombstone { .. }).then_some(*key);
        let tombstones: Vec<StoreKey> = self.known.iter().filter_map(is_tombstone).collect();
        let mut cycles = 0_u64;
        for (number, mut key) in tombstones.into_iter().enumerate() {
            loop {
                match self.known.entry(key) {
                    Entry::Vacant(entry) => {
                        entry.insert(Known::Done);
                        if let Some(sub) = self.store.folder.sub(&sub_name(&key))? {
                            self.look(&sub, key)?;
                        }
                    }
                    Entry::Occupied(mut entry) => match entry.get_mut() {
                        Known::Tombstone { to, followed: followed @ None } => {
                            *followed = Some(number);
                            key = *to;
                        }
                        Known::Tombstone { followed, .. } => {
                            cycles += u64::from(*followed == Some(number));
                            break;
                        }
                        Known::Done => break,
                    },
                }
            }
        }
        if cycles > 0 {
            // No renewal creates a cycle, because the new key is never one in use.
            tracing::warn!(
                cycles,
                "tombstones of renewals form a cycle: someone else has written to the session folder"
            );
        }
        Ok(())
    }
}
