//! The locks and atomics of the storage, its number of shards, and the number of tombstones that a session may leave.
//! `tests/loom` compiles the storage with another file in place of this one, to try every interleaving.

pub(super) use parking_lot::{Mutex, RwLock, RwLockWriteGuard};
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Many more than there are cores, but few enough to scan.
pub(super) const SHARDS: usize = 256;

/// The parts of the index of principals.
pub(super) const PARTS: usize = 64;

/// The most tombstones that a session leaves in a minute, at least 2. A login renews once or twice; a client that renews far more
/// often must not fill the storage.
pub(super) const TOMBSTONES: u32 = 16;
