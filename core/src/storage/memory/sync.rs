//! The locks and atomics of the storage, and into how many shards it is split. `tests/loom` compiles the storage with a file of
//! its own in this one's place, to try every interleaving.

pub(super) use parking_lot::{RwLock, RwLockWriteGuard};
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Many more than there are cores, and few enough to walk over.
pub(super) const SHARDS: usize = 256;
