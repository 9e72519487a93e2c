//! Replaces the memory storage's own `sync.rs`: loom's locks and atomics, and the fewest shards and tombstones that can reveal a bug.

pub(crate) use loom::sync::{
    RwLockWriteGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// Enough for a move between two. With more shards, it would only take more locks in the same order.
pub(crate) const SHARDS: usize = 2;

/// One part, because which one a principal is in is random.
pub(crate) const PARTS: usize = 1;

/// The fewest with an anchor and a last tombstone: the third renewal is one too many.
pub(crate) const TOMBSTONES: u32 = 2;

/// loom's lock with the interface of parking_lot's, which has no poisoning.
pub(crate) struct RwLock<T>(loom::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> loom::sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap()
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap()
    }
}

/// The same of loom's other lock.
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self(loom::sync::Mutex::new(T::default()))
    }
}

impl<T> Mutex<T> {
    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}
