//! The near cache: sessions that were read are kept in the process, and the server tells when they change (RESP3 tracking).
//!
//! A reply and the message that it is out of date come over one connection, in order. So what is cached is true as of the
//! time at which the last command was sent that the connection has answered: its *proof*. A cached session is used if the
//! proof is not older than [`NearCache::trust_for`], and not older than this process's own last write to that session.
//! Otherwise the session is read again, which is a proof too.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
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
    /// How long a thread believes what it has cached without hearing from the server: the longest time for which a session
    /// that was ended or changed by another process is still seen as it was, if the connection is cut without notice.
    /// Default: 1 second; 0 believes nothing; with
    /// [`Duration::MAX`] it is TCP keepalive that notices, within half a minute. While the connection works, changes are told at once, and every answer proves that it works.
    #[must_use]
    pub const fn trust_for(mut self, time: Duration) -> Self {
        self.trust_for = time;
        self
    }

    /// Sessions kept in each thread. Default: 10,000. With 0 none is, and every read asks the server.
    #[must_use]
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Bytes of sessions kept in each thread. Default: 32 MiB. With 0 none is, and every read asks the server.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

/// Bytes that an entry takes besides its session's data, roughly.
const OVERHEAD: usize = 256;
/// Places in the table of own writes. Keys that share one are read again a little more often.
const WRITES: usize = 4096;

/// What all threads of a near cache share: the time, and when this process has written.
#[derive(Debug)]
pub(super) struct Writes {
    start: Instant,
    at: Box<[AtomicU64]>,
}

impl Writes {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), at: (0..WRITES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Nanoseconds since the cache was made, never 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    fn place(&self, key: &StoreKey) -> &AtomicU64 {
        let bytes = key.as_bytes();
        &self.at[usize::from(u16::from_le_bytes([bytes[30], bytes[31]])) % WRITES]
    }

    /// This process has written to the session, or may have.
    pub(super) fn note(&self, key: &StoreKey) {
        self.place(key).fetch_max(self.now(), Ordering::SeqCst);
    }

    fn last(&self, key: &StoreKey) -> u64 {
        self.place(key).load(Ordering::SeqCst)
    }
}

/// What is cached of one connection.
#[derive(Debug)]
pub(super) struct Cache {
    settings: NearCache,
    /// When the last command was sent that was answered.
    proof: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Bounded in [`Inner::put`]: a bound of its own would take its memory at once, however much that is.
    entries: LruCache<Box<[u8]>, Entry>,
    bytes: usize,
    reservations: u64,
}

#[derive(Debug)]
enum Entry {
    /// Being read. A change that is told before the answer is stored removes the reservation, and the answer with it.
    Reserved(u64),
    /// What was read; the names if it is not all.
    Known(Snapshot, Option<BTreeSet<Box<str>>>),
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Reserved(_) => OVERHEAD,
            Self::Known(snapshot, _) => OVERHEAD + snapshot.record.entries.heap_bytes(),
        }
    }
}

impl Cache {
    pub(super) fn new(settings: NearCache) -> Self {
        Self { settings, proof: AtomicU64::new(0), inner: Mutex::new(Inner::default()) }
    }

    /// A command sent at this time was answered.
    pub(super) fn prove(&self, sent_at: u64) {
        self.proof.fetch_max(sent_at, Ordering::SeqCst);
    }

    /// Whether what is cached of this session can be believed now.
    fn is_trusted(&self, key: &StoreKey, writes: &Writes) -> bool {
        let proof = self.proof.load(Ordering::SeqCst);
        let trust = u64::try_from(self.settings.trust_for.as_nanos()).unwrap_or(u64::MAX);
        proof > writes.last(key) && proof.saturating_add(trust) > writes.now()
    }

