//! What a storage reports by itself.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;

use super::{
    DecryptionFailed, DecryptionFailure, EndReason, NearCacheRead, Observer, SessionEnded, StorageSwept, TARGET,
    observers::{guarded, log_end, log_sweep},
};
use crate::{StoreKey, storage::Swept};

/// Through which a storage reports what it does by itself: sessions that it removes because they have expired or it is full, sweeps in
/// the background, its near cache, what it cannot decrypt.
///
/// Only authors of storages need it. Keep one in the storage, pass on what
/// [`Storage::report_to`](crate::Storage::report_to) gets, and report without holding a lock. The observers of all managers of the
/// storage are told, each once, for as long as the managers exist.
///
/// ```
/// use std::sync::Arc;
/// use gsession::{StoreKey, observe::{EndReason, Observer, Reporter}};
///
/// #[derive(Default)]
/// struct MyStorage {
///     reporter: Reporter,
///     // …
/// }
///
/// impl MyStorage {
///     // As in `Storage`:
///     fn report_to(&self, observers: &[Arc<dyn Observer>]) {
///         self.reporter.add(observers);
///     }
///
///     fn make_room(&self) {
///         # let key = StoreKey::from_bytes([7; 32]);
///         self.reporter.ended(key, EndReason::Evicted);
///     }
/// }
/// # MyStorage::default().make_room();
/// ```
#[derive(Default)]
pub struct Reporter {
    is_observed: AtomicBool,
    /// Not kept alive by a storage, which may outlive the managers.
    observers: RwLock<Vec<Weak<dyn Observer>>>,
}

impl Reporter {
    /// Also tells these observers, unless they are told already.
    pub fn add(&self, observers: &[Arc<dyn Observer>]) {
        let mut told = self.observers.write();
        told.retain(|observer| observer.strong_count() > 0);
        for observer in observers {
            let observer = Arc::downgrade(observer);
            if !told.iter().any(|told| std::ptr::addr_eq(told.as_ptr(), observer.as_ptr())) {
                told.push(observer);
            }
        }
        self.is_observed.store(!told.is_empty(), Ordering::Release);
    }

    /// Whether anybody is told that a session has ended, so that a storage can save itself the trouble to find out.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.is_observed.load(Ordering::Acquire) || tracing::event_enabled!(target: TARGET, tracing::Level::DEBUG)
    }

    /// A session has ended.
    pub fn ended(&self, key: StoreKey, reason: EndReason) {
        log_end(key, reason);
        self.tell(|observer| observer.session_ended(&SessionEnded { key, reason }));
    }

    /// A sweep in the background is done. One that was asked for is reported by the manager.
    pub fn swept(&self, swept: Swept) {
        log_sweep(swept);
        self.tell(|observer| observer.storage_swept(&StorageSwept { swept, is_counted: true }));
    }

    /// The same of a sweep that looked only at what had ended.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn swept_uncounted(&self, removed: u64) {
        let swept = Swept { removed, ..Swept::default() };
        log_sweep(swept);
        self.tell(|observer| observer.storage_swept(&StorageSwept { swept, is_counted: false }));
    }

    /// A session was read, and the near cache had it or not.
    pub fn near_cache_read(&self, key: StoreKey, is_hit: bool) {
        tracing::trace!(target: TARGET, ?key, is_hit, "the near cache was read");
        self.tell(|observer| observer.near_cache_read(&NearCacheRead { key, is_hit }));
    }

    /// A sealed session could not be opened.
    pub fn decryption_failed(&self, key: StoreKey, failure: DecryptionFailure) {
        tracing::debug!(target: TARGET, ?key, failure = failure.as_str(), "a sealed session could not be opened");
        self.tell(|observer| observer.decryption_failed(&DecryptionFailed { key, failure }));
    }

    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        if !self.is_observed.load(Ordering::Acquire) {
            return;
        }
        // Copied, so that the observers are called without the lock.
        let observers: Vec<_> = self.observers.read().iter().filter_map(Weak::upgrade).collect();
        observers.iter().for_each(|observer| guarded(|| tell(&**observer)));
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("observers", &self.observers.read().len()).finish()
    }
}
