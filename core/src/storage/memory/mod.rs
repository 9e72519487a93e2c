//! Sessions in memory. The fastest storage; the sessions end with the process.

mod builder;
mod capacity;
mod count;
mod evict;
mod evictable;
mod follow;
mod history;
mod listing;
mod locks;
mod principals;
mod renew;
mod scan;
mod shard;
mod slot;
mod store;
mod sync;
#[cfg(test)]
mod tests;

use std::{fmt, num::NonZeroUsize, sync::Arc};

pub use builder::MemoryStorageBuilder;
use store::Store;

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage, StorageError, Swept,
    Tombstone, Touched, Watched, sweeper::Background,
};
use crate::{Record, StoreKey, Timestamp, observe::Observer, record::Commit};

/// Sessions in sharded maps in memory. Clones share the sessions, which end with the last clone.
///
/// - Locks are short, so async code can call it directly too.
/// - A read shares the record instead of copying it.
/// - **Bounded**: by default 1,000,000 sessions and 1 GiB; see [below](#when-it-is-full).
/// - A background thread removes expired sessions every 10 seconds, in small steps. It stops with the storage.
/// - Listing a user's sessions costs what that user has, however many sessions there are and however often they are renewed.
///
/// # When it is full
///
/// A new session then evicts others. Expired sessions go first; the storage searches for them at most once a second. After
/// that it takes a sample of 64 entries that may be evicted, and evicts the first in this order; among equals, the one that
/// was unused for longest ([R21](crate::design#r21)):
///
/// 1. expired entries;
/// 2. anonymous sessions whose client never came back, such as those of a flood of clients without cookies. Any later read
///    counts as coming back, even a passive one;
/// 3. tombstones of renewals more than a minute ago;
/// 4. other anonymous sessions;
/// 5. other tombstones of anonymous sessions.
///
/// The order applies within a sample, not across the whole storage. Where one kind fills nearly all of it, an entry of that
/// kind may go while a few of an earlier kind stay.
///
/// A session with a principal ([`set_principal`](crate::Session::set_principal)) is never evicted, nor is the list
/// of a [tag](crate::Login::tag). If only those and the recent tombstones of such sessions are left, the new session is refused with
/// [`StorageErrorKind::Full`](super::StorageErrorKind::Full).
///
/// # Renewals
///
/// A renewal leaves a tombstone under the old id for an hour, so that a logout with the old id finds the session. For the first
/// minute the tombstone is protected from eviction like its session. A session leaves at most 16 tombstones per minute. So it has at
/// most 32 protected tombstones and 976 tombstones in all, however often its client renews it.
///
/// Further renewals in the same minute work as usual and take no more room: each forgets the id before the last one. Earlier
/// ids still lead to the session, and so does the last one. A logout with a forgotten id finds nothing, as with an unknown id.
/// The 15th id of such a minute leads to the session, but it can no longer give a repeated login the new id, so that login
/// begins another session. Ending all sessions of a user may miss one that is renewed like this twice after it was listed.
///
/// ```
/// use gsession::{ClientInfo, Manager, MemoryStorage};
///
/// let manager = Manager::new(MemoryStorage::new());
/// let session = manager.begin(None, ClientInfo::default);
/// session.set("user", "ada")?;
/// session.save()?;
/// # Ok::<(), gsession::Error>(())
/// ```
#[derive(Clone)]
pub struct MemoryStorage(Arc<Handle>);

struct Handle {
    store: Arc<Store>,
    _sweeper: Option<Background>,
}

impl MemoryStorage {
    /// The number of sessions, including expired ones that are not swept yet, and of tombstones of renewals.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.store.len()
    }

    /// Whether there are no sessions and no tombstones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that sessions and tombstones take, as counted for the bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.store.bytes()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("sessions", &self.len()).field("bytes", &self.bytes()).finish()
    }
}

impl Storage for MemoryStorage {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        Ok(self.0.store.load(key, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.0.store.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.0.store.commit(key, commit)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        Ok(self.0.store.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.0.store.move_to(from, to, commit)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        Ok(self.0.store.tombstone(key, now))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        Ok(self.0.store.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        Ok(self.0.store.find(principal, now))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        Ok(self.0.store.find_page(principal, after, most, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        Ok(self.0.store.sweep(now))
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(self.0.store.count(now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        self.0.store.scan(after, now)
    }

    /// Nothing can be wrong with it. Whether it is [full](MemoryStorage#when-it-is-full) depends on the session.
    fn check(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        Some(self.0.store.watch.watch(key))
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.store.reporter.add(observers);
    }
}
