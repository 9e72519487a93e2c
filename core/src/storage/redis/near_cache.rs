//! The near cache: the process keeps sessions it has read, and the server reports when they change (RESP3 tracking).
//!
//! A reply and the message that invalidates it arrive over one connection, in order. So the cache was correct when the last
//! answered command was sent: that time is the connection's *proof*. A cached session is used if the proof is not older than
//! [`NearCache::trust_for`], and not older than this process's own last write to the session. If it is older, the session is read
//! again, which gives a new proof.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use parking_lot::Mutex;

use crate::{StoreKey, record::Snapshot};

/// Settings of the near cache of a Redis storage: see
/// [`RedisBuilder::near_cache`](super::RedisBuilder::near_cache).
///
/// ```
/// use std::time::Duration;
/// use gsession::storage::redis::NearCache;
///
/// let cache = NearCache::default().trust_for(Duration::from_millis(500)).max_sessions(50_000);
/// # let _ = cache;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NearCache {
    pub(super) trust_for: Duration,
    pub(super) max_sessions: usize,
    pub(super) max_bytes: usize,
}

impl Default for NearCache {
    fn default() -> Self {
        Self { trust_for: Duration::from_secs(1), max_sessions: 10_000, max_bytes: 32 * 1024 * 1024 }
    }
}

impl NearCache {
    /// How long a thread trusts its cache without an answer from the server. If the connection is cut without notice, a session
    /// that another process has ended or changed may be seen as it was for this long. While the connection works, changes are
    /// reported at once, and every answer proves that it works. Default: 1 second. With 0 the cache is never used; with
    /// [`Duration::MAX`] TCP keepalive notices the cut, within half a minute.
    #[must_use]
    pub const fn trust_for(mut self, time: Duration) -> Self {
        self.trust_for = time;
        self
    }

    /// Sessions kept in each thread. Default: 10,000. With 0, every read asks the server.
    #[must_use]
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Bytes of sessions kept in each thread. Default: 32 MiB. With 0, every read asks the server.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

/// Approximate size of an entry without its session's data.
const OVERHEAD: usize = 256;
/// Slots in the table of own writes. Keys that share a slot are read again slightly more often.
const WRITES: usize = 4096;

/// When this process has written to which session: shared by the near caches of all threads.
#[derive(Debug)]
pub(crate) struct OwnWrites {
    start: Instant,
    at: Box<[AtomicU64]>,
}

impl OwnWrites {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), at: (0..WRITES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Nanoseconds since this was created, never 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    fn slot(&self, key: &StoreKey) -> &AtomicU64 {
        let bytes = key.as_bytes();
        &self.at[usize::from(u16::from_le_bytes([bytes[30], bytes[31]])) % WRITES]
    }

    /// Records that this process has written to the session, or may have.
    pub(super) fn note(&self, key: &StoreKey) {
        self.slot(key).fetch_max(self.now(), Ordering::SeqCst);
    }

    fn last(&self, key: &StoreKey) -> u64 {
        self.slot(key).load(Ordering::SeqCst)
    }
}

/// The cache of one connection.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: NearCache,
    own_writes: Arc<OwnWrites>,
    /// When the last answered command was sent.
    proof: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Bounded in [`Inner::put`]: a bounded `LruCache` would allocate all its memory at once.
    entries: LruCache<Box<[u8]>, Entry>,
    bytes: usize,
    reservations: u64,
}

#[derive(Debug)]
enum Entry {
    /// Being read. An invalidation before the answer is stored removes the reservation, and the answer is not kept.
    Reserved(u64),
    /// The session; and if not all its entries were read, their names.
    Known(Snapshot, Option<BTreeSet<Box<str>>>),
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Reserved(_) => OVERHEAD,
            Self::Known(snapshot, _) => {
                let Snapshot { record, stored, .. } = snapshot;
                OVERHEAD
                    + record.entries.heap_bytes()
                    + stored.as_ref().map_or(0, |stored| stored.beginning().len())
                    + record.principal.as_ref().map_or(0, |principal| principal.len())
            }
        }
    }
}