    /// The session under `name`, if it is known with at least the entries `names` (`None`: with all).
    pub(super) fn get(&self, name: &[u8], key: &StoreKey, names: Option<&[&str]>, writes: &Writes) -> Option<Snapshot> {
        if !self.is_trusted(key, writes) {
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

    /// Announces that the session under `name` is being read.
    pub(super) fn reserve(&self, name: &[u8]) -> u64 {
        let mut inner = self.inner.lock();
        inner.reservations += 1;
        let number = inner.reservations;
        inner.put(name, Entry::Reserved(number), &self.settings);
        number
    }

    /// Keeps what was read under a reservation, if nothing has been told meanwhile.
    pub(super) fn fill(&self, name: &[u8], number: u64, snapshot: &Snapshot, names: Option<&[&str]>) {
        let mut inner = self.inner.lock();
        if !matches!(inner.entries.peek(name), Some(Entry::Reserved(held)) if *held == number) {
            return;
        }
        let names = names.filter(|_| !snapshot.complete).map(|names| names.iter().map(|&name| name.into()).collect());
        inner.put(name, Entry::Known(snapshot.clone(), names), &self.settings);
    }

    /// Forgets a session, because it has changed.
    pub(super) fn invalidate(&self, name: &[u8]) {
        let mut inner = self.inner.lock();
        if let Some(entry) = inner.entries.pop(name) {
            inner.bytes -= entry.bytes();
        }
    }

    /// Forgets everything.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entries, Record, Timestamp};

    fn key() -> StoreKey {
        StoreKey::from_bytes([7; 32])
    }

    fn snapshot(json: &str) -> Snapshot {
        let mut record = Record::new(Timestamp::from_millis(1), Duration::from_secs(60), None);
        record.entries = Entries::pack([("a", json)]).unwrap();
        Snapshot::complete(record)
    }

    fn cached(cache: &Cache, writes: &Writes, names: Option<&[&str]>) -> bool {
        cache.get(b"k", &key(), names, writes).is_some()
    }

    fn filled(settings: NearCache) -> (Cache, Writes) {
        let (cache, writes) = (Cache::new(settings), Writes::new());
        let number = cache.reserve(b"k");
        cache.fill(b"k", number, &snapshot("1"), None);
        (cache, writes)
    }

    #[test]
    fn nothing_is_believed_before_an_answer_nor_long_after_one() {
        let (cache, writes) = filled(NearCache::default());
        assert!(!cached(&cache, &writes, None));
        cache.prove(writes.now());
        assert!(cached(&cache, &writes, None));
        let (cache, writes) = filled(NearCache::default().trust_for(Duration::ZERO));
        cache.prove(writes.now());
        assert!(!cached(&cache, &writes, None));
    }

    #[test]
    fn after_an_own_write_an_answer_to_a_later_command_is_needed() {
        let (cache, writes) = filled(NearCache::default());
        let before = writes.now();
        cache.prove(before);
        writes.note(&key());
        assert!(!cached(&cache, &writes, None));
        cache.prove(before);
        assert!(!cached(&cache, &writes, None), "the proof is older than the write");
        cache.prove(writes.now());
        assert!(cached(&cache, &writes, None));
    }

    #[test]
    fn an_answer_that_is_out_of_date_on_arrival_is_not_kept() {
        let (cache, writes) = filled(NearCache::default());
        cache.prove(writes.now());
        let number = cache.reserve(b"k");
        cache.invalidate(b"k");
        cache.fill(b"k", number, &snapshot("old"), None);
        assert!(!cached(&cache, &writes, None));
        // Nor if somebody else has begun to read it since.
        let (first, second) = (cache.reserve(b"k"), cache.reserve(b"k"));
        cache.fill(b"k", first, &snapshot("old"), None);
        assert!(!cached(&cache, &writes, None));
        cache.fill(b"k", second, &snapshot("new"), None);
        assert!(cached(&cache, &writes, None));
    }

    #[test]
    fn a_partial_session_answers_only_for_its_names() {
        let (cache, writes) = (Cache::new(NearCache::default()), Writes::new());
        cache.prove(writes.now());
        let number = cache.reserve(b"k");
        let partial = Snapshot { complete: false, ..snapshot("1") };
        cache.fill(b"k", number, &partial, Some(&["a", "b"]));
        assert!(cached(&cache, &writes, Some(&["b"])));
        assert!(!cached(&cache, &writes, Some(&["a", "c"])));
        assert!(!cached(&cache, &writes, None));
    }

    #[test]
    fn bytes_and_sessions_are_bounded() {
        let cache = Cache::new(NearCache::default().max_bytes(10 * OVERHEAD).max_sessions(5));
        for number in 0..100_u8 {
            let reservation = cache.reserve(&[number]);
            cache.fill(&[number], reservation, &snapshot("\"some text\""), None);
            let inner = cache.inner.lock();
            assert!(inner.entries.len() <= 5 && inner.bytes <= 10 * OVERHEAD);
            assert_eq!(inner.bytes, inner.entries.iter().map(|(_, entry)| entry.bytes()).sum::<usize>());
        }
        cache.clear();
        assert_eq!(cache.inner.lock().bytes, 0);
    }

    #[test]
    fn a_cache_without_room_keeps_nothing() {
        for settings in [NearCache::default().max_sessions(0), NearCache::default().max_bytes(0)] {
            let (cache, writes) = filled(settings);
            cache.prove(writes.now());
            assert!(!cached(&cache, &writes, None));
            assert_eq!(cache.inner.lock().entries.len(), 0);
        }
        let (cache, writes) = filled(NearCache::default().max_sessions(usize::MAX).max_bytes(usize::MAX));
        cache.prove(writes.now());
        assert!(cached(&cache, &writes, None));
    }
}
