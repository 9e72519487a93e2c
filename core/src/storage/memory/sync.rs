//! The locks and atomics of the storage; loom's where its model checker tries every interleaving of them (`tests/loom`).

#[cfg(not(gsession_loom))]
pub(super) use parking_lot::{RwLock, RwLockWriteGuard};
#[cfg(not(gsession_loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

#[cfg(gsession_loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
#[cfg(gsession_loom)]
pub(super) use modelled::{RwLock, RwLockWriteGuard};

/// loom's lock with the face of parking_lot's, which knows no poisoning.
#[cfg(gsession_loom)]
mod modelled {
    pub(in super::super) use loom::sync::RwLockWriteGuard;

    pub(in super::super) struct RwLock<T>(loom::sync::RwLock<T>);

    impl<T: Default> Default for RwLock<T> {
        fn default() -> Self {
            Self(loom::sync::RwLock::new(T::default()))
        }
    }

    #[allow(clippy::unwrap_used, reason = "a model in which a thread panicked has failed already")]
    impl<T> RwLock<T> {
        pub(in super::super) fn read(&self) -> loom::sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap()
        }

        pub(in super::super) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap()
        }
    }
}
