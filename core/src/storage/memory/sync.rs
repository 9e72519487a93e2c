//! The locks and atomics of the storage, into how many shards it is split, and how many traces a session leaves.
//! `tests/loom` compiles the storage with a file of its own in this one's place, to try every interleaving.

pub(super) use parking_lot::{RwLock, RwLockWriteGuard};
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Many more than there are cores, and few enough to walk over.
pub(super) const SHARDS: usize = 256;

/// Traces that a session leaves at most in a minute. A login renews once or twice; who renews more often than this must not
/// fill the storage. At least 2.
pub(super) const TRACES: u32 = 16;
