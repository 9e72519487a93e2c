//! Sessions in memory: the fastest storage, gone with the process.

mod builder;
mod evict;
mod evictable;
mod history;
mod listing;
mod room;
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
/// A new session then pushes out others, in this order, of each kind the longest unused of a sample first (R21):
///
/// 1. what has expired;
/// 2. traces of one renewal too many (see below);
/// 3. anonymous sessions whose client never came back: what a flood of clients without cookies leaves. Reading counts as
///    coming back, passive requests too;
/// 4. traces of renewals more than a minute ago;
/// 5. other anonymous sessions;
/// 6. other traces of anonymous sessions.
///
/// A session with a principal ([`set_principal`](crate::Session::set_principal)) is never pushed out. If only such sessions
/// and their young traces are left, the new one is refused with [`StorageErrorKind::Full`](super::StorageErrorKind::Full).
///
/// A renewal leaves a trace under the old id for an hour, so that a logout with the old id finds the session. The traces of
/// the first 16 renewals in a minute are as precious as their session for a minute. So one session holds at most 32 places
/// that others cannot have, however often its client renews it. Further renewals in that minute work just as well, but
/// their traces go early when the storage is full. A logout with an id from before such a renewal may then miss the
/// session, and so may the ending of all of a user's sessions while the session is renewed. With the current id, or when no
/// renewal is under way, both find it.
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
    /// A storage with the default bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A storage with other bounds.
    #[must_use]
    pub fn builder() -> MemoryStorageBuilder {
        MemoryStorageBuilder::default()
    }

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

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
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
