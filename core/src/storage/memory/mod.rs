//! Sessions in memory: the fastest storage, gone with the process.

mod builder;
mod capacity;
mod evict;
mod evictable;
mod follow;
mod history;
mod listing;
mod locks;
mod renew;
mod shard;
mod slot;
mod store;
mod sync;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

pub use builder::MemoryStorageBuilder;
use store::Store;

use super::{
    Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, Swept, Touched,
    Trace, adapters::delegate_async_storage, sweeper::Background,
};
use crate::{Record, StoreKey, Timestamp, record::Commit};

/// Sessions in sharded maps in memory. Clones share them; they end with the last clone.
///
/// - Nothing waits for more than a short lock, so it is usable on the spot from async code too.
/// - A read shares the record, it does not copy it.
/// - **Bounded**: by default 1,000,000 sessions and 1 GiB; see [below](#when-it-is-full).
/// - A thread removes expired sessions every 10 seconds, in small steps, and stops with the storage.
/// - Listing a user's sessions looks at each session once, however often anybody renews theirs.
///
/// # When it is full
///
/// A new session then pushes out others. What has expired goes first; it is looked for once a second at most. After that a
/// sample of 64 of what may be given up decides. Out of it goes what comes first in this order, and of equals the longest
/// unused (R21):
///
/// 1. what has expired;
/// 2. anonymous sessions whose client never came back: what a flood of clients without cookies leaves. Reading counts as
///    coming back, passive requests too;
/// 3. traces of renewals more than a minute ago;
/// 4. other anonymous sessions;
/// 5. other traces of anonymous sessions.
///
/// The order holds within a sample, not in the whole storage: where one kind fills nearly all of it, something of that kind
/// may go while a few of an earlier kind stay.
///
/// A session with a principal ([`set_principal`](crate::Session::set_principal)) is never pushed out. If only such sessions
/// and their young traces are left, the new one is refused with [`StorageErrorKind::Full`](super::StorageErrorKind::Full).
///
/// # Renewals
///
/// A renewal leaves a trace under the old id for an hour, so that a logout with the old id finds the session. For a minute the
/// trace is as precious as its session. A session leaves at most 16 traces in a minute, so it holds at most 32 young ones, and
/// 976 in the hour, however often its client renews it.
///
/// Further renewals in that minute work just as well, and take no more room. Each forgets the id before the last one. The ids
/// from before still lead to the session, and so does the last one. A logout with a forgotten id finds nothing, as with one
/// that never was. The 15th id of such a minute leads to the session, but can no longer tell a repeated login the new id,
/// which therefore begins a session beside it. The ending of all of a user's sessions may miss one that is renewed in this
/// way twice after it was listed.
///
/// ```
/// use gsession::{ClientInfo, Manager, MemoryStorage};
///
/// let manager = Manager::new(MemoryStorage::new());
/// let session = manager.session(None, ClientInfo::default());
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
    /// How many sessions are held, with those that have expired and are not swept yet, and with the traces of renewals.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.store.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes the sessions take, as counted for the bound.
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

    fn trace(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Trace>, StorageError> {
        Ok(self.0.store.trace(key, now))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        Ok(self.0.store.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        Ok(self.0.store.find(principal, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        Ok(self.0.store.sweep(now))
    }
}

delegate_async_storage!([] MemoryStorage, |this| this, Storage);