impl Cache {
    pub(super) fn new(settings: NearCache, own_writes: Arc<OwnWrites>) -> Self {
        Self { settings, own_writes, proof: AtomicU64::new(0), inner: Mutex::new(Inner::default()) }
    }

    /// The time, as [`Cache::prove`] takes it.
    pub(super) fn time(&self) -> u64 {
        self.own_writes.now()
    }

    /// Records that a command sent at this time was answered.
    pub(super) fn prove(&self, sent_at: u64) {
        self.proof.fetch_max(sent_at, Ordering::SeqCst);
    }

    /// Whether the cache can be trusted about this session now.
    fn is_trusted(&self, key: &StoreKey) -> bool {
        let proof = self.proof.load(Ordering::SeqCst);
        let trust = u64::try_from(self.settings.trust_for.as_nanos()).unwrap_or(u64::MAX);
        proof > self.own_writes.last(key) && proof.saturating_add(trust) > self.time()
    }

    /// The session under `name`, if it is known with at least the entries `names` (`None`: with all).
    pub(super) fn get(&self, name: &[u8], key: &StoreKey, names: Option<&[&str]>) -> Option<Snapshot> {
        if !self.is_trusted(key) {
            return None;
        }
        let mut inner = self.inner.lock();
        match inner.entries.get(name)? {
            Entry::Known(snapshot, None) => Some(snapshot.clone()),
            Entry::Known(snapshot, Some(known)) => {
                names.is_some_and(|names| names.iter().all(|&name| known.contains(name))).then(|| snapshot.clone())
            }
            Entry::Reserved(_) => None,
        }
    }

    /// Announces a read of the session under `name`.
    pub(super) fn reserve(&self, name: &[u8]) -> u64 {
        let mut inner = self.inner.lock();
        inner.reservations += 1;
        let number = inner.reservations;
        inner.put(name, Entry::Reserved(number), &self.settings);
        number
    }

    /// Keeps what was read under a reservation, unless the session was invalidated since.
    pub(super) fn fill(&self, name: &[u8], number: u64, snapshot: &Snapshot, names: Option<&[&str]>) {
        let mut inner = self.inner.lock();
        if !matches!(inner.entries.peek(name), Some(Entry::Reserved(held)) if *held == number) {
            return;
        }
        let names = names.filter(|_| !snapshot.complete).map(|names| names.iter().map(|&name| name.into()).collect());
        inner.put(name, Entry::Known(snapshot.clone(), names), &self.settings);
    }

    /// Removes a session, because it has changed.
    pub(super) fn invalidate(&self, name: &[u8]) {
        let mut inner = self.inner.lock();
        if let Some(entry) = inner.entries.pop(name) {
            inner.bytes -= entry.bytes();
        }
    }

    /// Removes everything.
    pub(super) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.entries.clear();
        inner.bytes = 0;
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, reservations: 0 }
    }
}

impl Inner {
    fn put(&mut self, name: &[u8], entry: Entry, settings: &NearCache) {
        self.bytes += entry.bytes();
        if let Some(replaced) = self.entries.put(name.into(), entry) {
            self.bytes -= replaced.bytes();
        }
        while self.bytes > settings.max_bytes || self.entries.len() > settings.max_sessions {
            let Some((_, oldest)) = self.entries.pop_lru() else { return };
            self.bytes -= oldest.bytes();
        }
    }
}

/// Records that this process has written to a session when the write has ended, or its future was dropped.
pub(super) struct Writing<'a>(Option<&'a OwnWrites>, &'a StoreKey);

impl<'a> Writing<'a> {
    pub(super) const fn new(own_writes: Option<&'a OwnWrites>, key: &'a StoreKey) -> Self {
        Self(own_writes, key)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(own_writes) = self.0 {
            own_writes.note(self.1);
        }
    }
}

#[cfg(test)]
mod tests;
